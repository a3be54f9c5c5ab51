"""
Decoys: what no press looks like.
"""

import numpy as np
import pytest

from dtmf_engine.attacker import AFTER_SAMPLES, BEFORE_SAMPLES, Reading
from dtmf_engine.decoys import (
    CERTAIN_NATS,
    CERTAIN_OVER_SOUND_NATS,
    CHANCE,
    N_DECOYS,
    Baseline,
    Decoy,
    loudness,
    places_without,
)
from dtmf_engine.keypad import DIGITS


def _decoy(power: float, margin: float, favourite: str = "1") -> Decoy:
    scores = np.zeros(16)
    scores[DIGITS.index(favourite)] = margin or 0.1
    return Decoy(power, Reading(favourite, margin, scores))


def test_places_are_far_from_every_press() -> None:
    """
    Nothing that is looked at for a decoy is looked at for a press.
    """
    spans = [(20_000, 20_800), (40_000, 40_800)]
    places = places_without(spans, 80_000, 800)
    assert len(places) == N_DECOYS
    assert len(set(places)) == N_DECOYS
    for place in places:
        assert place >= BEFORE_SAMPLES
        assert place + 800 + AFTER_SAMPLES <= 80_000
        for start, end in spans:
            before = place + 800 + AFTER_SAMPLES <= start - BEFORE_SAMPLES
            assert before or place - BEFORE_SAMPLES >= end + AFTER_SAMPLES


def test_a_recording_without_room_has_no_decoys() -> None:
    """
    Too short, or all presses.
    """
    assert places_without([], 800, 800) == []
    assert places_without([(0, 8000)], 8000, 800) == []


def test_without_decoys_odds_are_taken_as_they_are() -> None:
    """
    Nothing is known of the recording.
    """
    baseline = Baseline([])
    assert baseline.certain_nats(1.0) == CERTAIN_NATS
    assert baseline.guess(_decoy(1.0, 5.0, "7").reading, 1.0) == "7"
    assert baseline.chance("7", 1.0) == pytest.approx(CHANCE)


def test_certainty_is_beyond_what_decoys_of_the_same_loudness_give() -> None:
    """
    Speech makes margins of 30 nats; that is asked of presses over speech, not of
    presses in the quiet.
    """
    quiet = [_decoy(10.0, 0.1 * n) for n in range(24)]
    loud = [_decoy(1e6, 1.2 * n) for n in range(24)]
    baseline = Baseline([*quiet, *loud])
    assert baseline.certain_nats(12.0) < 17
    assert baseline.certain_nats(1e6) >= 1.5 * 1.2 * 23


def test_certainty_over_sound_takes_what_speech_does_not_give() -> None:
    """
    Where there is more than background, a few tame decoys prove nothing.
    """
    baseline = Baseline([_decoy(1e3, 0.1) for _ in range(24)], background_power=1e3)
    assert baseline.certain_nats(1e3) == CERTAIN_NATS
    assert baseline.certain_nats(9e5) == CERTAIN_OVER_SOUND_NATS
    # A silent line with soft noise in one place is not loud.
    assert Baseline([]).certain_nats(1e3) == CERTAIN_NATS


def test_guess_without_evidence_has_no_favourite() -> None:
    """
    A digit that always scores best where nothing is heard is not the guess there.
    """
    random = np.random.default_rng(1)
    bias = np.where(np.arange(16) == 4, 3.0, 0.0)

    def nothing() -> Reading:
        return Reading("4", 0.0, bias + random.normal(0, 0.3, 16))

    baseline = Baseline([Decoy(10.0, nothing()) for _ in range(24)])
    guesses = [baseline.guess(nothing(), 10.0) for _ in range(320)]
    # 20 of each are expected, with a deviation of 4.3.
    assert all(3 <= guesses.count(digit) <= 45 for digit in DIGITS)


def test_guess_with_evidence_is_the_attacker_s() -> None:
    """
    What is heard is not argued with.
    """
    baseline = Baseline([_decoy(10.0, 0.0) for _ in range(24)])
    assert baseline.guess(_decoy(10.0, 4.0, "1").reading, 10.0) == "1"


def test_chance_is_how_often_decoys_give_the_digit() -> None:
    """
    A favourite of the recording is right more often by luck.
    """
    baseline = Baseline([_decoy(10.0, 1.0, "1") for _ in range(24)])
    assert baseline.chance("1", 10.0) == pytest.approx(25 / 40)
    assert baseline.chance("2", 10.0) == pytest.approx(1 / 40)


def test_loudness_does_not_change_by_a_short_leak() -> None:
    """
    Five milliseconds of tone in a quiet press leave it quiet.
    """
    audio = np.ones(4000)
    leaky = audio.copy()
    leaky[1000:1040] = 10_000.0
    assert loudness(audio, 1000, 1800) == loudness(leaky, 1000, 1800) == 1.0
    assert loudness(np.zeros(0), 0, 800) == 0.0
