"""
Databases: how SQLite and PostgreSQL are opened so that nothing is lost.
"""

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from bridge.errors import LedgerError


BUSY_TIMEOUT_MS = 5000
"""Two processes may meet, as when an operator lists dead letters."""

_POSTGRESQL_DRIVER = "postgresql+psycopg"

_PATIENCE: dict[str, int] = {
    # A server that was unplugged must become an error, not a wait without end:
    # libpq's own defaults are hours.
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""Of libpq; what the URL says itself is left as it is."""

_OUTAGES = (OSError, OperationalError, InterfaceError, InternalError, PoolTimeoutError)


def open_engine(database_url: str) -> Engine:
    """
    Make an engine whose commits are on the disk when they return.

    Args:
        database_url: an SQLAlchemy URL. `postgresql:` and `postgres:` without a
            driver mean psycopg 3.

    Raises:
        LedgerError: its driver is not installed.
    """
    url = make_url(database_url)
    if url.drivername in {"postgres", "postgresql"}:
        url = url.set(drivername=_POSTGRESQL_DRIVER)
    match url.get_backend_name():
        case "sqlite":
            engine = create_engine(url, hide_parameters=True)
            event.listen(engine, "connect", _prepare_sqlite)
        case "postgresql":
            engine = _open_postgresql(url)
            event.listen(engine, "connect", _prepare_postgresql)
        case _:
            engine = create_engine(url, hide_parameters=True)
    return engine


def _open_postgresql(url: URL) -> Engine:
    try:
        return create_engine(
            url,
            hide_parameters=True,
            # A connection that died while it was not used is replaced.
            pool_pre_ping=True,
            connect_args=_patience(url),
        )
    except ModuleNotFoundError:
        raise LedgerError(
            "PostgreSQL needs a driver; expected dtmf-engine[postgres] to be installed"
        ) from None


def is_outage(error: Exception) -> bool:
    """
    Tell a database that cannot be had now from one that refuses what it is told.

    Locks, full disks, lost connections, failovers and deadlocks pass; a violated
    constraint or a value that fits no column does not.
    """
    return isinstance(error, _OUTAGES)


def _patience(url: URL) -> dict[str, int]:
    return {name: value for name, value in _PATIENCE.items() if name not in url.query}


def _prepare_sqlite(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # DB-API, untyped
    cursor.execute("PRAGMA journal_mode = WAL")
    # A commit is on the disk before anybody is told of it.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    # What is deleted or overwritten does not stay readable in the file.
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()


def _prepare_postgresql(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # DB-API, untyped
    # The same promise as SQLite's; stronger settings of the server stay.
    cursor.execute(
        "SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') IN ('off', 'local')"
    )
    cursor.close()
    connection.commit()  # type: ignore[attr-defined]  # DB-API, untyped
