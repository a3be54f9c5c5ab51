"""
Units: conversions there and back, the level reference, the range of rates.
"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtmf_engine.errors import ParameterError
from dtmf_engine.units import (
    SILENCE_DBM0,
    amplitude_from_dbm0,
    db_from_ratio,
    dbm0_from_power,
    ms_from_samples,
    power_from_dbm0,
    ratio_from_db,
    require_sample_rate,
    samples_from_ms,
)
from tests.support.strategies import stable
from tests.support.tones import amplitude


@pytest.mark.parametrize(
    ("ms", "sample_rate_hz", "n_samples"),
    [
        (0, 8000, 0),
        (12.75, 8000, 102),
        (20, 8000, 160),
        (20, 44100, 882),
        (0.07, 8000, 1),
        (0.05, 8000, 0),
    ],
)
def test_samples_from_ms_gives_the_nearest_whole_number(
    ms: float, sample_rate_hz: int, n_samples: int
) -> None:
    """
    A duration becomes the nearest whole number of samples.
    """
    assert samples_from_ms(ms, sample_rate_hz) == n_samples


@stable
@given(st.integers(0, 10**9), st.integers(4000, 384_000))
def test_ms_from_samples_is_undone_by_samples_from_ms(
    n_samples: int, sample_rate_hz: int
) -> None:
    """
    A number of samples survives the way through milliseconds.
    """
    ms = ms_from_samples(n_samples, sample_rate_hz)
    assert samples_from_ms(ms, sample_rate_hz) == n_samples


def test_ms_from_samples_keeps_fractions() -> None:
    """
    One sample at 8 kHz lasts an eighth of a millisecond.
    """
    assert ms_from_samples(1) == 0.125


@pytest.mark.parametrize(
    ("db", "ratio"), [(0.0, 1.0), (10.0, 10.0), (-20.0, 0.01), (3.0103, 2.0)]
)
def test_ratio_from_db_is_a_ratio_of_powers(db: float, ratio: float) -> None:
    """
    Ten decibels are ten times the power, there and back.
    """
    assert ratio_from_db(db) == pytest.approx(ratio, rel=1e-6)
    assert db_from_ratio(ratio) == pytest.approx(db, abs=1e-5)


@pytest.mark.parametrize("ratio", [0.0, -1.0, 1e-300])
def test_db_from_ratio_gives_silence_for_next_to_nothing(ratio: float) -> None:
    """
    No level is below the one that stands for silence.
    """
    assert db_from_ratio(ratio) == SILENCE_DBM0


@pytest.mark.parametrize("power", [0.0, 1e-300])
def test_dbm0_from_power_gives_silence_for_next_to_nothing(power: float) -> None:
    """
    Nothing at all is reported as −120 dBm0.
    """
    assert dbm0_from_power(power) == -120.0


def test_full_scale_sine_is_3_14_dbm0() -> None:
    """
    The level reference is a sine that just fills 16 bits.
    """
    assert dbm0_from_power(32768.0**2 / 2) == pytest.approx(3.14, abs=1e-12)
    assert amplitude_from_dbm0(3.14) == pytest.approx(32768.0, rel=1e-12)


@stable
@given(st.floats(-100.0, 3.14))
def test_levels_survive_the_way_through_power(level_dbm0: float) -> None:
    """
    A level becomes power and the same level again, and agrees with the tests' own.
    """
    power = power_from_dbm0(level_dbm0)
    assert dbm0_from_power(power) == pytest.approx(level_dbm0, abs=1e-9)
    assert math.sqrt(2 * power) == pytest.approx(amplitude(level_dbm0), rel=1e-9)
    assert amplitude_from_dbm0(level_dbm0) == pytest.approx(
        amplitude(level_dbm0), rel=1e-9
    )


@pytest.mark.parametrize("rate", [4000, 8000, 44100.0, 384_000])
def test_require_sample_rate_gives_a_whole_number_for_a_good_rate(rate: float) -> None:
    """
    Rates from 4 to 384 kHz come back as integers.
    """
    result = require_sample_rate(rate)
    assert result == rate
    assert type(result) is int


@pytest.mark.parametrize(
    "rate", [0, -8000, 3999, 384_001, 8000.5, math.nan, math.inf, -math.inf]
)
def test_require_sample_rate_refuses_what_cannot_carry_the_tones(rate: float) -> None:
    """
    A rate outside the range, or no number at all, is a parameter error.
    """
    with pytest.raises(
        ParameterError,
        match=r"^sample_rate_hz: expected a whole number from 4000 to 384000, "
        rf"got {rate!r}$",
    ):
        require_sample_rate(rate)
