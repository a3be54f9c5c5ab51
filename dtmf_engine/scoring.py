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

The activation is x / (1 + |x|), the same on every machine.
"""

import numpy as np

from dtmf_engine import weights
from dtmf_engine.arrays import Float64, read_only
from dtmf_engine.compiled import compiled
from dtmf_engine.keypad import TONES_HZ
from dtmf_engine.looks import (
    EARLY,
    LONG,
    N_FEATURES,
    N_FIRST,
    N_SECOND,
    N_WINDOWS,
    SHORT,
    Look,
    Looks,
    Room,
)


_TONES = read_only(np.array(TONES_HZ, dtype=np.float64))

_TEXTS = (
    (weights.SHORT_FIRST, weights.LONG_FIRST, weights.EARLY_FIRST),
    (weights.SHORT_SECOND, weights.LONG_SECOND, weights.EARLY_SECOND),
    (weights.SHORT_THIRD, weights.LONG_THIRD, weights.EARLY_THIRD),
)
"""Layers, of three networks each."""


def _layers() -> list[Float64]:
    """
    Read the networks, smaller ones filled up with noughts.

    Returns:
        Each layer, [shape=(3, inputs + 1, outputs)], with its constants in the last
        row.
    """
    layers = []
    n_rows = [N_FEATURES + 1] * 3
    inputs = N_FEATURES
    for texts, outputs in zip(_TEXTS, (N_FIRST, N_SECOND, 1), strict=True):
        values = [
            np.array(text.split(), dtype=np.float64).reshape(n, -1)
            for text, n in zip(texts, n_rows, strict=True)
        ]
        layer = np.zeros((len(values), inputs + 1, outputs))
        for network, value in enumerate(values):
            layer[network, : len(value) - 1, : value.shape[1]] = value[:-1]
            layer[network, -1, : value.shape[1]] = value[-1]
        layers.append(read_only(layer))
        n_rows = [value.shape[1] + 1 for value in values]
        inputs = outputs
    return layers


_FIRST, _SECOND, _THIRD = _layers()


@compiled
def score(look: Look, room: Room) -> None:
    """
    Score a look, into its `score`.
    """
    write_features(look, SHORT, room.features)
    look.score[SHORT] = _asked(SHORT, room)
    look.score[EARLY] = _asked(EARLY, room)
    write_features(look, LONG, room.features)
    look.score[LONG] = _asked(LONG, room)


@compiled
def _asked(network: int, room: Room) -> float:
    _apply(_FIRST[network], room.features, room.first)
    _apply(_SECOND[network], room.first, room.second)
    third = _THIRD[network]
    total = float(third[-1, 0])
    for i in range(N_SECOND):
        total += room.second[i] * third[i, 0]
    return total


@compiled
def _apply(layer: Float64, values: Float64, outputs: Float64) -> None:
    n_inputs, n = len(values), len(outputs)
    constants = layer[n_inputs]
    for j in range(n):
        outputs[j] = constants[j]
    # Two at a time, because each addition waits for the one before it.
    even = n_inputs // 2 * 2
    for i in range(0, even, 2):
        a, b, of_a, of_b = values[i], values[i + 1], layer[i], layer[i + 1]
        for j in range(n):
            outputs[j] = (outputs[j] + a * of_a[j]) + b * of_b[j]
    for i in range(even, n_inputs):
        value, row = values[i], layer[i]
        for j in range(n):
            outputs[j] += value * row[j]
    for j in range(n):
        outputs[j] = outputs[j] / (1.0 + abs(outputs[j]))


@compiled
def write_features(look: Look, window: int, values: Float64) -> None:
    """
    Write the measures of a window that its networks are given, [shape=(15,)].
    """
    values[0], values[1] = _root(look.rest[window]), _root(look.rest_trimmed[window])
    for tone in range(2):
        values[2 + tone] = _root(look.wander[window, tone])
        values[4 + tone] = _root(look.wander_trimmed[window, tone])
        values[6 + tone] = _root(look.drift[window, tone])
        values[8 + tone] = _root(look.rival[window, tone])
        offset = abs(relative_offset(look, window, tone)) * 40.0
        values[13 + tone] = min(offset, 2.0)
    values[10] = look.outside[window]
    values[11] = min(max(look.whiteness, -0.5), 3.0)
    # The short window asks what was before it, the long one what the short says.
    if window == SHORT:
        values[12] = min(max(look.before, 0.0), 1.5)
    else:
        values[12] = _root(look.rest[SHORT])


@compiled
def _root(ratio: float) -> float:
    """
    Give the eighth root: nearly a logarithm, but the same on every machine.
    """
    return float(np.sqrt(np.sqrt(np.sqrt(min(max(ratio, 1e-4), 50.0)))))


@compiled
def relative_offset(look: Look, window: int, tone: int) -> float:
    """
    Give the offset of a tone, relative to its nominal frequency: 0.015 is 1.5 %.
    """
    nominal = _TONES[look.row] if tone == 0 else _TONES[4 + look.column]
    return float(look.offset_hz[window, tone] / nominal)


@compiled
def features(looks: Looks) -> Float64:
    """
    Give the measures of g looks that networks are given, [shape=(g, 2, 15)].
    """
    values = np.empty((len(looks), N_WINDOWS, N_FEATURES))
    for i in range(len(looks)):
        for window in range(N_WINDOWS):
            write_features(looks[i], window, values[i, window])
    return values
