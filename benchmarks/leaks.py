"""
Leaks: what an attacker can read from the agent leg, and what masking costs.

    python -m benchmarks.leaks                            all, about a minute
    python -m benchmarks.leaks --only nominal,fragments   groups of lines
    python -m benchmarks.leaks --policy armed --no-rivals one policy alone
    python -m benchmarks.leaks --quick                    to try it
    python -m benchmarks.leaks --tune                     odd seeds, to tune on
    python -m benchmarks.leaks --json benchmarks/results.json

Calls of `leak_lines.py` go through every policy of ours and through the rules of other
systems, and are attacked (`attack.py`). Blind guesses are right in one of sixteen.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from benchmarks import (
    attack,
    leak_lines,
    leak_tables,
    options,
    results,
    rivals,
    telltale,
    voices,
    workers,
)
from benchmarks.attack import POLICIES, UNMASKED, Outcome
from benchmarks.channels import RATE
from benchmarks.leak_lines import LINES, PRESSES_PER_CALL
from benchmarks.results import LeakRow
from dtmf_engine.bank import DELAY_SAMPLES
from dtmf_engine.units import ms_from_samples


REPORT_SEED, TUNE_SEED = 2, 1
"""Even seeds report, odd ones tune."""

PRESSES = {
    "nominal": {"quick": 160, "usual": 800, "full": 16000},
    "hard": {"quick": 40, "usual": 80, "full": 3200},
    "fragments": {"quick": 40, "usual": 40, "full": 3200},
    "mask": {"quick": 40, "usual": 80, "full": 3200},
    "alike": {"quick": 160, "usual": 960, "full": 6400},
}
"""Presses a line, by its group."""

RIVAL_PRESSES = {
    "nominal": {"quick": 20, "usual": 160, "full": 1600},
    "hard": {"quick": 10, "usual": 20, "full": 800},
    "fragments": {"quick": 10, "usual": 20, "full": 800},
    "mask": {"quick": 20, "usual": 40, "full": 800},
    "alike": {"quick": 0, "usual": 0, "full": 0},
}
"""At most so many of them are given to the rivals."""

JOB_CALLS = 8
"""Legs of one bank."""

Outcomes = dict[str, list[Outcome]]


# --- jobs -----------------------------------------------------------------------


@dataclass(frozen=True)
class LeakJob:
    """
    Some calls of one line, through all that are to be measured on it.
    """

    line: str
    seed: int
    first: int
    n_calls: int
    policies: tuple[str, ...]
    rivals: tuple[str, ...]
    n_rival_calls: int
    """The first so many of them are given to the rivals, too."""


def jobs(
    size: str,
    seed: int,
    lines: Sequence[str],
    policies: Sequence[str],
    others: Sequence[str],
) -> list[LeakJob]:
    """
    Cut the work into jobs.
    """
    cut = []
    for name in lines:
        group = LINES[name].group
        n_calls = PRESSES[group][size] // PRESSES_PER_CALL
        n_early = RIVAL_PRESSES[group][size] // PRESSES_PER_CALL
        cut += [
            LeakJob(
                line=name,
                seed=seed,
                first=first,
                n_calls=min(JOB_CALLS, n_calls - first),
                policies=tuple(policies),
                rivals=tuple(others),
                n_rival_calls=max(0, n_early - first),
            )
            for first in range(0, n_calls, JOB_CALLS)
        ]
    return cut


def work(job: LeakJob) -> Outcomes:
    """
    Do one job.
    """
    line = LINES[job.line]
    numbers = range(job.first, job.first + job.n_calls)
    calls = [leak_lines.draw(line, job.seed, number) for number in numbers]
    found: Outcomes = {}
    for engine in job.policies:
        heard = attack.through_bank(engine, calls)
        found[engine] = [
            outcome
            for call, what in zip(calls, heard, strict=True)
            for outcome in attack.judge(
                call, what, job.seed, guessing=line.id != telltale.LINE
            )
        ]
    for call in calls[: job.n_rival_calls]:
        for engine, what in attack.through_rivals(job.rivals, call).items():
            found.setdefault(engine, []).extend(attack.judge(call, what, job.seed))
    return found


def row(line: str, engine: str, outcomes: Sequence[Outcome]) -> LeakRow:
    """
    Sum up the presses of one line through one engine.
    """
    masked = np.array([outcome.masked_samples for outcome in outcomes]) * 1000 / RATE
    over = np.array([outcome.mask_samples for outcome in outcomes]) * 1000 / RATE
    leaked = np.array([outcome.leaked_samples for outcome in outcomes])
    delay_ms = ms_from_samples(DELAY_SAMPLES) if engine in POLICIES else 0.0
    if engine in rivals.RIVALS:
        delay_ms = rivals.RIVALS[engine].delay_ms
    return LeakRow(
        line=line,
        group=LINES[line].group,
        engine=engine,
        presses=len(outcomes),
        right=sum(outcome.is_right for outcome in outcomes),
        sure=sum(outcome.is_sure for outcome in outcomes),
        masked_mean_ms=round(float(masked.mean()), 2),
        masked_p95_ms=round(float(np.quantile(masked, 0.95)), 2),
        masked_max_ms=round(float(masked.max()), 2),
        mask_median_ms=round(float(np.median(over)), 2),
        mask_p95_ms=round(float(np.quantile(over, 0.95)), 2),
        mask_max_ms=round(float(over.max()), 2),
        leaked_mean_samples=round(float(leaked.mean()), 2),
        leaking=int(np.count_nonzero(leaked)),
        delay_ms=delay_ms,
    )


def gather(
    done: Sequence[LeakJob], parts: Sequence[Outcomes]
) -> dict[tuple[str, str], list[Outcome]]:
    """
    Put together what the jobs found, by line and engine.
    """
    gathered: dict[tuple[str, str], list[Outcome]] = {}
    for job, part in zip(done, parts, strict=True):
        for engine, outcomes in part.items():
            gathered.setdefault((job.line, engine), []).extend(outcomes)
    return gathered


# --- the program ----------------------------------------------------------------


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.leaks",
        description="Attack the agent leg, ours and others'.",
    )
    options.add_common(
        parser,
        full="big sizes, half an hour",
        quick="small sizes, to try it",
        json="add to these results",
        tune="odd seeds: to tune on, never reported",
    )
    parser.add_argument(
        "--only",
        metavar="GROUPS",
        default=",".join(leak_lines.GROUPS),
        help="comma-separated, of: %(default)s",
    )
    parser.add_argument("--line", metavar="TEXT", help="only lines with this in the id")
    parser.add_argument(
        "--policy",
        action="append",
        choices=tuple(POLICIES),
        help="measure only this one of ours (may be repeated)",
    )
    parser.add_argument(
        "--no-rivals", action="store_true", help="leave out the rules of others"
    )
    return options.parse(parser, leak_lines.GROUPS)


def main() -> None:
    """
    Run what the command line asks for.
    """
    arguments = _arguments()
    size = options.size_of(arguments)
    chosen = [
        line
        for line in LINES.values()
        if line.group in arguments.only.split(",") and (arguments.line or "") in line.id
    ]
    for reason in sorted({leak_lines.missing(line) for line in chosen} - {""}):
        workers.note(f"note: {reason}")
    lines = [line.id for line in chosen if not leak_lines.missing(line)]
    if not rivals.installed() and not arguments.no_rivals:
        workers.note("note: libspandsp2: not installed, rivals are left out")
    others = () if arguments.no_rivals else (UNMASKED, *rivals.installed())
    voices.prompts()  # read once, here: the workers are forked and share it
    before = perf_counter()
    seed = TUNE_SEED if arguments.tune else REPORT_SEED
    todo = jobs(size, seed, lines, arguments.policy or tuple(POLICIES), others)
    gathered = gather(todo, workers.run("leaks", work, todo))
    rows = [
        row(*key, outcomes)
        for key, outcomes in gathered.items()
        if key[0] != telltale.LINE
    ]
    equal = [
        telltale.measure(engine, outcomes)
        for (line, engine), outcomes in gathered.items()
        if line == telltale.LINE and engine in POLICIES
    ]
    if rows:
        print(leak_tables.shares(rows))
        print(leak_tables.costs(rows))
    if equal:
        print(leak_tables.telltale(equal))
    seconds = perf_counter() - before
    workers.note(f"leaks: {seconds:.0f} s")
    if arguments.json:
        found = results.read(arguments.json)
        found.leaks, found.telltale = rows, equal
        found.seconds["leaks"] = round(seconds, 1)
        results.write(found, arguments.json)


if __name__ == "__main__":
    main()
