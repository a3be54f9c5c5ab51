"""
Hindsight: what is keyed, what is doubtful, and what bears a doubt out.
"""

import numpy as np
import pytest

from dtmf_engine.hindsight import (
    NEAR_SAMPLES,
    Keyed,
    Stretch,
    borne_out,
    common,
    find_keyed,
    joined,
    keying,
)
from tests.support.tones import Press, dial, line, to_int16, white_noise


def test_stretches_are_joined_in_order() -> None:
    """
    Those that overlap, touch, or are no further apart than the gap.
    """
    some = [Stretch(50, 60), Stretch(0, 10), Stretch(10, 20), Stretch(5, 8)]
    assert joined(some) == [Stretch(0, 20), Stretch(50, 60)]
    assert joined(some, 30) == [Stretch(0, 60)]
    assert joined([]) == []


def test_common_is_what_both_have() -> None:
    """
    Stretches that only touch have nothing in common.
    """
    assert common([Stretch(0, 10)], [Stretch(5, 7), Stretch(9, 20)]) == [
        Stretch(5, 7),
        Stretch(9, 10),
    ]
    assert common([Stretch(0, 10)], [Stretch(10, 20)]) == []


@pytest.mark.parametrize("tone", [160, 400, 3200])
def test_presses_are_found_once_and_from_end_to_end(tone: int) -> None:
    """
    Heard in both directions by two profiles, a press is still one press.
    """
    presses = dial("159D0", tone=tone, lead=4000, seed=tone)
    found = find_keyed(to_int16(line(presses, noise_dbm0=-50.0, seed=1)))
    assert [key.digit for key in found.keyed] == [press.digit for press in presses]
    for key, press in zip(found.keyed, presses, strict=True):
        assert abs(key.place.start_sample - press.start_sample) <= 40
        assert abs(key.place.end_sample - press.end_sample) <= 40


def test_keying_is_around_a_sure_press_or_any_three() -> None:
    """
    Two unsure ones alone may be a voice.
    """
    unsure = [
        Keyed("1", Stretch(start, start + 400), is_press=True)
        for start in (100_000, 110_000, 120_000)
    ]
    sure = Keyed("1", Stretch(500_000, 500_400), is_press=True, is_sure=True)
    assert keying(unsure[:2]) == []
    assert keying(unsure) == [Stretch(100_000 - NEAR_SAMPLES, 120_400 + NEAR_SAMPLES)]
    assert keying([sure]) == [sure.place.widened(NEAR_SAMPLES, NEAR_SAMPLES)]


def test_a_doubt_without_a_trace_is_not_borne_out() -> None:
    """
    However generously a live masker masks: of ten seconds of noise around a key and
    a fragment of 15 ms, only what is near the two counts.
    """
    whole = Press(digit="3", start_sample=20_000, end_sample=20_800)
    piece = Press(digit="8", start_sample=50_000, end_sample=50_120)
    wave = line([whole, piece], n_samples=80_000, noise_dbm0=-40.0, seed=2)
    everything = [Stretch(0, 80_000)]
    parts = borne_out(to_int16(wave), everything, [Stretch(20_000, 20_800)], everything)
    assert sum(part.end_sample - part.start_sample for part in joined(parts)) < 3000
    for press in (whole, piece):
        inside = Stretch(press.start_sample, press.end_sample)
        assert common(joined(parts), [inside]) == [inside]


def test_where_nothing_is_keyed_only_known_tones_bear_a_doubt_out() -> None:
    """
    A trace alone is not enough there: it may be a vowel.
    """
    piece = Press(digit="8", start_sample=50_000, end_sample=50_120)
    audio = to_int16(line([piece], n_samples=80_000, noise_dbm0=-40.0))
    assert borne_out(audio, [Stretch(0, 80_000)], [], []) == []


def test_noise_has_no_keys() -> None:
    """
    Nor has silence.
    """
    assert find_keyed(to_int16(white_noise(80_000, -20.0))).keyed == ()
    assert find_keyed(np.zeros(8000, np.int16)).keyed == ()
