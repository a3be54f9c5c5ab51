"""
The attacker: what a listener with a computer could read from a stretch of audio.

It knows when the key was down and for how long, how loud the telephone's tones
are, and the level and colour of the background. It lays windows of many lengths
over the stretch and around it, fits each of the sixteen pairs of tones to every
window, and believes the pair that explains best what it hears. Where a Goertzel
detector is blind below a block of about 12.75 ms, this reads 1.5 ms of leaked
tone.

The score of a digit is the logarithm of a likelihood ratio: its pair in the
background, against the background alone. The four amplitudes of a pair are normal
with the power of the telephone's tones, the background is normal with about the
power it has elsewhere, a belief worth ν samples. In a window of n samples, made
white, with energy E and background power s², where a pair's direction i has
energy eᵢ in the window and would have κᵢ s² on average, that is

    −½ Σ ln(1 + κᵢ) − (n + ν)/2 · ln((E − Σ eᵢ κᵢ/(1 + κᵢ) + ν s²) / (E + ν s²))

Windows, and within them frequencies, are alternatives: a digit's score is the
logarithm of the mean over them. Looking in more places therefore costs what it
should, and noise alone does not make the attacker certain.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.signal import lfilter

from dtmf_engine.arrays import Float64, read_only
from dtmf_engine.background import WHITE, Colour, covariance, predictor
from dtmf_engine.keypad import DIGITS, HIGH_GROUP_HZ, LOW_GROUP_HZ, TONES_HZ
from dtmf_engine.known_level import LONGEST_SAMPLES, score_known
from dtmf_engine.units import (
    SAMPLE_RATE_HZ,
    amplitude_from_dbm0,
    dbm0_from_power,
    power_from_dbm0,
    samples_from_ms,
)


SHORT_MS = (0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
"""Windows in which both tones of a pair are fitted together."""

LONG_MS = (20.0, 40.0, 80.0, 160.0)
"""Windows long enough for the tones to be fitted one by one: cosines 194 Hz apart,
the least there is between the groups, have nothing in common over 20 ms."""

TOLERANCE = 0.035
"""How far a tone is searched from its nominal frequency: beyond ±3.5 % a receiver
must refuse it (ITU-T Q.24)."""

SEARCH_FROM_MS = 6.0
"""
Shorter windows are fitted at the nominal frequencies.

A tone of 1633 Hz that is 3.5 % off turns by a quarter over 4 ms, which hides a
sixth of its energy; the next digit's tone is 10 % off. At 6 ms it is a third.
"""

TONE_DBM0 = -10.0
"""How loud a tone is taken to be if nothing is known of the telephone."""

_WEAKER_DB = 20.0
"""Leaks are looked for at the telephone's level and this much below it."""

_PRIOR_SAMPLES = 20.0
_MIN_POWER = 1.0
"""Rounding to 16 bits alone leaves a twelfth; codecs leave more."""

_COMPANDED = 10**-3.8
"""What G.711 adds to any sound: 38 dB below it (ITU-T G.712, figure 9)."""

BEFORE_SAMPLES = samples_from_ms(20)
AFTER_SAMPLES = samples_from_ms(60)
"""Leaks are looked for around a press, too: tails, echoes, an alignment not exact."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """
    What the attacker makes of one press.
    """

    guess: str
    """A digit, or nothing where all are equally likely, as in digital silence."""
    margin: float
    """How much more likely than the next best: another digit, or none at all; in
    nats."""
    scores: Float64
    """[shape=(16,)] per digit, in the order of `keypad.DIGITS`."""


_NO_IDEA = Reading("", 0.0, read_only(np.zeros(len(DIGITS))))


@dataclass(frozen=True, slots=True)
class Knowledge:
    """
    What the attacker knows beside the time of a press.

    The telephone's own frequencies are not part of it: they help in long windows,
    where nothing is left to be helped.
    """

    low_dbm0: float = TONE_DBM0
    """Level at which low-group tones would arrive if they leaked whole."""
    high_dbm0: float = TONE_DBM0
    colour: Colour = WHITE
    """Colour of the background."""
    levels_are_known: bool = False
    """Whether the levels are those of the caller's recording, to a few percent."""


