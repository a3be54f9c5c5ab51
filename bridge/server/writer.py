"""
The ledger's writer: changes of all sessions, in order, off the event loop.

Changes that gather while a transaction is under way are written in the next
one together; each caller still learns when his are safe.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from bridge.ledger.changes import CallbackQueued, Change
from bridge.ledger.store import Ledger


MAX_CHANGES_PER_TRANSACTION = 500
_RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class _Batch:
    changes: Sequence[Change]
    written: asyncio.Future[list[int]]


class LedgerWriter:
    """
    Writes to a ledger until it is stopped.

    A database that fails is tried again, for ever: its changes wait here, and
    so do the commands that wait for them.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: deque[_Batch] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._log = structlog.get_logger()

    def submit(self, changes: Sequence[Change]) -> asyncio.Future[list[int]]:
        """
        Queue the changes of one step.

        Returns:
            Done when they are safe, with the numbers of the callbacks in them.
        """
        future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Batch(changes, future))
        self._idle.clear()
        self._wake.set()
        return future

    async def run(self) -> None:
        """
        Write whatever is submitted; cancel to stop.
        """
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._write(self._take())
            self._idle.set()

    async def wait_idle(self) -> None:
        """
        Wait until everything that was submitted is safe.
        """
        await self._idle.wait()

    def _take(self) -> list[_Batch]:
        batches = [self._waiting.popleft()]
        size = len(batches[0].changes)
        while self._waiting:
            size += len(self._waiting[0].changes)
            if size > MAX_CHANGES_PER_TRANSACTION:
                break
            batches.append(self._waiting.popleft())
        return batches

    async def _write(self, batches: list[_Batch]) -> None:
        changes = [change for batch in batches for change in batch.changes]
        while True:
            try:
                numbers = await asyncio.to_thread(self._ledger.write, changes)
                break
            except Exception as error:  # noqa: BLE001 - worker top: log, try again
                # The text may quote a statement; the type says enough.
                self._log.error("ledger not written", error=type(error).__name__)
                await asyncio.sleep(_RETRY_S)
        for batch in batches:
            n = sum(isinstance(change, CallbackQueued) for change in batch.changes)
            if not batch.written.cancelled():
                batch.written.set_result(numbers[:n])
            numbers = numbers[n:]
