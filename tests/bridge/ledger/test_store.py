"""
The store: what is written together is there together, and is found again.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, select
from sqlalchemy.exc import IntegrityError

from bridge.ledger.changes import (
    AttemptOpened,
    AttemptSettled,
    CallbackQueued,
    CallbackSettled,
    Change,
    SessionMoved,
    SessionOpened,
)
from bridge.ledger.store import Ledger, StoredCallback
from bridge.ledger.tables import attempts, callbacks, sessions


AT = datetime(2026, 6, 15, 12, 0, 0, 123_000, UTC)
LATER = AT + timedelta(seconds=5)
ACCOUNT = "AC" + "0" * 32

OPENED = SessionOpened(
    sid="PK1",
    account_sid=ACCOUNT,
    call_sid="CA1",
    state="ready",
    connector="Default",
    charge_amount="9.99",
    currency="USD",
    at=AT,
)
QUEUED = CallbackQueued(
    session_sid="PK1",
    account_sid=ACCOUNT,
    sequence=1,
    url="https://agent.example/cb?x=1#rc=2",
    form={"Sid": "PK1", "Required": "", "Description": "Tee – süß"},
    at=AT,
)
ATTEMPT = AttemptOpened(attempt="a0123456789abcdef01", session_sid="PK1", at=AT)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """
    A ledger of its own for each test.
    """
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.migrate()
    yield ledger
    ledger.close()


def _rows(ledger: Ledger, table: Table) -> list[dict[str, object]]:
    with ledger._engine.connect() as connection:
        rows = connection.execute(select(table)).mappings()
        return [dict(row) for row in rows]


def _local(moment: datetime) -> datetime:
    # SQLite keeps no offset; all dates are UTC.
    return moment.replace(tzinfo=None)


def test_ledger_remembers_a_payment_from_start_to_end(ledger: Ledger) -> None:
    """
    Each change is found in its table as it was written.
    """
    ledger.write([OPENED, ATTEMPT])
    assert _rows(ledger, attempts) == [
        {
            "attempt": ATTEMPT.attempt,
            "session_sid": "PK1",
            "state": "sending",
            "outcome": None,
            "sent_at": _local(AT),
            "settled_at": None,
        }
    ]
    ledger.write(
        [
            AttemptSettled(attempt=ATTEMPT.attempt, outcome="approved", at=LATER),
            SessionMoved(sid="PK1", state="ended", result="success", at=LATER),
        ]
    )
    (attempt,) = _rows(ledger, attempts)
    assert attempt["state"] == "settled"
    assert attempt["outcome"] == "approved"
    assert attempt["settled_at"] == _local(LATER)
    assert _rows(ledger, sessions) == [
        {
            "sid": "PK1",
            "account_sid": ACCOUNT,
            "call_sid": "CA1",
            "state": "ended",
            "result": "success",
            "connector": "Default",
            "charge_amount": "9.99",
            "currency": "USD",
            "created_at": _local(AT),
            "updated_at": _local(LATER),
        }
    ]


def test_ledger_moves_the_named_payment_and_no_other(ledger: Ledger) -> None:
    """
    A change of one row leaves its neighbours as they are.
    """
    ledger.write([OPENED, replace(OPENED, sid="PK2")])
    ledger.write([SessionMoved(sid="PK2", state="capturing", result=None, at=LATER)])
    states = {row["sid"]: row["state"] for row in _rows(ledger, sessions)}
    assert states == {"PK1": "ready", "PK2": "capturing"}


def test_ledger_gives_the_numbers_of_the_callbacks_in_order(ledger: Ledger) -> None:
    """
    A number for each callback among the changes, and for nothing else.
    """
    second = replace(QUEUED, sequence=2)
    assert ledger.write([OPENED]) == []
    assert ledger.write([QUEUED, ATTEMPT, second]) == [1, 2]
    assert ledger.write([replace(QUEUED, sequence=3)]) == [3]
    assert ledger.write([]) == []


def test_ledger_gives_pending_callbacks_back_as_they_were_queued(
    ledger: Ledger, tmp_path: Path
) -> None:
    """
    After a restart the outbox holds what nobody acknowledged, oldest first.
    """
    later = [replace(QUEUED, sequence=n) for n in (2, 3, 4)]
    numbers = ledger.write([OPENED, QUEUED, *later])
    settled = CallbackSettled(
        callback_id=numbers[0], is_delivered=True, attempts=1, fault=None, at=LATER
    )
    dead = replace(
        settled,
        callback_id=numbers[2],
        is_delivered=False,
        attempts=11,
        fault="status 503",
    )
    ledger.write([settled, dead])
    ledger.close()
    again = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    again.migrate()
    assert again.pending_callbacks() == [
        StoredCallback(
            callback_id=number,
            session_sid="PK1",
            account_sid=ACCOUNT,
            url=QUEUED.url,
            form=dict(QUEUED.form),
        )
        for number in (numbers[1], numbers[3])
    ]
    told = [
        (row["state"], row["attempts"], row["fault"], row["settled_at"])
        for row in _rows(again, callbacks)
    ]
    again.close()
    assert told == [
        ("delivered", 1, None, _local(LATER)),
        ("pending", 0, None, None),
        ("dead", 11, "status 503", _local(LATER)),
        ("pending", 0, None, None),
    ]


@pytest.mark.parametrize(
    "bad",
    [
        # Of no payment; of a payment that has it already; a payment twice.
        replace(QUEUED, session_sid="PK9", sequence=2),
        QUEUED,
        OPENED,
        replace(ATTEMPT, attempt="a2", session_sid="PK9"),
        ATTEMPT,
    ],
)
def test_ledger_writes_all_of_a_batch_or_nothing(ledger: Ledger, bad: Change) -> None:
    """
    A change that fails takes all that were written with it back.
    """
    ledger.write([OPENED, QUEUED, ATTEMPT])
    before = [_rows(ledger, table) for table in (sessions, callbacks, attempts)]
    batch: list[Change] = [
        SessionMoved(sid="PK1", state="ended", result="success", at=LATER),
        replace(QUEUED, sequence=7),
        AttemptSettled(attempt=ATTEMPT.attempt, outcome="approved", at=LATER),
        bad,
    ]
    with pytest.raises(IntegrityError) as caught:
        ledger.write(batch)
    after = [_rows(ledger, table) for table in (sessions, callbacks, attempts)]
    assert after == before
    # The statement may be told, what was in it not.
    assert "süß" not in str(caught.value)
    assert "agent.example" not in str(caught.value)
    # The ledger is of use still.
    assert ledger.write([replace(QUEUED, sequence=2)]) == [2]


def test_ledger_runs_sqlite_so_that_nothing_is_lost_or_left_readable(
    ledger: Ledger,
) -> None:
    """
    Every connection has the settings, not only the first one.
    """
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "secure_delete": 1,
    }
    with ledger._engine.connect() as one, ledger._engine.connect() as two:
        for connection in (one, two):
            found = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in wanted
            }
            assert found == wanted
