"""
Sights: what is made of a look, and which looks a tracker needs to see.
"""

import numpy as np
import pytest

from dtmf_engine import detector_bank
from dtmf_engine.arrays import Bool, Index, Int16
from dtmf_engine.detector_bank import DetectorBank
from dtmf_engine.events import DigitDetected, Event
from dtmf_engine.keypad import TONES_HZ
from dtmf_engine.looks import LONG, LOOK, SHORT, Looks
from dtmf_engine.profiles import DEFAULT, PROFILES, Profile
from dtmf_engine.sights import LIMITS, REASONS, judge, limits_of, sights, that_matter
from dtmf_engine.tracker import Sight
from dtmf_engine.units import power_from_dbm0, ratio_from_db
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


def _all_matter(looks: Looks, always: Bool, reach: int) -> Index:
    del always, reach
    return np.flatnonzero(looks["is_for_detector"])


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


# Which looks matter.


def _looks(*looks: tuple[int, int, bool]) -> Looks:
    """
    Make looks of which nothing is known but legs, hops and what is possible.
    """
    made = np.zeros(len(looks), dtype=LOOK)
    made["is_for_detector"] = True
    for i, (leg, hop, is_possible) in enumerate(looks):
        made["leg"][i], made["hop"][i] = leg, hop
        made["is_possible"][i] = is_possible
    return made


def _legs(*always: int) -> Bool:
    legs = np.zeros(2, dtype=np.bool_)
    legs[list(always)] = True
    return legs


def test_a_run_of_looks_matters_if_one_of_them_may_begin_something() -> None:
    """
    A run ends at a longer pause and at the end of a leg, and all of it matters, what
    was before too.
    """
    looks = _looks(
        *((0, 3, False), (0, 7, True), (0, 10, False), (0, 11, False), (0, 16, False)),
        *((1, 16, False), (1, 30, True), (1, 34, False), (1, 38, False), (1, 43, True)),
    )
    assert that_matter(looks, _legs(), 4).tolist() == [0, 1, 2, 3, 6, 7, 8, 9]


def test_all_looks_at_a_leg_matter_while_something_is_going_on() -> None:
    """
    Nothing is left out for a leg that is followed already.
    """
    looks = _looks((0, 3, False), (1, 3, False), (1, 90, False))
    assert that_matter(looks, _legs(1), 4).tolist() == [1, 2]
    assert that_matter(_looks(), _legs(1), 4).tolist() == []


def test_looks_that_are_not_for_the_detector_do_not_matter() -> None:
    """
    They neither are chosen, nor begin anything, nor keep a run together.
    """
    looks = _looks(
        *((0, 3, False), (0, 4, True), (0, 7, False), (0, 10, True), (0, 13, False)),
        *((1, 3, False), (1, 6, True), (1, 9, False), (1, 10, True)),
    )
    looks["is_for_detector"] = [1, 0, 1, 0, 1, 1, 0, 1, 1]
    assert that_matter(looks, _legs(), 4).tolist() == [7, 8]
    assert that_matter(looks, _legs(), 6).tolist() == [5, 7, 8]
    assert that_matter(looks, _legs(0), 4).tolist() == [0, 2, 4, 7, 8]


# What is made of a look.


def _judged(looks: Looks, profile: Profile) -> Looks:
    limits = np.array([limits_of(profile)], dtype=LIMITS)
    judged = looks.copy()
    for i in range(len(judged)):
        judge(judged[i], limits[0])
    return judged


def _various() -> Looks:
    """
    Make looks on both sides of every limit.
    """
    n = 600
    random = np.random.default_rng(3)
    looks = np.zeros(n, dtype=LOOK)
    looks["row"], looks["column"] = random.integers(0, 4, (2, n))
    looks["offset_hz"] = random.normal(0, 12, (n, 2, 2))
    level_db = random.uniform(0, 60, (n, 2, 1)) + random.normal(0, 6, (n, 2, 2))
    looks["power"] = 10 ** (level_db / 10)
    looks["rival"] = random.uniform(0, 0.7, (n, 2, 2))
    looks["rest_trimmed"] = random.uniform(0, 1, (n, 2))
    looks["score"] = random.normal(0, 5, (n, 3))
    return looks


