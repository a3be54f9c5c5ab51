"""
Scoring: what resembles a key, whatever the networks' weights are.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.hops import MARGIN_SAMPLES, measure_hops
from dtmf_engine.masker import ALWAYS
from dtmf_engine.offsets import LONG_HOPS
from dtmf_engine.pairs import Looks, Window, measure_pairs
from dtmf_engine.scoring import (
    N_FEATURES,
    long_features,
    relative_offset,
    scores,
    short_features,
)
from tests.support.strategies import stable
from tests.support.tones import (
    ALL_DIGITS,
    Audio,
    Wave,
    dial,
    mix,
    sine,
    to_int16,
    white_noise,
)


_LOOK_SAMPLES = MARGIN_SAMPLES + LONG_HOPS * HOP_SAMPLES
"""All that one look can hear."""

_SHORT_SAMPLES = 160
_EARLY_SAMPLES = 104
"""13 ms: the least of a press that the early score is to know."""

_CHORDS_HZ = [(600.0, 1100.0), (740.0, 1270.0), (810.0, 1400.0), (1000.0, 1800.0)]
"""Steady pairs more than 4 % away from any of the eight tones."""


def _looks(audios: Sequence[Audio]) -> Looks:
    """
    Look at the end of each piece of audio.
    """
    cut = np.concatenate(
        [
            np.lib.stride_tricks.sliding_window_view(
                audio[-_LOOK_SAMPLES:].astype(np.float64), MARGIN_SAMPLES + HOP_SAMPLES
            )[::HOP_SAMPLES]
            for audio in audios
        ]
    )
    place = np.tile(np.arange(LONG_HOPS, dtype=np.intp), len(audios))
    last = np.arange(1, len(audios) + 1, dtype=np.intp) * LONG_HOPS - 1
    return measure_pairs(measure_hops(cut, place, highpass=False), last)


def _column(looks: Looks, i: int) -> Looks:
    """
    Give one look out of many.
    """
    one = slice(i, i + 1)

    def part(window: Window) -> Window:
        return Window(*(values[..., one] for values in window))

    return Looks(
        *(
            part(value) if isinstance(value, Window) else value[..., one]  # type: ignore[arg-type]
            for value in looks
        )
    )


def _press(
    digit: str, n_samples: int = _LOOK_SAMPLES, *, error: float = 0.0, seed: int = 0
) -> Wave:
    """
    Make a press that ends with the look, on a quiet line.
    """
    (press,) = dial(
        digit, tone=n_samples, lead=0, low_error=error, high_error=error, seed=seed
    )
    wave = mix(_LOOK_SAMPLES, (_LOOK_SAMPLES - n_samples, press.wave()))
    return wave + white_noise(_LOOK_SAMPLES, -55.0, seed=seed)


def _clean(n_samples: int = _LOOK_SAMPLES) -> Looks:
    waves = [
        _press(digit, n_samples, seed=seed) for digit in ALL_DIGITS for seed in range(5)
    ]
    return _looks([to_int16(wave) for wave in waves])


def _noises() -> Looks:
    waves = [white_noise(_LOOK_SAMPLES, -10.0, seed=seed) for seed in range(200)]
    return _looks([to_int16(wave) for wave in waves])


def _chords() -> Looks:
    random = np.random.default_rng(2)
    waves = []
    for low_hz, high_hz in _CHORDS_HZ:
        for _ in range(10):
            low, high = random.uniform(0, 2 * np.pi, 2)
            waves.append(
                sine(low_hz, _LOOK_SAMPLES, -10.0, phase=low)
                + sine(high_hz, _LOOK_SAMPLES, -10.0, phase=high)
            )
    return _looks([to_int16(wave) for wave in waves])


def _all_finite(looks: Looks) -> bool:
    values: list[npt.NDArray[np.float64]] = [
        short_features(looks),
        long_features(looks),
        *scores(looks),
    ]
    return all(bool(np.isfinite(value).all()) for value in values)


def test_features_have_a_row_each_and_a_constant() -> None:
    """
    Fifteen measures, a last row of ones, a column a look.
    """
    looks = _looks([to_int16(_press(digit)) for digit in "147"])
    for features in (short_features(looks), long_features(looks)):
        assert features.shape == (N_FEATURES, 3) == (16, 3)
        assert features[-1].tolist() == [1.0, 1.0, 1.0]


def test_features_of_the_two_windows_differ() -> None:
    """
    A break 30 ms ago is in the features of the last 40 ms, and not in those of
    the last 20.
    """
    wave = _press("5")
    broken = wave.copy()
    broken[-260:-220] = 0.0
    looks = _looks([to_int16(wave), to_int16(broken)])
    short, long = short_features(looks), long_features(looks)
    # All but the last measure, which tells of what was before.
    assert np.array_equal(short[:12, 0], short[:12, 1])
    assert not np.array_equal(long[:12, 0], long[:12, 1])


def test_scores_are_one_number_a_look() -> None:
    """
    Three scores: one for each window, and the early one.
    """
    assert scores(_looks([to_int16(_press("1"))] * 4)).shape == (3, 4)


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros(_LOOK_SAMPLES),
        np.full(_LOOK_SAMPLES, -32768.0),
        *(
            np.where(np.arange(_LOOK_SAMPLES) % (2 * half) < half, 32767.0, -32768.0)
            for half in (1, 3, 5, 40)
        ),
    ],
    ids=["silence", "constant", "square-1", "square-3", "square-5", "square-40"],
)
def test_scores_are_finite_at_the_ends_of_the_range(wave: Wave) -> None:
    """
    Nothing at all and full scale are scored like anything else.
    """
    assert _all_finite(_looks([to_int16(wave)]))


@stable
@given(st.integers(0, 2**32 - 1), st.integers(1, 32767))
def test_scores_are_finite_for_any_samples(seed: int, peak: int) -> None:
    """
    Any 16-bit noise, down to single bits, has finite features and scores.
    """
    random = np.random.default_rng(seed)
    audio = random.integers(-peak, peak + 1, _LOOK_SAMPLES).astype(np.int16)
    assert _all_finite(_looks([audio]))


def test_clean_digits_score_far_above_noise() -> None:
    """
    By the scores of both windows, the worst of the digits is far above the best
    of the noise.
    """
    for clean, noise in zip(scores(_clean())[:2], scores(_noises())[:2], strict=True):
        assert clean.min() > 0.0
        assert clean.min() > noise.max() + 3.0


def test_clean_digits_score_far_above_other_chords() -> None:
    """
    Two tones as steady as a digit's are none where the frequencies are others.
    """
    for clean, chord in zip(scores(_clean())[:2], scores(_chords())[:2], strict=True):
        assert clean.min() > chord.max() + 3.0


def test_the_short_score_knows_a_digit_after_twenty_milliseconds() -> None:
    """
    What was before the onset does not lower what the last 20 ms are worth to that
    of noise.
    """
    short, _, _ = scores(_clean(_SHORT_SAMPLES))
    assert short.min() > 0.0
    assert short.min() > scores(_noises())[0].max() + 3.0


@pytest.mark.parametrize("n_samples", [_EARLY_SAMPLES, _SHORT_SAMPLES])
def test_the_early_score_knows_a_press_of_thirteen_milliseconds(n_samples: int) -> None:
    """
    Of any digit, of which no more has been heard, or no more than the last 20 ms:
    a mask would begin with it.
    """
    early = scores(_clean(n_samples))[2]
    assert early.shape == (80,)
    assert early.min() >= ALWAYS.min_alarm


def test_the_early_score_is_sure_before_the_others() -> None:
    """
    After 13 ms the long window is sure of no press, and the short one not of all.
    """
    short, long, early = scores(_clean(_EARLY_SAMPLES))
    assert early.min() > 0.0 > short.min()
    assert long.max() < 0.0


def test_the_early_score_is_for_beginnings() -> None:
    """
    A tone that has been going on is no press that has just begun.
    """
    assert scores(_clean())[2].max() < scores(_clean(_EARLY_SAMPLES))[2].min() - 3.0


def test_the_early_score_is_low_for_noise_and_other_chords() -> None:
    """
    Neither would begin a mask, however loud or steady, with nothing expected.
    """
    assert scores(_noises())[2].max() < ALWAYS.min_alarm
    assert scores(_chords())[2].max() < ALWAYS.min_alarm


def test_levels_are_not_left_to_the_networks() -> None:
    """
    A louder press scores what a fainter one does: the profile holds the limits.
    """
    wave = _press("5")
    loud, faint = _looks([to_int16(wave * 2)]), _looks([to_int16(wave / 2)])
    for one, other in zip(scores(loud), scores(faint), strict=True):
        assert one.item() == pytest.approx(other.item(), abs=0.5)


@pytest.mark.parametrize("error", [-0.018, 0.0, 0.015])
def test_relative_offset_is_a_part_of_the_nominal_frequency(error: float) -> None:
    """
    1.5 % too high is 0.015 for both tones of every digit, within 2 Hz.
    """
    looks = _looks([to_int16(_press(digit, error=error)) for digit in ALL_DIGITS])
    for window in (looks.short, looks.long):
        offset = relative_offset(window, looks)
        assert offset.shape == (2, 16)
        assert np.abs(offset - error).max() < 2.0 / 697


@stable
@given(st.integers(0, 2**32 - 1))
def test_scores_do_not_depend_on_company(seed: int) -> None:
    """
    A look gives the same bits alone and among others.
    """
    random = np.random.default_rng(seed)
    audios = []
    for i in range(int(random.integers(2, 40))):
        noise = white_noise(_LOOK_SAMPLES, random.uniform(-60, -5), seed=seed + i)
        digit = ALL_DIGITS[i % 16]
        wave = noise + (_press(digit, int(random.integers(40, 400))) if i % 3 else 0.0)
        audios.append(to_int16(wave))
    looks = _looks(audios)
    together = scores(looks)
    for i in range(len(audios)):
        assert np.array_equal(scores(_column(looks, i)), together[:, i : i + 1])
