"""
Feeds of a whole bridge in this process, over real sockets and in time of our own:
heartbeats, readers who do not read, the end of the bridge.
"""

import asyncio
import socket
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bridge.api.feed import HEARTBEAT_S
from bridge.callbacks.body import Identity
from bridge.callbacks.record import PaymentRecord
from bridge.server import bridge as bridge_module
from bridge.server.api_port import READ_TIMEOUT_S
from bridge.server.clock import utc_now
from bridge.server.feeds import MAX_QUEUED, Feeds
from tests.bridge.server.receiver import receiver
from tests.bridge.server.running import Running, run_bridge, settings_of
from tests.support.feeds import FeedReader, SseEvent, feed
from tests.support.media import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    CALL_SID,
    put_forward,
    run,
    stream,
    wait_until,
)


pytestmark = pytest.mark.e2e

CALLS = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls"


@pytest.fixture(name="feeds")
def _feeds(monkeypatch: pytest.MonkeyPatch) -> list[Feeds]:
    """
    The feeds of each bridge that is run.
    """
    made: list[Feeds] = []

    def make(*args: Any, **options: Any) -> Feeds:
        made.append(Feeds(*args, **options))
        return made[-1]

    monkeypatch.setattr(bridge_module, "Feeds", make)
    return made


def _record(sequence: int) -> PaymentRecord:
    return PaymentRecord(
        identity=Identity(
            account_sid=ACCOUNT_SID,
            call_sid=CALL_SID,
            sid="PK" + "1" * 32,
            created_at=utc_now(),
        ),
        state="capturing",
        currency="USD",
        first={},
        # As long as a gateway's words may be.
        last={"ConnectorError": "x" * 4000},
        sequence=sequence,
        updated_at=utc_now(),
    )


def _metric(running: Running, name: str, **labels: str) -> float | None:
    return running.bridge.metrics.registry.get_sample_value(name, labels)


def _feed(running: Running, **headers: str) -> AbstractAsyncContextManager[FeedReader]:
    return feed(
        f"http://127.0.0.1:{running.bridge.api_port}",
        CALL_SID,
        account_sid=ACCOUNT_SID,
        password=AUTH_TOKEN,
        headers=headers,
    )


async def _start_call(stack: AsyncExitStack, running: Running) -> None:
    peer = await stack.enter_async_context(stream(running.bridge.media_port))
    await peer.start(CALL_SID)
    await wait_until(lambda: _metric(running, "dtmf_calls") == 1)


async def _deaf(running: Running) -> socket.socket:
    """
    Ask for a feed, and read nothing.
    """
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(made, ("127.0.0.1", running.bridge.api_port))
    token = (await running.ask(f"{CALL_SID}/FeedTokens.json", {})).json()["token"]
    path = f"{CALLS}/{CALL_SID}/Payments/Feed?token={token}"
    head = f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"
    await loop.sock_sendall(made, head.encode())
    return made


def test_reader_who_does_not_read_is_cut_off_and_the_bridge_lives(
    tmp_path: Path, feeds: list[Feeds]
) -> None:
    """
    Nothing grows for him; others are told everything meanwhile; in the end his
    connection is gone, although he never took what was in it.
    """

    async def main() -> None:
        async with AsyncExitStack() as stack:
            running = await stack.enter_async_context(run_bridge(settings_of(tmp_path)))
            await _start_call(stack, running)
            deaf = await _deaf(running)
            stack.callback(deaf.close)
            await wait_until(lambda: _metric(running, "dtmf_feeds") == 1)
            (slow,) = feeds[0]._by_call[ACCOUNT_SID, CALL_SID]
            reader = await stack.enter_async_context(_feed(running))
            assert await reader.next() is not None
            n = 0
            while slow.end_reason is None:
                n += 1
                assert n < 20_000
                feeds[0].publish(_record(n))
                event = await reader.next()
                assert event is not None
                assert event.data["sequence_number"] == n
                assert len(slow._queue) <= MAX_QUEUED
            assert slow.end_reason == "too-slow"
            assert len(slow._queue) == 0
            assert (await running.ask("/health")).status_code == 200
            assert _metric(running, "dtmf_feeds") == 2
            put_forward(READ_TIMEOUT_S + 1)
            await wait_until(lambda: _metric(running, "dtmf_feeds") == 1)
            ended = {"reason": "too-slow"}
            assert _metric(running, "dtmf_feeds_ended_total", **ended) == 1
            feeds[0].publish(_record(n + 1))
            event = await reader.next()
            assert event is not None
            assert event.data["sequence_number"] == n + 1

    run(main())


def _has_comments(reader: FeedReader, n_comments: int) -> bool:
    return reader.n_comments == n_comments


def test_silent_feed_sends_heartbeats(tmp_path: Path) -> None:
    """
    A comment now and then, which no reader takes for an event.
    """

    async def main() -> None:
        async with AsyncExitStack() as stack:
            running = await stack.enter_async_context(run_bridge(settings_of(tmp_path)))
            await _start_call(stack, running)
            reader = await stack.enter_async_context(_feed(running))
            assert await reader.next() is not None
            for n_comments in (1, 2):
                waiting = asyncio.create_task(reader.next())
                await asyncio.sleep(0)
                put_forward(HEARTBEAT_S + 0.1)
                await wait_until(partial(_has_comments, reader, n_comments))
                assert not waiting.done()
                waiting.cancel()
                await asyncio.wait([waiting])

    run(main())


