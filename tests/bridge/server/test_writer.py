"""
The ledger's writer: in order, together, and for as long as it takes.
"""

import asyncio
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial

import pytest
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from bridge.ledger.changes import AttemptOpened, CallbackQueued, Change
from bridge.ledger.store import Ledger
from bridge.server.clock import utc_now
from bridge.server.metrics import Metrics
from bridge.server.writer import (
    MAX_CHANGES_PER_TRANSACTION,
    LedgerRefusedError,
    LedgerWriter,
)
from tests.support.media import put_forward, run, wait_until


class FakeLedger(Ledger):
    """
    Remembers transactions; fails, refuses, or waits, where it is told to.

    Args:
        n_failures: how often it cannot be had, at first.
        refused: attempts that violate a constraint.
    """

    def __init__(self, n_failures: int = 0, refused: Sequence[str] = ()) -> None:
        self.n_failures = n_failures
        self.refused = refused
        self.repeated: list[bool] = []
        """Of each try, whether it may have been made before."""
        self.n_tried = 0
        self.transactions: list[list[Change]] = []
        self.may_write = threading.Event()
        self.may_write.set()
        self._n_callbacks = 100

    def write(self, changes: Iterable[Change], *, again: bool = False) -> list[int]:
        """
        Write in one transaction, or fail.
        """
        self.n_tried += 1
        self.repeated.append(again)
        assert self.may_write.wait(10)
        if self.n_tried <= self.n_failures:
            raise OSError("INSERT INTO callbacks … xxxxxxxxxxxx1111")
        batch = list(changes)
        if any(
            isinstance(c, AttemptOpened) and c.attempt in self.refused for c in batch
        ):
            raise IntegrityError("INSERT … xxxxxxxxxxxx1111", {}, OSError("1111"))
        self.transactions.append(batch)
        numbers = []
        for change in self.transactions[-1]:
            if isinstance(change, CallbackQueued):
                self._n_callbacks += 1
                numbers.append(self._n_callbacks)
        return numbers


def _callback(sequence: int) -> CallbackQueued:
    return CallbackQueued(
        session_sid="PK01",
        account_sid="AC01",
        sequence=sequence,
        url="https://example.com/told",
        form={},
        at=utc_now(),
    )


def _attempt(name: str) -> AttemptOpened:
    return AttemptOpened(attempt=name, session_sid="PK01", at=utc_now())


async def _write(
    ledger: FakeLedger, batches: Sequence[Sequence[Change]]
) -> list[asyncio.Future[list[int]]]:
    """
    Submit batches, the later ones while the first is being written, and wait.
    """
    writer = LedgerWriter(ledger, Metrics())
    writing = asyncio.create_task(writer.run())
    ledger.may_write.clear()
    futures = [writer.submit(batches[0])]
    await wait_until(lambda: ledger.n_tried)
    futures += [writer.submit(batch) for batch in batches[1:]]
    ledger.may_write.set()
    await writer.wait_idle()
    writing.cancel()
    with suppress(asyncio.CancelledError):
        await writing
    return futures


def test_writer_writes_in_order_and_together_what_has_gathered() -> None:
    """
    What is submitted while a transaction is under way is the next one, and each
    caller is told the numbers of his own callbacks.
    """
    ledger = FakeLedger()
    batches: list[list[Change]] = [
        [_callback(1)],
        [_attempt("a1")],
        [_callback(2), _attempt("a2"), _callback(3)],
        [],
        [_callback(4)],
    ]
    futures = run(_write(ledger, batches))
    assert ledger.transactions == [batches[0], [c for b in batches[1:] for c in b]]
    assert [future.result() for future in futures] == [
        [101],
        [],
        [102, 103],
        [],
        [104],
    ]


def test_writer_keeps_a_batch_whole_and_a_transaction_small() -> None:
    """
    No transaction has more changes than the limit, unless one step alone has, and
    no step is torn.
    """
    limit = MAX_CHANGES_PER_TRANSACTION
    ledger = FakeLedger()
    sizes = [1, limit - 10, 10, 1, limit + 1, 1]
    batches = [[_attempt(f"a{n}")] * size for n, size in enumerate(sizes)]
    run(_write(ledger, batches))
    assert [len(changes) for changes in ledger.transactions] == [
        1,
        limit,
        1,
        limit + 1,
        1,
    ]
    assert [c for t in ledger.transactions for c in t] == [
        c for b in batches for c in b
    ]


def _is_tried(ledger: FakeLedger, n_times: int) -> bool:
    return ledger.n_tried == n_times


