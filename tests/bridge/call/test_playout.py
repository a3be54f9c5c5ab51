"""
The playout meter: when a far end's queue is too long.
"""

import pytest

from bridge.call.playout import PLAYOUT_LIMIT_S, PlayoutMeter


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        # Real time: every frame is played before the next one is sent.
        ([(160, 0.0), (160, 0.02), (160, 0.04)], [False] * 3),
        # A stall, and then everything at once.
        (
            [(160, 0.0), *[(1000, 1.0)] * 3, (160, 1.0)],
            [False, False, False, False, True],
        ),
        # Just the limit is no more than the limit.
        ([(2000, 0.0), (1, 0.0), (160, 0.0)], [False, False, True]),
        ([(2001, 0.0), (160, 0.0)], [False, True]),
        # What was played in the meantime does not wait any more.
        ([(4000, 0.0), (160, 0.25)], [False, False]),
        ([(4000, 0.0), (160, 0.24)], [False, True]),
        # What was thrown away does not either.
        (
            [(8000, 0.0), (2000, 0.0), (1, 0.0), (160, 0.0)],
            [False, True, False, True],
        ),
        # An old queue is no credit.
        ([(160, 0.0), (2000, 90.0), (1, 90.0), (1, 90.0)], [False] * 3 + [True]),
    ],
)
def test_meter_tells_when_more_than_the_limit_waits(
    added: list[tuple[int, float]], expected: list[bool]
) -> None:
    """
    A queue that is longer than the limit, here 250 ms, is thrown away before
    anything is added to it.
    """
    meter = PlayoutMeter(0.25)
    assert [meter.add(n_samples, now) for n_samples, now in added] == expected


def test_meter_has_a_limit_of_its_own() -> None:
    """
    Two tenths of a second are the limit if none is given.
    """
    assert PLAYOUT_LIMIT_S == 0.2
    meter = PlayoutMeter()
    assert [meter.add(1599, 0.0), meter.add(2, 0.0), meter.add(1, 0.0)] == [
        False,
        False,
        True,
    ]


def test_meter_keeps_the_limit_it_is_given() -> None:
    """
    A limit of nought throws away whatever waits at all.
    """
    meter = PlayoutMeter(0.0)
    assert [meter.add(160, now) for now in (0.0, 0.0, 0.02, 0.03)] == [
        False,
        True,
        False,
        True,
    ]


def test_meter_tells_when_all_has_been_played() -> None:
    """
    Before anything was sent, after its time, and after it was thrown away.
    """
    meter = PlayoutMeter()
    assert meter.is_empty(0.0)
    meter.add(160, 1.0)
    assert not meter.is_empty(1.019)
    assert meter.is_empty(1.021)
    meter.add(160, 2.0)
    meter.clear()
    assert meter.is_empty(2.0)
    assert not meter.add(160, 2.0)
    assert not meter.is_empty(2.0)
