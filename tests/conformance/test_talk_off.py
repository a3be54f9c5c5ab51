"""
Mitel CM7291 test 8: talk-off, digits heard where nobody keyed any.

The Mitel and Bellcore talk-off tapes are not to be had. Speech of our own making
stands in for them, and human prompts where Debian's are installed.
"""

import numpy as np
import pytest

from benchmarks import voices
from dtmf_engine import decode
from tests.conformance import speech
from tests.conformance.conftest import Card
from tests.conformance.tape import RATE_HZ, Pulse, a_law, in_noise, mu_law, record
from tests.support.tones import Audio, to_int16


PITCHES_HZ = (85, 100, 120, 140, 170, 200, 225, 250, 290, 340, 400, 460)
"""From a deep man to a shouting child."""


def _talk() -> Audio:
    # NTT's speech simulation in the Q.24 table speaks at −15 dBm on average.
    parts = [speech.speak(60.0, pitch, -15.0, seed=8) for pitch in PITCHES_HZ]
    return to_int16(np.concatenate(parts))


def _check(name: str, audio: Audio, card: Card) -> None:
    # A plain digit at the end shows that the receiver was listening.
    plain = a_law(record([Pulse(digit="5")]).wave)
    heard = decode(np.concatenate([audio, plain]), RATE_HZ)
    false_digits = [tone for tone in heard if tone.start_sample < len(audio)]
    minutes = len(audio) / RATE_HZ / 60
    card(
        f"Mitel 8: talk-off, {name}, {minutes:.0f} min",
        bound="0 false digits",
        measured=str(len(false_digits)),
    )
    assert [(tone.digit, tone.start_sample) for tone in false_digits] == []
    assert [tone.digit for tone in heard] == ["5"]


def test_speech_like_sound_is_no_digit(card: Card) -> None:
    """
    Project target: not one false digit in twelve voices' minute each, where Q.24
    (NTT) allows 6 in 46 hours and the Bellcore tapes' limit is 470.
    """
    _check("synthetic speech", mu_law(_talk().astype(np.float64)), card)


def test_noise_is_no_digit(card: Card) -> None:
    """
    Project target: loud white noise alone is no digit.
    """
    _check("white noise", in_noise(-10.0, seed=8)(np.zeros(300 * RATE_HZ)), card)


@pytest.mark.peer
def test_prompts_are_no_digits(card: Card) -> None:
    """
    Project target: not one false digit in all of Debian's human prompts.
    """
    prompts = voices.prompts()
    if not len(prompts):
        pytest.skip("asterisk-core-sounds-en-wav and the like are not installed")
    _check("human prompts", prompts, card)
