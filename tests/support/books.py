"""
What a ledger is told, as tests tell it.
"""

from datetime import datetime

from bridge.ledger.changes import SessionOpened


def session_opened(
    sid: str, *, account_sid: str, url: str, at: datetime, state: str = "ready"
) -> SessionOpened:
    """
    Give the change that opens a payment of 9.99 dollars on call `CA1`.
    """
    return SessionOpened(
        sid=sid,
        account_sid=account_sid,
        call_sid="CA1",
        state=state,
        connector="Default",
        charge_amount="9.99",
        currency="USD",
        status_callback=url,
        at=at,
    )
