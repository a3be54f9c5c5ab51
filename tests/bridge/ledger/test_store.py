"""
The store: what is written together is there together, and is found again.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
from sqlalchemy import Table, select
from sqlalchemy.exc import IntegrityError

from bridge.errors import LedgerError
from bridge.ledger.changes import (
    AttemptOpened,
    AttemptSettled,
    CallbackPostponed,
    CallbackQueued,
    CallbackReplayed,
    CallbackSettled,
    Change,
    SessionMoved,
)
from bridge.ledger.reads import StoredAttempt, StoredCallback, StoredSession
from bridge.ledger.store import Ledger
from bridge.ledger.tables import attempts, callbacks, sessions
from tests.support.books import session_opened


AT = datetime(2026, 6, 15, 12, 0, 0, 123_000, UTC)
LATER = AT + timedelta(seconds=5)
ACCOUNT = "AC" + "0" * 32

OPENED = session_opened(
    "PK1", account_sid=ACCOUNT, url="https://agent.example/cb", at=AT
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


def _rows(ledger: Ledger, table: Table) -> list[dict[str, object]]:
    key = next(iter(table.primary_key))
    with ledger._engine.connect() as connection:
        rows = connection.execute(select(table).order_by(key)).mappings()
        return [
            {name: _utc(value) for name, value in row.items() if value is not None}
            for row in rows
        ]


def _utc(value: object) -> object:
    # SQLite keeps no offset, PostgreSQL gives that of the connection.
    if not isinstance(value, datetime):
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


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
            "sent_at": AT,
        }
    ]
    ledger.write(
        [
            AttemptSettled(
                attempt=ATTEMPT.attempt, outcome="approved", reference="ch_1", at=LATER
            ),
            SessionMoved(
                sid="PK1",
                state="ended",
                result="success",
                status_callback="https://agent.example/last",
                at=LATER,
            ),
        ]
    )
    (attempt,) = _rows(ledger, attempts)
    assert attempt["state"] == "settled"
    assert attempt["outcome"] == "approved"
    assert attempt["reference"] == "ch_1"
    assert attempt["settled_at"] == LATER
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
            "status_callback": "https://agent.example/last",
            "created_at": AT,
            "updated_at": LATER,
        }
    ]


def test_ledger_moves_the_named_payment_and_no_other(ledger: Ledger) -> None:
    """
    A change of one row leaves its neighbours as they are.
    """
    ledger.write([OPENED, replace(OPENED, sid="PK2")])
    ledger.write(
        [
            SessionMoved(
                sid="PK2",
                state="capturing",
                result=None,
                status_callback="https://agent.example/cb",
                at=LATER,
            )
        ]
    )
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


def _stored(number: int, sequence: int, **more: object) -> StoredCallback:
    values: dict[str, object] = {
        "callback_id": number,
        "session_sid": "PK1",
        "account_sid": ACCOUNT,
        "sequence": sequence,
        "url": QUEUED.url,
        "form": dict(QUEUED.form),
        "state": "pending",
        "attempts": 0,
        "fault": None,
        "created_at": AT,
        "settled_at": None,
    }
    return StoredCallback(**(values | more))  # type: ignore[arg-type]  # by name


def _settled(number: int, fault: str | None = None) -> CallbackSettled:
    return CallbackSettled(
        callback_id=number,
        is_delivered=fault is None,
        attempts=1 if fault is None else 11,
        fault=fault,
        at=LATER,
    )


def test_ledger_gives_pending_callbacks_back_as_they_were_queued(
    ledger: Ledger, database_url: str
) -> None:
    """
    After a restart the outbox holds what nobody acknowledged, oldest first.
    """
    later = [replace(QUEUED, sequence=n) for n in (2, 3, 4)]
    numbers = ledger.write([OPENED, QUEUED, *later])
    ledger.write([_settled(numbers[0]), _settled(numbers[2], "status 503")])
    ledger.write(
        [CallbackPostponed(callback_id=numbers[3], attempts=2, fault="no answer")]
    )
    ledger.close()
    again = Ledger(database_url)
    again.migrate()
    waiting = [
        _stored(numbers[1], 2),
        _stored(numbers[3], 4, attempts=2, fault="no answer"),
    ]
    dead = _stored(
        numbers[2],
        3,
        state="dead",
        attempts=11,
        fault="status 503",
        settled_at=LATER,
    )
    assert again.pending_callbacks() == waiting
    assert again.callbacks() == [waiting[0], dead, waiting[1]]
    assert again.callbacks(only_dead=True) == [dead]
    told = [(row["state"], row["attempts"]) for row in _rows(again, callbacks)]
    again.close()
    assert told == [("delivered", 1), ("pending", 0), ("dead", 11), ("pending", 2)]


@pytest.mark.parametrize("is_all", [False, True])
def test_ledger_replays_dead_letters_and_nothing_else(
    ledger: Ledger, *, is_all: bool
) -> None:
    """
    What is delivered, or on its way, is not sent again because somebody asks.
    """
    later = [replace(QUEUED, sequence=n) for n in (2, 3, 4)]
    one, two, three, four = ledger.write([OPENED, QUEUED, *later])
    ledger.write([_settled(one), _settled(two, "f"), _settled(four, "f")])
    wanted = None if is_all else [one, two, three, 999]
    expected = [two, four] if is_all else [two]
    assert ledger.replay(wanted) == expected
    assert ledger.replay(wanted) == []
    replayed = ledger.replayed_callbacks()
    assert [stored.callback_id for stored in replayed] == expected
    assert [stored.attempts for stored in replayed] == [0] * len(expected)
    assert [stored.callback_id for stored in ledger.pending_callbacks()] == [three]
    ledger.write([CallbackReplayed(callback_id=two), CallbackReplayed(callback_id=one)])
    assert two not in [stored.callback_id for stored in ledger.replayed_callbacks()]
    pending = [stored.callback_id for stored in ledger.pending_callbacks()]
    assert pending == [two, three]


def test_ledger_gives_a_payment_back_with_its_last_callback_and_its_attempts(
    ledger: Ledger,
) -> None:
    """
    A restart learns where a payment stood, what was told last, what was asked.
    """
    second = replace(QUEUED, sequence=2, url="https://agent.example/2", form={"a": "b"})
    ledger.write([OPENED, QUEUED, second, replace(OPENED, sid="PK2")])
    ledger.write([replace(QUEUED, session_sid="PK2")])
    ledger.write([ATTEMPT])
    moved = SessionMoved(
        sid="PK1",
        state="processing",
        result=None,
        status_callback="https://agent.example/3",
        at=LATER,
    )
    ledger.write([moved])
    attempt = StoredAttempt(
        attempt=ATTEMPT.attempt,
        session_sid="PK1",
        account_sid=ACCOUNT,
        call_sid="CA1",
        connector="Default",
        charge_amount="9.99",
        currency="USD",
        state="sending",
        outcome=None,
        reference=None,
        sent_at=AT,
        settled_at=None,
    )
    stored = StoredSession(
        sid="PK1",
        account_sid=ACCOUNT,
        call_sid="CA1",
        state="processing",
        result=None,
        connector="Default",
        charge_amount="9.99",
        currency="USD",
        status_callback="https://agent.example/3",
        created_at=AT,
        updated_at=LATER,
        last_callback=_stored(2, 2, url="https://agent.example/2", form={"a": "b"}),
        attempts=(attempt,),
    )
    assert ledger.find_session("PK1") == stored
    assert ledger.find_session("PK9") is None
    assert not stored.is_ended
    found = ledger.unfinished_sessions()
    assert [session.sid for session in found] == ["PK1", "PK2"]
    assert found[0] == stored
    assert ledger.attempts(only_open=True) == [attempt]
    ledger.write(
        [
            AttemptSettled(
                attempt=ATTEMPT.attempt, outcome="approved", reference="ch_1", at=LATER
            ),
            replace(moved, state="ended", result="success"),
        ]
    )
    assert [session.sid for session in ledger.unfinished_sessions()] == ["PK2"]
    ended = ledger.find_session("PK1")
    assert ended is not None
    assert ended.is_ended
    assert ledger.attempts(only_open=True) == []
    assert [a.outcome for a in ledger.attempts()] == ["approved"]


def test_ledger_shows_attempts_that_nobody_could_find_out(ledger: Ledger) -> None:
    """
    Settled as unknown is not settled for an operator.
    """
    ledger.write([OPENED, ATTEMPT])
    ledger.write(
        [
            AttemptSettled(
                attempt=ATTEMPT.attempt, outcome="unknown", reference=None, at=LATER
            )
        ]
    )
    (attempt,) = ledger.attempts(only_open=True)
    assert (attempt.outcome, attempt.settled_at) == ("unknown", LATER)


def test_ledger_writes_again_what_may_have_been_written_already(ledger: Ledger) -> None:
    """
    A commit whose answer was lost is repeated without doubling or moving a row.
    """
    batch: list[Change] = [
        OPENED,
        QUEUED,
        ATTEMPT,
        replace(QUEUED, sequence=2),
        SessionMoved(
            sid="PK1",
            state="processing",
            result=None,
            status_callback=OPENED.status_callback,
            at=LATER,
        ),
    ]
    numbers = ledger.write(batch)
    before = [_rows(ledger, table) for table in (sessions, callbacks, attempts)]
    assert ledger.write(batch, again=True) == numbers
    after = [_rows(ledger, table) for table in (sessions, callbacks, attempts)]
    assert after == before
    # And what was not written is.
    third = replace(QUEUED, sequence=3)
    assert ledger.write([third], again=True) == [3]


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
        SessionMoved(
            sid="PK1",
            state="ended",
            result="success",
            status_callback="https://agent.example/last",
            at=LATER,
        ),
        replace(QUEUED, sequence=7),
        AttemptSettled(
            attempt=ATTEMPT.attempt, outcome="approved", reference="ch_1", at=LATER
        ),
        bad,
    ]
    with pytest.raises(IntegrityError) as caught:
        ledger.write(batch)
    after = [_rows(ledger, table) for table in (sessions, callbacks, attempts)]
    assert after == before
    # The statement may be told, what was in it not.
    assert "süß" not in str(caught.value)
    assert "agent.example" not in str(caught.value)
    # The ledger is of use still; PostgreSQL skips the numbers that were taken back.
    (number,) = ledger.write([replace(QUEUED, sequence=2)])
    assert number > 1


def test_closing_waits_for_a_write_that_nobody_awaits_any_more(
    database_url: str,
) -> None:
    """
    A cancelled task leaves its thread behind: what it writes is whole before
    another bridge may have the ledger, and no connection stays open.
    """
    ledger = Ledger(database_url)
    ledger.serve()
    begun, go_on, order = Event(), Event(), list[str]()

    def changes() -> Iterator[Change]:
        yield OPENED
        begun.set()
        assert go_on.wait(30)
        order.append("written")
        yield QUEUED

    def close() -> None:
        ledger.close()
        order.append("closed")

    threads = [Thread(target=lambda: ledger.write(changes())), Thread(target=close)]
    threads[0].start()
    assert begun.wait(30)
    threads[1].start()
    while not ledger._closed:
        threads[1].join(0.01)
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert order == ["written", "closed"]
    with pytest.raises(LedgerError, match="the ledger is closed"):
        ledger.write([])
    successor = Ledger(database_url)
    successor.serve()
    assert len(successor.pending_callbacks()) == 1
    successor.close()
