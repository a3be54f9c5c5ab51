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

from dtmf_engine.arrays import Bool, Float64, Int16
from dtmf_engine.compiled import compiled
from dtmf_engine.units import power_from_dbm0


_LAGS = 6
_CIRCLE_SAMPLES = 64
"""Of the circle on which a spectrum is made of the lags, and taps of it."""
_HALF_TAPS = 12
_FRAME_SAMPLES = 160
_MIN_FRAMES = 2
_TAKEN = -1.0
"""Instead of its energy: a frame that is not to be taken, or has been."""
_FLOOR_DBM0 = -65.0
"""
Noise is never quieter than this: dead silence tells the listener of an edit.
Digital silence in the background is the exception; it stays silent.
"""

# splitmix64 (Steele, Lea and Flood, 2014). All of it is uint64, the shifts as well:
# beside any other whole number numba would make floats of it.
_WEYL = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_SHIFT_16, _SHIFT_27, _SHIFT_30, _SHIFT_31, _SHIFT_32, _SHIFT_48 = np.array(
    [16, 27, 30, 31, 32, 48], dtype=np.uint64
)
_LANE = np.uint64(0xFFFF)
_MEAN = 131070.0
_UNIT = math.sqrt(3 / (65536.0**2 - 1))
"""Four uniform values on [0, 65535]: mean 131070, variance (65536² − 1) / 3."""


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
    return _white(_low_bits(seed), first_sample, n_samples)


def _low_bits(seed: int) -> int:
    return seed & 0xFFFF_FFFF


@compiled
def _white(seed: int, first_sample: int, n_samples: int) -> Float64:
    """
    Give white noise, [shape=(n_samples,)].

    Args:
        seed: 32 bits.
        first_sample: place of the first value in the stream.
        n_samples: how many.
    """
    noise = np.empty(n_samples)
    stream = np.uint64(seed) << _SHIFT_32
    for number in range(n_samples):
        z = (np.uint64(first_sample + number) + stream) * _WEYL
        z = (z ^ (z >> _SHIFT_30)) * _MIX_1
        z = (z ^ (z >> _SHIFT_27)) * _MIX_2
        z = z ^ (z >> _SHIFT_31)
        lanes = (
            (z & _LANE)
            + ((z >> _SHIFT_16) & _LANE)
            + ((z >> _SHIFT_32) & _LANE)
            + (z >> _SHIFT_48)
        )
        noise[number] = (float(lanes) - _MEAN) * _UNIT
    return noise


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
        return _coloured(self.taps, _low_bits(seed), first_sample, n_samples)


@compiled
def _coloured(taps: Float64, seed: int, first_sample: int, n_samples: int) -> Float64:
    """
    Give filtered white noise, [shape=(n_samples,)].

    Each value is added up from the first tap to the last, wherever it stands in a
    stretch.

    Args:
        taps: [shape=(t,)] of the filter.
        seed: 32 bits.
        first_sample: place of the first value in the stream.
        n_samples: how many.
    """
    run_in = len(taps) - 1
    white = _white(seed, first_sample - run_in, n_samples + run_in)
    noise = np.zeros(n_samples)
    for tap in range(len(taps)):
        # One tap for all values: the processor does several at a time.
        weight, heard = taps[tap], white[run_in - tap :]
        for number in range(n_samples):
            noise[number] += weight * heard[number]
    return noise


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
    quiet = _quiet_frames(history, clean)
    if not len(quiet):
        return None
    # A sum of whole numbers: exact, in whatever order.
    power = float(np.vdot(quiet, quiet)) / quiet.size
    if power == 0:
        return _flat(0.0)
    return shaped(quiet, max(power, power_from_dbm0(_FLOOR_DBM0)))


