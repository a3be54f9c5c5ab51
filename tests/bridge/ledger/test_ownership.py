"""
Ownership: one bridge to a ledger, and the lock goes with the process.
"""

import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy import Engine, text

from bridge.errors import LedgerError
from bridge.ledger.databases import open_engine
from bridge.ledger.ownership import Ownership
from tests.support.postgresql import Cluster


REFUSED = "^another bridge is using this ledger$"
TAKEN = "^another bridge has taken this ledger$"

_HOLD = """
import sys
from bridge.ledger.store import Ledger
ledger = Ledger(sys.argv[1])
ledger.serve()
print("served", flush=True)
sys.stdin.read()
"""


def test_a_ledger_has_one_owner_at_a_time(database_url: str) -> None:
    """
    The second is refused while the first is there, and taken after it.
    """
    engine = open_engine(database_url)
    first, second = Ownership(engine), Ownership(engine)
    first.take()
    with pytest.raises(LedgerError, match=REFUSED):
        second.take(wait_s=0.2)
    first.release()
    second.take()
    with pytest.raises(LedgerError, match=REFUSED):
        first.take(wait_s=0)
    second.release()
    second.release()
    engine.dispose()


def test_the_lock_of_a_killed_process_is_free_for_its_successor(
    database_url: str,
) -> None:
    """
    No operator has to clean up after a crash.
    """
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, database_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    with holder.stdin, holder.stdout:
        assert holder.stdout.readline() == "served\n"
        engine = open_engine(database_url)
        successor = Ownership(engine)
        with pytest.raises(LedgerError, match=REFUSED):
            successor.take(wait_s=0)
        holder.kill()
        holder.wait(10)
        successor.take()
        successor.release()
        engine.dispose()


def test_a_database_in_memory_needs_no_lock() -> None:
    """
    Nobody else can open it.
    """
    engine = open_engine("sqlite://")
    first, second = Ownership(engine), Ownership(engine)
    first.take(wait_s=0)
    second.take(wait_s=0)
    second.release()
    first.release()
    engine.dispose()


def test_a_lock_that_was_cut_is_taken_again(postgresql: Cluster) -> None:
    """
    A restart of the server lets go of it; whoever comes first has it then.
    """
    url = postgresql.new_database()
    engine, admin = open_engine(url), open_engine(url)
    owner, other = Ownership(engine), Ownership(admin)
    owner.take()
    owner.keep()
    _cut(admin)
    owner.keep()
    with pytest.raises(LedgerError, match=REFUSED):
        other.take(wait_s=0)
    _cut(admin)
    other.take()
    for _ in range(2):
        with pytest.raises(LedgerError, match=TAKEN):
            owner.keep(wait_s=0)
    other.release()
    owner.keep()
    owner.release()
    engine.dispose()
    admin.dispose()


def test_a_lock_that_dies_slowly_is_nobody_elses(postgresql: Cluster) -> None:
    """
    The server process behind a connection that was cut may hold the lock a moment
    longer: that is waited for, and not taken for another bridge.
    """
    url = postgresql.new_database()
    engine, admin = open_engine(url), open_engine(url)
    owner, dying = Ownership(engine), Ownership(admin)
    owner.take()
    _cut(admin)
    dying.take()
    ends = Timer(0.3, dying.release)
    ends.start()
    owner.keep()
    ends.join()
    with pytest.raises(LedgerError, match=REFUSED):
        dying.take(wait_s=0)
    owner.release()
    engine.dispose()
    admin.dispose()


def test_a_lock_on_a_file_cannot_be_cut(tmp_path: Path) -> None:
    """
    There is nothing to take again.
    """
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    owner = Ownership(engine)
    owner.take()
    owner.keep()
    with pytest.raises(LedgerError, match=REFUSED):
        Ownership(engine).take(wait_s=0)
    owner.release()
    engine.dispose()


def _cut(admin: Engine) -> None:
    query = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with admin.connect() as connection:
        assert connection.execute(text(query)).scalars().all() == [True]
