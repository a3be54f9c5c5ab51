"""
Background: its level and colour, from the quiet moments.
"""

import numpy as np
import pytest
from scipy.signal import lfilter

from dtmf_engine.background import (
    WHITE,
    covariance,
    measure_background,
    predictor,
)
from tests.support.tones import amplitude, voiced, white_noise


@pytest.mark.parametrize("level", [-60.0, -40.0, -30.0])
def test_background_is_measured_between_words(level: float) -> None:
    """
    Speech in three quarters of a recording does not change what is under it.
    """
    audio = white_noise(80_000, level, seed=1)
    audio[:60_000] += voiced(60_000)
    found = measure_background(audio)
    assert 10 * np.log10(2 * found.power / amplitude(level) ** 2) == pytest.approx(
        0, abs=1.5
    )
    assert np.abs(found.colour[1:]).max() < 0.1


def test_background_has_the_colour_of_its_filter() -> None:
    """
    Noise of one pole has lags that are powers of it.
    """
    audio = np.asarray(lfilter([1.0], [1.0, -0.8], white_noise(80_000, -40.0, seed=2)))
    colour = measure_background(audio).colour
    assert colour[:5] == pytest.approx([1.0, 0.8, 0.64, 0.512, 0.41], abs=0.03)


def test_predictor_makes_a_background_white() -> None:
    """
    Filtered by it, noise has no correlation left, and the power that was promised.
    """
    audio = np.asarray(lfilter([1.0], [1.0, -0.8], white_noise(80_000, -40.0, seed=3)))
    taps, left = predictor(measure_background(audio).colour)
    rest = lfilter(taps, np.ones(1), audio)[100:]
    # Lags of frames of 160 samples are a little too small.
    assert rest @ rest / (audio @ audio) == pytest.approx(left, rel=0.06)
    assert abs(rest[1:] @ rest[:-1]) / (rest @ rest) < 0.03


@pytest.mark.parametrize("n", [0, 100, 8000])
def test_silence_has_no_background(n: int) -> None:
    """
    Nothing, too little, or only zeros.
    """
    found = measure_background(np.zeros(n))
    assert (found.power, found.colour) == (0.0, WHITE)


def test_covariance_goes_on_as_the_predictor_does() -> None:
    """
    Lags beyond the known ones are those of the same filter.
    """
    colour = tuple(0.8**lag for lag in range(4))
    expected = 0.8 ** np.abs(np.subtract.outer(np.arange(12), np.arange(12)))
    assert covariance(colour, 12) == pytest.approx(expected)
    assert covariance(WHITE, 5) == pytest.approx(np.eye(5))
