"""
Leg: when it may be left alone.
"""

import numpy as np

from dtmf_engine.leg import Leg
from dtmf_engine.masker import Masker


def _leg() -> Leg:
    return Leg(Masker(160), seed=0)


def test_leg_is_idle_when_new() -> None:
    """
    A leg that has heard nothing needs no walk.
    """
    assert _leg().is_idle(0)


def test_leg_is_not_idle_while_a_mask_reaches_ahead() -> None:
    """
    A mask must be watched to its end, and no further.
    """
    leg = _leg()
    leg.mask(400, np.zeros(400, dtype=np.int16))
    end = leg.masker.spans[-1].full_until
    assert end > 400
    assert not leg.is_idle(end - 1)
    assert leg.is_idle(end)


def test_leg_is_not_idle_while_everything_is_masked() -> None:
    """
    A capture under the strict policy keeps every leg busy.
    """
    leg = _leg()
    leg.masker.everything = True
    assert not leg.is_idle(0)
