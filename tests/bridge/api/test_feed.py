"""
The feed over HTTP: its format, its tokens, who may read it.
"""

import asyncio
import json

import pytest
from starlette.types import Message

from bridge.api.errors import ApiError
from bridge.api.feed import FeedResponse, encode_event, event_id, parse_event_id
from bridge.api.feed_events import (
    EndReason,
    FeedEnded,
    PaymentMoved,
    PaymentTold,
    Snapshot,
)
from bridge.api.feed_token import make_feed_token
from bridge.api.guard import Requester, requester
from bridge.api.views import record_body
from tests.bridge.api.fakes import (
    ACCOUNT,
    CALL,
    FEED,
    FEED_TOKENS,
    LOGIN,
    NOW,
    SID,
    TOKEN,
    FakeFeed,
    FakePayments,
    FakeRecords,
    InProcess,
    record_of,
)
from tests.bridge.api.test_guard import FakeLimits


ORIGIN = "https://agents.example"
RETRY = "retry: 2000\n\n"
OVER = 'id: over\nevent: end\ndata: {"reason": "call-ended"}\n\n'


def _client(records: FakeRecords, authorization: str | None = LOGIN) -> InProcess:
    return InProcess(FakePayments(), authorization, records=records)


def _token(ttl_s: int = 900, secret: str = TOKEN, call_sid: str = CALL) -> str:
    return make_feed_token(secret, ACCOUNT, call_sid, NOW + ttl_s)


# Its format.


def test_events_are_written_as_the_html_standard_has_them() -> None:
    """
    A name, one line of JSON, and an id where there is a callback to come back to.
    """
    record = record_of({"Required": ""}, sequence=7)
    payment = json.dumps(record_body(record))
    assert encode_event(PaymentTold(record)) == (
        f"id: {SID}.7\nevent: payment\ndata: {payment}\n\n".encode()
    )
    assert encode_event(PaymentMoved(record)) == (
        f"event: status\ndata: {payment}\n\n".encode()
    )
    for reason in EndReason:
        text = encode_event(FeedEnded(reason)).decode()
        assert ("id: over" in text) is (reason is EndReason.CALL_ENDED)
        assert f'event: end\ndata: {{"reason": "{reason}"}}\n\n' in text


def test_snapshot_is_written_with_the_newest_callback_s_id() -> None:
    """
    Who comes back from there misses nothing; without payments there is no id.
    """
    other = record_of(sid="PK" + "d" * 32, sequence=9)
    written = encode_event(Snapshot(ACCOUNT, CALL, (other, record_of()))).decode()
    assert written.startswith(f"id: {event_id(other)}\nevent: snapshot\ndata: ")
    body = json.loads(written.partition("data: ")[2])
    assert body["payments"] == [record_body(other), record_body(record_of())]
    assert encode_event(Snapshot(ACCOUNT, CALL, ())).decode() == (
        f'event: snapshot\ndata: {{"account_sid": "{ACCOUNT}", '
        f'"call_sid": "{CALL}", "payments": []}}\n\n'
    )


def test_line_breaks_and_other_scripts_stay_inside_an_event() -> None:
    """
    Whatever a gateway says, an event is as long as it is.
    """
    text = "a\nb\r\n\nid: x\u2028ü"
    written = encode_event(PaymentTold(record_of({"PaymentError": text}))).decode()
    assert written.count("\n") == 4
    assert json.loads(written.partition("data: ")[2])["payment_error"] == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{SID}.7", (SID, 7)),
        (f"{SID}.0", None),
        (f"{SID}.07", None),
        (f"{SID}.", None),
        (f"{SID}.1234567890", None),
        (f"{SID}.７", None),
        ("over", None),
        ("", None),
        ("x" * 1000, None),
    ],
)
def test_event_id_is_read_back(text: str, expected: tuple[str, int] | None) -> None:
    """
    What is no id of ours means nothing.
    """
    assert parse_event_id(text) == expected


def test_feed_is_streamed_to_its_end() -> None:
    """
    When to come back, then events, heartbeats where there are none, and the end.
    """
    events = [Snapshot(ACCOUNT, CALL, ()), None, PaymentTold(record_of())]
    records = FakeRecords(events=events)
    response = _client(records).get(FEED)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert "Content-Length" not in response.headers
    snapshot, _, told = events
    assert snapshot is not None
    assert told is not None
    assert response.text == (
        RETRY
        + encode_event(snapshot).decode()
        + ": heartbeat\n\n"
        + encode_event(told).decode()
        + OVER
    )
    assert records.feeds[0].n_closed == 1


