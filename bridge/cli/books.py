"""
What commands that look into the ledger share.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from bridge.errors import LedgerError
from bridge.ledger.store import Ledger
from bridge.server.settings import load_settings


Row = Mapping[str, object]


@contextmanager
def open_books() -> Iterator[Ledger]:
    """
    Open the ledger that the settings name, beside a bridge that may be serving.

    Raises:
        ConfigError: the settings are wrong.
        LedgerError: there is no ledger, or not of this program's schema.
    """
    settings = load_settings()
    path = settings.data_dir / "ledger.sqlite3"
    if not settings.database_url and not path.exists():
        raise LedgerError(f"{path}: there is no ledger yet")
    try:
        ledger = Ledger(settings.sqlalchemy_url)
        try:
            ledger.check()
            yield ledger
        finally:
            ledger.close()
    except (SQLAlchemyError, ImportError) as error:
        # The driver's own text may quote the URL, password and all.
        name = type(error).__name__
        raise LedgerError(f"DTMF_DATABASE_URL: {name} on opening") from None


def show(rows: Sequence[Row], *, as_json: bool, nothing: str) -> None:
    """
    Print rows: a table for people, or one JSON object a line.

    Args:
        rows: with the same names.
        as_json: for machines.
        nothing: said to people when there is no row.
    """
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
        return
    if not rows:
        click.echo(nothing)
        return
    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("" if v is None else str(v) for v in row.values()))
    Console().print(table)


def moment(at: datetime | None) -> str | None:
    """
    Write a date as ISO 8601, to the second.
    """
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