@pytest.mark.parametrize("name", PROFILES)
def test_a_look_is_judged_by_the_window_that_scored_better(name: str) -> None:
    """
    By how far each score passes the profile's minimum; offset and power are those of
    that window.
    """
    profile, looks = PROFILES[name], _various()
    judged = _judged(looks, profile)
    minimum = [profile.min_short_score, profile.min_long_score]
    margins = looks["score"][:, :2] - minimum
    assert np.array_equal(judged["margin"], margins.max(axis=1))
    window = margins.argmax(axis=1)
    assert {*window.tolist()} == {SHORT, LONG}
    every = np.arange(len(looks))
    assert np.array_equal(judged["judged_power"], looks["power"][every, window])
    hz = np.array(TONES_HZ)[np.stack([looks["row"], 4 + looks["column"]], axis=1)]
    offset = looks["offset_hz"][every, window] / hz
    assert judged["judged_offset"] == pytest.approx(offset, rel=1e-12)


@pytest.mark.parametrize("name", PROFILES)
def test_a_look_has_the_first_limit_that_it_breaks(name: str) -> None:
    """
    Level, twist with its room of 0.6 dB, frequency, and a third tone, in this order;
    none where all are kept.
    """
    profile, judged = PROFILES[name], _judged(_various(), PROFILES[name])
    low, high = judged["judged_power"].T
    rival = judged["rival"][
        np.arange(len(judged)),
        (judged["score"][:, :2] - limits_of(profile)[:2]).argmax(axis=1),
    ]
    broken = np.stack(
        [
            np.minimum(low, high) < power_from_dbm0(profile.min_tone_dbm0),
            low / high > ratio_from_db(profile.max_low_over_high_db + 0.6),
            high / low > ratio_from_db(profile.max_high_over_low_db + 0.6),
            np.abs(judged["judged_offset"]).max(axis=1)
            > profile.max_offset_percent / 100,
            rival.max(axis=1) > ratio_from_db(-3.0),
        ],
        axis=1,
    )
    expected = np.where(broken.any(axis=1), 1 + broken.argmax(axis=1), 0)
    assert judged["reason"].tolist() == expected.tolist()
    assert {*expected.tolist()} == set(range(len(REASONS)))


def test_what_is_near_is_clean_or_scores_nearly_enough() -> None:
    """
    A short window that is clean in its best hops, or a score less than one below the
    minimum: either may be a part of a press; the bonus for a telephone already heard
    makes more possible.
    """
    judged = _judged(_various(), DEFAULT)
    near = (judged["rest_trimmed"][:, SHORT] < 0.15) | (judged["margin"] > -1.0)
    assert np.array_equal(judged["is_near"], near)
    possible = near | (judged["margin"] >= -DEFAULT.known_telephone_bonus)
    assert np.array_equal(judged["is_possible"], possible)
    assert 0 < near.sum() < possible.sum() < len(judged)


def test_sights_have_what_their_looks_found() -> None:
    """
    Each field has its own value, after the leg and the hop of its look; what was
    heard through the high-pass is late by its delay.
    """
    looks = _judged(_various(), DEFAULT)[:2]
    looks["leg"], looks["hop"], looks["is_filtered"] = [4, 7], [90, 5], [False, True]
    looks["size"], looks["tone_power"] = [3.5, 4.5], np.arange(16.0).reshape(2, 8)
    looks["filled"] = np.arange(100.0, 132.0).reshape(2, 16)
    looks["other"] = np.arange(200.0, 232.0).reshape(2, 16)
    (first, second) = sights(looks)
    assert (first[:2], second[:2]) == ((4, 90), (7, 5))
    for i, sight in enumerate((first[2], second[2])):
        assert sight == Sight(
            row=int(looks["row"][i]),
            column=int(looks["column"][i]),
            reason=REASONS[looks["reason"][i]],
            size=[3.5, 4.5][i],
            margin=float(looks["margin"][i]),
            is_near=bool(looks["is_near"][i]),
            offset_low=float(looks["judged_offset"][i, 0]),
            offset_high=float(looks["judged_offset"][i, 1]),
            judged_low=float(looks["judged_power"][i, 0]),
            judged_high=float(looks["judged_power"][i, 1]),
            low_power=float(looks["power"][i, SHORT, 0]),
            high_power=float(looks["power"][i, SHORT, 1]),
            tone_power=looks["tone_power"][i].tolist(),
            filled=looks["filled"][i].tolist(),
            other=looks["other"][i].tolist(),
            late_samples=[0, 44][i],
        )
