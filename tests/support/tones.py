"""
Tones for tests: audio whose truth is known to the sample.

Nothing here comes from the package under test: the keypad, the level reference
and the random numbers are this module's own, so that the package's generator is
not its own judge. Waves are float64 in units of 16-bit samples and may be added
freely; `to_int16` and `to_float` turn a finished wave into audio.
"""

import audioop
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt


Wave: TypeAlias = npt.NDArray[np.float64]
"""[shape=(n,)] in units of 16-bit samples, not rounded and not clipped."""

Audio: TypeAlias = npt.NDArray[np.int16]
"""[shape=(n,)] finished audio."""

KEYPAD = {
    "1": (697.0, 1209.0),
    "2": (697.0, 1336.0),
    "3": (697.0, 1477.0),
    "A": (697.0, 1633.0),
    "4": (770.0, 1209.0),
    "5": (770.0, 1336.0),
    "6": (770.0, 1477.0),
    "B": (770.0, 1633.0),
    "7": (852.0, 1209.0),
    "8": (852.0, 1336.0),
    "9": (852.0, 1477.0),
    "C": (852.0, 1633.0),
    "*": (941.0, 1209.0),
    "0": (941.0, 1336.0),
    "#": (941.0, 1477.0),
    "D": (941.0, 1633.0),
}
"""Row and column frequency of each digit, typed from ITU-T Q.23, table 1."""

ALL_DIGITS = "".join(KEYPAD)

FULL_SCALE_SINE_DBM0 = 3.14
"""Level of a sine that just fills 16 bits."""


def amplitude(level_dbm0: float) -> float:
    """
    Give the peak amplitude of a sine of a level.
    """
    return 32768.0 * math.exp((level_dbm0 - FULL_SCALE_SINE_DBM0) / 20 * math.log(10))


def root_mean_square(wave: npt.ArrayLike) -> float:
    """
    Give the RMS of any audio.
    """
    values = np.asarray(wave, dtype=np.float64)
    return float(np.sqrt(np.mean(values * values)))


def level_dbm0(wave: npt.ArrayLike) -> float:
    """
    Measure the level of any audio that is not silent.
    """
    full_scale = 32768.0 / math.sqrt(2)
    return 20 * math.log10(root_mean_square(wave) / full_scale) + FULL_SCALE_SINE_DBM0


def sine(
    hz: float,
    n_samples: int,
    level_dbm0: float,
    *,
    phase: float = 0.0,
    sample_rate_hz: int = 8000,
) -> Wave:
    """
    Make one tone; `phase` is that of the first sample, in radians.
    """
    turns = np.arange(n_samples, dtype=np.float64) * (hz / sample_rate_hz)
    return amplitude(level_dbm0) * np.sin(2 * np.pi * turns + phase)


def white_noise(n_samples: int, level_dbm0: float, *, seed: int = 0) -> Wave:
    """
    Make Gaussian noise whose power is that of a sine of the level.
    """
    random = np.random.default_rng(seed)
    return random.normal(0.0, amplitude(level_dbm0) / math.sqrt(2), n_samples)


def voiced(
    n_samples: int,
    *,
    pitch_hz: float = 120.0,
    level_dbm0: float = -18.0,
    seed: int = 0,
    sample_rate_hz: int = 8000,
) -> Wave:
    """
    Make something like a vowel: a gliding pitch with all its harmonics and breath.

    The harmonics fall by 6 dB an octave, so that no two of them ever hold most
    of the energy of a short stretch, as the two tones of a digit do.
    """
    random = np.random.default_rng(seed)
    place = np.arange(n_samples) / sample_rate_hz
    swing = np.sin(2 * np.pi * 1.7 * place + random.uniform(0, 2 * np.pi))
    glide = pitch_hz * (1 + 0.1 * swing)
    phase = 2 * np.pi * np.cumsum(glide) / sample_rate_hz
    wave = np.zeros(n_samples)
    highest_hz = min(3400.0, 0.45 * sample_rate_hz)
    for harmonic in range(1, int(highest_hz / (pitch_hz * 1.1)) + 1):
        start = random.uniform(0, 2 * np.pi)
        wave += np.sin(harmonic * phase + start) / harmonic
    wave += 0.2 * random.standard_normal(n_samples)
    wave *= 0.6 + 0.4 * np.sin(2 * np.pi * 3.1 * place)
    return wave * (amplitude(level_dbm0) / math.sqrt(2) / root_mean_square(wave))