_NOTHING = Knowledge()


def read_press(
    audio: Float64,
    start_sample: int,
    end_sample: int,
    noise_power: float,
    *,
    knowledge: Knowledge = _NOTHING,
) -> Reading:
    """
    Guess the digit of one press.

    Args:
        audio: [shape=(n,)] the agent's recording at 8 kHz, in samples of 16
            bits, aligned with the caller's.
        start_sample: where the key went down.
        end_sample: where it came up.
        noise_power: mean-square power of the background.
        knowledge: of the telephone and of the background.
    """
    first = max(0, start_sample - BEFORE_SAMPLES)
    stretch = audio[first : max(0, end_sample + AFTER_SAMPLES)]
    if not stretch.any():
        return _NO_IDEA
    longest = end_sample - start_sample + BEFORE_SAMPLES
    scores = [
        _log_mean_exp(logs)
        for logs in _by_length(
            stretch, longest, max(noise_power, _MIN_POWER), knowledge
        )
    ]
    if not scores:
        return _NO_IDEA
    score = _log_mean_exp(np.array(scores))
    order = np.argsort(score)
    best = float(score[order[-1]])
    margin = best - max(float(score[order[-2]]), 0.0)
    if score[order[0]] == best:
        return _NO_IDEA
    return Reading(DIGITS[int(order[-1])], max(0.0, margin), score)


