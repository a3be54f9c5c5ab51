"""
Blocks: which 10 ms are worth a closer look, and which are heard filtered.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from dtmf_engine.blocks import BLOCK_SAMPLES, STEADY_BLOCKS, FirstLook, look
from dtmf_engine.goertzel import kernel
from dtmf_engine.recent import Heard
from tests.support.strategies import calls, stable
from tests.support.tones import (
    ALL_DIGITS,
    KEYPAD,
    Audio,
    Press,
    Wave,
    amplitude,
    mix,
    sine,
    to_int16,
    voiced,
    white_noise,
)


_SECOND = 8000
_TONE_BLOCKS = 10
_DIAL_TONES_HZ = {
    "precise": (350.0, 440.0),
    "europe": (425.0,),
    "hum": (50.0,),
}


def _heard(audio: Audio, start: int = 0, n: int | None = None) -> Heard:
    """
    Say that samples are new from somewhere on, in each row of audio.
    """
    m, width = audio.shape
    new = width - start if n is None else n
    return Heard(audio, np.arange(m), np.full(m, start, dtype=np.intp), new)


def _look(*waves: Wave, first_block: int = 0) -> FirstLook:
    """
    Look at whole streams, one leg each.
    """
    return look(
        _heard(np.stack([to_int16(wave) for wave in waves])),
        0,
        np.zeros((len(waves), STEADY_BLOCKS)),
        np.full(len(waves), first_block, dtype=np.intp),
    )


def _steady(kind: str, n_samples: int, level_dbm0: float = -10.0) -> Wave:
    waves = [(0, sine(hz, n_samples, level_dbm0)) for hz in _DIAL_TONES_HZ[kind]]
    return mix(n_samples, *waves)


def _press(digit: str, level_dbm0: float, n_blocks: int = _TONE_BLOCKS) -> Wave:
    return Press(
        digit=digit,
        start_sample=0,
        end_sample=n_blocks * BLOCK_SAMPLES,
        low_dbm0=level_dbm0,
        high_dbm0=level_dbm0,
        low_phase=0.7,
        high_phase=2.1,
    ).wave()


def test_look_tells_of_every_block_and_carries_forty() -> None:
    """
    The result has a flag a block, and what the next call needs.
    """
    seen = _look(np.zeros(240), np.zeros(240))
    assert seen.worth.shape == seen.highpass.shape == (2, 3)
    assert seen.low_energy.shape == (2, STEADY_BLOCKS)


@pytest.mark.parametrize("digit", ALL_DIGITS)
@pytest.mark.parametrize("level_dbm0", [-50.0, -10.0, -3.0])
def test_every_block_inside_a_digit_is_worth_it(digit: str, level_dbm0: float) -> None:
    """
    Loud or faint, at any phase, no block of a press is passed over.
    """
    assert _look(_press(digit, level_dbm0, 100)).worth.all()


@pytest.mark.parametrize("twist_db", [-10.0, 6.0])
def test_a_digit_with_the_most_twist_is_worth_it(twist_db: float) -> None:
    """
    The look is wider than the default profile.
    """
    for digit in ALL_DIGITS:
        press = Press(
            digit=digit,
            start_sample=0,
            end_sample=_SECOND // 2,
            low_dbm0=-15.0,
            high_dbm0=-15.0 + twist_db,
        )
        assert _look(press.wave()).worth.all()


@pytest.mark.parametrize(
    "wave",
    [np.zeros(_SECOND), np.full(_SECOND, 5000.0), white_noise(_SECOND, -70.0)],
    ids=["silence", "constant", "faint-noise"],
)
def test_what_cannot_be_a_pair_is_not_worth_it(wave: Wave) -> None:
    """
    Silence, a constant and what is fainter than any limit cost nothing.
    """
    assert not _look(wave).worth.any()


@pytest.mark.parametrize("hz", [697.0, 941.0, 1000.0, 1209.0, 1633.0, 2400.0])
def test_a_single_tone_is_not_worth_it(hz: float) -> None:
    """
    One tone of a pair, or any other tone, is no pair.
    """
    assert not _look(sine(hz, _SECOND, -10.0)).worth.any()


@pytest.mark.parametrize("level_dbm0", [-40.0, -10.0])
def test_white_noise_is_mostly_not_worth_it(level_dbm0: float) -> None:
    """
    Chance makes a pair of less than one block of noise in fifty.
    """
    assert _look(white_noise(20 * _SECOND, level_dbm0)).worth.mean() < 0.02


def test_speech_is_mostly_not_worth_it() -> None:
    """
    Harmonics resemble a pair in less than one block in twenty.
    """
    streams = [voiced(4 * _SECOND, pitch_hz=hz, seed=int(hz)) for hz in (90, 120, 210)]
    assert _look(*streams).worth.mean() < 0.05


@pytest.mark.parametrize("kind", _DIAL_TONES_HZ)
def test_a_digit_below_a_steady_low_sound_is_worth_it_and_filtered(kind: str) -> None:
    """
    Each tone 6 dB below each dial tone: all blocks are looked at, through the
    high-pass; and those of the dial tone alone are not looked at.
    """
    start = 60 * BLOCK_SAMPLES
    n_samples = start + _TONE_BLOCKS * BLOCK_SAMPLES
    for digit in ALL_DIGITS:
        steady = _steady(kind, n_samples)
        seen = _look(mix(n_samples, (0, steady), (start, _press(digit, -16.0))))
        assert seen.worth[0, 60:].all()
        assert seen.highpass[0, 60:].all()
        assert not seen.worth[0, :60].any()


def test_a_low_sound_that_has_only_begun_is_not_discounted() -> None:
    """
    The same digit over the same dial tone, but both begin together: without what
    was there before, most of its blocks do not look like a pair.
    """
    n_samples = 60 * BLOCK_SAMPLES + 800
    press = (60 * BLOCK_SAMPLES, _press("5", -16.0))
    dial_tone = _steady("precise", 800)
    seen = _look(mix(n_samples, press, (60 * BLOCK_SAMPLES, dial_tone)))
    assert not seen.highpass.any()
    assert seen.worth[0, 60:].mean() < 0.5


@pytest.mark.parametrize("pitch_hz", [90.0, 120.0, 210.0])
def test_the_onset_of_speech_is_not_filtered(pitch_hz: float) -> None:
    """
    Speech after a silence is heard as it is for as long as the silence counts.
    """
    onset = 50 * BLOCK_SAMPLES
    speech = voiced(_SECOND, pitch_hz=pitch_hz)
    seen = _look(mix(onset + _SECOND, (onset, speech)))
    assert not seen.highpass[0, : 50 + STEADY_BLOCKS - 10].any()


def test_a_stream_that_has_just_begun_is_not_filtered() -> None:
    """
    A few blocks of any sound do not make it a steady one; but a dial tone that was
    there from the start is known as one soon, as there was no silence before it.
    """
    late = 20 * BLOCK_SAMPLES
    presses = (0, _press("5", -10.0, 5)), (late, _press("5", -16.0, 10))
    seen = _look(mix(_SECOND, (0, _steady("precise", _SECOND)), *presses))
    assert seen.worth[0, :5].any()
    assert not seen.highpass[0, :5].any()
    assert seen.highpass[0, 20:30].all()


@pytest.mark.parametrize("digit", ["1", "D"])
def test_a_press_in_a_silence_is_not_filtered(digit: str) -> None:
    """
    A digit's own low tone is not taken for a steady sound, however long it lasts
    as a key is held down: 300 ms.
    """
    start = 50 * BLOCK_SAMPLES
    seen = _look(mix(start + 2400, (start, _press(digit, -10.0, 30))))
    assert not seen.highpass.any()
    assert seen.worth[0, 50:].all()


def test_what_was_before_a_stream_is_not_read() -> None:
    """
    A leg that begins does not hear the one that used its row before.
    """
    audio = to_int16(_steady("precise", 4000))[None, :]
    begins = np.zeros(1, dtype=np.intp)
    clean = look(_heard(audio), 0, np.zeros((1, STEADY_BLOCKS)), begins)
    dirty = look(_heard(audio), 0, np.full((1, STEADY_BLOCKS), np.nan), begins)
    for one, other in zip(clean, dirty, strict=True):
        assert np.array_equal(one, other)


@stable
@given(calls(), st.sampled_from(sorted(_DIAL_TONES_HZ)), st.data())
def test_look_does_not_depend_on_how_blocks_are_cut(
    wave: Wave, kind: str, data: st.DataObject
) -> None:
    """
    Block by block, or in any runs, with the carried energies, the result is the
    same to the last bit.
    """
    steady = _steady(kind, 5600, data.draw(st.sampled_from([-60.0, -30.0, -12.0])))
    heard = mix(5600, (0, steady), (2900, wave))
    audio = to_int16(heard)[None, :]
    k = 5600 // BLOCK_SAMPLES
    whole = _look(heard)
    sizes = data.draw(
        st.one_of(st.just([1]), st.lists(st.integers(1, 9), min_size=1, max_size=9))
    )
    low_energy = np.zeros((1, STEADY_BLOCKS))
    worth: list[bool] = []
    highpass: list[bool] = []
    while len(worth) < k:
        start = len(worth)
        for size in sizes:
            n = min(size, k - start)
            if not n:
                break
            first = np.array([start], dtype=np.intp)
            new = _heard(audio, start * BLOCK_SAMPLES, n * BLOCK_SAMPLES)
            seen = look(new, 0, low_energy, first)
            low_energy = seen.low_energy
            worth += seen.worth[0].tolist()
            highpass += seen.highpass[0].tolist()
            start += n
    assert worth == whole.worth[0].tolist()
    assert highpass == whole.highpass[0].tolist()
    assert np.array_equal(low_energy, whole.low_energy)


def test_legs_do_not_hear_each_other() -> None:
    """
    A leg gets the same alone and among others, wherever each of them stands.
    """
    n_samples = 70 * BLOCK_SAMPLES
    low_hz, high_hz = KEYPAD["7"]
    waves = [
        _steady("hum", n_samples),
        mix(n_samples, (0, _steady("europe", n_samples)), (4800, _press("3", -16.0))),
        sine(low_hz, n_samples, -9.0) + sine(high_hz, n_samples, -9.0),
    ]
    audio = np.stack([to_int16(wave) for wave in waves])
    before = np.random.default_rng(1).uniform(0.0, 1e6, (3, STEADY_BLOCKS))
    first = np.array([0, 3, 500], dtype=np.intp)
    together = look(_heard(audio), 0, before, first)
    for leg in range(3):
        row = slice(leg, leg + 1)
        alone = look(_heard(audio[row]), 0, before[row], first[row])
        for one, other in zip(alone, together, strict=True):
            assert np.array_equal(one[0], other[leg])


def test_blocks_begin_where_they_are_said_to() -> None:
    """
    In each leg's own row, so many samples before its new ones: what lies before the
    first block, and after the last that is whole, is not heard.
    """
    random = np.random.default_rng(6)
    n_samples = 50 * BLOCK_SAMPLES
    legs = np.stack([to_int16(_press(digit, -10.0, 50)) for digit in "6A"])
    first = np.array([30, 60], dtype=np.intp)
    before = np.zeros((2, STEADY_BLOCKS))
    alone = look(_heard(legs), 0, before, first)
    around = random.integers(-32768, 32768, (4, n_samples + 900)).astype(np.int16)
    around[3, 333 : 333 + n_samples] = legs[0]
    around[1, 90 : 90 + n_samples] = legs[1]
    heard = Heard(around, np.array([3, 1]), np.array([344, 101]), n_samples - 11 + 79)
    amid = look(heard, 11, before, first)
    for one, other in zip(alone, amid, strict=True):
        assert np.array_equal(one, other)


def _about_the_limits(n_legs: int, k: int, seed: int) -> Audio:
    """
    Make legs with pairs in noise and above low sounds that come and go, in about the
    strengths at which a block begins to be worth it.
    """
    random = np.random.default_rng(seed)
    n_samples = k * BLOCK_SAMPLES
    legs = []
    for leg in range(n_legs):
        pair_db = float(random.uniform(-54, -28))
        twist_db = random.uniform(-12, 15)
        above_db = random.uniform(5, 20) if leg % 2 else random.uniform(-7, 6)
        noise_db = pair_db - above_db
        wave = white_noise(n_samples, noise_db, seed=1000 * seed + leg)
        for hz, db in zip(KEYPAD[ALL_DIGITS[leg % 16]], (twist_db, 0.0), strict=True):
            wave += sine(hz, n_samples, pair_db + db / 2, phase=random.uniform(0, 6))
        if leg % 2:
            low_db = pair_db + random.uniform(2, 20)
            gains = random.uniform(random.uniform(0.55, 1.0), 1.0, k)
            gains[random.random(k) < 0.01] = 0.0
            low = sine(random.choice([50.0, 350.0, 425.0]), n_samples, low_db)
            wave += low * gains.repeat(BLOCK_SAMPLES)
        legs.append(to_int16(wave))
    return np.stack(legs)


@pytest.mark.parametrize("seed", range(4))
def test_look_finds_what_plain_arithmetic_finds(seed: int) -> None:
    """
    Sums of squares and products over whole blocks, and the quietest and loudest pair
    of blocks in 400 ms, decide alike: no short cut passes over a block.
    """
    n_legs, k = 60, 100
    audio = _about_the_limits(n_legs, k, seed)
    first = np.arange(n_legs) % 12
    blocks = audio.reshape(n_legs, k, BLOCK_SAMPLES).astype(np.float64)
    runs = blocks.reshape(n_legs, k, 10, 8).sum(axis=3)
    below = (runs**2).sum(axis=2) * 1.5 / (8 * BLOCK_SAMPLES)
    part = np.random.default_rng(seed).uniform(0.7, 1.0, (n_legs, STEADY_BLOCKS))
    before = below[:, :1] * part
    seen = look(_heard(audio), 0, before, first)
    before = np.where(first[:, None] == 0, below[:, :1], before)
    below = np.concatenate([before, below], axis=1)
    assert seen.low_energy == pytest.approx(below[:, -STEADY_BLOCKS:], rel=1e-12)
    lately = sliding_window_view((below[:, 1:] + below[:, :-1]) / 2, 37, axis=1)[:, :k]
    least, most = lately.min(axis=2), lately.max(axis=2)
    is_steady = (least > 0.45 * most) & (first[:, None] + np.arange(k) >= 8)
    steady = np.where(is_steady, least, 0.0)
    waves = (blocks @ kernel(BLOCK_SAMPLES)).reshape(n_legs, k, 2, 8)
    tones = (waves**2).sum(axis=2) * 2 / BLOCK_SAMPLES**2
    low, high = tones[..., :4].max(axis=2), tones[..., 4:].max(axis=2)
    total = (blocks**2).mean(axis=2)
    twist_db = 10 * np.log10(low / high)
    is_worth = (
        (low + high >= 0.3 * (total - np.minimum(steady, 0.9 * total)))
        & (np.minimum(low, high) > amplitude(-56.0) ** 2 / 2)
        & (twist_db < 14.0)
        & (twist_db > -11.0)
    )
    assert np.array_equal(seen.worth, is_worth)
    is_filtered = is_worth & (steady > 0.2 * total)
    assert np.array_equal(seen.highpass, is_filtered)
    assert 0.05 < is_filtered.mean() < is_worth.mean() < 0.95
