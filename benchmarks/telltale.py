"""
Telltale: whether a mask itself says which key it hides.

Presses that differ in nothing but the key and the place in a frame (line `equal
presses`) leave masks of some start, end and level. If the masking does not depend on
the digit, nothing about a mask does: an analysis of variance by ranks (Kruskal and
Wallis) finds no difference between the keys, and a classifier that has learnt from the
other masks guesses the key of one no better than blindly.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import kruskal

from benchmarks.attack import Outcome
from benchmarks.channels import KEYS
from benchmarks.results import TelltaleRow
from dtmf_engine.arrays import Float64, Index


LINE = "equal presses"

FEATURES = ("start", "end", "length", "level")

SIGNIFICANCE = 0.001
"""How unlikely luck must be before a difference between keys counts."""

_BINS = 12
_FOLDS = 10


def features(outcomes: Sequence[Outcome]) -> Float64:
    """
    Give what can be seen of each mask, [shape=(n, 4)].

    From where the key went down to the mask's first sample, from where it came up to
    its end, its length (samples), and how loud it is (dB).
    """
    return np.array(
        [(o.mask_start, o.mask_end, o.mask_samples, o.mask_level_db) for o in outcomes],
        dtype=np.float64,
    )


def differences(seen: Float64, keys: Index) -> list[float]:
    """
    Give for each feature how likely chance alone sets the keys so far apart.

    By ranks, because a few masks that noise made longer would hide a difference of
    means. A feature that never varies says nothing: 1.
    """
    groups = [seen[keys == key] for key in np.unique(keys)]
    found = []
    for column in range(seen.shape[1]):
        if np.ptp(seen[:, column]) == 0:
            found.append(1.0)
            continue
        found.append(float(kruskal(*(group[:, column] for group in groups)).pvalue))
    return found


def classify(seen: Float64, keys: Index) -> int:
    """
    Guess each key from its mask, having learnt from the others; count what is right.

    Naive Bayes over histograms, so that a difference of any shape would be used.
    """
    edges = np.quantile(seen, np.linspace(0, 1, _BINS + 1)[1:-1], axis=0)
    binned = np.stack(
        [
            np.searchsorted(edges[:, c], seen[:, c], side="right")
            for c in range(seen.shape[1])
        ],
        axis=1,
    )
    right = 0
    fold = np.arange(len(keys)) % _FOLDS
    for k in range(_FOLDS):
        learn, ask = fold != k, fold == k
        logs = np.zeros((int(ask.sum()), len(KEYS)))
        for column in range(seen.shape[1]):
            counts = np.ones((len(KEYS), _BINS))
            np.add.at(counts, (keys[learn], binned[learn, column]), 1)
            counts /= counts.sum(axis=1, keepdims=True)
            logs += np.log(counts[:, binned[ask, column]]).T
        right += int(np.count_nonzero(logs.argmax(axis=1) == keys[ask]))
    return right


def measure(engine: str, outcomes: Sequence[Outcome]) -> TelltaleRow:
    """
    Put the masks of equal presses to both tests.
    """
    keys = np.array([KEYS.index(outcome.key) for outcome in outcomes])
    seen = features(outcomes)
    return TelltaleRow(
        engine=engine,
        presses=len(outcomes),
        right=classify(seen, keys),
        p_values=dict(zip(FEATURES, differences(seen, keys), strict=True)),
    )
