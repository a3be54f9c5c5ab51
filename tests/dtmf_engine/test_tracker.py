"""
Tracker: looks made by hand, hop by hop, and the events they must turn into.
"""

from dataclasses import dataclass, field, replace

import pytest

from dtmf_engine import (
    DEFAULT,
    DigitDetected,
    Event,
    MissReason,
    NearMiss,
    ToneEnded,
    ToneStarted,
)
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.keypad import DIGITS
from dtmf_engine.tracker import Sight, ToneTracker, hops_of_quiet


PROFILE = replace(
    DEFAULT, min_tone_ms=20.0, max_break_ms=25.0, known_telephone_bonus=3.0
)
"""Limits that tests can count on: 8 hops of tone, 10 hops of break."""

_POWER = 1e6
_SURE = 5.0
_DOUBTFUL = -2.0
"""Not enough for anybody, but for a telephone already heard."""
_HOPELESS = -50.0

_WHOLE = (1.0,) * 16
_HALF_A_SECOND = 200


def _filled(n_hops: int) -> tuple[float, ...]:
    return (0.0,) * (16 - n_hops) + (1.0,) * n_hops


def _sight(
    digit: str,
    *,
    margin: float = _SURE,
    reason: MissReason | None = None,
    is_near: bool = True,
    offset: float = 0.0,
    level: float = 1.0,
    filled: tuple[float, ...] = _WHOLE,
    other: float = 0.0,
    tones: str | None = None,
    late_samples: int = 0,
) -> Sight:
    """
    Make what a look at a press of a digit sees.

    Args:
        digit: which pair.
        margin: of its score.
        reason: the limit it breaks.
        is_near: whether it could be a press.
        offset: of both tones.
        level: power of its tones, over what it usually is.
        filled: how much of it is in each hop.
        other: energy in every hop that no pair explains.
        tones: digits whose tones are in the last 10 ms, if another.
        late_samples: how far back it lies.
    """
    row, column = divmod(DIGITS.index(digit), 4)
    tone_power = [0.0] * 8
    for present in digit if tones is None else tones:
        low, high = divmod(DIGITS.index(present), 4)
        tone_power[low] = tone_power[4 + high] = _POWER * level
    return Sight(
        row=row,
        column=column,
        reason=reason,
        size=4 * _POWER * level,
        margin=margin,
        is_near=is_near,
        offset_low=offset,
        offset_high=offset,
        judged_low=_POWER * level,
        judged_high=_POWER * level,
        low_power=_POWER * level,
        high_power=_POWER * level,
        tone_power=tone_power,
        filled=list(filled),
        other=[other] * 16,
        late_samples=late_samples,
    )


_WEAKER = 10**-0.4
"""4 dB weaker."""

_HOPS = {
    "D": _sight("5"),
    "d": _sight("5", margin=_HOPELESS, is_near=False),
    "E": _sight("9"),
    "e": _sight("9", margin=_HOPELESS, is_near=False),
    "F": _sight("6"),
    "G": _sight("8"),
    "B": _sight("9", tones="59"),
    "s": _sight("5", filled=_filled(5)),
    # Not near: whether a near miss is told of an echo is not the question.
    "w": _sight("5", level=_WEAKER, is_near=False),
    "v": _sight("9", level=_WEAKER, is_near=False),
    "x": _sight("5", reason=MissReason.QUIET),
    "k": _sight("5", margin=_DOUBTFUL, is_near=False),
    "n": _sight("5", margin=_DOUBTFUL),
    "m": _sight("5", margin=_DOUBTFUL, filled=_filled(5)),
    ".": None,
}
"""
Letters for hops. `D` and `E`: a look that accepts 5 and 9. `d`, `e`: their tones,
not accepted. `F`, `G`: accept 6 and 8, which share a tone with 5. `B`: accepts 9
with the tones of 5 still there. `s`: accepts 5, too short. `w`, `v`: 5 and 9, 4 dB
weaker. `x`: 5, too quiet. `k`: 5, for a telephone already heard. `n`: 5, near.
`m`: 5, near and short. `.`: no look. `?`: lost.
"""


