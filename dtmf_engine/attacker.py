"""
The attacker: what a listener with a computer could read from a stretch of audio.

It knows when the key was down and for how long. It lays windows of many
lengths over the stretch and around it, fits each of the sixteen pairs of tones
to every window by least squares, and believes the pair that explains best what
it hears. Where a Goertzel detector is blind below a block of about 12.75 ms,
this reads 2 ms of leaked tone.

The score of a digit is a log-likelihood ratio against noise, in nats. In a
window of n samples with energy E, of which a pair leaves R unexplained, and
with a prior belief about the noise power worth ν samples, it is

    ((n − 4 + ν) / 2) · ln((E + ν s²) / (R + ν s²))

(normal noise of unknown power, flat amplitudes; four of the n degrees of
freedom go to the fit). Windows are alternatives: a digit's score is the
logarithm of the mean over windows of the likelihood ratios.
"""

from dataclasses import dataclass

import numpy as np

from dtmf_engine.arrays import Float64, read_only
from dtmf_engine.keypad import DIGITS, HIGH_GROUP_HZ, LOW_GROUP_HZ
from dtmf_engine.units import SAMPLE_RATE_HZ, samples_from_ms


WINDOWS_MS = (1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 40.0)
"""Lengths of leak looked for, besides the length of the press itself."""

_PRIOR_SAMPLES = 20.0
_PRIOR_MIN_POWER = 1.0
"""Rounding to 16 bits alone leaves a twelfth; codecs leave more."""

_BEFORE_SAMPLES = samples_from_ms(20)
_AFTER_SAMPLES = samples_from_ms(60)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """
    What the attacker makes of one press.
    """

    guess: str
    """A digit, or nothing where all are equally likely, as in digital silence."""
    margin: float
    """How much more likely than the next best digit, in nats."""
    scores: Float64
    """[shape=(16,)] per digit, in the order of `keypad.DIGITS`."""


_NO_IDEA = Reading("", 0.0, read_only(np.zeros(len(DIGITS))))

_bases: dict[int, Float64] = {}


def _basis(n_samples: int) -> Float64:
    """
    Give orthonormal bases of all pairs over a window, [shape=(n, 16 * 4)].
    """
    if n_samples not in _bases:
        n = np.arange(n_samples) - (n_samples - 1) / 2
        columns = []
        for low in LOW_GROUP_HZ:
            for high in HIGH_GROUP_HZ:
                phases = [2 * np.pi * hz * n / SAMPLE_RATE_HZ for hz in (low, high)]
                waves = np.stack([f(p) for p in phases for f in (np.cos, np.sin)], 1)
                columns.append(np.linalg.qr(waves)[0])
        _bases[n_samples] = read_only(np.concatenate(columns, axis=1))
    return _bases[n_samples]


def read_press(
    audio: Float64, start_sample: int, end_sample: int, noise_power: float
) -> Reading:
    """
    Guess the digit of one press.

    Args:
        audio: [shape=(n,)] the agent's recording at 8 kHz, in samples of 16
            bits, aligned with the caller's.
        start_sample: where the key went down.
        end_sample: where it came up.
        noise_power: mean-square power of the background.
    """
    floor = _PRIOR_SAMPLES * max(noise_power, _PRIOR_MIN_POWER)
    logs: list[Float64] = []
    lengths = {samples_from_ms(ms) for ms in WINDOWS_MS}
    lengths.add(min(end_sample - start_sample, samples_from_ms(400)))
    for length in sorted(lengths):
        first = max(0, start_sample - min(length, _BEFORE_SAMPLES))
        last = max(0, min(len(audio), end_sample + min(length, _AFTER_SAMPLES)))
        stretch = audio[first:last]
        if len(stretch) < length:
            continue
        step = max(1, length // 8)
        windows = np.lib.stride_tricks.sliding_window_view(stretch, length)[::step]
        energy = np.einsum("wn,wn->w", windows, windows)
        fitted = (windows @ _basis(length)).reshape(len(windows), 16, 4)
        explained = np.einsum("wdi,wdi->wd", fitted, fitted)
        rest = np.maximum(energy[:, None] - explained, 0.0)
        weight = (length - 4 + _PRIOR_SAMPLES) / 2
        logs.append(weight * np.log((energy[:, None] + floor) / (rest + floor)))
    if not logs:
        return _NO_IDEA
    scores = _log_mean_exp(np.concatenate(logs))
    order = np.argsort(scores)
    margin = float(scores[order[-1]] - scores[order[-2]])
    if margin == 0:
        return _NO_IDEA
    return Reading(DIGITS[int(order[-1])], margin, scores)


def _log_mean_exp(logs: Float64) -> Float64:
    peak = logs.max(axis=0)
    return np.asarray(peak + np.log(np.exp(logs - peak).mean(axis=0)))
