"""
The runner: every benchmark but pytest's, as one program.

    python -m benchmarks.quality                       all, about 7 minutes
    python -m benchmarks.quality --only cards,latency  parts of it
    python -m benchmarks.quality --quick               small sizes, to try it
    python -m benchmarks.quality --full                hundreds of hours of talk-off
    python -m benchmarks.quality --json benchmarks/results.json

Tables go to the standard output, what is missing to the standard error. An existing
JSON file keeps the parts that were not run.
"""

import argparse
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from benchmarks import (
    cards,
    conditions,
    engines,
    labelled,
    latency,
    masks,
    options,
    peers,
    results,
    speed,
    tables,
    talkoff,
    voices,
    workers,
)
from benchmarks.conditions import CONDITIONS
from benchmarks.results import About, ConditionRow, LatencyRow, Results, SpeedRow
from benchmarks.scoring import Score, score


REPORT_SEED, TUNE_SEED = 2, 1
"""Even seeds report, odd ones tune."""

CARD_CALLS = {"quick": 20, "usual": 400, "full": 4000}
TRIALS = {"quick": 1, "usual": 15, "full": 100}
"""Trials of 40 digits a condition."""


@dataclass(frozen=True)
class Settings:
    """
    What was asked for on the command line.
    """

    size: str
    seed: int
    profiles: tuple[str, ...]

    @property
    def engines(self) -> tuple[str, ...]:
        """
        Name everything that is measured.
        """
        return (*self.profiles, *engines.installed_peers())

    @property
    def tuning(self) -> bool:
        """
        Tell whether the figures are for tuning only.
        """
        return self.seed % 2 == 1


# --- parts ----------------------------------------------------------------------


def run_cards(settings: Settings, found: Results) -> None:
    n_calls = CARD_CALLS[settings.size]
    jobs = cards.jobs(n_calls, settings.seed, settings.engines)
    found.cards = cards.merge(workers.run("cards", cards.work, jobs))


@dataclass(frozen=True)
class ConditionJob:
    """
    One condition through some engines.
    """

    condition: str
    seed: int
    trials: int
    engines: tuple[str, ...]


def measure_condition(job: ConditionJob) -> list[ConditionRow]:
    """
    Make a condition's trials once, and give them to each engine.
    """
    condition = CONDITIONS[job.condition]
    drawn = conditions.draw(job.condition, job.trials, job.seed)
    rows = []
    for engine in job.engines:
        points, n_heard = Score(), 0
        heard = [engines.hear_trial(engine, trial) for trial in drawn]
        for trial, digits in zip(drawn, heard, strict=True):
            if digits is not None:
                points += score(trial.keys, digits)
                n_heard += len(digits)
        if None not in heard:
            rows.append(
                ConditionRow(
                    condition=condition.id,
                    group=condition.group,
                    must=condition.must.value,
                    engine=engine,
                    score=points,
                    heard=n_heard,
                )
            )
    return rows


def run_conditions(settings: Settings, found: Results) -> None:
    trials = TRIALS[settings.size]
    jobs = [
        ConditionJob(name, settings.seed, trials, settings.engines)
        for name, condition in CONDITIONS.items()
        if not conditions.missing(condition)
    ]
    parts = workers.run("conditions", measure_condition, jobs)
    found.conditions = [row for part in parts for row in part]


def run_limits(settings: Settings, found: Results) -> None:
    jobs = [
        (name, engine, settings.seed)
        for name in masks.MASKS
        for engine in settings.engines
    ]
    found.masks = workers.run("limits", masks.measure, jobs)


def run_labelled(settings: Settings, found: Results) -> None:
    if labelled.missing():
        found.labelled = []
        return
    jobs = [(engine, not settings.tuning) for engine in settings.engines]
    found.labelled = workers.run("labelled", labelled.measure, jobs)


def run_talkoff(settings: Settings, found: Results) -> None:
    jobs = talkoff.jobs(settings.size, settings.seed, settings.engines)
    found.talkoff = talkoff.merge(workers.run("talk-off", talkoff.work, jobs))


def run_latency(settings: Settings, found: Results) -> None:
    def work(engine: str) -> list[LatencyRow]:
        return latency.measure(engine, settings.size, settings.seed)

    parts = workers.run("latency", work, settings.engines, workers=1)
    found.latency = [row for part in parts for row in part]


def run_speed(_: Settings, found: Results) -> None:
    def work(job: tuple[int, str]) -> list[SpeedRow]:
        return speed.measure_ticks(*job) if job[0] else speed.measure_hour()

    jobs = [(0, "")]
    jobs += [(legs, speed.MIXED) for legs in speed.TICKS]
    jobs += [(legs, speed.KEYING) for legs in speed.KEYING_LEGS]
    # Alone: beside another process it would measure that one as well.
    parts = workers.run("speed", work, jobs, workers=1)
    found.speed = [row for part in parts for row in part]


PARTS: dict[str, Callable[[Settings, Results], None]] = {
    "cards": run_cards,
    "quality": run_conditions,
    "limits": run_limits,
    "labelled": run_labelled,
    "talk-off": run_talkoff,
    "latency": run_latency,
    "speed": run_speed,
}
"""In the order in which they run; the last two have the machine to themselves."""


# --- the program ----------------------------------------------------------------


def missing() -> list[str]:
    """
    Say all that is not here and leaves something out, a line each.
    """
    lines = [conditions.missing(condition) for condition in CONDITIONS.values()]
    lines += [*peers.missing(), *talkoff.missing(), *speed.missing()]
    lines += [cards.missing(), labelled.missing()]
    return sorted({line for line in lines if line})


def _about(settings: Settings) -> About:
    return About(
        size=settings.size,
        seed=settings.seed,
        python=platform.python_version(),
        numpy=np.__version__,
        cores=os.cpu_count() or 1,
        peers=list(engines.installed_peers()),
        missing=missing(),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality",
        description="Measure the engine and its peers on the same audio.",
    )
    options.add_common(
        parser,
        full="big sizes, an hour",
        quick="small sizes, a minute",
        json="write results here",
        tune="odd seeds and even-numbered recordings: to tune on, never reported",
    )
    parser.add_argument(
        "--only", metavar="PARTS", help=f"comma-separated, of: {', '.join(PARTS)}"
    )
    parser.add_argument(
        "--profile",
        action="append",
        choices=engines.PROFILES,
        help="measure only this profile beside the peers (may be repeated)",
    )
    return options.parse(parser, PARTS)


def main() -> None:
    """
    Run what the command line asks for.
    """
    arguments = _arguments()
    settings = Settings(
        size=options.size_of(arguments),
        seed=TUNE_SEED if arguments.tune else REPORT_SEED,
        profiles=tuple(arguments.profile or engines.PROFILES),
    )
    found = Results(about=_about(settings))
    if arguments.json and arguments.json.exists():
        found = results.read(arguments.json)
        found.about = _about(settings)
    for line in found.about.missing:
        workers.note(f"note: {line}")
    # Read once, here: the workers are forked and share it.
    voices.prompts(), voices.music(), voices.spoken()
    for name in arguments.only.split(",") if arguments.only else PARTS:
        before = perf_counter()
        PARTS[name](settings, found)
        found.seconds[name] = round(perf_counter() - before, 1)
        print(tables.part(name, found), flush=True)
        workers.note(f"{name}: {found.seconds[name]:.0f} s")
        if arguments.json:
            results.write(found, arguments.json)


if __name__ == "__main__":
    main()