def test_writer_tries_a_ledger_that_fails_again() -> None:
    """
    Changes wait until the ledger takes them, none is lost or written twice, and
    what is logged shows no statement.
    """

    async def main() -> list[list[int]]:
        writer = LedgerWriter(ledger, Metrics())
        writing = asyncio.create_task(writer.run())
        futures = []
        for n_tried in range(1, 4):
            futures.append(writer.submit([_callback(n_tried)]))
            await wait_until(partial(_is_tried, ledger, n_tried))
            assert not any(future.done() for future in futures)
            put_forward(1.0)
        await writer.wait_idle()
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        return [future.result() for future in futures]

    ledger = FakeLedger(n_failures=3)
    with capture_logs() as lines:
        assert run(main()) == [[101], [102], [103]]
    written = [
        [change.sequence for change in changes if isinstance(change, CallbackQueued)]
        for changes in ledger.transactions
    ]
    # What came while it failed goes together once it works.
    assert written == [[1], [2, 3]]
    # A failure may be a commit whose answer was lost.
    assert ledger.repeated == [False, True, True, True, False]
    assert (
        lines
        == [{"event": "ledger not written", "error": "OSError", "log_level": "error"}]
        * 3
    )


def test_writer_does_not_mind_a_caller_who_waits_no_more() -> None:
    """
    A command that was given up is written all the same, and nobody else's answer
    is moved by it.
    """

    async def main() -> list[int]:
        writer = LedgerWriter(ledger, Metrics())
        given_up = writer.submit([_callback(1)])
        given_up.cancel()
        other = writer.submit([_callback(2)])
        writing = asyncio.create_task(writer.run())
        numbers = await other
        await writer.wait_idle()
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        return numbers

    ledger = FakeLedger()
    assert run(main()) == [102]
    assert [len(changes) for changes in ledger.transactions] == [2]


@pytest.mark.parametrize("n_batches", [0, 1])
def test_writer_is_idle_when_everything_is_safe(n_batches: int) -> None:
    """
    Idle means that nothing waits and nothing is under way.
    """

    async def main() -> None:
        writer = LedgerWriter(ledger, Metrics())
        for _ in range(n_batches):
            writer.submit([_attempt("a")])
        idle = asyncio.create_task(writer.wait_idle())
        for _ in range(3):
            await asyncio.sleep(0)
        assert idle.done() is not bool(n_batches)
        writing = asyncio.create_task(writer.run())
        await idle
        assert len(ledger.transactions) == n_batches
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing

    ledger = FakeLedger()
    run(main())


def test_writer_tells_what_the_ledger_refuses_and_goes_on() -> None:
    """
    A violated constraint is violated for ever: only the step that violates it is
    left out, whoever it was written together with, and nobody waits for it.
    """
    ledger, metrics = FakeLedger(refused=["bad"]), Metrics()

    async def main() -> list[object]:
        writer = LedgerWriter(ledger, metrics)
        batches: list[list[Change]] = [
            [_callback(1), _attempt("a1")],
            [_callback(2), _attempt("bad"), _callback(3)],
            [_callback(4)],
        ]
        futures = [writer.submit(batch) for batch in batches]
        writing = asyncio.create_task(writer.run())
        await writer.wait_idle()
        later = writer.submit([_callback(5)])
        await writer.wait_idle()
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        return [f.exception() or f.result() for f in [*futures, later]]

    with capture_logs() as lines:
        first, refused, third, later = run(main())
    assert (first, third, later) == ([101], [102], [103])
    assert isinstance(refused, LedgerRefusedError)
    assert str(refused) == "IntegrityError"
    written = [
        [change.sequence for change in changes if isinstance(change, CallbackQueued)]
        for changes in ledger.transactions
    ]
    assert written == [[1], [4], [5]]
    assert metrics.registry.get_sample_value("dtmf_ledger_refusals_total") == 1
    assert lines == [
        {
            "event": "ledger refused a change",
            "error": "IntegrityError",
            "changes": ["CallbackQueued", "AttemptOpened", "CallbackQueued"],
            "log_level": "error",
        }
    ]


def test_writer_goes_on_when_whoever_was_refused_waits_no_more() -> None:
    """
    Nobody is told, and nothing is left over.
    """
    ledger = FakeLedger(refused=["bad"])

    async def main() -> list[int]:
        writer = LedgerWriter(ledger, Metrics())
        writer.submit([_attempt("bad")]).cancel()
        other = writer.submit([_callback(1)])
        writing = asyncio.create_task(writer.run())
        await writer.wait_idle()
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        return other.result()

    assert run(main()) == [101]
