"""
Migrations: from nothing or from any earlier schema to the tables as declared.
"""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from bridge.errors import LedgerError
from bridge.ledger import schema
from bridge.ledger.databases import open_engine
from bridge.ledger.store import Ledger
from bridge.ledger.tables import metadata


def _differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@pytest.mark.parametrize("begin", [None, "0001"])
def test_migrated_database_is_what_the_tables_declare(
    database_url: str, begin: str | None
) -> None:
    """
    From wherever and however often it is brought up to date, nothing is left to do.
    """
    engine = open_engine(database_url)
    if begin is not None:
        schema.upgrade(engine, begin)
        assert _differences(engine) != []
    ledger = Ledger(database_url)
    for _ in range(2):
        ledger.migrate()
        assert _differences(engine) == []
    ledger.close()
    assert _revision(engine) == "0002"
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    assert names == {"sessions", "attempts", "callbacks", "alembic_version"}


def test_migrated_database_keeps_the_names_of_keys_and_constraints(
    ledger: Ledger,
) -> None:
    """
    Later migrations can name what they change.
    """
    with ledger._engine.connect() as connection:
        inspector = inspect(connection)
        for table in metadata.sorted_tables:
            key = inspector.get_pk_constraint(table.name)
            assert key["name"] == table.primary_key.name
            names = {k["name"] for k in inspector.get_foreign_keys(table.name)}
            assert names == {k.name for k in table.foreign_key_constraints}


def test_a_payment_of_the_first_schema_is_found_after_the_upgrade(
    database_url: str,
) -> None:
    """
    What the first version left unfinished can be finished by this one.
    """
    engine = open_engine(database_url)
    schema.upgrade(engine, "0001")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO sessions (sid, account_sid, call_sid, state, connector,"
                " charge_amount, currency, created_at, updated_at) VALUES"
                " ('PK1', 'AC1', 'CA1', 'processing', 'Default', '9.99', 'USD',"
                " '2026-06-15 12:00:00', '2026-06-15 12:00:05')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO callbacks (session_sid, account_sid, sequence, url, form,"
                " state, attempts, created_at) VALUES ('PK1', 'AC1', 1,"
                " 'https://agent.example/cb', '{\"Sid\": \"PK1\"}', 'pending', 0,"
                " '2026-06-15 12:00:00')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO attempts (attempt, session_sid, state, sent_at) VALUES"
                " ('a1', 'PK1', 'sending', '2026-06-15 12:00:05')"
            )
        )
    engine.dispose()
    ledger = Ledger(database_url)
    ledger.migrate()
    (session,) = ledger.unfinished_sessions()
    ledger.close()
    assert session.status_callback == "https://agent.example/cb"
    assert session.last_callback.form == {"Sid": "PK1"}
    assert [attempt.attempt for attempt in session.attempts] == ["a1"]


def test_a_newer_schema_is_refused_and_left_alone(
    ledger: Ledger, database_url: str
) -> None:
    """
    An old program does not write into what it does not understand.
    """
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0009'"))
    message = (
        "^the ledger has schema 0009, which is newer than this program "
        r"\(it knows up to 0002\); expected a dtmf-engine at least as new as the one "
        "that wrote it$"
    )
    for refuse in (ledger.migrate, ledger.check):
        with pytest.raises(LedgerError, match=message):
            refuse()
    assert _revision(engine) == "0009"
    engine.dispose()


@pytest.mark.parametrize(("begin", "name"), [(None, "none"), ("0001", "0001")])
def test_an_older_schema_is_not_upgraded_by_looking_at_it(
    database_url: str, begin: str | None, name: str
) -> None:
    """
    An operator's command changes no schema under a bridge that runs.
    """
    engine = open_engine(database_url)
    if begin is not None:
        schema.upgrade(engine, begin)
    ledger = Ledger(database_url)
    message = f"^the ledger has schema {name}, expected 0002; dtmf-engine serve brings"
    with pytest.raises(LedgerError, match=message):
        ledger.check()
    ledger.close()
    assert _revision(engine) == begin
    engine.dispose()
