"""
Attacker: reads what leaks, and nothing where nothing does.
"""

import numpy as np
import pytest

from dtmf_engine.attacker import WINDOWS_MS, Reading, read_press
from dtmf_engine.keypad import DIGITS
from tests.support.tones import (
    ALL_DIGITS,
    Press,
    Wave,
    amplitude,
    dial,
    to_int16,
    white_noise,
)


FLOOR_DBM0 = -55.0
FLOOR_POWER = amplitude(FLOOR_DBM0) ** 2 / 2

# What such a guess claims: odds of 10,000 to 1.
CERTAIN = 9.2


def _leak(press: Press, start: int, n_samples: int, *, seed: int) -> Wave:
    """
    Make a background into which a part of a press leaked, as 16-bit samples.
    """
    wave = white_noise(press.end_sample + 800, FLOOR_DBM0, seed=seed)
    place = press.start_sample + start
    wave[place : place + n_samples] += press.wave()[start : start + n_samples]
    return to_int16(wave).astype(np.float64)


def _read(audio: Wave, press: Press) -> Reading:
    return read_press(audio, press.start_sample, press.end_sample, FLOOR_POWER)


@pytest.mark.parametrize("start", [0, 333, 788], ids=["onset", "middle", "end"])
@pytest.mark.parametrize("level", [-20.0, -10.0, -3.0])
def test_attacker_reads_every_digit_from_one_and_a_half_milliseconds(
    level: float, start: int
) -> None:
    """
    Twelve samples of tone over a floor of −55 dBm0 tell the digit for certain.
    """
    for seed in range(3):
        for press in dial(
            ALL_DIGITS, lead=800, low_dbm0=level, high_dbm0=level, seed=seed
        ):
            reading = _read(_leak(press, start, 12, seed=seed), press)
            assert reading.guess == press.digit
            assert reading.margin >= CERTAIN


@pytest.mark.parametrize("n_samples", [40, 100, 800])
def test_attacker_reads_every_digit_from_longer_leaks(n_samples: int) -> None:
    """
    The more of a press leaks, the surer the attacker is.
    """
    for press in dial(ALL_DIGITS, low_dbm0=-20.0, high_dbm0=-20.0):
        less = _read(_leak(press, 0, 12, seed=1), press)
        more = _read(_leak(press, 0, n_samples, seed=1), press)
        assert more.guess == press.digit
        assert more.margin > less.margin


def test_attacker_reads_tones_far_below_what_a_detector_takes() -> None:
    """
    A whole press at −58 dBm0 a tone, below the floor, is read.
    """
    for press in dial(ALL_DIGITS, low_dbm0=-58.0, high_dbm0=-58.0):
        assert _read(_leak(press, 0, 800, seed=2), press).guess == press.digit


def test_attacker_is_at_chance_when_nothing_leaks() -> None:
    """
    From noise alone, one guess in sixteen is right, and none is certain.
    """
    n_right = 0
    for seed in range(20):
        noise = white_noise(30_000, FLOOR_DBM0, seed=seed)
        audio = to_int16(noise).astype(np.float64)
        for press in dial(ALL_DIGITS, seed=seed):
            reading = _read(audio, press)
            n_right += reading.guess == press.digit
            assert reading.margin < CERTAIN
    # 320 guesses: 20 expected, with a standard deviation of 4.3.
    assert 20 - 4 * 4.4 < n_right < 20 + 4 * 4.4


def test_attacker_scores_digits_in_the_order_of_the_keypad() -> None:
    """
    The guess is the digit of the highest score, and the margin its lead.
    """
    (press,) = dial("B")
    reading = _read(_leak(press, 0, 100, seed=3), press)
    assert reading.scores.shape == (16,)
    best, second = np.sort(reading.scores)[::-1][:2]
    assert reading.guess == DIGITS[int(reading.scores.argmax())]
    assert reading.margin == pytest.approx(best - second)


@pytest.mark.parametrize("n_samples", [0, 5, 800])
def test_attacker_claims_nothing_where_there_is_no_audio(n_samples: int) -> None:
    """
    A recording that ends before the press, or holds nothing, gives no preference.
    """
    (press,) = dial("5", lead=2000)
    reading = _read(np.zeros(n_samples), press)
    assert reading.margin == 0.0
    assert (reading.scores == 0.0).all()


def test_attacker_looks_for_leaks_of_two_milliseconds_and_less() -> None:
    """
    The shortest window is no longer than the shortest leak it promises to read.
    """
    assert min(WINDOWS_MS) <= 2.0
