"""
Fits: pairs found in whole recordings, to their true ends.
"""

import numpy as np
import pytest

from dtmf_engine.fits import extend, find_body, find_bursts, find_steady
from tests.support.tones import (
    ALL_DIGITS,
    Press,
    Wave,
    line,
    sine,
    to_int16,
    voiced,
    white_noise,
)


def _audio(press: Press, noise_dbm0: float = -55.0) -> Wave:
    wave = line([press], n_samples=4000, noise_dbm0=noise_dbm0, seed=1)
    return to_int16(wave).astype(np.float64)


@pytest.mark.parametrize("digit", ALL_DIGITS)
@pytest.mark.parametrize("error", [-0.03, 0.0, 0.03])
def test_body_is_the_press_from_end_to_end(digit: str, error: float) -> None:
    """
    Digit, start and end are found, however far the telephone is off.
    """
    press = Press(
        digit=digit,
        start_sample=1503,
        end_sample=2011,
        low_error=error,
        high_error=error,
    )
    body = find_body(_audio(press), 1300, 2200)
    assert body is not None
    assert body.digit == digit
    assert body.share > 0.9
    assert body.contrast > 1000
    assert press.start_sample - 40 <= body.start_sample <= press.start_sample
    assert press.end_sample <= body.end_sample <= press.end_sample + 40


def test_body_of_noise_holds_little() -> None:
    """
    The best of all pairs explains no more than part of 20 ms of noise.
    """
    body = find_body(white_noise(4000, -20.0), 1000, 2000)
    assert body is not None
    assert body.share < 0.4
    assert body.contrast < 3


def test_body_needs_twenty_milliseconds_of_sound() -> None:
    """
    Silence and what is shorter than any press have no body.
    """
    assert find_body(np.zeros(4000), 1000, 2000) is None
    assert find_body(white_noise(4000, -20.0), 1000, 1159) is None


@pytest.mark.parametrize(("start", "end"), [(1600, 1700), (1500, 2000), (1510, 1999)])
def test_extend_follows_the_tone(start: int, end: int) -> None:
    """
    From any part of a press its ends are reached, and nothing is lost.
    """
    press = Press(digit="6", start_sample=1500, end_sample=2000)
    found = extend(_audio(press), "6", start, end)
    assert 1460 <= found[0] <= 1500
    assert 2000 <= found[1] <= 2040


def test_extend_leaves_what_is_wider_than_the_tone() -> None:
    """
    What was known stays known.
    """
    press = Press(digit="6", start_sample=1500, end_sample=2000)
    assert extend(_audio(press), "6", 1300, 2300) == (1300, 2300)


@pytest.mark.parametrize("n_samples", [0, 20, 39, 40, 100])
def test_short_audio_has_nothing(n_samples: int) -> None:
    """
    Audio shorter than any window raises nothing.
    """
    audio = np.zeros(n_samples)
    assert find_steady(audio) == []
    assert find_bursts(audio) == []
    assert extend(audio, "1", 0, n_samples) == (0, n_samples)


@pytest.mark.parametrize("error", [-0.035, 0.0, 0.035])
@pytest.mark.parametrize("offset", range(0, 20, 3))
def test_steady_finds_twenty_milliseconds(offset: int, error: float) -> None:
    """
    At every phase of its windows, and beyond the limits of any detector.
    """
    press = Press(
        digit="8",
        start_sample=1500 + offset,
        end_sample=1660 + offset,
        low_error=error,
        high_error=error,
    )
    found = find_steady(_audio(press))
    assert len(found) == 1
    assert found[0][0] < 1560 + offset
    assert found[0][1] > 1600 + offset


def test_steady_does_not_take_one_tone_or_noise_for_two() -> None:
    """
    A pair is two tones.
    """
    assert find_steady(sine(440.0, 8000, -10.0)) == []
    assert find_steady(white_noise(80_000, -10.0)) == []


@pytest.mark.parametrize("ms", [3, 5, 8, 12])
@pytest.mark.parametrize("digit", "159D*")
def test_bursts_are_found_where_they_are(digit: str, ms: int) -> None:
    """
    A fragment over a quiet line is found, whole, to within 3 ms at either side.
    """
    start, end = 1507, 1507 + 8 * ms
    press = Press(digit=digit, start_sample=start, end_sample=end)
    found = find_bursts(_audio(press))
    assert min(burst.start_sample for burst in found) <= start + 4
    assert max(burst.end_sample for burst in found) >= end - 4
    assert all(start - 24 <= burst.start_sample for burst in found)
    assert all(burst.end_sample <= end + 24 for burst in found)


def test_a_voice_is_no_burst() -> None:
    """
    Of ten seconds of a voice less than a hundredth looks like fragments.
    """
    found = find_bursts(voiced(80_000, seed=3))
    assert sum(burst.end_sample - burst.start_sample for burst in found) < 800
