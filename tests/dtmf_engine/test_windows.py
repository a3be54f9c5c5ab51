"""
Windows: what a block and a trigger window see.
"""

import numpy as np
import pytest

from dtmf_engine.goertzel import HOP_SAMPLES, hop_sums
from dtmf_engine.keypad import DIGITS
from dtmf_engine.windows import BLOCK_HOPS, MEMORY_HOPS, TRIGGER_HOPS, Windows
from tests.support.tones import (
    ALL_DIGITS,
    Press,
    Wave,
    amplitude,
    to_int16,
    white_noise,
)


def _windows(wave: Wave) -> Windows:
    hops = to_int16(wave).astype(np.float64).reshape(1, -1, HOP_SAMPLES)
    sums = hop_sums(hops, np.array([0], dtype=np.intp))
    return Windows(sums.re, sums.im, sums.energy)


def _press(digit: str, n_hops: int) -> Wave:
    return Press(digit=digit, start_sample=0, end_sample=n_hops * HOP_SAMPLES).wave()


def test_windows_have_a_row_for_each_new_hop() -> None:
    """
    The hops remembered from before give no windows of their own.
    """
    windows = _windows(np.zeros((MEMORY_HOPS + 3) * HOP_SAMPLES))
    assert windows.power.shape == (1, 3, 8)
    assert windows.total.shape == (1, 3)
    assert windows.interesting().shape == (1, 3)


@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_windows_see_both_tones_of_a_press(digit: str) -> None:
    """
    Inside a press the digit's tones stand out in every block and hold the trigger.
    """
    windows = _windows(_press(digit, MEMORY_HOPS + 6))
    place = DIGITS.index(digit)
    assert windows.interesting().all()
    assert (windows.power[0, :, :4].argmax(axis=1) == place // 4).all()
    assert (windows.power[0, :, 4:].argmax(axis=1) == place % 4).all()
    power = amplitude(-10.0) ** 2 / 2
    for k in range(6):
        first_hop = MEMORY_HOPS + k - TRIGGER_HOPS + 1
        share, low, high = windows.trigger(0, k, first_hop)
        assert share == pytest.approx(1.0, abs=2e-3)
        # Ten milliseconds do not separate the groups better than this.
        assert low == pytest.approx(power, rel=0.35)
        assert high == pytest.approx(power, rel=0.35)


def test_windows_total_is_the_mean_square_of_the_block() -> None:
    """
    A block's power is that of its own 100 samples.
    """
    wave = np.concatenate([np.full(80, 7.0), np.full(20, 100.0), np.full(80, 3.0)])
    windows = _windows(wave)
    squares = wave * wave
    expected = [squares[k * 20 : k * 20 + BLOCK_HOPS * 20].mean() for k in range(5)]
    assert windows.total[0].tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros(400),
        np.full(400, 5000.0),
        white_noise(400, -75.0),
    ],
    ids=["silence", "constant", "faint-noise"],
)
def test_windows_find_nothing_interesting_where_no_pair_can_be(wave: Wave) -> None:
    """
    Silence, a constant, and what is fainter than any limit need no walk.
    """
    inside = slice(MEMORY_HOPS, None)
    assert not _windows(wave).interesting()[:, inside].any()


def test_trigger_holds_nothing_of_silence() -> None:
    """
    A window without energy has no share, instead of nought divided by nought.
    """
    windows = _windows(np.zeros((MEMORY_HOPS + 1) * HOP_SAMPLES))
    assert windows.trigger(0, 0, 1) == (0.0, 0.0, 0.0)
