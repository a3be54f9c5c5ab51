"""
Leaks of a millisecond and less, read by one who knows how loud the tones are.

Six samples hold six numbers. A pair of tones of unknown level has four unknowns,
one of known level only two, its phases: that is what tells digits apart when there
is next to nothing to go by. Levels are known from the caller's recording.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dtmf_engine.arrays import Float64, read_only
from dtmf_engine.keypad import HIGH_GROUP_HZ, LOW_GROUP_HZ
from dtmf_engine.units import SAMPLE_RATE_HZ, samples_from_ms


LONGEST_SAMPLES = samples_from_ms(2)
"""In longer windows the levels are read from the leak itself."""

_GRID = 16
_STARTS = 4
_STEPS = 4
_LONGEST_STEP = 0.3
"""Radians: beyond that the curvature at the start says nothing."""

_MISTUNED = 1e-3
"""
Power over the tones' that frequencies 1.5 % off leave unexplained in 1 ms: a turn of
0.11 radians from edge to edge, squared and averaged. It grows with the square of time.
"""


class _Bank(NamedTuple):
    waves: Float64
    """[shape=(n, 64)] cosine and sine of both tones, for each of 16 pairs."""
    gram: Float64
    """[shape=(16, 4, 4)] their products with each other."""
    length: int


@lru_cache(maxsize=16)
def _bank(length: int) -> _Bank:
    n = np.arange(length) - (length - 1) / 2
    pairs = []
    for low in LOW_GROUP_HZ:
        for high in HIGH_GROUP_HZ:
            turns = [2 * np.pi * hz * n / SAMPLE_RATE_HZ for hz in (low, high)]
            pairs.append([f(turn) for turn in turns for f in (np.cos, np.sin)])
    waves: Float64 = np.array(pairs)
    gram = waves @ waves.swapaxes(1, 2)
    return _Bank(read_only(waves.reshape(-1, length).T.copy()), gram, length)


_PHASES = read_only(2 * np.pi * np.indices((_GRID, _GRID)).reshape(2, -1) / _GRID)


def score_known(
    windows: Float64, floor: Float64, amplitudes: tuple[float, float], prior: float
) -> Float64:
    """
    Score short windows for an attacker who knows the amplitudes.

    Phases are alike likely; the integral over them is that of the normal curve
    at the best ones, which a grid and a few steps of Gauss and Newton find.

    Args:
        windows: [shape=(w, n)]
        floor: [shape=(w,)] power of background and coding.
        amplitudes: of the low-group and the high-group tone.
        prior: how many samples the belief in `floor` is worth.

    Returns:
        [shape=(w, 16)] logarithm of the likelihood ratio against background alone.
    """
    bank = _bank(windows.shape[1])
    energy = np.einsum("wn,wn->w", windows, windows)[:, None, None]
    along = (windows @ bank.waves).reshape(-1, 16, 1, 4)
    ms = bank.length * 1000 / SAMPLE_RATE_HZ
    tones = (amplitudes[0] ** 2 + amplitudes[1] ** 2) / 2
    noise = floor[:, None, None] + _MISTUNED * ms**2 * tones
    misfit, information = _settle(along, bank.gram, energy, amplitudes, noise)
    weight = (bank.length + prior) / 2
    plain = floor[:, None, None]
    gain = -weight * np.log((misfit + prior * noise) / (energy + prior * plain))
    gain += prior / 2 * np.log(noise / plain)
    power = (misfit + prior * noise) / (bank.length + prior)
    a, b, c = (part / power for part in information)
    spread = 0.5 * np.log((a + 1) * (c + 1) - b * b) + np.log(2 * np.pi)
    return np.asarray((gain - spread).max(axis=2))


def _settle(
    along: Float64,
    gram: Float64,
    energy: Float64,
    amplitudes: tuple[float, float],
    noise: Float64,
) -> tuple[Float64, tuple[Float64, Float64, Float64]]:
    """
    Find phases that leave little of windows.

    Returns:
        What they leave, and the curvature there: [shape=(w, 16, starts)] each.
    """
    grid = _at(_PHASES, amplitudes)[0]
    of_grid = np.einsum("gi,dij,gj->dg", grid, gram, grid)
    left = of_grid - 2 * (along[:, :, 0] @ grid.T)
    best = np.argpartition(left, _STARTS, axis=2)[..., :_STARTS]
    phases = np.stack([phase[best] for phase in _PHASES])
    for step in range(_STEPS + 1):
        values, slopes = _at(phases, amplitudes)
        pulled = along - np.einsum("wdsi,dij->wdsj", values, gram)
        moved = [np.einsum("wdsi,dij->wdsj", slope, gram) for slope in slopes]
        a, c = ((m * s).sum(axis=3) for m, s in zip(moved, slopes, strict=True))
        b = (moved[0] * slopes[1]).sum(axis=3)
        if step == _STEPS:
            break
        first, second = ((pulled * slope).sum(axis=3) for slope in slopes)
        # Curvature that the noise hides is no guide.
        a_, c_ = a + noise, c + noise
        down = a_ * c_ - b * b
        change = np.stack([c_ * first - b * second, a_ * second - b * first]) / down
        phases = phases + np.clip(change, -_LONGEST_STEP, _LONGEST_STEP)
    misfit = energy - ((pulled + along) * values).sum(axis=3)
    return np.maximum(misfit, 0.0), (a, b, c)


def _at(
    phases: Float64, amplitudes: tuple[float, float]
) -> tuple[Float64, tuple[Float64, Float64]]:
    """
    Give amplitudes of the four waves at phases, and how they change with each.
    """
    cos, sin = np.cos(phases), np.sin(phases)
    zero = np.zeros_like(cos[0])
    low, high = amplitudes
    values = np.stack([low * cos[0], low * sin[0], high * cos[1], high * sin[1]], -1)
    by_low = np.stack([-low * sin[0], low * cos[0], zero, zero], -1)
    by_high = np.stack([zero, zero, -high * sin[1], high * cos[1]], -1)
    return values, (by_low, by_high)
