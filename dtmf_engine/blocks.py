"""
Blocks: the cheap first look at every 10 ms of every leg.

A block is 80 samples on a grid that starts with the stream. It is worth a
closer look if one low-group and one high-group tone hold enough of its power;
about one block of speech in fifty does, every block inside a digit does. All
that is dear (`pairs`) happens after such blocks only.

A dial tone or mains hum can hold most of the power of a digit's blocks, so
power below the tones that was there all the time is not counted. The same
measure says when `pairs` should listen through a high-pass filter.

Everything up to the powers is exact integer arithmetic in double precision;
how audio is cut cannot change a bit.
"""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from dtmf_engine.arrays import Bool, Float64, Index
from dtmf_engine.goertzel import HOP_SAMPLES, N_TONES, kernel
from dtmf_engine.units import power_from_dbm0, ratio_from_db


BLOCK_SAMPLES = 80
"""
10 ms: a tone of 20 ms fills at least one, and its 100 Hz of resolution is
enough to ask for two tones (`benchmarks/README.md`, how the engine was tuned).
"""

BLOCK_HOPS = BLOCK_SAMPLES // HOP_SAMPLES

_LOOK_SHARE = 0.3
_LOOK_POWER = power_from_dbm0(-56.0)
_LOOK_LOW_OVER_HIGH = ratio_from_db(14.0)
_LOOK_HIGH_OVER_LOW = ratio_from_db(11.0)
"""
Wider than any profile: this look only saves work, it decides nothing.
"""

STEADY_BLOCKS = 40
"""400 ms: longer than any vowel stays at its lowest, shorter than a dial tone."""

_SETTLE_BLOCKS = 2
"""The newest blocks do not tell what was there before them."""

_STEADY_WIDTH = STEADY_BLOCKS - 1 - _SETTLE_BLOCKS
"""Pairs of blocks of which the least and the greatest are compared."""

_SOME_PAIRS = np.linspace(0, _STEADY_WIDTH - 1, 4).astype(np.intp)[:, None]

_MIN_BLOCKS = 8
"""A stream that has only just begun has no steady sound yet."""

_STEADY_RATIO = 0.45
"""
Least over greatest power in that time. The beats of 350 and 440 Hz leave 0.75
over 20 ms, with the lower tone of a digit coming and going 0.5; speech is
below 0.2 nearly always.
"""

_LOW_RUN = 8
"""Samples in each running sum that stands for the sound below the tones."""

_LOW_GAIN = 1.5
"""A run of 8 samples passes −1.8 dB at 350 Hz, −2.9 dB at 440 Hz: this is between."""

_MAX_STEADY_SHARE = 0.9
_HIGHPASS_SHARE = 0.2


_KERNEL = kernel(BLOCK_SAMPLES)
_POWER_SCALE = 2.0 / BLOCK_SAMPLES**2


class Look(NamedTuple):
    """
    What the first look found, [shape=(m, k)] for m legs and k blocks.
    """

    worth: Bool
    """Whether the hops after the block deserve a closer look."""
    highpass: Bool
    """Whether a steady sound below the tones is in the way."""
    low_energy: Float64
    """[shape=(m, STEADY_BLOCKS)] newest powers below the tones, for the next call."""


def look(blocks: Float64, low_before: Float64, first_block: Index) -> Look:
    """
    Take a first look at whole blocks.

    Args:
        blocks: [shape=(m, k, 80)] integer-valued samples of m legs.
        low_before: [shape=(m, STEADY_BLOCKS)] the `low_energy` of the blocks
            before; not read for a leg whose stream begins here.
        first_block: [shape=(m,)] index of each leg's first block in its stream.
    """
    m, k, _ = blocks.shape
    flat = blocks.reshape(m * k, BLOCK_SAMPLES)
    # Tones first: every step below then runs over long rows.
    sums = (flat @ _KERNEL).T
    sums *= sums
    power = (sums[:N_TONES] + sums[N_TONES:]) * _POWER_SCALE
    low, high = power.reshape(2, N_TONES // 2, m, k).max(axis=1)
    total = np.einsum("ij,ij->i", flat, flat).reshape(m, k) * (1.0 / BLOCK_SAMPLES)
    below = _low_energies(flat).reshape(m, k)
    low_energy = np.concatenate([low_before, below], axis=1)
    begins = first_block == 0
    if begins.any():
        low_energy[begins, :STEADY_BLOCKS] = below[begins, :1]
    both, allowed = low + high, total * _MAX_STEADY_SHARE
    paired = (low_energy[:, 1:] + low_energy[:, :-1]) * 0.5
    limit = np.minimum(_most_steady(paired, k), allowed)
    worth = (
        (both >= (total - limit) * _LOOK_SHARE)
        & (np.minimum(low, high) > _LOOK_POWER)
        & (low < high * _LOOK_LOW_OVER_HIGH)
        & (high < low * _LOOK_HIGH_OVER_LOW)
    )
    highpass = np.zeros((m, k), dtype=np.bool_)
    # What is steady takes long to find: it is asked for where it can matter.
    rows = np.flatnonzero((worth | (limit > total * _HIGHPASS_SHARE)).any(axis=1))
    if rows.size:
        steady = _steady(paired[rows], first_block[rows])
        steady = np.minimum(steady, allowed[rows])
        worth[rows] &= both[rows] >= (total[rows] - steady) * _LOOK_SHARE
        highpass[rows] = steady > total[rows] * _HIGHPASS_SHARE
    return Look(worth, highpass, low_energy[:, -STEADY_BLOCKS:])


def _low_energies(blocks: Float64) -> Float64:
    """
    Give each block's power below the tones, [shape=(c,)], from running sums.
    """
    runs = blocks.reshape(len(blocks), -1, _LOW_RUN).sum(axis=2)
    energy = np.einsum("ij,ij->i", runs, runs)
    return np.asarray(energy * (_LOW_GAIN / (_LOW_RUN * BLOCK_SAMPLES)))


def _most_steady(paired: Float64, k: int) -> Float64:
    """
    Give what `_steady` cannot exceed, [shape=(m, k)], from four of its many values.
    """
    some = paired.take(_SOME_PAIRS + np.arange(k), axis=1)
    least, most = some.min(axis=1), some.max(axis=1)
    return np.where(least > most * _STEADY_RATIO, least, 0.0)


def _steady(paired: Float64, first_block: Index) -> Float64:
    """
    Give the power below the tones that never went away lately, [shape=(m, k)].
    """
    k = paired.shape[1] - STEADY_BLOCKS + 1
    if k <= _SETTLE_BLOCKS:
        lately = paired.take(np.arange(k)[:, None] + np.arange(_STEADY_WIDTH), axis=1)
        least, most = lately.min(axis=2), lately.max(axis=2)
    else:
        place = slice(_STEADY_WIDTH - 1, _STEADY_WIDTH - 1 + k)
        origin = (_STEADY_WIDTH - 1) // 2
        least = minimum_filter1d(paired, _STEADY_WIDTH, axis=1, origin=origin)[:, place]
        most = maximum_filter1d(paired, _STEADY_WIDTH, axis=1, origin=origin)[:, place]
    known = first_block[:, None] + np.arange(k) >= _MIN_BLOCKS
    return np.where(known & (least > most * _STEADY_RATIO), least, 0.0)
