"""
The ceiling: a reader that knows when each key was down.
"""

import numpy as np
import pytest

from benchmarks import ceiling, channels
from benchmarks.channels import KEYS, Tone, dial, white_noise
from benchmarks.corpus import Call


def _call(*, error: float = 0.0, noise_dbm0: float = -90.0, seed: int = 1) -> Call:
    random = np.random.default_rng(seed)
    tones = [
        Tone(key, on_ms=45, low_error=error, high_error=-error, twist_db=-8)
        for key in KEYS
    ]
    entry = dial(tones, random)
    wave = entry.audio + white_noise(len(entry.audio), noise_dbm0, random)
    audio = channels.to_int16(wave)
    return Call(audio, entry.keys, entry.starts, entry.ends)


@pytest.mark.parametrize("error", [-0.02, 0.0, 0.02])
def test_every_key_is_read_within_its_search(error: float) -> None:
    """
    Tones off by 2 % in opposite directions are still read, all sixteen.
    """
    assert ceiling.read_call(_call(error=error)) == KEYS


def test_noise_as_loud_as_the_tones_is_no_obstacle() -> None:
    """
    A reader that knows the timing reads 45 ms at S/N 3 dB over both tones.
    """
    assert ceiling.read_call(_call(noise_dbm0=-12)) == KEYS


def test_it_reads_only_where_keys_were_down() -> None:
    """
    With the times of other audio it reads something else: it is told when, not what.
    """
    call = _call()
    moved = tuple(start + 400 for start in call.starts)
    ends = tuple(end + 400 for end in call.ends)
    assert ceiling.read_call(Call(call.audio, call.keys, moved, ends)) != KEYS
