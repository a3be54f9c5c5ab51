"""
Offsets: by how much the two tones of a pair are off their nominal frequencies.

A track, the complex amplitude of a tone from hop to hop, turns evenly if the tone
is off. It is tried against a grid of offsets, over 20 and over 40 ms.
"""

import numpy as np

from dtmf_engine.arrays import Float64, Index, read_only
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.units import SAMPLE_RATE_HZ


SHORT_HOPS = 8
"""20 ms: the longest look into a tone that must be reported 20 ms after its onset."""

LONG_HOPS = 16
"""40 ms: the shortest tone that must be accepted."""

OFFSET_STEP_HZ = 1.25
MAX_OFFSET = 48
"""Offsets from −60 to +60 Hz: 3.7 % of the highest tone."""

_SHORT_GRID = np.arange(0, 2 * MAX_OFFSET + 1, 8)
_LONG_GRID = np.arange(0, 2 * MAX_OFFSET + 1, 4)
"""Steps of 10 and 5 Hz: a fifth of the resolution of 20 and 40 ms."""


def _rotations() -> tuple[Float64, Float64]:
    hop = np.arange(LONG_HOPS) - (LONG_HOPS - 1) / 2
    offset = np.arange(-MAX_OFFSET, MAX_OFFSET + 1) * OFFSET_STEP_HZ
    turn = 2 * np.pi * np.outer(hop, offset) * HOP_SAMPLES / SAMPLE_RATE_HZ
    return read_only(np.cos(turn)), read_only(np.sin(turn))


_ROTATE_COS, _ROTATE_SIN = _rotations()
ROTATE_REAL = read_only(np.stack([_ROTATE_COS, -_ROTATE_SIN], axis=1))
ROTATE_IMAG = read_only(np.stack([_ROTATE_SIN, _ROTATE_COS], axis=1))
"""
[shape=(16, 2, 97)] what real and imaginary part of a track give to both parts of
one that is turned back by an offset.
"""


def find_offsets(track: Float64) -> Index:
    """
    Find the offsets at which tracks are strongest, as indices of the tables.

    Tracks, scaled by a power of two, and tables are numbers of 48 bits in two
    halves: products of halves are exact in whatever order they are added.

    Returns:
        [shape=(2, 2, g)] by window and tone.
    """
    largest = np.abs(track).max(axis=(0, 1))
    scaled = np.ldexp(track, _HALF_BITS - np.frexp(largest)[1])
    columns = 2 * track.shape[3]
    halves = _in_halves(scaled.reshape(2 * LONG_HOPS, columns), axis=1)
    products = _probed(halves.reshape(2 * LONG_HOPS, 2 * columns))
    products = products.reshape(2, -1, 2, columns)
    parts = products[0, :, 1] + products[1, :, 0]
    parts *= 2.0**-_HALF_BITS
    parts += products[0, :, 0]
    parts *= parts
    half = len(parts) // 2
    power = parts[:half] + parts[half:]
    n = len(_SHORT_GRID)
    best = np.stack([power[:n].argmax(axis=0), power[n:].argmax(axis=0) + n])
    best = np.minimum(np.maximum(best, _FIRST_PROBE + 1), _LAST_PROBE - 1)
    at = best * columns + np.arange(columns)
    left, middle, right = (power.take(at + d) for d in (-columns, 0, columns))
    bend = left - 2 * middle + right
    shift = np.where(bend < 0, 0.5 * (left - right) / np.minimum(bend, -1e-9), 0.0)
    shift = np.minimum(np.maximum(shift, -1.0), 1.0)
    found = (best - _FIRST_PROBE) * _PROBE_STEP + np.rint(shift * _PROBE_STEP)
    found = np.minimum(np.maximum(found, 0.0), 2.0 * MAX_OFFSET)
    return np.asarray(found.reshape(2, *track.shape[2:]), dtype=np.intp)


def _probed(columns: Float64) -> Float64:
    """
    Multiply by the probes, a few columns at a time.

    A larger product would be shared between threads, which costs more than it
    gains, and several times that where other work keeps the processors busy.
    """
    n = columns.shape[1]
    products = np.empty((len(_PROBES), n))
    for start in range(0, n, 48):
        part = slice(start, start + 48)
        np.matmul(_PROBES, columns[:, part], out=products[:, part])
    return products


_HALF_BITS = 24
_FIRST_PROBE = np.array([[0], [len(_SHORT_GRID)]])
_LAST_PROBE = _FIRST_PROBE + np.array([[len(_SHORT_GRID)], [len(_LONG_GRID)]]) - 1
_PROBE_STEP = np.array([[_SHORT_GRID[1]], [_LONG_GRID[1]]])


def _in_halves(values: Float64, axis: int) -> Float64:
    upper = np.rint(values)
    return np.stack([upper, np.rint((values - upper) * 2.0**_HALF_BITS)], axis=axis)


def _probes() -> Float64:
    """
    Give the matrix from tracks to their sums at each offset of both grids.

    Returns:
        [shape=(152, 32)]: upper halves, then lower ones; in each, rows for real
        parts, then for imaginary parts; columns for the real and imaginary part
        of each hop.
    """
    cos = np.concatenate([_ROTATE_COS[:, _SHORT_GRID], _ROTATE_COS[:, _LONG_GRID]], 1)
    sin = np.concatenate([_ROTATE_SIN[:, _SHORT_GRID], _ROTATE_SIN[:, _LONG_GRID]], 1)
    for table in (cos, sin):
        table[:-SHORT_HOPS, : len(_SHORT_GRID)] = 0.0
    real, imag = np.stack([cos, sin], axis=1), np.stack([-sin, cos], axis=1)
    matrix = np.concatenate([real, imag], axis=2).reshape(2 * LONG_HOPS, -1)
    halves = _in_halves(np.ascontiguousarray(matrix.T) * 2.0**23, axis=0)
    return read_only(halves.reshape(-1, 2 * LONG_HOPS))


_PROBES = _probes()
