"""
Scoring: what resembles a key, whatever the networks' weights are.
"""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtmf_engine import weights
from dtmf_engine.keypad import TONES_HZ
from dtmf_engine.looks import EARLY, LONG, N_FEATURES, N_SCORES, SHORT, Look, Looks
from dtmf_engine.masker import ALWAYS
from dtmf_engine.scoring import features, relative_offset
from tests.support.looks import LOOK_SAMPLES, are_same, looks_of, one, score_all
from tests.support.strategies import stable
from tests.support.tones import (
    ALL_DIGITS,
    Wave,
    dial,
    mix,
    sine,
    to_int16,
    white_noise,
)


_SHORT_SAMPLES = 160
_EARLY_SAMPLES = 104
"""13 ms: the least of a press that the early score is to know."""

_CHORDS_HZ = [(600.0, 1100.0), (740.0, 1270.0), (810.0, 1400.0), (1000.0, 1800.0)]
"""Steady pairs more than 4 % away from any of the eight tones."""


def _press(
    digit: str, n_samples: int = LOOK_SAMPLES, *, error: float = 0.0, seed: int = 0
) -> Wave:
    """
    Make a press that ends with the look, on a quiet line.
    """
    (press,) = dial(
        digit, tone=n_samples, lead=0, low_error=error, high_error=error, seed=seed
    )
    wave = mix(LOOK_SAMPLES, (LOOK_SAMPLES - n_samples, press.wave()))
    return wave + white_noise(LOOK_SAMPLES, -55.0, seed=seed)


def _clean(n_samples: int = LOOK_SAMPLES) -> Looks:
    waves = [
        _press(digit, n_samples, seed=seed) for digit in ALL_DIGITS for seed in range(5)
    ]
    return looks_of(to_int16(wave) for wave in waves)


def _noises() -> Looks:
    waves = [white_noise(LOOK_SAMPLES, -10.0, seed=seed) for seed in range(200)]
    return looks_of(to_int16(wave) for wave in waves)


def _chords() -> Looks:
    random = np.random.default_rng(2)
    waves = []
    for low_hz, high_hz in _CHORDS_HZ:
        for _ in range(10):
            low, high = random.uniform(0, 2 * np.pi, 2)
            waves.append(
                sine(low_hz, LOOK_SAMPLES, -10.0, phase=low)
                + sine(high_hz, LOOK_SAMPLES, -10.0, phase=high)
            )
    return looks_of(to_int16(wave) for wave in waves)


def _short(looks: Looks) -> npt.NDArray[np.float64]:
    return np.asarray(looks["score"][:, SHORT])


def _long(looks: Looks) -> npt.NDArray[np.float64]:
    return np.asarray(looks["score"][:, LONG])


def _early(looks: Looks) -> npt.NDArray[np.float64]:
    return np.asarray(looks["score"][:, EARLY])


def _various(seed: int) -> Looks:
    """
    Look at noise, and at presses in noise that are whole or have just begun.
    """
    random = np.random.default_rng(seed)
    audios = []
    for i in range(int(random.integers(2, 40))):
        noise = white_noise(LOOK_SAMPLES, random.uniform(-60, -5), seed=seed + i)
        digit = ALL_DIGITS[i % 16]
        wave = noise + (_press(digit, int(random.integers(40, 400))) if i % 3 else 0.0)
        audios.append(to_int16(wave))
    return looks_of(audios)


def _are_finite(looks: Looks) -> bool:
    return bool(
        np.isfinite(features(looks)).all() and np.isfinite(looks["score"]).all()
    )


# Against plain arithmetic.


