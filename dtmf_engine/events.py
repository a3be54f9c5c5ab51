"""
Events: what the engine says about a stream, in stream order.

Sample numbers count from the start of the stream at the stream's own rate.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from dtmf_engine.units import db_from_ratio, ratio_from_db


class MissReason(StrEnum):
    """
    Why something that came close is not a digit.
    """

    QUIET = "quiet"
    """A tone is below the profile's minimum level."""
    LOW_OVER_HIGH = "low-over-high"
    """The low group is louder than the high group by more than the profile allows."""
    HIGH_OVER_LOW = "high-over-low"
    """The high group is louder than the low group by more than the profile allows."""
    FREQUENCY = "frequency"
    """A tone is further from its frequency than the profile allows."""
    NOT_CLEAN = "not-clean"
    """The pair is too unsteady, or too little of what is heard."""
    TOO_SHORT = "too-short"
    """The tone ended before the profile's minimum duration."""


@dataclass(frozen=True, slots=True)
class ToneStarted:
    """
    A pair of tones began; whether it becomes a digit is not known yet.
    """

    digit: str
    at_sample: int


@dataclass(frozen=True, slots=True)
class DigitDetected:
    """
    A press is certain. Sent exactly once a press, while the key may be down still.
    """

    digit: str
    start_sample: int
    """First sample of the tone, as estimated when the digit was reported."""
    reported_at_sample: int
    """How much of the stream had been heard when the digit became known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneEnded:
    """
    The tone of a reported digit is over.
    """

    digit: str
    start_sample: int
    end_sample: int
    low_dbm0: float
    """Mean level of the low-group tone."""
    high_dbm0: float
    """Mean level of the high-group tone."""

    @property
    def level_dbm0(self) -> float:
        """
        Level of both tones together.
        """
        return db_from_ratio(
            ratio_from_db(self.low_dbm0) + ratio_from_db(self.high_dbm0)
        )

    @property
    def twist_db(self) -> float:
        """
        High group minus low group.
        """
        return self.high_dbm0 - self.low_dbm0


@dataclass(frozen=True, slots=True)
class NearMiss:
    """
    Something came close to a digit and was refused.
    """

    reason: MissReason
    at_sample: int


Event: TypeAlias = ToneStarted | DigitDetected | ToneEnded | NearMiss
