"""
The close look: at every hop that was asked for, of every leg, in one call.

Looks at neighbouring hops share all but one of their sixteen hops, so sums over
hops are kept in a ring.
"""

from typing import Final, NamedTuple

import numpy as np

from dtmf_engine.arrays import Bool, Index, Int16
from dtmf_engine.compiled import compiled
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.hops import (
    HOP,
    MARGIN_SAMPLES,
    Hops,
    measure_filtered_hop,
    measure_hop,
)
from dtmf_engine.looks import LONG_HOPS, LOOK, ROOM, Looks, Room
from dtmf_engine.pairs import measure_pair
from dtmf_engine.recent import Heard
from dtmf_engine.scoring import score
from dtmf_engine.sights import AllLimits, judge


class Wanted(NamedTuple):
    """
    Which of the k hops of m legs to look at, [shape=(m, k)].
    """

    worth: Bool
    """For the detector."""
    highpass: Bool
    """Whether the detector is to listen through the high-pass."""
    watched: Bool
    """For a masker."""


REACH_SAMPLES: Final = LONG_HOPS * HOP_SAMPLES + MARGIN_SAMPLES
"""
What a look reaches back to: 16 hops, the filter before them, and what of a hop had
come before.
"""

_RING: Final = LONG_HOPS
"""Slots for hops, one for each of a look."""

_NEVER: Final = -(2**62)

_DIRECT: Final = 0
_FILTERED: Final = 1
"""Ways of listening."""


def look_closely(
    heard: Heard, before: Index, wanted: Wanted, limits: AllLimits, which: Index
) -> Looks:
    """
    Look at all hops that are wanted.

    A masker is told of direct looks only: the high-pass comes too late for it.

    Args:
        heard: the new samples of m legs, and `REACH_SAMPLES` before them.
        before: [shape=(m,)] how many samples of each leg's stream there were before;
            all legs stand at the same place inside a hop.
        wanted: which hops.
        limits: records of `sights.LIMITS`.
        which: [shape=(m,)] by which of them to judge each leg.

    Returns:
        The looks, in order of legs and hops; where both are wanted, the direct one
        comes before that through the high-pass.
    """
    n = np.count_nonzero(wanted.worth | wanted.watched)
    n += np.count_nonzero(wanted.worth & wanted.highpass)
    looks = np.zeros(n, dtype=LOOK)
    if n:
        ring, room = np.zeros((2, _RING), dtype=HOP), np.zeros(1, dtype=ROOM)
        _look_at_all(heard, before, wanted, limits, which, ring, room[0], looks)
    return looks


@compiled
def _look_at_all(
    heard: Heard,
    before: Index,
    wanted: Wanted,
    limits: AllLimits,
    which: Index,
    ring: Hops,
    room: Room,
    looks: Looks,
) -> None:
    n_legs, n_hops = wanted.worth.shape
    kept = np.empty((2, _RING), dtype=np.int64)
    n = 0
    for leg in range(n_legs):
        kept[:] = _NEVER
        place, carry = divmod(before[leg], HOP_SAMPLES)
        audio, start = heard.audio[heard.row[leg]], heard.start[leg] - carry
        stream = _Stream(audio, start, place)
        for hop in range(n_hops):
            worth, watched = wanted.worth[leg, hop], wanted.watched[leg, hop]
            highpass = worth and wanted.highpass[leg, hop]
            for way in (_DIRECT, _FILTERED):
                if not (highpass if way == _FILTERED else worth or watched):
                    continue
                _gather(stream, hop, way, ring, kept, room)
                look = looks[n]
                n += 1
                look.leg, look.hop = leg, hop
                look.is_filtered = way == _FILTERED
                look.is_worth = worth
                look.is_for_detector = worth and highpass == look.is_filtered
                measure_pair(ring[way], look, room)
                score(look, room)
                if look.is_for_detector:
                    judge(look, limits[which[leg]])


class _Stream(NamedTuple):
    """
    One leg's hops.
    """

    audio: Int16
    """[shape=(n,)]"""
    start: int
    """Where in it the first hop begins."""
    place: int
    """Index of that hop in the stream."""


@compiled
def _gather(
    stream: _Stream, last: int, way: int, ring: Hops, kept: Index, room: Room
) -> None:
    """
    Have the sixteen hops up to one in the ring, and say where.

    Args:
        stream: whose.
        last: the hop.
        way: of listening.
        ring: [shape=(2, 16)] hops, by way.
        kept: [shape=(2, 16)] which hop is in each slot.
        room: with the `order` to write.
    """
    for i in range(LONG_HOPS):
        hop = last - LONG_HOPS + 1 + i
        slot = hop % _RING
        room.order[i] = slot
        if kept[way, slot] == hop:
            continue
        kept[way, slot] = hop
        start, place = stream.start + hop * HOP_SAMPLES, stream.place + hop
        if way == _FILTERED:
            measure_filtered_hop(stream.audio, start, place, ring[way, slot])
        else:
            measure_hop(stream.audio, start, place, ring[way, slot])
