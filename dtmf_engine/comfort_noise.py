"""
Comfort noise: what the agent hears in place of a tone.

The noise has the level and the spectral tilt of the caller's background, and
nothing else of it: a model is made from the quietest clean stretches before
the press, its spectrum is so coarse (seven autocorrelation lags) that no tone
can leave its shape in it, and masked audio never enters a model.

Noise is a pure function of a seed and the sample's place in the stream, so
that chunking cannot change it.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from dtmf_engine.arrays import Bool, Float64, Int16
from dtmf_engine.units import power_from_dbm0


_LAGS = 6
_FFT_SIZE = 64
_HALF_TAPS = 12
_FRAME_SAMPLES = 160
_MIN_FRAMES = 2
_UNIT = math.sqrt(3 / (65536.0**2 - 1))
"""Four uniform values on [0, 65535]: mean 131070, variance (65536² − 1) / 3."""
_FLOOR_DBM0 = -65.0
"""
Noise is never quieter than this: dead silence tells the listener of an edit.
Digital silence in the background is the exception; it stays silent.
"""


def white_noise(seed: int, first_sample: int, n_samples: int) -> Float64:
    """
    Give nearly Gaussian white noise of unit power.

    Args:
        seed: any integer; different seeds give unrelated noise.
        first_sample: place of the first value in the stream.
        n_samples: how many.

    Returns:
        [shape=(n_samples,)] the sum of four uniform values each (splitmix64 of
        the place, four lanes of 16 bits).
    """
    place = np.arange(first_sample, first_sample + n_samples, dtype=np.int64)
    z = place.astype(np.uint64) + np.uint64(seed & 0xFFFF_FFFF) * np.uint64(1 << 32)
    z = z * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    lane = np.uint64(0xFFFF)
    total = (
        (z & lane)
        + ((z >> np.uint64(16)) & lane)
        + ((z >> np.uint64(32)) & lane)
        + (z >> np.uint64(48))
    )
    return np.asarray((total.astype(np.float64) - 131070.0) * _UNIT)


@dataclass(frozen=True, slots=True, eq=False)
class NoiseModel:
    """
    The sound of a background: a short filter for white noise.
    """

    taps: Float64
    """[shape=(25,)] in samples of 16 bits."""

    def render(self, seed: int, first_sample: int, n_samples: int) -> Float64:
        """
        Give this background's noise at a place in the stream.
        """
        run_in = len(self.taps) - 1
        white = white_noise(seed, first_sample - run_in, n_samples + run_in)
        return np.asarray(lfilter(self.taps, [1.0], white)[run_in:])


def _flat(power: float) -> NoiseModel:
    taps = np.zeros(2 * _HALF_TAPS + 1)
    taps[_HALF_TAPS] = np.sqrt(power)
    return NoiseModel(taps)


DEFAULT_NOISE = _flat(power_from_dbm0(_FLOOR_DBM0))
"""For a stream whose background is not known yet."""


def model_background(history: Int16, clean: Bool) -> NoiseModel | None:
    """
    Model the background of the audio before a press.

    Args:
        history: [shape=(n,)] the samples before it.
        clean: [shape=(n,)] which of them may be used: heard, and not masked.

    Returns:
        A model of the quieter half of the clean 20 ms frames, or `None` if
        fewer than two frames are clean.
    """
    n_frames = len(history) // _FRAME_SAMPLES
    frames = history[: n_frames * _FRAME_SAMPLES].reshape(n_frames, _FRAME_SAMPLES)
    usable = clean[: n_frames * _FRAME_SAMPLES].reshape(frames.shape).all(axis=1)
    heard = frames[usable].astype(np.float64)
    if len(heard) < _MIN_FRAMES:
        return None
    energy = (heard * heard).sum(axis=1)
    quiet = heard[
        np.argsort(energy, kind="stable")[: max(_MIN_FRAMES, len(heard) // 2)]
    ]
    power = float((quiet * quiet).sum()) / quiet.size
    if power == 0:
        return _flat(0.0)
    return shaped(quiet, max(power, power_from_dbm0(_FLOOR_DBM0)))


def shaped(frames: Float64, power: float, scale: int = 1) -> NoiseModel:
    """
    Give noise with the spectrum of audio, so coarse that no tone leaves its shape.

    Args:
        frames: [shape=(k, n)] the audio; not silent.
        power: of the noise, mean square.
        scale: how many times 8 kHz its rate is; the filter lasts as long at any.
    """
    n, n_lags, half = frames.shape[1], _LAGS * scale, _HALF_TAPS * scale
    lags = np.array(
        [
            float((frames[:, lag:] * frames[:, : n - lag]).sum())
            for lag in range(n_lags + 1)
        ]
    )
    lags *= 0.5 + 0.5 * np.cos(np.pi * np.arange(n_lags + 1) / (n_lags + 1))
    circle = np.zeros(_FFT_SIZE * scale)
    circle[: n_lags + 1] = lags
    circle[-n_lags:] = lags[:0:-1]
    # Windowed lags can give a spectrum slightly below nothing; 30 dB below the
    # mean is as deep as a tilt goes.
    spectrum = np.maximum(np.fft.fft(circle).real, lags[0] * 1e-3 / scale)
    taps = np.fft.ifft(np.sqrt(spectrum)).real
    taps = np.concatenate([taps[-half:], taps[: half + 1]])
    return NoiseModel(taps * np.sqrt(power / float((taps * taps).sum())))