@dataclass
class _Leg:
    """
    A tracker and how far its stream is.
    """

    tracker: ToneTracker = field(default_factory=lambda: ToneTracker(PROFILE))
    end_sample: int = 8000

    def play(self, hops: str) -> list[Event]:
        """
        Take hops.
        """
        events: list[Event] = []
        for letter in hops:
            self.end_sample += HOP_SAMPLES
            if letter != "?":
                events += self.tracker.step(self.end_sample, _HOPS[letter])
        return events

    def see(self, sight: Sight | None) -> list[Event]:
        """
        Take one hop.
        """
        self.end_sample += HOP_SAMPLES
        return self.tracker.step(self.end_sample, sight)


def _told(events: list[Event]) -> str:
    """
    Write events short: `+5` a tone and its digit, `-5` its end, `!` a near miss.
    """
    told = []
    for event in events:
        match event:
            case ToneStarted(digit=digit):
                told.append(f"({digit}")
            case DigitDetected(digit=digit):
                told.append(f"{digit})")
            case ToneEnded(digit=digit):
                told.append(f"-{digit}")
            case NearMiss(reason=reason):
                told.append(f"!{reason}")
    text = " ".join(told)
    for digit in DIGITS:
        text = text.replace(f"({digit} {digit})", f"+{digit}")
    return text


_BREAK = "." * 10
_LONG = "." * 11


@pytest.mark.parametrize(
    ("hops", "expected"),
    [
        pytest.param("....", " | ", id="nothing"),
        pytest.param("ddddD", "+5 | -5", id="accepted-by-one-look"),
        pytest.param("dddd", " | ", id="tones-are-no-digit"),
        pytest.param("DDDDdDDD", "+5 | -5", id="once-a-press"),
        pytest.param("Ddd....dd", "+5 | -5", id="break-inside"),
        pytest.param(f"Ddd{_BREAK}dd", "+5 | -5", id="longest-break"),
        pytest.param(f"Ddd{_BREAK}D", "+5 | -5", id="longest-break-accepting"),
        pytest.param(f"Ddd{_BREAK}dd{_BREAK}d", "+5 | -5", id="two-breaks"),
        pytest.param(f"Ddd{_LONG}", "+5 -5 | ", id="longer-than-a-break"),
        pytest.param(f"D{'e' * 11}", "+5 -5 | ", id="other-tones-are-a-break"),
        pytest.param(f"Ddd{_LONG}dd", "+5 -5 | ", id="tones-after-the-end"),
        pytest.param(f"Ddd{_LONG}D", "+5 -5 +5 | -5", id="same-digit-again"),
        pytest.param("Ddd.E", "+5 -5 +9 | -9", id="next-in-a-break"),
        pytest.param("DddE", "+5 -5 +9 | -9", id="next-at-once"),
        pytest.param(f"Ddd{_LONG}E", "+5 -5 +9 | -9", id="next-after-the-end"),
        pytest.param("Ddd.F", "+5 -5 +6 | -6", id="next-of-the-same-row"),
        pytest.param("Ddd.G", "+5 -5 +8 | -8", id="next-of-the-same-column"),
        pytest.param("DddBBBBB", "+5 | -5", id="not-while-the-first-is-there"),
        pytest.param("DddBBBEB", "+5 -5 +9 | -9", id="when-the-first-is-gone"),
        pytest.param("DEDED", "+5 -5 +9 -9 +5 -5 +9 -9 +5 | -5", id="alternating"),
        pytest.param("Ddd???d", "+5 | -5", id="lost-inside"),
        pytest.param(f"Ddd{'?' * 100}d", "+5 | -5", id="much-lost-inside"),
        pytest.param(f"D.....{'?' * 100}.....d", "+5 | -5", id="lost-in-a-break"),
        pytest.param(f"D{_BREAK}{'?' * 9}.", "+5 -5 | ", id="lost-before-the-end"),
        pytest.param("????D", "+5 | -5", id="lost-before"),
        pytest.param("D????E", "+5 -5 +9 | -9", id="lost-between"),
        pytest.param(f"Ddd{_LONG}wwww", "+5 -5 | ", id="echo"),
        pytest.param(f"Ddd{_LONG}wwwD", "+5 -5 +5 | -5", id="press-after-echo"),
        pytest.param(f"Ddd{_LONG}v", "+5 -5 +9 | -9", id="no-echo-of-another"),
        pytest.param(f"Ddd{_LONG}{'.' * 100}w", "+5 -5 +5 | -5", id="late-echo"),
        pytest.param("w", "+5 | -5", id="no-echo-of-nothing"),
        pytest.param(f"w{_LONG}D", "+5 -5 +5 | -5", id="louder-is-no-echo"),
        pytest.param("ssss", " | !too-short", id="too-short"),
        pytest.param("sssD", "+5 | -5", id="pending-until-long-enough"),
        pytest.param(f"sss{'.' * 40}", "!too-short | ", id="pending-for-nothing"),
        pytest.param("xxxx", " | !quiet", id="limit"),
        pytest.param(f"xxxx{'.' * 40}", "!quiet | ", id="limit-and-over"),
        pytest.param("nnnn", " | !not-clean", id="not-clean"),
        pytest.param("mmmm", " | !too-short", id="short-and-not-clean"),
        pytest.param("xxnD", "+5 | -5", id="accepted-after-all"),
        pytest.param("k", " | ", id="unknown-telephone"),
        pytest.param(f"D{_LONG}k", "+5 -5 +5 | -5", id="known-telephone"),
    ],
)
def test_tracker_reads_hops(hops: str, expected: str) -> None:
    """
    Events while hops come in, and at the end of the stream.
    """
    leg = _Leg()
    heard = _told(leg.play(hops))
    assert f"{heard} | {_told(leg.tracker.finish())}" == expected


