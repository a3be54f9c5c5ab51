"""
What a stream says, in any dialect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias


class Role(StrEnum):
    """
    Whose leg a stream carries.
    """

    CALLER = "caller"
    AGENT = "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """
    The provider told what the stream is.
    """

    stream_sid: str
    call_sid: str
    account_sid: str
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Custom parameters; not shown in a repr, because a token may be in them."""


@dataclass(frozen=True, slots=True)
class Audio:
    """
    µ-law audio at 8 kHz, in order.
    """

    octets: bytes = field(repr=False)
    n_lost_samples: int = 0
    """Samples that went missing just before it."""


@dataclass(frozen=True, slots=True)
class DigitEvent:
    """
    The provider itself recognised a key press.
    """

    digit: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MarkReached:
    """
    Audio that was sent before a mark has been played, or thrown away.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """
    The provider ended the stream.
    """


@dataclass(frozen=True, slots=True)
class Ignored:
    """
    Something was wrong with a message, and it was left out.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Close:
    """
    The stream cannot go on: close the connection with this code.
    """

    code: int
    """Of RFC 6455 section 7.4.1."""
    reason: str


StreamEvent: TypeAlias = (
    Started | Audio | DigitEvent | MarkReached | Stopped | Ignored | Close
)


POLICY_VIOLATION = 1008
"""RFC 6455: a message that violates our policy, for want of a better code."""
GOING_AWAY = 1001
NORMAL = 1000
TRY_AGAIN_LATER = 1013
