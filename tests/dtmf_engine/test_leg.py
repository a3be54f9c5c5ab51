"""
Leg: when it may be left alone.
"""

import numpy as np

from dtmf_engine.decision import Hit, Limits, ToneTracker
from dtmf_engine.leg import Leg
from dtmf_engine.masker import Masker
from dtmf_engine.profiles import DEFAULT


def _leg() -> Leg:
    return Leg(ToneTracker(Limits.of(DEFAULT)), Masker(160), seed=0)


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


def test_leg_is_not_idle_while_a_tone_is_open() -> None:
    """
    A tone must be watched until it is over.
    """
    leg = _leg()
    leg.tracker.step(Hit("5", 1e6, 1e6, 2e6), 100)
    assert not leg.is_idle(100)


def test_leg_is_not_idle_while_everything_is_masked() -> None:
    """
    A capture under the strict policy keeps every leg busy.
    """
    leg = _leg()
    leg.masker.everything = True
    assert not leg.is_idle(0)
