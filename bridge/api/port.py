"""
What the API needs from the rest of the bridge.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bridge.api.params import StatusCommand
from bridge.pay.fields import Field
from bridge.pay.request import PaymentRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """
    A payment as the API shows it.
    """

    account_sid: str
    call_sid: str
    sid: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """
    A call as the API shows it.
    """

    account_sid: str
    call_sid: str
    is_in_progress: bool
    started_at: datetime
    ended_at: datetime | None


class Payments(Protocol):
    """
    The commands. Each raises `ApiError` where it cannot be carried out.
    """

    async def start(
        self, account_sid: str, call_sid: str, key: str, request: PaymentRequest
    ) -> PaymentView:
        """
        Start a payment on a call.
        """

    async def update(
        self,
        account_sid: str,
        call_sid: str,
        sid: str,
        key: str,
        command: Field | StatusCommand,
        status_callback: str,
    ) -> PaymentView:
        """
        Capture a field, complete, or cancel.
        """

    def call(self, account_sid: str, call_sid: str) -> CallView | None:
        """
        Look a call up.
        """


class Accounts(Protocol):
    """
    Who may use the API.
    """

    def is_authentic(self, account_sid: str, username: str, password: str) -> bool:
        """
        Check credentials for an account, in constant time.
        """
