"""
The audit: how much of what the caller keyed can be recovered from the agent leg.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import beta, binom

from dtmf_engine.alignment import TOGETHER, Alignment, align, constant
from dtmf_engine.arrays import Float64, as_samples, to_float64
from dtmf_engine.attacker import Knowledge, read_press, tone_levels
from dtmf_engine.background import Background, measure_background
from dtmf_engine.decoys import (
    CERTAIN_NATS,
    CHANCE,
    Baseline,
    Decoy,
    loudness,
    places_without,
)
from dtmf_engine.detector import decode
from dtmf_engine.errors import NothingInCommonError, ParameterError
from dtmf_engine.filters import resample_to_8k
from dtmf_engine.keypad import index_of
from dtmf_engine.units import (
    FULL_SCALE,
    SAMPLE_RATE_HZ,
    db_from_ratio,
    ms_from_samples,
    samples_from_ms,
)


SIGNIFICANCE = 0.001
"""
How unlikely luck must be before a share of right guesses counts as a leak.
"""

_AROUND_SAMPLES = samples_from_ms(30)
"""A masked recording lacks a press and a little around it."""

_STEADY_DB = 1.5
"""Levels that vary less from press to press are known to the attacker."""


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
    certain_nats: float = CERTAIN_NATS
    """The margin from which a guess at this place is certain."""

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
        return self.is_right and self.margin >= self.certain_nats


@dataclass(frozen=True, slots=True)
class AuditReport:
    """
    The attacker's result over a whole call.
    """

    presses: tuple[PressAudit, ...]
    delay_samples: int
    """How much later the agent heard the caller, in samples at 8 kHz, at first."""
    detected: str
    """Digits that this package's own detector finds in the agent's recording."""
    alignment: Alignment = TOGETHER
    """How the agent's recording lies to the caller's."""
    chance: float = CHANCE
    """Share of guesses that are right without hearing anything."""

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
    def share_bounds(self) -> tuple[float, float]:
        """
        Share of right guesses that the attacker may have in the long run.

        The bounds of Clopper and Pearson: each is wrong once in forty times.
        """
        n, right = len(self.presses), self.n_right
        low = float(beta.ppf(0.025, right, n - right + 1)) if right else 0.0
        high = float(beta.ppf(0.975, right + 1, n - right)) if right < n else 1.0
        return low, high

    @property
    def luck(self) -> float:
        """
        Probability of at least as many right guesses by guessing blindly.
        """
        return float(binom.sf(self.n_right - 1, len(self.presses), self.chance))

    @property
    def chance_bound(self) -> int:
        """
        The most right guesses that still pass as luck.
        """
        return int(binom.isf(SIGNIFICANCE, len(self.presses), self.chance))

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
            8 kHz. If left out, it is found, with all drift and slips.

    Raises:
        AudioFormatError: a recording is not audio.
        NothingInCommonError: the recordings are not of one call. An agent's
            recording that is all silence is of any call.
        ParameterError: a rate or a press is out of range.
    """
    heard_caller = _at_8k(caller, sample_rate_hz, "caller")
    heard_agent = _at_8k(agent, agent_sample_rate_hz or sample_rate_hz, "agent")
    if presses is None:
        presses = find_presses(heard_caller)
    _check(presses)
    if delay_samples is not None:
        alignment = constant(delay_samples)
    elif heard_agent.any():
        alignment = _align(heard_caller, heard_agent, presses)
    else:
        alignment = TOGETHER
    background = measure_background(heard_agent)
    knowledge = _learn(heard_caller, presses, alignment.gain, background)
    spans = [alignment.span(p.start_sample, p.end_sample) for p in presses]
    baseline = _try_elsewhere(heard_agent, spans, background, knowledge)
    results, chances = [], []
    for press, (start, end) in zip(presses, spans, strict=True):
        reading = read_press(
            heard_agent, start, end, background.power, knowledge=knowledge
        )
        power = loudness(heard_agent, start, end)
        guess = baseline.guess(reading, power)
        certain = baseline.certain_nats(power)
        results.append(PressAudit(press, guess, reading.margin, certain))
        chances.append(baseline.chance(press.digit, power))
    return AuditReport(
        presses=tuple(results),
        delay_samples=round(alignment.delay_at(0)),
        detected="".join(tone.digit for tone in decode(heard_agent / FULL_SCALE)),
        alignment=alignment,
        # At least one in sixteen, however rare the caller's digits as guesses.
        chance=max(CHANCE, float(np.mean(chances or [CHANCE]))),
    )


