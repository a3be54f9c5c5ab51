"""
Decision: each reason for a miss, and the pattern table of the tracker.
"""

import pytest

from dtmf_engine.decision import Decision, Hit, Limits, ToneTracker, decide
from dtmf_engine.events import (
    DigitDetected,
    Event,
    MissReason,
    NearMiss,
    ToneEnded,
    ToneStarted,
)
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.profiles import DEFAULT
from dtmf_engine.units import dbm0_from_power, power_from_dbm0
from dtmf_engine.windows import BLOCK_SAMPLES


LIMITS = Limits.of(DEFAULT)
LOUD = power_from_dbm0(-10.0)


def _powers(**levels_dbm0: float) -> list[float]:
    """
    Give eight powers: nothing but the named tones, `t0` to `t7`.
    """
    return [power_from_dbm0(levels_dbm0.get(f"t{tone}", -100.0)) for tone in range(8)]


@pytest.mark.parametrize(
    ("powers", "share", "reason"),
    [
        (_powers(t1=-46.0, t6=-40.0), 1.0, MissReason.QUIET),
        (_powers(t1=-40.0, t6=-46.0), 1.0, MissReason.QUIET),
        (_powers(t1=-10.0, t6=-20.5), 1.0, MissReason.LOW_OVER_HIGH),
        (_powers(t1=-20.0, t6=-13.5), 1.0, MissReason.HIGH_OVER_LOW),
        (_powers(t1=-10.0, t2=-17.5, t6=-10.0), 1.0, MissReason.LOW_PEAK),
        (_powers(t1=-10.0, t6=-10.0, t7=-17.5), 1.0, MissReason.HIGH_PEAK),
        (_powers(t1=-10.0, t6=-10.0), 0.69, MissReason.ENERGY_SHARE),
    ],
)
def test_decide_names_the_reason_of_a_miss(
    powers: list[float], share: float, reason: MissReason
) -> None:
    """
    A block just outside one limit is refused for that limit.
    """
    assert decide(powers, sum(powers) / share, LIMITS) is reason


@pytest.mark.parametrize(
    ("powers", "share"),
    [
        (_powers(t1=-44.5, t6=-44.5), 1.0),
        (_powers(t1=-10.0, t6=-19.5), 1.0),
        (_powers(t1=-20.0, t6=-14.5), 1.0),
        (_powers(t1=-10.0, t2=-18.5, t6=-10.0), 1.0),
        (_powers(t1=-10.0, t6=-10.0, t7=-18.5), 1.0),
        (_powers(t1=-10.0, t6=-10.0), 0.71),
    ],
)
def test_decide_gives_a_hit_just_inside_each_limit(
    powers: list[float], share: float
) -> None:
    """
    A block just inside one limit is the digit of its two loudest tones.
    """
    total = sum(powers) / share
    assert decide(powers, total, LIMITS) == Hit("6", powers[1], powers[6], total)


HOPS_TO_A_DIGIT = LIMITS.min_hits
HIT = "d" * HOPS_TO_A_DIGIT


def _run(pattern: str) -> list[Event]:
    """
    Drive a tracker with a run of blocks, written as in the module's docstring.
    """
    blocks: dict[str, Decision | None] = {
        "d": Hit("5", LOUD, LOUD, 2 * LOUD),
        "e": Hit("8", LOUD, LOUD, 2 * LOUD),
        ".": MissReason.QUIET,
        "n": MissReason.ENERGY_SHARE,
        "?": None,
    }
    tracker = ToneTracker(LIMITS)
    events: list[Event] = []
    end = BLOCK_SAMPLES
    for mark in pattern:
        events += tracker.step(blocks[mark], end)
        end += HOP_SAMPLES
    return events + tracker.finish()


def _story(pattern: str) -> list[str]:
    """
    Tell the events of a run in a word each.
    """
    words: list[str] = []
    for event in _run(pattern):
        match event:
            case ToneStarted():
                words.append(f"started {event.digit}")
            case DigitDetected():
                words.append(f"detected {event.digit}")
            case ToneEnded():
                words.append(f"ended {event.digit}")
            case NearMiss():
                words.append(f"near {event.reason}")
    return words


@pytest.mark.parametrize(
    ("pattern", "story"),
    [
        ("", []),
        ("....", []),
        ("d....", []),
        ("d.d.", ["started 5", "near too-short"]),
        ("dd.....", ["started 5", "near too-short"]),
        ("dd", ["started 5", "near too-short"]),
        (HIT, ["started 5", "detected 5", "ended 5"]),
        (HIT + "dddd", ["started 5", "detected 5", "ended 5"]),
        (HIT + ".." + HIT, ["started 5", "detected 5", "ended 5"]),
        (HIT + "e" + HIT, ["started 5", "detected 5", "ended 5"]),
        (HIT + "??????????" + HIT, ["started 5", "detected 5", "ended 5"]),
        ("d" + "?" * 20 + "....", []),
        (
            HIT + "." * 20 + HIT,
            ["started 5", "detected 5", "ended 5"] * 2,
        ),
        (
            HIT + "e" + "e" * HOPS_TO_A_DIGIT,
            [
                "started 5",
                "detected 5",
                "ended 5",
                "started 8",
                "detected 8",
                "ended 8",
            ],
        ),
        ("n..n", ["near energy-share"] * 2),
        ("nnnn", ["near energy-share"]),
    ],
)
def test_tracker_tells_the_story_of_each_pattern(
    pattern: str, story: list[str]
) -> None:
    """
    Every row of the pattern table comes out as it says.
    """
    assert _story(pattern) == story


def test_tracker_ends_a_press_only_after_the_longest_break() -> None:
    """
    A break as long as the profile allows goes on; one block more ends the press.
    """
    allowed = "." * LIMITS.max_misses
    assert _story(HIT + allowed + HIT).count("ended 5") == 1
    assert _story(HIT + allowed + "." + HIT).count("ended 5") == 2


def test_tracker_gives_the_mean_levels_of_the_hits() -> None:
    """
    The levels of a tone are those of its hits' mean power.
    """
    tracker = ToneTracker(LIMITS)
    powers = [LOUD, 3 * LOUD]
    for hop in range(2 * HOPS_TO_A_DIGIT):
        power = powers[hop % 2]
        hit = Hit("5", power, power / 2, 1.5 * power)
        tracker.step(hit, BLOCK_SAMPLES + hop * HOP_SAMPLES)
    (ended,) = tracker.finish()
    assert isinstance(ended, ToneEnded)
    assert ended.low_dbm0 == pytest.approx(dbm0_from_power(2 * LOUD))
    assert ended.high_dbm0 == pytest.approx(dbm0_from_power(LOUD))


@pytest.mark.parametrize(
    ("pattern", "is_idle"), [("", True), ("d", False), ("dd", False), ("d..", True)]
)
def test_tracker_is_idle_when_nothing_is_open(pattern: str, *, is_idle: bool) -> None:
    """
    Blocks may be skipped exactly while no tone is open.
    """
    tracker = ToneTracker(LIMITS)
    for hop, mark in enumerate(pattern):
        decision = Hit("5", LOUD, LOUD, 2 * LOUD) if mark == "d" else MissReason.QUIET
        tracker.step(decision, BLOCK_SAMPLES + hop * HOP_SAMPLES)
    assert tracker.is_idle is is_idle
