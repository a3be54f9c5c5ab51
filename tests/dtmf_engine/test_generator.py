"""
Generator: measured, not believed.
"""

import hashlib
import math
import re

import numpy as np
import pytest

from dtmf_engine import ParameterError, generate
from dtmf_engine.generator import Signal, tone
from tests.support.tones import (
    ALL_DIGITS,
    KEYPAD,
    Wave,
    level_dbm0,
    root_mean_square,
)


RATES = [4000, 8000, 16_000, 44_100]


def _levels_dbm0(wave: Wave, digit: str, rate: int) -> tuple[float, float]:
    """
    Measure both tones of a digit by least squares.
    """
    place = np.arange(len(wave))
    columns = []
    for hz in KEYPAD[digit]:
        turn = 2 * np.pi * hz * place / rate
        columns += [np.cos(turn), np.sin(turn)]
    a, b, c, d = np.linalg.lstsq(np.stack(columns, axis=1), wave, rcond=None)[0]
    low, high = (
        20 * math.log10(math.hypot(x, y) / 32768) + 3.14 for x, y in ((a, b), (c, d))
    )
    return low, high


def _strongest_hz(wave: Wave, rate: int) -> list[float]:
    """
    Give the two strongest frequencies, to a tenth of a Hertz.
    """
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 10 * rate))
    hz = np.arange(len(power)) / 10
    first = float(hz[power.argmax()])
    power[np.abs(hz - first) < 50] = 0.0
    return sorted([first, float(hz[power.argmax()])])


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_generate_makes_the_two_frequencies_of_a_digit(digit: str, rate: int) -> None:
    """
    The spectrum of a digit peaks at its row and its column.
    """
    audio = generate(digit, sample_rate_hz=rate, tone_ms=500, pause_ms=0)
    found = _strongest_hz(audio.astype(np.float64), rate)
    assert found == pytest.approx(KEYPAD[digit], abs=0.2)


@pytest.mark.parametrize("error", [-0.035, -0.015, 0.015, 0.2])
def test_generate_moves_both_tones_by_the_frequency_error(error: float) -> None:
    """
    An error of 0.015 makes both tones 1.5 % higher.
    """
    audio = generate("6", tone_ms=1000, pause_ms=0, frequency_error=error)
    expected = [hz * (1 + error) for hz in KEYPAD["6"]]
    assert _strongest_hz(audio.astype(np.float64), 8000) == pytest.approx(
        expected, abs=0.2
    )


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("twist_db", [-12.0, -4.0, 0.0, 6.0])
@pytest.mark.parametrize("level", [-40.0, -10.0, -3.0])
def test_generate_makes_the_level_and_the_twist(
    level: float, twist_db: float, rate: int
) -> None:
    """
    Both tones together have the level, and differ by the twist.
    """
    audio = generate(
        "8",
        sample_rate_hz=rate,
        tone_ms=400,
        pause_ms=0,
        level_dbm0=level,
        twist_db=twist_db,
    )
    low, high = _levels_dbm0(audio.astype(np.float64), "8", rate)
    both = 10 * math.log10(10 ** (low / 10) + 10 ** (high / 10))
    assert both == pytest.approx(level, abs=0.01)
    assert high - low == pytest.approx(twist_db, abs=0.05)


def test_generate_adds_noise_of_the_level_over_everything() -> None:
    """
    Noise is in the pauses and in the tones, and is white.
    """
    audio = generate(
        "5", tone_ms=2000, pause_ms=2000, level_dbm0=-30.0, noise_dbm0=-20.0
    ).astype(np.float64)
    assert level_dbm0(audio[:16_000]) == pytest.approx(-20.0, abs=0.1)
    clean = generate("5", tone_ms=2000, pause_ms=2000, level_dbm0=-30.0)
    noise = audio - clean
    assert level_dbm0(noise[16_000:32_000]) == pytest.approx(-20.0, abs=0.1)
    neighbours = np.dot(noise[1:], noise[:-1]) / np.dot(noise, noise)
    assert abs(neighbours) < 0.02


@pytest.mark.parametrize("rate", RATES)
def test_generate_places_tones_and_pauses_to_the_sample(rate: int) -> None:
    """
    A pause, and then for each digit a tone and a pause: silent and not silent.
    """
    n_tone, n_pause = round(0.0523 * rate), round(0.0311 * rate)
    audio = generate("12 34-5", sample_rate_hz=rate, tone_ms=52.3, pause_ms=31.1)
    assert audio.dtype == np.int16
    assert len(audio) == n_pause + 5 * (n_tone + n_pause)
    for index in range(5):
        start = n_pause + index * (n_tone + n_pause)
        assert not audio[start - n_pause : start].any()
        assert root_mean_square(audio[start : start + 10]) > 100
        assert root_mean_square(audio[start + n_tone - 10 : start + n_tone]) > 100
    assert not audio[-n_pause:].any()


