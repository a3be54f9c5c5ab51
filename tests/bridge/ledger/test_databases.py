"""
Databases: opened so that nothing is lost, and judged when they fail.
"""

import sqlite3
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
)

from bridge.errors import LedgerError
from bridge.ledger.databases import is_outage, open_engine
from tests.support.postgresql import Cluster


def test_sqlite_is_run_so_that_nothing_is_lost_or_left_readable(
    tmp_path: Path,
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
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    with engine.connect() as one, engine.connect() as two:
        for connection in (one, two):
            found = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in wanted
            }
            assert found == wanted
    engine.dispose()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_reached_however_its_url_begins(
    postgresql: Cluster, scheme: str
) -> None:
    """
    Operators paste what their platform gives them; the driver is psycopg 3.
    """
    url = postgresql.new_database().replace("postgresql", scheme, 1)
    engine = open_engine(url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    assert engine.driver == "psycopg"
    engine.dispose()


@pytest.mark.parametrize(
    ("setting", "found"),
    [("off", "on"), ("local", "on"), ("on", "on"), ("remote_apply", "remote_apply")],
)
def test_postgresql_commits_are_on_the_disk_when_they_return(
    postgresql: Cluster, setting: str, found: str
) -> None:
    """
    A server that promises less is asked for more; one that promises more may.
    """
    url = postgresql.new_database()
    engine = open_engine(f"{url}&options=-csynchronous_commit%3D{setting}")
    with engine.connect() as connection:
        query = text("SHOW synchronous_commit")
        assert connection.execute(query).scalar() == found
    engine.dispose()


def test_postgresql_that_is_not_there_is_an_outage() -> None:
    """
    And a URL's own patience is left alone.
    """
    engine = open_engine("postgresql://u@/d?host=/nowhere&connect_timeout=1")
    with pytest.raises(OperationalError) as caught:
        engine.connect()
    assert is_outage(caught.value)
    engine.dispose()


def test_postgresql_without_its_driver_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    The driver is an extra.
    """
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LedgerError, match=r"expected dtmf-engine\[postgres\] to be"):
        open_engine("postgresql://u:secret@h/d")


_CAUSE = sqlite3.Error("x")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OperationalError("", {}, _CAUSE), True),
        (InterfaceError("", {}, _CAUSE), True),
        (ConnectionResetError(), True),
        (IntegrityError("", {}, _CAUSE), False),
        (DataError("", {}, _CAUSE), False),
        (ProgrammingError("", {}, _CAUSE), False),
        (ValueError(), False),
    ],
)
def test_an_outage_is_told_from_a_refusal(error: Exception, *, expected: bool) -> None:
    """
    One passes, the other will be refused again.
    """
    assert is_outage(error) is expected


def test_a_locked_database_is_an_outage(tmp_path: Path) -> None:
    """
    Whoever holds the lock will let go of it.
    """
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    with engine.connect() as one, engine.connect() as other:
        one.exec_driver_sql("BEGIN IMMEDIATE")
        other.exec_driver_sql("PRAGMA busy_timeout = 0")
        with pytest.raises(OperationalError) as caught:
            other.exec_driver_sql("BEGIN IMMEDIATE")
        assert is_outage(caught.value)
    engine.dispose()