@pytest.mark.parametrize(
    ("header", "seen"),
    [
        ({}, None),
        ({"Last-Event-ID": f"{SID}.7"}, (SID, 7)),
        ({"Last-Event-ID": "x"}, None),
    ],
)
def test_feed_goes_on_after_the_last_event_id(
    header: dict[str, str], seen: tuple[str, int] | None
) -> None:
    """
    The id that a browser sends when it comes back.
    """
    records = FakeRecords()
    assert _client(records).request("GET", FEED, headers=header).status_code == 200
    assert records.asked == [(ACCOUNT, CALL, seen, None)]


def test_feed_that_is_over_sends_browsers_away() -> None:
    """
    204 is what stops an `EventSource`; credentials are asked for all the same.
    """
    records, header = FakeRecords(), {"Last-Event-ID": "over"}
    response = _client(records).request("GET", FEED, headers=header)
    assert (response.status_code, response.content) == (204, b"")
    stranger = _client(records, None)
    assert stranger.request("GET", FEED, headers=header).status_code == 401
    assert records.asked == []


def test_feed_of_a_call_that_is_not_there() -> None:
    """
    It is not found, like the call.
    """
    path = FEED.replace(CALL, "CA" + "0" * 32)
    response = _client(FakeRecords()).get(path)
    assert (response.status_code, response.json()["code"]) == (404, 20404)


def test_feed_ends_when_its_reader_goes() -> None:
    """
    Nobody waits for an event that nobody would read.
    """

    class Silent(FakeFeed):
        async def next(self, _wait_s: float) -> None:
            await asyncio.Event().wait()

    sent: list[Message] = []

    async def main() -> int:
        gone, has_begun = asyncio.Event(), asyncio.Event()

        async def send(message: Message) -> None:
            sent.append(message)
            if len(sent) == 2:
                has_begun.set()

        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Message:
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        feed = Silent([])
        task = asyncio.create_task(FeedResponse(feed)({}, receive, send))
        await asyncio.wait_for(has_begun.wait(), 5)
        assert feed.n_closed == 0
        gone.set()
        await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return feed.n_closed

    assert asyncio.run(main()) == 1
    assert [m["type"] for m in sent] == ["http.response.start", "http.response.body"]


# Its tokens.


def test_token_is_made_for_a_call() -> None:
    """
    For a quarter of an hour, or as long as is asked for; the answer says until when.
    """
    client = _client(FakeRecords())
    response = client.post(FEED_TOKENS)
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json() == {
        "account_sid": ACCOUNT,
        "call_sid": CALL,
        "token": _token(900),
        "date_expires": "Sun, 13 Sep 2020 12:41:40 +0000",
        "feed_uri": FEED,
    }
    assert client.post(FEED_TOKENS, {"Ttl": "3600"}).json()["token"] == _token(3600)
    missing = FEED_TOKENS.replace(CALL, "CA" + "0" * 32)
    assert client.post(missing).status_code == 404


@pytest.mark.parametrize("ttl", ["0", "3601", "x", "-5"])
def test_token_that_would_last_too_long_is_refused(ttl: str) -> None:
    """
    An hour is the most.
    """
    response = _client(FakeRecords()).post(FEED_TOKENS, {"Ttl": ttl})
    assert (response.status_code, response.json()["code"]) == (400, 20001)
    assert response.json()["message"] == (
        "Invalid Parameter Value: Ttl: expected a whole number from 1 to 3600"
    )


def test_token_makes_no_token() -> None:
    """
    It takes credentials to make one.
    """
    stranger = _client(FakeRecords(), None)
    assert stranger.post(FEED_TOKENS).status_code == 401
    assert stranger.post(f"{FEED_TOKENS}?token={_token()}").status_code == 401


def test_token_opens_the_feed_as_long_as_it_is_good() -> None:
    """
    Without a header; the feed may last no longer than the token.
    """
    records = FakeRecords()
    response = _client(records, None).request("GET", FEED, params={"token": _token(70)})
    assert response.status_code == 200
    assert records.asked == [(ACCOUNT, CALL, None, 70)]


