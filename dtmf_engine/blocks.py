"""
Blocks: the cheap first look at every 10 ms of every leg.

A block is 80 samples on a grid that starts with the stream. It is worth a
closer look if one low-group and one high-group tone hold enough of its power;
about one block of speech in fifty does, every block inside a digit does. All
that is dear (`pairs`) happens after such blocks only.

A dial tone or mains hum can hold most of the power of a digit's blocks, so
power below the tones that was there all the time is not counted. The same
measure says when `pairs` should listen through a high-pass filter.
"""

from typing import NamedTuple

import numpy as np

from dtmf_engine.arrays import Bool, Float64, Index, Int16
from dtmf_engine.compiled import compiled
from dtmf_engine.goertzel import HOP_SAMPLES, N_TONES, correlate, kernel, turned_over
from dtmf_engine.recent import Heard
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


_POWER_SCALE = 2.0 / BLOCK_SAMPLES**2
_RUN_SCALE = _LOW_GAIN / (_LOW_RUN * BLOCK_SAMPLES)

_WAVES = turned_over(kernel(BLOCK_SAMPLES))


class FirstLook(NamedTuple):
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


def look(
    heard: Heard, carry: int, low_before: Float64, first_block: Index
) -> FirstLook:
    """
    Take a first look at whole blocks.

    Args:
        heard: the new samples of m legs.
        carry: how many samples of the first block were there before.
        low_before: [shape=(m, STEADY_BLOCKS)] the `low_energy` of the blocks
            before; not read for a leg whose stream begins here.
        first_block: [shape=(m,)] index of each leg's first block in its stream.
    """
    m, k = len(heard.row), (carry + heard.n) // BLOCK_SAMPLES
    worth = np.empty((m, k), dtype=np.bool_)
    highpass = np.empty((m, k), dtype=np.bool_)
    low_energy = np.empty((m, STEADY_BLOCKS + k))
    low_energy[:, :STEADY_BLOCKS] = low_before
    _look(heard, carry, first_block, low_energy, worth, highpass)
    return FirstLook(worth, highpass, low_energy[:, k:])


@compiled
def _look(
    heard: Heard,
    carry: int,
    first_block: Index,
    low_energy: Float64,
    worth: Bool,
    highpass: Bool,
) -> None:
    sums = np.empty(2 * N_TONES)
    for leg in range(len(heard.row)):
        audio, start = heard.audio[heard.row[leg]], heard.start[leg] - carry
        for block in range(worth.shape[1]):
            first = start + block * BLOCK_SAMPLES
            samples = audio[first : first + BLOCK_SAMPLES]
            lately = low_energy[leg, block : block + STEADY_BLOCKS + 1]
            lately[-1] = _power_below(samples)
            known = first_block[leg] + block
            if known == 0:
                lately[:-1] = lately[-1]
            correlate(samples, _WAVES, sums)
            low, high = _loudest(sums, 0), _loudest(sums, N_TONES // 2)
            total, steady = _power(samples), 0.0
            if _may_be_worth(low, high, total) and known >= _MIN_BLOCKS:
                steady = _steady(lately)
            worth[leg, block] = _is_worth(low, high, total, steady)
            highpass[leg, block] = (
                worth[leg, block] and steady > total * _HIGHPASS_SHARE
            )


@compiled
def _power_below(samples: Int16) -> float:
    """
    Give the power of what lies below the tones.
    """
    power = 0
    for first in range(0, BLOCK_SAMPLES, _LOW_RUN):
        total = 0
        for i in range(first, first + _LOW_RUN):
            total += int(samples[i])
        power += total * total
    return power * _RUN_SCALE


@compiled
def _power(samples: Int16) -> float:
    energy = 0
    for i in range(BLOCK_SAMPLES):
        energy += int(samples[i]) * int(samples[i])
    return energy * (1.0 / BLOCK_SAMPLES)


@compiled
def _loudest(sums: Float64, first: int) -> float:
    """
    Give the power of a group's loudest tone.
    """
    loudest = 0.0
    for tone in range(first, first + N_TONES // 2):
        real, imag = sums[tone], sums[N_TONES + tone]
        loudest = max(loudest, real * real + imag * imag)
    return loudest * _POWER_SCALE


@compiled
def _is_worth(low: float, high: float, total: float, steady: float) -> bool:
    """
    Tell whether a block is worth a closer look.

    Args:
        low: power of the loudest tone of the low group.
        high: that of the high group.
        total: power of the block.
        steady: power below the tones that was there all the time.
    """
    others = total - min(steady, total * _MAX_STEADY_SHARE)
    return (
        low + high >= others * _LOOK_SHARE
        and min(low, high) > _LOOK_POWER
        and low < high * _LOOK_LOW_OVER_HIGH
        and high < low * _LOOK_HIGH_OVER_LOW
    )


@compiled
def _may_be_worth(low: float, high: float, total: float) -> bool:
    """
    Tell whether there is a power below the tones that would make a block worth it.
    """
    return _is_worth(low, high, total, total)


@compiled
def _steady(low_energy: Float64) -> float:
    """
    Give the power below the tones that never went away lately, nought if it did.

    Args:
        low_energy: [shape=(STEADY_BLOCKS + 1,)] up to a block.
    """
    least = most = (low_energy[0] + low_energy[1]) * 0.5
    for i in range(1, _STEADY_WIDTH):
        pair = (low_energy[i] + low_energy[i + 1]) * 0.5
        least, most = min(least, pair), max(most, pair)
    return least if least > most * _STEADY_RATIO else 0.0
