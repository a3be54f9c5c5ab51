"""
The whole bridge in one process: from its start to its last callback.
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from twilio.request_validator import RequestValidator

from bridge.errors import ConfigError
from bridge.server.bridge import Bridge
from bridge.server.settings import Settings
from dtmf_engine import decode
from tests.bridge.server.receiver import Receiver, answer, receiver
from tests.bridge.server.running import Running, is_done, run_bridge, settings_of
from tests.support import media as wire
from tests.support.media import (
    AUTH_TOKEN,
    CALL_SID,
    QUIET,
    Peer,
    keyed,
    noise,
    run,
    stream,
    wait_until,
)


pytestmark = pytest.mark.e2e

CARD = "4111111111111111"


def _settings(folder: Path, **others: object) -> Settings:
    return settings_of(folder, **({"playout_limit_ms": 60_000} | others))


@asynccontextmanager
async def _legs(running: Running) -> AsyncIterator[tuple[Peer, Peer]]:
    port, metrics = running.bridge.media_port, running.bridge.metrics.registry
    async with stream(port) as caller, stream(port) as agent:
        await caller.start(call="c1")
        await agent.start("CA" + "9" * 32, call="c1", leg="agent")
        started = ("dtmf_streams_total", {"outcome": "started"})
        await wait_until(lambda: metrics.get_sample_value(*started) == 2)
        yield caller, agent


def _last(state: Receiver) -> Mapping[str, str]:
    return state.forms[-1] if state.forms else {}


# One payment.


def test_bridge_takes_a_payment(tmp_path: Path) -> None:
    """
    A whole payment: the caller keys by tone and by event, the agent's software
    drives the API and is told everything in order and signed, the agent hears
    nothing, and the number is kept nowhere.
    """
    keys = {
        "payment-card-number": CARD,
        "expiration-date": "1239",
        "security-code": "123",
        "postal-code": "94105#",
    }

    async def main() -> None:
        async with AsyncExitStack() as stack:
            state = await stack.enter_async_context(receiver())
            running = await stack.enter_async_context(run_bridge(_settings(tmp_path)))
            legs = await stack.enter_async_context(_legs(running))
            caller, agent = legs
            sid = await running.start_payment(state.url)
            path = f"{CALL_SID}/Payments/{sid}.json"
            told = {"StatusCallback": state.url}
            for field, digits in keys.items():
                reply = await running.ask(path, told, Capture=field)
                assert reply.status_code == 202
                if field == "expiration-date":
                    await caller.send(*(wire.dtmf(digit) for digit in digits))
                else:
                    await caller.say(keyed(digits))
                # Within 300 ms an event and a tone of one key are one press.
                await caller.say(QUIET * 4000)
                await wait_until(partial(_is_captured, state, field))
            reply = await running.ask(path, told, Status="complete")
            assert reply.status_code == 202
            await wait_until(lambda: "Result" in _last(state))
            metrics = (await running.ask("/metrics")).text
        _check_callbacks(state)
        assert 'dtmf_sessions_total{result="success"} 1.0' in metrics
        assert "dtmf_calls 1.0" in metrics
        assert decode(wire.decode(bytes(agent.heard)), 8000) == []

    with capture_logs() as lines:
        run(main())
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    for text in (*kept, str(lines).encode()):
        assert CARD.encode() not in text


def _is_captured(state: Receiver, field: str) -> bool:
    form = _last(state)
    return form.get("Capture") == field and field not in form["Required"].split(",")


def _check_callbacks(state: Receiver) -> None:
    validator = RequestValidator(AUTH_TOKEN)
    for post in state.posts:
        signature = post.headers["x-twilio-signature"]
        assert validator.validate(state.url, dict(post.form), signature)
    numbers = [int(form["SequenceNumber"]) for form in state.forms]
    assert numbers == list(range(1, len(numbers) + 1))
    # A start, a report for each capture and each of its digits, `#`, and the end.
    assert len(numbers) == 1 + 4 + 16 + 4 + 3 + 5 + 1 + 1
    final = state.forms[-1]
    assert (final["Result"], final["PaymentCardNumber"], final["PaymentCardType"]) == (
        "success",
        "xxxxxxxxxxxx1111",
        "visa",
    )
    assert final["PaymentConfirmationCode"]
    for form in state.forms:
        assert CARD not in str(form)
        assert form.get("SecurityCode", "").strip("x") == ""


def test_bridge_survives_a_status_callback_that_nobody_can_ask_for(
    tmp_path: Path,
) -> None:
    """
    An agent's software that names an impossible URL harms its own payment at
    most: the other calls and the API go on.
    """

    async def main() -> None:
        async with AsyncExitStack() as stack:
            running = await stack.enter_async_context(run_bridge(_settings(tmp_path)))
            caller, agent = await stack.enter_async_context(_legs(running))
            url = "https://\N{SNOWMAN}/told"
            form = {"StatusCallback": url, "ChargeAmount": "1.00"}
            reply = await running.ask(f"{CALL_SID}/Payments.json", form)
            assert reply.status_code in {201, 400}
            for _ in range(10):
                await asyncio.sleep(0.01)
            assert not running.task.done()
            n_octets = len(agent.heard)
            await caller.say(noise(1600))
            await agent.hear(n_octets + 160)
            assert (await running.ask("/health")).json() == {"status": "ok"}

    run(main())


# The end.


def _sockets() -> set[str]:
    """
    Give this process's open sockets.
    """
    names = set()
    for entry in Path("/proc/self/fd").iterdir():
        # The listing's own descriptor is gone already.
        with suppress(OSError):
            names.add(str(entry.readlink()))
    return {name for name in names if name.startswith("socket:")}


def test_bridge_drains_before_it_ends(tmp_path: Path) -> None:
    """
    After a stop calls go on, nothing new begins, and when the last call has ended
    by itself the bridge ends: no task is left, and no socket.
    """

    async def main() -> None:
        before = _sockets()
        async with run_bridge(_settings(tmp_path)) as running:
            async with _legs(running) as (caller, agent):
                running.bridge.stop()
                n_octets = len(agent.heard)
                await caller.say(noise(1600))
                assert await agent.hear(n_octets + 1600)
                await wait_until(lambda: not _listens(running.bridge.media_port))
                form = {"StatusCallback": "http://127.0.0.1:1/", "ChargeAmount": "1"}
                reply = await running.ask(f"{CALL_SID}/Payments.json", form)
                assert (reply.status_code, reply.json()["code"]) == (503, 20503)
                assert not running.task.done()
                await caller.send(wire.stop())
                assert await agent.closed() == (1000, "the caller has left")
                await running.task
            assert not _listens(running.bridge.api_port)
        assert _sockets() == before

    run(main())


def _listens(port: int) -> bool:
    with socket.socket() as plug:
        return plug.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("why", ["in a hurry", "out of patience"])
def test_bridge_ends_calls_that_do_not_end(tmp_path: Path, why: str) -> None:
    """
    A second stop, or the end of the drain timeout, closes every stream with 1001;
    a payment in progress ends, and its last callback is delivered first.
    """

    async def main() -> None:
        before = _sockets()
        patience = 0.05 if why == "out of patience" else 3600
        settings = _settings(tmp_path, drain_timeout_s=patience)
        async with receiver() as state:
            async with run_bridge(settings) as running, _legs(running) as legs:
                await running.start_payment(state.url)
                running.bridge.stop()
                if why == "in a hurry":
                    await asyncio.sleep(0)
                    running.bridge.stop()
                for peer in legs:
                    assert await peer.closed() == (1001, "the bridge is shutting down")
                await running.task
            assert [form.get("Result") for form in state.forms] == [
                None,
                "caller-hung-up",
            ]
        assert _sockets() == before

    run(main())


def test_bridge_is_stopped_by_a_signal(tmp_path: Path) -> None:
    """
    SIGTERM drains, and another one does not wait.
    """

    async def main() -> None:
        async with run_bridge(_settings(tmp_path)) as running, _legs(running) as legs:
            with running.bridge.stopped_by_signals():
                os.kill(os.getpid(), signal.SIGTERM)
                await wait_until(lambda: not _listens(running.bridge.media_port))
                assert not running.task.done()
                os.kill(os.getpid(), signal.SIGTERM)
                await running.task
            assert (await legs[0].closed())[0] == 1001

    run(main())


def test_bridge_delivers_what_it_could_not_before(tmp_path: Path) -> None:
    """
    Callbacks that no receiver took are in the outbox, and the next bridge delivers
    them, in order and once.
    """

    async def main() -> None:
        async with receiver() as state:
            state.answers += [answer(503)] * 1000
            async with (
                run_bridge(_settings(tmp_path)) as running,
                _legs(running) as legs,
            ):
                await running.start_payment(state.url)
                await wait_until(lambda: state.posts)
                await legs[0].send(wire.stop())
                running.bridge.stop()
                # It does not wait for ever for a receiver that is down.
                await wait_until(partial(is_done, running.task))
            assert {form["SequenceNumber"] for form in state.forms} == {"1"}
            state.answers.clear()
            state.posts.clear()
            async with run_bridge(_settings(tmp_path)):
                await wait_until(lambda: len(state.posts) == 2)
            assert [form["SequenceNumber"] for form in state.forms] == ["1", "2"]
            assert state.forms[1]["Result"] == "caller-hung-up"
            async with run_bridge(_settings(tmp_path)):
                pass
            assert len(state.posts) == 2

    run(main())


# What cannot be used.


@pytest.mark.parametrize("name", ["media", "api"])
def test_bridge_says_which_port_is_taken(tmp_path: Path, name: str) -> None:
    """
    A port that somebody else has is a problem of its setting, and nothing is left
    of the attempt.
    """

    async def main() -> None:
        with socket.socket() as plug:
            plug.bind(("127.0.0.1", 0))
            plug.listen()
            before = _sockets()
            settings = _settings(tmp_path, **{f"{name}_port": plug.getsockname()[1]})
            with pytest.raises(ConfigError) as caught:
                await Bridge(settings).run()
            (problem,) = caught.value.problems
            assert problem.startswith(f"DTMF_{name.upper()}_PORT: cannot listen: ")
            assert problem.endswith("address already in use")
            assert _sockets() == before

    run(main())


@pytest.mark.parametrize(
    ("database_url", "error"),
    [
        ("", "FileExistsError"),
        ("sqlite:////nowhere/at/all.sqlite3", "FileNotFoundError"),
        ("novelty://user:secret@h/db", "NoSuchModuleError"),
    ],
)
def test_bridge_says_that_its_database_cannot_be_used(
    tmp_path: Path, database_url: str, error: str
) -> None:
    """
    A database that cannot be opened is one problem, and no password is shown.
    """

    async def main() -> None:
        (tmp_path / "data").write_text("a file where a folder should be")
        settings = _settings(tmp_path, database_url=database_url)
        with pytest.raises(ConfigError) as caught:
            await Bridge(settings).run()
        assert caught.value.problems == (
            f"DTMF_DATABASE_URL, DTMF_DATA_DIR: {error} on opening",
        )

    run(main())
