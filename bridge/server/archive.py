"""
The archive: payments of earlier processes, as the ledger remembers them.
"""

import asyncio

import structlog

from bridge.ledger.reads import StoredSession
from bridge.ledger.store import Ledger


class Archive:
    """
    Payments that this process does not know, looked up in the ledger.

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
            name = type(error).__name__
            structlog.get_logger().error("ledger not read", error=name)
            return None
