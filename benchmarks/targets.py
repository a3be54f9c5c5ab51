"""
Targets: what the project set itself, beside what was measured.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks import speed, tables
from benchmarks.engines import PEERS, SPANDSP
from benchmarks.results import Results, SpeedRow
from benchmarks.tables import NONE


JUDGED = ("default", "sensitive")
"""The profile of a line in everyday use, and the one used while a capture is armed."""

BEHIND_PERCENT = 0.5
"""How far a condition may be below the best peer there."""


@dataclass(frozen=True)
class Figure:
    """
    One measured value: how it is written, and whether it meets the target.
    """

    text: str
    met: bool | None = None

    def __str__(self) -> str:
        verdict = {None: "", True: ", met", False: ", **not met**"}[self.met]
        return self.text + verdict


Measure = Callable[[Results, str], Figure]
"""Give an engine's figure, with the target's verdict."""

_ABSENT = Figure(NONE)


@dataclass(frozen=True)
class Target:
    """
    One line: its name, what is wanted, and how it is measured.
    """

    name: str
    wanted: str
    measure: Measure
    judged: tuple[str, ...] = JUDGED
    """The profiles of which it is asked; others are shown beside them."""


def _cards(mix: str, wanted: float) -> Measure:
    def measure(found: Results, engine: str) -> Figure:
        for row in found.cards:
            if (row.mix, row.engine) == (mix, engine):
                share = 100 * row.exact / row.calls
                return Figure(f"{share:.2f} %", share >= wanted)
        return _ABSENT

    return measure


def _accepted(found: Results, engine: str) -> Figure:
    score, _ = tables.condition_total(found, "accept", engine)
    if not score.keyed:
        return _ABSENT
    share = 100 * score.right / score.keyed
    return Figure(f"{share:.2f} %", share >= 99.3)


def behind(found: Results, engine: str) -> list[tuple[str, float, str, float]]:
    """
    Give the must-accept conditions in which a peer is better by more than allowed:
    the condition, our share in percent, the best peer and its share.
    """
    shares: dict[str, dict[str, float]] = {}
    for row in found.conditions:
        if row.must == "accept":
            share = 100 * row.score.right / row.score.keyed
            shares.setdefault(row.condition, {})[row.engine] = share
    worse = []
    for condition, of in shares.items():
        there = [peer for peer in PEERS if peer in of]
        if engine not in of or not there:
            continue
        best = max(there, key=lambda peer: of[peer])
        if of[engine] < of[best] - BEHIND_PERCENT:
            worse.append((condition, of[engine], best, of[best]))
    return worse


def _never_behind(found: Results, engine: str) -> Figure:
    if engine in PEERS or not any(row.engine in PEERS for row in found.conditions):
        return _ABSENT
    n = len(behind(found, engine))
    return Figure(f"behind in {n}" if n else "in none", n == 0)


def _rejected(found: Results, engine: str) -> Figure:
    if not any(row.engine == engine for row in found.conditions):
        return _ABSENT
    _, ours = tables.condition_total(found, "reject", engine)
    theirs, peer_heard = tables.condition_total(found, "reject", SPANDSP)
    return Figure(str(ours), ours < peer_heard if theirs.keyed else None)


def _talkoff(found: Results, engine: str) -> Figure:
    hits, hours = tables.talkoff_total(found, engine)
    peer_hits, peer_hours = tables.talkoff_total(found, SPANDSP)
    if not hours:
        return _ABSENT
    return Figure(f"{hits} in {hours:.1f} h", hits <= peer_hits if peer_hours else None)


def _labelled(found: Results, engine: str) -> Figure:
    for row in found.labelled:
        if row.engine == engine:
            share = 100 * row.exact / row.files
            return Figure(f"{share:.2f} %", share > 95)
    return _ABSENT


def _limit(measure_start: str, wanted: float, *, lower: bool = False) -> Measure:
    def measure(found: Results, engine: str) -> Figure:
        for row in found.masks:
            if row.engine == engine and row.measure.startswith(measure_start):
                if row.value is None:
                    return Figure("none", met=False)
                met = row.value <= wanted if lower else row.value >= wanted
                return Figure(f"{row.value:g} dB", met)
        return _ABSENT

    return measure


def _latency(found: Results, engine: str) -> Figure:
    for row in found.latency:
        if (row.engine, row.feed_ms) == (engine, 20):
            text = f"{row.median_ms:.1f} / {row.p99_ms:.1f} ms"
            return Figure(text, row.median_ms <= 30 and row.p99_ms <= 42)
    return _ABSENT


def _timed(
    found: Results, engine: str, who: str, work: str, legs: int
) -> SpeedRow | None:
    """
    Find a time of ours, or of libspandsp; only the default profile is timed.
    """
    name = {"default": who, SPANDSP: SPANDSP}.get(engine)
    for row in found.speed:
        mixed = row.audio != speed.KEYING
        if mixed and (row.work, row.engine, row.legs) == (work, name, legs):
            return row
    return None


def _hour(found: Results, engine: str) -> Figure:
    row = _timed(found, engine, speed.DETECTION, "hour", 1)
    if row is None or row.ratio is None:
        return _ABSENT
    return Figure(f"{1 / row.ratio:.2f}x", row.ratio <= 0.5)


def _tick_of_100(who: str, wanted: float) -> Measure:
    def measure(found: Results, engine: str) -> Figure:
        row = _timed(found, engine, who, "tick", 100)
        if row is None or row.ratio is None:
            return _ABSENT
        return Figure(f"{row.ratio:.2f}x", row.ratio <= wanted)

    return measure


def _tick_of_1(found: Results, engine: str) -> Figure:
    row = _timed(found, engine, speed.MASKING, "tick", 1)
    return _ABSENT if row is None else Figure(f"{row.us:.1f} µs", row.us <= 40)


_DEFAULT = ("default",)

TARGETS = (
    Target("exact cards, in spec", "≥ 99.5 %", _cards("in spec", 99.5)),
    Target("exact cards, with dropouts", "≥ 99 %", _cards("with dropouts", 99)),
    Target("exact cards, voip", "≥ 98 %", _cards("voip", 98)),
    Target("exact cards, hard", "≥ 80 %", _cards("hard", 80)),
    Target("must-accept conditions, digits right", "≥ 99.3 %", _accepted),
    Target("conditions over 0.5 % below the best peer there", "none", _never_behind),
    Target("must-reject conditions, digits heard", "< libspandsp", _rejected, _DEFAULT),
    Target("talk-off, false digits", "≤ libspandsp", _talkoff, _DEFAULT),
    Target("labelled recordings, odd, whole sequence", "> 95 %", _labelled),
    Target("lowest S/N, per tone", "≤ −2 dB", _limit("lowest S/N", -2, lower=True)),
    Target("dynamic range", "≥ 55 dB", _limit("dynamic range", 55)),
    Target("dial tone above DTMF", "≥ 6 dB", _limit("dial tone", 6)),
    Target("twist, high group louder", "≥ 6 dB", _limit("high group", 6)),
    Target("twist, low group louder", "≥ 10 dB", _limit("low group", 10)),
    Target("latency, 20 ms frames, median / p99", "≤ 30 / 42 ms", _latency),
    Target("one hour in one call, to libspandsp", "≥ 2x as fast", _hour, _DEFAULT),
    Target(
        "tick of 100 legs, detection, time to libspandsp",
        "≤ 1.0x",
        _tick_of_100(speed.DETECTION, 1.0),
        _DEFAULT,
    ),
    Target(
        "tick of 100 legs, with masking, time to libspandsp",
        "≤ 2.5x",
        _tick_of_100(speed.MASKING, 2.5),
        _DEFAULT,
    ),
    Target("tick of 1 leg, with masking", "≤ 40 µs", _tick_of_1, _DEFAULT),
)


def table(found: Results) -> str:
    """
    Lay out every target with the figures of the profiles and the peers.
    """
    shown = [*tables.named(JUDGED), *PEERS]
    return laid_out(found, TARGETS, (*JUDGED, *PEERS), shown)


def laid_out(
    found: Results,
    targets: Iterable[Target],
    engines: Sequence[str],
    shown: Sequence[str],
) -> str:
    """
    Lay out targets, a column for each engine; verdicts where an engine is judged.

    Args:
        found: the figures.
        targets: a row each.
        engines: a column each.
        shown: what they are called in the head.
    """
    lines = []
    for target in targets:
        cells = [target.name, target.wanted]
        for engine in engines:
            figure = target.measure(found, engine)
            cells.append(str(figure) if engine in target.judged else figure.text)
        lines.append(cells)
    return tables.table(["target", "wanted", *shown], lines)
