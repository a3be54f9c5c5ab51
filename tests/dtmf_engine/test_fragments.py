"""
Fragments: few milliseconds of a pair are found, and what goes on is none.
"""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtmf_engine.fragments import (
    _MIN_POWER,
    _WAVES,
    _WINDOWS,
    BEFORE_SAMPLES,
    CONTRAST,
    REACH_SAMPLES,
    STEP_SAMPLES,
    _best_fit,
    find_fragments,
)
from dtmf_engine.goertzel import HOP_SAMPLES, correlate
from dtmf_engine.masker import FADE_SAMPLES
from tests.support.strategies import calls, stable
from tests.support.tones import (
    ALL_DIGITS,
    KEYPAD,
    Audio,
    Press,
    Wave,
    dial,
    mix,
    root_mean_square,
    sine,
    to_int16,
    voiced,
    white_noise,
)


_LEVELS_DBM0 = [-30.0, -20.0, -10.0, -3.0]
"""Of the pair as a whole."""

_TIMELY_SAMPLES = 160 - FADE_SAMPLES
"""How long after its onset a fragment must be found: then a mask of the shortest
look-ahead that is in use, 20 ms, has faded in where it begins."""


def _flagged(audio: Audio) -> npt.NDArray[np.bool_]:
    """
    Which hops matter, for whatever reason.
    """
    fragments = find_fragments(audio)
    return np.asarray(fragments.found | fragments.begins)


def _hops(n_hops: int) -> int:
    """
    Give the samples that so many hops take, with what is before them.
    """
    return REACH_SAMPLES + n_hops * HOP_SAMPLES


def _fragment(
    digit: str, n_samples: int, onset: int, level_dbm0: float, seed: int
) -> Audio:
    """
    Make 40 hops of a line with one fragment, 25 dB above its noise.
    """
    (press,) = dial(
        digit,
        tone=n_samples,
        lead=0,
        low_dbm0=level_dbm0 - 3.0,
        high_dbm0=level_dbm0 - 3.0,
        seed=seed,
    )
    noise = white_noise(_hops(40), level_dbm0 - 25.0, seed=seed)
    return to_int16(mix(len(noise), (0, noise), (onset, press.wave())))


def _rattle(n_samples: int, seed: int) -> Audio:
    """
    Make noise of which every single sample is as loud as the whole: −30 dBm0.
    """
    random = np.random.default_rng(seed)
    size = root_mean_square(sine(1000.0, 80, -30.0))
    return to_int16(random.choice([-size, size], n_samples))


def _ends(audio: Audio) -> list[int]:
    """
    Give the ends of the hops that are found.
    """
    found = np.flatnonzero(_flagged(audio))
    return [_hops(1 + hop) for hop in found.tolist()]


@pytest.mark.parametrize("level_dbm0", _LEVELS_DBM0)
@pytest.mark.parametrize("ms", [3, 5, 8, 12])
def test_find_fragments_finds_any_pair_in_time(ms: int, level_dbm0: float) -> None:
    """
    At any place in a hop: early enough to mask its first sample, and not before.
    """
    for number, digit in enumerate(ALL_DIGITS):
        for offset in range(HOP_SAMPLES):
            onset = _hops(10) + offset
            seed = number * HOP_SAMPLES + offset
            ends = _ends(_fragment(digit, ms * 8, onset, level_dbm0, seed))
            assert ends
            assert onset < ends[0] <= onset + _TIMELY_SAMPLES


@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_find_fragments_goes_on_to_the_end_of_a_fragment(digit: str) -> None:
    """
    A hop that ends with the fragment is one of those found, so that a mask that
    lasts 18 ms from there is long enough.
    """
    onset = _hops(10) + 5
    ends = _ends(_fragment(digit, 64, onset, -10.0, seed=1))
    assert ends[-1] + HOP_SAMPLES > onset + 64


@pytest.mark.parametrize("level_dbm0", [-50.0, -30.0, -10.0])
def test_find_fragments_finds_next_to_none_in_noise(level_dbm0: float) -> None:
    """
    In 20 s of noise that neither rises nor falls, less than 1 % of the hops.
    """
    noise = to_int16(white_noise(_hops(8000), level_dbm0, seed=3))
    found = _flagged(noise)
    assert found.shape == (8000,)
    assert found.mean() < 0.01


