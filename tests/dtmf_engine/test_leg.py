"""
Leg: when every hop of it matters.
"""

import numpy as np

from dtmf_engine.leg import KEYING_SAMPLES, WATCH_HOPS, Leg
from dtmf_engine.masker import Masker


def _leg() -> Leg:
    return Leg(Masker(160), seed=0)


def test_a_new_leg_is_left_alone() -> None:
    """
    Where nothing is expected, only hops that the detector looks at anyway matter.
    """
    leg = _leg()
    assert not leg.is_watching(0)
    assert leg.watched_hops(0, 400) == 0


def test_a_mask_is_watched_until_it_has_left_the_look_ahead() -> None:
    """
    As long as what follows could be joined to it.
    """
    leg = _leg()
    leg.mask(400, np.zeros(400, dtype=np.int16))
    end = leg.masker.spans[-1].full_until + leg.masker.delay_samples
    assert leg.is_watching(end - 1)
    assert leg.watched_hops(end - 1, 400) == WATCH_HOPS
    assert not leg.is_watching(end)


def test_a_leg_is_alert_while_armed_and_after_a_press() -> None:
    """
    Presses are expected in a capture, and ten seconds after any of them.
    """
    leg = _leg()
    leg.keying_until = KEYING_SAMPLES
    assert leg.is_alert(KEYING_SAMPLES - 1)
    assert leg.watched_hops(0, 400) == 400
    assert not leg.is_alert(KEYING_SAMPLES)
    leg.masker.armed = True
    assert leg.is_alert(KEYING_SAMPLES)


def test_a_leg_is_watched_while_everything_is_masked() -> None:
    """
    A capture under the strict policy keeps every leg busy.
    """
    leg = _leg()
    leg.masker.everything = True
    assert leg.is_watching(0)
