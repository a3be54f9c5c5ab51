"""
Offsets: by how much the two tones of a pair are off their nominal frequencies.

A track, the complex amplitude of a tone from hop to hop, turns evenly if the tone
is off. It is tried against a grid of offsets, over 20 and over 40 ms.
"""

from typing import Final

import numpy as np

from dtmf_engine.arrays import Complex128, Float64, read_only
from dtmf_engine.compiled import compiled
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.looks import LONG_HOPS, SHORT, SHORT_HOPS, Room
from dtmf_engine.units import SAMPLE_RATE_HZ


OFFSET_STEP_HZ: Final = 1.25
MAX_OFFSET: Final = 48
"""Offsets from −60 to +60 Hz: 3.7 % of the highest tone."""

_N_OFFSETS: Final = 2 * MAX_OFFSET + 1
_SHORT_STEP: Final = 8
_LONG_STEP: Final = 4
"""Steps of 10 and 5 Hz: a fifth of the resolution of 20 and 40 ms."""


def _turns() -> Float64:
    hop = np.arange(LONG_HOPS) - (LONG_HOPS - 1) / 2
    offset = np.arange(-MAX_OFFSET, MAX_OFFSET + 1) * OFFSET_STEP_HZ
    turns: Float64 = np.outer(hop, offset) * HOP_SAMPLES / SAMPLE_RATE_HZ
    return 2 * np.pi * turns


_COS, _SIN = read_only(np.cos(_turns())), read_only(np.sin(_turns()))
"""[shape=(16, 97)] how far a tone turns by each hop, at each offset."""

_SHORT_COS = read_only(np.ascontiguousarray(_COS[:, ::_SHORT_STEP]))
_SHORT_SIN = read_only(np.ascontiguousarray(_SIN[:, ::_SHORT_STEP]))
_LONG_COS = read_only(np.ascontiguousarray(_COS[:, ::_LONG_STEP]))
_LONG_SIN = read_only(np.ascontiguousarray(_SIN[:, ::_LONG_STEP]))


@compiled
def find_offset(track: Complex128, window: int, room: Room) -> int:
    """
    Find the offset at which a track is strongest.

    Args:
        track: [shape=(16,)]
        window: `SHORT` or `LONG`.
        room: to compute in.

    Returns:
        In steps of `OFFSET_STEP_HZ` from the lowest, 0 to `2 * MAX_OFFSET`.
    """
    if window == SHORT:
        first = LONG_HOPS - SHORT_HOPS
        return _strongest(track, first, _SHORT_STEP, _SHORT_COS, _SHORT_SIN, room)
    return _strongest(track, 0, _LONG_STEP, _LONG_COS, _LONG_SIN, room)


@compiled
def _strongest(
    track: Complex128, first: int, step: int, cos: Float64, sin: Float64, room: Room
) -> int:
    """
    Find the strongest place of a grid, and between its neighbours by a parabola.
    """
    n = cos.shape[1]
    real, imag = room.at_offsets[0], room.at_offsets[1]
    for i in range(n):
        real[i] = imag[i] = 0.0
    for hop in range(first, LONG_HOPS):
        a, b = track[hop].real, track[hop].imag
        of_cos, of_sin = cos[hop], sin[hop]
        for i in range(n):
            real[i] += a * of_cos[i] + b * of_sin[i]
            imag[i] += b * of_cos[i] - a * of_sin[i]
    best, most = 0, -1.0
    for i in range(n):
        real[i] = real[i] * real[i] + imag[i] * imag[i]
        if real[i] > most:
            best, most = i, real[i]
    best = min(max(best, 1), n - 2)
    left, middle, right = real[best - 1], real[best], real[best + 1]
    bend = left - 2 * middle + right
    shift = 0.0
    if bend < 0:
        shift = min(max(0.5 * (left - right) / min(bend, -1e-9), -1.0), 1.0)
    found = best * step + round(shift * step)
    return int(min(max(found, 0), _N_OFFSETS - 1))


@compiled
def turn_back(track: Complex128, offset: int, straight: Complex128) -> None:
    """
    Write a track as it would be if its tone were not off.

    Args:
        track: [shape=(16,)]
        offset: as `find_offset` gives it.
        straight: [shape=(16,)] where to write.
    """
    for hop in range(LONG_HOPS):
        straight[hop] = track[hop] * complex(_COS[hop, offset], -_SIN[hop, offset])
