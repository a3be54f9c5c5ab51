"""
The schema: brought up to date, or refused.
"""

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from bridge.errors import LedgerError


def upgrade(engine: Engine, revision: str = "head") -> None:
    """
    Bring a database up to date, from nothing or from any earlier schema.

    Raises:
        LedgerError: the schema is one that this program does not know.
    """
    config = _config()
    with engine.begin() as connection:
        _check_known(connection, config)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def check(engine: Engine) -> None:
    """
    See that a database is up to date, and change nothing.

    Raises:
        LedgerError: it is older or newer than this program, or no ledger.
    """
    config = _config()
    with engine.connect() as connection:
        found = _check_known(connection, config)
    head = ScriptDirectory.from_config(config).get_current_head()
    if found != head:
        raise LedgerError(
            f"the ledger has schema {found or 'none'}, expected {head}; "
            "dtmf-engine serve brings it up to date when it starts"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "bridge.ledger:migrations")
    return config


def _check_known(connection: Connection, config: Config) -> str | None:
    found = MigrationContext.configure(connection).get_current_revision()
    known = {s.revision for s in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise LedgerError(
            f"the ledger has schema {found}, which is newer than this program "
            f"(it knows up to {max(known)}); expected a dtmf-engine at least as new "
            "as the one that wrote it"
        )
    return found
