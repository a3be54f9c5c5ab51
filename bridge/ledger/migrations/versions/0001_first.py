"""
Sessions, attempts, callbacks.
"""

import sqlalchemy as sa
from alembic import op


revision = "0001"
down_revision = None


def upgrade() -> None:
    """
    Apply.
    """
    op.create_table(
        "sessions",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("call_sid", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("result", sa.String(40)),
        sa.Column("connector", sa.String(64), nullable=False),
        sa.Column("charge_amount", sa.String(16)),
        sa.Column("currency", sa.String(3)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sid", name="pk_sessions"),
    )
    op.create_index(
        "ix_sessions_account_sid_call_sid", "sessions", ["account_sid", "call_sid"]
    )
    op.create_table(
        "attempts",
        sa.Column("attempt", sa.String(19), nullable=False),
        sa.Column("session_sid", sa.String(34), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(16)),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("attempt", name="pk_attempts"),
        sa.ForeignKeyConstraint(
            ["session_sid"], ["sessions.sid"], name="fk_attempts_session_sid"
        ),
    )
    op.create_table(
        "callbacks",
        sa.Column("callback_id", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("session_sid", sa.String(34), nullable=False),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("form", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("fault", sa.String(80)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("callback_id", name="pk_callbacks"),
        sa.ForeignKeyConstraint(
            ["session_sid"], ["sessions.sid"], name="fk_callbacks_session_sid"
        ),
    )
    op.create_index(
        "ix_callbacks_state_callback_id", "callbacks", ["state", "callback_id"]
    )
    op.create_index(
        "ix_callbacks_session_sid_sequence",
        "callbacks",
        ["session_sid", "sequence"],
        unique=True,
    )
