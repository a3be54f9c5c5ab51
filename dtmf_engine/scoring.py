"""
Scoring: how much a look resembles a key held down rather than speech or music.

Three small networks (15 measures, two hidden layers) turn measures into a score
each: nearly the logarithm of the odds that training saw. Two of them, over the
last 20 ms and the last 40 ms, say whether there is a digit. The third says as
early as it can, from the last 20 ms of which a press need fill but 13, whether
there may be something that the agent must not hear; only `masker` asks it.
Limits that a person can state, on level, twist, frequency and length, are not
left to the networks.

`benchmarks/train.py` made the weights, from odd seeds of the corpora and the first
halves of the speech and music. What they are worth on the others is in
`benchmarks/README.md`.

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


class Layer(NamedTuple):
    """
    One layer of all networks, smaller ones filled up with noughts.
    """

    weight: Float64
    """[shape=(inputs, outputs, 3, 1)]"""
    constant: Float64
    """[shape=(outputs, 3, 1)]"""


def _layers() -> list[Layer]:
    """
    Read the networks; each layer's constants are in its last row.
    """
    texts = (
        (weights.SHORT_FIRST, weights.LONG_FIRST, weights.EARLY_FIRST),
        (weights.SHORT_SECOND, weights.LONG_SECOND, weights.EARLY_SECOND),
        (weights.SHORT_THIRD, weights.LONG_THIRD, weights.EARLY_THIRD),
    )
    layers = []
    rows, inputs = [N_FEATURES] * len(texts[0]), N_FEATURES - 1
    for three in texts:
        values = [
            np.array(text.split(), dtype=np.float64).reshape(n, -1)
            for text, n in zip(three, rows, strict=True)
        ]
        outputs = max(value.shape[1] for value in values)
        weight = np.zeros((inputs, outputs, len(values), 1))
        constant = np.zeros((outputs, len(values), 1))
        for number, value in enumerate(values):
            n, k = value.shape
            weight[: n - 1, :k, number, 0] = value[:-1]
            constant[:k, number, 0] = value[-1]
        layers.append(Layer(read_only(weight), read_only(constant)))
        rows = [value.shape[1] + 1 for value in values]
        inputs = outputs
    return layers


_LAYERS = _layers()


def scores(looks: Looks) -> Float64:
    """
    Score g looks.

    Returns:
        [shape=(3, g)], the higher the more like a key: by the last 20 ms, by the
        last 40 ms, and early by the last 20 ms.
    """
    both = features(looks)[:-1]
    values = np.concatenate([both, both[:, :1]], axis=1)
    *hidden, last = _LAYERS
    for layer in hidden:
        total = _apply(layer, values)
        values = total / (1.0 + np.abs(total))
    return np.asarray(_apply(last, values)[0])


def relative_offset(window: Window, looks: Looks) -> Float64:
    """
    Give the offset of both tones, relative to their nominal frequencies.

    Returns:
        The shape of the window's offsets, 0.015 being 1.5 % too high.
    """
    nominal = _TONES.take(np.stack([looks.row, looks.column + 4]))
    return np.asarray(window.offset_hz / nominal)


def short_features(looks: Looks) -> Float64:
    """
    Give the measures of the last 20 ms, [shape=(16, g)].
    """
    return np.asarray(features(looks)[:, 0])


def long_features(looks: Looks) -> Float64:
    """
    Give the measures of the last 40 ms, [shape=(16, g)].
    """
    return np.asarray(features(looks)[:, 1])


def features(looks: Looks) -> Float64:
    """
    Give the measures of both windows, [shape=(16, 2, g)].
    """
    windows = looks.windows
    values = np.empty((N_FEATURES, *windows.rest.shape))
    values[0], values[1] = windows.rest, windows.rest_trimmed
    values[2:4] = windows.wander.swapaxes(0, 1)
    values[4:6] = windows.wander_trimmed.swapaxes(0, 1)
    values[6:8] = windows.drift.swapaxes(0, 1)
    values[8:10] = windows.rival.swapaxes(0, 1)
    _to_root(values[:10])
    values[10] = windows.outside
    values[11] = np.minimum(np.maximum(looks.whiteness, -0.5), 3.0)
    # The short window asks what was before it, the long one what the short says.
    values[12, 0] = np.minimum(np.maximum(looks.before, 0.0), 1.5)
    values[12, 1] = values[0, 0]
    offset = np.abs(relative_offset(windows, looks)) * 40.0
    values[13:15] = np.minimum(offset, 2.0).swapaxes(0, 1)
    values[15] = 1.0
    return values


def _to_root(ratio: Float64) -> None:
    """
    Take the eighth root: nearly a logarithm, but the same on every machine.
    """
    np.maximum(ratio, 1e-4, out=ratio)
    np.minimum(ratio, 50.0, out=ratio)
    for _ in range(3):
        np.sqrt(ratio, out=ratio)


def _apply(layer: Layer, values: Float64) -> Float64:
    return added(layer.weight * values[:, None]) + layer.constant
