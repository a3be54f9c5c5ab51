"""
Writes: each change as a statement.
"""

from typing import assert_never

from sqlalchemy import Connection, insert, select, update

from bridge.ledger.changes import (
    AttemptOpened,
    AttemptSettled,
    CallbackPostponed,
    CallbackQueued,
    CallbackReplayed,
    CallbackSettled,
    Change,
    SessionMoved,
    SessionOpened,
)
from bridge.ledger.tables import (
    DEAD,
    DELIVERED,
    PENDING,
    REPLAY,
    SENDING,
    SETTLED,
    attempts,
    callbacks,
    sessions,
)


def write_change(connection: Connection, change: Change) -> int | None:
    """
    Write one change.

    Returns:
        The number of the callback, if it queues one.
    """
    match change:
        case SessionOpened():
            _open_session(connection, change)
        case SessionMoved():
            connection.execute(
                update(sessions)
                .where(sessions.c.sid == change.sid)
                .values(
                    state=change.state,
                    result=change.result,
                    status_callback=change.status_callback,
                    updated_at=change.at,
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
                .values(
                    state=SETTLED,
                    outcome=change.outcome,
                    reference=change.reference,
                    settled_at=change.at,
                )
            )
        case CallbackQueued():
            return _queue_callback(connection, change)
        case CallbackPostponed() | CallbackReplayed() | CallbackSettled():
            _update_callback(connection, change)
        case _:
            assert_never(change)
    return None


def is_written(connection: Connection, change: Change) -> bool:
    """
    Tell whether a change that inserts a row is there already.

    A commit whose answer was lost may have been made; its keys are random, or
    counted by us alone, so a row that is there is the one that was written.
    """
    match change:
        case SessionOpened():
            query = select(sessions.c.sid).where(sessions.c.sid == change.sid)
        case AttemptOpened():
            query = select(attempts.c.attempt).where(
                attempts.c.attempt == change.attempt
            )
        case _:
            return False
    return connection.execute(query).first() is not None


def number_of(connection: Connection, change: CallbackQueued) -> int | None:
    """
    Give the number of a callback that is there already.
    """
    query = select(callbacks.c.callback_id).where(
        callbacks.c.session_sid == change.session_sid,
        callbacks.c.sequence == change.sequence,
    )
    number = connection.execute(query).scalar()
    return None if number is None else int(number)


def _open_session(connection: Connection, change: SessionOpened) -> None:
    connection.execute(
        insert(sessions).values(
            sid=change.sid,
            account_sid=change.account_sid,
            call_sid=change.call_sid,
            state=change.state,
            connector=change.connector,
            charge_amount=change.charge_amount,
            currency=change.currency,
            status_callback=change.status_callback,
            created_at=change.at,
            updated_at=change.at,
        )
    )


def _queue_callback(connection: Connection, change: CallbackQueued) -> int:
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


def _update_callback(
    connection: Connection,
    change: CallbackPostponed | CallbackReplayed | CallbackSettled,
) -> None:
    this = update(callbacks).where(callbacks.c.callback_id == change.callback_id)
    match change:
        case CallbackPostponed():
            statement = this.values(attempts=change.attempts, fault=change.fault)
        case CallbackReplayed():
            statement = this.where(callbacks.c.state == REPLAY).values(state=PENDING)
        case CallbackSettled():
            statement = this.values(
                state=DELIVERED if change.is_delivered else DEAD,
                attempts=change.attempts,
                fault=change.fault,
                settled_at=change.at,
            )
        case _:
            assert_never(change)
    connection.execute(statement)
