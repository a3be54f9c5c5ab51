"""
The ledger's writer: changes of all sessions, in order, off the event loop.

Changes that gather while a transaction is under way are written in the next
one together; each caller still learns when his are safe.

A database fails in two ways. One that cannot be had is waited for: nothing may
go on that it does not know of. One that refuses a change will refuse it again;
that change is told and left out, so that those behind it are not held up.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from bridge.ledger.changes import CallbackQueued, Change
from bridge.ledger.databases import is_outage
from bridge.ledger.store import Ledger
from bridge.server.metrics import Metrics


MAX_CHANGES_PER_TRANSACTION = 500
_RETRY_S = 1.0


class LedgerRefusedError(Exception):
    """
    The ledger refused the changes of a step, and keeps none of them.

    Its text names the kind of error and no value.
    """


@dataclass(frozen=True, slots=True)
class _Batch:
    changes: Sequence[Change]
    written: asyncio.Future[list[int]]


class LedgerWriter:
    """
    Writes to a ledger until it is stopped.

    A database that fails is tried again, for ever: its changes wait here, and
    so do the commands that wait for them.

    Args:
        ledger: to write to.
        metrics: of the bridge.
    """

    def __init__(self, ledger: Ledger, metrics: Metrics) -> None:
        self._metrics = metrics
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
            Done when they are safe, with the numbers of the callbacks in them;
            failed with `LedgerRefusedError` if they never will be.
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
        """
        Write batches together or, if one of them is refused, each by itself.
        """
        try:
            numbers = await self._insist([c for b in batches for c in b.changes])
        except LedgerRefusedError as error:
            if len(batches) > 1:
                for batch in batches:
                    await self._write([batch])
                return
            self._refuse(batches[0], error)
            return
        for batch in batches:
            n = sum(isinstance(change, CallbackQueued) for change in batch.changes)
            if not batch.written.cancelled():
                batch.written.set_result(numbers[:n])
            numbers = numbers[n:]

    async def _insist(self, changes: list[Change]) -> list[int]:
        """
        Write changes, whatever it takes.

        Raises:
            LedgerRefusedError: the ledger will not have them.
        """
        again = False
        while True:
            try:
                return await asyncio.to_thread(self._ledger.write, changes, again=again)
            except Exception as error:  # noqa: BLE001 - every driver has its own
                # The text may quote a statement; the type says enough.
                name = type(error).__name__
                if not is_outage(error):
                    raise LedgerRefusedError(name) from None
                self._log.error("ledger not written", error=name)
            # The commit may have been made and its answer lost.
            again = True
            await asyncio.sleep(_RETRY_S)

    def _refuse(self, batch: _Batch, error: LedgerRefusedError) -> None:
        self._metrics.ledger_refusals.inc()
        self._log.error(
            "ledger refused a change",
            error=str(error),
            changes=[type(change).__name__ for change in batch.changes],
        )
        if not batch.written.cancelled():
            batch.written.set_exception(error)
            # Seen here; who else waits may look or not.
            batch.written.exception()
