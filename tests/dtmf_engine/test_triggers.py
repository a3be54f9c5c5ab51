"""
Triggers: what the windows of 10 ms that end at each hop see.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.triggers import TRIGGER_HOPS, TRIGGER_SAMPLES, Triggers
from tests.support.strategies import calls, stable
from tests.support.tones import (
    ALL_DIGITS,
    Press,
    Wave,
    amplitude,
    mix,
    sine,
    to_int16,
    white_noise,
)


_BEFORE_HOPS = TRIGGER_HOPS - 1
"""Hops of the past that the first window needs."""


def _triggers(*waves: Wave, first_hop: int = _BEFORE_HOPS) -> Triggers:
    """
    Make the windows of whole streams, one leg each.
    """
    samples = np.stack([to_int16(wave) for wave in waves])
    return Triggers(samples, np.full(len(waves), first_hop, dtype=np.int64))


def _press(digit: str, n_hops: int, level_dbm0: float = -10.0) -> Wave:
    return Press(
        digit=digit,
        start_sample=0,
        end_sample=n_hops * HOP_SAMPLES,
        low_dbm0=level_dbm0,
        high_dbm0=level_dbm0,
    ).wave()


def test_triggers_have_a_flag_for_each_new_hop() -> None:
    """
    The three hops from before give no windows of their own.
    """
    wave = np.zeros((_BEFORE_HOPS + 5) * HOP_SAMPLES)
    assert _triggers(wave, wave).interesting().shape == (2, 5)


@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_triggers_see_both_tones_of_a_press(digit: str) -> None:
    """
    Inside a press the pair holds all of every window, and has the power of its
    tones.
    """
    triggers = _triggers(_press(digit, _BEFORE_HOPS + 6))
    assert triggers.interesting().all()
    power = amplitude(-10.0) ** 2 / 2
    for k in range(6):
        share, low, high = triggers.fit(0, k)
        assert share == pytest.approx(1.0, abs=2e-3)
        # Ten milliseconds do not separate the groups better than this.
        assert low == pytest.approx(power, rel=0.35)
        assert high == pytest.approx(power, rel=0.35)


@pytest.mark.parametrize("first_hop", [3, 397, 400, 12_345])
def test_the_fit_knows_its_place_in_the_stream(first_hop: int) -> None:
    """
    A pure pair holds all of a window wherever in a stream it stands.
    """
    triggers = _triggers(_press("6", _BEFORE_HOPS + 6), first_hop=first_hop)
    for k in range(6):
        assert triggers.fit(0, k)[0] == pytest.approx(1.0, abs=2e-3)


def test_the_share_is_that_of_the_windows_own_energy() -> None:
    """
    As a press fills a window from its end, hop by hop, the share grows to one;
    nothing of what comes after the window counts.
    """
    lead = (_BEFORE_HOPS + 1) * HOP_SAMPLES
    wave = mix(lead + 160, (0, np.full(lead, 3000.0)), (lead, _press("5", 8)))
    triggers = _triggers(wave)
    shares = [triggers.fit(0, k)[0] for k in range(9)]
    assert shares[0] < 0.3
    assert shares[:5] == sorted(shares[:5])
    assert shares[4:] == pytest.approx([1.0] * 5, abs=2e-3)


def test_the_share_falls_by_what_else_is_heard() -> None:
    """
    With as much power of something else, the pair holds half of a window.
    """
    n_hops = _BEFORE_HOPS + 40
    other = sine(3000.0, n_hops * HOP_SAMPLES, -7.0)
    triggers = _triggers(_press("5", n_hops) + other)
    shares = [triggers.fit(0, k)[0] for k in range(40)]
    assert float(np.mean(shares)) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros(400),
        np.full(400, 5000.0),
        white_noise(400, -75.0),
        sine(3000.0, 400, -10.0) + _press("5", 20, -20.0),
    ],
    ids=["silence", "constant", "faint-noise", "buried-pair"],
)
def test_triggers_find_nothing_interesting_where_no_pair_can_be(wave: Wave) -> None:
    """
    Silence, a constant, what is fainter than any limit, and a pair
    that holds little of what is heard need no closer look.
    """
    assert not _triggers(wave).interesting().any()


def test_a_faint_press_is_interesting() -> None:
    """
    The quietest pair that any profile accepts is seen.
    """
    assert _triggers(_press("5", 40, -55.0)).interesting().all()


def test_a_press_is_interesting_ten_milliseconds_after_its_onset() -> None:
    """
    No window before the onset is interesting; that which it fills is.
    """
    lead = 20 * HOP_SAMPLES
    for digit in ALL_DIGITS:
        wave = mix(lead + 320, (lead, _press(digit, 16)))
        found = _triggers(wave).interesting()[0]
        first_inside = (lead + TRIGGER_SAMPLES) // HOP_SAMPLES - 1 - _BEFORE_HOPS
        assert not found[: lead // HOP_SAMPLES - _BEFORE_HOPS].any()
        assert found[first_inside:].all()


def test_the_fit_holds_nothing_of_silence() -> None:
    """
    A window without energy has no share, instead of nought divided by nought.
    """
    wave = np.zeros((_BEFORE_HOPS + 1) * HOP_SAMPLES)
    assert _triggers(wave).fit(0, 0) == (0.0, 0.0, 0.0)


@stable
@given(calls(), st.integers(3, 900), st.integers(1, 125), st.integers(1, 5))
def test_windows_do_not_depend_on_company(
    wave: Wave, first_hop: int, start: int, n_hops: int
) -> None:
    """
    A window gives the same bits among all hops of a stream and other legs, and
    among a few.
    """
    audio = to_int16(wave)[: len(wave) // HOP_SAMPLES * HOP_SAMPLES]
    legs = np.stack([np.roll(audio, 777), audio])
    whole = Triggers(legs, np.array([17, first_hop], dtype=np.int64))
    stop = start + n_hops + _BEFORE_HOPS
    few = Triggers(
        audio[None, start * HOP_SAMPLES : stop * HOP_SAMPLES],
        np.array([first_hop + start], dtype=np.int64),
    )
    found = few.interesting()[0]
    assert np.array_equal(found, whole.interesting()[1, start : start + n_hops])
    for k in range(len(found)):
        assert few.fit(0, k) == whole.fit(1, start + k)
