"""
Units: milliseconds and samples, decibels and amplitudes, dBm0.

All unit arithmetic of the project happens here, so that a decibel value and
its linear twin never stand next to each other anywhere else.

Level reference: a sine that just reaches full scale of the 16-bit linear form
of G.711 is +3.14 dBm0 (ITU-T G.711 clause 3 gives 3.14 for A-law and 3.17 for
µ-law; one value serves both here, 0.03 dB apart).
"""

import math

from dtmf_engine.errors import ParameterError


SAMPLE_RATE_HZ = 8000
"""The rate of telephone audio and of all analysis in this package."""

FULL_SCALE = 32768.0
"""One past the largest 16-bit sample: the linear amplitude called 1.0."""

FULL_SCALE_SINE_DBM0 = 3.14
"""Level of a full-scale sine, ITU-T G.711 clause 3."""

SILENCE_DBM0 = -120.0
"""What a level of exactly nothing is reported as, instead of minus infinity."""


def samples_from_ms(ms: float, sample_rate_hz: float = SAMPLE_RATE_HZ) -> int:
    """
    Convert a duration in milliseconds to the nearest whole number of samples.
    """
    return round(ms * sample_rate_hz / 1000)


def ms_from_samples(n_samples: float, sample_rate_hz: float = SAMPLE_RATE_HZ) -> float:
    """
    Convert a number of samples to milliseconds.
    """
    return n_samples * 1000 / sample_rate_hz


def ratio_from_db(db: float) -> float:
    """
    Convert decibels to a ratio of powers.
    """
    return float(10 ** (db / 10))


def db_from_ratio(ratio: float) -> float:
    """
    Convert a ratio of powers to decibels; nothing at all is `SILENCE_DBM0`.
    """
    if ratio <= 0:
        return SILENCE_DBM0
    return max(SILENCE_DBM0, 10 * math.log10(ratio))


_FULL_SCALE_SINE_POWER = FULL_SCALE**2 / 2


def power_from_dbm0(level_dbm0: float) -> float:
    """
    Convert a level to mean-square power of 16-bit samples.
    """
    return _FULL_SCALE_SINE_POWER * ratio_from_db(level_dbm0 - FULL_SCALE_SINE_DBM0)


def dbm0_from_power(power: float) -> float:
    """
    Convert mean-square power of 16-bit samples to a level.
    """
    if power <= 0:
        return SILENCE_DBM0
    level = 10 * math.log10(power / _FULL_SCALE_SINE_POWER) + FULL_SCALE_SINE_DBM0
    return max(SILENCE_DBM0, level)


def amplitude_from_dbm0(level_dbm0: float) -> float:
    """
    Convert the level of a sine to its peak amplitude in 16-bit samples.
    """
    return math.sqrt(2 * power_from_dbm0(level_dbm0))


def require_sample_rate(sample_rate_hz: float) -> int:
    """
    Check a sample rate.

    Returns:
        The rate as an integer.

    Raises:
        ParameterError: it is not a whole number from 4000 to 384000 Hz: below
            twice 1633 Hz plus a margin the highest tone cannot be carried.
    """
    rate = int(sample_rate_hz) if math.isfinite(sample_rate_hz) else 0
    if rate != sample_rate_hz or not 4000 <= rate <= 384_000:
        raise ParameterError(
            "sample_rate_hz: expected a whole number from 4000 to 384000, "
            f"got {sample_rate_hz!r}"
        )
    return rate
