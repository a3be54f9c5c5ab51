"""
Recovery, in fake time: what the last process left behind is brought to an end.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from structlog.testing import capture_logs

from bridge.callbacks.record import PaymentRecord
from bridge.connectors.base import Attempt, Connector, Failure, GatewayCall
from bridge.connectors.sandbox import SandboxConnector
from bridge.connectors.sandbox_gateway import SandboxGateway
from bridge.errors import LedgerError
from bridge.ledger.changes import (
    AttemptOpened,
    CallbackQueued,
    CallbackSettled,
    Change,
    SessionMoved,
)
from bridge.ledger.reads import StoredSession
from bridge.ledger.store import Ledger
from bridge.server.archive import Archive
from bridge.server.audit_log import AuditLog
from bridge.server.callback_worker import CallbackWorker
from bridge.server.clock import utc_now
from bridge.server.metrics import Metrics
from bridge.server.recovery import WATCH_S, Means, Recovery
from bridge.server.writer import LedgerWriter
from tests.support.books import session_opened
from tests.support.media import AUTH_TOKEN, put_forward, run, wait_until


GATEWAY = "https://gateway.example/"
AGENT = "https://agent.example/told"
CONNECTOR = SandboxConnector(url=GATEWAY)

APPROVED = b'{"charge_id":"ch_1","error_code":null,"error_message":null}'
DECLINED = b'{"charge_id":null,"error_code":"declined","error_message":"No."}'
NO_RECORD = b'{"error_code":"transaction_not_found"}'

Reply = tuple[int, bytes] | Failure


@dataclass(slots=True)
class FakeOutbound:
    """
    A gateway and an agent's software, as far as the bridge can tell.
    """

    replies: list[Reply] = field(default_factory=list)
    """Of the gateway, in turn; the last one for ever."""
    lookups: list[Mapping[str, Any]] = field(default_factory=list)
    forms: list[Mapping[str, str]] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    refusal: int | None = None
    """What the agent's software answers, if not 204."""

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
        del headers, read_timeout_s
        if url == GATEWAY:
            self.lookups.append(json.loads(bytes(body)))
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        self.urls.append(url)
        self.forms.append(dict(parse_qsl(body.decode(), keep_blank_values=True)))
        return (self.refusal or 204, b"")

    @property
    def told(self) -> list[str]:
        """
        The sequence numbers of callbacks, in the order of their arrival.
        """
        return [form["SequenceNumber"] for form in self.forms]


@dataclass(slots=True)
class House:
    """
    A bridge that has just started, as far as recovery goes.
    """

    ledger: Ledger
    outbound: FakeOutbound
    recovery: Recovery
    writer: LedgerWriter
    callbacks: CallbackWorker
    metrics: Metrics
    lost: list[int]
    """One for each time that the ledger was lost."""
    published: list[PaymentRecord]
    """What readers are told."""

    def session(self, sid: str = "PK1") -> StoredSession:
        """
        Look a payment up.
        """
        session = self.ledger.find_session(sid)
        assert session is not None
        return session

    async def start(self) -> "asyncio.Task[None]":
        """
        Do what a bridge does at its start.
        """
        await self.recovery.end_captures()
        self.recovery.deliver()
        return asyncio.create_task(self.recovery.reconcile())

    async def quiet(self) -> None:
        """
        Wait until everything is told and written.
        """
        await wait_until(lambda: self.callbacks.is_idle)
        await self.writer.wait_idle()


_OPEN: list[Ledger] = []
"""Tests look into them after the bridge is gone."""


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _OPEN:
        _OPEN.pop().close()


Script = Callable[[House], Coroutine[Any, Any, None]]