def formants(
    n_samples: int,
    *,
    pitch_hz: float,
    first_hz: float,
    second_hz: float,
    level_dbm0: float,
    seed: int = 0,
) -> Wave:
    """
    Make a vowel of two sharp resonances at 8 kHz: where a harmonic meets one, it holds
    most of a short stretch, as a tone of a digit does.
    """
    random = np.random.default_rng(seed)
    place = np.arange(n_samples) / 8000
    swing = np.sin(2 * np.pi * 2.0 * place + random.uniform(0, 2 * np.pi))
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + 0.06 * swing)) / 8000
    wave = np.zeros(n_samples)
    for harmonic in range(1, int(3400 / (pitch_hz * 1.1)) + 1):
        hz = harmonic * pitch_hz
        gain = 0.02 + 1 / (1 + ((hz - first_hz) / 80) ** 2)
        gain += 0.4 / (1 + ((hz - second_hz) / 100) ** 2)
        start = random.uniform(0, 2 * np.pi)
        wave += gain * np.sin(harmonic * phase + start)
    return wave * (amplitude(level_dbm0) / math.sqrt(2) / root_mean_square(wave))


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """
    One press of a key, as the telephone sends it.
    """

    digit: str
    start_sample: int
    end_sample: int
    """One past the last sample of the tone."""
    low_dbm0: float = -10.0
    high_dbm0: float = -10.0
    low_error: float = 0.0
    """Part by which the low-group tone is off: 0.015 is +1.5 %."""
    high_error: float = 0.0
    low_phase: float = 0.0
    high_phase: float = 0.0

    @property
    def n_samples(self) -> int:
        """
        How long the key is down.
        """
        return self.end_sample - self.start_sample

    @property
    def level_dbm0(self) -> float:
        """
        Level of both tones together.
        """
        powers = [amplitude(level) ** 2 for level in (self.low_dbm0, self.high_dbm0)]
        return 10 * math.log10(sum(powers) / 32768.0**2) + FULL_SCALE_SINE_DBM0

    @property
    def twist_db(self) -> float:
        """
        High group minus low group.
        """
        return self.high_dbm0 - self.low_dbm0

    def moved(self, n_samples: int) -> "Press":
        """
        Give the same press, later.
        """
        return replace(
            self,
            start_sample=self.start_sample + n_samples,
            end_sample=self.end_sample + n_samples,
        )

    def wave(self, sample_rate_hz: int = 8000) -> Wave:
        """
        Make the tone alone, [shape=(n_samples,)].
        """
        low_hz, high_hz = KEYPAD[self.digit]
        low = sine(
            low_hz * (1 + self.low_error),
            self.n_samples,
            self.low_dbm0,
            phase=self.low_phase,
            sample_rate_hz=sample_rate_hz,
        )
        high = sine(
            high_hz * (1 + self.high_error),
            self.n_samples,
            self.high_dbm0,
            phase=self.high_phase,
            sample_rate_hz=sample_rate_hz,
        )
        return low + high


def dial(
    digits: str,
    *,
    tone: int = 800,
    pause: int = 800,
    lead: int = 800,
    low_dbm0: float = -10.0,
    high_dbm0: float = -10.0,
    low_error: float = 0.0,
    high_error: float = 0.0,
    seed: int = 0,
) -> list[Press]:
    """
    Lay out a run of presses with random phases.

    Args:
        digits: which keys.
        tone: length of each tone, in samples.
        pause: silence between two tones, in samples.
        lead: silence before the first, in samples.
        low_dbm0: level of each low-group tone.
        high_dbm0: level of each high-group tone.
        low_error: part by which each low-group tone is off.
        high_error: part by which each high-group tone is off.
        seed: of the phases.
    """
    random = np.random.default_rng(seed)
    return [
        Press(
            digit=digit,
            start_sample=lead + index * (tone + pause),
            end_sample=lead + index * (tone + pause) + tone,
            low_dbm0=low_dbm0,
            high_dbm0=high_dbm0,
            low_error=low_error,
            high_error=high_error,
            low_phase=random.uniform(0, 2 * np.pi),
            high_phase=random.uniform(0, 2 * np.pi),
        )
        for index, digit in enumerate(digits)
    ]


def mix(n_samples: int, *pieces: tuple[int, Wave]) -> Wave:
    """
    Add waves at their places into one; whatever reaches over the end is cut off.
    """
    total = np.zeros(n_samples)
    for start, wave in pieces:
        part = wave[: max(0, n_samples - start)]
        total[start : start + len(part)] += part
    return total


def line(
    presses: Sequence[Press],
    *,
    n_samples: int | None = None,
    noise_dbm0: float | None = None,
    seed: int = 0,
    sample_rate_hz: int = 8000,
) -> Wave:
    """
    Make what a line carries: presses, and white noise over everything.

    Args:
        presses: in any order; they may overlap.
        n_samples: length; 100 ms longer than the last press if left out.
        noise_dbm0: level of the noise, or none.
        seed: of the noise.
        sample_rate_hz: rate of the result and of the presses' sample numbers.
    """
    if n_samples is None:
        last = max((press.end_sample for press in presses), default=0)
        n_samples = last + sample_rate_hz // 10
    total = mix(
        n_samples,
        *[(press.start_sample, press.wave(sample_rate_hz)) for press in presses],
    )
    if noise_dbm0 is not None:
        total += white_noise(n_samples, noise_dbm0, seed=seed)
    return total


def to_int16(wave: Wave) -> Audio:
    """
    Round and clip a wave to 16 bits.
    """
    return np.clip(np.rint(wave), -32768, 32767).astype(np.int16)


def to_float(wave: Wave) -> Wave:
    """
    Scale a wave to [−1, 1], without rounding.
    """
    return np.clip(wave / 32768.0, -1.0, 1.0)


def through_mulaw(audio: Audio) -> Audio:
    """
    Send audio through a µ-law line.
    """
    octets = audioop.lin2ulaw(audio.tobytes(), 2)
    return np.frombuffer(audioop.ulaw2lin(octets, 2), dtype=np.int16)


def cut(audio: npt.NDArray[np.generic], sizes: Sequence[int]) -> list[slice]:
    """
    Cut audio into chunks: the given sizes in turn, again and again, to its end.

    Returns:
        Slices that cover the audio once, in order; sizes of nought give empty
        ones.
    """
    chunks: list[slice] = []
    start = 0
    while start < len(audio):
        for size in sizes:
            stop = min(len(audio), start + size)
            chunks.append(slice(start, stop))
            start = stop
    return chunks
