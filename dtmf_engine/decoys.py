"""
Decoys: what the attacker makes of places where no key was down.

A model of noise knows nothing of vowels. Two harmonics of a voice can look like a
pair of tones for 20 ms, and the attacker, which expects noise, would be certain of
a digit that nobody keyed. So it is tried on other places of the same recording,
about as loud as the press in question: a guess counts as certain only where it is
far beyond anything that those give, and what is guessed there when nothing is heard
is what blind guessing looks like in this recording.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dtmf_engine.arrays import Float64
from dtmf_engine.attacker import AFTER_SAMPLES, BEFORE_SAMPLES, Reading
from dtmf_engine.keypad import DIGITS
from dtmf_engine.units import power_from_dbm0


CHANCE = 1 / len(DIGITS)
"""What guessing blindly gets right."""

CERTAIN_NATS = 9.2
"""A guess with this margin claims odds of 10,000 to 1."""

N_DECOYS = 48
_NEAREST = 24
_TAIL = 0.25
_BEYOND = 1.5
"""How far a certain guess is beyond the largest margin of a decoy, at the least."""

CERTAIN_OVER_SOUND_NATS = 100.0
"""
The least margin that is certain where there is more to hear than the background.

The largest of human speech, in a thousand places, was 93: two harmonics of one vowel.
There are too few decoys in a call to count on meeting such a one. A leak that makes a
place as loud as this is 45 ms long, and gives several hundred.
"""

_SOUND_OVER_BACKGROUND = 10.0
_LEAST_SOUND = power_from_dbm0(-45.0)
"""What is softer is background, however silent the rest of the recording is."""

_LEAST_NATS = 0.01
"""Scores that differ by less, as in digital silence, do not differ."""

_FRAME = 80


@dataclass(frozen=True, slots=True, eq=False)
class Decoy:
    """
    One place without a press.
    """

    power: float
    reading: Reading


def loudness(audio: Float64, start_sample: int, end_sample: int) -> float:
    """
    Measure how loud a place is: the third quartile of frames of 10 ms.

    A leak of a few milliseconds does not change it, a syllable does.
    """
    first = max(0, start_sample - BEFORE_SAMPLES)
    stretch = audio[first : max(0, end_sample + AFTER_SAMPLES)]
    n = len(stretch) // _FRAME
    if not n:
        return 0.0
    frames = stretch[: n * _FRAME].reshape(n, _FRAME)
    return float(np.quantile(np.square(frames).mean(axis=1), 0.75))


def places_without(
    spans: Sequence[tuple[int, int]], n_samples: int, length: int
) -> list[int]:
    """
    Give places, evenly spaced, where a press of a length would touch no other.

    Args:
        spans: of presses, first sample and one past the last.
        n_samples: length of the recording.
        length: of a decoy.
    """
    reach = BEFORE_SAMPLES + AFTER_SAMPLES
    free: list[int] = []
    step = max(80, (n_samples - length - reach) // (4 * N_DECOYS))
    for start in range(BEFORE_SAMPLES, n_samples - length - AFTER_SAMPLES, step):
        end = start + length
        if all(end + reach <= first or start - reach >= last for first, last in spans):
            free.append(start)
    chosen = np.linspace(0, len(free) - 1, min(N_DECOYS, len(free)))
    return [free[round(index)] for index in chosen]


class Baseline:
    """
    What no press looks like, in one recording.

    Args:
        decoys: may be none, where a recording is all presses.
        background_power: mean square of the recording's quiet moments.
    """

    def __init__(self, decoys: Sequence[Decoy], background_power: float = 0.0) -> None:
        self._decoys = decoys
        self._sound = max(_SOUND_OVER_BACKGROUND * background_power, _LEAST_SOUND)
        self._level = np.log([decoy.power + 1.0 for decoy in decoys])

    def _near(self, power: float) -> list[Decoy]:
        order = np.argsort(np.abs(self._level - np.log(power + 1.0)), kind="stable")
        return [self._decoys[int(index)] for index in order[:_NEAREST]]

    def certain_nats(self, power: float) -> float:
        """
        Give the margin from which a guess at a place of some loudness is certain.

        Margins over the third quartile are taken to be exponential: the limit is
        where they would be once in 10,000 times.
        """
        least = CERTAIN_OVER_SOUND_NATS if power > self._sound else CERTAIN_NATS
        margins = np.array([decoy.reading.margin for decoy in self._near(power)])
        if not margins.size:
            return least
        start = float(np.quantile(margins, 1 - _TAIL))
        excess = float((margins[margins >= start] - start).mean())
        limit = start + excess * math.log(_TAIL * 10_000)
        return max(least, limit, _BEYOND * float(margins.max()))

    def guess(self, reading: Reading, power: float) -> str:
        """
        Give the digit guessed: where nothing is heard, without preference.
        """
        near = self._near(power)
        if reading.margin > 0 or not reading.guess or not near:
            return reading.guess
        scores = np.array([decoy.reading.scores for decoy in near])
        usual = np.median(scores, axis=0)
        spread = np.median(np.abs(scores - usual), axis=0)
        return DIGITS[int(np.argmax((reading.scores - usual) / (spread + _LEAST_NATS)))]

    def chance(self, digit: str, power: float) -> float:
        """
        Give how often a digit is guessed at places of some loudness without a press.

        One in sixteen as far as decoys do not say otherwise. A caller who keys
        mostly one digit, and an attacker who tends to guess just that where it
        hears nothing, agree more often than that.
        """
        near = self._near(power)
        guesses = [self.guess(decoy.reading, decoy.power) for decoy in near]
        return (guesses.count(digit) + 1) / (len(guesses) + len(DIGITS))
