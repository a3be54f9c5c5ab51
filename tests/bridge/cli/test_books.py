"""
`callbacks` and `attempts`, beside a bridge that serves and without one.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge.cli.main import cli
from bridge.errors import LedgerError
from bridge.ledger import schema
from bridge.ledger.changes import (
    AttemptOpened,
    AttemptSettled,
    CallbackQueued,
    CallbackSettled,
    Change,
)
from bridge.ledger.databases import open_engine
from bridge.ledger.store import Ledger
from tests.support.books import session_opened
from tests.support.processes import ACCOUNT_SID, AUTH_TOKEN, run_cli, serving
from tests.support.receiver import receiving


AT = datetime(2026, 6, 15, 12, 0, 0, 123_000, UTC)
URL = "https://user:word@agent.example:8443/told?token=s3cret#rc=2"
SID = "PK" + "1" * 32


def _changes(url: str = URL) -> list[Change]:
    opened = session_opened(SID, account_sid=ACCOUNT_SID, url=url, at=AT, state="ended")
    queued = [
        CallbackQueued(
            session_sid=SID,
            account_sid=ACCOUNT_SID,
            sequence=number,
            url=url,
            form={"Sid": SID, "SequenceNumber": str(number)},
            at=AT,
        )
        for number in (1, 2, 3, 4)
    ]
    return [opened, *queued, *(_settled(n, f) for n, f in FAULTS.items())]


FAULTS = {1: None, 2: "status 503", 4: "no connection"}


def _settled(number: int, fault: str | None) -> CallbackSettled:
    return CallbackSettled(
        callback_id=number,
        is_delivered=fault is None,
        attempts=1 if fault is None else 11,
        fault=fault,
        at=AT,
    )


@pytest.fixture(name="ledger")
def _ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    ledger.migrate()
    yield ledger
    ledger.close()


def _run(folder: Path, *arguments: str) -> Result:
    env = {
        "DTMF_ACCOUNT_SID": ACCOUNT_SID,
        "DTMF_AUTH_TOKEN": AUTH_TOKEN,
        "DTMF_DATA_DIR": str(folder),
    }
    return CliRunner().invoke(cli, arguments, env=env)


def _objects(result: Result) -> list[dict[str, object]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


def test_list_shows_what_is_not_delivered(ledger: Ledger, tmp_path: Path) -> None:
    """
    One JSON object a line, without what clients hide in URLs.
    """
    ledger.write(_changes())
    rows = _objects(_run(tmp_path, "callbacks", "list", "--json"))
    assert [(row["id"], row["state"]) for row in rows] == [
        (2, "dead"),
        (3, "pending"),
        (4, "dead"),
    ]
    assert rows[0] == {
        "id": 2,
        "payment": SID,
        "sequence": 2,
        "state": "dead",
        "attempts": 11,
        "fault": "status 503",
        "created_at": "2026-06-15T12:00:00Z",
        "url": "https://agent.example:8443/told",
    }
    dead = _objects(_run(tmp_path, "callbacks", "list", "--json", "--dead"))
    assert [row["id"] for row in dead] == [2, 4]


def test_list_is_a_table_for_people(ledger: Ledger, tmp_path: Path) -> None:
    """
    And says so when there is nothing.
    """
    assert _run(tmp_path, "callbacks", "list").output == "everything is delivered\n"
    nothing = _run(tmp_path, "callbacks", "list", "--dead")
    assert nothing.output == "no dead letters\n"
    ledger.write(_changes())
    shown = _run(tmp_path, "callbacks", "list").output
    assert "status" in shown
    assert "s3cret" not in shown
    assert "word" not in shown


@pytest.mark.parametrize(
    ("arguments", "replayed"), [(("2",), [2]), (("--all-dead",), [2, 4])]
)
def test_retry_has_dead_letters_delivered(
    ledger: Ledger, tmp_path: Path, arguments: tuple[str, ...], replayed: list[int]
) -> None:
    """
    By number, or all of them.
    """
    ledger.write(_changes())
    result = _run(tmp_path, "callbacks", "retry", *arguments)
    assert result.exit_code == 0
    assert result.output == f"to be delivered: {len(replayed)}\n"
    found = [stored.callback_id for stored in ledger.replayed_callbacks()]
    assert found == replayed


def test_retry_names_what_is_no_dead_letter(ledger: Ledger, tmp_path: Path) -> None:
    """
    The others are sent all the same; the exit code says that something was wrong.
    """
    ledger.write(_changes())
    result = _run(tmp_path, "callbacks", "retry", "4", "3", "99", "1")
    assert result.exit_code == 1
    assert "to be delivered: 1" in result.output
    expected = "ID: expected numbers of dead letters, and there are none with 1, 3, 99"
    assert expected in result.output
    assert [s.callback_id for s in ledger.replayed_callbacks()] == [4]


@pytest.mark.parametrize("arguments", [(), ("3", "--all-dead"), ("none",), ("0",)])
def test_retry_says_what_it_expects(
    ledger: Ledger, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """
    Nothing is sent by mistake.
    """
    ledger.write(_changes())
    result = _run(tmp_path, "callbacks", "retry", *arguments)
    assert result.exit_code == 2
    assert ledger.replayed_callbacks() == []


def test_attempts_shows_what_gateways_were_asked(
    ledger: Ledger, tmp_path: Path
) -> None:
    """
    And, for an operator, those alone of which nobody knows what became.
    """
    assert _run(tmp_path, "attempts").output == "no gateway was asked\n"
    unknown = _run(tmp_path, "attempts", "--unknown")
    assert unknown.output == "every outcome is known\n"
    ledger.write(_changes())
    for name, outcome in (("a1", "approved"), ("a2", "unknown"), ("a3", None)):
        ledger.write([AttemptOpened(attempt=name, session_sid=SID, at=AT)])
        if outcome is not None:
            reference = "ch_1" if outcome == "approved" else None
            ledger.write(
                [
                    AttemptSettled(
                        attempt=name, outcome=outcome, reference=reference, at=AT
                    )
                ]
            )
    rows = _objects(_run(tmp_path, "attempts", "--json"))
    assert rows[0] == {
        "attempt": "a1",
        "payment": SID,
        "connector": "Default",
        "amount": "9.99",
        "currency": "USD",
        "outcome": "approved",
        "reference": "ch_1",
        "sent_at": "2026-06-15T12:00:00Z",
        "settled_at": "2026-06-15T12:00:00Z",
    }
    left = _objects(_run(tmp_path, "attempts", "--json", "--unknown"))
    assert [row["attempt"] for row in left] == ["a2", "a3"]


def test_books_that_are_not_there_are_not_made_by_looking(tmp_path: Path) -> None:
    """
    A wrong folder is said, and stays empty.
    """
    result = _run(tmp_path, "callbacks", "list")
    assert isinstance(result.exception, LedgerError)
    assert str(result.exception).endswith("ledger.sqlite3: there is no ledger yet")
    assert list(tmp_path.iterdir()) == []


def test_books_of_an_older_schema_are_not_upgraded_by_looking(tmp_path: Path) -> None:
    """
    That is the bridge's to do.
    """
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    schema.upgrade(engine, "0001")
    engine.dispose()
    result = _run(tmp_path, "attempts")
    assert isinstance(result.exception, LedgerError)
    assert str(result.exception).startswith("the ledger has schema 0001, expected 0002")


@pytest.mark.e2e
def test_a_dead_letter_goes_out_while_the_bridge_serves(tmp_path: Path) -> None:
    """
    List, retry, and the receiver has it; bad settings are one line.
    """
    data = tmp_path / "data"
    data.mkdir()
    with receiving() as receiver:
        ledger = Ledger(f"sqlite:///{data / 'ledger.sqlite3'}")
        ledger.migrate()
        ledger.write([*_changes(receiver.url), _settled(3, "no answer")])
        ledger.close()
        with serving(tmp_path) as served:
            result = _run(data, "callbacks", "retry", "--all-dead")
            assert result.output == "to be delivered: 3\n"
            forms = receiver.wait_for(lambda forms: len(forms) == 3)
            assert served.terminate() == 0
        assert [form["SequenceNumber"] for form in forms] == ["2", "3", "4"]
        assert _run(data, "callbacks", "list").output == "everything is delivered\n"
    done = run_cli("callbacks", "list")
    assert done.returncode == 1
    assert done.stderr.startswith("error: DTMF_ACCOUNT_SID: expected AC and 32")
    assert "Traceback" not in done.stderr