def _live(
    folder: Path,
    left: Sequence[Change],
    script: Script,
    *replies: Reply,
    connectors: Mapping[str, Connector] | None = None,
) -> House:
    """
    Leave something in a ledger, and run a script on the next start.
    """
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    _OPEN.append(ledger)
    ledger.migrate()
    ledger.write(left)

    async def main() -> House:
        outbound, metrics = FakeOutbound(list(replies)), Metrics()
        lost: list[int] = []
        published: list[PaymentRecord] = []
        writer = LedgerWriter(ledger, metrics)
        writing = asyncio.create_task(writer.run())
        async with asyncio.TaskGroup() as group:
            callbacks = CallbackWorker(
                outbound,
                writer,
                auth_token_of=lambda _sid: AUTH_TOKEN,
                timeout_s=5.0,
                spawn=group.create_task,
                metrics=metrics,
            )
            means = Means(
                ledger=ledger,
                writer=writer,
                callbacks=callbacks,
                connectors={"Default": CONNECTOR} if connectors is None else connectors,
                outbound=outbound,
                sandbox=SandboxGateway("sandbox", "sandbox", lambda: "id1"),
                metrics=metrics,
                audit=AuditLog(),
                lost=lambda: lost.append(1),
                publish=published.append,
            )
            recovery = Recovery(means)
            house = House(
                *(ledger, outbound, recovery, writer, callbacks, metrics, lost),
                published,
            )
            await script(house)
            await house.quiet()
            callbacks.stop()
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        return house

    return run(main())


async def _to_the_end(house: House) -> None:
    """
    Start, and let all the time pass that it takes.
    """
    reconciling = await house.start()
    await _pass_time(reconciling.done)


async def _pass_time(is_over: Callable[[], bool], longest_s: float = 400.0) -> None:
    for _ in range(round(longest_s)):
        for _ in range(20):
            await asyncio.sleep(0)
        if is_over():
            return
        put_forward(1.0)
        await asyncio.sleep(0.001)
    raise AssertionError("it does not end")


# What was left.


def _opened(sid: str = "PK1") -> list[Change]:
    return [
        session_opened(sid, account_sid="AC1", url=AGENT, at=utc_now()),
        _callback(1, sid),
    ]


def _callback(sequence: int, sid: str = "PK1", **form: str) -> CallbackQueued:
    return CallbackQueued(
        session_sid=sid,
        account_sid="AC1",
        sequence=sequence,
        url=AGENT,
        form={
            "Sid": sid,
            "PaymentMethod": "credit-card",
            "SequenceNumber": str(sequence),
            **form,
        },
        at=utc_now(),
    )


def _moved(state: str, *, url: str = AGENT, sid: str = "PK1") -> SessionMoved:
    return SessionMoved(
        sid=sid, state=state, result=None, status_callback=url, at=utc_now()
    )


def _at_gateway(sent_at: datetime | None = None, sid: str = "PK1") -> list[Change]:
    return [
        *_opened(sid),
        _callback(2, sid, PaymentCardNumber="xxxxxxxxxxxx4242"),
        _moved("processing", url=f"{AGENT}?last=1", sid=sid),
        AttemptOpened(attempt=f"a{sid}", session_sid=sid, at=sent_at or utc_now()),
    ]


LONG_AGO = timedelta(hours=1)


# Captures.


@pytest.mark.parametrize("state", ["ready", "capturing"])
def test_a_payment_that_was_not_completed_ends_as_an_internal_error(
    tmp_path: Path, state: str
) -> None:
    """
    What the caller keyed is gone; the agent is told, at the latest URL, and that
    nothing was charged. No gateway is asked anything.
    """
    left = [
        *_opened(),
        _callback(2, PaymentCardNumber="xxxxxxxxxxxx4242", PaymentCardType="visa"),
        _moved(state, url=f"{AGENT}?step=2"),
    ]
    house = _live(tmp_path, left, _to_the_end)
    last = house.outbound.forms[-1]
    assert house.outbound.told == ["1", "2", "3"]
    assert house.outbound.urls[-1] == f"{AGENT}?step=2"
    assert last["Result"] == "internal-error"
    assert last["PayErrorCode"] == "64002"
    assert last["PaymentError"] == (
        "The payment was interrupted before it was made; nothing was charged."
    )
    assert last["PaymentCardNumber"] == "xxxxxxxxxxxx4242"
    session = house.session()
    assert (session.is_ended, session.result) == (True, "internal-error")
    assert session.last_callback.state == "delivered"
    assert house.outbound.lookups == []


