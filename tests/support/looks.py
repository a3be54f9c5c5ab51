"""
Looks for tests: taken of finished audio one by one, and made by hand.
"""

from collections.abc import Iterable

import numpy as np

from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.hops import (
    HOP,
    MARGIN_SAMPLES,
    Hop,
    Hops,
    measure_filtered_hop,
    measure_hop,
)
from dtmf_engine.looks import LONG_HOPS, LOOK, Look, Looks
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


def looks_at(hops: Hops, ends: Iterable[int]) -> Looks:
    """
    Look at the sixteen hops up to each of some.
    """
    orders = [np.arange(end - LONG_HOPS + 1, end + 1) for end in ends]
    looks = np.zeros(len(orders), dtype=LOOK)
    for look, order in zip(looks, orders, strict=True):
        measure_pair(hops, order, look)
    return looks


def looks_of(audios: Iterable[Audio]) -> Looks:
    """
    Look at the end of each piece of audio, and score what is seen.
    """
    looks = np.concatenate(
        [looks_at(measured(audio[-LOOK_SAMPLES:]), [LONG_HOPS - 1]) for audio in audios]
    )
    for look in looks:
        score(look)
    return looks


def one(looks: Looks, i: int = 0) -> Look:
    """
    Give one of several looks, with its fields as attributes.
    """
    look: Look = looks.view(np.recarray)[i]
    return look


def one_hop(hops: Hops, i: int = 0) -> Hop:
    """
    Give one of several hops, with its fields as attributes.
    """
    hop: Hop = hops.view(np.recarray)[i]
    return hop


def are_same(records: Looks | Hops, others: Looks | Hops) -> bool:
    """
    Tell whether records are equal in every bit of every field.
    """
    names = records.dtype.names
    assert names
    return records.dtype == others.dtype and all(
        records[name].tobytes() == others[name].tobytes() for name in names
    )
