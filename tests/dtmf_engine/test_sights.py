"""
Sights: which looks a tracker needs to see.
"""

from collections.abc import Collection, Sequence
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from dtmf_engine import detector_bank
from dtmf_engine.arrays import Index, Int16
from dtmf_engine.detector_bank import DetectorBank
from dtmf_engine.events import DigitDetected, Event
from dtmf_engine.profiles import PROFILES
from dtmf_engine.sights import Sights, that_matter
from tests.support.tones import Press, mix, to_int16, voiced, white_noise


_SECOND = 8000


def _call(seed: int) -> Int16:
    """
    Ten seconds of a voice with a key now and then, some too weak to be one.
    """
    random = np.random.default_rng(seed)
    n = 10 * _SECOND
    starts = np.arange(_SECOND, n - _SECOND, _SECOND // 2)
    presses = [
        (
            int(start + random.integers(0, 2000)),
            Press(
                digit=str(random.integers(0, 10)),
                start_sample=0,
                end_sample=int(random.integers(100, 900)),
                low_dbm0=-16.0,
                high_dbm0=float(random.uniform(-30, -12)),
            ).wave(),
        )
        for start in starts
    ]
    noise = white_noise(n, float(random.uniform(-50, -25)), seed=seed)
    voice = voiced(n, pitch_hz=float(random.uniform(80, 220)), seed=seed)
    return to_int16(mix(n, (0, 0.3 * voice), (0, noise), *presses))


def _events(profile: str, audio: Int16, frame: int) -> list[Event]:
    bank = DetectorBank(1, profile=profile)
    events = [
        event
        for start in range(0, len(audio), frame)
        for event in bank.process(audio[None, start : start + frame])[0]
    ]
    return events + bank.finish(0)


def _all_matter(
    parts: Sequence[Sights], always: Collection[int], reach: int
) -> list[Index]:
    del always, reach
    return [np.arange(len(part.leg)) for part in parts]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("frame", [160, 10 * _SECOND])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_looks_that_are_left_out_change_nothing(
    profile: str, frame: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Every event, near misses too, is the same as if all looks were followed.
    """
    audio = _call(seed)
    some = _events(profile, audio, frame)
    monkeypatch.setattr(detector_bank, "that_matter", _all_matter)
    assert some == _events(profile, audio, frame)
    assert any(isinstance(event, DigitDetected) for event in some)


def _part(*looks: tuple[int, int, bool]) -> Sights:
    """
    A part of which nothing is known but legs, hops and what is possible.
    """
    leg, hop, possible = (np.array(column) for column in zip(*looks, strict=True))
    return cast("Sights", SimpleNamespace(leg=leg, hop=hop, possible=possible))


def test_a_run_of_looks_matters_if_one_of_them_may_begin_something() -> None:
    """
    A run ends at a longer pause and at the end of a leg, not at that of a part.
    """
    one = _part((0, 3, False), (0, 7, True), (0, 11, False), (0, 16, False))
    other = _part((0, 10, False), (1, 11, False), (1, 30, True), (1, 34, False))
    first, second = that_matter([one, other], always=(), reach=4)
    assert first.tolist() == [0, 1, 2]
    assert second.tolist() == [0, 2, 3]


def test_all_looks_at_a_leg_matter_while_something_is_going_on() -> None:
    """
    Nothing is left out for a leg that is followed already.
    """
    part = _part((0, 3, False), (1, 3, False), (1, 90, False))
    (chosen,) = that_matter([part], always={1}, reach=4)
    assert chosen.tolist() == [1, 2]
    assert that_matter([], always={1}, reach=4) == []