def test_readers_are_told_of_a_payment_that_is_settled_while_they_read(
    tmp_path: Path,
) -> None:
    """
    Once it is in the ledger, and as it is there; captures end before anybody reads.
    """
    left = [*_at_gateway(), *_opened("PK2")]
    house = _live(tmp_path, left, _to_the_end, (200, APPROVED))
    assert [record.identity.sid for record in house.published] == ["PK1"]
    (record,) = house.published
    assert (record.state, record.sequence) == ("ended", 3)
    assert record.last["Result"] == "success"


def test_a_start_on_a_clean_ledger_says_nothing(tmp_path: Path) -> None:
    """
    What has ended and was told stays as it is.
    """

    async def twice(house: House) -> None:
        await _to_the_end(house)
        await house.quiet()
        again = Recovery(house.recovery.means)
        await again.end_captures()
        again.deliver()
        await again.reconcile()

    house = _live(tmp_path, _opened(), twice)
    assert house.outbound.told == ["1", "2"]


# Attempts.


@pytest.mark.parametrize(
    ("reply", "result", "outcome", "told"),
    [
        ((200, APPROVED), "success", "approved", {"PaymentConfirmationCode": "ch_1"}),
        (
            (200, DECLINED),
            "payment-connector-error",
            "declined",
            {"PayErrorCode": "64008", "ConnectorError": "declined"},
        ),
        (
            (404, NO_RECORD),
            "payment-connector-error",
            "notsent",
            {
                "PayErrorCode": "64002",
                "PaymentError": "The payment gateway has no record of it; "
                "nothing was charged.",
            },
        ),
    ],
)
def test_an_attempt_ends_as_the_gateway_says(
    tmp_path: Path, reply: Reply, result: str, outcome: str, told: Mapping[str, str]
) -> None:
    """
    It is looked up by its own id, once, and never sent again.
    """
    left = _at_gateway(utc_now() - LONG_AGO)
    house = _live(tmp_path, left, _to_the_end, reply)
    assert house.outbound.lookups == [{"method": "lookup", "transaction_id": "aPK1"}]
    assert house.outbound.told == ["1", "2", "3"]
    last = house.outbound.forms[-1]
    assert last["Result"] == result
    assert last["PaymentCardNumber"] == "xxxxxxxxxxxx4242"
    assert {name: last[name] for name in told} == told
    assert house.outbound.urls[-1] == f"{AGENT}?last=1"
    session = house.session()
    assert (session.is_ended, session.result) == (True, result)
    assert [(a.state, a.outcome) for a in session.attempts] == [("settled", outcome)]
    count = {"outcome": outcome}
    value = house.metrics.registry.get_sample_value
    assert value("dtmf_attempts_reconciled_total", count) == 1


def test_a_young_attempt_is_not_taken_for_unsent(tmp_path: Path) -> None:
    """
    It may be under way still: it is asked for again, and the second answer counts.
    """
    replies: list[Reply] = [(404, NO_RECORD), (200, APPROVED)]
    house = _live(tmp_path, _at_gateway(), _to_the_end, *replies)
    assert len(house.outbound.lookups) == 2
    assert house.outbound.forms[-1]["Result"] == "success"


@pytest.mark.parametrize(
    "reply", [Failure.NOT_CONNECTED, Failure.NO_ANSWER, (503, b""), (200, b"<html>")]
)
def test_an_attempt_that_nobody_can_tell_of_ends_as_unknown(
    tmp_path: Path, reply: Reply
) -> None:
    """
    After five minutes; the agent is told to check, and an operator finds it.
    """
    with capture_logs() as lines:
        house = _live(tmp_path, _at_gateway(), _to_the_end, reply)
    assert len(house.outbound.lookups) == 11
    last = house.outbound.forms[-1]
    assert (last["Result"], last["PayErrorCode"]) == (
        "payment-connector-error",
        "64002",
    )
    assert last["PaymentError"].endswith(
        "The outcome is unknown; check with the gateway before trying again."
    )
    (attempt,) = house.ledger.attempts(only_open=True)
    assert (attempt.attempt, attempt.outcome) == ("aPK1", "unknown")
    assert "outcome unknown: ask the gateway" in [line["event"] for line in lines]


