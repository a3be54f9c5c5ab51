"""
The callback worker: the outbox, delivered in order.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import pytest
from structlog.testing import capture_logs
from twilio.request_validator import RequestValidator

from bridge.callbacks.delivery import Callback
from bridge.connectors.base import Failure
from bridge.ledger.changes import CallbackPostponed, CallbackSettled
from bridge.server.callback_worker import CallbackWorker
from bridge.server.metrics import Metrics
from bridge.server.writer import LedgerWriter
from tests.bridge.server.test_writer import FakeLedger
from tests.support.media import AUTH_TOKEN, put_forward, run, wait_until


OTHER, OTHER_TOKEN = "AC" + "1" * 32, "fedcba9876543210fedcba9876543210"

Reply = tuple[int, bytes] | Failure
OK: Reply = (204, b"")


@dataclass(frozen=True, slots=True)
class Sent:
    """
    One request that left.
    """

    url: str
    headers: Mapping[str, str]
    form: Mapping[str, str]
    timeout_s: float


@dataclass(slots=True)
class FakeOutbound:
    """
    Remembers what is posted and answers as it is told.
    """

    sent: list[Sent] = field(default_factory=list)
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    """Answers by the form's `Name`, in turn; 204 where there is none left."""
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    """Whose answer waits."""

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes | bytearray,
        read_timeout_s: float,
    ) -> Reply:
        """
        Take a request; see `Outbound`.
        """
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        self.sent.append(Sent(url, headers, form, read_timeout_s))
        if form["Name"] in self.held:
            await self.held[form["Name"]].wait()
        replies = self.replies.get(form["Name"], [])
        return replies.pop(0) if replies else OK

    @property
    def names(self) -> list[str]:
        """
        The names of what was posted, in order.
        """
        return [sent.form["Name"] for sent in self.sent]


@dataclass(slots=True)
class Desk:
    """
    A worker and all it works with.
    """

    worker: CallbackWorker
    outbound: FakeOutbound
    ledger: FakeLedger
    metrics: Metrics

    def add(self, session: str, name: str, url: str = "https://h/told?a=1") -> None:
        """
        Have a callback delivered; its number is in its name.
        """
        form = {"Name": name, "Ümlaut": "a b&c=d", "Empty": ""}
        number = int(name.strip("abcdefgh"))
        self.worker.add(session, Callback(callback_id=number, url=url, form=form))

    async def retry(self, n_sent: int, delay_s: float) -> None:
        """
        Let a retry come due, not a moment before its delay, and see it sent.
        """
        await wait_until(lambda: self.count("postponed") == n_sent - 1)
        put_forward(delay_s - 0.1)
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(self.outbound.sent) == n_sent - 1
        put_forward(0.1)
        await wait_until(lambda: len(self.outbound.sent) >= n_sent)

    @property
    def settled(self) -> list[tuple[int, bool, int, str | None]]:
        """
        What the ledger was told of callbacks.
        """
        return [
            (change.callback_id, change.is_delivered, change.attempts, change.fault)
            for changes in self.ledger.transactions
            for change in changes
            if isinstance(change, CallbackSettled)
        ]

    def count(self, outcome: str) -> float | None:
        """
        Read the metric.
        """
        return self.metrics.registry.get_sample_value(
            "dtmf_callbacks_total", {"outcome": outcome}
        )


def _desk(
    script: Callable[[Desk], Coroutine[Any, Any, None]],
    *,
    is_idle: bool = True,
    **replies: list[Reply],
) -> Desk:
    """
    Run a script at a desk, to the last callback, and leave nothing behind.
    """

    async def main() -> Desk:
        outbound, ledger, metrics = (
            FakeOutbound(replies=replies),
            FakeLedger(),
            Metrics(),
        )
        writer = LedgerWriter(ledger, metrics)
        writing = asyncio.create_task(writer.run())
        async with asyncio.TaskGroup() as group:
            worker = CallbackWorker(
                outbound,
                writer,
                auth_token_of=lambda sid: OTHER_TOKEN if sid == OTHER else AUTH_TOKEN,
                timeout_s=7.5,
                spawn=group.create_task,
                metrics=metrics,
            )
            desk = Desk(worker, outbound, ledger, metrics)
            await script(desk)
            if is_idle:
                await wait_until(lambda: worker.is_idle)
            worker.stop()
            await writer.wait_idle()
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        return desk

    return run(main())


