"""
Scoring: how much a look resembles a key held down rather than speech or music.

Two small networks (15 measures, two hidden layers) turn the measures of the
last 20 ms and of the last 40 ms into a score each: nearly the logarithm of the
odds that training saw. Limits that a person can state, on level, twist,
frequency and length, are not left to the networks; the profile holds them.

`benchmarks/train.py` made the weights, from odd seeds of the corpora, even
numbers of the labelled recordings and half of the speech and music. What they
are worth on the other halves is in `benchmarks/README.md`.

All arithmetic is elementwise and in a fixed order, with activation
x / (1 + |x|), so that a score does not depend on how audio was cut.
"""

from typing import NamedTuple

import numpy as np

from dtmf_engine import weights
from dtmf_engine.arrays import Float64, added, read_only
from dtmf_engine.keypad import TONES_HZ
from dtmf_engine.pairs import Looks, Window


N_FEATURES = 16
"""Fifteen measures and a constant."""

_TONES = read_only(np.array(TONES_HZ, dtype=np.float64))


class Network(NamedTuple):
    """
    A network's weights, each layer with its constant in the last row.
    """

    first: Float64
    """[shape=(16, a)]"""
    second: Float64
    """[shape=(a + 1, b)]"""
    third: Float64
    """[shape=(b + 1, 1)]"""


def _network(first: str, second: str, third: str) -> Network:
    layers, rows = [], N_FEATURES
    for text in (first, second, third):
        layer = np.array(text.split(), dtype=np.float64).reshape(rows, -1)
        layers.append(read_only(layer))
        rows = layer.shape[1] + 1
    return Network(*layers)


_SHORT = _network(weights.SHORT_FIRST, weights.SHORT_SECOND, weights.SHORT_THIRD)
_LONG = _network(weights.LONG_FIRST, weights.LONG_SECOND, weights.LONG_THIRD)


def scores(looks: Looks) -> tuple[Float64, Float64]:
    """
    Score g looks by their last 20 and their last 40 ms.

    Returns:
        Two arrays, [shape=(g,)], the higher the more like a key.
    """
    short = _apply(_SHORT, short_features(looks))
    long = _apply(_LONG, long_features(looks))
    return short, long


def relative_offset(window: Window, looks: Looks) -> Float64:
    """
    Give the offset of both tones, relative to their nominal frequencies.

    Returns:
        [shape=(2, g)], 0.015 being 1.5 % too high.
    """
    nominal = np.stack([_TONES[looks.row], _TONES[4 + looks.column]])
    return np.asarray(window.offset_hz / nominal)


def short_features(looks: Looks) -> Float64:
    """
    Give the measures of the last 20 ms, [shape=(16, g)].
    """
    return _features(looks.short, looks, np.clip(looks.before, 0.0, 1.5))


def long_features(looks: Looks) -> Float64:
    """
    Give the measures of the last 40 ms, [shape=(16, g)].
    """
    return _features(looks.long, looks, _root(looks.short.rest))


def _features(window: Window, looks: Looks, last: Float64) -> Float64:
    ratios = np.stack(
        [
            window.rest,
            window.rest_trimmed,
            *window.wander,
            *window.wander_trimmed,
            *window.drift,
            *window.rival,
        ]
    )
    offset = np.minimum(np.abs(relative_offset(window, looks)) * 40.0, 2.0)
    others = [
        window.outside,
        np.clip(looks.whiteness, -0.5, 3.0),
        last,
        *offset,
        np.ones_like(last),
    ]
    return np.concatenate([_root(ratios), np.stack(others)])


def _root(ratio: Float64) -> Float64:
    """
    Give the eighth root: nearly a logarithm, but the same on every machine.
    """
    return np.sqrt(np.sqrt(np.sqrt(np.clip(ratio, 1e-4, 50.0))))


def _apply(network: Network, features: Float64) -> Float64:
    one = np.ones((1, features.shape[1]))
    for layer in network[:-1]:
        total = added(layer[:, :, None] * features[:, None, :])
        features = np.concatenate([total / (1.0 + np.abs(total)), one])
    return added(network.third * features)
