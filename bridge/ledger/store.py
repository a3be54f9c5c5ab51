"""
The store: changes into a database, and back out after a restart.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, insert, select, update
from sqlalchemy.engine import make_url

from bridge.ledger.changes import (
    AttemptOpened,
    AttemptSettled,
    CallbackQueued,
    CallbackSettled,
    Change,
    SessionMoved,
    SessionOpened,
)
from bridge.ledger.tables import attempts, callbacks, sessions


PENDING, DELIVERED, DEAD = "pending", "delivered", "dead"
SENDING, SETTLED = "sending", "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCallback:
    """
    A callback of the outbox.
    """

    callback_id: int
    session_sid: str
    account_sid: str
    url: str
    form: dict[str, str]


class Ledger:
    """
    The database behind a bridge.

    Args:
        database_url: an SQLAlchemy URL.
    """

    def __init__(self, database_url: str) -> None:
        url = make_url(database_url)
        self._engine: Engine = create_engine(url, hide_parameters=True)
        if url.get_backend_name() == "sqlite":
            event.listen(self._engine, "connect", _prepare_sqlite)

    def migrate(self) -> None:
        """
        Bring the schema up to date.
        """
        config = Config()
        config.set_main_option("script_location", "bridge.ledger:migrations")
        with self._engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def write(self, changes: Iterable[Change]) -> list[int]:
        """
        Write changes in one transaction.

        Returns:
            The numbers of the callbacks among them, in order.
        """
        numbers: list[int] = []
        with self._engine.begin() as connection:
            for change in changes:
                number = _write(connection, change)
                if number is not None:
                    numbers.append(number)
        return numbers

    def pending_callbacks(self) -> list[StoredCallback]:
        """
        Give all callbacks that are neither delivered nor given up, oldest first.
        """
        query = (
            select(callbacks)
            .where(callbacks.c.state == PENDING)
            .order_by(callbacks.c.callback_id)
        )
        with self._engine.begin() as connection:
            return [
                StoredCallback(
                    callback_id=row.callback_id,
                    session_sid=row.session_sid,
                    account_sid=row.account_sid,
                    url=row.url,
                    form=row.form,
                )
                for row in connection.execute(query)
            ]

    def close(self) -> None:
        """
        Give all connections back.
        """
        self._engine.dispose()


def _prepare_sqlite(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # DB-API, untyped
    cursor.execute("PRAGMA journal_mode = WAL")
    # A commit is on the disk before anybody is told of it.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    # Two processes may meet, as when an operator lists dead letters.
    cursor.execute("PRAGMA busy_timeout = 5000")
    # What is deleted or overwritten does not stay readable in the file.
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()


def _write(connection: Connection, change: Change) -> int | None:
    match change:
        case SessionOpened():
            connection.execute(
                insert(sessions).values(
                    sid=change.sid,
                    account_sid=change.account_sid,
                    call_sid=change.call_sid,
                    state=change.state,
                    connector=change.connector,
                    charge_amount=change.charge_amount,
                    currency=change.currency,
                    created_at=change.at,
                    updated_at=change.at,
                )
            )
        case SessionMoved():
            connection.execute(
                update(sessions)
                .where(sessions.c.sid == change.sid)
                .values(state=change.state, result=change.result, updated_at=change.at)
            )
        case CallbackQueued():
            result = connection.execute(
                insert(callbacks).values(
                    session_sid=change.session_sid,
                    account_sid=change.account_sid,
                    sequence=change.sequence,
                    url=change.url,
                    form=dict(change.form),
                    state=PENDING,
                    attempts=0,
                    created_at=change.at,
                )
            )
            key = result.inserted_primary_key
            assert key is not None  # an insert of one row always has one
            return int(key[0])
        case CallbackSettled():
            connection.execute(
                update(callbacks)
                .where(callbacks.c.callback_id == change.callback_id)
                .values(
                    state=DELIVERED if change.is_delivered else DEAD,
                    attempts=change.attempts,
                    fault=change.fault,
                    settled_at=change.at,
                )
            )
        case AttemptOpened():
            connection.execute(
                insert(attempts).values(
                    attempt=change.attempt,
                    session_sid=change.session_sid,
                    state=SENDING,
                    sent_at=change.at,
                )
            )
        case AttemptSettled():
            connection.execute(
                update(attempts)
                .where(attempts.c.attempt == change.attempt)
                .values(state=SETTLED, outcome=change.outcome, settled_at=change.at)
            )
        case _:
            assert_never(change)
    return None