def test_worker_posts_a_signed_form() -> None:
    """
    A callback is a form, signed over the URL without its fragment, and the
    official library accepts it.
    """

    async def script(desk: Desk) -> None:
        desk.add("PK01", "a1", "https://h/told?a=1#rc=2")

    (sent,) = _desk(script).outbound.sent
    assert sent.url == "https://h/told?a=1"
    assert sent.form == {"Name": "a1", "Ümlaut": "a b&c=d", "Empty": ""}
    assert sent.timeout_s == 7.5
    assert sent.headers["Content-Type"] == (
        "application/x-www-form-urlencoded; charset=UTF-8"
    )
    assert sent.headers["I-Twilio-Idempotency-Token"] == "PK01.1"
    validator = RequestValidator(AUTH_TOKEN)
    signature = sent.headers["X-Twilio-Signature"]
    assert validator.validate(sent.url, sent.form, signature)
    assert not validator.validate(sent.url, {**sent.form, "Empty": "x"}, signature)


def test_worker_signs_with_the_account_s_own_token() -> None:
    """
    One account's callbacks prove nothing to another account's receivers.
    """

    async def script(desk: Desk) -> None:
        callback = Callback(
            callback_id=1,
            url="https://h/told",
            form={"Name": "a1", "AccountSid": OTHER},
        )
        desk.worker.add("PK01", callback)

    (sent,) = _desk(script).outbound.sent
    signature = sent.headers["X-Twilio-Signature"]
    assert RequestValidator(OTHER_TOKEN).validate(sent.url, sent.form, signature)
    assert not RequestValidator(AUTH_TOKEN).validate(sent.url, sent.form, signature)


def test_worker_delivers_a_session_in_order_one_at_a_time() -> None:
    """
    The next callback of a session leaves when the one before it has been answered.
    """

    async def script(desk: Desk) -> None:
        desk.outbound.held["a1"] = asyncio.Event()
        for name in ("a1", "a2", "a3"):
            desk.add("PK01", name)
        for _ in range(5):
            await asyncio.sleep(0)
        assert desk.outbound.names == ["a1"]
        assert not desk.worker.is_idle
        desk.outbound.held["a1"].set()

    desk = _desk(script)
    assert desk.outbound.names == ["a1", "a2", "a3"]
    assert desk.settled == [(n, True, 1, None) for n in (1, 2, 3)]
    assert desk.count("delivered") == 3


def test_worker_sends_the_next_when_the_outbox_knows_of_the_last() -> None:
    """
    A ledger that is slow, or down, holds the next callback up, not only its record.
    """

    async def script(desk: Desk) -> None:
        desk.ledger.may_write.clear()
        for name in ("a1", "a2"):
            desk.add("PK01", name)
        await wait_until(lambda: desk.ledger.n_tried)
        assert desk.outbound.names == ["a1"]
        assert not desk.worker.is_idle
        desk.ledger.may_write.set()

    desk = _desk(script)
    assert desk.outbound.names == ["a1", "a2"]
    assert desk.settled == [(n, True, 1, None) for n in (1, 2)]


def test_worker_keeps_no_session_waiting_for_another() -> None:
    """
    A receiver that does not answer for one session holds up that session only.
    """

    async def script(desk: Desk) -> None:
        desk.outbound.held["a1"] = asyncio.Event()
        for session, name in (("PKa", "a1"), ("PKa", "a2"), ("PKb", "b3")):
            desk.add(session, name)
        await wait_until(lambda: desk.outbound.names == ["a1", "b3"])
        desk.add("PKb", "b4")
        await wait_until(lambda: desk.outbound.names == ["a1", "b3", "b4"])
        desk.outbound.held["a1"].set()

    assert _desk(script).outbound.names == ["a1", "b3", "b4", "a2"]