# What is said about a press.


def test_a_press_is_reported_with_its_place() -> None:
    """
    The onset is where the first filled hop begins; the report is at the end of
    the hop that made it certain.
    """
    leg = _Leg(end_sample=1980)
    events = leg.see(_sight("5", filled=_filled(8)))
    assert events == [ToneStarted("5", 1840), DigitDetected("5", 1840, 2000)]


def test_the_onset_is_inside_the_hop_that_is_partly_filled() -> None:
    """
    A hop that holds four tenths of the tone begins it after six tenths.
    """
    leg = _Leg(end_sample=1980)
    filled = (*(0.0,) * 6, 0.6, *(1.0,) * 9)
    assert leg.see(_sight("5", filled=filled))[0] == ToneStarted("5", 1808)


def test_what_a_filter_delays_is_put_back_in_place() -> None:
    """
    Onset and end lie earlier by the delay; the report does not.
    """
    leg = _Leg(end_sample=1980)
    sight = _sight("5", filled=_filled(10), late_samples=44)
    assert leg.see(sight) == [
        ToneStarted("5", 2000 - 200 - 44),
        DigitDetected("5", 2000 - 200 - 44, 2000),
    ]
    (ended,) = leg.tracker.finish()
    assert isinstance(ended, ToneEnded)
    assert ended.end_sample == 2000 - 44


def test_no_press_begins_before_the_stream() -> None:
    """
    A tone in the very first samples begins at nought.
    """
    leg = _Leg(end_sample=180)
    sight = _sight("5", late_samples=44)
    assert leg.see(sight)[0] == ToneStarted("5", 0)


@pytest.mark.parametrize("tail", ["", _BREAK, "?" * 50, f"{_BREAK}????"])
def test_a_press_ends_where_its_tones_were_last(tail: str) -> None:
    """
    Neither a break nor lost audio makes a press longer.
    """
    leg = _Leg()
    leg.play("Ddddd")
    end = leg.end_sample
    leg.play(tail)
    (ended,) = leg.tracker.finish()
    assert isinstance(ended, ToneEnded)
    assert ended.end_sample == end


