"""
Ownership: one bridge to a ledger.

A bridge that starts ends what its predecessor left. Were the predecessor still
alive, its payments would be ended under its hands and its callbacks sent twice.
So whoever serves holds a lock that goes with the process, however it goes: an
advisory lock of the session in PostgreSQL, a lock on a file beside the database
in SQLite.
"""

import fcntl
import time
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from bridge.errors import LedgerError


ADVISORY_LOCK = 0x64746D66
"""`dtmf` in ASCII; advisory locks are numbers, per database."""

WAIT_S = 5.0
"""The server process of a connection that was cut, or whose client was killed, ends a
moment later, and holds the lock as long."""

_PAUSE_S = 0.1


class Ownership:
    """
    The right to serve from a ledger.

    Args:
        engine: of the ledger.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._file: IO[str] | None = None

    def take(self, wait_s: float = WAIT_S) -> None:
        """
        Become the owner. Blocking.

        Raises:
            LedgerError: another process is, and stayed so.
        """
        if not self._try_for(wait_s):
            raise LedgerError("another bridge is using this ledger")

    def keep(self, wait_s: float = WAIT_S) -> None:
        """
        See that the lock is held still, and take it again if it was lost.

        PostgreSQL lets go of it when the connection breaks, as in a restart of
        the server. Blocking; to be called now and then, which also keeps the
        connection from being cut for idleness.

        Args:
            wait_s: how long a lock that was lost may be somebody else's.

        Raises:
            LedgerError: another bridge took it meanwhile, and has it still.
            Exception: of the driver; the database cannot be had now.
        """
        if self._engine.url.get_backend_name() != "postgresql":
            return
        try:
            if self._connection is not None:
                self._connection.execute(text("SELECT 1"))
                self._connection.commit()
                return
        except SQLAlchemyError:
            self.release()
        if not self._try_for(wait_s):
            raise LedgerError("another bridge has taken this ledger")

    def release(self) -> None:
        """
        Let the next one have it.
        """
        if self._connection is not None:
            # Closed, not given back to the pool: the lock is the connection's.
            self._connection.invalidate()
            self._connection.close()
        if self._file is not None:
            self._file.close()
        self._connection = self._file = None

    def _try_for(self, wait_s: float) -> bool:
        for _ in range(1 + round(wait_s / _PAUSE_S)):
            if self._try():
                return True
            time.sleep(_PAUSE_S)
        return False

    def _try(self) -> bool:
        url = self._engine.url
        if url.get_backend_name() == "postgresql":
            return self._try_postgresql()
        is_file = url.database not in {None, "", ":memory:"}
        if url.get_backend_name() == "sqlite" and is_file:
            return self._try_file(Path(f"{url.database}.lock"))
        # A database in memory has no other user.
        return True

    def _try_postgresql(self) -> bool:
        connection = self._engine.connect()
        query = text("SELECT pg_try_advisory_lock(:key)")
        if not connection.execute(query, {"key": ADVISORY_LOCK}).scalar():
            connection.close()
            return False
        # The lock outlives the transaction, which must not stay open for days.
        connection.commit()
        self._connection = connection
        return True

    def _try_file(self, path: Path) -> bool:
        file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True
