"""
Records: what is read back of payments, in both databases.
"""

from datetime import UTC, datetime, timedelta

import pytest

from bridge.callbacks.record import PaymentRecord
from bridge.ledger.changes import CallbackQueued, Change, SessionMoved
from bridge.ledger.store import Ledger
from tests.support.books import session_opened


AT = datetime(2026, 6, 15, 12, 0, 0, 123_000, UTC)
ACCOUNT, OTHER = "AC" + "0" * 32, "AC" + "1" * 32
CALL = "CA1"
"""Of every session in these tests."""

URL = "https://agent.example/cb"


def _opened(sid: str, minutes: int, account_sid: str = ACCOUNT) -> list[Change]:
    at = AT + timedelta(minutes=minutes)
    return [
        session_opened(sid, account_sid=account_sid, url=URL, at=at),
        _told(sid, 1, minutes, account_sid),
    ]


def _told(
    sid: str, sequence: int, minutes: int, account_sid: str = ACCOUNT
) -> CallbackQueued:
    return CallbackQueued(
        session_sid=sid,
        account_sid=account_sid,
        sequence=sequence,
        url=URL,
        form={"Sid": sid, "SequenceNumber": str(sequence)},
        at=AT + timedelta(minutes=minutes, seconds=sequence),
    )


def _places(records: list[PaymentRecord] | None) -> list[tuple[str, int]]:
    assert records is not None
    return [(record.identity.sid, record.sequence) for record in records]


@pytest.fixture(name="books")
def _books(ledger: Ledger) -> Ledger:
    """
    A call's two payments, told in turns, and another account's on a call of the
    same sid.
    """
    ended = SessionMoved(
        sid="PK1", state="ended", result="success", status_callback=URL, at=AT
    )
    ledger.write(_opened("PK1", 1))
    ledger.write([_told("PK1", 2, 1), *_opened("PK3", 9, OTHER)])
    ledger.write(_opened("PK2", 2))
    ledger.write([_told("PK3", 2, 9, OTHER), _told("PK1", 3, 1), ended])
    ledger.write([_told("PK2", 2, 2)])
    return ledger


def test_record_is_made_of_the_first_and_the_last_callback(books: Ledger) -> None:
    """
    State and currency are the session's, the rest is what was told.
    """
    record = books.find_record(ACCOUNT, CALL, "PK1")
    assert record is not None
    assert (record.identity.sid, record.identity.call_sid) == ("PK1", CALL)
    assert record.identity.account_sid == ACCOUNT
    assert record.identity.created_at == AT + timedelta(minutes=1)
    assert record.updated_at == AT + timedelta(minutes=1, seconds=3)
    assert (record.state, record.currency, record.sequence) == ("ended", "USD", 3)
    assert record.first == {"Sid": "PK1", "SequenceNumber": "1"}
    assert record.last == {"Sid": "PK1", "SequenceNumber": "3"}


def test_record_belongs_to_its_account_and_call(books: Ledger) -> None:
    """
    Under another account's sid, or another call's, there is none.
    """
    assert books.find_record(OTHER, CALL, "PK1") is None
    assert books.find_record(ACCOUNT, "CA2", "PK1") is None
    assert books.find_record(ACCOUNT, CALL, "PK3") is None
    assert books.find_record(OTHER, CALL, "PK3") is not None


def test_records_are_given_newest_first_and_in_parts(books: Ledger) -> None:
    """
    The payment that was started last comes first; no other account's is among them.
    """
    whole = books.records(ACCOUNT, CALL, first=0, count=10)
    assert _places(whole) == [("PK2", 2), ("PK1", 3)]
    assert books.records(ACCOUNT, CALL, first=1, count=10) == whole[1:]
    assert books.records(ACCOUNT, CALL, first=0, count=1) == whole[:1]
    assert books.records(ACCOUNT, "CA2", first=0, count=10) == []


def test_missed_records_are_all_that_was_told_since_in_order(books: Ledger) -> None:
    """
    Of all payments of the call, and nothing twice; the state is today's.
    """

    def missed(sid: str, sequence: int, count: int = 10) -> list[tuple[str, int]]:
        return _places(
            books.missed_records(ACCOUNT, CALL, sid=sid, sequence=sequence, count=count)
        )

    everything = [("PK1", 2), ("PK2", 1), ("PK1", 3), ("PK2", 2)]
    assert missed("PK1", 1) == everything
    assert missed("PK1", 1, 2) == everything[:2]
    assert missed("PK2", 1) == everything[2:]
    assert missed("PK2", 2) == []


def test_missed_records_of_a_callback_that_is_not_there(books: Ledger) -> None:
    """
    Another account's callback is as unknown as one that was never written.
    """
    for sid, sequence in (("PK1", 4), ("PK9", 1), ("PK3", 1)):
        found = books.missed_records(
            ACCOUNT, CALL, sid=sid, sequence=sequence, count=10
        )
        assert found is None
