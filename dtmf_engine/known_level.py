"""
Leaks of a millisecond and less, read by one who knows how loud the tones are.

Six samples hold six numbers. A pair of tones of unknown level has four unknowns,
one of known level only two, its phases: that is what tells digits apart when there
is next to nothing to go by. Levels are known from the caller's recording.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from dtmf_engine.arrays import Float64, read_only
from dtmf_engine.compiled import compiled
from dtmf_engine.fours import Four, four, products
from dtmf_engine.keypad import DIGITS, HIGH_GROUP_HZ, LOW_GROUP_HZ
from dtmf_engine.units import SAMPLE_RATE_HZ, samples_from_ms


LONGEST_SAMPLES = samples_from_ms(2)
"""In longer windows the levels are read from the leak itself."""

_GRID: Final = 16
"""Phases of each tone that are tried at first."""

_STARTS: Final = 4
_STEPS: Final = 4
_LONGEST_STEP: Final = 0.3
"""Radians: beyond that the curvature at the start says nothing."""

_MISTUNED = 1e-3
"""
Power over the tones' that frequencies 1.5 % off leave unexplained in 1 ms: a turn of
0.11 radians from edge to edge, squared and averaged. It grows with the square of time.
"""


_TURNS = 2 * np.pi * np.arange(_GRID) / _GRID
_COS, _SIN = read_only(np.cos(_TURNS)), read_only(np.sin(_TURNS))


class _Bank(NamedTuple):
    """
    What all pairs look like in windows of one length.
    """

    waves: Float64
    """[shape=(n, 64)] cosine and sine of both tones, for each of 16 pairs."""
    gram: Float64
    """[shape=(16, 4, 4)] their products with each other."""
    own: Float64
    """[shape=(16, 2, 16)] energy of either tone of a pair at each phase of the grid."""
    shared: Float64
    """[shape=(16, 16, 16)] twice the product of both, by phases of low and high."""


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
    at = np.stack([_COS, _SIN])
    # By digit, tone and its part, tone and its part.
    parts = gram.reshape(-1, 2, 2, 2, 2)
    own = np.einsum("dtptq,pg,qg->dtg", parts, at, at)
    shared = 2 * np.einsum("dpq,pg,qh->dgh", parts[:, 0, :, 1], at, at)
    columns = np.ascontiguousarray(waves.reshape(-1, length).T)
    return _Bank(
        read_only(columns),
        read_only(np.ascontiguousarray(gram)),
        read_only(np.ascontiguousarray(own)),
        read_only(np.ascontiguousarray(shared)),
    )


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
    length = windows.shape[1]
    bank = _bank(length)
    energy = np.einsum("wn,wn->w", windows, windows)
    tones = (amplitudes[0] ** 2 + amplitudes[1] ** 2) / 2
    noise = floor + _MISTUNED * (length * 1000 / SAMPLE_RATE_HZ) ** 2 * tones
    case = _Case(amplitudes, length, prior)
    known = np.stack([energy, floor, noise], axis=1)
    scores = np.empty((len(windows), len(DIGITS)))
    _score_all(windows @ bank.waves, known, bank, case, scores)
    return scores


_Amplitudes = tuple[float, float]


class _Case(NamedTuple):
    """
    What all windows have in common.
    """

    amplitudes: _Amplitudes
    n_samples: int
    prior: float
    """Samples that the belief in the background's power is worth."""


@compiled
def _score_all(
    along: Float64, known: Float64, bank: _Bank, case: _Case, scores: Float64
) -> None:
    """
    Score each window for each digit.

    Args:
        along: [shape=(w, 64)] products of windows and waves.
        known: [shape=(w, 3)] energy, power under a window, and the same with what
            tones leave that are not quite where they should be.
        bank: for the length of the windows.
        case: what they have in common.
        scores: [shape=(w, 16)] where to write.
    """
    left = np.empty(_GRID * _GRID)
    weight = (case.n_samples + case.prior) / 2
    for window in range(len(scores)):
        energy, floor, noise = known[window]
        always = case.prior / 2 * np.log(noise / floor) - np.log(2 * np.pi)
        always += weight * np.log(energy + case.prior * floor)
        for digit in range(scores.shape[1]):
            first = 4 * digit
            pair = four(along[window, first : first + 4])
            _try_grid(pair, bank.own[digit], bank.shared[digit], case.amplitudes, left)
            best = -np.inf
            for start in _lowest(left):
                phases = _settle(start, pair, bank.gram[digit], case.amplitudes, noise)
                best = max(best, _weigh(phases, energy, noise, case))
            scores[window, digit] = always + best


class _Settled(NamedTuple):
    """
    What a pair leaves of a window at good phases.
    """

    misfit: float
    """Less the window's energy."""
    low: float
    """Curvature by the phase of the low tone."""
    both: float
    high: float