@compiled
def _quiet_frames(history: Int16, clean: Bool) -> Float64:
    """
    Give the quieter half of the clean frames, two at the least, [shape=(k, 160)].

    None if fewer than two are clean. Of two that are as loud the earlier one is the
    quieter.

    Args:
        history: [shape=(n,)] samples.
        clean: [shape=(n,)] which of them may be used.
    """
    energies = _clean_energies(history, clean)
    n_clean = int(np.count_nonzero(energies != _TAKEN))
    n_wanted = max(_MIN_FRAMES, n_clean // 2) if n_clean >= _MIN_FRAMES else 0
    quiet = np.empty((n_wanted, _FRAME_SAMPLES))
    for rank in range(n_wanted):
        frame = _quietest(energies)
        energies[frame] = _TAKEN
        start = frame * _FRAME_SAMPLES
        for place in range(_FRAME_SAMPLES):
            quiet[rank, place] = float(history[start + place])
    return quiet


@compiled
def _clean_energies(history: Int16, clean: Bool) -> Float64:
    """
    Give the energy of each frame, or `_TAKEN`, [shape=(n // 160,)].
    """
    energies = np.zeros(len(history) // _FRAME_SAMPLES)
    for frame in range(len(energies)):
        start = frame * _FRAME_SAMPLES
        for place in range(start, start + _FRAME_SAMPLES):
            if not clean[place]:
                energies[frame] = _TAKEN
                break
            sample = float(history[place])
            energies[frame] += sample * sample
    return energies


@compiled
def _quietest(energies: Float64) -> int:
    """
    Give the first of the quietest frames that are not taken; there is one.
    """
    quietest = -1
    for frame in range(len(energies)):
        if energies[frame] == _TAKEN:
            continue
        if quietest < 0 or energies[frame] < energies[quietest]:
            quietest = frame
    return quietest


def shaped(frames: Float64, power: float, scale: int = 1) -> NoiseModel:
    """
    Give noise with the spectrum of audio, so coarse that no tone leaves its shape.

    Args:
        frames: [shape=(k, n)] the audio; not silent.
        power: of the noise, mean square.
        scale: how many times 8 kHz its rate is; the filter lasts as long at any.
    """
    return NoiseModel(_shape(np.ascontiguousarray(frames), power, scale))


@compiled
def _shape(frames: Float64, power: float, scale: int) -> Float64:
    """
    Give the taps of `shaped`, [shape=(24 * scale + 1,)].
    """
    lags = _windowed_lags(frames, _LAGS * scale)
    half, size = _HALF_TAPS * scale, _CIRCLE_SAMPLES * scale
    wave = np.cos(2 * np.pi * np.arange(size) / size)
    amplitudes = np.empty(size)
    for line in range(size):
        power_at = 2 * _cosine_sum(lags, line, wave) - lags[0]
        # Windowed lags can give a spectrum slightly below nothing; 30 dB below the
        # mean is as deep as a tilt goes.
        amplitudes[line] = math.sqrt(max(power_at, lags[0] * 1e-3 / scale))
    taps = np.empty(2 * half + 1)
    for place in range(half + 1):
        taps[half - place] = _cosine_sum(amplitudes, place, wave)
        taps[half + place] = taps[half - place]
    return taps * math.sqrt(power / np.sum(taps * taps))


@compiled
def _cosine_sum(values: Float64, step: int, wave: Float64) -> float:
    """
    Give one line of a Fourier transform of values that are the same on both sides.

    Of so few values all lines take no longer than a fast transform.

    Args:
        values: [shape=(n,)] from the middle on.
        step: number of the line, less than m.
        wave: [shape=(m,)] one turn of a cosine.
    """
    total, turn = 0.0, 0
    for value in values:
        total += value * wave[turn]
        turn += step
        if turn >= len(wave):
            turn -= len(wave)
    return total


@compiled
def _windowed_lags(frames: Float64, n_lags: int) -> Float64:
    """
    Give the autocorrelation of audio, fading out, [shape=(n_lags + 1,)].

    Args:
        frames: [shape=(k, n)] the audio.
        n_lags: the longest lag.
    """
    n_frames, n_samples = frames.shape
    lags = np.zeros(n_lags + 1)
    for lag in range(n_lags + 1):
        # Frame on frame, and then along: the processor does several at a time.
        products = np.zeros(n_samples - lag)
        for frame in range(n_frames):
            later = frames[frame, lag:]
            for place in range(n_samples - lag):
                products[place] += later[place] * frames[frame, place]
        fade = 0.5 + 0.5 * math.cos(math.pi * lag / (n_lags + 1))
        lags[lag] = np.sum(products) * fade
    return lags
