"""
Card entries: sixteen digits through a channel drawn at random, exact or not.
"""

from dataclasses import dataclass

from benchmarks import ceiling, engines, voices
from benchmarks.corpus import MIXES, draw_call
from benchmarks.results import CardRow
from benchmarks.scoring import Score, score


CEILING = "ceiling"
"""The name under which the reader that knows the timing reports."""

CALLS_PER_JOB = 20


@dataclass(frozen=True)
class CardJob:
    """
    Some calls of a mix, through some engines.
    """

    mix: str
    seed: int
    first: int
    calls: int
    engines: tuple[str, ...]


def missing() -> str:
    """
    Say what mix cannot be drawn here; nothing if all can.
    """
    if len(voices.prompts()) or len(voices.spoken()):
        return ""
    return "speech: none installed, no hard mix (apt-get install espeak-ng)"


def jobs(n_calls: int, seed: int, names: tuple[str, ...]) -> list[CardJob]:
    """
    Cut the work into jobs.
    """
    return [
        CardJob(mix, seed, first, min(CALLS_PER_JOB, n_calls - first), names)
        for mix in MIXES
        if mix != "hard" or not missing()
        for first in range(0, n_calls, CALLS_PER_JOB)
    ]


def work(job: CardJob) -> list[CardRow]:
    """
    Draw the calls of a job and give them to each engine and to the ceiling.
    """
    calls = [
        draw_call(job.mix, job.seed, i) for i in range(job.first, job.first + job.calls)
    ]
    rows = []
    for engine in (*job.engines, CEILING):
        exact, points = 0, Score()
        for call in calls:
            if engine == CEILING:
                heard = ceiling.read_call(call)
            else:
                heard = engines.hear(engine, call.audio)
            exact += heard == call.keys
            points += score(call.keys, heard)
        rows.append(
            CardRow(
                mix=job.mix, engine=engine, calls=len(calls), exact=exact, score=points
            )
        )
    return rows


def merge(parts: list[list[CardRow]]) -> list[CardRow]:
    """
    Add up the rows of jobs.
    """
    merged: dict[tuple[str, str], CardRow] = {}
    for row in (row for part in parts for row in part):
        key = (row.mix, row.engine)
        if key in merged:
            before = merged[key]
            merged[key] = CardRow(
                mix=row.mix,
                engine=row.engine,
                calls=before.calls + row.calls,
                exact=before.exact + row.exact,
                score=before.score + row.score,
            )
        else:
            merged[key] = row
    return list(merged.values())
