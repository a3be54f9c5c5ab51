"""
Reads: what a restart, the API and an operator ask for.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from bridge.ledger.tables import (
    PENDING,
    SENDING,
    UNKNOWN,
    attempts,
    callbacks,
    sessions,
)
from bridge.pay.states import State


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCallback:
    """
    A callback of the outbox.
    """

    callback_id: int
    session_sid: str
    account_sid: str
    sequence: int
    url: str
    form: dict[str, str]
    state: str
    attempts: int
    """How often it was tried; of a pending one, since the last start."""
    fault: str | None
    created_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttempt:
    """
    What a gateway was asked.
    """

    attempt: str
    session_sid: str
    account_sid: str
    call_sid: str
    connector: str
    charge_amount: str | None
    """`None` if a token was asked for."""
    currency: str
    state: str
    outcome: str | None
    reference: str | None
    sent_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """
    A payment, masked.
    """

    sid: str
    account_sid: str
    call_sid: str
    state: str
    result: str | None
    connector: str
    charge_amount: str | None
    currency: str
    status_callback: str
    created_at: datetime
    updated_at: datetime
    last_callback: StoredCallback
    """The newest; its form shows what was captured."""
    attempts: tuple[StoredAttempt, ...]
    """Oldest first; one at most, unless a connector learns to retry."""

    @property
    def is_ended(self) -> bool:
        """
        Whether nothing more will happen to it.
        """
        return self.state == State.ENDED


def read_callbacks(
    connection: Connection, states: Iterable[str] = (PENDING,)
) -> list[StoredCallback]:
    """
    Give the callbacks in these states, oldest first.
    """
    query = (
        select(callbacks)
        .where(callbacks.c.state.in_(list(states)))
        .order_by(callbacks.c.callback_id)
    )
    return [_callback(row) for row in connection.execute(query)]


def read_attempts(
    connection: Connection, *, only_open: bool = False
) -> list[StoredAttempt]:
    """
    Give attempts, oldest first.

    Args:
        connection: to the ledger.
        only_open: those alone of which nobody knows, or knew, what became.
    """
    query = _attempts().order_by(attempts.c.sent_at, attempts.c.attempt)
    if only_open:
        is_open = (attempts.c.state == SENDING) | (attempts.c.outcome == UNKNOWN)
        query = query.where(is_open)
    return [_attempt(row) for row in connection.execute(query)]


def read_session(connection: Connection, sid: str) -> StoredSession | None:
    """
    Give one payment.
    """
    query = select(sessions).where(sessions.c.sid == sid)
    return next(_sessions(connection, query), None)


def read_unfinished(connection: Connection) -> list[StoredSession]:
    """
    Give the payments that have not ended, oldest first.
    """
    query = (
        select(sessions)
        .where(sessions.c.state != State.ENDED)
        .order_by(sessions.c.created_at, sessions.c.sid)
    )
    return list(_sessions(connection, query))


def _sessions(connection: Connection, query: Any) -> Iterator[StoredSession]:
    for row in connection.execute(query).all():
        last = _last_callback(connection, row.sid)
        asked = _attempts().where(attempts.c.session_sid == row.sid)
        yield StoredSession(
            sid=row.sid,
            account_sid=row.account_sid,
            call_sid=row.call_sid,
            state=row.state,
            result=row.result,
            connector=row.connector,
            charge_amount=row.charge_amount,
            currency=row.currency,
            status_callback=row.status_callback or last.url,
            created_at=utc(row.created_at),
            updated_at=utc(row.updated_at),
            last_callback=last,
            attempts=tuple(
                _attempt(found)
                for found in connection.execute(asked.order_by(attempts.c.sent_at))
            ),
        )


def _last_callback(connection: Connection, sid: str) -> StoredCallback:
    query = (
        select(callbacks)
        .where(callbacks.c.session_sid == sid)
        .order_by(callbacks.c.sequence.desc())
        .limit(1)
    )
    # A payment and its first callback are written together.
    return _callback(connection.execute(query).one())


def _attempts() -> Any:
    return select(
        attempts,
        sessions.c.account_sid,
        sessions.c.call_sid,
        sessions.c.connector,
        sessions.c.charge_amount,
        sessions.c.currency,
    ).join(sessions, sessions.c.sid == attempts.c.session_sid)


def _callback(row: Row[Any]) -> StoredCallback:
    return StoredCallback(
        callback_id=row.callback_id,
        session_sid=row.session_sid,
        account_sid=row.account_sid,
        sequence=row.sequence,
        url=row.url,
        form=row.form,
        state=row.state,
        attempts=row.attempts,
        fault=row.fault,
        created_at=utc(row.created_at),
        settled_at=_utc_or_none(row.settled_at),
    )


def _attempt(row: Row[Any]) -> StoredAttempt:
    return StoredAttempt(
        attempt=row.attempt,
        session_sid=row.session_sid,
        account_sid=row.account_sid,
        call_sid=row.call_sid,
        connector=row.connector,
        charge_amount=row.charge_amount,
        currency=row.currency or "USD",
        state=row.state,
        outcome=row.outcome,
        reference=row.reference,
        sent_at=utc(row.sent_at),
        settled_at=_utc_or_none(row.settled_at),
    )


def _utc_or_none(moment: datetime | None) -> datetime | None:
    return None if moment is None else utc(moment)


def utc(moment: datetime) -> datetime:
    """
    Give a moment as a database gave it, aware and in UTC.
    """
    # SQLite keeps no offset, PostgreSQL gives that of the connection.
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)
