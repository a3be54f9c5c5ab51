"""
Long windows: how well single tones explain them, at all frequencies searched.

From 20 ms on, tones of the two groups have nothing in common: cosines 194 Hz apart,
the least there is between them. They are fitted one by one, and what they explain is
added.
"""

from functools import cache
from typing import Final

import numpy as np

from dtmf_engine.arrays import Float64, read_only
from dtmf_engine.background import PRIOR_SAMPLES, floor_under
from dtmf_engine.compiled import compiled
from dtmf_engine.keypad import DIGITS, TONES_HZ
from dtmf_engine.short_windows import TOLERANCE
from dtmf_engine.units import SAMPLE_RATE_HZ


_N_TONES: Final = len(TONES_HZ)
_N_HIGH: Final = _N_TONES // 2


@cache
def _waves(length: int) -> Float64:
    """
    Give half of each wave at all frequencies searched, [shape=(2, n / 2, 8 · g)].

    Cosines, then sines, from the middle of a window on: the other half is the same
    in a mirror, and for a sine turned over. The step is half of what a window
    resolves, 1 / (2 T): between two steps a tenth of the energy is missed.
    """
    widest = 2 * TOLERANCE * TONES_HZ[-1]
    n_steps = int(np.ceil(widest * length / SAMPLE_RATE_HZ))
    off = np.linspace(-TOLERANCE, TOLERANCE, 2 * n_steps + 1)
    hz = (np.array(TONES_HZ)[:, None] * (1 + off)).reshape(-1)
    place = (np.arange(length // 2) + 0.5) / SAMPLE_RATE_HZ
    turns = 2 * np.pi * np.outer(place, hz)
    waves = np.stack([np.cos(turns), np.sin(turns)])
    waves /= np.sqrt(2 * np.square(waves).sum(axis=1, keepdims=True))
    return read_only(waves)


def energies(windows: Float64) -> Float64:
    """
    Give the energy of each tone at all frequencies searched.

    Args:
        windows: [shape=(w, n)] of an even number of samples, 20 ms or more.

    Returns:
        [shape=(w, 8, g)] g frequencies, evenly spaced over the tolerance.
    """
    half = windows.shape[1] // 2
    waves = _waves(2 * half)
    after, before = windows[:, half:], windows[:, half - 1 :: -1]
    even, odd = (after + before) @ waves[0], (after - before) @ waves[1]
    both = even * even + odd * odd
    return np.asarray(both.reshape(len(windows), _N_TONES, -1))


def score_long(windows: Float64, noise: float, powers: list[float]) -> Float64:
    """
    Say how much likelier each digit makes long windows than background alone.

    Args:
        windows: [shape=(w, n)] of a white background.
        noise: its mean-square power.
        powers: of both tones together, all alike likely.

    Returns:
        [shape=(w, 16)] logarithm of the likelihood ratio: means over powers.
    """
    n = windows.shape[1]
    energy = np.einsum("wn,wn->w", windows, windows)
    floor = floor_under(energy, noise, n)
    # Two amplitudes a tone, four in all.
    costs = [(1 + power / floor * n / 2) ** -2 for power in powers]
    cost = np.log(np.mean(costs, axis=0))
    known = np.stack([energy, PRIOR_SAMPLES * floor, cost], axis=1)
    scores = np.empty((len(windows), len(DIGITS)))
    _score(energies(windows), known, n + PRIOR_SAMPLES, scores)
    return scores


@compiled
def _score(along: Float64, known: Float64, weight: float, scores: Float64) -> None:
    """
    Score each window for each digit.

    Args:
        along: [shape=(w, 8, g)] energies of tones.
        known: [shape=(w, 3)] energy, that of the background as it is believed, and
            the logarithm of what four amplitudes cost.
        weight: samples of a window and of belief.
        scores: [shape=(w, 16)] where to write.
    """
    tones = np.empty(_N_TONES)
    for window in range(len(scores)):
        energy, prior, cost = known[window]
        best = _strongest(along[window], 0) + _strongest(along[window], _N_HIGH)
        # What a frequency explains counts by how sure it is against the others.
        scale = 2 * (max(energy - best, 0.0) + prior) / weight
        for tone in range(_N_TONES):
            tones[tone] = _over_frequencies(along[window, tone], scale)
        for low in range(_N_HIGH):
            for high in range(_N_HIGH):
                rest = max(energy - (tones[low] + tones[_N_HIGH + high]), 0.0)
                gain = -weight / 2 * np.log((rest + prior) / (energy + prior))
                scores[window, low * _N_HIGH + high] = gain + cost


@compiled
def _strongest(along: Float64, first: int) -> float:
    """
    Give the most that any tone of a group explains, at any frequency.
    """
    most = 0.0
    for tone in range(first, first + _N_HIGH):
        for energy in along[tone]:
            most = max(most, energy)
    return most


@compiled
def _over_frequencies(energies: Float64, scale: float) -> float:
    """
    Give what a tone explains: the logarithm of the mean of exponentials, by scale.
    """
    peak = energies.max()
    total = 0.0
    for energy in energies:
        total += np.exp((energy - peak) / scale)
    return float(peak + scale * np.log(total / len(energies)))
