"""
Edges: where sound begins and ends is found to the hop, for every key alike.
"""

import numpy as np
import numpy.typing as npt
import pytest

from dtmf_engine.edges import (
    _CONTRAST,
    _LOUD,
    _OVER_NOISE,
    EDGE_HOPS,
    hops_since_begin,
    hops_since_end,
)
from dtmf_engine.goertzel import HOP_SAMPLES
from tests.support.tones import ALL_DIGITS, Audio, Press, line, to_int16, white_noise


N = EDGE_HOPS * HOP_SAMPLES


def _line(digit: str, start: int, end: int, *, seed: int = 0) -> Audio:
    """
    Make the last 20 ms before a hop's end, with a press from one sample to another.
    """
    random = np.random.default_rng(seed)
    press = Press(
        digit=digit,
        start_sample=200 + start,
        end_sample=200 + end,
        low_dbm0=-10.0,
        high_dbm0=-10.0,
        low_phase=random.uniform(0, 6),
        high_phase=random.uniform(0, 6),
    )
    wave = line([press], n_samples=200 + N, noise_dbm0=-47.0, seed=seed)
    return to_int16(wave[200:])


@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_a_begin_is_found_in_its_hop(digit: str) -> None:
    """
    From half a millisecond in a hop on, whatever the key and its phases.
    """
    for hops in range(1, EDGE_HOPS):
        for inside in (4, 10, 20):
            start = N - hops * HOP_SAMPLES + HOP_SAMPLES - inside
            audio = _line(digit, start, N, seed=hops)
            assert hops_since_begin(audio) == hops
            assert hops_since_end(audio) == 0


@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_an_end_is_found_in_its_hop(digit: str) -> None:
    """
    The same of the other edge: a hop with half a millisecond of a tone is not quiet.
    """
    for hops in range(1, EDGE_HOPS):
        for inside in (4, 10, 20):
            end = N - (hops + 1) * HOP_SAMPLES + inside
            audio = _line(digit, -200, end, seed=hops)
            assert hops_since_end(audio) == hops
            assert hops_since_begin(audio) == 0


def test_sound_that_was_there_before_does_not_begin() -> None:
    """
    Nor does it end.
    """
    audio = _line("5", -200, N)
    assert (hops_since_begin(audio), hops_since_end(audio)) == (0, 0)


def test_noise_and_silence_have_no_edges() -> None:
    """
    Noise does not vary by that much.
    """
    noise = to_int16(white_noise(N * 500, -20.0, seed=1)).reshape(500, N)
    found = [hops_since_begin(part) or hops_since_end(part) for part in noise]
    assert not np.any(found)
    silence = np.zeros(N, dtype=np.int16)
    assert (hops_since_begin(silence), hops_since_end(silence)) == (0, 0)


def _loud_by_hand(audio: Audio) -> npt.NDArray[np.bool_]:
    power = (audio.astype(np.float64).reshape(EDGE_HOPS, HOP_SAMPLES) ** 2).sum(axis=1)
    if power.max() < _CONTRAST * power.min():
        return np.ones(EDGE_HOPS, dtype=np.bool_)
    return np.asarray(power > max(_LOUD * power.max(), _OVER_NOISE * power.min()))


def test_edges_are_where_the_hops_powers_say() -> None:
    """
    In sound that comes and goes at random, at hundreds of places.
    """
    random = np.random.default_rng(2)
    begins, ends = set(), set()
    for seed in range(500):
        levels = random.choice([-90.0, -50.0, -20.0], EDGE_HOPS)
        audio = np.concatenate(
            [
                to_int16(white_noise(HOP_SAMPLES, level, seed=seed * EDGE_HOPS + hop))
                for hop, level in enumerate(levels)
            ]
        )
        loud = _loud_by_hand(audio)
        begin = 0 if loud[0] or not loud.any() else EDGE_HOPS - int(loud.argmax())
        longer = np.concatenate([audio[::-1], audio])
        assert hops_since_begin(longer) == begin
        assert hops_since_end(longer) == int(loud[::-1].argmax())
        begins.add(begin)
        ends.add(int(loud[::-1].argmax()))
    assert begins >= {0, 1, 2, 3, 4}
    assert ends >= {0, 1, 2, 3, 4}
