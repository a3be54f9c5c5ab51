"""
Migrations: they lead to the tables as they are declared.
"""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from bridge.ledger.store import Ledger
from bridge.ledger.tables import metadata


@pytest.mark.parametrize("n_times", [1, 2])
def test_migrated_database_is_what_the_tables_declare(
    tmp_path: Path, n_times: int
) -> None:
    """
    However often it is brought up to date, nothing is left to do.
    """
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    ledger = Ledger(url)
    for _ in range(n_times):
        ledger.migrate()
    ledger.close()
    engine = create_engine(url)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == "0001"
        names = set(inspect(connection).get_table_names())
    engine.dispose()
    assert names == {"sessions", "attempts", "callbacks", "alembic_version"}


def test_migrated_database_keeps_what_it_holds_when_it_is_migrated_again(
    tmp_path: Path,
) -> None:
    """
    A restart loses nothing: keys and constraints keep the names they were given.
    """
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.migrate()
    with ledger._engine.connect() as connection:
        inspector = inspect(connection)
        for table in metadata.sorted_tables:
            key = inspector.get_pk_constraint(table.name)
            assert key["name"] == table.primary_key.name
            names = {k["name"] for k in inspector.get_foreign_keys(table.name)}
            assert names == {k.name for k in table.foreign_key_constraints}
    ledger.close()