def test_generate_of_no_digits_is_one_pause() -> None:
    """
    Nothing pressed is 100 ms of silence.
    """
    assert generate("").tolist() == [0] * 800


def test_generate_takes_digits_as_people_write_them() -> None:
    """
    Small letters, spaces and dashes change nothing.
    """
    assert np.array_equal(generate("4111-1111 abcd"), generate("41111111ABCD"))


def test_generate_clips_at_full_scale() -> None:
    """
    What is too loud for 16 bits is cut off, not wrapped around.
    """
    audio = generate("1", level_dbm0=3.0, tone_ms=500).astype(np.int32)
    assert (audio.min(), audio.max()) == (-32768, 32767)
    # Only wrapping makes neighbours differ by nearly the whole range.
    assert np.abs(np.diff(audio)).max() < 60_000


def test_generate_gives_the_same_for_the_same_seed() -> None:
    """
    A seed fixes noise and phases; another seed changes both.
    """
    one, again, other = (
        generate("159", noise_dbm0=-40.0, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert (one != other).mean() > 0.9
    assert (generate("159", seed=1) != generate("159", seed=2)).any()


def test_generate_gives_the_same_on_every_machine() -> None:
    """
    The audio of all digits in noise, at defaults otherwise, is pinned.
    """
    audio = generate(ALL_DIGITS, noise_dbm0=-50.0)
    digest = hashlib.sha256(audio.astype("<i2").tobytes()).hexdigest()
    assert digest == (
        "dbe8b719c6a0ca3d804d6f293d1d546268fbf30a0f6e77cc8cf4f65afb7bceaa"
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("tone_ms", 0.9, "tone_ms: expected 1 to 60000, got 0.9"),
        ("tone_ms", 60_001, "tone_ms: expected 1 to 60000, got 60001"),
        ("pause_ms", -1, "pause_ms: expected 0 to 60000, got -1"),
        ("level_dbm0", 3.1, "level_dbm0: expected -90 to 3, got 3.1"),
        ("level_dbm0", -91.0, "level_dbm0: expected -90 to 3, got -91.0"),
        ("level_dbm0", math.nan, "level_dbm0: expected -90 to 3, got nan"),
        ("twist_db", 41, "twist_db: expected -40 to 40, got 41"),
        ("twist_db", -math.inf, "twist_db: expected -40 to 40, got -inf"),
        ("frequency_error", 0.21, "frequency_error: expected -0.2 to 0.2, got 0.21"),
        ("noise_dbm0", 4.0, "noise_dbm0: expected -90 to 3, got 4.0"),
    ],
)
def test_generate_refuses_values_out_of_range(
    name: str, value: float, message: str
) -> None:
    """
    Each value is named with its range.
    """
    with pytest.raises(ParameterError, match=f"^{re.escape(message)}$"):
        generate("1", **{name: value})  # type: ignore[arg-type]  # a name per case
    with pytest.raises(ParameterError, match=f"^{re.escape(message)}$"):
        Signal(**{name: value})


def test_generate_refuses_a_rate_out_of_range() -> None:
    """
    The range of rates is that of the whole package.
    """
    with pytest.raises(
        ParameterError,
        match=r"^sample_rate_hz: expected a whole number from 4000 to 384000, "
        r"got 3999$",
    ):
        generate("1", sample_rate_hz=3999)


def test_generate_refuses_what_is_no_digit_without_repeating_the_rest() -> None:
    """
    The message holds no digit of the text, because it may be a card number.
    """
    message = re.escape(
        "digits: expected only 123A456B789C*0#D, character 17 is not one"
    )
    with pytest.raises(ParameterError, match=f"^{message}$"):
        generate("4929123412341234x")


def test_tone_starts_with_the_given_phases() -> None:
    """
    A quarter turn on both tones starts at the sum of both amplitudes.
    """
    wave = tone("5", Signal(level_dbm0=-10.0), 8000, (np.pi / 2, np.pi / 2))
    amplitude = 32768 * 10 ** ((-10.0 - 3.0103 - 3.14) / 20)
    assert wave[0] == pytest.approx(2 * amplitude, rel=1e-4)
    assert tone("5", Signal())[0] == 0.0
    assert len(wave) == 800


def test_tone_refuses_what_is_no_digit() -> None:
    """
    There is no tone for a letter that no keypad has.
    """
    message = re.escape("digit: expected one of 123A456B789C*0#D, got 'E'")
    with pytest.raises(ParameterError, match=f"^{message}$"):
        tone("E", Signal())