def test_feed_that_its_reader_leaves_is_let_go_of(
    tmp_path: Path, feeds: list[Feeds]
) -> None:
    """
    At once, not with the next heartbeat.
    """

    async def main() -> None:
        async with AsyncExitStack() as stack:
            running = await stack.enter_async_context(run_bridge(settings_of(tmp_path)))
            await _start_call(stack, running)
            async with _feed(running) as reader:
                assert await reader.next() is not None
                assert _metric(running, "dtmf_feeds") == 1
            await wait_until(lambda: _metric(running, "dtmf_feeds") == 0)
            assert feeds[0]._by_call == {}

    run(main())


def test_feed_ends_when_the_bridge_stops(tmp_path: Path, feeds: list[Feeds]) -> None:
    """
    One whose payment has not ended is told why nothing more comes; readers do not
    hold the bridge up.
    """

    async def main() -> list[SseEvent]:
        async with AsyncExitStack() as stack:
            running = await stack.enter_async_context(run_bridge(settings_of(tmp_path)))
            async with AsyncExitStack() as call:
                await _start_call(call, running)
                reader = await stack.enter_async_context(_feed(running))
                assert await reader.next() is not None
                # A payment that a gateway never answers.
                feeds[0].publish(replace(_record(1), state="processing"))
                assert await reader.next() is not None
            running.bridge.stop()
            events = await reader.until("end")
            assert await reader.next() is None
            return events

    events = run(main())
    assert events[-1] == SseEvent("end", None, {"reason": "shutdown"})


def test_feed_is_shared_with_the_origins_of_the_settings(tmp_path: Path) -> None:
    """
    With them alone.
    """
    settings = settings_of(tmp_path, feed_origins="https://agents.example")

    async def main() -> None:
        async with AsyncExitStack() as stack:
            running = await stack.enter_async_context(run_bridge(settings))
            await _start_call(stack, running)
            for origin, expected in (
                ("https://agents.example", "https://agents.example"),
                ("https://other.example", None),
            ):
                async with _feed(running, Origin=origin) as reader:
                    found = reader.headers.get("access-control-allow-origin")
                    assert found == expected

    run(main())


def test_feeds_of_an_account_are_as_many_as_the_setting_says(tmp_path: Path) -> None:
    """
    One more is asked to wait.
    """

    async def main() -> None:
        async with AsyncExitStack() as stack:
            running = await stack.enter_async_context(
                run_bridge(settings_of(tmp_path, account_feeds=1))
            )
            await _start_call(stack, running)
            async with _feed(running) as reader:
                assert reader.status == 200
                async with _feed(running) as other:
                    assert (other.status, other.headers["retry-after"]) == (429, "5")
                    assert (await other.body())["code"] == 20429

    run(main())


def test_feed_tells_what_callbacks_tell_though_nobody_takes_them(
    tmp_path: Path,
) -> None:
    """
    A receiver that is down keeps no reader waiting.
    """

    async def main() -> None:
        async with AsyncExitStack() as stack:
            state = await stack.enter_async_context(receiver())
            state.answers += [b""] * 100
            running = await stack.enter_async_context(run_bridge(settings_of(tmp_path)))
            await _start_call(stack, running)
            sid = await running.start_payment(state.url)
            told = {"StatusCallback": state.url}
            path = f"{CALL_SID}/Payments/{sid}.json"
            async with _feed(running) as reader:
                first = await reader.next()
                assert first is not None
                assert [p["sid"] for p in first.data["payments"]] == [sid]
                await running.ask(path, told, Status="cancel")
                events = await reader.until_result()
                assert events[-1].data["result"] == "transaction-cancelled"
                assert events[-1].id == f"{sid}.2"

    run(main())


def _shown(body: Mapping[str, Any], *names: str) -> list[object]:
    return [body[name] for name in names]


def test_payment_is_read_back_over_http(tmp_path: Path) -> None:
    """
    By the account that has it, as it is in the ledger.
    """

    async def main() -> None:
        async with AsyncExitStack() as stack:
            state = await stack.enter_async_context(receiver())
            running = await stack.enter_async_context(run_bridge(settings_of(tmp_path)))
            await _start_call(stack, running)
            path = f"{CALLS}/{CALL_SID}/Payments"
            assert (await running.ask(f"{path}.json")).json()["payments"] == []
            sid = await running.start_payment(state.url)
            found = (await running.ask(f"{path}/{sid}.json")).json()
            names = ("sid", "status", "charge_amount", "currency", "sequence_number")
            assert _shown(found, *names) == [sid, "ready", "49.90", "USD", 1]
            listed = (await running.ask(f"{path}.json?PageSize=1")).json()
            assert listed["payments"] == [found]
            for wrong in (f"{path}/PK{'0' * 32}.json", f"{CALLS}/CA1/Payments.json"):
                answer = await running.ask(wrong)
                assert (answer.status_code, answer.json()["code"]) == (404, 20404)

    run(main())
