"""
The generator: digits to audio.
"""

from dataclasses import dataclass

import numpy as np

from dtmf_engine.arrays import Float64, Int16
from dtmf_engine.errors import ParameterError
from dtmf_engine.keypad import frequencies_hz, parse_digits
from dtmf_engine.units import (
    SAMPLE_RATE_HZ,
    amplitude_from_dbm0,
    power_from_dbm0,
    ratio_from_db,
    require_sample_rate,
    samples_from_ms,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """
    How a telephone sends its digits, and what the line adds.

    Raises:
        ParameterError: a value is out of range.
    """

    tone_ms: float = 100.0
    """Length of each tone; the network asks for 50 ms or more (47 CFR 68)."""
    pause_ms: float = 100.0
    """Silence before, between and after the tones."""
    level_dbm0: float = -10.0
    """Level of both tones together, as `ToneEnded.level_dbm0`."""
    twist_db: float = 0.0
    """High group minus low group."""
    frequency_error: float = 0.0
    """Part by which both tones are off: 0.015 is +1.5 %."""
    noise_dbm0: float | None = None
    """Level of white noise over everything, or none."""

    def __post_init__(self) -> None:
        """
        Check every value.
        """
        ranges = {
            "tone_ms": (1.0, 60_000.0),
            "pause_ms": (0.0, 60_000.0),
            "level_dbm0": (-90.0, 3.0),
            "twist_db": (-40.0, 40.0),
            "frequency_error": (-0.2, 0.2),
            "noise_dbm0": (-90.0, 3.0),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ParameterError(
                    f"{name}: expected {low:g} to {high:g}, got {value!r}"
                )


def generate(
    digits: str,
    *,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
    tone_ms: float = 100.0,
    pause_ms: float = 100.0,
    level_dbm0: float = -10.0,
    twist_db: float = 0.0,
    frequency_error: float = 0.0,
    noise_dbm0: float | None = None,
    seed: int = 0,
) -> Int16:
    """
    Make the audio of a run of digits.

    Args:
        digits: any of 0-9, A-D, `*`, `#`; spaces and dashes are ignored.
        sample_rate_hz: rate of the result.
        tone_ms: length of each tone.
        pause_ms: silence before, between and after the tones.
        level_dbm0: level of both tones together.
        twist_db: high group minus low group.
        frequency_error: part by which both tones are off.
        noise_dbm0: level of white noise over everything, or none.
        seed: of the noise and of the tones' phases.

    Returns:
        [shape=(n,)] int16, clipped at full scale, the same for the same
        arguments on every machine.

    Raises:
        ParameterError: a character is no digit, or a value is out of range.
    """
    signal = Signal(
        tone_ms=tone_ms,
        pause_ms=pause_ms,
        level_dbm0=level_dbm0,
        twist_db=twist_db,
        frequency_error=frequency_error,
        noise_dbm0=noise_dbm0,
    )
    rate = require_sample_rate(sample_rate_hz)
    # RandomState: NumPy promises that its streams never change.
    random = np.random.RandomState(seed)
    pause = np.zeros(samples_from_ms(pause_ms, rate))
    pieces = [pause]
    for digit in parse_digits(digits):
        phases = random.uniform(0, 2 * np.pi, 2)
        pieces += [tone(digit, signal, rate, (phases[0], phases[1])), pause]
    audio = np.concatenate(pieces)
    if noise_dbm0 is not None:
        audio += random.standard_normal(len(audio)) * np.sqrt(
            power_from_dbm0(noise_dbm0)
        )
    return np.clip(np.rint(audio), -32768, 32767).astype(np.int16)


def tone(
    digit: str,
    signal: Signal,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
    phases: tuple[float, float] = (0.0, 0.0),
) -> Float64:
    """
    Make one digit's tone, [shape=(n,)] in samples of 16 bits, unrounded.

    Raises:
        ParameterError: it is no digit.
    """
    place = np.arange(samples_from_ms(signal.tone_ms, sample_rate_hz))
    share = ratio_from_db(signal.twist_db)
    loudness = amplitude_from_dbm0(signal.level_dbm0)
    amplitudes = (
        loudness * np.sqrt(1 / (1 + share)),
        loudness * np.sqrt(share / (1 + share)),
    )
    total = np.zeros(len(place))
    for hz, amplitude, phase in zip(
        frequencies_hz(digit), amplitudes, phases, strict=True
    ):
        omega = 2 * np.pi * hz * (1 + signal.frequency_error) / sample_rate_hz
        total += amplitude * np.sin(omega * place + phase)
    return total
