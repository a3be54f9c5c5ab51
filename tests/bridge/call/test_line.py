"""
The delay line: octets are joined to analysis by their places.
"""

import pytest

from bridge.call.line import DelayLine
from tests.bridge.call.sessions import DELAY, analysed
from tests.support.media import QUIET, encode, noise


def test_line_gives_octets_one_look_ahead_late() -> None:
    """
    Silence for one look-ahead, then what was put in, gaps included.
    """
    line = DelayLine(DELAY)
    octets = noise(500)
    line.put(octets)
    line.put_gap(100)
    assert line.n_received == 600
    heard = line.take(analysed(400, 400)) + line.take(analysed(200, 600))
    assert heard == (QUIET * DELAY + octets + QUIET * 100)[:600]
    assert line.n_received == 600


@pytest.mark.parametrize("n_lost", [1, 80, 160, 400])
def test_line_drops_what_analysis_never_gave_back(n_lost: int) -> None:
    """
    A stretch that nobody looked at is not heard, and what comes after it is not
    taken for it.
    """
    line = DelayLine(DELAY)
    octets = noise(1600)
    line.put(octets)
    line.take(analysed(160, 160))
    heard = line.take(analysed(800, 160 + n_lost + 800))
    assert heard[:DELAY] == QUIET * DELAY
    start = 160 + n_lost
    assert heard[DELAY:] == octets[start : start + 800 - DELAY]
    given_back = analysed(100, 160 + n_lost + 900, masked=slice(100))
    assert line.take(given_back) == encode(given_back.audio)


def test_line_that_was_cleared_gives_nothing() -> None:
    """
    What was in it is gone.
    """
    line = DelayLine(DELAY)
    line.put(noise(500))
    line.clear()
    assert line.take(analysed(160, 160)) == b""