def test_a_press_ends_inside_the_window_that_it_has_partly_left() -> None:
    """
    A quarter less of amplitude in the last 10 ms is an end 2.5 ms ago.
    """
    leg = _Leg()
    leg.play("Ddddd")
    leg.see(_sight("5", margin=_HOPELESS, level=0.75**2))
    end = leg.end_sample
    (ended,) = leg.tracker.finish()
    assert isinstance(ended, ToneEnded)
    assert ended.end_sample == end - HOP_SAMPLES


def test_a_press_has_the_mean_levels_of_its_full_looks() -> None:
    """
    A look that the tone fills has its part in the levels told at the end; one that
    the tone has partly left has none.
    """
    leg = _Leg()
    leg.see(_sight("5"))
    leg.see(_sight("5", level=3.0))
    leg.see(_sight("5", level=0.5, filled=_filled(5)))
    (twice,) = leg.tracker.finish()
    other = _Leg()
    other.see(_sight("5"))
    (once,) = other.tracker.finish()
    assert isinstance(twice, ToneEnded)
    assert isinstance(once, ToneEnded)
    assert twice.low_dbm0 - once.low_dbm0 == pytest.approx(3.01, abs=0.01)
    assert twice.high_dbm0 - once.high_dbm0 == pytest.approx(3.01, abs=0.01)


@pytest.mark.parametrize("digit", DIGITS)
def test_every_digit_is_told_by_its_name(digit: str) -> None:
    """
    Rows and columns are those of the keypad.
    """
    leg = _Leg()
    assert _told(leg.see(_sight(digit))) == f"+{digit}"
    assert _told(leg.tracker.finish()) == f"-{digit}"


@pytest.mark.parametrize("reason", [r for r in MissReason if r != "too-short"])
def test_a_limit_that_is_broken_is_never_accepted(reason: MissReason) -> None:
    """
    However sure the score is, the profile's limits hold, and are told.
    """
    leg = _Leg()
    assert leg.see(_sight("5", margin=99.0, reason=reason)) == []
    (missed,) = leg.tracker.finish()
    assert isinstance(missed, NearMiss)
    assert missed.reason == reason


# Length.


@pytest.mark.parametrize(
    ("n_hops", "other", "is_accepted"),
    [
        (8, 0.001, True),
        (7, 0.001, False),
        (9, 0.2, True),
        (7, 0.2, False),
        (16, 0.2, True),
    ],
)
def test_a_tone_must_be_long_enough(
    n_hops: int, other: float, *, is_accepted: bool
) -> None:
    """
    20 ms are eight hops; where other sound is heard it must be certainly that long.
    """
    events = _Leg().see(_sight("5", filled=_filled(n_hops), other=other))
    assert bool(events) is is_accepted


def test_the_shortest_tone_is_the_profiles() -> None:
    """
    A profile that asks for 30 ms gets twelve hops.
    """
    tracker = ToneTracker(replace(PROFILE, min_tone_ms=30.0))
    leg = _Leg(tracker)
    for n_hops in range(5, 12):
        assert leg.see(_sight("5", filled=_filled(n_hops))) == []
    assert _told(leg.see(_sight("5", filled=_filled(12)))) == "+5"


def test_the_longest_break_is_the_profiles() -> None:
    """
    A profile that allows 50 ms allows twenty hops.
    """
    leg = _Leg(ToneTracker(replace(PROFILE, max_break_ms=50.0)))
    assert _told(leg.play(f"D{'.' * 20}")) == "+5"
    assert _told(leg.play(".")) == "-5"


def test_what_was_certain_while_short_needs_no_second_proof() -> None:
    """
    A digit whose score falls a little once it is long enough is accepted then.
    """
    leg = _Leg()
    assert leg.play("s") == []
    assert _told(leg.see(_sight("5", margin=-0.5))) == "+5"


def test_what_was_certain_of_one_digit_says_nothing_of_another() -> None:
    """
    Only the same pair is pending.
    """
    leg = _Leg()
    leg.play("s")
    assert leg.see(_sight("9", margin=-0.5)) == []


def test_what_was_certain_long_ago_is_forgotten() -> None:
    """
    A look 60 ms later has to prove itself.
    """
    leg = _Leg()
    leg.play(f"s{'.' * 24}")
    assert not any(
        isinstance(event, DigitDetected) for event in leg.see(_sight("5", margin=-0.5))
    )


