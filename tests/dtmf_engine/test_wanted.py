"""
Wanted: hops to look at, cut into batches.
"""

import numpy as np
import pytest

from dtmf_engine import wanted
from dtmf_engine.wanted import in_batches


def test_nothing_wanted_makes_no_batch() -> None:
    """
    No call is made for nothing.
    """
    assert not list(in_batches(np.zeros((3, 8), dtype=np.bool_)))
    assert not list(in_batches(np.zeros((3, 0), dtype=np.bool_)))


@pytest.mark.parametrize("share", [0.02, 0.5, 1.0])
@pytest.mark.parametrize("most", [1, 7, 64])
def test_batches_are_small_and_lose_nothing(
    share: float, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Every wanted hop is in one batch, in order; none is larger than allowed, unless
    it is one hop of many legs.
    """
    monkeypatch.setattr(wanted, "_BATCH_LOOKS", most)
    hops = np.random.default_rng(1).random((5, 90)) < share
    parts = list(in_batches(hops))
    assert np.array_equal(np.sum(parts, axis=0), hops)
    assert all(part.sum() <= most or part.any(axis=0).sum() == 1 for part in parts)
    firsts = [int(part.any(axis=0).argmax()) for part in parts]
    assert firsts == sorted(firsts)
