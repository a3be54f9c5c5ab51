"""
The whole bridge and its ledger: lost answers, refusals, one bridge at a time.
"""

from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from bridge.errors import ConfigError
from bridge.ledger.changes import (
    AttemptOpened,
    CallbackQueued,
    Change,
    SessionOpened,
)
from bridge.ledger.databases import open_engine
from bridge.ledger.store import Ledger
from bridge.server.bridge import Bridge
from bridge.server.settings import Settings
from tests.bridge.server.receiver import Receiver, receiver
from tests.bridge.server.running import Running, run_bridge, settings_of
from tests.support import media as wire
from tests.support.media import (
    CALL_SID,
    Peer,
    put_forward,
    run,
    stream,
    wait_until,
)


pytestmark = pytest.mark.e2e

KEYS = {"payment-card-number": "4111111111111111", "expiration-date": "1239"}


def _settings(folder: Path, **others: object) -> Settings:
    return settings_of(folder, **({"max_calls": 2} | others))


async def _pay(running: Running, state: Receiver, caller: Peer, amount: str) -> str:
    """
    Take a payment up to its completion, and give its sid.
    """
    metrics = running.bridge.metrics.registry
    await caller.start(call="c1")
    started = ("dtmf_streams_total", {"outcome": "started"})
    await wait_until(lambda: metrics.get_sample_value(*started) == 1)
    told = {"StatusCallback": state.url}
    form = {"ChargeAmount": amount, "PostalCode": "false", "SecurityCode": "false"}
    reply = await running.ask(f"{CALL_SID}/Payments.json", {**told, **form})
    assert reply.status_code == 201, reply.text
    sid = str(reply.json()["sid"])
    path = f"{CALL_SID}/Payments/{sid}.json"
    for field, keys in KEYS.items():
        assert (await running.ask(path, told, Capture=field)).status_code == 202
        await caller.send(*(wire.dtmf(key) for key in keys))
        await wait_until(partial(_is_captured, state, field))
    await running.ask(path, told, Status="complete")
    return sid


def _is_captured(state: Receiver, field: str) -> bool:
    last = state.forms[-1] if state.forms else {}
    return last.get("Capture") == field and field not in last["Required"].split(",")


async def _result(state: Receiver) -> dict[str, str]:
    """
    Let time pass until the payment has ended, and give its last callback.
    """

    def has_ended() -> bool:
        put_forward(0.05)
        return bool(state.forms) and "Result" in state.forms[-1]

    await wait_until(has_ended)
    return dict(state.forms[-1])


def _take(
    folder: Path, amount: str, ledger_of: Callable[[str], Ledger] = Ledger
) -> tuple[dict[str, str], list[str | None], list[int]]:
    """
    Take a payment, and give its last callback, the outcomes of its attempts and
    the sequence numbers of the callbacks.
    """

    async def main() -> tuple[dict[str, str], list[str | None], list[int]]:
        settings = _settings(folder)
        async with AsyncExitStack() as stack:
            state = await stack.enter_async_context(receiver())
            running = await stack.enter_async_context(run_bridge(settings, ledger_of))
            port = running.bridge.media_port
            caller = await stack.enter_async_context(stream(port))
            await _pay(running, state, caller, amount)
            last = await _result(state)
        ledger = Ledger(settings.sqlalchemy_url)
        outcomes = [attempt.outcome for attempt in ledger.attempts()]
        ledger.close()
        numbers = [int(form["SequenceNumber"]) for form in state.forms]
        return last, outcomes, numbers

    return run(main())


@pytest.mark.parametrize(
    ("amount", "result", "outcome"),
    [
        # The sandbox does what it is asked, does not answer, and tells later.
        ("9.54", "success", "approved"),
        # It is silent, or broken, for good.
        ("9.52", "payment-connector-error", "unknown"),
        ("9.51", "payment-connector-error", "unknown"),
    ],
)
def test_bridge_finds_out_what_became_of_a_lost_answer(
    tmp_path: Path, amount: str, result: str, outcome: str
) -> None:
    """
    A charge whose answer was lost is looked up before the agent is told anything.
    """
    last, outcomes, _ = _take(tmp_path, amount)
    assert last["Result"] == result
    assert outcomes == [outcome]
    is_unknown = "outcome is unknown" in last.get("PaymentError", "")
    assert is_unknown is (outcome == "unknown")
    assert bool(last["PaymentConfirmationCode"]) is (outcome == "approved")


