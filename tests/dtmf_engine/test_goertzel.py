"""
Goertzel bank: sums over hops against the recursion and against whole numbers.
"""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtmf_engine.goertzel import (
    HOP_SAMPLES,
    N_TONES,
    correlate,
    inverse_grams,
    kernel,
    turned_over,
)
from dtmf_engine.hops import MARGIN_SAMPLES
from dtmf_engine.keypad import TONES_HZ
from tests.support.goertzel_reference import goertzel
from tests.support.looks import measured
from tests.support.strategies import stable
from tests.support.tones import (
    Audio,
    amplitude,
    sine,
    to_int16,
    white_noise,
)


def _sums_from(audio: Audio, first_hop: int = 0) -> npt.NDArray[np.complex128]:
    """
    Give the Fourier sum of each tone in each hop, [shape=(8, k)].
    """
    silence = np.zeros(MARGIN_SAMPLES, dtype=np.int16)
    hops = measured(np.concatenate([silence, audio]), first_hop=first_hop)
    real, imag = np.split(hops["turned"].T, 2)
    return np.asarray(real + 1j * imag)


@pytest.mark.parametrize("n_hops", [1, 4, 5, 10])
def test_window_sums_are_what_the_recursion_gives(n_hops: int) -> None:
    """
    For every tone, hop sums added up have the size of the textbook's sum.

    The tables have 15 bits, so that the two part by less than 1 in 10000 of the
    largest sum that samples of this size can have.
    """
    audio = to_int16(white_noise(n_hops * HOP_SAMPLES, -10.0, seed=n_hops))
    whole = _sums_from(audio).sum(axis=1)
    bound = np.abs(audio.astype(np.float64)).sum() * 1e-4
    for tone, hz in enumerate(TONES_HZ):
        expected = goertzel(audio.tolist(), hz, 8000)
        assert abs(whole[tone] - expected) < bound


def test_hop_sums_are_turned_to_the_start_of_the_stream() -> None:
    """
    A tone that runs on has the same phase in every hop, also after the whole
    second in which the phases repeat.
    """
    hz = TONES_HZ[2]
    audio = to_int16(sine(hz, 8200, 0.0, phase=0.7))
    sums = _sums_from(audio)
    phases = np.angle(sums[2])
    # A sine that starts at 0.7 is a cosine that starts a quarter turn earlier.
    # Within a hop the tone's mirror image disturbs, by less than this.
    assert np.abs(phases - (0.7 - np.pi / 2)).max() < 0.4
    assert np.angle(sums[2].sum()) == pytest.approx(0.7 - np.pi / 2, abs=1e-3)


@stable
@given(st.integers(0, 2**32 - 1), st.sampled_from([4, HOP_SAMPLES, 80, 200]))
def test_correlations_are_exact(seed: int, n_samples: int) -> None:
    """
    For any samples, what whole numbers give, in whatever order they are added: the
    eight cosines of a table of 15 bits, then the eight sines.
    """
    random = np.random.default_rng(seed)
    samples = random.integers(-32768, 32768, n_samples)
    turns = 2 * np.pi * np.outer(TONES_HZ, np.arange(n_samples)) / 8000
    table = np.rint(np.concatenate([np.cos(turns), np.sin(turns)]) * 2**14)
    sums = np.full(2 * N_TONES, np.nan)
    waves = turned_over(kernel(n_samples))
    correlate(samples.astype(np.float64), waves, sums)
    expected = (table.astype(np.int64) @ samples).tolist()
    assert (sums * 2**14).tolist() == expected
    correlate(samples.astype(np.int16), waves, sums)
    assert (sums * 2**14).tolist() == expected


@stable
@given(st.integers(0, 2**32 - 1), st.integers(0, 900))
def test_hop_sums_do_not_depend_on_company(seed: int, first_hop: int) -> None:
    """
    A hop gives the same bits alone and among other hops and legs.
    """
    random = np.random.default_rng(seed)
    audio = random.integers(-32768, 32768, (3, 7 * HOP_SAMPLES)).astype(np.int16)
    starts = (first_hop, 0, 399)
    for leg, start in zip(audio, starts, strict=True):
        together = _sums_from(leg, start)
        for hop in range(7):
            one = leg[hop * HOP_SAMPLES : (hop + 1) * HOP_SAMPLES]
            assert np.array_equal(_sums_from(one, start + hop)[:, 0], together[:, hop])


def test_inverse_grams_solve_for_each_pair() -> None:
    """
    Two tones of any pair have the amplitudes that least squares give them.
    """
    inverses = inverse_grams(HOP_SAMPLES)
    assert inverses.shape == (16, 4, 4)
    samples = white_noise(HOP_SAMPLES, -10.0)
    for i, inverse in enumerate(inverses):
        hz = np.array([TONES_HZ[i // 4], TONES_HZ[4 + i % 4]])
        turns = 2 * np.pi * np.outer(np.arange(HOP_SAMPLES), hz) / 8000
        basis = np.concatenate([np.cos(turns), np.sin(turns)], axis=1)
        expected = np.linalg.lstsq(basis, samples)[0]
        assert inverse @ basis.T @ samples == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("tone", range(8))
def test_tone_power_of_a_long_sine_is_its_mean_square(tone: int) -> None:
    """
    Over a tenth of a second a sine's power is half its amplitude squared.
    """
    whole = _sums_from(to_int16(sine(TONES_HZ[tone], 800, -9.0))).sum(axis=1)
    power = np.abs(whole) ** 2 * (2.0 / 800**2)
    assert power[tone] == pytest.approx(amplitude(-9.0) ** 2 / 2, rel=0.02)
