"""
Marker: one and the same beep, at places that tell little of when.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtmf_engine.keypad import TONES_HZ
from dtmf_engine.marker import (
    BEEP_DBM0,
    BEEP_GRID_SAMPLES,
    BEEP_HZ,
    BEEP_SAMPLES,
    Beep,
    next_place,
)
from tests.support.strategies import stable
from tests.support.tones import Wave, level_dbm0


RATES = [8000, 16_000, 44_100, 48_000]


def _beep(first_sample: int, rate: int = 8000) -> Wave:
    n_samples = BEEP_SAMPLES * rate // 8000
    return Beep(first_sample, rate).render(0, first_sample, n_samples)


@pytest.mark.parametrize("rate", RATES)
def test_beep_is_of_the_pitch_and_level_it_says(rate: int) -> None:
    """
    Within half a cycle of its length, and 0.1 dB, at every rate.
    """
    # A whole second of it, so that the spectrum has a line for every Hertz.
    beep = Beep(700, rate).render(0, 700, rate)
    spectrum = np.abs(np.fft.rfft(beep))
    assert spectrum.argmax() == BEEP_HZ
    assert spectrum[round(BEEP_HZ)] ** 2 > 0.999 * (spectrum**2).sum()
    assert level_dbm0(beep) == pytest.approx(BEEP_DBM0, abs=0.1)
    assert level_dbm0(_beep(700, rate)) == pytest.approx(BEEP_DBM0, abs=0.1)


def test_beep_is_below_every_tone_of_a_key() -> None:
    """
    No detector of digits, and no attacker's, can take it for one.
    """
    assert min(TONES_HZ) / 1.5 > BEEP_HZ


@pytest.mark.parametrize("rate", RATES)
def test_beep_is_the_same_in_time_at_every_rate(rate: int) -> None:
    """
    Every millisecond is the same sample of the same wave.
    """
    here, there = _beep(2000), _beep(2000 * rate // 8000, rate)
    if rate % 8000:
        # 5 ms are the shortest that is a whole number of samples at both.
        here, there = here[::80], there[:: rate // 100]
    else:
        there = there[:: rate // 8000]
    assert there == pytest.approx(here, abs=1e-6)


@stable
@given(st.integers(0, 10**6), st.integers(0, 2**32), st.data())
def test_beep_is_the_same_wherever_it_is_and_however_it_is_cut(
    place: int, seed: int, data: st.DataObject
) -> None:
    """
    Neither the place nor the leg's seed make it another, nor pieces.
    """
    cut = data.draw(st.integers(0, BEEP_SAMPLES))
    beep = Beep(place)
    parts = [
        beep.render(seed, place, cut),
        beep.render(seed, place + cut, BEEP_SAMPLES - cut),
    ]
    assert np.array_equal(np.concatenate(parts), _beep(0))


@stable
@given(st.integers(0, 10**9))
def test_next_place_is_the_first_of_the_grid(at_sample: int) -> None:
    """
    A multiple of a quarter of a second, not before the sample, and less than one
    step after it.
    """
    place = next_place(at_sample)
    assert place % BEEP_GRID_SAMPLES == 0
    assert 0 <= place - at_sample < BEEP_GRID_SAMPLES


def test_next_place_is_here_if_here_is_on_the_grid() -> None:
    """
    A sample on the grid is its own place, the one after it is not.
    """
    places = [next_place(at) for at in (0, 1, 1999, 2000, 2001)]
    assert places == [0, 2000, 2000, 2000, 4000]


def test_beeps_at_neighbouring_places_do_not_touch() -> None:
    """
    Each is heard as one.
    """
    assert BEEP_SAMPLES < BEEP_GRID_SAMPLES / 2