@pytest.mark.parametrize(
    "token",
    [
        _token(secret="another account's token"),
        _token(call_sid="CA" + "0" * 32),
        make_feed_token(TOKEN, "AC" + "0" * 32, CALL, NOW + 900),
        _token().replace(str(NOW + 900), str(NOW + 901)),
        _token() + "x",
        _token()[:-1],
        str(NOW + 900),
        f"{NOW + 900}.",
        "x",
        "１" + _token(),
        "1" * 13 + ".x",
        TOKEN,
    ],
)
def test_token_that_was_not_made_for_this_is_refused(token: str) -> None:
    """
    Nothing is opened, nothing of it comes back, and it counts as a guess.
    """
    records, limits = FakeRecords(), FakeLimits()
    client = InProcess(FakePayments(), records=records, limits=limits)
    response = client.request("GET", FEED, params={"token": token})
    assert response.status_code == 401
    assert response.json() == {
        "code": 20101,
        "message": "Invalid access token",
        "more_info": "https://www.twilio.com/docs/errors/20101",
        "status": 401,
    }
    # Not Basic: a browser would ask its user for a password.
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert records.asked == []
    assert limits.n_failures == 999


@pytest.mark.parametrize("ttl_s", [0, -1, -100_000])
def test_token_that_has_expired_is_refused_and_is_no_guess(ttl_s: int) -> None:
    """
    A page left open over night shuts nobody out.
    """
    records, limits = FakeRecords(), FakeLimits()
    client = InProcess(FakePayments(), records=records, limits=limits)
    response = client.request("GET", FEED, params={"token": _token(ttl_s)})
    assert (response.status_code, response.json()["code"]) == (401, 20104)
    assert records.asked == []
    assert limits.n_failures == 1000


def test_token_beside_credentials_must_be_good_itself() -> None:
    """
    Which of two proofs counts is not a matter of luck.
    """
    client = _client(FakeRecords())
    assert client.get(f"{FEED}?token=x").status_code == 401
    assert client.get(f"{FEED}?token=").status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_token_is_of_no_use_anywhere_else(method: str) -> None:
    """
    Neither as a parameter nor as a password.
    """
    payments = FakePayments()
    client = InProcess(payments)
    for path in (
        FEED.replace("/Feed", ".json"),
        FEED.replace("/Feed", f"/{SID}.json"),
        FEED.replace("/Payments/Feed", ".json"),
    ):
        for auth in (None, (ACCOUNT, _token())):
            response = client.request(
                method, path, params={"token": _token()}, auth=auth
            )
            assert response.status_code in {401, 405}
    assert payments.asked == []


def test_feed_by_token_is_the_token_s_doing() -> None:
    """
    The audit log is told that nobody gave his name.
    """
    seen: list[Requester | None] = []

    class Curious(FakeRecords):
        async def feed(self, *_: object, **__: object) -> FakeFeed | None:
            seen.append(requester())
            raise ApiError(503, 20503, "Enough")

    response = _client(Curious(), None).get(f"{FEED}?token={_token()}")
    assert response.status_code == 503
    assert [who and (who.account_sid, who.key_sid) for who in seen] == [
        (ACCOUNT, "feed token")
    ]


# Limits.


def test_feed_counts_as_a_request_of_its_account() -> None:
    """
    However it was opened.
    """
    for authorization, path in ((LOGIN, FEED), (None, f"{FEED}?token={_token()}")):
        limits = FakeLimits()
        client = InProcess(FakePayments(), authorization, limits=limits)
        assert client.get(path).status_code == 200
        limits.n_account_requests = 0
        response = client.get(path)
        assert (response.status_code, response.json()["code"]) == (429, 20429)
        assert response.headers["Retry-After"] == "60"


# Pages from elsewhere.


@pytest.mark.parametrize("path", [FEED, f"{FEED}?token=x"])
def test_page_of_a_known_origin_may_read_feeds(path: str) -> None:
    """
    And errors of feeds; pages from elsewhere may not, and nothing else is shared.
    """
    client = InProcess(FakePayments(), LOGIN, feed_origins=[ORIGIN])

    def allowed(path: str, origin: str) -> str | None:
        response = client.request("GET", path, headers={"Origin": origin})
        found = response.headers.get("Access-Control-Allow-Origin")
        return None if found is None else str(found)

    assert allowed(path, ORIGIN) == ORIGIN
    assert client.get(path).headers["Vary"] == "Origin"
    for other in ("https://agents.example.org", "http://agents.example", "null", "*"):
        assert allowed(path, other) is None
    assert allowed(FEED.replace("/Feed", ".json"), ORIGIN) is None
    assert allowed("/health", ORIGIN) is None


def test_no_page_from_elsewhere_reads_feeds_by_default() -> None:
    """
    Nothing is said about origins at all.
    """
    response = InProcess(FakePayments(), LOGIN).request(
        "GET", FEED, headers={"Origin": ORIGIN}
    )
    assert response.status_code == 200
    assert "Access-Control-Allow-Origin" not in response.headers
