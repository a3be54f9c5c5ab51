"""
The background of a recording: how loud it is where nobody speaks, and its colour.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.linalg import solve_toeplitz

from dtmf_engine.arrays import Float64


Colour: TypeAlias = tuple[float, ...]
"""
Autocorrelation over power at lags 0, 1, … `ORDER`; `WHITE` is no colour at all.

A tuple, because tables are kept by it.
"""

ORDER = 10
"""Lags: at 8 kHz, one resonance a kilohertz and a slope, as for speech coders."""

WHITE: Colour = (1.0,)

_FRAME = 160
_QUIET_SHARE = 0.1
_QUIET_SPREAD = 2.0
_WHITE_PART = 1e-3
"""Noise 30 dB down keeps the spectrum's valleys from being believed too much."""

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
    n = len(audio) // _FRAME
    frames = audio[: n * _FRAME].reshape(n, _FRAME)
    power = np.square(frames).mean(axis=1)
    if not n or not power.any():
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


def predictor(colour: Colour) -> tuple[Float64, float]:
    """
    Give the filter that makes a background white, and how much power it leaves.

    Returns:
        [shape=(order + 1,)] taps, the first of them 1; and a ratio up to 1.
    """
    lags = np.array(colour)
    if len(lags) == 1:
        return np.ones(1), 1.0
    taps = np.concatenate([[1.0], -solve_toeplitz(lags[:-1], lags[1:])])
    return taps, float(taps @ lags)


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