class WithoutLookup(SandboxConnector):
    """
    The connector of a gateway that cannot be asked.
    """

    def encode_lookup(self, attempt: Attempt) -> GatewayCall | None:
        """
        Cannot.
        """
        del attempt
        return None


class Broken(SandboxConnector):
    """
    A connector with a bug.
    """

    def encode_lookup(self, attempt: Attempt) -> GatewayCall | None:
        """
        Fail.
        """
        raise KeyError(attempt.key)


@pytest.mark.parametrize(
    "connectors",
    [{}, {"Default": WithoutLookup()}, {"Default": Broken()}],
    ids=["gone", "no lookup", "broken"],
)
def test_an_attempt_at_a_gateway_that_cannot_be_asked_ends_as_unknown(
    tmp_path: Path, connectors: Mapping[str, Connector]
) -> None:
    """
    At once, and nothing is sent.
    """
    house = _live(tmp_path, _at_gateway(), _to_the_end, connectors=connectors)
    assert house.outbound.lookups == []
    last = house.outbound.forms[-1]
    assert last["PaymentError"] == (
        "No answer from the payment gateway, which cannot be asked again. "
        "The outcome is unknown; check with the gateway before trying again."
    )
    assert [a.outcome for a in house.ledger.attempts()] == ["unknown"]


def test_attempts_are_found_out_side_by_side(tmp_path: Path) -> None:
    """
    A gateway that does not tell of one payment holds up no other, and no capture.
    """
    left = [*_at_gateway(), *_at_gateway(sid="PK2"), *_opened("PK3")]

    @dataclass(slots=True)
    class Forgetful(FakeOutbound):
        async def post(self, url: str, *args: Any) -> Reply:
            reply = await FakeOutbound.post(self, url, *args)
            if url == GATEWAY and self.lookups[-1]["transaction_id"] == "aPK1":
                return Failure.NO_ANSWER
            return reply

    async def script(house: House) -> None:
        outbound = Forgetful([(200, APPROVED)])
        house.recovery.means = replace(house.recovery.means, outbound=outbound)
        reconciling = await house.start()
        await wait_until(
            lambda: (
                {f.get("Result") for f in house.outbound.forms}
                >= {"success", "internal-error"}
            )
        )
        assert not house.session("PK1").is_ended
        assert not reconciling.done()
        reconciling.cancel()

    house = _live(tmp_path, left, script)
    results = {
        form["Sid"]: form["Result"] for form in house.outbound.forms if "Result" in form
    }
    assert results == {"PK2": "success", "PK3": "internal-error"}


def test_a_stop_leaves_what_is_not_found_out_to_the_next_start(tmp_path: Path) -> None:
    """
    Nothing is guessed because somebody is in a hurry.
    """

    async def stopped(house: House) -> None:
        reconciling = await house.start()
        await wait_until(lambda: house.outbound.lookups)
        reconciling.cancel()
        await asyncio.wait([reconciling])

    house = _live(tmp_path, _at_gateway(), stopped, Failure.NO_ANSWER)
    assert house.outbound.told == ["1", "2"]
    again = _live(tmp_path, [], _to_the_end, (200, APPROVED))
    assert again.outbound.told == ["3"]
    assert again.outbound.forms[-1]["Result"] == "success"


def test_what_the_gateway_says_of_a_card_is_hidden(tmp_path: Path) -> None:
    """
    Gateways quote what they were sent.
    """
    quoted = (
        b'{"charge_id":null,"error_code":"4242 4242 4242 4242",'
        b'"error_message":"bad card 4242424242424242"}'
    )
    left = _at_gateway(utc_now() - LONG_AGO)
    house = _live(tmp_path, left, _to_the_end, (200, quoted))
    last = house.outbound.forms[-1]
    assert last["PaymentError"] == "bad card [digits]"
    assert last["ConnectorError"] == "[digits]"


# The outbox.