@compiled
def _weigh(settled: _Settled, energy: float, noise: float, case: _Case) -> float:
    """
    Give the logarithm of the integral over phases, but for what all have in common.
    """
    total = max(energy + settled.misfit, 0.0) + case.prior * noise
    weight = case.n_samples + case.prior
    power = total / weight
    volume = (settled.low / power + 1) * (settled.high / power + 1)
    volume -= (settled.both / power) ** 2
    return float(-weight / 2 * np.log(total) - 0.5 * np.log(volume))


@compiled
def _try_grid(
    along: Four,
    own: Float64,
    shared: Float64,
    amplitudes: _Amplitudes,
    left: Float64,
) -> None:
    """
    Say what a pair leaves of a window, less its energy, at all phases of the grid.

    Args:
        along: products of the window and the pair's waves.
        own: [shape=(2, 16)] of the bank.
        shared: [shape=(16, 16)] of the bank.
        amplitudes: of both tones.
        left: [shape=(256,)] where to write, by phase of the low and the high tone.
    """
    low, high = amplitudes
    for i in range(_GRID):
        pulled = along[0] * _COS[i] + along[1] * _SIN[i]
        by_low = low * (low * own[0, i] - 2 * pulled)
        row, both = left[i * _GRID : (i + 1) * _GRID], shared[i]
        for j in range(_GRID):
            pulled = along[2] * _COS[j] + along[3] * _SIN[j]
            by_high = high * (high * own[1, j] - 2 * pulled)
            row[j] = by_low + by_high + low * high * both[j]


@compiled
def _lowest(values: Float64) -> tuple[int, int, int, int]:
    """
    Give the places of the four lowest values, the lowest first.
    """
    one = two = three = four = -1
    for place in range(len(values)):
        value = values[place]
        if four >= 0 and value >= values[four]:
            continue
        four = place
        if three < 0 or value < values[three]:
            three, four = four, three
        if two < 0 or value < values[two]:
            two, three = three, two
        if one < 0 or value < values[one]:
            one, two = two, one
    return one, two, three, four


@compiled
def _settle(
    start: int,
    along: Four,
    gram: Float64,
    amplitudes: _Amplitudes,
    noise: float,
) -> _Settled:
    """
    Find phases that leave little of a window.

    Args:
        start: place in the grid.
        along: products of the window and the pair's waves.
        gram: [shape=(4, 4)] products of the waves.
        amplitudes: of both tones.
        noise: power that is no tone's.
    """
    i, j = start // _GRID, start % _GRID
    low, cos_low, sin_low = _TURNS[i], _COS[i], _SIN[i]
    high, cos_high, sin_high = _TURNS[j], _COS[j], _SIN[j]
    for step in range(_STEPS + 1):
        pair = (
            amplitudes[0] * cos_low,
            amplitudes[0] * sin_low,
            amplitudes[1] * cos_high,
            amplitudes[1] * sin_high,
        )
        fitted = products(gram, pair)
        bend_low, bend_high = _bend(gram, pair, 0), _bend(gram, pair, 2)
        both = _bend_of_both(gram, pair)
        if step == _STEPS:
            break
        by_low = (along[1] - fitted[1]) * pair[0] - (along[0] - fitted[0]) * pair[1]
        by_high = (along[3] - fitted[3]) * pair[2] - (along[2] - fitted[2]) * pair[3]
        # Curvature that the noise hides is no guide.
        sure_low, sure_high = bend_low + noise, bend_high + noise
        down = sure_low * sure_high - both * both
        low += _within((sure_high * by_low - both * by_high) / down)
        high += _within((sure_low * by_high - both * by_low) / down)
        cos_low, sin_low = np.cos(low), np.sin(low)
        cos_high, sin_high = np.cos(high), np.sin(high)
    misfit = 0.0
    for wave in range(4):
        misfit += (fitted[wave] - 2 * along[wave]) * pair[wave]
    return _Settled(misfit, bend_low, both, bend_high)


@compiled
def _bend(gram: Float64, pair: Four, first: int) -> float:
    """
    Give the energy of how a tone changes with its phase: its cosine becomes its sine.

    Args:
        gram: [shape=(4, 4)] products of the waves.
        pair: amplitudes of the waves.
        first: the tone's first wave, 0 or 2.
    """
    cos, sin, second = pair[first], pair[first + 1], first + 1
    energy = gram[first, first] * sin * sin + gram[second, second] * cos * cos
    return float(energy - 2 * gram[first, second] * sin * cos)


@compiled
def _bend_of_both(gram: Float64, pair: Four) -> float:
    """
    Give the product of how both tones change with their phases.
    """
    cos_low, sin_low, cos_high, sin_high = pair
    by_cos = gram[1, 3] * cos_high - gram[1, 2] * sin_high
    by_sin = gram[0, 2] * sin_high - gram[0, 3] * cos_high
    return float(cos_low * by_cos + sin_low * by_sin)


@compiled
def _within(step: float) -> float:
    return min(max(step, -_LONGEST_STEP), _LONGEST_STEP)
