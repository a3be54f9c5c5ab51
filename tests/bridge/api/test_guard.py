"""
The guard in front of all routes: whose a request is, how many, how long.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest

from bridge.api.app import create_app
from bridge.api.forms import BODY_TIMEOUT_S
from bridge.api.guard import MAX_URL_BYTES, Requester, requester
from bridge.api.paths import shown_path
from bridge.api.port import PaymentView
from bridge.pay.request import PaymentRequest
from tests.bridge.api.fakes import (
    ACCOUNT,
    CALL,
    TOKEN,
    FakeAccounts,
    FakePayments,
    FakeRecords,
    basic,
)
from tests.support.media import HandLoop, put_forward
from tests.support.pay import URL


START = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}/Payments.json"
LOGIN = {"Authorization": basic(f"{ACCOUNT}:{TOKEN}")}
WRONG = {"Authorization": basic(f"{ACCOUNT}:wrong")}
NEEDED = {"IdempotencyKey": "k1", "StatusCallback": URL}
CANARY = "4111111111111111"


@dataclass
class FakeLimits:
    """
    Lets so many through, and counts.
    """

    n_requests: int = 1000
    n_account_requests: int = 1000
    n_failures: int = 1000
    asked: list[str] = field(default_factory=list)

    def take_request(self, address: str) -> float:
        """
        Count down.
        """
        self.asked.append(address)
        self.n_requests -= 1
        return 0.0 if self.n_requests >= 0 else 2.1

    def take_account_request(self, account_sid: str) -> float:
        """
        Count down.
        """
        self.asked.append(account_sid)
        self.n_account_requests -= 1
        return 0.0 if self.n_account_requests >= 0 else 59.9

    def wait_for_sign_in(self, _address: str) -> float:
        """
        Say when there were too many.
        """
        return 0.0 if self.n_failures > 0 else 0.2

    def count_failed_sign_in(self, address: str) -> None:
        """
        Count down.
        """
        self.asked.append(f"failed {address}")
        self.n_failures -= 1


class Curious(FakePayments):
    """
    Remembers who asked.
    """

    seen: list[Requester | None]

    async def start(
        self, account_sid: str, call_sid: str, key: str, request: PaymentRequest
    ) -> PaymentView:
        """
        Pretend to start.
        """
        self.seen.append(requester())
        return await super().start(account_sid, call_sid, key, request)


@dataclass
class Api:
    """
    The routes with limits in front, without a socket.
    """

    limits: FakeLimits = field(default_factory=FakeLimits)
    payments: Curious = field(default_factory=Curious)

    def __post_init__(self) -> None:
        self.payments.seen = []
        self.app = create_app(
            self.payments,
            FakeAccounts(),
            FakeRecords(),
            limits=self.limits,
            address_of=lambda peer, forwarded: forwarded or peer,
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        data: dict[str, str] | None = None,
    ) -> httpx.Response:
        """
        Send one request.
        """

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(
                self.app, raise_app_exceptions=False, client=("192.0.2.1", 1)
            )
            async with httpx.AsyncClient(
                transport=transport, base_url="http://bridge.example"
            ) as client:
                return await client.request(method, path, headers=headers, data=data)

        return asyncio.run(send())

    def start(self, headers: dict[str, str]) -> httpx.Response:
        """
        Start a payment.
        """
        return self.request("POST", START, headers=headers, data=NEEDED)


def _assert_429(response: httpx.Response, retry_after: str) -> None:
    assert response.status_code == 429
    assert response.headers["Retry-After"] == retry_after
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json() == {
        "code": 20429,
        "message": "Too Many Requests",
        "more_info": "https://www.twilio.com/docs/errors/20429",
        "status": 429,
    }


def test_address_is_asked_to_wait() -> None:
    """
    On every path, with or without credentials, and nothing is done.
    """
    api = Api(FakeLimits(n_requests=1))
    assert api.start(LOGIN).status_code == 201
    for response in (
        api.start(LOGIN),
        api.request("GET", "/health"),
        api.request("GET", "/nothing"),
    ):
        _assert_429(response, "3")
    assert len(api.payments.asked) == 1


def test_account_is_asked_to_wait() -> None:
    """
    Only who has proven to be the account takes from what it may ask for.
    """
    api = Api(FakeLimits(n_account_requests=1))
    assert api.start(WRONG).status_code == 401
    assert api.start(LOGIN).status_code == 201
    _assert_429(api.start(LOGIN), "60")
    assert api.limits.asked.count(ACCOUNT) == 2
    assert len(api.payments.asked) == 1


def test_guessing_is_stopped() -> None:
    """
    After so many wrong credentials even the right ones are not looked at: the
    answer tells a guesser nothing.
    """
    api = Api(FakeLimits(n_failures=2))
    assert api.start(LOGIN).status_code == 201
    assert [api.start(h).status_code for h in (WRONG, {})] == [401, 401]
    _assert_429(api.start(WRONG), "1")
    _assert_429(api.start(LOGIN), "1")
    assert api.limits.asked.count("failed 192.0.2.1") == 2


def test_requester_is_known_to_what_is_behind() -> None:
    """
    The account, who signed in for it, and from where; a proxy's word if believed.
    """
    api = Api()
    api.start(LOGIN)
    api.start(LOGIN | {"X-Forwarded-For": "198.51.100.7"})
    assert api.payments.seen == [
        Requester(account_sid=ACCOUNT, key_sid=ACCOUNT, address=address)
        for address in ("192.0.2.1", "198.51.100.7")
    ]


def test_no_answer_is_to_be_stored() -> None:
    """
    Good ones and errors, those of bugs as well.
    """
    api = Api()
    api.payments.failure = RuntimeError(CANARY)
    bug = api.start(LOGIN)
    assert bug.status_code == 500
    for response in (
        bug,
        api.start(WRONG),
        api.request("GET", "/health"),
        api.request("GET", "/nothing"),
        api.request("DELETE", START),
        api.request("POST", START, headers=LOGIN),
    ):
        assert response.headers["Cache-Control"] == "no-store"
        assert "server" not in response.headers


def test_url_is_bounded() -> None:
    """
    Path and query together; the longest that is taken is looked for.
    """
    api = Api()
    longest = "/" + "a" * (MAX_URL_BYTES - 2) + "?b"
    assert api.request("GET", longest).status_code == 404
    response = api.request("GET", longest + "c")
    assert response.status_code == 414
    assert response.json()["message"] == (
        "URL: expected at most 2048 bytes of path and query"
    )


@pytest.mark.parametrize(
    ("method", "path", "data"),
    [
        ("GET", f"/{CANARY}", None),
        ("GET", f"/2010-04-01/Accounts/{CANARY}/Calls.json", None),
        ("POST", START.replace("Payments", f"Payments/{CANARY}"), {"Status": CANARY}),
        ("POST", START.replace(CALL, CANARY), {**NEEDED, "Timeout": CANARY}),
        ("POST", START, {**NEEDED, "Capture": CANARY, "ChargeAmount": CANARY}),
        ("POST", START, {**NEEDED, "Parameter": CANARY, CANARY: CANARY}),
        ("POST", START, {**NEEDED, "StatusCallback": f"ftp://{CANARY}/"}),
        ("POST", START, {**NEEDED, "IdempotencyKey": CANARY * 20}),
        ("POST", START, {**NEEDED, "Currency": CANARY, "ValidCardTypes": CANARY}),
        ("DELETE", f"{START}?{CANARY}", None),
        ("PUT", START, {CANARY: CANARY}),
        ("GET", f"/{CANARY}" + "x" * 3000, None),
    ],
)
def test_failing_request_does_not_come_back(
    method: str, path: str, data: dict[str, str] | None
) -> None:
    """
    Whatever somebody sends by mistake is in no answer: not in its body, not in a
    header.
    """
    api = Api()
    api.payments.failure = RuntimeError(CANARY)
    response = api.request(method, path, headers=LOGIN, data=data)
    assert response.status_code >= 400
    assert CANARY not in response.text
    assert CANARY not in str(response.headers)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/2010-04-01/Accounts.json", "/2010-04-01/Accounts.json"),
        (START, START),
        ("/", "/"),
        (f"/Calls/{CANARY}/Payments.json", "/Calls/…/Payments.json"),
        ("/4111-11-11/x", "/…/x"),
        ("/%0d%0aSet-Cookie: a", "/…"),
        (f"/PK{CANARY}", "/…"),
        ("/" + "a" * 41, "/…"),
    ],
)
def test_path_is_shown_where_it_could_be_ours(path: str, expected: str) -> None:
    """
    Versions, names and sids are shown, anything else is left out.
    """
    assert shown_path(path) == expected


def test_body_must_arrive_in_time() -> None:
    """
    Who sends the beginning of a form and then nothing is told so, and let go.
    """

    async def trickle() -> AsyncIterator[bytes]:
        yield b"IdempotencyKey="
        put_forward(BODY_TIMEOUT_S + 1)
        # Longer than the test may take: the answer comes in between.
        await asyncio.sleep(1000)

    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(Api().app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://bridge.example"
        ) as client:
            return await client.post(START, headers=LOGIN, content=trickle())

    with asyncio.Runner(loop_factory=HandLoop) as runner:
        response = runner.run(main())
    assert response.status_code == 408
    assert response.json()["message"] == "body: expected within 15 seconds"
