"""
Short windows: how much likelier each pair of tones makes them than background alone.

In windows under 20 ms the tones of a pair are not told apart: all four waves, a
cosine and a sine for each tone, are fitted together, along the axes of what they
span. How likely a pair makes a window is a power with a whole exponent and a square
root (see `attacker`): it is multiplied out, without logarithms, for many windows at a
time.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from dtmf_engine.arrays import Float64, Index, read_only
from dtmf_engine.background import (
    PRIOR_SAMPLES,
    WHITE,
    Colour,
    covariance,
    floor_under,
)
from dtmf_engine.compiled import compiled
from dtmf_engine.fours import Four, four
from dtmf_engine.keypad import DIGITS, HIGH_GROUP_HZ, LOW_GROUP_HZ
from dtmf_engine.units import SAMPLE_RATE_HZ, samples_from_ms


LONGEST_SHORT_SAMPLES: Final = samples_from_ms(12)
"""
In longer windows a pair that explains all there is would be likelier than a number can
say: 10 to the power of 260 here.
"""

TOLERANCE = 0.035
"""How far a tone is searched from its nominal frequency: beyond ±3.5 % a receiver
must refuse it (ITU-T Q.24)."""

SEARCH_FROM_MS = 6.0
"""
Shorter windows are fitted at the nominal frequencies.

A tone of 1633 Hz that is 3.5 % off turns by a quarter over 4 ms, which hides a
sixth of its energy; the next digit's tone is 10 % off. At 6 ms it is a third.
"""

_WAVES: Final = 4
"""Of a pair."""

_BATCH: Final = 256
"""Windows computed at a time: what is known of them stays near the processor."""


class Bank(NamedTuple):
    """
    What all pairs look like in windows of one length.
    """

    head: Float64
    """[shape=(m, m)] lower: times a window's first samples, makes them white."""
    waves: Float64
    """[shape=(k, n)] cosine and sine of each tone at each frequency, made white."""
    rows: Index
    """[shape=(16 · g, 4)] which waves are a pair's; g pairs of frequencies a digit."""
    axes: Float64
    """[shape=(16 · g, 4, 4)] orthonormal, by row: combinations of a pair's waves that
    have nothing in common."""
    sizes: Float64
    """[shape=(16 · g, 4)] energy of each."""


@lru_cache(maxsize=256)
def bank_of(length: int, colour: Colour, twist_db: float) -> Bank:
    """
    Give what all pairs look like in windows of one length.

    Args:
        length: of the windows, in samples: even, `LONGEST_SHORT_SAMPLES` at most.
        colour: of the background.
        twist_db: high-group over low-group tone.
    """
    offsets = _offsets(length)
    gain = 10 ** (np.array([-twist_db, twist_db]) / 40)
    waves = (_waves(length) * gain[:, None, None]).reshape(-1, length)
    n_first = min(len(colour) - 1, length)
    if colour != WHITE:
        waves = waves @ _whitener(colour)[:length, :length].T
    rows = _rows(len(offsets))
    products = waves @ waves.T
    sizes, axes = np.linalg.eigh(products[rows[:, :, None], rows[:, None, :]])
    return Bank(
        read_only(np.ascontiguousarray(_whitener(colour)[:n_first, :n_first])),
        read_only(waves),
        rows,
        read_only(np.ascontiguousarray(axes.swapaxes(1, 2))),
        read_only(np.maximum(sizes, 0.0)),
    )


@lru_cache(maxsize=64)
def _whitener(colour: Colour) -> Float64:
    """
    Give what makes the longest windows white, times their samples, [shape=(n, n)].

    Its first rows and columns do so for shorter ones: the factor of a covariance
    begins with that of fewer samples.
    """
    n = LONGEST_SHORT_SAMPLES
    factor = cholesky(covariance(colour, n), lower=True)
    return read_only(solve_triangular(factor, np.eye(n), lower=True))


@lru_cache(maxsize=16)
def _waves(length: int) -> Float64:
    """
    Give the waves of all tones at all frequencies, [shape=(2, 8 · √g, n)] by group.
    """
    place = (np.arange(length) - (length - 1) / 2) / SAMPLE_RATE_HZ
    groups = np.array([LOW_GROUP_HZ, HIGH_GROUP_HZ])
    hz = groups[:, :, None] * (1 + _offsets(length))
    turns = 2 * np.pi * hz[..., None, None] * place
    waves = np.concatenate([np.cos(turns), np.sin(turns)], axis=3)
    return read_only(waves.reshape(2, -1, length))


