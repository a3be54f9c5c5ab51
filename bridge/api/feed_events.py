"""
What a call's feed says.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from bridge.callbacks.record import PaymentRecord


class EndReason(StrEnum):
    """
    Why a feed ends.
    """

    CALL_ENDED = "call-ended"
    """The call is over and so are its payments."""
    TOKEN_EXPIRED = "token-expired"  # noqa: S105 - no password
    TOO_SLOW = "too-slow"
    """Its reader was too far behind."""
    SHUTDOWN = "shutdown"
    """The bridge stops."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    All payments of the call as they are now, the newest first.
    """

    account_sid: str
    call_sid: str
    records: tuple[PaymentRecord, ...]


@dataclass(frozen=True, slots=True)
class PaymentTold:
    """
    Something was called back.
    """

    record: PaymentRecord


@dataclass(frozen=True, slots=True)
class PaymentMoved:
    """
    A payment's state has changed, and nothing was called back.
    """

    record: PaymentRecord


@dataclass(frozen=True, slots=True)
class FeedEnded:
    """
    The last event.
    """

    reason: EndReason


FeedEvent: TypeAlias = Snapshot | PaymentTold | PaymentMoved | FeedEnded


class Feed(Protocol):
    """
    The events of one call, for one reader.
    """

    async def next(self, wait_s: float) -> FeedEvent | None:
        """
        Give the next event, or `None` if there is none for so many seconds.
        """

    def close(self) -> None:
        """
        Its reader is gone, or has been told the last event.
        """
