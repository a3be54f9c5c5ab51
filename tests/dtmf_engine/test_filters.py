"""
Filters: any rate to 8 kHz.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtmf_engine.errors import ParameterError
from dtmf_engine.filters import Resampler, resample_to_8k
from tests.support.strategies import cuts, stable
from tests.support.tones import cut, root_mean_square, sine, white_noise


RATES = [4000, 11_025, 16_000, 44_100, 48_000]


@stable
@given(st.sampled_from(RATES), cuts, st.integers(0, 2**32 - 1))
def test_resampler_gives_the_same_in_any_cuts(
    rate: int, sizes: list[int], seed: int
) -> None:
    """
    Whole, sample by sample or in any chunks, the output is the same to the last bit.
    """
    audio = white_noise(1500, -10.0, seed=seed) / 32768
    whole = Resampler(rate).process(audio)
    resampler = Resampler(rate)
    pieces = [resampler.process(audio[part]) for part in cut(audio, sizes)]
    assert np.array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize("rate", RATES)
def test_resampler_gives_the_same_sample_by_sample(rate: int) -> None:
    """
    Not even the shortest chunks change a bit.
    """
    audio = white_noise(1500, -10.0) / 32768
    resampler = Resampler(rate)
    pieces = [resampler.process(audio[i : i + 1]) for i in range(len(audio))]
    assert np.array_equal(np.concatenate(pieces), Resampler(rate).process(audio))


def test_resampler_takes_8_khz_as_well() -> None:
    """
    A rate in the range works even where there is nothing to do.
    """
    resampler = Resampler(8000)
    out = resampler.process(sine(1209, 800, -10.0))
    assert root_mean_square(out[200:]) == pytest.approx(
        root_mean_square(sine(1209, 600, -10.0)), rel=0.01
    )


@pytest.mark.parametrize("rate", RATES)
def test_resampler_has_given_every_sample_that_is_due(rate: int) -> None:
    """
    After any number of samples, as much has come out as that time holds at 8 kHz.
    """
    resampler = Resampler(rate)
    n_out = 0
    for n_in in range(1, 400):
        n_out += len(resampler.process(np.ones(1)))
        assert n_out == -(-n_in * 8000 // rate)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [697, 941, 1209, 1633])
def test_resampler_keeps_a_tone_and_delays_it(rate: int, hz: int) -> None:
    """
    A tone comes out with its level and phase, `delay_samples` later.

    At 4 kHz the highest tone lies in the filter's slope and loses some.
    """
    resampler = Resampler(rate)
    out = resampler.process(sine(hz, rate, -10.0, sample_rate_hz=rate))
    late = resampler.delay_samples / rate
    phase = -2 * np.pi * hz * late
    expected = sine(hz, 8000, -10.0, phase=phase)
    error = root_mean_square((out - expected)[400:-400]) / root_mean_square(expected)
    assert error < (0.15 if rate == 4000 else 0.01)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_resampler_stops_what_8_khz_cannot_carry(rate: int) -> None:
    """
    A tone at 6.8 kHz, which would come out at 1.2 kHz, is 50 dB down.
    """
    wave = sine(6800, rate, 0.0, sample_rate_hz=rate)
    out = Resampler(rate).process(wave)
    assert root_mean_square(out[400:]) < root_mean_square(wave) * 10 ** (-50 / 20)


def test_resampler_waits_for_more_when_nothing_is_due() -> None:
    """
    Nothing in, nothing out; and the second of two samples at 16 kHz gives none.
    """
    resampler = Resampler(16_000)
    assert resampler.process(np.zeros(0)).shape == (0,)
    assert resampler.process(np.zeros(1)).shape == (1,)
    assert resampler.process(np.zeros(1)).shape == (0,)
    assert resampler.process(np.zeros(1)).shape == (1,)


@pytest.mark.parametrize("rate", [3999, 384_001, 8000.5])
def test_resampler_refuses_a_rate_out_of_range(rate: int) -> None:
    """
    The range of rates is that of the whole package.
    """
    with pytest.raises(
        ParameterError,
        match=r"^sample_rate_hz: expected a whole number from 4000 to 384000, "
        rf"got {rate}$",
    ):
        Resampler(rate)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [697, 1477])
def test_resample_to_8k_keeps_a_recording_in_its_place(rate: int, hz: int) -> None:
    """
    A whole recording keeps its length, its levels and its phases.
    """
    out = resample_to_8k(sine(hz, rate, -10.0, sample_rate_hz=rate), rate)
    assert abs(len(out) - 8000) <= 1
    expected = sine(hz, len(out), -10.0)
    error = (out - expected)[400:-400]
    assert root_mean_square(error) < 0.02 * root_mean_square(expected)


def test_resample_to_8k_leaves_8_khz_alone() -> None:
    """
    A recording that is at 8 kHz comes back as it is.
    """
    audio = white_noise(100, -10.0)
    assert resample_to_8k(audio, 8000) is audio


@pytest.mark.parametrize("n_samples", [0, 1, 5])
def test_resample_to_8k_takes_the_shortest_recordings(n_samples: int) -> None:
    """
    Next to nothing at 48 kHz is next to nothing at 8 kHz.
    """
    assert len(resample_to_8k(np.zeros(n_samples), 48_000)) <= 1


def test_resample_to_8k_refuses_a_rate_out_of_range() -> None:
    """
    The range of rates is that of the whole package.
    """
    with pytest.raises(
        ParameterError,
        match=r"^sample_rate_hz: expected a whole number from 4000 to 384000, got 0$",
    ):
        resample_to_8k(np.zeros(5), 0)
