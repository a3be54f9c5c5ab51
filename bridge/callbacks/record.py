"""
A payment as its callbacks have told it, for whoever reads it back.

Nothing in it goes beyond what was called back: it is made of callbacks' forms.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bridge.callbacks.body import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRecord:
    """
    What has been said of a payment up to one of its callbacks.
    """

    identity: Identity
    state: str
    """Where the session stands now, see `bridge.pay.states`; it may have moved on
    since that callback."""
    currency: str
    first: Mapping[str, str]
    """The form of its first callback: what it was started with."""
    last: Mapping[str, str]
    """The form of that callback."""
    sequence: int
    """Of that callback."""
    updated_at: datetime
    """When that callback was made."""