# Telephones already heard.


@pytest.mark.parametrize(
    ("changes", "is_accepted"),
    [
        ({}, True),
        ({"offset": 0.002}, True),
        ({"level": 1.2}, True),
        ({"level": 0.8}, True),
        ({"offset": 0.02}, False),
        ({"offset": -0.02}, False),
        ({"level": 10.0}, False),
        ({"level": 0.1}, False),
        ({"margin": -20.0}, False),
    ],
)
def test_a_known_telephone_needs_less_evidence(
    changes: dict[str, float], *, is_accepted: bool
) -> None:
    """
    A doubtful look is accepted if its errors and levels are those of the press
    before, and by no more than the profile's bonus.
    """
    leg = _Leg()
    leg.play(f"E{_LONG}")
    arguments: dict[str, float] = {"margin": _DOUBTFUL, **changes}
    sight = _sight("5", is_near=False, **arguments)  # type: ignore[arg-type]
    assert (_told(leg.see(sight)) == "+5") is is_accepted


@pytest.mark.parametrize("changed", ["low", "high"])
def test_a_known_telephone_is_known_by_both_tones(changed: str) -> None:
    """
    One tone that is off or much louder is enough not to know it.
    """
    doubtful = _sight("5", margin=_DOUBTFUL, is_near=False)
    if changed == "low":
        others = [
            doubtful._replace(offset_low=0.02),
            doubtful._replace(judged_low=10 * _POWER),
        ]
    else:
        others = [
            doubtful._replace(offset_high=0.02),
            doubtful._replace(judged_high=10 * _POWER),
        ]
    for other in others:
        leg = _Leg()
        leg.play(f"E{_LONG}")
        assert leg.see(other) == []


@pytest.mark.parametrize(("seconds", "is_accepted"), [(50, True), (70, False)])
def test_a_telephone_is_known_for_a_minute(seconds: int, *, is_accepted: bool) -> None:
    """
    After that it may be another one.
    """
    leg = _Leg()
    leg.play(f"E{_LONG}")
    leg.end_sample += seconds * 8000
    assert bool(leg.play("k")) is is_accepted


def test_without_a_bonus_no_telephone_is_known() -> None:
    """
    A profile may do without.
    """
    leg = _Leg(ToneTracker(replace(PROFILE, known_telephone_bonus=0.0)))
    assert _told(leg.play(f"E{_LONG}kkk")) == "+9 -9"


# Echoes.


