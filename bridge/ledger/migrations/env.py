"""
How alembic reaches the database: over the connection it is handed.
"""

from alembic import context

from bridge.ledger.tables import metadata


context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata
)
with context.begin_transaction():
    context.run_migrations()
