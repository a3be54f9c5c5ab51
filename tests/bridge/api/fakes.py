"""
What is in front of the routes, and what is behind them.
"""

import asyncio
import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from bridge.api.app import create_app
from bridge.api.params import StatusCommand
from bridge.api.port import CallView, PaymentView
from bridge.pay.fields import Field
from bridge.pay.request import PaymentRequest
from bridge.pay.settings import Reading


ACCOUNT = "AC" + "a" * 32
CALL = "CA" + "b" * 32
SID = "PK" + "c" * 32
AT = datetime(2019, 12, 18, 20, 2, 1, tzinfo=UTC)
TOKEN = "it's a token: ü"

CALLS = f"/2010-04-01/Accounts/{ACCOUNT}/Calls"
START = f"{CALLS}/{CALL}/Payments.json"
UPDATE = f"{CALLS}/{CALL}/Payments/{SID}.json"


def basic(login: str) -> str:
    """
    Give credentials as the header has them.
    """
    return "Basic " + base64.b64encode(login.encode()).decode()


LOGIN = basic(f"{ACCOUNT}:{TOKEN}")


@dataclass
class FakePayments:
    """
    Remembers what it was asked, and does it or fails.
    """

    asked: list[tuple[object, ...]] = field(default_factory=list)
    failure: Exception | None = None

    async def start(
        self, account_sid: str, call_sid: str, key: str, request: PaymentRequest
    ) -> PaymentView:
        """
        Pretend to start.
        """
        return self._view(account_sid, call_sid, SID, key, request)

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
        Pretend to update.
        """
        return self._view(account_sid, call_sid, sid, key, command, status_callback)

    def call(self, account_sid: str, call_sid: str) -> CallView | None:
        """
        Know one call.
        """
        if call_sid != CALL:
            return None
        return CallView(
            account_sid=account_sid,
            call_sid=call_sid,
            is_in_progress=True,
            started_at=AT,
            ended_at=None,
        )

    def _view(
        self, account_sid: str, call_sid: str, sid: str, *rest: object
    ) -> PaymentView:
        self.asked.append((account_sid, call_sid, sid, *rest))
        if self.failure is not None:
            raise self.failure
        return PaymentView(
            account_sid=account_sid,
            call_sid=call_sid,
            sid=sid,
            created_at=AT,
            updated_at=AT,
        )


class FakeAccounts:
    """
    Knows one account.
    """

    def is_authentic(self, account_sid: str, username: str, password: str) -> bool:
        """
        Compare with the one.
        """
        return (account_sid, username, password) == (ACCOUNT, ACCOUNT, TOKEN)


class InProcess:
    """
    A client of the routes, without a socket.

    Args:
        payments: what is behind the routes.
        authorization: sent with every request that has none of its own.
        readings: of the wire.
    """

    def __init__(
        self,
        payments: FakePayments,
        authorization: str | None = None,
        readings: Collection[Reading] = (),
    ) -> None:
        self._app = create_app(payments, FakeAccounts(), readings=readings)
        self._authorization = authorization

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> httpx.Response:
        """
        Send one request.
        """
        sent = dict(headers or {})
        if self._authorization is not None:
            sent.setdefault("Authorization", self._authorization)

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://bridge.example"
            ) as client:
                return await client.request(
                    method,
                    url,
                    params=params,
                    data=data,
                    content=content,
                    headers=sent,
                    auth=auth,
                )

        return asyncio.run(send())

    def get(self, path: str) -> httpx.Response:
        """
        Get a path.
        """
        return self.request("GET", path)

    def post(
        self,
        path: str,
        data: Mapping[str, str] | None = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """
        Post a form, or bytes.
        """
        return self.request("POST", path, data=data, content=content, headers=headers)