@pytest.mark.parametrize("after_ms", [35, 100, 150])
def test_an_echo_is_no_press(after_ms: int) -> None:
    """
    The same digit, 4 dB weaker, up to 150 ms after a press.
    """
    leg = _Leg()
    leg.play("Dddd")
    leg.play("." * (after_ms * 8 // HOP_SAMPLES))
    assert "+" not in _told(leg.play("wwww"))


@pytest.mark.parametrize("after_ms", [35, 100, 150])
def test_the_same_key_at_the_same_level_is_a_press(after_ms: int) -> None:
    """
    However soon after the last, if not in a break.
    """
    leg = _Leg()
    leg.play("Dddd")
    leg.play("." * (after_ms * 8 // HOP_SAMPLES))
    assert _told(leg.play("D")) == "+5"


def test_an_echo_is_weaker_in_both_tones() -> None:
    """
    One tone that is as strong as it was is not an echo's.
    """
    for weaker in ({"low_power": _POWER / 3}, {"high_power": _POWER / 3}):
        leg = _Leg()
        leg.play(f"D{_LONG}")
        assert _told(leg.see(_sight("5")._replace(**weaker))) == "+5"  # type: ignore[arg-type]


# Near misses.


def test_a_near_miss_is_told_once_and_with_its_first_reason() -> None:
    """
    However many looks came close, one event, when it is over for 40 ms, at the
    place where it began.
    """
    leg = _Leg(end_sample=1980)
    quiet = _sight("5", reason=MissReason.QUIET, filled=_filled(8))
    off = _sight("5", reason=MissReason.FREQUENCY)
    events = leg.see(quiet) + leg.see(off) + leg.see(off)
    events += leg.play("." * 16)
    assert events == []
    assert leg.play("." * 100) == [NearMiss(MissReason.QUIET, 1840)]


def test_two_near_misses_apart_are_two() -> None:
    """
    What comes 100 ms later is something else.
    """
    leg = _Leg()
    silence = "." * 40
    told = _told(leg.play(f"xx{silence}nn{silence}"))
    assert told == "!quiet !not-clean"


def test_a_press_that_comes_of_it_is_no_near_miss() -> None:
    """
    What came close before a digit was accepted was the digit.
    """
    leg = _Leg()
    told = _told(leg.play(f"xxnnD{'.' * _HALF_A_SECOND}"))
    assert told == "+5 -5"


def test_what_is_not_near_is_not_told() -> None:
    """
    Looks that resemble nothing leave no trace.
    """
    leg = _Leg()
    assert leg.play(f"ddkkdd{'.' * _HALF_A_SECOND}") == []
    assert leg.tracker.is_idle


# The state of a tracker.


def test_a_tracker_is_idle_while_nothing_is_going_on() -> None:
    """
    Idle hops may be skipped: before, not during, and again after a press or a
    near miss.
    """
    for hops in ("D", "x"):
        leg = _Leg()
        idle = []
        for part in ("", hops, "." * 40):
            leg.play(part)
            idle.append(leg.tracker.is_idle)
        assert idle == [True, False, True]


@pytest.mark.parametrize("max_break_ms", [10.0, 25.0, 39.0, 42.0, 100.0])
def test_a_tracker_is_idle_after_its_hops_of_quiet(max_break_ms: float) -> None:
    """
    However it was left, and not a hop earlier in the worst case.
    """
    profile = replace(PROFILE, max_break_ms=max_break_ms)
    most = 0
    for hops in ("D", "Dd", "x", "s", "n", "m", "Ds", "DE", "sDd"):
        leg = _Leg(ToneTracker(profile))
        leg.play(hops)
        n = 0
        while not leg.tracker.is_idle:
            leg.play(".")
            n += 1
        most = max(most, n)
    assert most == hops_of_quiet(profile)


def test_a_tracker_sounds_while_the_tones_are_there() -> None:
    """
    In a break it does not, and after the break it does.
    """
    leg = _Leg()
    sounding = []
    for letter in "xD.d":
        leg.play(letter)
        sounding.append(leg.tracker.is_sounding)
    assert sounding == [False, True, False, True]


def test_finish_ends_a_press_once() -> None:
    """
    What was open is over, and then nothing is.
    """
    leg = _Leg()
    leg.play("Ddd")
    assert _told(leg.tracker.finish()) == "-5"
    assert leg.tracker.finish() == []
    assert leg.tracker.is_idle


def test_finish_tells_of_a_near_miss_once() -> None:
    """
    What came close and was not over is told, and then nothing is.
    """
    leg = _Leg()
    leg.play("xx")
    assert _told(leg.tracker.finish()) == "!quiet"
    assert leg.tracker.finish() == []


@pytest.mark.parametrize(
    "before", ["", "D", "Ddd....", "s", "xx", f"D{_LONG}", f"D{_LONG}s"]
)
@pytest.mark.parametrize("after", ["D", "E", "....d", _LONG, "x", "k", "n", "w"])
def test_a_copy_is_independent(before: str, after: str) -> None:
    """
    Whatever happens to a copy, the tracker goes on as if there were none; and the
    copy goes on as the tracker does.
    """
    rest = f"{after}dd{_LONG}{'.' * 20}"
    plain, leg = _Leg(), _Leg()
    plain.play(before)
    leg.play(before)
    twin = _Leg(leg.tracker.copy(), leg.end_sample)
    # Hop by hop: when something is told matters as well.
    expected = [*map(plain.play, rest), plain.tracker.finish()]
    assert [*map(twin.play, rest), twin.tracker.finish()] == expected
    assert [*map(leg.play, rest), leg.tracker.finish()] == expected
