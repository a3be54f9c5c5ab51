"""
Pairs: sums over hops against direct computation, and what looks measure of
tones whose truth is known.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.hops import HIGHPASS_DELAY_SAMPLES, MARGIN_SAMPLES
from dtmf_engine.keypad import TONES_HZ
from dtmf_engine.looks import LONG, LONG_HOPS, LOOK, ROOM, SHORT, SHORT_HOPS, Look
from dtmf_engine.offsets import OFFSET_STEP_HZ
from dtmf_engine.pairs import measure_pair
from tests.support.looks import (
    LOOK_SAMPLES,
    are_same,
    looks_at,
    measured,
    one,
    room_for,
)
from tests.support.plain_look import heard_of, plain_look
from tests.support.strategies import calls, stable
from tests.support.tones import (
    ALL_DIGITS,
    KEYPAD,
    Press,
    Wave,
    amplitude,
    dial,
    mix,
    sine,
    to_int16,
    white_noise,
)


_WINDOWS = SHORT, LONG

_MEASURES = {
    *("row", "column", "tone_power", "share", "offset_hz", "power", "rest"),
    *("rest_trimmed", "wander", "wander_trimmed", "drift", "outside", "rival"),
    *("whiteness", "before", "size", "filled", "other"),
}
"""Fields of a look that tell of its audio."""


def _look(wave: Wave, *, first_hop: int = 0, highpass: bool = False) -> Look:
    """
    Look at the last 40 ms of a wave.
    """
    audio = to_int16(wave)[-LOOK_SAMPLES:]
    hops = measured(audio, first_hop=first_hop, highpass=highpass)
    return one(looks_at(hops, [LONG_HOPS - 1]))


def _press(
    digit: str,
    n_samples: int = LOOK_SAMPLES,
    *,
    low_error: float = 0.0,
    high_error: float = 0.0,
    seed: int = 0,
) -> Wave:
    (press,) = dial(
        digit,
        tone=n_samples,
        lead=0,
        low_error=low_error,
        high_error=high_error,
        seed=seed,
    )
    return press.wave()


def _begun(digit: str, n_samples: int) -> Wave:
    """
    Make a look's audio that ends with so many samples of a press in silence.
    """
    lead = LOOK_SAMPLES - n_samples
    return mix(LOOK_SAMPLES, (lead, _press(digit, n_samples)))


def _pair_hz(look: Look) -> tuple[float, float]:
    """
    Give the frequencies of the pair that a look found.
    """
    return float(TONES_HZ[look.row]), float(TONES_HZ[4 + look.column])


def _gain_db(hz: float) -> float:
    audio = to_int16(sine(hz, MARGIN_SAMPLES + 8000, 0.0))
    through = measured(audio, highpass=True)["energy"].sum()
    return 10 * math.log10(through / measured(audio)["energy"].sum())


# Sums over hops.


@stable
@given(st.integers(0, 2**32 - 1))
def test_energy_and_slope_of_hops_are_exact(seed: int) -> None:
    """
    For any samples, both are what whole numbers give.
    """
    random = np.random.default_rng(seed)
    audio = random.integers(-32768, 32768, MARGIN_SAMPLES + 100).astype(np.int16)
    hops = measured(audio)
    exact = audio.astype(np.int64)
    for hop in range(5):
        start = MARGIN_SAMPLES + hop * HOP_SAMPLES
        inside = exact[start : start + HOP_SAMPLES]
        steps = np.diff(exact[start - 1 : start + HOP_SAMPLES])
        assert hops["energy"][hop] == (inside * inside).sum()
        assert hops["slope"][hop] == (steps * steps).sum()


def test_sums_of_hops_are_correlations_with_eight_tones() -> None:
    """
    Cosines first, then sines, each beginning with its hop: within what tables of
    15 bits allow.
    """
    audio = to_int16(white_noise(MARGIN_SAMPLES + 200, -6.0, seed=3))
    hops = measured(audio)
    assert hops["sums"].shape == (10, 16)
    turns = np.outer(TONES_HZ, np.arange(HOP_SAMPLES)) / 8000
    waves = np.concatenate([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)])
    for hop in range(10):
        start = MARGIN_SAMPLES + hop * HOP_SAMPLES
        inside = audio[start : start + HOP_SAMPLES].astype(np.float64)
        bound = np.abs(inside).sum() * 1e-4
        assert np.abs(hops["sums"][hop] - waves @ inside).max() < bound


def test_places_of_hops_repeat_every_second() -> None:
    """
    A hop's place is counted modulo the 400 hops in which all phases repeat.
    """
    audio = to_int16(np.zeros(MARGIN_SAMPLES + 60))
    assert measured(audio, first_hop=799)["place"].tolist() == [399, 0, 1]


@pytest.mark.parametrize("highpass", [False, True])
def test_hops_do_not_depend_on_company(*, highpass: bool) -> None:
    """
    A hop gives the same bits from its own audio alone and amid a stream.
    """
    random = np.random.default_rng(5)
    samples = random.integers(-32768, 32768, MARGIN_SAMPLES + 40 * HOP_SAMPLES)
    audio = samples.astype(np.int16)
    together = measured(audio, first_hop=390, highpass=highpass)
    for i in range(40):
        start = i * HOP_SAMPLES
        own = audio[start : start + MARGIN_SAMPLES + HOP_SAMPLES]
        alone = measured(own, first_hop=390 + i, highpass=highpass)
        assert are_same(alone, together[i : i + 1])


@pytest.mark.parametrize("hz", [50.0, 350.0, 400.0, 425.0, 440.0])
def test_highpass_takes_dial_tones_away(hz: float) -> None:
    """
    The tones of E.180 and mains hum are 40 dB down.
    """
    assert _gain_db(hz) < -40.0


@pytest.mark.parametrize("hz", [681.0, 697.0, 941.0, 1209.0, 1633.0, 1671.0])
def test_highpass_passes_all_eight_tones(hz: float) -> None:
    """
    From 2.3 % below the lowest to 2.3 % above the highest, the level stays.
    """
    assert abs(_gain_db(hz)) < 0.2


def test_highpass_is_late_by_its_delay() -> None:
    """
    A click is heard most in the hop that lies the delay after it.
    """
    wave = np.zeros(MARGIN_SAMPLES + 160)
    wave[MARGIN_SAMPLES + 30] = 30_000.0
    hops = measured(to_int16(wave), highpass=True)
    assert hops["energy"].argmax() == (30 + HIGHPASS_DELAY_SAMPLES) // HOP_SAMPLES


# Against plain arithmetic.


@stable
@given(calls(), st.integers(0, 100_000), st.booleans())
def test_looks_measure_what_plain_arithmetic_gives(
    wave: Wave,
    first_hop: int,
    highpass: bool,  # noqa: FBT001  # drawn
) -> None:
    """
    Every field is what NumPy makes of the samples by its definition: to a part in
    10⁹ of its largest number, and offsets to the step.
    """
    noise = white_noise(len(wave), -50.0, seed=first_hop)
    audio = to_int16(wave + noise)
    hops = measured(audio, first_hop=first_hop, highpass=highpass)
    ends = range(LONG_HOPS - 1, len(hops), 5)
    looks = looks_at(hops, ends)
    for i in range(len(looks)):
        start = 5 * i * HOP_SAMPLES
        heard = heard_of(audio[start : start + LOOK_SAMPLES], highpass=highpass)
        plain = plain_look(heard, first_hop + 5 * i)
        assert plain.keys() == _MEASURES
        for name, expected in plain.items():
            away = np.abs(looks[name][i] - expected).max()
            assert away <= 1e-9 * np.abs(expected).max(), name


def test_pairs_are_fitted_by_least_squares() -> None:
    """
    Of one hop the fit leaves what two cosines and two sines cannot give of its
    samples, within what tables of 15 bits allow.
    """
    noise = white_noise(LOOK_SAMPLES, -20.0, seed=9)
    audio = to_int16(_press("6", seed=9) + noise)
    look = one(looks_at(measured(audio), [LONG_HOPS - 1]))
    hz = np.array(_pair_hz(look))
    turns = 2 * np.pi * np.outer(np.arange(HOP_SAMPLES), hz) / 8000
    basis = np.concatenate([np.cos(turns), np.sin(turns)], axis=1)
    hops = audio[MARGIN_SAMPLES:].astype(np.float64).reshape(LONG_HOPS, HOP_SAMPLES)
    left = np.linalg.lstsq(basis, hops.T)[1]
    energy = (hops * hops).sum(axis=1)
    misfit = look.other * look.size * HOP_SAMPLES / 2
    assert (np.abs(misfit - left) < energy * 1e-4).all()
    assert (left > energy * 1e-3).all()


# Clean tones.


@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_looks_find_the_pair_of_a_clean_tone(digit: str) -> None:
    """
    Row and column are the digit's, its tones have their power, and nothing else
    is there, wherever in the stream it is.
    """
    power = amplitude(-10.0) ** 2 / 2
    for seed in range(8):
        look = _look(_press(digit, seed=seed), first_hop=seed * 177)
        assert _pair_hz(look) == KEYPAD[digit]
        for window in _WINDOWS:
            assert np.abs(10 * np.log10(look.power[window] / power)).max() < 0.2
            assert np.abs(look.offset_hz[window]).max() < 2.0
            assert look.rest[window] < 0.02
            assert look.rest_trimmed[window] < 0.02
            assert look.wander[window].max() < 0.02
            assert look.wander_trimmed[window].max() < 0.02
            assert look.drift[window].max() < 0.02
            assert look.rival[window].max() < 0.1


@pytest.mark.parametrize("low_error", [-0.025, -0.01, 0.015])
@pytest.mark.parametrize("high_error", [-0.015, 0.018, 0.025])
def test_looks_measure_how_far_tones_are_off(
    low_error: float, high_error: float
) -> None:
    """
    For all digits the two offsets are within 2 Hz, whatever the other tone does;
    and a tone that is off is steady nevertheless.
    """
    for digit in ALL_DIGITS:
        low_hz, high_hz = KEYPAD[digit]
        look = _look(_press(digit, low_error=low_error, high_error=high_error))
        assert _pair_hz(look) == (low_hz, high_hz)
        for window in _WINDOWS:
            low, high = look.offset_hz[window].tolist()
            assert low == pytest.approx(low_hz * low_error, abs=2.0)
            assert high == pytest.approx(high_hz * high_error, abs=2.0)
            # A hop is fitted at the nominal frequencies, which a tone of 2.5 %
            # more leaves by 15 degrees.
            assert look.rest[window] < 0.04
            assert look.wander[window].max() < 0.03


def test_offsets_are_multiples_of_a_step() -> None:
    """
    Offsets come from a table.
    """
    look = _look(_press("5", low_error=0.0123, high_error=-0.0077))
    for window in _WINDOWS:
        steps = look.offset_hz[window] / OFFSET_STEP_HZ
        assert np.array_equal(steps, np.rint(steps))


def test_each_tone_has_its_own_power() -> None:
    """
    Low and high group are measured apart: a twist of 8 dB is one of 8 dB.
    """
    press = Press(
        digit="9",
        start_sample=0,
        end_sample=LOOK_SAMPLES,
        low_dbm0=-8.0,
        high_dbm0=-16.0,
    )
    look = _look(press.wave())
    for window in _WINDOWS:
        low, high = look.power[window].tolist()
        assert low == pytest.approx(amplitude(-8.0) ** 2 / 2, rel=0.02)
        assert high == pytest.approx(amplitude(-16.0) ** 2 / 2, rel=0.02)


@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_tone_power_is_that_of_the_last_ten_milliseconds(digit: str) -> None:
    """
    Once a press is 10 ms over, nothing of it is left; while it lasts, its tones
    are the strongest.
    """
    wave = _press(digit)
    low, high = np.split(_look(wave).tone_power, 2)
    assert (TONES_HZ[low.argmax()], TONES_HZ[4 + high.argmax()]) == KEYPAD[digit]
    wave[-80:] = 0.0
    assert _look(wave).tone_power.max() == 0.0


@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_looks_through_the_highpass_find_the_pair_below_a_dial_tone(
    digit: str,
) -> None:
    """
    With 350 and 440 Hz each 6 dB above each tone, the look is as if they were
    not there.
    """
    dial_tone = sine(350.0, LOOK_SAMPLES, -4.0) + sine(440.0, LOOK_SAMPLES, -4.0)
    look = _look(_press(digit) + dial_tone, highpass=True)
    assert _pair_hz(look) == KEYPAD[digit]
    for window in _WINDOWS:
        assert look.rest[window] < 0.02
    assert _look(_press(digit) + dial_tone).rest[LONG] > 0.3


# When the tone began.


@pytest.mark.parametrize("n_hops", [6, 8, 11, 16])
def test_filled_tells_which_hops_the_tone_is_in(n_hops: int) -> None:
    """
    About one inside the tone, about nought before it, from 15 ms on: less than
    three quarters of the short window are no measure of what one is.
    """
    for digit in ALL_DIGITS:
        filled = _look(_begun(digit, n_hops * HOP_SAMPLES)).filled
        assert np.abs(filled[-n_hops:] - 1.0).max() < 0.02
        assert np.abs(filled[:-n_hops]).max(initial=0.0) < 0.02


def test_filled_is_a_part_where_the_tone_begins_inside_a_hop() -> None:
    """
    A tone that has half of a hop fills about half of it.
    """
    for digit in ALL_DIGITS:
        filled = _look(_begun(digit, 10 * HOP_SAMPLES + 10)).filled
        assert 0.2 < filled[5] < 0.8
        assert np.abs(filled[6:] - 1.0).max() < 0.02


@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_before_tells_an_onset_from_a_tone_that_lasts(digit: str) -> None:
    """
    Nought 20 ms after the onset, one when the tone has lasted for 40 ms.
    """
    onset = _look(_begun(digit, SHORT_HOPS * HOP_SAMPLES))
    assert onset.before == pytest.approx(0.0, abs=0.01)
    lasting = _look(_press(digit))
    assert lasting.before == pytest.approx(1.0, abs=0.01)


def test_size_is_not_lowered_by_hops_without_the_tone() -> None:
    """
    A tone that has three quarters of the short window has its full size.
    """
    whole = _look(_press("5")).size
    assert _look(_begun("5", 6 * HOP_SAMPLES)).size == pytest.approx(whole, rel=0.02)


# What else is heard.


@pytest.mark.parametrize("first", [0, 4, 7, 13])
def test_a_burst_spoils_a_few_hops_and_not_the_track(first: int) -> None:
    """
    Noise in 3 of 16 hops is much of the rest, and nothing of the trimmed rest.
    """
    for digit in ALL_DIGITS:
        wave = _press(digit)
        start = MARGIN_SAMPLES + first * HOP_SAMPLES
        wave[start : start + 60] += white_noise(60, -4.0, seed=first)
        look = _look(wave)
        assert look.rest[LONG] > 0.05
        assert look.rest_trimmed[LONG] < 0.01
        assert look.wander_trimmed[LONG].max() < 0.01 < look.wander[LONG].max()


def test_a_break_spoils_a_few_hops_and_not_the_track() -> None:
    """
    Silence in 3 of 16 hops leaves the trimmed measures small.
    """
    wave = _press("7")
    wave[-160:-100] = 0.0
    look = _look(wave)
    assert look.rest[LONG] > 0.05
    assert look.rest_trimmed[LONG] < 0.01


def test_other_tells_in_which_hops_other_sound_is() -> None:
    """
    A burst shows in its own hops, and in no other one.
    """
    wave = _press("5")
    wave[-160:-100] += white_noise(60, -4.0)
    other = _look(wave).other
    assert other[8:11].min() > 10 * np.delete(other, [8, 9, 10]).max()


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_rest_is_the_noise_over_the_pair(snr_db: float) -> None:
    """
    What noise adds to the pair is what the pair does not explain, but for the part
    that fits it by chance.
    """
    rests = []
    for seed in range(40):
        noise = white_noise(LOOK_SAMPLES, -7.0 - snr_db, seed=seed)
        rests.append(_look(_press("5", seed=seed) + noise).rest[LONG])
    expected = 10 ** (-snr_db / 10)
    assert float(np.median(rests)) == pytest.approx(expected, rel=0.25)


def test_a_steady_third_tone_is_a_rival() -> None:
    """
    A tone of the same group and level is seen beside the best one, in its group.
    """
    rival = _look(_press("1") + sine(941.0, LOOK_SAMPLES, -10.0)).rival[LONG]
    assert rival[0] > 0.5
    assert rival[1] < 0.1


def test_rest_outside_the_pairs_frequencies_is_told_from_unsteadiness() -> None:
    """
    A high whistle fits no pair in any hop; a jump of the tones' phase fits one in
    every hop.
    """
    whistle = _look(_press("5") + sine(3400.0, LOOK_SAMPLES, -10.0))
    assert whistle.outside[LONG] > 0.8
    jump = _press("5")
    jump[-160:] = -jump[-160:]
    assert _look(jump).outside[LONG] < 0.01


def test_a_glide_drifts() -> None:
    """
    Tones whose frequency glides by an eighth in 40 ms do not stay where they are,
    and a steady pair that is off does.
    """
    n = np.arange(LOOK_SAMPLES)
    glide = 1 + 0.15 * (n / LOOK_SAMPLES - 0.5)
    wave = np.zeros(LOOK_SAMPLES)
    for hz in KEYPAD["5"]:
        wave += amplitude(-10.0) * np.sin(2 * np.pi * np.cumsum(hz * glide) / 8000)
    gliding = _look(wave).drift[LONG].max()
    steady = _look(_press("5", low_error=0.02, high_error=0.02)).drift[LONG].max()
    assert gliding > 0.1
    assert steady < 0.01


def test_whiteness_is_two_for_white_noise_and_less_for_low_sound() -> None:
    """
    The rest of a pair in white noise has a slope of 2; that of a pair above a hum
    has nearly none.
    """
    white, hum = [], []
    for seed in range(30):
        noise = white_noise(LOOK_SAMPLES, -12.0, seed=seed)
        white.append(_look(_press("5", seed=seed) + noise).whiteness)
        low = sine(100.0, LOOK_SAMPLES, -10.0, phase=seed)
        hum.append(_look(_press("5", seed=seed) + low).whiteness)
    assert float(np.mean(white)) == pytest.approx(2.0, abs=0.4)
    assert float(np.mean(hum)) < 0.8


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros(LOOK_SAMPLES),
        np.full(LOOK_SAMPLES, 32767.0),
        np.where(np.arange(LOOK_SAMPLES) % 8 < 4, 32767.0, -32768.0),
    ],
    ids=["silence", "constant", "square"],
)
def test_looks_are_finite_whatever_is_heard(wave: Wave) -> None:
    """
    Nothing is divided by nought.
    """
    look = _look(wave)
    for name in LOOK.fields or ():
        assert np.isfinite(getattr(look, name)).all(), name


# Independence.


@stable
@given(calls(), st.integers(0, 100_000), st.booleans())
def test_looks_do_not_depend_on_company(
    wave: Wave,
    first_hop: int,
    highpass: bool,  # noqa: FBT001  # drawn
) -> None:
    """
    Looks at one call give bit for bit what each gives alone, with all hops of the
    stream at hand or with its own only.
    """
    audio = to_int16(wave)
    hops = measured(audio, first_hop=first_hop, highpass=highpass)
    together = looks_at(hops, range(LONG_HOPS - 1, len(hops)))
    for i in range(0, len(together), 7):
        start = i * HOP_SAMPLES
        own = measured(
            audio[start : start + LOOK_SAMPLES],
            first_hop=first_hop + i,
            highpass=highpass,
        )
        assert are_same(looks_at(own, [LONG_HOPS - 1]), together[i : i + 1])


def test_looks_share_room() -> None:
    """
    What the look before left in it changes nothing.
    """
    hops = measured(to_int16(_press("5", 2000) + white_noise(2000, -20.0)))
    ends = [40, 15, 93]
    looks = np.zeros(3, dtype=LOOK)
    room = np.zeros(1, dtype=ROOM)
    for i, end in enumerate(ends):
        room["order"] = np.arange(end - LONG_HOPS + 1, end + 1)
        measure_pair(hops, looks[i], room[0])
    assert are_same(looks, looks_at(hops, ends))


def test_hops_may_stand_in_any_order() -> None:
    """
    A look goes by where its hops are said to be, as in a ring.
    """
    hops = measured(to_int16(_press("5", 2000) + white_noise(2000, -20.0)))
    places = np.random.default_rng(8).permutation(len(hops))
    shuffled = np.empty_like(hops)
    shuffled[places] = hops
    looks = np.zeros(3, dtype=LOOK)
    ends = [40, 15, 93]
    for i, end in enumerate(ends):
        order = places[end - LONG_HOPS + 1 : end + 1]
        measure_pair(shuffled, looks[i], room_for(order))
    assert are_same(looks, looks_at(hops, ends))
