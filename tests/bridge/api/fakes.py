"""
What is in front of the routes, and what is behind them.
"""

import asyncio
import base64
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from bridge.api.app import create_app
from bridge.api.feed_events import EndReason, FeedEnded, FeedEvent, Snapshot
from bridge.api.feed_token import make_feed_token
from bridge.api.guard import Limits
from bridge.api.params import StatusCommand
from bridge.api.port import CallView, FeedToken, PaymentView
from bridge.callbacks.body import Identity
from bridge.callbacks.record import PaymentRecord
from bridge.expiring_token import expiry_of
from bridge.pay.fields import Field
from bridge.pay.request import PaymentRequest
from bridge.pay.settings import Reading


ACCOUNT = "AC" + "a" * 32
CALL = "CA" + "b" * 32
SID = "PK" + "c" * 32
AT = datetime(2019, 12, 18, 20, 2, 1, tzinfo=UTC)
TOKEN = "it's a token: ü"

NOW = 1_600_000_000
"""Unix time, for tokens."""

CALLS = f"/2010-04-01/Accounts/{ACCOUNT}/Calls"
START = f"{CALLS}/{CALL}/Payments.json"
UPDATE = f"{CALLS}/{CALL}/Payments/{SID}.json"
FEED = f"{CALLS}/{CALL}/Payments/Feed"
FEED_TOKENS = f"{CALLS}/{CALL}/FeedTokens.json"


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


def record_of(
    last: Mapping[str, str] | None = None, *, sid: str = SID, sequence: int = 2
) -> PaymentRecord:
    """
    Give what is read back of a payment whose last callback says this.
    """
    last = last or {}
    first = {
        "PaymentMethod": "credit-card",
        "PaymentConnector": "Default",
        "ChargeAmount": "9.99",
    }
    return PaymentRecord(
        identity=Identity(account_sid=ACCOUNT, call_sid=CALL, sid=sid, created_at=AT),
        state="ended" if "Result" in last else "capturing",
        currency="USD",
        first=first,
        last={"PaymentMethod": "credit-card", **last},
        sequence=sequence,
        updated_at=AT,
    )


class FakeFeed:
    """
    Tells these events, and then the end.
    """

    def __init__(self, events: Sequence[FeedEvent | None]) -> None:
        self._events = deque(events)
        self.n_closed = 0

    async def next(self, _wait_s: float) -> FeedEvent | None:
        """
        Give the next event.
        """
        if self._events:
            return self._events.popleft()
        return FeedEnded(EndReason.CALL_ENDED)

    def close(self) -> None:
        """
        Count.
        """
        self.n_closed += 1


@dataclass
class FakeRecords:
    """
    Knows the payments of one call.
    """

    records: list[PaymentRecord] = field(default_factory=lambda: [record_of()])
    events: Sequence[FeedEvent | None] | None = None
    """Of feeds; a snapshot, if not given."""
    asked: list[tuple[object, ...]] = field(default_factory=list)
    feeds: list[FakeFeed] = field(default_factory=list)

    async def find(
        self, account_sid: str, call_sid: str, sid: str
    ) -> PaymentRecord | None:
        """
        Look one up.
        """
        if (account_sid, call_sid) != (ACCOUNT, CALL):
            return None
        return next((r for r in self.records if r.identity.sid == sid), None)

    async def page(
        self, _account_sid: str, call_sid: str, *, first: int, count: int
    ) -> Sequence[PaymentRecord] | None:
        """
        Give some.
        """
        self.asked.append((first, count))
        return self.records[first : first + count] if call_sid == CALL else None

    async def feed(
        self,
        account_sid: str,
        call_sid: str,
        *,
        seen: tuple[str, int] | None,
        left_s: float | None,
    ) -> FakeFeed | None:
        """
        Open one.
        """
        self.asked.append((account_sid, call_sid, seen, left_s))
        if call_sid != CALL:
            return None
        events = self.events
        if events is None:
            events = [Snapshot(account_sid, call_sid, tuple(self.records))]
        self.feeds.append(FakeFeed(events))
        return self.feeds[-1]

    def make_token(
        self, account_sid: str, call_sid: str, ttl_s: int
    ) -> FeedToken | None:
        """
        Make one.
        """
        if call_sid != CALL:
            return None
        text = make_feed_token(TOKEN, account_sid, call_sid, NOW + ttl_s)
        return FeedToken(text=text, expires_at=datetime.fromtimestamp(NOW + ttl_s, UTC))

    def token_left_s(self, account_sid: str, call_sid: str, token: str) -> float | None:
        """
        Compare with what would be made.
        """
        expires = expiry_of(token)
        if expires is None:
            return None
        made = make_feed_token(TOKEN, account_sid, call_sid, expires)
        return expires - NOW if made == token else None


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
        records: what is read back.
        limits: how much anybody may ask for.
        feed_origins: of web pages.
    """

    def __init__(
        self,
        payments: FakePayments,
        authorization: str | None = None,
        readings: Collection[Reading] = (),
        records: FakeRecords | None = None,
        limits: Limits | None = None,
        feed_origins: Collection[str] = (),
    ) -> None:
        self._app = create_app(
            payments,
            FakeAccounts(),
            records or FakeRecords(),
            readings=readings,
            limits=limits,
            feed_origins=feed_origins,
        )
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