class Refusing(Ledger):
    """
    A ledger with a constraint that one kind of change violates.
    """

    refused: type[Change] = AttemptOpened

    def write(self, changes: Iterable[Change], *, again: bool = False) -> list[int]:
        """
        Write, or refuse.
        """
        batch = list(changes)
        if any(isinstance(change, self.refused) for change in batch):
            raise IntegrityError("INSERT", {}, ValueError("x"))
        return super().write(batch, again=again)


def test_bridge_asks_no_gateway_for_what_the_ledger_refuses(tmp_path: Path) -> None:
    """
    An attempt that cannot be written down is not made; the payment ends and the
    agent is told so.
    """
    with capture_logs() as lines:
        last, outcomes, numbers = _take(tmp_path, "9.99", Refusing)
    assert (last["Result"], last["PayErrorCode"]) == (
        "payment-connector-error",
        "64002",
    )
    assert last["PaymentError"] == (
        "The payment could not be recorded; nothing was sent."
    )
    assert outcomes == []
    assert numbers == list(range(1, len(numbers) + 1))
    events = [line["event"] for line in lines]
    assert "ledger refused a change" in events
    assert "gateway asked" not in events


def test_bridge_answers_500_to_a_command_that_the_ledger_refuses(
    tmp_path: Path,
) -> None:
    """
    A payment that is nowhere is not said to be.
    """

    class NoSessions(Refusing):
        refused = SessionOpened

    async def main() -> tuple[int, int]:
        async with AsyncExitStack() as stack:
            running = await stack.enter_async_context(
                run_bridge(_settings(tmp_path), NoSessions)
            )
            caller = await stack.enter_async_context(stream(running.bridge.media_port))
            await caller.start(call="c1")
            metrics = running.bridge.metrics.registry
            started = ("dtmf_streams_total", {"outcome": "started"})
            await wait_until(lambda: metrics.get_sample_value(*started) == 1)
            form = {"StatusCallback": "http://127.0.0.1:9/"}
            reply = await running.ask(f"{CALL_SID}/Payments.json", form)
            return reply.status_code, reply.json()["code"]

    assert run(main()) == (500, 20500)


def test_bridge_tells_what_the_outbox_refuses(tmp_path: Path) -> None:
    """
    A callback that cannot be kept is sent all the same, in its place.
    """

    class NoFifth(Ledger):
        def write(self, changes: Iterable[Change], *, again: bool = False) -> list[int]:
            batch = list(changes)
            if any(isinstance(c, CallbackQueued) and c.sequence == 5 for c in batch):
                raise IntegrityError("INSERT", {}, ValueError("x"))
            return super().write(batch, again=again)

    last, outcomes, numbers = _take(tmp_path, "9.99", NoFifth)
    assert last["Result"] == "success"
    assert outcomes == ["approved"]
    assert numbers == list(range(1, len(numbers) + 1))


# What a ledger can be refused for.


def _problems(settings: Settings) -> tuple[str, ...]:
    async def main() -> tuple[str, ...]:
        with pytest.raises(ConfigError) as caught:
            await Bridge(settings).run()
        return caught.value.problems

    return run(main())


def test_bridge_does_not_serve_from_another_bridges_ledger(tmp_path: Path) -> None:
    """
    It would end the other one's payments.
    """
    settings = _settings(tmp_path)
    settings.data_dir.mkdir()
    other = Ledger(settings.sqlalchemy_url)
    other.serve()
    problems = _problems(settings)
    other.close()
    assert problems == (
        "DTMF_DATABASE_URL, DTMF_DATA_DIR: another bridge is using this ledger",
    )


def test_bridge_does_not_serve_from_a_newer_ledger(tmp_path: Path) -> None:
    """
    One line says what to do, and the ledger stays as it is.
    """
    settings = _settings(tmp_path)
    settings.data_dir.mkdir()
    ledger = Ledger(settings.sqlalchemy_url)
    ledger.migrate()
    ledger.close()
    engine = open_engine(settings.sqlalchemy_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0777'"))
    engine.dispose()
    (problem,) = _problems(settings)
    assert problem.startswith(
        "DTMF_DATABASE_URL, DTMF_DATA_DIR: the ledger has schema 0777, which is newer"
    )
