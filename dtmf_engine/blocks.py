"""
Blocks: the cheap first look at every 10 ms of every leg.

A block is 80 samples on a grid that starts with the stream. It is worth a
closer look if one low-group and one high-group tone hold enough of its power;
about one block of speech in fifty does, every block inside a digit does. All
that is dear (`pairs`) happens after such blocks only.

A dial tone or mains hum can hold most of the power of a digit's blocks, so
power below the tones that was there all the time is not counted. The same
measure says when `pairs` should listen through a high-pass filter.

Most blocks are passed over by a rough look in single precision, made wide by
more than its rounding can be. What is left is looked at again in exact integer
arithmetic in double precision, and only that decides: how audio is cut cannot
change a bit.
"""

from typing import NamedTuple, TypeVar

import numpy as np

from dtmf_engine.arrays import Bool, Float32, Float64, Index, Int16
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

_SOME_PAIRS = (12, 24, _STEADY_WIDTH - 1)
"""Besides the first."""

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


_ROUNDING = 1e-4
"""
Of a block's power: more than single precision can be wrong by. A sum of 80
products is off by at most 80 × 2⁻²⁴ times the norms of both factors, a tone's
power by 2 × 10⁻⁵ of the block's, in whatever order a BLAS adds.
"""

_PART_BLOCKS = 2048
"""Of the rough look at a time: what it makes of them stays in the cache."""

_POWER_SCALE = 2.0 / BLOCK_SAMPLES**2
_N_RUNS = BLOCK_SAMPLES // _LOW_RUN
_RUN_SCALE = _LOW_GAIN / (_LOW_RUN * BLOCK_SAMPLES)

_KERNEL = kernel(BLOCK_SAMPLES)


def _rough_kernel() -> Float32:
    """
    Give the eight cosines, the eight sines and the ten runs, [shape=(80, 26)].

    The table's 15 bits and a run's sum fit single precision.
    """
    runs = np.kron(np.eye(_N_RUNS), np.ones((_LOW_RUN, 1)))
    table = np.concatenate([_KERNEL, runs], axis=1).astype(np.float32)
    table.setflags(write=False)
    return table


_ROUGH_KERNEL = _rough_kernel()


class Look(NamedTuple):
    """
    What the first look found, [shape=(m, k)] for m legs and k blocks.
    """

    worth: Bool
    """Whether the hops after the block deserve a closer look."""
    highpass: Bool
    """Whether, in a block that is worth it, a steady sound below the tones is in
    the way."""
    low_energy: Float64
    """[shape=(m, STEADY_BLOCKS)] newest powers below the tones, for the next call."""


class _Powers(NamedTuple):
    """
    Mean-square powers of blocks.
    """

    low: Float32 | Float64
    """Of the loudest tone of the low group."""
    high: Float32 | Float64
    """Of that of the high group."""
    total: Float32 | Float64


def look(blocks: Int16, low_before: Float64, first_block: Index) -> Look:
    """
    Take a first look at whole blocks.

    Args:
        blocks: [shape=(m, k, 80)] samples of m legs.
        low_before: [shape=(m, STEADY_BLOCKS)] the `low_energy` of the blocks
            before; not read for a leg whose stream begins here.
        first_block: [shape=(m,)] index of each leg's first block in its stream.
    """
    m, k, _ = blocks.shape
    flat = blocks.reshape(m * k, BLOCK_SAMPLES)
    rough, below = _look_roughly(flat)
    low_energy = np.concatenate([low_before, below.reshape(m, k)], axis=1)
    begins = first_block == 0
    if begins.any():
        low_energy[begins, :STEADY_BLOCKS] = low_energy[begins, STEADY_BLOCKS, None]
    paired = (low_energy[:, 1:] + low_energy[:, :-1]) * 0.5
    most_steady = _most_steady(paired, k).ravel().astype(np.float32)
    worth = _are_worth(rough, most_steady, _ROUNDING)
    highpass = np.zeros(m * k, dtype=np.bool_)
    chosen = np.flatnonzero(worth)
    if chosen.size:
        leg, block = np.divmod(chosen, k)
        powers = _powers(flat[chosen].astype(np.float64))
        steady = _steady(paired, leg, block, first_block)
        worth[chosen] = _are_worth(powers, steady)
        highpass[chosen] = worth[chosen] & (steady > powers.total * _HIGHPASS_SHARE)
    return Look(
        worth.reshape(m, k), highpass.reshape(m, k), low_energy[:, -STEADY_BLOCKS:]
    )


