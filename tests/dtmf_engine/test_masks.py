"""
Masks: what lies under them, and that nothing about one tells the key.
"""

import numpy as np
import pytest

from dtmf_engine import LegBank
from dtmf_engine.arrays import Bool
from dtmf_engine.bank import DELAY_SAMPLES
from dtmf_engine.goertzel import HOP_SAMPLES
from tests.support.tones import (
    ALL_DIGITS,
    Audio,
    Press,
    formants,
    line,
    mix,
    to_int16,
    white_noise,
)


FRAME = 160


def _masked(legs: list[Audio], *, armed: bool) -> Bool:
    """
    Tell which samples of some calls are masked, in line with what came in.
    """
    audio = np.array(legs)
    bank = LegBank(len(legs))
    for leg in range(len(legs) if armed else 0):
        bank.arm(leg)
    parts = [
        bank.process(audio[:, at : at + FRAME]).masked
        for at in range(0, audio.shape[1], FRAME)
    ]
    return np.concatenate(parts, axis=1)[:, DELAY_SAMPLES:]


def _press(digit: str, start: int, level: float, random: np.random.Generator) -> Press:
    return Press(
        digit=digit,
        start_sample=start,
        end_sample=start + 480,
        low_dbm0=level,
        high_dbm0=level,
        low_phase=random.uniform(0, 6),
        high_phase=random.uniform(0, 6),
    )


@pytest.mark.parametrize("armed", [False, True])
def test_equal_presses_leave_equal_masks(*, armed: bool) -> None:
    """
    A first press and a second one, of any key and phase: masks begin and end at the
    same samples.

    Which hop a press begins in is told by phases alone where but one or two of its
    samples lie in it, so that those places are left out.
    """
    random = np.random.default_rng(2)
    for offset in range(3, HOP_SAMPLES - 2, 2):
        calls = []
        for digit in ALL_DIGITS * 3:
            presses = [
                _press(digit, start + offset, -10.0, random) for start in (3200, 5000)
            ]
            wave = line(presses, n_samples=6400)
            calls.append(to_int16(wave + white_noise(6400, -50.0, seed=offset)))
        masked = _masked(calls, armed=armed)[:, 1600:]
        assert masked[0].any()
        assert (masked == masked[0]).all(), offset


def test_no_sample_of_a_press_in_a_vowel_gets_through_while_armed() -> None:
    """
    Where a harmonic lies next to one of its tones, what a pair holds tells of a press
    that no look takes for one.
    """
    calls, starts = [], []
    for seed in range(100):
        random = np.random.default_rng(seed)
        start = 4000 + int(random.integers(FRAME))
        press = _press(ALL_DIGITS[seed % 16], start, -20.0, random)
        voice = formants(
            6400,
            pitch_hz=random.uniform(90, 260),
            first_hz=random.uniform(500, 1000),
            second_hz=random.uniform(1100, 1700),
            level_dbm0=-17.0 - random.uniform(2, 5),
            seed=seed,
        )
        calls.append(to_int16(mix(6400, (0, line([press])), (0, voice))))
        starts.append(start)
    masked = _masked(calls, armed=True)
    through = [
        int(np.count_nonzero(~row[start : start + 480]))
        for row, start in zip(masked, starts, strict=True)
    ]
    assert through == [0] * len(calls)
