"""
Wanted: which hops of which legs are to be looked at closely.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from dtmf_engine.arrays import Bool


_BATCH_LOOKS = 1024
"""Looks at a time: what is made of them stays in a processor's cache."""


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


def in_batches(hops: Bool) -> Iterator[Bool]:
    """
    Cut wanted hops, [shape=(m, k)], into runs of hops with not too many looks.
    """
    looks = np.cumsum(hops.sum(axis=0))
    if not looks.size or not looks[-1]:
        return
    if looks[-1] <= _BATCH_LOOKS:
        yield hops
        return
    start = 0
    while start < looks.size:
        done = looks[start - 1] if start else 0
        stop = int(np.searchsorted(looks, done + _BATCH_LOOKS, side="right"))
        # One hop of very many legs is not cut.
        stop = max(stop, start + 1)
        some = np.zeros_like(hops)
        some[:, start:stop] = hops[:, start:stop]
        if some.any():
            yield some
        start = stop
