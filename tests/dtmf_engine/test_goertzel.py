"""
Goertzel bank: matrix products against the recursion, and against least squares.
"""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtmf_engine.goertzel import (
    HOP_SAMPLES,
    PHASE_PERIOD_HOPS,
    add_fours,
    hop_sums,
    turn,
)
from dtmf_engine.hops import MARGIN_SAMPLES, measure_hops
from dtmf_engine.keypad import TONES_HZ
from tests.support.goertzel_reference import goertzel
from tests.support.strategies import stable
from tests.support.tones import (
    amplitude,
    sine,
    to_int16,
    white_noise,
)


Float64 = npt.NDArray[np.float64]


def _sums_from(
    audio: npt.NDArray[np.int16] | Float64, first_hop: int = 0
) -> npt.NDArray[np.complex128]:
    """
    Give the Fourier sum of each tone in each hop, [shape=(8, k)].
    """
    hops = np.asarray(audio, dtype=np.float64).reshape(-1, HOP_SAMPLES)
    place = (first_hop + np.arange(len(hops), dtype=np.intp)) % PHASE_PERIOD_HOPS
    turned = np.empty((16, len(hops)))
    turn(hop_sums(hops), place, turned)
    return np.asarray(turned[:8] + 1j * turned[8:])


def _energies(audio: npt.NDArray[np.int16] | Float64) -> Float64:
    """
    Give the energy of each hop, [shape=(k,)].
    """
    padded = np.concatenate([np.zeros(MARGIN_SAMPLES), audio])
    width = MARGIN_SAMPLES + HOP_SAMPLES
    hops = np.lib.stride_tricks.sliding_window_view(padded, width)[::HOP_SAMPLES]
    place = np.arange(len(hops), dtype=np.intp)
    return measure_hops(hops, place, highpass=False).energy


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
    audio = sine(hz, 8200, 0.0, phase=0.7)
    sums = _sums_from(audio)
    phases = np.angle(sums[2])
    # A sine that starts at 0.7 is a cosine that starts a quarter turn earlier.
    # Within a hop the tone's mirror image disturbs, by less than this.
    assert np.abs(phases - (0.7 - np.pi / 2)).max() < 0.4
    assert np.angle(sums[2].sum()) == pytest.approx(0.7 - np.pi / 2, abs=1e-3)


def test_hop_sums_energy_is_the_sum_of_squares() -> None:
    """
    The energy of a hop is exact.
    """
    audio = to_int16(white_noise(60, -3.0))
    expected = (audio.astype(np.int64).reshape(3, 20) ** 2).sum(axis=1)
    assert _energies(audio).tolist() == expected.tolist()


@stable
@given(st.integers(0, 2**32 - 1), st.integers(0, 900))
def test_hop_sums_do_not_depend_on_company(seed: int, first_hop: int) -> None:
    """
    A hop gives the same bits alone and among other hops and legs.
    """
    random = np.random.default_rng(seed)
    audio = random.integers(-32768, 32768, (3, 7 * HOP_SAMPLES)).astype(np.float64)
    starts = (first_hop, 0, 399)
    for leg, start in zip(audio, starts, strict=True):
        together = _sums_from(leg, start)
        for hop in range(7):
            one = leg[hop * HOP_SAMPLES : (hop + 1) * HOP_SAMPLES]
            assert np.array_equal(_sums_from(one, start + hop)[:, 0], together[:, hop])
            assert _energies(one).item() == _energies(leg)[hop]
    sums = hop_sums(audio.reshape(-1, HOP_SAMPLES))
    for leg in range(3):
        alone = hop_sums(audio[leg].reshape(-1, HOP_SAMPLES))
        assert np.array_equal(alone, sums[:, 7 * leg : 7 * leg + 7])


def test_windows_of_four_add_each_run_of_neighbours() -> None:
    """
    Every window is the sum of its own hops and of no other.
    """
    values = np.array([[1.0, 10.0, 100.0, 1000.0, 10_000.0]])
    assert add_fours(values).tolist() == [[1111.0, 11_110.0]]
    assert add_fours(values[:, :4]).tolist() == [[1111.0]]
    assert values.tolist() == [[1.0, 10.0, 100.0, 1000.0, 10_000.0]]


@pytest.mark.parametrize("tone", range(8))
def test_tone_power_of_a_long_sine_is_its_mean_square(tone: int) -> None:
    """
    Over a tenth of a second a sine's power is half its amplitude squared.
    """
    whole = _sums_from(sine(TONES_HZ[tone], 800, -9.0)).sum(axis=1)
    power = np.abs(whole) ** 2 * (2.0 / 800**2)
    assert power[tone] == pytest.approx(amplitude(-9.0) ** 2 / 2, rel=0.02)