@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_find_fragments_finds_none_in_a_pair_that_goes_on(digit: str) -> None:
    """
    Nothing was quieter before it: the mask that it raised when it began holds.
    """
    (press,) = dial(digit, tone=_hops(400), lead=0)
    assert not _flagged(to_int16(press.wave())).any()


@pytest.mark.parametrize("seed", range(3))
def test_find_fragments_finds_next_to_none_in_a_voice(seed: int) -> None:
    """
    In 5 s of a vowel that has been going on, less than 1 % of the hops.
    """
    voice = to_int16(voiced(_hops(2000), seed=seed))
    assert _flagged(voice).mean() < 0.01


def test_find_fragments_finds_none_in_silence() -> None:
    """
    Neither in digital silence, nor in what is too faint for anybody to hear.
    """
    assert not _flagged(np.zeros(_hops(100), dtype=np.int16)).any()
    assert not _ends(_fragment("5", 64, _hops(20), -60.0, seed=1))


@pytest.mark.parametrize("offset", range(HOP_SAMPLES))
def test_find_fragments_finds_where_sound_breaks_off(offset: int) -> None:
    """
    The first whole hop of digital silence after sound, and no other.
    """
    audio = _rattle(_hops(80), seed=offset)
    audio[_hops(40) - offset :] = 0
    assert _ends(audio) == [_hops(41)]


@pytest.mark.parametrize("offset", range(HOP_SAMPLES))
def test_find_fragments_finds_where_sound_begins_out_of_nothing(offset: int) -> None:
    """
    The first hop of sound after digital silence.
    """
    audio = _rattle(_hops(80), seed=offset)
    audio[: _hops(40) + offset] = 0
    assert _ends(audio)[0] == _hops(41)


@pytest.mark.parametrize("n_samples", [1, 2, 3])
def test_find_fragments_finds_a_break_behind_a_few_small_samples(
    n_samples: int,
) -> None:
    """
    Whatever a hop holds of the sound, it breaks off, and begins, all the same.
    """
    loud = _rattle(_hops(80), seed=3)
    loud[_hops(40) : _hops(60)] = 0
    loud[_hops(40) : _hops(40) + n_samples] = 2
    loud[_hops(60) - n_samples : _hops(60)] = 2
    fragments = find_fragments(loud)
    assert fragments.found[41]
    assert fragments.begins[60]


def test_find_fragments_finds_no_break_where_there_is_noise() -> None:
    """
    Sound that falls to the noise of a line, or rises from it, is cut off by nobody.
    """
    audio = to_int16(white_noise(_hops(80), -30.0, seed=1))
    quiet = to_int16(white_noise(_hops(80), -65.0, seed=2))
    audio[_hops(40) :] = quiet[_hops(40) :]
    assert not _ends(audio)


def test_find_fragments_takes_no_hops_for_an_answer() -> None:
    """
    What is before the first hop alone is none.
    """
    assert _flagged(np.ones(_hops(0), dtype=np.int16)).shape == (0,)


@stable
@given(calls(), st.data())
def test_find_fragments_does_not_depend_on_cuts(
    wave: Wave, data: st.DataObject
) -> None:
    """
    A hop is found or not, whichever hops are asked about together with it.
    """
    audio = to_int16(wave)
    n_hops = (len(audio) - REACH_SAMPLES) // HOP_SAMPLES
    whole = _flagged(audio[: _hops(n_hops)])
    places = data.draw(st.lists(st.integers(0, n_hops), max_size=12))
    edges = sorted({0, n_hops, *places})
    parts = [
        _flagged(audio[start * HOP_SAMPLES : _hops(stop)])
        for start, stop in itertools.pairwise(edges)
    ]
    assert np.array_equal(np.concatenate(parts), whole)


def _share(audio: Audio, number: int) -> float:
    """
    Give the part of a window's energy that its best pair holds.
    """
    sums = np.empty(16)
    correlate(audio, _WAVES, sums)
    return _best_fit(sums, number) / _energy(audio)


def _energy(audio: Audio) -> float:
    return float(np.sum(audio.astype(np.float64) ** 2))