def tone_levels(
    audio: Float64, start_sample: int, end_sample: int, digit: str
) -> tuple[float, float] | None:
    """
    Measure the two tones of a press in the caller's recording.

    Args:
        audio: [shape=(n,)] at 8 kHz, in samples of 16 bits.
        start_sample: where the key went down.
        end_sample: where it came up.
        digit: which key.

    Returns:
        Level of the low-group and of the high-group tone, in dBm0; nothing if the
        press is shorter than 20 ms.
    """
    lengths = [samples_from_ms(ms) for ms in LONG_MS]
    fitting = [n for n in lengths if n <= end_sample - start_sample]
    if not fitting or end_sample > len(audio):
        return None
    length = fitting[-1]
    first = (start_sample + end_sample - length) // 2
    window = audio[first : first + length]
    along = np.square(window @ _tone_bank(length)).reshape(2, 4, -1, 2).sum(axis=3)
    index = DIGITS.index(digit)
    peaks = (_peak(along[0, index // 4]), _peak(along[1, index % 4]))
    low, high = (dbm0_from_power(peak / length) for peak in peaks)
    return low, high


def _peak(energies: Float64) -> float:
    """
    Give the top of the parabola through the largest of energies along a grid.
    """
    best = int(np.clip(np.argmax(energies), 1, len(energies) - 2))
    left, middle, right = energies[best - 1 : best + 2]
    bend = left - 2 * middle + right
    if bend >= 0:
        return float(energies.max())
    return max(float(energies.max()), float(middle - (left - right) ** 2 / (8 * bend)))


def _by_length(
    stretch: Float64, longest: int, noise: float, knowledge: Knowledge
) -> Iterator[Float64]:
    """
    Score windows, one length after the other: each [shape=(windows, 16)].
    """
    twist_db = _step(knowledge.high_dbm0 - knowledge.low_dbm0)
    mean = (knowledge.high_dbm0 + knowledge.low_dbm0) / 2
    powers = [power_from_dbm0(level) for level in (mean, mean - _WEAKER_DB)]
    for ms in SHORT_MS:
        bank = _pair_bank(samples_from_ms(ms), knowledge.colour, twist_db)
        windows = _windows(stretch, bank.length, longest)
        if windows is not None:
            # In longer windows all that a level does is to cost a little.
            tried = powers if bank.length < LONGEST_SAMPLES else powers[:1]
            logs = _score_pairs(windows, bank, noise, tried)
            yield _told_by_level(windows, logs, noise, knowledge)
    taps, left = predictor(knowledge.colour)
    white = np.asarray(lfilter(taps / np.sqrt(left), np.ones(1), stretch))
    for ms in LONG_MS:
        length = samples_from_ms(ms)
        windows = _windows(white, length, longest)
        if windows is not None:
            yield _score_tones(windows, _tone_bank(length), noise, powers)


def _step(twist_db: float) -> float:
    """
    Give a twist in steps of 3 dB: tables are kept by it.
    """
    return float(min(12, max(-12, 3 * round(twist_db / 3))))


def _windows(audio: Float64, length: int, longest: int) -> Float64 | None:
    if length > min(len(audio), longest):
        return None
    step = max(1, length // 6)
    return np.lib.stride_tricks.sliding_window_view(audio, length)[::step]


def _told_by_level(
    windows: Float64, logs: Float64, noise: float, knowledge: Knowledge
) -> Float64:
    """
    Look again at the most promising windows, now knowing the levels.
    """
    length = windows.shape[1]
    if not knowledge.levels_are_known or length > LONGEST_SAMPLES:
        return logs
    order = np.argsort(logs.max(axis=1))[-_PROMISING:]
    chosen = windows[order]
    energy = np.einsum("wn,wn->w", chosen, chosen)
    floor = noise + _COMPANDED * energy / length
    levels = (knowledge.low_dbm0, knowledge.high_dbm0)
    low, high = (amplitude_from_dbm0(level) for level in levels)
    told = score_known(chosen, floor, (low, high), _PRIOR_SAMPLES)
    logs[order] = np.logaddexp(logs[order], told) - np.log(2)
    return logs


_PROMISING = 6


# --- short windows: pairs ---------------------------------------------------------


class _PairBank(NamedTuple):
    """
    What all pairs look like in windows of one length.
    """

    length: int
    is_white: bool
    whitener: Float64
    """[shape=(n, n)] upper: rows of samples times this are white."""
    directions: Float64
    """[shape=(n, 4 · 16 · g)] orthonormal within each pair; g frequencies a pair."""
    sizes: Float64
    """[shape=(4 · 16 · g,)] energy along each, of tones of power 1."""


@lru_cache(maxsize=256)
def _pair_bank(length: int, colour: Colour, twist_db: float) -> _PairBank:
    n = np.arange(length) - (length - 1) / 2
    factor = cholesky(covariance(colour, length), lower=True)
    whitener = solve_triangular(factor, np.eye(length), lower=True)
    off = _offsets(length)
    sizes = 10 ** (np.array([-twist_db, -twist_db, twist_db, twist_db]) / 40)
    columns = []
    for low in LOW_GROUP_HZ:
        for high in HIGH_GROUP_HZ:
            for low_off in off:
                for high_off in off:
                    pair = (low * (1 + low_off), high * (1 + high_off))
                    turns = [2 * np.pi * hz * n / SAMPLE_RATE_HZ for hz in pair]
                    columns.append([f(t) for t in turns for f in (np.cos, np.sin)])
    waves = np.array(columns).swapaxes(1, 2) * sizes
    left, values, _ = np.linalg.svd(whitener @ waves, full_matrices=False)
    return _PairBank(
        length,
        colour == WHITE,
        read_only(np.ascontiguousarray(whitener.T)),
        read_only(np.moveaxis(left, 1, 0).swapaxes(1, 2).reshape(length, -1)),
        read_only(np.square(values).T.reshape(-1)),
    )


def _offsets(length: int) -> Float64:
    """
    Give the relative frequency offsets tried in short windows.
    """
    if length < samples_from_ms(SEARCH_FROM_MS):
        return np.zeros(1)
    return TOLERANCE * np.array([-2 / 3, 0.0, 2 / 3])


def _score_pairs(
    windows: Float64, bank: _PairBank, noise: float, powers: list[float]
) -> Float64:
    white = windows if bank.is_white else windows @ bank.whitener
    energy = np.einsum("wn,wn->w", white, white)[:, None]
    along = np.square(white @ bank.directions)
    floor = noise + _COMPANDED * energy / bank.length
    prior = _PRIOR_SAMPLES * floor
    weight = (bank.length + _PRIOR_SAMPLES) / 2
    logs = []
    for power in powers:
        spread = 1 + (power / floor) * bank.sizes
        explained = along - along / spread
        four, parts = (x.reshape(len(white), 4, -1) for x in (spread, explained))
        occam = 0.5 * np.log(four[:, 0] * four[:, 1] * four[:, 2] * four[:, 3])
        rest = energy - (parts[:, 0] + parts[:, 1] + parts[:, 2] + parts[:, 3])
        logs.append(-occam - weight * np.log((rest + prior) / (energy + prior)))
    grid = np.array(logs).reshape(len(powers), len(white), len(DIGITS), -1)
    if grid.shape[::3] == (1, 1):
        return np.asarray(grid[0, :, :, 0])
    return _log_mean_exp(np.moveaxis(grid, 3, 1).reshape(-1, len(white), len(DIGITS)))


# --- long windows: tones ----------------------------------------------------------


@cache
def _tone_bank(length: int) -> Float64:
    """
    Give single tones at all frequencies searched, [shape=(n, 8 · g · 2)].

    The step is half of what a window resolves, 1 / (2 T): between two steps a
    tenth of the energy is missed.
    """
    widest = 2 * TOLERANCE * TONES_HZ[-1]
    n_steps = int(np.ceil(widest * length / SAMPLE_RATE_HZ))
    off = np.linspace(-TOLERANCE, TOLERANCE, 2 * n_steps + 1)
    hz = (np.array(TONES_HZ)[:, None] * (1 + off)).reshape(-1)
    turns = 2 * np.pi * np.outer(np.arange(length) - (length - 1) / 2, hz)
    turns /= SAMPLE_RATE_HZ
    waves = np.stack([np.cos(turns), np.sin(turns)], axis=2)
    waves /= np.linalg.norm(waves, axis=0)
    return read_only(waves.reshape(length, -1))


def _score_tones(
    windows: Float64, bank: Float64, noise: float, powers: list[float]
) -> Float64:
    n = windows.shape[1]
    energy = np.einsum("wn,wn->w", windows, windows)
    along = np.square(windows @ bank).reshape(len(windows), 2, 4, -1, 2).sum(axis=4)
    floor = noise + _COMPANDED * energy / n
    prior = _PRIOR_SAMPLES * floor
    best = along.max(axis=(2, 3)).sum(axis=1)
    # What a frequency explains counts by how sure it is against the others.
    scale = 2 * (np.maximum(energy - best, 0.0) + prior) / (n + _PRIOR_SAMPLES)
    scale = scale[:, None, None]
    tones = scale * _log_mean_exp(np.moveaxis(along, 3, 0) / scale)
    explained = tones[:, 0, :, None] + tones[:, 1, None, :]
    rest = np.maximum(energy[:, None] - explained.reshape(len(windows), -1), 0.0)
    total = (energy + prior)[:, None]
    gain = -(n + _PRIOR_SAMPLES) / 2 * np.log((rest + prior[:, None]) / total)
    occam = [2 * np.log(1 + power / floor * n / 2)[:, None] for power in powers]
    return _log_mean_exp(np.array([gain - cost for cost in occam]))


def _log_mean_exp(logs: Float64) -> Float64:
    """
    Take the logarithm of the mean of exponentials along the first axis.
    """
    peak = logs.max(axis=0)
    return np.asarray(peak + np.log(np.exp(logs - peak).mean(axis=0)))
