"""
Leaks: what an attacker can read from the agent leg, and what masking costs.

    python -m benchmarks.leaks                            all, about 2 minutes
    python -m benchmarks.leaks --only nominal,fragments   groups of lines
    python -m benchmarks.leaks --policy armed --no-rivals one policy alone
    python -m benchmarks.leaks --quick                    to try it
    python -m benchmarks.leaks --tune                     odd seeds, to tune on
    python -m benchmarks.leaks --json benchmarks/results.json

Calls of `leak_lines.py` go through a `LegBank` in frames of 20 ms, as octets, as in
the bridge, and through the rules of other systems (`rivals.py`). The attacker of
`dtmf-engine audit` is told when each key was down, and guesses; where it has no
idea it guesses blindly. Blind guesses are right in one of sixteen.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks import leak_lines, leak_tables, results, rivals, voices, workers
from benchmarks.channels import LOSS_FRAME, RATE, Int16
from benchmarks.leak_lines import LINES, PRESSES_PER_CALL, LeakCall
from benchmarks.results import LeakRow
from dtmf_engine.arrays import Bool, Float64
from dtmf_engine.attacker import read_press
from dtmf_engine.audit import CERTAIN_NATS
from dtmf_engine.bank import LegBank
from dtmf_engine.g711 import decode_mulaw, encode_mulaw
from dtmf_engine.keypad import DIGITS
from dtmf_engine.masker import Policy
from dtmf_engine.units import samples_from_ms


REPORT_SEED, TUNE_SEED = 2, 1
"""Even seeds report, odd ones tune."""

PRESSES = {
    "quick": {"nominal": 160, "hard": 80, "fragments": 80, "mask": 160},
    "usual": {"nominal": 1600, "hard": 320, "fragments": 320, "mask": 640},
    "full": {"nominal": 16000, "hard": 3200, "fragments": 3200, "mask": 6400},
}
"""Presses a line, by its group."""

RIVAL_PRESSES = {"quick": 80, "usual": 320, "full": 1600}
"""At most so many of them are given to the rivals."""

JOB_CALLS = 8
"""Legs of one bank."""

POLICIES = {
    "tones": ("tones", False),
    "armed": ("tones", True),
    **{name: (name, True) for name in ("strict", "marker") if name in list(Policy)},
}
"""Our own names; each names a policy, and whether a capture is armed."""

Outcomes = dict[str, list["Outcome"]]


@dataclass(frozen=True)
class Heard:
    """
    What the agent heard of a call, in line with what the caller sent.
    """

    audio: Float64
    """[shape=(n,)] in samples of 16 bits."""
    masked: Bool
    """[shape=(n,)] where it may differ from what came in, sample for sample."""


@dataclass(frozen=True)
class Outcome:
    """
    One press: what the attacker made of it, and what became of the audio around it.
    """

    key: str
    is_right: bool
    is_sure: bool
    """Right, and with odds of 10,000 to 1."""
    masked_samples: int
    leaked_samples: int
    """Of the press itself, as they came in."""
    mask_start: int
    """First masked sample around it, from where the press begins."""
    mask_end: int
    """One past the last, from where it ends."""


# --- what the agent hears -------------------------------------------------------


def through_bank(engine: str, calls: Sequence[LeakCall]) -> list[Heard]:
    """
    Send calls through one of our policies, as the bridge does.
    """
    policy, armed = POLICIES[engine]
    bank = LegBank(len(calls), policy=policy, seed=1)
    n_frames = max(len(call.audio) for call in calls) // LOSS_FRAME + 2
    n = n_frames * LOSS_FRAME
    line = np.zeros((len(calls), n), dtype=np.int16)
    lost = np.zeros((len(calls), n_frames), dtype=np.bool_)
    for leg, call in enumerate(calls):
        line[leg, : len(call.audio)] = call.audio
        lost[leg, : len(call.lost)] = call.lost
        if armed:
            bank.arm(leg)
    out = np.empty((len(calls), n), dtype=np.int16)
    masked = np.empty((len(calls), n), dtype=np.bool_)
    for frame in range(n_frames):
        now = slice(frame * LOSS_FRAME, (frame + 1) * LOSS_FRAME)
        there = np.flatnonzero(~lost[:, frame]).tolist()
        if there:
            done = bank.process(line[there, now], there)
            out[there, now], masked[there, now] = done.audio, done.masked
        for leg in np.flatnonzero(lost[:, frame]).tolist():
            done = bank.fill_in(leg, LOSS_FRAME)
            out[leg, now], masked[leg, now] = done.audio[0], done.masked[0]
    delay = bank.delay_samples
    return [
        _put_together(call.audio, out[leg, delay:], masked[leg, delay:])
        for leg, call in enumerate(calls)
    ]


def _put_together(sent: Int16, out: Int16, masked: Bool) -> Heard:
    """
    Take the octets that came in, except where they were masked.
    """
    n = len(sent)
    replaced = decode_mulaw(encode_mulaw(out[:n]))
    audio = np.where(masked[:n], replaced, sent).astype(np.float64)
    return Heard(audio, masked[:n])


def through_rivals(names: Iterable[str], call: LeakCall) -> dict[str, Heard]:
    """
    Mute a call by the rules of other systems.
    """
    said = rivals.listen(call.audio)
    heard = {}
    for name in names:
        masked = rivals.RIVALS[name].mute(said)
        audio = np.where(masked, 0, call.audio).astype(np.float64)
        heard[name] = Heard(audio, masked)
    return heard


# --- what the attacker makes of it ----------------------------------------------


def noise_power(audio: Float64) -> float:
    """
    Estimate the power of the quiet moments, a tenth of all frames, as `audit` does.
    """
    n = len(audio) // LOSS_FRAME
    frames = audio[: n * LOSS_FRAME].reshape(n, LOSS_FRAME)
    return float(np.quantile((frames * frames).mean(axis=1), 0.1))


def judge(call: LeakCall, heard: Heard, seed: int) -> list[Outcome]:
    """
    Let the attacker guess the presses of a call that count.
    """
    blind = np.random.default_rng([seed, len(call.audio)])
    power = noise_power(heard.audio)
    n = len(call.audio)
    # What is masked between two presses belongs to the nearer one.
    ends = [
        0,
        *((a + b) // 2 for a, b in zip(call.ends, call.starts[1:], strict=False)),
    ]
    outcomes = []
    for i, key in enumerate(call.keys):
        if not call.counted[i]:
            continue
        start, end = call.starts[i], call.ends[i]
        reading = read_press(heard.audio, start, end, power)
        # An attacker with no idea guesses all the same.
        guess = reading.guess or DIGITS[int(blind.integers(len(DIGITS)))]
        around = slice(ends[i], ends[i + 1] if i + 1 < len(ends) else n)
        masked = heard.masked[around]
        places = np.flatnonzero(masked) + around.start
        open_ = ~(heard.masked[start:end] | call.gone[start:end])
        outcomes.append(
            Outcome(
                key=key,
                is_right=guess == key,
                is_sure=guess == key and reading.margin >= CERTAIN_NATS,
                masked_samples=int(np.count_nonzero(masked)),
                leaked_samples=int(np.count_nonzero(open_)),
                mask_start=int(places[0]) - start if len(places) else 0,
                mask_end=int(places[-1]) + 1 - end if len(places) else 0,
            )
        )
    return outcomes


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
    engines: tuple[str, ...]


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
        n_calls = PRESSES[size][LINES[name].group] // PRESSES_PER_CALL
        for first in range(0, n_calls, JOB_CALLS):
            early = first * PRESSES_PER_CALL < RIVAL_PRESSES[size]
            engines = (*policies, *(others if early else ()))
            cut.append(
                LeakJob(name, seed, first, min(JOB_CALLS, n_calls - first), engines)
            )
    return cut


def work(job: LeakJob) -> Outcomes:
    """
    Do one job.
    """
    line = LINES[job.line]
    numbers = range(job.first, job.first + job.n_calls)
    calls = [leak_lines.draw(line, job.seed, number) for number in numbers]
    found: Outcomes = {engine: [] for engine in job.engines}
    for engine in job.engines:
        if engine in POLICIES:
            for call, heard in zip(calls, through_bank(engine, calls), strict=True):
                found[engine] += judge(call, heard, job.seed)
    others = [engine for engine in job.engines if engine in rivals.RIVALS]
    for call in calls if others else ():
        for engine, heard in through_rivals(others, call).items():
            found[engine] += judge(call, heard, job.seed)
    return found


def row(line: str, engine: str, outcomes: Sequence[Outcome]) -> LeakRow:
    """
    Sum up the presses of one line through one engine.
    """
    masked = np.array([outcome.masked_samples for outcome in outcomes]) * 1000 / RATE
    leaked = np.array([outcome.leaked_samples for outcome in outcomes])
    delay = samples_from_ms(20) if engine in POLICIES else 0
    delay_ms = delay * 1000 / RATE if delay else rivals.RIVALS[engine].delay_ms
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
        leaked_mean_samples=round(float(leaked.mean()), 2),
        leaking=int(np.count_nonzero(leaked)),
        delay_ms=delay_ms,
    )


def merge(done: Sequence[LeakJob], parts: Sequence[Outcomes]) -> list[LeakRow]:
    """
    Sum up the jobs, a row for each line and engine.
    """
    gathered: dict[tuple[str, str], list[Outcome]] = {}
    for job, part in zip(done, parts, strict=True):
        for engine, outcomes in part.items():
            gathered.setdefault((job.line, engine), []).extend(outcomes)
    return [row(*key, outcomes) for key, outcomes in gathered.items()]


# --- the program ----------------------------------------------------------------


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.leaks",
        description="Attack the agent leg, ours and others'.",
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="big sizes, half an hour")
    size.add_argument("--quick", action="store_true", help="small sizes, to try it")
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
    parser.add_argument("--json", type=Path, metavar="OUT", help="write results here")
    parser.add_argument(
        "--tune", action="store_true", help="odd seeds: to tune on, never reported"
    )
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.only.split(",")) - set(leak_lines.GROUPS))
    if unknown:
        expected = ", ".join(leak_lines.GROUPS)
        parser.error(f"--only: expected {expected}, got {', '.join(unknown)}")
    if arguments.tune and arguments.json:
        parser.error("--json: what was tuned on is not reported; leave out --tune")
    return arguments


def main() -> None:
    """
    Run what the command line asks for.
    """
    arguments = _arguments()
    size = "full" if arguments.full else "quick" if arguments.quick else "usual"
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
    others = () if arguments.no_rivals else rivals.installed()
    voices.prompts()  # read once, here: the workers are forked and share it
    before = perf_counter()
    seed = TUNE_SEED if arguments.tune else REPORT_SEED
    work_list = jobs(size, seed, lines, arguments.policy or tuple(POLICIES), others)
    rows = merge(work_list, workers.run("leaks", work, work_list))
    print(leak_tables.shares(rows))
    print(leak_tables.costs(rows))
    workers.note(f"leaks: {perf_counter() - before:.0f} s")


if __name__ == "__main__":
    main()
