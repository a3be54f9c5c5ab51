"""
The background of a recording: how loud it is where nobody speaks, and its colour.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from scipy.linalg import solve_toeplitz

from dtmf_engine.arrays import Float64, Int16, read_only


Colour: TypeAlias = tuple[float, ...]
"""
Autocorrelation over power at lags 0, 1, … `ORDER`; `WHITE` is no colour at all.

A tuple, because tables are kept by it.
"""

ORDER = 10
"""Lags: at 8 kHz, one resonance a kilohertz and a slope, as for speech coders."""

WHITE: Colour = (1.0,)

_FRAME = 160
_BATCH = 4096
_QUIET_SHARE = 0.1
_QUIET_SPREAD = 2.0
_WHITE_PART = 1e-3
"""Noise 30 dB down keeps the spectrum's valleys from being believed too much."""

PRIOR_SAMPLES = 20.0
"""What the belief in a background's power is worth, in samples heard."""

_COMPANDED = 10**-3.8
"""What G.711 adds to any sound: 38 dB below it (ITU-T G.712, figure 9)."""

_DIGITS = 3
"""Rounding of a colour, so that near neighbours share their tables."""


@dataclass(frozen=True, slots=True)
class Background:
    """
    What is heard while nothing is said.
    """

    power: float
    """Mean square, in samples of 16 bits."""
    colour: Colour = WHITE


def measure_background(audio: Float64) -> Background:
    """
    Measure the quiet moments of a recording: a tenth of all frames of 20 ms.

    Digital silence is no background: a recording that is silent for most of the
    time is judged by the quietest frames that are not.

    Args:
        audio: [shape=(n,)] at 8 kHz, in samples of 16 bits.
    """
    frames, power = _frames(audio), frame_powers(audio)
    if not power.any():
        return Background(0.0)
    quiet = float(np.quantile(power, _QUIET_SHARE))
    sounding = power[power > 0]
    level = float(np.quantile(sounding, _QUIET_SHARE))
    chosen = frames[(power > 0) & (power <= _QUIET_SPREAD * level)]
    spectrum = np.square(np.abs(np.fft.rfft(chosen, 2 * _FRAME, axis=1))).mean(axis=0)
    lags = np.fft.irfft(spectrum)[: ORDER + 1]
    lags[0] *= 1 + _WHITE_PART
    colour = tuple(round(float(lag), _DIGITS) for lag in lags / lags[0])
    return Background(quiet, colour if _is_a_spectrum(colour) else WHITE)


def quiet_power(audio: Float64 | Int16) -> float:
    """
    Measure the power of the quiet moments alone, of recordings of any length.

    Args:
        audio: [shape=(n,)] at 8 kHz, in samples of 16 bits.
    """
    power = frame_powers(audio)
    return float(np.quantile(power, _QUIET_SHARE)) if len(power) else 0.0


def frame_powers(audio: Float64 | Int16) -> Float64:
    """
    Give the mean-square power of each frame of 20 ms, [shape=(n // 160,)].
    """
    frames = _frames(audio)
    power = np.empty(len(frames))
    # Hours of samples become floats a few minutes at a time.
    for start in range(0, len(frames), _BATCH):
        part = frames[start : start + _BATCH].astype(np.float64)
        power[start : start + _BATCH] = np.square(part).mean(axis=1)
    return power


def _frames(audio: Float64 | Int16) -> Float64 | Int16:
    n = len(audio) // _FRAME
    return audio[: n * _FRAME].reshape(n, _FRAME)


def floor_under(energy: Float64, noise: float, n: int) -> Float64:
    """
    Give the power of what lies under windows: background, and what coding adds.

    Args:
        energy: [shape=(w,)] of the windows.
        noise: mean-square power of the background.
        n: samples of a window.
    """
    return noise + _COMPANDED * energy / n


@lru_cache(maxsize=64)
def predictor(colour: Colour) -> tuple[Float64, float]:
    """
    Give the filter that makes a background white, and how much power it leaves.

    Returns:
        [shape=(order + 1,)] taps, the first of them 1; and a ratio up to 1.
    """
    lags = np.array(colour)
    if len(lags) == 1:
        return read_only(np.ones(1)), 1.0
    taps = np.concatenate([[1.0], -solve_toeplitz(lags[:-1], lags[1:])])
    return read_only(taps), float(taps @ lags)


def _is_a_spectrum(colour: Colour) -> bool:
    """
    Tell whether rounded lags still are an autocorrelation.
    """
    _, left = predictor(colour)
    lags = np.array(colour)
    places = np.abs(np.subtract.outer(np.arange(len(lags)), np.arange(len(lags))))
    return left > 0 and bool(np.linalg.eigvalsh(lags[places]).min() > 0)


def covariance(colour: Colour, n: int) -> Float64:
    """
    Give the covariance of n samples of a background of power 1, [shape=(n, n)].

    Lags beyond those known are what the predictor makes of the known ones.
    """
    taps, _ = predictor(colour)
    lags = list(colour)
    while len(lags) < n:
        lags.append(-float(taps[1:] @ np.array(lags[: -len(taps) : -1])))
    places = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    return np.asarray(np.array(lags)[places])
