"""
Presses: tones and events of one key press are one.
"""

from typing import Literal, TypeAlias

import pytest

from bridge.call.presses import PressLog


Step: TypeAlias = tuple[Literal["tone", "end", "event"], str, int]
"""What happened, which digit, and the place in the caller's audio in ms."""


def _presses(steps: list[Step]) -> list[tuple[str, int]]:
    """
    Give each press that counts, with where it began in ms.
    """
    log = PressLog()
    counted = []
    for what, digit, at_ms in steps:
        start: int | None = None
        match what:
            case "tone":
                # It is known 40 ms after its begin.
                start = log.tone(digit, at_ms * 8, at_ms * 8 + 320)
            case "end":
                log.tone_ended(digit, at_ms * 8)
            case "event":
                start = log.event(digit, at_ms * 8)
        if start is not None:
            counted.append((digit, start // 8))
    return counted


def _tone(digit: str, start_ms: int, end_ms: int) -> list[Step]:
    return [("tone", digit, start_ms), ("end", digit, end_ms)]


@pytest.mark.parametrize(
    ("steps", "presses"),
    [
        # The table of the module.
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
            [
                *_tone("5", 1000, 1100),
                ("event", "5", 1100),
                *_tone("5", 1200, 1300),
            ],
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
        # As late and as early as 300 ms, and no more.
        ([*_tone("5", 1000, 1100), ("event", "5", 1400)], [("5", 1000)]),
        (
            [*_tone("5", 1000, 1100), ("event", "5", 1401)],
            [("5", 1000), ("5", 1401)],
        ),
        ([("event", "5", 700), *_tone("5", 1000, 1100)], [("5", 700)]),
        ([("event", "5", 699), *_tone("5", 1000, 1100)], [("5", 699), ("5", 1000)]),
        # Another key is another press.
        (
            [*_tone("5", 1000, 1100), ("event", "6", 1050)],
            [("5", 1000), ("6", 1050)],
        ),
        # Events of two presses that come after both tones, and before both.
        (
            [
                *(*_tone("5", 1000, 1060), *_tone("5", 1120, 1180)),
                *(("event", "5", 1240), ("event", "5", 1300)),
            ],
            [("5", 1000), ("5", 1120)],
        ),
        (
            [
                *(("event", "5", 900), ("event", "5", 960)),
                *(*_tone("5", 1000, 1060), *_tone("5", 1120, 1180)),
            ],
            [("5", 900), ("5", 960)],
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
    assert _presses(steps) == presses


def test_press_log_is_not_disturbed_by_the_end_of_what_it_does_not_know() -> None:
    """
    The end of a tone that nobody reported changes nothing.
    """
    steps: list[Step] = [("end", "5", 900), ("event", "5", 1000), ("end", "5", 1010)]
    assert _presses([*steps, *_tone("5", 1020, 1100)]) == [("5", 1000)]