def test_worker_tries_again_and_sends_nothing_else_meanwhile() -> None:
    """
    What failed is sent again after its delay, the same to the letter and with the
    same token; those behind it wait.
    """

    async def script(desk: Desk) -> None:
        for name in ("a1", "a2"):
            desk.add("PK01", name)
        await wait_until(lambda: desk.outbound.names == ["a1"])
        await desk.retry(2, 0.5)
        await desk.retry(3, 1.0)
        await desk.retry(4, 2.0)

    with capture_logs() as lines:
        desk = _desk(
            script, a1=[(503, b""), Failure.NOT_CONNECTED, Failure.NO_ANSWER, OK]
        )
    assert desk.outbound.names == ["a1", "a1", "a1", "a1", "a2"]
    first = desk.outbound.sent[0]
    assert desk.outbound.sent[:4] == [first] * 4
    assert desk.settled == [(1, True, 4, None), (2, True, 1, None)]
    assert desk.count("postponed") == 3
    postponed = [
        (change.callback_id, change.attempts, change.fault)
        for changes in desk.ledger.transactions
        for change in changes
        if isinstance(change, CallbackPostponed)
    ]
    assert postponed == [
        (1, 1, "status 503"),
        (1, 2, "no connection"),
        (1, 3, "no answer"),
    ]
    assert [(line["fault"], line["delay_s"]) for line in lines] == [
        ("status 503", 0.5),
        ("no connection", 1.0),
        ("no answer", 2.0),
    ]


@pytest.mark.parametrize("status", [301, 400, 404, 410])
def test_worker_gives_up_what_the_receiver_refuses(status: int) -> None:
    """
    A refusal is not tried again; what was behind it goes on.
    """

    async def script(desk: Desk) -> None:
        for name in ("a1", "a2"):
            desk.add("PK01", name)

    with capture_logs() as lines:
        desk = _desk(script, a1=[(status, b"")])
    assert desk.outbound.names == ["a1", "a2"]
    assert desk.settled == [(1, False, 1, f"status {status}"), (2, True, 1, None)]
    assert desk.count("given up") == 1
    assert lines == [
        {
            "event": "callback given up",
            "payment": "PK01",
            "callback": 1,
            "fault": f"status {status}",
            "log_level": "error",
        }
    ]


def test_worker_gives_up_after_its_last_retry() -> None:
    """
    A callback that asks for two retries is sent three times and no more.
    """

    async def script(desk: Desk) -> None:
        desk.add("PK01", "a1", "https://h/told#rc=2&rp=5xx")
        await wait_until(lambda: desk.outbound.names == ["a1"])
        await desk.retry(2, 1.0)
        await desk.retry(3, 1.0)

    desk = _desk(script, a1=[(500, b"")] * 9)
    assert desk.outbound.names == ["a1"] * 3
    assert desk.settled == [(1, False, 3, "status 500")]


def test_worker_leaves_no_timer_behind_when_it_is_stopped() -> None:
    """
    After a stop no retry comes, a late answer is not missed, and what was not
    delivered is not settled: the outbox keeps it.
    """

    async def script(desk: Desk) -> None:
        desk.outbound.held["b2"] = asyncio.Event()
        desk.add("PKa", "a1")
        desk.add("PKb", "b2")
        await wait_until(lambda: desk.outbound.names == ["a1", "b2"])
        await wait_until(lambda: desk.count("postponed"))
        desk.worker.stop()
        assert desk.worker.is_idle
        desk.outbound.held["b2"].set()
        put_forward(1000)
        for _ in range(5):
            await asyncio.sleep(0)

    desk = _desk(script, a1=[(503, b"")])
    assert desk.outbound.names == ["a1", "b2"]
    assert desk.settled == []
