"""
Ownership: one bridge to a ledger, and the lock goes with the process.
"""

import subprocess
import sys

import pytest

from bridge.errors import LedgerError
from bridge.ledger.databases import open_engine
from bridge.ledger.ownership import Ownership


REFUSED = "^another bridge is using this ledger$"

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
