"""
What the API needs from the rest of the bridge.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bridge.api.feed_events import Feed
from bridge.api.params import StatusCommand
from bridge.callbacks.record import PaymentRecord
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedToken:
    """
    A token for one call's feed.
    """

    text: str
    expires_at: datetime


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


class Records(Protocol):
    """
    What is read back. Each raises `ApiError` where the ledger cannot be read.
    """

    async def find(
        self, account_sid: str, call_sid: str, sid: str
    ) -> PaymentRecord | None:
        """
        Look a payment of a call up.
        """

    async def page(
        self, account_sid: str, call_sid: str, *, first: int, count: int
    ) -> Sequence[PaymentRecord] | None:
        """
        Give payments of a call, the newest first; `None` if there is no such call.

        Args:
            account_sid: whose call it is.
            call_sid: of the call.
            first: how many are left out.
            count: how many are given at most.
        """

    async def feed(
        self,
        account_sid: str,
        call_sid: str,
        *,
        seen: tuple[str, int] | None,
        left_s: float | None,
    ) -> Feed | None:
        """
        Open a call's feed; `None` if there is no such call.

        Args:
            account_sid: whose call it is.
            call_sid: of the call.
            seen: payment and sequence number of the last callback that its reader
                knows of.
            left_s: how long it may last; without end if left out.
        """

    def make_token(
        self, account_sid: str, call_sid: str, ttl_s: int
    ) -> FeedToken | None:
        """
        Make a token for a call's feed; `None` if there is no such call.
        """

    def token_left_s(self, account_sid: str, call_sid: str, token: str) -> float | None:
        """
        Tell for how many seconds a token opens a call's feed, in constant time.

        Returns:
            Nought or less if it has expired, `None` if it was not made for it.
        """


class Accounts(Protocol):
    """
    Who may use the API.
    """

    def is_authentic(self, account_sid: str, username: str, password: str) -> bool:
        """
        Check credentials for an account, in constant time.
        """
