"""
Presses: tones and events of one key press are one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Literal, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.call.presses import HOLD_S, MAX_OPEN, Press, PressLog
from tests.support.strategies import digits, stable


Step: TypeAlias = tuple[Literal["tone", "end", "event"], str, int]
"""What happened, which digit, and the place in the caller's audio in ms."""

DETECTION_MS = 40
"""How much of a tone is heard before it is known."""

BOTH: list[Step] = [
    ("tone", "0", 100),
    ("end", "0", 160),
    ("event", "0", 165),
]
"""A press by both carriages, in its time: from here on both are in use."""


def _presses(steps: Sequence[Step]) -> list[tuple[str, int, int]]:
    """
    Give each press: which, where it began and when it was reported, in ms.
    """
    log = PressLog()
    reported: list[tuple[str, int, int]] = []

    def let_pass(until_ms: float) -> None:
        while (due := log.deadline()) is not None and due * 1000 <= until_ms:
            log.handle_deadline(at_sample=round(due * 8000), now=due)
            take(round(due * 1000))

    def take(at_ms: int) -> None:
        reported.extend((p.digit, p.start_sample // 8, at_ms) for p in log.poll())

    for what, digit, at_ms in steps:
        # A tone is known a while after it began.
        now_ms = at_ms + DETECTION_MS if what == "tone" else at_ms
        let_pass(now_ms)
        match what:
            case "tone":
                log.receive_tone(
                    digit, at_ms * 8, at_sample=now_ms * 8, now=now_ms / 1000
                )
            case "end":
                log.receive_tone_end(
                    digit, at_ms * 8, at_sample=now_ms * 8, now=now_ms / 1000
                )
            case "event":
                log.receive_event(digit, at_ms * 8, now=now_ms / 1000)
        take(now_ms)
    let_pass(1e9)
    assert log.deadline() is None
    return reported


def _digits(steps: Sequence[Step]) -> str:
    return "".join(digit for digit, _, _ in _presses(steps))


def _tone(digit: str, start_ms: int, end_ms: int) -> list[Step]:
    return [("tone", digit, start_ms), ("end", digit, end_ms)]


def _in_order(*parts: Sequence[Step]) -> list[Step]:
    """
    Put steps in the order in which they become known.
    """

    def known(step: Step) -> int:
        what, _, at_ms = step
        return at_ms + {"tone": DETECTION_MS, "end": 15, "event": 0}[what]

    return sorted((step for part in parts for step in part), key=known)


@pytest.mark.parametrize(
    ("steps", "presses"),
    [
        # The table of the module, each press with its begin.
        (_tone("5", 1000, 1100), [("5", 1000)]),
        ([("event", "5", 1000)], [("5", 1000)]),
        ([*_tone("5", 1000, 1100), ("event", "5", 1100)], [("5", 1000)]),
        ([("event", "5", 950), *_tone("5", 1000, 1100)], [("5", 950)]),
        (
            [*_tone("5", 1000, 1100), *_tone("5", 1200, 1300)],
            [("5", 1000), ("5", 1200)],
        ),
        ([("event", "5", 1000), ("event", "5", 1200)], [("5", 1000), ("5", 1200)]),
        (
            [*_tone("5", 1000, 1100), ("event", "5", 1100), *_tone("5", 1200, 1300)],
            [("5", 1000), ("5", 1200)],
        ),
        (
            [*_tone("5", 1000, 1100), ("event", "5", 1100), ("event", "5", 1200)],
            [("5", 1000), ("5", 1200)],
        ),
        # While the key is down, however long.
        (
            [("tone", "5", 1000), ("event", "5", 1040), ("end", "5", 1100)],
            [("5", 1000)],
        ),
        (
            [("tone", "5", 1000), ("event", "5", 31_000), ("end", "5", 31_001)],
            [("5", 1000)],
        ),
        # As late and as early as the tolerance, and no more.
        ([*_tone("5", 1000, 1100), ("event", "5", 1500)], [("5", 1000)]),
        (
            [*_tone("5", 1000, 1100), ("event", "5", 1501)],
            [("5", 1000), ("5", 1501)],
        ),
        ([("event", "5", 600), *_tone("5", 1000, 1100)], [("5", 600)]),
        ([("event", "5", 599), *_tone("5", 1000, 1100)], [("5", 599), ("5", 1000)]),
        # Another key is another press.
        (
            [*_tone("5", 1000, 1100), ("event", "6", 1150)],
            [("5", 1000), ("6", 1150)],
        ),
        # A remnant of the tone that the network clipped.
        ([("event", "5", 1000), *_tone("5", 1020, 1045)], [("5", 1000)]),
        # Twenty of the same key by both carriages are twenty.
        (
            [
                step
                for n in range(20)
                for step in (
                    ("event", "5", 1000 + 200 * n),
                    *_tone("5", 1010 + 200 * n, 1100 + 200 * n),
                )
            ],
            [("5", 1000 + 200 * n) for n in range(20)],
        ),
    ],
)
def test_press_is_one_however_it_comes(
    steps: list[Step], presses: list[tuple[str, int]]
) -> None:
    """
    Each press counts once, from where it was first known to begin.
    """
    assert [(digit, start) for digit, start, _ in _presses(steps)] == presses


PAIR = [*_tone("5", 1000, 1060), *_tone("5", 1120, 1180)]
"""Two equal digits 60 ms apart."""


@pytest.mark.parametrize("first_ms", [700, 800, 940, 1000, 1060, 1130, 1300, 1360])
@pytest.mark.parametrize("second_ms", [820, 1000, 1060, 1120, 1180, 1300, 1480])
def test_two_equal_digits_are_two_wherever_their_events_come(
    first_ms: int, second_ms: int
) -> None:
    """
    Two presses of a key 60 ms apart, with events up to 300 ms early or late, one
    of them or both: two presses.
    """
    if first_ms <= second_ms:
        events: list[Step] = [("event", "5", first_ms), ("event", "5", second_ms)]
        assert _digits(_in_order(PAIR, events)) == "55"
        assert _digits(_in_order(BOTH, PAIR, events)) == "055"
        # One of the tones is lost.
        assert _digits(_in_order(BOTH, PAIR[:2], events)) == "055"
        assert _digits(_in_order(BOTH, PAIR[2:], events)) == "055"
    for event_ms in (first_ms, second_ms):
        event: list[Step] = [("event", "5", event_ms)]
        assert _digits(_in_order(PAIR, event)) == "55"
        assert _digits(_in_order(BOTH, PAIR, event)) == "055"


@pytest.mark.parametrize(
    ("steps", "keyed"),
    [
        # A tone was lost, and its event comes after the tone that follows.
        (
            _in_order(
                _tone("6", 1120, 1180), [("event", "5", 1300), ("event", "6", 1400)]
            ),
            "56",
        ),
        # An event was lost, and the next comes before the tone.
        (_in_order(_tone("5", 1000, 1060), [("event", "6", 850)]), "56"),
        # An order that the events tell, although their places would not.
        (
            _in_order(
                [*_tone("5", 1000, 1060), *_tone("7", 1240, 1300)],
                [("event", "6", 1330), ("event", "7", 1400)],
            ),
            "567",
        ),
        # The sixes are a pair; the fives before and after them cannot be one.
        (
            _in_order(
                [*_tone("5", 1000, 1060), *_tone("6", 1120, 1180)],
                [("event", "6", 1125), ("event", "5", 1245)],
            ),
            "565",
        ),
        # A first tone lost, the rest told late: not the first event's tone.
        (
            _in_order(
                [*_tone("6", 1120, 1180), *_tone("5", 1240, 1300)],
                [("event", "5", 1310), ("event", "6", 1420), ("event", "5", 1530)],
            ),
            "565",
        ),
        # All events at once.
        (
            _in_order(
                [s for n in range(3) for s in _tone("5", 1000 + 90 * n, 1050 + 90 * n)],
                [("event", "5", 1400)] * 3,
            ),
            "555",
        ),
    ],
)
def test_presses_are_reported_in_the_order_of_the_keys(
    steps: list[Step], keyed: str
) -> None:
    """
    Where both carriages are in use, what one of them lost is put in its place.
    """
    if steps[0] == ("event", "6", 850):
        # Places tell the order only where the lateness is known.
        early: list[Step] = [("event", "0", 100), *_tone("0", 350, 410)]
        assert _digits([*early, *steps]) == "0" + keyed
        return
    assert _digits([*BOTH, *steps]) == "0" + keyed


@pytest.mark.parametrize("event_ms", [700, 1000, 2000, 3000, 3300])
def test_long_press_is_one(event_ms: int) -> None:
    """
    A key held for two seconds is one press, with its event at the start or at the
    end, and the next is another.
    """
    steps = [*_tone("5", 1000, 3000), *_tone("5", 3100, 3160)]
    event: list[Step] = [("event", "5", event_ms)]
    assert _digits(_in_order(BOTH, steps, event)) == "055"
    later: list[Step] = [*event, ("event", "5", max(event_ms, 3170))]
    assert _digits(_in_order(BOTH, steps, later)) == "055"


def test_duration_tells_where_an_event_began() -> None:
    """
    A press whose tone was clipped to its first 40 ms is one with an event at its
    end that tells how long it was; nobody believes a minute.
    """
    for duration_ms, expected in ((1500, 1), (0, 2), (60_000, 1), (-60_000, 2)):
        log = PressLog()
        log.receive_tone("5", 8000, at_sample=8320, now=1.04)
        log.receive_tone_end("5", 8320, at_sample=8480, now=1.06)
        log.receive_event("5", 8 * 2500, duration_ms * 8, now=2.5)
        log.handle_deadline(at_sample=8 * 3500, now=3.5)
        assert len(log.poll()) == expected
    log = PressLog()
    log.receive_event("5", 80_000, 8000, now=10.0)
    assert log.poll() == [Press("5", 72_000)]
    log.receive_event("5", 160_000, 80_000_000, now=20.0)
    assert log.poll() == [Press("5", 120_000)]


def test_press_does_not_wait_where_only_one_carriage_is_in_use() -> None:
    """
    Tones only, or events only: each is reported the moment it is known.
    """
    tones = [_tone("5", at, at + 60) for at in range(1000, 3000, 120)]
    for _, start, reported in _presses(_in_order(*tones)):
        assert reported == start + DETECTION_MS
    events: list[Step] = [("event", "5", at) for at in range(1000, 3000, 120)]
    for _, start, reported in _presses(events):
        assert reported == start


def test_press_that_both_tell_of_waits_for_nothing_else() -> None:
    """
    The second telling ends the wait; a press told once waits its time, and one
    minute after the last event nothing waits any more.
    """
    hold_ms = round(HOLD_S * 1000)
    late: list[Step] = [*_tone("5", 1000, 1060), ("event", "5", 1190)]
    assert _presses([*BOTH, *late])[1] == ("5", 1000, 1190)
    assert _presses([*BOTH, *_tone("5", 1000, 1060)])[1] == (
        ("5", 1000, 1000 + DETECTION_MS + hold_ms)
    )
    assert _presses([*BOTH, ("event", "5", 1000)])[1] == ("5", 1000, 1000 + hold_ms)
    assert _presses([*BOTH, *_tone("5", 60_100, 60_160)])[1][2] == 60_140 + hold_ms
    assert _presses([*BOTH, *_tone("5", 60_200, 60_260)])[1][2] == 60_240


def test_event_waits_for_a_tone_that_may_have_begun_before_it() -> None:
    """
    A patient event is held on a line on which no tone was heard yet, and takes
    the tone's begin.
    """
    log = PressLog()
    log.receive_event("5", 8000, patient=True, now=1.0)
    assert log.poll() == []
    log.receive_tone("5", 7900, at_sample=8200, now=1.03)
    assert log.poll() == [Press("5", 7900)]
    log.receive_event("6", 16_000, patient=True, now=2.0)
    assert log.deadline() == 2.0 + HOLD_S
    log.handle_deadline(at_sample=16_100, now=2.01)
    assert log.poll() == []


def test_press_log_is_not_disturbed_by_the_end_of_what_it_does_not_know() -> None:
    """
    The end of a tone that nobody reported changes nothing.
    """
    steps: list[Step] = [("end", "5", 900), ("event", "5", 1000), ("end", "5", 1010)]
    assert _digits([*steps, *_tone("5", 1020, 1100)]) == "5"


def test_tone_whose_end_was_not_told_ends_with_the_next() -> None:
    """
    No two keys sound at once: a tone left open takes no event of much later.
    """
    steps: list[Step] = [
        ("tone", "5", 1000),
        *_tone("6", 1200, 1260),
        ("event", "5", 5000),
    ]
    assert _digits(steps) == "565"


def test_press_log_does_not_grow_with_nonsense() -> None:
    """
    A flood of events is reported, each once, and nothing of it is kept.
    """
    log = PressLog()
    log.receive_tone("1", 0, at_sample=320, now=0.0)
    for n in range(10 * MAX_OPEN):
        log.receive_event("23"[n % 2], 400, now=0.1)
    log.handle_deadline(at_sample=10_000, now=10.0)
    assert len(log.poll()) == 1 + 10 * MAX_OPEN
    assert len(log._tones) + len(log._events) <= MAX_OPEN


# Schedules.


@dataclass(frozen=True, slots=True)
class Keyed:
    """
    One press as it was made, and by what it was told; times in ms.
    """

    digit: str
    start: int
    end: int
    by_tone: bool
    by_event: bool
    event: int
    """When its event arrives."""


@st.composite
def schedules(draw: st.DrawFn) -> list[Keyed]:
    """
    Draw presses on for 60 ms or more and off for 60 ms or more, a few of them
    held for seconds, many of the same key. Events come in order, at a press's
    start or end, early or late by up to 300 ms; now and then several at once.

    Of the presses between two pauses of 1.5 s one carriage tells all and the
    other leaves out what chance has it: so nothing is ambiguous.
    """
    keys = st.sampled_from("55556") | digits
    at, last_event = 2000, 0
    presses: list[Keyed] = []
    for _ in range(draw(st.integers(1, 3))):
        lead = draw(st.sampled_from(["tone", "event"]))
        lateness = draw(st.integers(-300, 300))
        jitter = draw(st.sampled_from([0, 20, 300]))
        at_end = draw(st.booleans())
        for _ in range(draw(st.integers(1, 8))):
            is_long = draw(st.integers(0, 9)) == 0
            shortest, longest = (1000, 4000) if is_long else (60, 200)
            end = at + draw(st.integers(shortest, longest))
            stray = lateness + draw(st.integers(-jitter, jitter))
            event = (end if at_end else at) + max(-300, min(300, stray))
            if draw(st.integers(0, 4)) == 0:
                event = end + 300
            # None overtakes the one before it: they come at once.
            last_event = event = max(event, last_event)
            by = draw(st.sampled_from(["both", "both", lead]))
            presses.append(
                Keyed(draw(keys), at, end, by != "event", by != "tone", event)
            )
            at = end + draw(st.integers(60, 250))
        at += 1500
    return presses


LATENESSES_MS = st.integers(-250, 250)
JITTER_MS = 20


@st.composite
def split_schedules(draw: st.DrawFn, lateness: int) -> list[Keyed]:
    """
    Draw presses that both carriages lose some of, events at a press's start with
    one lateness and little jitter, no key twice between two pauses.
    """
    at = 4000
    presses: list[Keyed] = []
    for _ in range(draw(st.integers(1, 3))):
        for digit in draw(st.lists(digits, min_size=1, max_size=8, unique=True)):
            end = at + draw(st.integers(60, 200))
            event = at + lateness + draw(st.integers(-JITTER_MS, JITTER_MS))
            by = draw(st.sampled_from(["both", "tone", "event"]))
            presses.append(Keyed(digit, at, end, by != "event", by != "tone", event))
            at = end + draw(st.integers(60, 250))
        at += 1500
    return presses


def _told(presses: Sequence[Keyed], frame_ms: int) -> list[tuple[int, int, Step]]:
    """
    Give what becomes known in which ms of real time, in order, with audio in
    frames of a length; the place of an event is the audio that has come by then.
    """
    told: list[tuple[int, int, Step]] = []
    for n, press in enumerate(presses):
        if press.by_tone:
            known = -(-(press.start + DETECTION_MS) // frame_ms) * frame_ms
            over = -(-(press.end + 15) // frame_ms) * frame_ms
            told.append((known, 3 * n, ("tone", press.digit, press.start)))
            told.append((max(over, known), 3 * n + 1, ("end", press.digit, press.end)))
        if press.by_event:
            told.append((press.event, 3 * n + 2, ("event", press.digit, press.event)))
    return sorted(told, key=itemgetter(0, 1))


def _play(presses: Sequence[Keyed], frame_ms: int, log: PressLog) -> str:
    reported = ""
    for now_ms, _, (what, digit, at_ms) in _told(presses, frame_ms):
        now, heard = now_ms / 1000, now_ms // frame_ms * frame_ms * 8
        while (due := log.deadline()) is not None and due <= now:
            log.handle_deadline(at_sample=heard, now=due)
        match what:
            case "tone":
                log.receive_tone(digit, at_ms * 8, at_sample=heard, now=now)
            case "end":
                log.receive_tone_end(digit, at_ms * 8, at_sample=heard, now=now)
            case "event":
                log.receive_event(digit, heard, now=now)
        reported += "".join(press.digit for press in log.poll())
    while (due := log.deadline()) is not None:
        log.handle_deadline(at_sample=round(due * 8000), now=due)
        reported += "".join(press.digit for press in log.poll())
    return reported


def _used_log(lateness: int = 5) -> PressLog:
    """
    Give a log on whose line both carriages are known to be in use.
    """
    log = PressLog()
    before = [
        Keyed("0", at, at + 100, True, True, at + lateness) for at in (300, 1000, 1700)
    ]
    assert _play(before, 20, log) == "000"
    return log


often = settings(stable, max_examples=300)


@often
@given(schedules(), st.sampled_from([10, 20, 60, 100]))
def test_what_was_keyed_comes_out_in_order(presses: list[Keyed], frame_ms: int) -> None:
    """
    Whatever is told late, early, at once, or by one carriage only: what was keyed
    comes out, each press once, in the order of the keys.
    """
    keyed = "".join(press.digit for press in presses)
    assert _play(presses, frame_ms, _used_log()) == keyed


@often
@given(schedules(), st.sampled_from([10, 20, 60, 100]))
def test_what_was_keyed_comes_out_on_an_unknown_line(
    presses: list[Keyed], frame_ms: int
) -> None:
    """
    From the first press of a call on no press is lost or doubled; before anybody
    knew of events, two may come in the other order.
    """
    keyed = Counter(press.digit for press in presses)
    assert Counter(_play(presses, frame_ms, PressLog())) == keyed


@often
@given(st.data(), LATENESSES_MS, st.sampled_from([10, 20]))
def test_what_both_carriages_lose_some_of_is_put_together(
    data: st.DataObject, lateness: int, frame_ms: int
) -> None:
    """
    On a line whose lateness has been learned, presses that only the one and
    presses that only the other tells of come out in the order of the keys.
    """
    presses = data.draw(split_schedules(lateness))
    keyed = "".join(press.digit for press in presses)
    assert _play(presses, frame_ms, _used_log(lateness)) == keyed