def _plain_root(ratio: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.asarray(np.clip(ratio, 1e-4, 50.0) ** (1 / 8))


def _plain_features(look: Look, window: int) -> list[float]:
    """
    Compute what a network is given of one window from the fields of a look.
    """
    ratios = [
        *(look.rest[window], look.rest_trimmed[window]),
        *(*look.wander[window], *look.wander_trimmed[window]),
        *(*look.drift[window], *look.rival[window]),
    ]
    of_short = np.clip(look.before, 0.0, 1.5), _plain_root(look.rest[SHORT])
    nominal = np.array([TONES_HZ[look.row], TONES_HZ[4 + look.column]])
    return [
        *_plain_root(ratios),
        look.outside[window],
        np.clip(look.whiteness, -0.5, 3.0),
        float(of_short[window]),
        *np.clip(np.abs(look.offset_hz[window]) / nominal * 40, 0.0, 2.0),
    ]


def _plain_score(name: str, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """
    Ask a network, as its weights are written, of the features of several looks.
    """
    for place in ("FIRST", "SECOND", "THIRD"):
        numbers = [float(word) for word in getattr(weights, f"{name}_{place}").split()]
        layer = np.reshape(numbers, (values.shape[1] + 1, -1))
        values = values @ layer[:-1] + layer[-1]
        if place != "THIRD":
            values = values / (1 + np.abs(values))
    assert values.shape[1] == 1
    return values[:, 0]


@stable
@given(st.integers(0, 2**32 - 1))
def test_features_are_roots_and_ratios_of_a_look(seed: int) -> None:
    """
    Fifteen of each window, what plain arithmetic makes of the look's fields.
    """
    looks = _various(seed)
    found = features(looks)
    assert found.shape == (len(looks), 2, N_FEATURES) == (len(looks), 2, 15)
    for i in range(len(looks)):
        for window in (SHORT, LONG):
            expected = _plain_features(one(looks, i), window)
            assert found[i, window].tolist() == pytest.approx(expected, rel=1e-9)


@stable
@given(st.integers(0, 2**32 - 1))
def test_scores_are_what_the_written_networks_give(seed: int) -> None:
    """
    Three matrix products with the weights as they are written give each score.
    """
    looks = _various(seed)
    short, long = features(looks).swapaxes(0, 1)
    for number, name, values in (
        (SHORT, "SHORT", short),
        (LONG, "LONG", long),
        (EARLY, "EARLY", short),
    ):
        expected = _plain_score(name, values)
        away = np.abs(looks["score"][:, number] - expected)
        assert away.max() <= 1e-9 * np.abs(expected).max()


# What they are worth.


def test_features_of_the_two_windows_differ() -> None:
    """
    A break 30 ms ago is in the features of the last 40 ms, and not in those of
    the last 20.
    """
    wave = _press("5")
    broken = wave.copy()
    broken[-260:-220] = 0.0
    whole, other = features(looks_of([to_int16(wave), to_int16(broken)]))
    # All but the measure that tells of what was before.
    assert np.array_equal(np.delete(whole[SHORT], 12), np.delete(other[SHORT], 12))
    assert not np.array_equal(np.delete(whole[LONG], 12), np.delete(other[LONG], 12))


def test_scores_are_one_number_a_look() -> None:
    """
    Three scores: one for each window, and the early one.
    """
    assert looks_of([to_int16(_press("1"))] * 4)["score"].shape == (4, N_SCORES)
    assert {SHORT, LONG, EARLY} == set(range(N_SCORES))


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros(LOOK_SAMPLES),
        np.full(LOOK_SAMPLES, -32768.0),
        *(
            np.where(np.arange(LOOK_SAMPLES) % (2 * half) < half, 32767.0, -32768.0)
            for half in (1, 3, 5, 40)
        ),
    ],
    ids=["silence", "constant", "square-1", "square-3", "square-5", "square-40"],
)
def test_scores_are_finite_at_the_ends_of_the_range(wave: Wave) -> None:
    """
    Nothing at all and full scale are scored like anything else.
    """
    assert _are_finite(looks_of([to_int16(wave)]))