def _look_roughly(blocks: Int16) -> tuple[_Powers, Float64]:
    """
    Measure c blocks in single precision, but what is below the tones exactly.

    Returns:
        Their powers, and those below the tones, [shape=(c,)].
    """
    rough = np.empty((3, len(blocks)), dtype=np.float32)
    below = np.empty(len(blocks))
    for start in range(0, len(blocks), _PART_BLOCKS):
        part = slice(start, start + _PART_BLOCKS)
        samples = blocks[part].astype(np.float32)
        sums = np.ascontiguousarray((samples @ _ROUGH_KERNEL).T)
        rough[:2, part] = _loudest(sums[: 2 * N_TONES])
        np.einsum("ij,ij->i", samples, samples, out=rough[2, part])
        # Sums of whole numbers, the same in any order.
        runs = sums[2 * N_TONES :].astype(np.float64)
        np.einsum("ij,ij->j", runs, runs, out=below[part])
    rough[2] *= np.float32(1.0 / BLOCK_SAMPLES)
    below *= _RUN_SCALE
    return _Powers(*rough), below


def _powers(blocks: Float64) -> _Powers:
    """
    Measure c blocks exactly.
    """
    low, high = _loudest(np.ascontiguousarray((blocks @ _KERNEL).T))
    total = np.einsum("ij,ij->i", blocks, blocks) * (1.0 / BLOCK_SAMPLES)
    return _Powers(low, high, total)


_Sums = TypeVar("_Sums", Float32, Float64)


def _loudest(sums: _Sums) -> _Sums:
    """
    Give the power of each group's loudest tone, [shape=(2, c)].

    Args:
        sums: [shape=(16, c)] correlation with eight cosines, then eight sines;
            spoilt.
    """
    sums *= sums
    power = sums[:N_TONES] + sums[N_TONES:]
    power *= _POWER_SCALE
    loudest: _Sums = power.reshape(2, N_TONES // 2, -1).max(axis=1)
    return loudest


def _are_worth(
    powers: _Powers, steady: Float32 | Float64, rounding: float = 0.0
) -> Bool:
    """
    Tell which blocks are worth a closer look.

    Args:
        powers: of c blocks.
        steady: [shape=(c,)] power below the tones that was there all the time.
        rounding: share of a block's power by which everything may be wrong, and is
            then taken to be, for the block.
    """
    low, high, total = powers
    slack = total * rounding
    limit = np.minimum(steady, total * _MAX_STEADY_SHARE)
    return np.asarray(
        (low + high + slack >= (total - limit) * _LOOK_SHARE)
        & (np.minimum(low, high) + slack > _LOOK_POWER)
        & (low - slack < (high + slack) * _LOOK_LOW_OVER_HIGH)
        & (high - slack < (low + slack) * _LOOK_HIGH_OVER_LOW)
    )


def _most_steady(paired: Float64, k: int) -> Float64:
    """
    Give what `_steady` cannot exceed, [shape=(m, k)], from four of its many values.
    """
    least = most = paired[:, :k]
    for first in _SOME_PAIRS:
        some = paired[:, first : first + k]
        least, most = np.minimum(least, some), np.maximum(most, some)
    return np.where(least > most * _STEADY_RATIO, least, 0.0)


def _steady(paired: Float64, leg: Index, block: Index, first_block: Index) -> Float64:
    """
    Give the power below the tones that never went away before c blocks, [shape=(c,)].
    """
    lately = paired[leg[:, None], block[:, None] + np.arange(_STEADY_WIDTH)]
    least, most = lately.min(axis=1), lately.max(axis=1)
    known = first_block[leg] + block >= _MIN_BLOCKS
    return np.where(known & (least > most * _STEADY_RATIO), least, 0.0)
