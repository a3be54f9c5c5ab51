"""
Records: payments as their callbacks have told them, for whoever reads them back.
"""

from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from bridge.callbacks.body import Identity
from bridge.callbacks.record import PaymentRecord
from bridge.ledger.reads import utc
from bridge.ledger.tables import callbacks, sessions


_FIRST = callbacks.alias("first")
_LAST = callbacks.alias("last")


def read_record(
    connection: Connection, account_sid: str, call_sid: str, sid: str
) -> PaymentRecord | None:
    """
    Give one payment of a call.
    """
    query = _newest(account_sid, call_sid).where(sessions.c.sid == sid)
    return next((_record(row) for row in connection.execute(query)), None)


def read_records(
    connection: Connection, account_sid: str, call_sid: str, *, first: int, count: int
) -> list[PaymentRecord]:
    """
    Give a call's payments, the newest first.

    Args:
        connection: to the ledger.
        account_sid: whose call it is.
        call_sid: of the call.
        first: how many are left out.
        count: how many are given at most.
    """
    query = (
        _newest(account_sid, call_sid)
        .order_by(sessions.c.created_at.desc(), sessions.c.sid.desc())
        .offset(first)
        .limit(count)
    )
    return [_record(row) for row in connection.execute(query)]


def read_missed(
    connection: Connection,
    account_sid: str,
    call_sid: str,
    *,
    sid: str,
    sequence: int,
    count: int,
) -> list[PaymentRecord] | None:
    """
    Give all that was told of a call after one callback: a record for each, in order.

    Args:
        connection: to the ledger.
        account_sid: whose call it is.
        call_sid: of the call.
        sid: of the payment that the callback is of.
        sequence: of the callback.
        count: how many are given at most.

    Returns:
        The records, or `None` if the call has no such callback.
    """
    known = (
        select(callbacks.c.callback_id)
        .join(sessions, sessions.c.sid == callbacks.c.session_sid)
        .where(
            sessions.c.account_sid == account_sid,
            sessions.c.call_sid == call_sid,
            callbacks.c.session_sid == sid,
            callbacks.c.sequence == sequence,
        )
    )
    callback_id = connection.execute(known).scalar()
    if callback_id is None:
        return None
    # Numbers of callbacks grow with each commit: there is one writer.
    query = (
        _told(account_sid, call_sid)
        .where(_LAST.c.callback_id > callback_id)
        .order_by(_LAST.c.callback_id)
        .limit(count)
    )
    return [_record(row) for row in connection.execute(query)]


def _told(account_sid: str, call_sid: str) -> Any:
    """
    Ask for a call's payments, once for each of their callbacks.
    """
    started = and_(_FIRST.c.session_sid == sessions.c.sid, _FIRST.c.sequence == 1)
    return (
        select(
            sessions.c.sid,
            sessions.c.account_sid,
            sessions.c.call_sid,
            sessions.c.state,
            sessions.c.currency,
            sessions.c.created_at,
            _FIRST.c.form.label("first"),
            _LAST.c.form.label("last"),
            _LAST.c.sequence,
            _LAST.c.created_at.label("told_at"),
        )
        .join(_FIRST, started)
        .join(_LAST, _LAST.c.session_sid == sessions.c.sid)
        .where(sessions.c.account_sid == account_sid, sessions.c.call_sid == call_sid)
    )


def _newest(account_sid: str, call_sid: str) -> Any:
    """
    Ask for a call's payments, each with its last callback.
    """
    newest = (
        select(func.max(callbacks.c.sequence))
        .where(callbacks.c.session_sid == sessions.c.sid)
        .correlate(sessions)
        .scalar_subquery()
    )
    return _told(account_sid, call_sid).where(_LAST.c.sequence == newest)


def _record(row: Row[Any]) -> PaymentRecord:
    return PaymentRecord(
        identity=Identity(
            account_sid=row.account_sid,
            call_sid=row.call_sid,
            sid=row.sid,
            created_at=utc(row.created_at),
        ),
        state=row.state,
        # Payments of the first schema have none.
        currency=row.currency or "USD",
        first=row.first,
        last=row.last,
        sequence=row.sequence,
        updated_at=utc(row.told_at),
    )
