"""
The tables.

`sessions` holds payments, masked. `attempts` holds what gateways were asked,
written before a request leaves. `callbacks` is the outbox: a callback is
written with the change it reports and deleted by nobody.
"""

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)


PENDING, DELIVERED, DEAD, REPLAY = "pending", "delivered", "dead", "replay"
"""States of callbacks; `replay` is a dead letter that was asked for again."""

SENDING, SETTLED = "sending", "settled"
"""States of attempts."""

UNKNOWN = "unknown"
"""The outcome of an attempt that nobody could find out."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

sessions = Table(
    "sessions",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("account_sid", String(34), nullable=False),
    Column("call_sid", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("result", String(40)),
    Column("connector", String(64), nullable=False),
    Column("charge_amount", String(16)),
    Column("currency", String(3)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    # Absent from payments of the first schema; their callbacks have it.
    Column("status_callback", Text),
    Index(None, "account_sid", "call_sid"),
    Index(None, "state"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("attempt", String(19), primary_key=True),
    Column("session_sid", String(34), ForeignKey("sessions.sid"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("outcome", String(16)),
    Column("sent_at", DateTime(timezone=True), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
    # The gateway's: a confirmation code or a token.
    Column("reference", Text),
    Index(None, "session_sid"),
    Index(None, "outcome"),
)

callbacks = Table(
    "callbacks",
    metadata,
    Column("callback_id", Integer, primary_key=True, autoincrement=True),
    Column("session_sid", String(34), ForeignKey("sessions.sid"), nullable=False),
    Column("account_sid", String(34), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("url", Text, nullable=False),
    Column("form", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fault", String(80)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
    Index(None, "state", "callback_id"),
    Index(None, "session_sid", "sequence", unique=True),
)
