"""
Ledgers on both databases.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.ledger.store import Ledger
from tests.support.postgresql import Cluster, cluster


@pytest.fixture(name="postgresql", scope="session")
def _postgresql() -> Iterator[Cluster]:
    with cluster() as server:
        yield server


@pytest.fixture(name="database_url", params=["sqlite", "postgresql"])
def _database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    server: Cluster = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture(name="ledger")
def _ledger(database_url: str) -> Iterator[Ledger]:
    """
    A ledger of its own for each test.
    """
    ledger = Ledger(database_url)
    ledger.migrate()
    yield ledger
    ledger.close()
