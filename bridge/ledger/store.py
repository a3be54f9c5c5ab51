"""
The store: changes into a database, and back out after a restart.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import TypeVar

from sqlalchemy import Connection, Engine, update

from bridge.callbacks.record import PaymentRecord
from bridge.errors import LedgerError
from bridge.ledger import reads, records, schema
from bridge.ledger.changes import CallbackQueued, Change
from bridge.ledger.databases import open_engine
from bridge.ledger.ownership import Ownership
from bridge.ledger.reads import StoredAttempt, StoredCallback, StoredSession
from bridge.ledger.tables import DEAD, PENDING, REPLAY, callbacks
from bridge.ledger.writes import is_written, number_of, write_change


Answer = TypeVar("Answer")

CLOSE_WAIT_S = 30.0
"""Twice as long as a broken connection is believed in; see `databases`."""


class Ledger:
    """
    The database behind a bridge. Every call blocks, and may come from any thread.

    Args:
        database_url: an SQLAlchemy URL.

    Raises:
        LedgerError: by every call, once it is closed.
    """

    def __init__(self, database_url: str) -> None:
        self._engine: Engine = open_engine(database_url)
        self._ownership = Ownership(self._engine)
        self._changed = Condition()
        self._n_calls = 0
        self._closed = False

    # A bridge's own.

    def serve(self) -> None:
        """
        Become the one bridge that serves from it, and bring its schema up to date.

        Raises:
            LedgerError: another bridge serves, or the schema is not known.
        """
        with self._call():
            self._ownership.take()
            schema.upgrade(self._engine)

    def keep(self) -> None:
        """
        See that no other bridge serves from it; see `Ownership`.

        Raises:
            LedgerError: another one does.
        """
        with self._call():
            self._ownership.keep()

    def migrate(self) -> None:
        """
        Bring the schema up to date.

        Raises:
            LedgerError: the schema is newer than this program.
        """
        with self._call():
            schema.upgrade(self._engine)

    def write(self, changes: Iterable[Change], *, again: bool = False) -> list[int]:
        """
        Write changes in one transaction.

        Args:
            changes: in order.
            again: they were written before, it may be with success: what is
                there already is left as it is.

        Returns:
            The numbers of the callbacks among them, in order.
        """
        numbers: list[int] = []
        with self._call(), self._engine.begin() as connection:
            for change in changes:
                number = _write(connection, change, again=again)
                if number is not None:
                    numbers.append(number)
        return numbers

    def pending_callbacks(self) -> list[StoredCallback]:
        """
        Give all callbacks that are neither delivered nor given up, oldest first.
        """
        return self._read(reads.read_callbacks)

    def replayed_callbacks(self) -> list[StoredCallback]:
        """
        Give the dead letters that an operator wants delivered, oldest first.
        """
        return self._read(lambda c: reads.read_callbacks(c, [REPLAY]))

    def unfinished_sessions(self) -> list[StoredSession]:
        """
        Give the payments that have not ended, oldest first.
        """
        return self._read(reads.read_unfinished)

    def find_session(self, sid: str) -> StoredSession | None:
        """
        Look a payment up.
        """
        return self._read(lambda c: reads.read_session(c, sid))

    def find_record(
        self, account_sid: str, call_sid: str, sid: str
    ) -> PaymentRecord | None:
        """
        Look a payment of a call up, as its last callback told it.
        """
        return self._read(lambda c: records.read_record(c, account_sid, call_sid, sid))

    def records(
        self, account_sid: str, call_sid: str, *, first: int, count: int
    ) -> list[PaymentRecord]:
        """
        Give so many payments of a call, the newest first, after so many others.
        """
        return self._read(
            lambda c: records.read_records(
                c, account_sid, call_sid, first=first, count=count
            )
        )

    def missed_records(
        self, account_sid: str, call_sid: str, *, sid: str, sequence: int, count: int
    ) -> list[PaymentRecord] | None:
        """
        Give what was told of a call after a callback; see `records.read_missed`.
        """
        return self._read(
            lambda c: records.read_missed(
                c, account_sid, call_sid, sid=sid, sequence=sequence, count=count
            )
        )

    def close(self) -> None:
        """
        Give all connections back, and the right to serve.

        Waits for calls under way: whoever awaited one may have been cancelled, but
        its thread goes on, and the next owner must not meet it.
        """
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._n_calls, CLOSE_WAIT_S)
        self._ownership.release()
        self._engine.dispose()

    # An operator's.

    def check(self) -> None:
        """
        See that the schema is this program's.

        Raises:
            LedgerError: it is not.
        """
        with self._call():
            schema.check(self._engine)

    def callbacks(self, *, only_dead: bool = False) -> list[StoredCallback]:
        """
        Give the callbacks that are not delivered, oldest first.

        Args:
            only_dead: the dead letters alone.
        """
        states = [DEAD] if only_dead else [PENDING, REPLAY, DEAD]
        return self._read(lambda c: reads.read_callbacks(c, states))

    def attempts(self, *, only_open: bool = False) -> list[StoredAttempt]:
        """
        Give what gateways were asked, oldest first.

        Args:
            only_open: that alone of which nobody knows what became.
        """
        return self._read(lambda c: reads.read_attempts(c, only_open=only_open))

    def replay(self, callback_ids: Iterable[int] | None) -> list[int]:
        """
        Have dead letters delivered once more, by the bridge that serves.

        Args:
            callback_ids: which; `None` for all.

        Returns:
            The numbers of those that were dead letters.
        """
        statement = (
            update(callbacks)
            .where(callbacks.c.state == DEAD)
            .values(state=REPLAY, attempts=0, settled_at=None)
            .returning(callbacks.c.callback_id)
        )
        if callback_ids is not None:
            statement = statement.where(callbacks.c.callback_id.in_(list(callback_ids)))
        with self._call(), self._engine.begin() as connection:
            return sorted(connection.execute(statement).scalars())

    def _read(self, read: Callable[[Connection], Answer]) -> Answer:
        with self._call(), self._engine.connect() as connection:
            return read(connection)

    @contextmanager
    def _call(self) -> Iterator[None]:
        """
        Keep the ledger open.
        """
        with self._changed:
            if self._closed:
                raise LedgerError("the ledger is closed")
            self._n_calls += 1
        try:
            yield
        finally:
            with self._changed:
                self._n_calls -= 1
                self._changed.notify_all()


def _write(connection: Connection, change: Change, *, again: bool) -> int | None:
    if again and isinstance(change, CallbackQueued):
        number = number_of(connection, change)
        if number is not None:
            return number
    elif again and is_written(connection, change):
        return None
    return write_change(connection, change)
