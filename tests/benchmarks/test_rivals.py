"""
Rivals: the rules, on verdicts made by hand; and with libspandsp, against what was
measured of the real systems.
"""

import numpy as np
import pytest

from benchmarks import attack, peers, rivals
from benchmarks.channels import RATE
from benchmarks.leak_lines import LINES, draw
from benchmarks.rivals import Verdicts, runs
from dtmf_engine.arrays import Bool


needs_spandsp = pytest.mark.skipif(
    not peers.has_spandsp(), reason="libspandsp2 is not installed"
)


def _verdicts(first: int, last: int, n_blocks: int = 40) -> Verdicts:
    """
    Hits and a digit in blocks `first` to `last`; blocks end every 102 samples.
    """
    on = np.zeros(n_blocks, dtype=np.bool_)
    on[first : last + 1] = True
    return Verdicts(n_blocks * 102, on, on)


def _span(masked: Bool) -> tuple[int, int]:
    (only,) = runs(masked)
    return only


def test_runs_are_stretches_of_true() -> None:
    """
    Also where they touch either end, and where there is none.
    """
    assert runs(np.array([True, True, False, True])) == [(0, 2), (3, 4)]
    assert runs(np.zeros(3, dtype=np.bool_)) == []


def test_mute_at_once_begins_when_the_digit_is_known() -> None:
    """
    From the end of the block that decides to the end of the one that ends it.
    """
    said = _verdicts(9, 14)
    assert _span(rivals.mute_at_once(said)) == (1020, 16 * 102)
    assert _span(rivals.mute_at_once(said, 296)) == (1020 - 296, 16 * 102)


@pytest.mark.parametrize(("buffer_ms", "frames"), [(1, 0), (20, 1), (60, 3), (100, 5)])
def test_rtpengine_silences_frames_on_both_sides(buffer_ms: int, frames: int) -> None:
    """
    Known at 1020, reported at the frame's end 1120; ended at 1632, reported at 1760.
    """
    masked = rivals.rtpengine(_verdicts(9, 14), buffer_ms)
    assert _span(masked) == (1120 - frames * 160, 1760 + frames * 160)


def test_squelch_keeps_to_the_frame_in_hand() -> None:
    """
    A block that ends at sample 1020 reaches back into the frame before: not muted.
    """
    masked = rivals.squelch(_verdicts(9, 9))
    assert _span(masked) == (960, 1120)
    inside = rivals.squelch(_verdicts(10, 10))
    assert _span(inside) == (1120, 1224)


@needs_spandsp
@pytest.mark.peer
def test_rtpengine_is_modelled_as_it_was_measured() -> None:
    """
    On a loopback, version 10.5 leaked 19 ms of a tone and silenced 93 ms for one of
    60 ms with 20 ms of buffer; 2.1 and 133 ms with 40; nothing and 173 ms with 60.
    """
    calls = [draw(LINES["equal presses"], 4, number) for number in range(16)]
    wanted = {20: (19.0, 93.0), 40: (2.1, 133.0), 60: (0.0, 173.0)}
    for buffer_ms, (leak, silence) in wanted.items():
        name = f"rtpengine {buffer_ms} ms"
        outcomes = [
            outcome
            for call in calls
            for outcome in attack.judge(
                call, attack.through_rivals([name], call)[name], 4
            )
        ]
        leaked = np.mean([o.leaked_samples for o in outcomes]) * 1000 / RATE
        masked = np.mean([o.masked_samples for o in outcomes]) * 1000 / RATE
        assert abs(leaked - leak) <= 2.0
        assert abs(masked - silence) <= 5.0
