"""
Looks for tests: taken of finished audio one by one, and made by hand.
"""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import cast

import numpy as np

from dtmf_engine.arrays import Index
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.hops import (
    HOP,
    MARGIN_SAMPLES,
    Hops,
    measure_filtered_hop,
    measure_hop,
)
from dtmf_engine.looks import LONG_HOPS, LOOK, ROOM, Look, Looks, Room
from dtmf_engine.pairs import measure_pair
from dtmf_engine.scoring import score
from tests.support.tones import Audio


LOOK_SAMPLES = MARGIN_SAMPLES + LONG_HOPS * HOP_SAMPLES
"""All that one look can hear."""


def measured(audio: Audio, *, first_hop: int = 0, highpass: bool = False) -> Hops:
    """
    Measure all whole hops of audio; its first 89 samples are what was before them.
    """
    measure = measure_filtered_hop if highpass else measure_hop
    starts = range(MARGIN_SAMPLES, len(audio) - HOP_SAMPLES + 1, HOP_SAMPLES)
    hops = np.zeros(len(starts), dtype=HOP)
    for i, start in enumerate(starts):
        measure(audio, start, first_hop + i, hops[i])
    return hops


def room_for(order: Index) -> Room:
    """
    Give room for a look at some hops, with nothing in it that could be used.
    """
    room = np.zeros(1, dtype=ROOM)
    for name in set(ROOM.fields or ()) - {"order"}:
        room[name] = np.nan
    room["order"] = order
    made: Room = room[0]
    return made


def looks_at(hops: Hops, ends: Iterable[int]) -> Looks:
    """
    Look at the sixteen hops up to each of some.
    """
    orders = [np.arange(end - LONG_HOPS + 1, end + 1) for end in ends]
    looks = np.zeros(len(orders), dtype=LOOK)
    for i, order in enumerate(orders):
        measure_pair(hops, looks[i], room_for(order))
    return looks


def score_all(looks: Looks) -> None:
    """
    Score looks, each by itself.
    """
    for i in range(len(looks)):
        score(looks[i], room_for(np.zeros(LONG_HOPS, dtype=np.intp)))


def looks_of(audios: Iterable[Audio]) -> Looks:
    """
    Look at the end of each piece of audio, and score what is seen.
    """
    seen = [
        looks_at(measured(audio[-LOOK_SAMPLES:]), [LONG_HOPS - 1]) for audio in audios
    ]
    looks = np.concatenate(seen)
    score_all(looks)
    return looks


def one(looks: Looks, i: int = 0) -> Look:
    """
    Give what one of several looks found, to read.
    """
    # No `np.record`: its own `size` hides the field.
    found = SimpleNamespace(**{name: looks[name][i] for name in LOOK.fields or ()})
    return cast("Look", found)


def are_same(records: Looks | Hops, others: Looks | Hops) -> bool:
    """
    Tell whether records are equal in every bit of every field.
    """
    names = records.dtype.names
    assert names
    return records.dtype == others.dtype and all(
        records[name].tobytes() == others[name].tobytes() for name in names
    )