@lru_cache(maxsize=16)
def _rows(n_offsets: int) -> Index:
    """
    Say which waves are a pair's, [shape=(16 · g, 4)].
    """
    n_tones = len(LOW_GROUP_HZ) * n_offsets
    low = 2 * np.arange(n_tones).reshape(-1, 1, n_offsets, 1)
    high = 2 * (n_tones + np.arange(n_tones)).reshape(1, -1, 1, n_offsets)
    both = np.broadcast_arrays(low, low + 1, high, high + 1)
    return np.ascontiguousarray(np.stack(both, axis=-1).reshape(-1, _WAVES))


def _offsets(length: int) -> Float64:
    """
    Give the relative frequency offsets tried in short windows.
    """
    if length < samples_from_ms(SEARCH_FROM_MS):
        return np.zeros(1)
    return TOLERANCE * np.array([-2 / 3, 0.0, 2 / 3])


class Stretch(NamedTuple):
    """
    Audio that windows are laid over.
    """

    heard: Float64
    """[shape=(n,)] in samples of 16 bits."""
    filtered: Float64
    """[shape=(n,)] the same after the filter that makes its background white."""


def likelihoods(
    stretch: Stretch, bank: Bank, noise: float, powers: list[float]
) -> Float64:
    """
    Say how much likelier each digit makes windows than background alone.

    Args:
        stretch: no shorter than a window.
        bank: for the length of windows and the colour of the background.
        noise: mean-square power of the background.
        powers: of both tones together, all alike likely.

    Returns:
        [shape=(16, w)] ratios: means over frequencies and powers.
    """
    length = bank.waves.shape[1]
    n_windows = (len(stretch.heard) - length) // step_of(length) + 1
    white, energy = np.empty((length, n_windows)), np.empty(n_windows)
    _cut(stretch, bank.head, step_of(length), white)
    _measure(white, energy)
    floor = floor_under(energy, noise, length)
    along = bank.waves @ white
    found = np.zeros((len(DIGITS), n_windows))
    known = np.empty((2, n_windows))
    for power in powers:
        known[0], known[1] = energy + PRIOR_SAMPLES * floor, power / floor
        _add(known, along, bank, found)
    found /= len(powers) * (len(bank.rows) // len(DIGITS))
    return found


def step_of(length: int) -> int:
    """
    Give how far apart windows of a length are laid.
    """
    return max(1, length // 6)


@compiled
def _cut(stretch: Stretch, head: Float64, step: int, white: Float64) -> None:
    """
    Make windows white, each by itself.

    The filter has heard what is before a window; its first samples are made white
    from what is inside.

    Args:
        stretch: what windows are laid over.
        head: of the bank.
        step: from window to window.
        white: [shape=(n, w)] where to write: the first sample of all, the second, …
    """
    for i in range(len(white)):
        white[i] = 0.0
        if i >= len(head):
            _add_each(stretch.filtered[i:], step, 1.0, white[i])
        else:
            for j in range(i + 1):
                _add_each(stretch.heard[j:], step, head[i, j], white[i])


@compiled
def _add_each(samples: Float64, step: int, weight: float, sums: Float64) -> None:
    """
    Add so many samples, a step apart, times a weight to as many sums.
    """
    for i in range(len(sums)):
        sums[i] += weight * samples[i * step]


@compiled
def _measure(white: Float64, energy: Float64) -> None:
    """
    Write the energy of windows, [shape=(n, w)], where it is asked for, [shape=(w,)].
    """
    energy[:] = 0.0
    for i in range(len(white)):
        row = white[i]
        for window in range(len(row)):
            energy[window] += row[window] * row[window]


_Along = tuple[Float64, Float64, Float64, Float64]
"""[shape=(w,)] each: products of windows and a pair's four waves."""

_PRIOR: Final = int(PRIOR_SAMPLES)


@compiled
def _add(known: Float64, along: Float64, bank: Bank, found: Float64) -> None:
    """
    Add up how likely the pairs of each digit make windows.

    Args:
        known: [shape=(2, w)] of each window: what no pair explains yet, and a pair's
            power over that of the background.
        along: [shape=(k, w)] products of windows and waves.
        bank: for their length.
        found: [shape=(16, w)] sums, by digit.
    """
    n_windows = found.shape[1]
    n_alike = len(bank.rows) // len(found)
    exponent = (bank.waves.shape[1] + _PRIOR) // 2
    room = np.empty((2, _BATCH))
    for first in range(0, n_windows, _BATCH):
        last = min(first + _BATCH, n_windows)
        left, strength = known[0, first:last], known[1, first:last]
        ratio, likely = room[0, : last - first], room[1, : last - first]
        for pair in range(len(bank.rows)):
            sizes = bank.sizes[pair]
            products = _of_pair(along, bank.rows[pair], first, last)
            _explain(products, left, strength, bank.axes[pair], sizes, ratio)
            _charge(strength, sizes, likely)
            _raise(ratio, exponent, likely)
            total = found[pair // n_alike, first:last]
            for i in range(len(total)):
                total[i] += likely[i]


@compiled
def _of_pair(along: Float64, rows: Index, first: int, last: int) -> _Along:
    # Row by row: a part of a table is no longer in one piece.
    return (
        along[rows[0], first:last],
        along[rows[1], first:last],
        along[rows[2], first:last],
        along[rows[3], first:last],
    )


@compiled
def _explain(
    along: _Along,
    left: Float64,
    strength: Float64,
    axes: Float64,
    sizes: Float64,
    ratio: Float64,
) -> None:
    """
    Say by how much less of windows is left if a pair is there.

    Args:
        along: products of windows and waves.
        left: [shape=(w,)] energy if it is not there.
        strength: [shape=(w,)] power of the pair over that of the background.
        axes: [shape=(4, 4)] of the pair.
        sizes: [shape=(4,)] its energy along each.
        ratio: [shape=(w,)] energy without over energy with the pair.
    """
    a, b, c, d = four(axes[0]), four(axes[1]), four(axes[2]), four(axes[3])
    size_a, size_b, size_c, size_d = four(sizes)
    first, second, third, fourth = along
    for i in range(len(ratio)):
        window = first[i], second[i], third[i], fourth[i]
        at_a, at_b = _squared(a, window), _squared(b, window)
        at_c, at_d = _squared(c, window), _squared(d, window)
        over_a, over_b = 1 + strength[i] * size_a, 1 + strength[i] * size_b
        over_c, over_d = 1 + strength[i] * size_c, 1 + strength[i] * size_d
        # Four fractions over one denominator, and that taken to the other side: what
        # costs time is to divide.
        ab, cd = over_a * over_b, over_c * over_d
        of_ab = at_a * over_b + at_b * over_a
        of_cd = at_c * over_d + at_d * over_c
        whole = left[i] * (ab * cd)
        ratio[i] = whole / (whole - strength[i] * (of_ab * cd + of_cd * ab))


@compiled
def _squared(axis: Four, window: Four) -> float:
    """
    Give the energy of a window along an axis.
    """
    part = axis[0] * window[0] + axis[1] * window[1]
    part += axis[2] * window[2] + axis[3] * window[3]
    return part * part


@compiled
def _charge(strength: Float64, sizes: Float64, likely: Float64) -> None:
    """
    Say what a pair costs for having four amplitudes, [shape=(w,)] each.
    """
    size_a, size_b, size_c, size_d = four(sizes)
    for i in range(len(likely)):
        ab = (1 + strength[i] * size_a) * (1 + strength[i] * size_b)
        cd = (1 + strength[i] * size_c) * (1 + strength[i] * size_d)
        likely[i] = np.sqrt(1 / (ab * cd))


@compiled
def _raise(ratio: Float64, exponent: int, likely: Float64) -> None:
    """
    Multiply by a power, [shape=(w,)] each; what is raised is written over.
    """
    rest = exponent
    while rest:
        if rest & 1:
            for i in range(len(likely)):
                likely[i] *= ratio[i]
        rest >>= 1
        if rest:
            for i in range(len(ratio)):
                ratio[i] *= ratio[i]
