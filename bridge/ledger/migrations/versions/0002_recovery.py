"""
What a restart needs to know: where a payment reports to, what a gateway said.
"""

import sqlalchemy as sa
from alembic import op


revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """
    Apply.
    """
    op.add_column("sessions", sa.Column("status_callback", sa.Text))
    op.create_index("ix_sessions_state", "sessions", ["state"])
    op.add_column("attempts", sa.Column("reference", sa.Text))
    op.create_index("ix_attempts_session_sid", "attempts", ["session_sid"])
    op.create_index("ix_attempts_outcome", "attempts", ["outcome"])
