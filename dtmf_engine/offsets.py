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


def _grid(step: int) -> Float64:
    """
    Give every so many columns from the middle up, [shape=(16, 2 * n)].

    Cosines, then sines; each filled up with noughts to whole groups of eight, which
    are added at a time.
    """
    tables = [table[:, MAX_OFFSET::step] for table in (_COS, _SIN)]
    columns = tables[0].shape[1]
    n = -(-columns // 8) * 8
    grid = np.zeros((LONG_HOPS, 2, n))
    for part, table in enumerate(tables):
        grid[:, part, :columns] = table
    return read_only(grid.reshape(LONG_HOPS, 2 * n))


_SHORT_GRID, _LONG_GRID = _grid(_SHORT_STEP), _grid(_LONG_STEP)


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
        _add_up(track, LONG_HOPS - SHORT_HOPS, _SHORT_GRID, room.at_offsets)
        return _strongest(room.at_offsets, _SHORT_GRID.shape[1] // 2, _SHORT_STEP)
    _add_up(track, 0, _LONG_GRID, room.at_offsets)
    return _strongest(room.at_offsets, _LONG_GRID.shape[1] // 2, _LONG_STEP)


@compiled
def _add_up(track: Complex128, first: int, grid: Float64, sums: Float64) -> None:
    """
    Add up a track from a hop on, as it would be at each offset of half a grid.

    What an offset does to either part, its opposite does as well, or undoes: real and
    imaginary part times cosines and sines are kept apart, to be put together either
    way.
    """
    n = grid.shape[1]
    reals, imags = sums[0], sums[1]
    for i in range(n):
        reals[i] = imags[i] = 0.0
    for hop in range(first, LONG_HOPS):
        real, imag, row = track[hop].real, track[hop].imag, grid[hop]
        for i in range(n):
            reals[i] += real * row[i]
        for i in range(n):
            imags[i] += imag * row[i]


@compiled
def _power_at(sums: Float64, n: int, place: int) -> float:
    """
    Give the power of a track at a place of a grid, negative ones below the nominal.
    """
    i = abs(place)
    side = 1.0 if place >= 0 else -1.0
    real = sums[0, i] + side * sums[1, n + i]
    imag = sums[1, i] - side * sums[0, n + i]
    return float(real * real + imag * imag)


@compiled
def _strongest(sums: Float64, n: int, step: int) -> int:
    """
    Find the strongest place of a grid, and between its neighbours by a parabola.
    """
    last = MAX_OFFSET // step
    best, most = -last, -1.0
    for place in range(-last, last + 1):
        power = _power_at(sums, n, place)
        if power > most:
            best, most = place, power
    best = min(max(best, 1 - last), last - 1)
    left, middle, right = (
        _power_at(sums, n, best - 1),
        _power_at(sums, n, best),
        _power_at(sums, n, best + 1),
    )
    bend = left - 2 * middle + right
    shift = 0.0
    if bend < 0:
        shift = min(max(0.5 * (left - right) / min(bend, -1e-9), -1.0), 1.0)
    found = MAX_OFFSET + best * step + round(shift * step)
    return int(min(max(found, 0), 2 * MAX_OFFSET))


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
