"""
Edges: where sound begins and ends, whatever it is.

Looks hear one key a hop sooner or later than another, and the mask over it would
begin or end by that much earlier: too little to be used, but it would tell something
of the key. Whether a hop of 2.5 ms is loud depends on no frequency, so a mask that
keeps to hops counted from an edge is the same for every key.
"""

import numpy as np

from dtmf_engine.arrays import Bool, Int16
from dtmf_engine.compiled import compiled
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.units import ratio_from_db


EDGE_HOPS = 8
"""How many hops are compared: as many as the look-ahead has."""

REACH_SAMPLES = EDGE_HOPS * HOP_SAMPLES

_LOUD = ratio_from_db(-30.0)
"""
Of the loudest hop: what a pair of tones does in its first two samples is more, unless
both of them begin at nought.
"""

_OVER_NOISE = 5.0
"""Of the quietest hop: noise seldom varies by so much over 20 ms."""

_CONTRAST = 50.0
"""
The least ratio between the loudest hop and the quietest: 14 dB of a tone over noise.

Where there is less, the first hops of a press may pass for noise.
"""


@compiled
def _loud(recent: Int16) -> Bool:
    """
    Tell which of the last hops are loud, [shape=(8,)], oldest first.

    All are where there is no edge, none in digital silence.
    """
    first = len(recent) - REACH_SAMPLES
    power = np.zeros(EDGE_HOPS)
    for place in range(REACH_SAMPLES):
        sample = float(recent[first + place])
        power[place // HOP_SAMPLES] += sample * sample
    least, most = power.min(), power.max()
    if most < _CONTRAST * least:
        return np.ones(EDGE_HOPS, dtype=np.bool_)
    return np.asarray(power > max(_LOUD * most, _OVER_NOISE * least))


@compiled
def hops_since_begin(recent: Int16) -> int:
    """
    Count the hops since sound began out of quiet, that of its first sample included.

    Args:
        recent: [shape=(n,)] audio up to the end of a hop, 160 samples at the least.

    Returns:
        1 to 7; 0 if there was sound before.
    """
    loud = _loud(recent)
    if loud[0]:
        return 0
    for hop in range(1, EDGE_HOPS):
        if loud[hop]:
            return EDGE_HOPS - hop
    return 0


@compiled
def hops_since_end(recent: Int16) -> int:
    """
    Count the hops that are quiet since sound ended.

    Args:
        recent: [shape=(n,)] audio up to the end of a hop, 160 samples at the least.

    Returns:
        1 to 7; 0 if it goes on, or there is none.
    """
    loud = _loud(recent)
    for quiet in range(EDGE_HOPS):
        if loud[EDGE_HOPS - 1 - quiet]:
            return quiet
    return 0
