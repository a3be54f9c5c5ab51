"""
The archive: payments as the ledger remembers them, those of earlier processes too.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import structlog

from bridge.api.errors import UNAVAILABLE, ApiError
from bridge.callbacks.record import PaymentRecord
from bridge.ledger.reads import StoredSession
from bridge.ledger.store import Ledger


READ_TIMEOUT_S = 10.0
"""How long a request waits for the ledger before it is answered 503."""

Answer = TypeVar("Answer")


class Archive:
    """
    Payments, looked up in the ledger.

    Args:
        ledger: where they are.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def find(self, sid: str) -> StoredSession | None:
        """
        Look a payment up; `None` if there is none, or no ledger to be had.
        """
        try:
            return await asyncio.to_thread(self._ledger.find_session, sid)
        except Exception as error:  # noqa: BLE001 - every driver has its own
            _log(error)
            return None

    async def record(
        self, account_sid: str, call_sid: str, sid: str
    ) -> PaymentRecord | None:
        """
        Look a payment of a call up.

        Raises:
            ApiError: there is no ledger to be had.
        """
        return await _read(lambda: self._ledger.find_record(account_sid, call_sid, sid))

    async def records(
        self, account_sid: str, call_sid: str, *, first: int, count: int
    ) -> list[PaymentRecord]:
        """
        Give so many payments of a call, the newest first, after so many others.

        Raises:
            ApiError: there is no ledger to be had.
        """
        return await _read(
            lambda: self._ledger.records(
                account_sid, call_sid, first=first, count=count
            )
        )

    async def missed_records(
        self, account_sid: str, call_sid: str, *, sid: str, sequence: int, count: int
    ) -> list[PaymentRecord] | None:
        """
        Give what was told of a call after a callback; `None` if it is unknown.

        Raises:
            ApiError: there is no ledger to be had.
        """
        return await _read(
            lambda: self._ledger.missed_records(
                account_sid, call_sid, sid=sid, sequence=sequence, count=count
            )
        )


async def _read(read: Callable[[], Answer]) -> Answer:
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            return await asyncio.to_thread(read)
    except Exception as error:  # noqa: BLE001 - every driver has its own
        _log(error)
        raise ApiError(
            503, UNAVAILABLE, "Service unavailable: the ledger is not reachable"
        ) from None


def _log(error: Exception) -> None:
    structlog.get_logger().error("ledger not read", error=type(error).__name__)