def _least_squares_share(audio: Audio) -> float:
    """
    Give the same by least squares, pair after pair.
    """
    place = np.arange(len(audio))
    explained = []
    for digit in ALL_DIGITS:
        waves = [
            wave(2 * np.pi * hz * place / 8000)
            for hz in KEYPAD[digit]
            for wave in (np.cos, np.sin)
        ]
        basis = np.stack(waves, axis=1)
        fitted = basis @ np.linalg.lstsq(basis, audio.astype(float), rcond=None)[0]
        explained.append(float(fitted @ fitted))
    return max(explained) / _energy(audio)


_SHARE_ERROR = 1e-3
"""Tables of 15 bits: a thousandth of the window's energy."""

_EVERY_WINDOW = pytest.mark.parametrize(
    "number", range(len(_WINDOWS)), ids=[f"{n} samples" for n, _ in _WINDOWS]
)


@_EVERY_WINDOW
@stable
@given(seed=st.integers(0, 2**32 - 1))
def test_share_of_the_best_pair_is_what_least_squares_gives(
    number: int, seed: int
) -> None:
    """
    For any audio, the fit holds the energy of a least-squares fit.
    """
    audio = to_int16(white_noise(_WINDOWS[number].n_samples, -10.0, seed=seed))
    assert _share(audio, number) == pytest.approx(
        _least_squares_share(audio), abs=_SHARE_ERROR
    )


def _found_by_hand(audio: Audio, margin: float) -> npt.NDArray[np.bool_]:
    """
    Tell at which hops any window holds a pair, by least squares.

    Args:
        audio: [shape=(n,)]
        margin: how much more of its energy a window's pair must hold.
    """
    found = np.zeros((len(audio) - REACH_SAMPLES) // HOP_SAMPLES, dtype=np.bool_)
    for end in range(REACH_SAMPLES + STEP_SAMPLES, len(audio) + 1, STEP_SAMPLES):
        for n_samples, min_share in _WINDOWS:
            window = audio[end - n_samples : end]
            before = audio[end - n_samples - BEFORE_SAMPLES : end - n_samples]
            power = _energy(window) / n_samples
            quiet = _energy(before) / BEFORE_SAMPLES
            if power > max(_MIN_POWER, CONTRAST * quiet):
                share = _least_squares_share(window)
                hop = (end - 1 - REACH_SAMPLES) // HOP_SAMPLES
                found[hop] |= share >= min_share + margin
    return found


@pytest.mark.parametrize("seed", range(6))
def test_find_fragments_finds_what_least_squares_finds(seed: int) -> None:
    """
    The same hops, but for a share that is within the error of the limit.
    """
    random = np.random.default_rng(seed)
    audio = np.concatenate(
        [
            _fragment(
                ALL_DIGITS[random.integers(16)],
                int(random.integers(16, 120)),
                int(random.integers(200, 700)),
                float(random.uniform(-35.0, -5.0)),
                seed,
            )[: _hops(36)],
            to_int16(voiced(20 * HOP_SAMPLES, seed=seed)),
            _rattle(20 * HOP_SAMPLES, seed),
        ]
    )
    found = find_fragments(audio).found
    sure, possible = (_found_by_hand(audio, m) for m in (_SHARE_ERROR, -_SHARE_ERROR))
    assert sure.any()
    assert found[sure].all()
    assert not found[~possible].any()


@_EVERY_WINDOW
@stable
@given(
    digit=st.sampled_from(ALL_DIGITS),
    low_phase=st.floats(0, 6.28),
    high_phase=st.floats(0, 6.28),
)
def test_share_of_a_pure_pair_is_all_of_it(
    number: int, digit: str, low_phase: float, high_phase: float
) -> None:
    """
    At every phase, a pure pair holds all of a window's energy.
    """
    press = Press(
        digit=digit,
        start_sample=0,
        end_sample=_WINDOWS[number].n_samples,
        low_dbm0=-6.0,
        high_dbm0=-9.0,
        low_phase=low_phase,
        high_phase=high_phase,
    )
    assert _share(to_int16(press.wave()), number) == pytest.approx(1.0, abs=2e-3)
