"""
Comfort noise: the background's level and tilt, and nothing else of it.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from dtmf_engine.comfort_noise import (
    DEFAULT_NOISE,
    NoiseModel,
    _quiet_frames,
    model_background,
    shaped,
    white_noise,
)
from tests.support.strategies import stable
from tests.support.tones import (
    Audio,
    Press,
    level_dbm0,
    root_mean_square,
    to_int16,
)
from tests.support.tones import white_noise as true_white_noise


EVERYTHING = np.ones(2048, dtype=np.bool_)


def _tilted(level: float, *, seed: int = 0) -> Audio:
    """
    Make noise that falls off towards high frequencies.
    """
    white = true_white_noise(2048 + 100, 0.0, seed=seed)
    tilted = np.asarray(lfilter([1.0], [1.0, -0.8], white))[100:]
    return to_int16(tilted * 10 ** ((level - level_dbm0(tilted)) / 20))


def _band_level(wave: object, low_hz: float, high_hz: float) -> float:
    values = np.asarray(wave, dtype=np.float64)
    power = np.abs(np.fft.rfft(values)) ** 2
    hz = np.fft.rfftfreq(len(values), 1 / 8000)
    return 10 * float(np.log10(power[(hz >= low_hz) & (hz < high_hz)].mean()))


def test_white_noise_has_unit_power_and_no_colour() -> None:
    """
    Mean nought, power one, neighbours unrelated, tails like a bell.
    """
    noise = white_noise(7, 0, 100_000)
    assert abs(noise.mean()) < 0.01
    assert noise.var() == pytest.approx(1.0, abs=0.02)
    for lag in range(1, 50):
        assert abs(np.dot(noise[lag:], noise[:-lag]) / len(noise)) < 0.015
    assert np.abs(noise).max() < 2 * np.sqrt(3) + 1e-9
    assert (np.abs(noise) > 2).mean() == pytest.approx(0.0455, abs=0.01)


@stable
@given(
    st.integers(0, 2**40),
    st.integers(-(10**6), 10**9),
    st.integers(0, 300),
    st.integers(0, 300),
)
def test_white_noise_is_a_function_of_the_place(
    seed: int, first_sample: int, skip: int, n_samples: int
) -> None:
    """
    A stretch made alone is the same stretch of a longer one.
    """
    whole = white_noise(seed, first_sample, skip + n_samples)
    assert np.array_equal(
        white_noise(seed, first_sample + skip, n_samples), whole[skip:]
    )


def _splitmix64(number: int) -> int:
    """
    Give the published hash, in whole numbers of any size.
    """
    mask = 2**64 - 1
    z = number * 0x9E3779B97F4A7C15 & mask
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
    return z ^ z >> 31


@stable
@given(st.integers(-5, 2**40), st.integers(-(10**6), 10**9))
def test_white_noise_is_the_sum_of_four_lanes(seed: int, first_sample: int) -> None:
    """
    To the last bit: noise at a place never changes.
    """
    lanes = []
    for place in range(first_sample, first_sample + 5):
        z = _splitmix64((place + (seed % 2**32 << 32)) % 2**64)
        lanes.append(sum(z >> shift & 0xFFFF for shift in (0, 16, 32, 48)))
    expected = (np.array(lanes, dtype=np.float64) - 131070) * np.sqrt(
        3 / (65536.0**2 - 1)
    )
    assert np.array_equal(white_noise(seed, first_sample, 5), expected)


def test_white_noise_of_two_seeds_is_unrelated() -> None:
    """
    Each leg's noise is its own, at every lag.
    """
    one, other = white_noise(1, 0, 8000), white_noise(2, 0, 8000)
    product = np.fft.irfft(np.fft.rfft(one) * np.conj(np.fft.rfft(other)))
    assert np.abs(product).max() / 8000 < 0.06


@pytest.mark.parametrize("level", [-60.0, -45.0, -30.0, -15.0])
def test_model_background_has_the_background_s_level(level: float) -> None:
    """
    The noise is as loud as the background, within 1.5 dB.
    """
    model = model_background(_tilted(level), EVERYTHING)
    assert model is not None
    assert level_dbm0(model.render(0, 0, 8000)) == pytest.approx(level, abs=1.5)


def test_model_background_has_the_background_s_tilt() -> None:
    """
    Where the background falls by 15 dB or more over the band, so does the noise.
    """
    background = _tilted(-30.0)
    model = model_background(background, EVERYTHING)
    assert model is not None
    noise = model.render(0, 0, 8000)
    for low_hz, high_hz in [(100, 600), (1000, 2000), (3000, 3900)]:
        difference = _band_level(noise, low_hz, high_hz) - _band_level(
            np.tile(background, 4)[:8000], low_hz, high_hz
        )
        assert abs(difference) < 4
    tilt = _band_level(noise, 100, 400) - _band_level(noise, 3000, 3900)
    assert tilt > 10


def test_model_background_uses_the_quieter_half() -> None:
    """
    Speech before the press does not make the noise louder.
    """
    background = to_int16(true_white_noise(2048, -50.0))
    background[: 5 * 160] = to_int16(true_white_noise(5 * 160, -10.0))
    model = model_background(background, EVERYTHING)
    assert model is not None
    assert level_dbm0(model.render(0, 0, 8000)) == pytest.approx(-50.0, abs=1.5)


def test_model_background_knows_nothing_of_unclean_audio() -> None:
    """
    A tone in frames that are not clean leaves no trace in the model.
    """
    background = to_int16(true_white_noise(2048, -50.0))
    clean = EVERYTHING.copy()
    clean[300:1300] = False
    quiet = model_background(background, clean)
    press = Press(digit="5", start_sample=0, end_sample=1000).wave()
    background[300:1300] = to_int16(press)
    loud = model_background(background, clean)
    assert quiet is not None
    assert loud is not None
    assert np.array_equal(quiet.taps, loud.taps)


def test_model_background_has_no_tone_s_shape() -> None:
    """
    Even a background that holds a pair all along gives noise without a line: within
    the band of the tones no narrow stretch stands out by what a tone would.
    """
    press = Press(digit="5", start_sample=0, end_sample=2048, low_dbm0=-30.0)
    background = to_int16(press.wave() + true_white_noise(2048, -50.0))
    model = model_background(background, EVERYTHING)
    assert model is not None
    response = 20 * np.log10(np.abs(np.fft.rfft(model.taps, 8000)))
    for hz in (770, 1336):
        nearby = (response[hz - 40] + response[hz + 40]) / 2
        assert response[hz] - nearby < 0.5


def test_model_background_is_silent_in_digital_silence() -> None:
    """
    Where nothing at all was before, nothing at all is put.
    """
    model = model_background(np.zeros(2048, dtype=np.int16), EVERYTHING)
    assert model is not None
    assert not model.render(0, 0, 1000).any()


def test_model_background_is_never_quieter_than_the_floor() -> None:
    """
    A background of one-bit noise gives noise at −65 dBm0.
    """
    background = (np.arange(2048) % 97 == 0).astype(np.int16)
    model = model_background(background, EVERYTHING)
    assert model is not None
    assert level_dbm0(model.render(0, 0, 8000)) == pytest.approx(-65.0, abs=0.5)


@pytest.mark.parametrize("n_clean", [0, 160, 319])
def test_model_background_needs_two_clean_frames(n_clean: int) -> None:
    """
    Less than two frames tell nothing, and then there is no model.
    """
    clean = np.zeros(2048, dtype=np.bool_)
    clean[:n_clean] = True
    background = to_int16(true_white_noise(2048, -50.0))
    assert model_background(background, clean) is None
    clean[:320] = True
    assert model_background(background, clean) is not None


def test_model_background_of_no_audio_is_none() -> None:
    """
    A stream that has just begun has no background yet.
    """
    nothing = np.zeros(0, dtype=np.int16)
    assert model_background(nothing, np.zeros(0, dtype=np.bool_)) is None


def test_default_noise_is_the_floor() -> None:
    """
    As long as the background is unknown, the noise is at −65 dBm0.
    """
    noise = DEFAULT_NOISE.render(0, 0, 8000)
    assert level_dbm0(noise) == pytest.approx(-65.0, abs=0.3)


@stable
@given(st.integers(0, 2**20), st.integers(-2000, 10**6), st.integers(1, 500))
def test_noise_model_renders_a_function_of_the_place(
    seed: int, first_sample: int, skip: int
) -> None:
    """
    Filtered noise, too, is the same to the last bit however it is cut.
    """
    model = model_background(_tilted(-40.0), EVERYTHING)
    assert model is not None
    whole = model.render(seed, first_sample, skip + 200)
    assert np.array_equal(model.render(seed, first_sample + skip, 200), whole[skip:])
    assert root_mean_square(whole) > 0


@pytest.mark.parametrize("n_taps", [1, 25, 145])
def test_noise_model_renders_white_noise_filtered(n_taps: int) -> None:
    """
    What a convolution gives, but for rounding.
    """
    taps = np.random.default_rng(n_taps).standard_normal(n_taps) * 100
    white = white_noise(3, 500 - n_taps + 1, 300 + n_taps - 1)
    expected = np.convolve(white, taps, mode="valid")
    assert NoiseModel(taps).render(3, 500, 300) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("scale", [1, 2, 6])
def test_shaped_has_the_spectrum_of_the_windowed_lags(scale: int) -> None:
    """
    The taps are those that Fourier transforms give.
    """
    frames = _tilted(-30.0)[:1920].astype(np.float64).reshape(-1, 160 * scale)
    n, n_lags, half = frames.shape[1], 6 * scale, 12 * scale
    lags = np.array(
        [np.sum(frames[:, lag:] * frames[:, : n - lag]) for lag in range(n_lags + 1)]
    )
    lags *= 0.5 + 0.5 * np.cos(np.pi * np.arange(n_lags + 1) / (n_lags + 1))
    both_sides = np.zeros(64 * scale)
    both_sides[: n_lags + 1] = lags
    both_sides[-n_lags:] = lags[:0:-1]
    spectrum = np.maximum(np.fft.fft(both_sides).real, lags[0] * 1e-3 / scale)
    taps = np.roll(np.fft.ifft(np.sqrt(spectrum)).real, half)[: 2 * half + 1]
    taps *= np.sqrt(50.0 / np.sum(taps * taps))
    assert shaped(frames, 50.0, scale).taps == pytest.approx(taps, abs=1e-9)


@pytest.mark.parametrize("n_clean", [0, 1, 2, 3, 4, 5, 11, 12])
def test_the_quieter_half_of_the_clean_frames_is_used(n_clean: int) -> None:
    """
    Sorted by energy, the earlier of two that are as loud first.
    """
    random = np.random.default_rng(n_clean)
    frames = random.integers(-99, 99, (12, 160)).astype(np.int16)
    frames[[3, 7, 9]] = frames[5]
    usable = np.zeros(12, dtype=np.bool_)
    usable[random.choice(12, n_clean, replace=False)] = True
    # One sample is enough to make a frame unclean.
    clean = EVERYTHING[: 12 * 160 + 100].copy()
    clean[np.flatnonzero(~usable) * 160 + random.integers(0, 160)] = False
    history = np.concatenate([frames.ravel(), frames[0, :100]])
    heard = frames[usable].astype(np.float64)
    order = np.argsort((heard * heard).sum(axis=1), kind="stable")
    n_wanted = max(2, n_clean // 2) if n_clean >= 2 else 0
    assert np.array_equal(_quiet_frames(history, clean), heard[order[:n_wanted]])
