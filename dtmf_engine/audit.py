"""
The audit: how much of what the caller keyed can be recovered from the agent leg.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import correlate
from scipy.stats import binom

from dtmf_engine.arrays import Float64, as_samples, to_float64
from dtmf_engine.attacker import read_press
from dtmf_engine.detector import decode
from dtmf_engine.errors import ParameterError
from dtmf_engine.filters import resample_to_8k
from dtmf_engine.keypad import DIGITS, index_of
from dtmf_engine.units import (
    FULL_SCALE,
    SAMPLE_RATE_HZ,
    ms_from_samples,
    samples_from_ms,
)


CHANCE = 1 / len(DIGITS)
"""What guessing blindly gets right."""

SIGNIFICANCE = 0.001
"""
How unlikely luck must be before a share of right guesses counts as a leak.
"""

CERTAIN_NATS = 9.2
"""A guess with this margin claims odds of 10,000 to 1."""


@dataclass(frozen=True, slots=True)
class Press:
    """
    One press in the caller's recording, in samples at 8 kHz.
    """

    digit: str
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class PressAudit:
    """
    What the attacker made of one press.
    """

    press: Press
    guess: str
    margin: float
    """By how much the guess beats the next best digit, in nats."""

    @property
    def is_right(self) -> bool:
        """
        Whether the guess is the digit.
        """
        return self.guess == self.press.digit

    @property
    def is_read(self) -> bool:
        """
        Whether the attacker is right and has reason to be sure.
        """
        return self.is_right and self.margin >= CERTAIN_NATS


@dataclass(frozen=True, slots=True)
class AuditReport:
    """
    The attacker's result over a whole call.
    """

    presses: tuple[PressAudit, ...]
    delay_samples: int
    """How much later the agent heard the caller, in samples at 8 kHz."""
    detected: str
    """Digits that this package's own detector finds in the agent's recording."""

    @property
    def n_right(self) -> int:
        """
        Presses guessed right.
        """
        return sum(press.is_right for press in self.presses)

    @property
    def n_read(self) -> int:
        """
        Presses guessed right with reason to be sure.
        """
        return sum(press.is_read for press in self.presses)

    @property
    def luck(self) -> float:
        """
        Probability of at least as many right guesses by guessing blindly.
        """
        return float(binom.sf(self.n_right - 1, len(self.presses), CHANCE))

    @property
    def chance_bound(self) -> int:
        """
        The most right guesses that still pass as luck.
        """
        return int(binom.isf(SIGNIFICANCE, len(self.presses), CHANCE))

    @property
    def is_clean(self) -> bool:
        """
        Whether nothing can be recovered.

        That is: no press read, none detected, no more right guesses than luck.
        """
        return (
            self.n_read == 0
            and not self.detected
            and (not self.presses or self.luck >= SIGNIFICANCE)
        )


def audit(
    caller: npt.ArrayLike,
    agent: npt.ArrayLike,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
    *,
    agent_sample_rate_hz: int | None = None,
    presses: Sequence[Press] | None = None,
    delay_samples: int | None = None,
) -> AuditReport:
    """
    Attack the agent's recording of a call.

    Args:
        caller: [shape=(n,)] what the caller sent, int16 or float in [−1, 1].
        agent: [shape=(m,)] what the agent heard.
        sample_rate_hz: rate of the caller's recording, and of the agent's
            unless told otherwise.
        agent_sample_rate_hz: rate of the agent's recording.
        presses: the true presses in samples at 8 kHz; found in the caller's
            recording if left out.
        delay_samples: how much later the agent's recording runs, in samples at
            8 kHz; found by correlation if left out.

    Raises:
        AudioFormatError: a recording is not audio.
        ParameterError: a rate or a press is out of range.
    """
    heard_caller = _at_8k(caller, sample_rate_hz, "caller")
    heard_agent = _at_8k(agent, agent_sample_rate_hz or sample_rate_hz, "agent")
    if presses is None:
        presses = [
            Press(tone.digit, tone.start_sample, tone.end_sample)
            for tone in decode(heard_caller / FULL_SCALE)
        ]
    for press in presses:
        index_of(press.digit)
        if not 0 <= press.start_sample < press.end_sample:
            raise ParameterError(
                "presses: expected 0 <= start_sample < end_sample, "
                f"got {press.start_sample} and {press.end_sample}"
            )
    if delay_samples is None:
        # Presses are what a masked recording does not have.
        delay_samples = find_delay(_without(heard_caller, presses), heard_agent)
    noise_power = _background_power(heard_agent)
    results = []
    for press in presses:
        reading = read_press(
            heard_agent,
            press.start_sample + delay_samples,
            press.end_sample + delay_samples,
            noise_power,
        )
        results.append(PressAudit(press, reading.guess, reading.margin))
    detected = "".join(tone.digit for tone in decode(heard_agent / FULL_SCALE))
    return AuditReport(tuple(results), delay_samples, detected)


def find_delay(caller: Float64, agent: Float64) -> int:
    """
    Find how much later the agent heard the caller, by correlation.

    Args:
        caller: [shape=(n,)] at 8 kHz.
        agent: [shape=(m,)] at 8 kHz.

    Returns:
        A number of samples, negative if the agent's recording begins later
        than the caller's; 0 if the two have nothing in common.
    """
    if not caller.any() or not agent.any():
        return 0
    product = correlate(agent, caller, mode="full", method="fft")
    best = int(np.argmax(product))
    # Unrelated recordings of n samples correlate to about 1 / sqrt(n).
    strength = float(product[best]) / float(
        np.linalg.norm(caller) * np.linalg.norm(agent)
    )
    certain = 6 / np.sqrt(min(len(caller), len(agent)))
    return best - (len(caller) - 1) if strength > certain else 0


def _without(audio: Float64, presses: Sequence[Press]) -> Float64:
    rest = audio.copy()
    margin = samples_from_ms(30)
    for press in presses:
        rest[max(0, press.start_sample - margin) : press.end_sample + margin] = 0.0
    return rest


def _at_8k(samples: npt.ArrayLike, sample_rate_hz: int, name: str) -> Float64:
    audio = to_float64(as_samples(samples, name))
    return resample_to_8k(audio, sample_rate_hz) * FULL_SCALE


def _background_power(audio: Float64) -> float:
    """
    Estimate the power of the quiet moments: a tenth of all 20 ms frames.
    """
    n = len(audio) // 160
    if not n:
        return 0.0
    frames = audio[: n * 160].reshape(n, 160)
    return float(np.quantile((frames * frames).mean(axis=1), 0.1))


def describe(report: AuditReport) -> list[str]:
    """
    Say the result in words, a line each; no digit appears in them.
    """
    n = len(report.presses)
    if not n:
        return ["no press in the caller's recording"]
    blind = f"blind guessing: {n * CHANCE:.1f}, up to {report.chance_bound} by luck"
    verdict = "nothing recoverable" if report.is_clean else "LEAK: digits recoverable"
    return [
        f"presses                {n}",
        f"recording lags by      {ms_from_samples(report.delay_samples):g} ms",
        f"attacker guessed right {report.n_right} of {n} ({blind})",
        f"attacker was sure of   {report.n_read}",
        f"detector finds         {len(report.detected)}",
        f"verdict                {verdict}",
    ]