def find_presses(caller: Float64) -> list[Press]:
    """
    Find the presses in the caller's recording.

    Args:
        caller: [shape=(n,)] at 8 kHz, in samples of 16 bits.
    """
    return [
        Press(tone.digit, tone.start_sample, tone.end_sample)
        for tone in decode(caller / FULL_SCALE)
    ]


def _check(presses: Sequence[Press]) -> None:
    for press in presses:
        index_of(press.digit)
        if not 0 <= press.start_sample < press.end_sample:
            raise ParameterError(
                "presses: expected 0 <= start_sample < end_sample, "
                f"got {press.start_sample} and {press.end_sample}"
            )


def _align(caller: Float64, agent: Float64, presses: Sequence[Press]) -> Alignment:
    around = [
        (p.start_sample - _AROUND_SAMPLES, p.end_sample + _AROUND_SAMPLES)
        for p in presses
    ]
    try:
        return align(caller, agent, around)
    except NothingInCommonError:
        # A caller who only keys is known by the keys, if they come through.
        return align(caller, agent)


def _learn(
    caller: Float64, presses: Sequence[Press], gain: float, background: Background
) -> Knowledge:
    """
    Learn the telephone's levels from the caller's recording.
    """
    found = [
        levels
        for press in presses
        if (
            levels := tone_levels(
                caller, press.start_sample, press.end_sample, press.digit
            )
        )
    ]
    if not found:
        return Knowledge(colour=background.colour)
    low, high = np.median(found, axis=0) + db_from_ratio(gain * gain)
    return Knowledge(
        low_dbm0=float(low),
        high_dbm0=float(high),
        colour=background.colour,
        levels_are_known=bool(np.std(found, axis=0).max() <= _STEADY_DB),
    )


def _try_elsewhere(
    agent: Float64,
    spans: Sequence[tuple[int, int]],
    background: Background,
    knowledge: Knowledge,
) -> Baseline:
    """
    Try the attacker where no key was down.
    """
    if not spans:
        return Baseline([])
    length = int(np.median([end - start for start, end in spans]))
    decoys = []
    for start in places_without(spans, len(agent), length):
        reading = read_press(
            agent, start, start + length, background.power, knowledge=knowledge
        )
        decoys.append(Decoy(loudness(agent, start, start + length), reading))
    return Baseline(decoys, background.power)


def _at_8k(samples: npt.ArrayLike, sample_rate_hz: int, name: str) -> Float64:
    audio = to_float64(as_samples(samples, name))
    return resample_to_8k(audio, sample_rate_hz) * FULL_SCALE


def describe(report: AuditReport) -> list[str]:
    """
    Say the result in words, a line each; no digit appears in them.
    """
    n = len(report.presses)
    if not n:
        return ["no press in the caller's recording", *_elsewhere(report)]
    blind = f"blind guessing: {n * report.chance:.1f}, up to {report.chance_bound}"
    low, high = report.share_bounds
    verdict = "nothing recoverable" if report.is_clean else "LEAK: digits recoverable"
    return [
        f"presses                {n}",
        f"recording lags by      {_lag(report)}",
        f"attacker guessed right {report.n_right} of {n} ({blind} by luck)",
        f"  in the long run      {100 * low:.1f} to {100 * high:.1f} % (95 %)",
        f"attacker was sure of   {report.n_read}",
        f"detector finds         {len(report.detected)}",
        f"verdict                {verdict}",
    ]


def _elsewhere(report: AuditReport) -> list[str]:
    """
    Say that there are digits where nothing was keyed.
    """
    if not report.detected:
        return []
    return [f"detector finds         {len(report.detected)} in the agent's recording"]


def _lag(report: AuditReport) -> str:
    """
    Say how the recordings lie to each other.
    """
    words = [f"{ms_from_samples(report.delay_samples):g} ms"]
    steps = [ms_from_samples(step) for _, step in report.alignment.steps]
    if steps:
        listed = ", ".join(f"{step:+.1f} ms" for step in steps[:3])
        more = ", …" if len(steps) > 3 else ""
        words.append(f"slips {len(steps)} x ({listed}{more})")
    drift = max((piece.drift for piece in report.alignment.pieces), key=abs)
    if drift:
        words.append(f"drifts by {drift * 1e6:+.0f} ppm")
    if report.alignment.gain < 0:
        words.append("is turned over")
    return "; ".join(words)