@stable
@given(st.integers(0, 2**32 - 1), st.integers(1, 32767))
def test_scores_are_finite_for_any_samples(seed: int, peak: int) -> None:
    """
    Any 16-bit noise, down to single bits, has finite features and scores.
    """
    random = np.random.default_rng(seed)
    audio = random.integers(-peak, peak + 1, LOOK_SAMPLES).astype(np.int16)
    assert _are_finite(looks_of([audio]))


def test_clean_digits_score_far_above_noise() -> None:
    """
    By the scores of both windows, the worst of the digits is far above the best
    of the noise.
    """
    for of_window in (_short, _long):
        clean, noise = of_window(_clean()), of_window(_noises())
        assert clean.min() > 0.0
        assert clean.min() > noise.max() + 3.0


def test_clean_digits_score_far_above_other_chords() -> None:
    """
    Two tones as steady as a digit's are none where the frequencies are others.
    """
    for of_window in (_short, _long):
        clean, chord = of_window(_clean()), of_window(_chords())
        assert clean.min() > chord.max() + 3.0


def test_the_short_score_knows_a_digit_after_twenty_milliseconds() -> None:
    """
    What was before the onset does not lower what the last 20 ms are worth to that
    of noise.
    """
    short = _short(_clean(_SHORT_SAMPLES))
    assert short.min() > 0.0
    assert short.min() > _short(_noises()).max() + 3.0


@pytest.mark.parametrize("n_samples", [_EARLY_SAMPLES, _SHORT_SAMPLES])
def test_the_early_score_knows_a_press_of_thirteen_milliseconds(n_samples: int) -> None:
    """
    Of any digit, of which no more has been heard, or no more than the last 20 ms:
    a mask would begin with it.
    """
    early = _early(_clean(n_samples))
    assert early.shape == (80,)
    assert early.min() >= ALWAYS.min_alarm


def test_the_early_score_is_sure_before_the_others() -> None:
    """
    After 13 ms the long window is sure of no press, and the short one not of all.
    """
    looks = _clean(_EARLY_SAMPLES)
    assert _early(looks).min() > 0.0 > _short(looks).min()
    assert _long(looks).max() < 0.0


def test_the_early_score_is_for_beginnings() -> None:
    """
    A tone that has been going on is no press that has just begun.
    """
    assert _early(_clean()).max() < _early(_clean(_EARLY_SAMPLES)).min() - 3.0


def test_the_early_score_is_low_for_noise_and_other_chords() -> None:
    """
    Neither would begin a mask, however loud or steady, with nothing expected.
    """
    assert _early(_noises()).max() < ALWAYS.min_alarm
    assert _early(_chords()).max() < ALWAYS.min_alarm


def test_levels_are_not_left_to_the_networks() -> None:
    """
    A louder press scores what a fainter one does: the profile holds the limits.
    """
    wave = _press("5")
    loud, faint = looks_of([to_int16(wave * 2), to_int16(wave / 2)])["score"]
    assert loud.tolist() == pytest.approx(faint.tolist(), abs=0.5)


@pytest.mark.parametrize("error", [-0.018, 0.0, 0.015])
def test_relative_offset_is_a_part_of_the_nominal_frequency(error: float) -> None:
    """
    1.5 % too high is 0.015 for both tones of every digit, within 2 Hz.
    """
    looks = looks_of(to_int16(_press(digit, error=error)) for digit in ALL_DIGITS)
    for i, window, tone in itertools.product(range(16), (SHORT, LONG), range(2)):
        offset = relative_offset(looks[i], window, tone)
        assert abs(offset - error) < 2.0 / 697


@stable
@given(st.integers(0, 2**32 - 1))
def test_scores_do_not_depend_on_company(seed: int) -> None:
    """
    A look gives the same bits whatever others were scored before it, and whatever
    its record held.
    """
    looks = _various(seed)
    again = looks[::-1].copy()
    again["score"] = np.nan
    score_all(again)
    assert are_same(again[::-1], looks)