def test_the_outbox_is_delivered_before_the_end_is_told(tmp_path: Path) -> None:
    """
    In order: what was written before the crash, then how it ended.
    """
    left = [*_at_gateway(utc_now() - LONG_AGO), _callback(3), _callback(4)]
    house = _live(tmp_path, left, _to_the_end, (200, APPROVED))
    assert house.outbound.told == ["1", "2", "3", "4", "5"]


def test_a_dead_letter_is_delivered_when_an_operator_asks(tmp_path: Path) -> None:
    """
    The bridge that serves notices within seconds, and sends each once.
    """

    async def script(house: House) -> None:
        house.outbound.refusal = 404
        await _to_the_end(house)
        await house.quiet()
        assert len(house.ledger.callbacks(only_dead=True)) == 2
        house.outbound.refusal = None
        replaying = asyncio.create_task(house.recovery.watch())
        await asyncio.sleep(0)
        assert house.ledger.replay([1]) == [1]
        for _ in range(3):
            put_forward(WATCH_S)
            await wait_until(lambda: len(house.outbound.forms) == 3)
            await house.quiet()
        replaying.cancel()
        with suppress(asyncio.CancelledError):
            await replaying

    house = _live(tmp_path, _opened(), script)
    assert house.outbound.told == ["1", "2", "1"]
    (dead,) = house.ledger.callbacks()
    assert (dead.sequence, dead.state) == (2, "dead")


def test_replay_goes_on_when_the_ledger_cannot_be_read(tmp_path: Path) -> None:
    """
    An operator's wish waits for the database, and the bridge lives.
    """

    class Moody(Ledger):
        n_failures = 1

        def replayed_callbacks(self) -> list[Any]:
            if self.n_failures:
                self.n_failures -= 1
                raise OSError("SELECT … secret")
            return super().replayed_callbacks()

    async def script(house: House) -> None:
        await _to_the_end(house)
        await house.quiet()
        moody = Moody(f"sqlite:///{tmp_path / 'ledger.db'}")
        house.recovery.means = replace(house.recovery.means, ledger=moody)
        settled = CallbackSettled(
            callback_id=1, is_delivered=False, attempts=1, fault="f", at=utc_now()
        )
        house.ledger.write([settled])
        house.ledger.replay(None)
        replaying = asyncio.create_task(house.recovery.watch())
        await _pass_time(lambda: len(house.outbound.forms) == 3)
        replaying.cancel()
        with suppress(asyncio.CancelledError):
            await replaying
        moody.close()

    with capture_logs() as lines:
        house = _live(tmp_path, _opened(), script)
    assert house.outbound.told == ["1", "2", "1"]
    failures = [line for line in lines if line["log_level"] == "error"]
    assert failures == [
        {"event": "ledger not watched", "error": "OSError", "log_level": "error"}
    ]


def test_a_bridge_that_loses_its_ledger_to_another_one_stops(tmp_path: Path) -> None:
    """
    Two that serve would end each other's payments.
    """

    class Taken(Ledger):
        def keep(self) -> None:
            raise LedgerError("another bridge has taken this ledger")

    async def script(house: House) -> None:
        await _to_the_end(house)
        taken = Taken("sqlite://")
        house.recovery.means = replace(house.recovery.means, ledger=taken)
        watching = asyncio.create_task(house.recovery.watch())
        await _pass_time(watching.done)
        taken.close()

    assert _live(tmp_path, _opened(), script).lost == [1]


# The archive.


def test_archive_finds_payments_of_earlier_processes(tmp_path: Path) -> None:
    """
    By sid; and a ledger that cannot be read is nothing found, and told.
    """

    async def script(house: House) -> None:
        archive = Archive(house.ledger)
        found = await archive.find("PK1")
        assert found is not None
        assert (found.call_sid, found.is_ended) == ("CA1", False)
        assert await archive.find("PK2") is None

    house = _live(tmp_path, _opened(), script)
    house.ledger.close()
    with capture_logs() as lines:
        assert run(Archive(house.ledger).find("PK1")) is None
    assert [line["event"] for line in lines] == ["ledger not read"]
