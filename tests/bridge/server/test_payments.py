"""
Commands carried out: repetitions, races, refusals, and what a call's legs do.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from bridge.api.errors import ApiError
from bridge.api.params import StatusCommand
from bridge.api.port import PaymentView
from bridge.callbacks.delivery import Callback
from bridge.connectors.sandbox import SandboxConnector
from bridge.connectors.sandbox_gateway import SandboxGateway
from bridge.ledger.changes import CallbackQueued, Change
from bridge.pay.fields import CARD_FIELDS, Field
from bridge.pay.request import PaymentRequest
from bridge.pay.session import PaySession
from bridge.pay.settings import PaySettings, Reading
from bridge.server.analysis import Analyser
from bridge.server.archive import Archive
from bridge.server.audit_log import AuditLog
from bridge.server.callback_worker import CallbackWorker
from bridge.server.metrics import Metrics
from bridge.server.outbound import Outbound
from bridge.server.payment import Tools
from bridge.server.payments import PaymentService
from bridge.server.switchboard import Call, Switchboard
from bridge.server.targets import TargetPolicy
from bridge.server.writer import LedgerWriter
from bridge.stream.events import Role, Started
from bridge.stream.handshake import Claim
from dtmf_engine.bank import LegBank
from tests.support.media import ACCOUNT_SID, CALL_SID, run, wait_until
from tests.support.pay import CHARGE, KEYS, URL


CARD, DATE, CODE, POSTAL = CARD_FIELDS
COMPLETE, CANCEL = StatusCommand


@dataclass(slots=True)
class Writer:
    """
    A ledger that is written when it is told to be, or at once.
    """

    is_slow: bool = False
    waiting: list[tuple[asyncio.Future[list[int]], list[int]]] = field(
        default_factory=list
    )
    forms: list[Mapping[str, str]] = field(default_factory=list)
    """What would be called back."""
    urls: list[str] = field(default_factory=list)
    """Where."""

    def submit(self, changes: Sequence[Change]) -> asyncio.Future[list[int]]:
        """
        Number the callbacks.
        """
        future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        queued = [change for change in changes if isinstance(change, CallbackQueued)]
        numbers = [len(self.forms) + n for n in range(len(queued))]
        self.forms += [change.form for change in queued]
        self.urls += [change.url for change in queued]
        self.waiting.append((future, numbers))
        if not self.is_slow:
            self.write()
        return future

    def write(self) -> None:
        """
        Have everything that waits be safe.
        """
        for future, numbers in self.waiting:
            future.set_result(numbers)
        self.waiting.clear()


class Receiver:
    """
    Nobody: what would be called back is seen when it is written.
    """

    def add(self, _sid: str, _callback: Callback) -> None:
        """
        Do nothing.
        """


class NoArchive:
    """
    No payment of an earlier process.
    """

    async def find(self, _sid: str) -> None:
        """
        Find nothing.
        """


class Port:
    """
    A leg that hears nothing.
    """

    def play(self, octets: bytes) -> None:
        """
        Do nothing.
        """

    def clear(self) -> None:
        """
        Do nothing.
        """

    def close(self, code: int, reason: str) -> None:
        """
        Do nothing.
        """


@dataclass(slots=True)
class Desk:
    """
    A service, a call, and whoever sends commands.
    """

    service: PaymentService
    switchboard: Switchboard
    writer: Writer
    gateway: SandboxGateway
    call: Call

    async def start(
        self, key: str = "k", request: PaymentRequest = CHARGE
    ) -> PaymentView:
        """
        Start a payment.
        """
        return await self.service.start(ACCOUNT_SID, CALL_SID, key, request)

    async def update(
        self, sid: str, command: Field | StatusCommand, key: str = "k", url: str = URL
    ) -> PaymentView:
        """
        Send a command.
        """
        return await self.service.update(ACCOUNT_SID, CALL_SID, sid, key, command, url)

    def press(self, keys: str) -> None:
        """
        Have the caller's provider recognise keys.
        """
        for key in keys:
            self.switchboard.receive_digit_event(self.call, Role.CALLER, key)

    async def fill(self, sid: str) -> None:
        """
        Have everything captured.
        """
        for wanted in CARD_FIELDS:
            await self.update(sid, wanted)
            self.press(KEYS[wanted])

    async def settled(self) -> Mapping[str, str]:
        """
        Wait for the last callback of a payment.
        """
        await wait_until(lambda: "Result" in self.writer.forms[-1])
        return self.writer.forms[-1]


def _desk(
    script: Callable[[Desk], Coroutine[Any, Any, None]],
    settings: PaySettings | None = None,
) -> None:
    """
    Run a script at a desk with one call.
    """

    async def main() -> None:
        metrics = Metrics()
        analyser = Analyser(LegBank(1), tick_s=0.0, metrics=metrics)
        switchboard = Switchboard(
            analyser, account_sid=ACCOUNT_SID, playout_limit_s=0.2, metrics=metrics
        )
        started = Started(stream_sid="MZ1", call_sid=CALL_SID, account_sid=ACCOUNT_SID)
        call = switchboard.join(Claim("c1", Role.CALLER), started, Port())
        assert isinstance(call, Call)
        writer, tasks = Writer(), set[asyncio.Task[None]]()
        numbers = iter(range(1000))
        gateway = SandboxGateway("sandbox", "sandbox", lambda: f"id{next(numbers)}")

        def spawn(work: Coroutine[Any, Any, None]) -> object:
            task = asyncio.create_task(work)
            tasks.add(task)
            return task

        tools = Tools(
            switchboard=switchboard,
            writer=cast("LedgerWriter", writer),
            callbacks=cast("CallbackWorker", Receiver()),
            archive=cast("Archive", NoArchive()),
            outbound=cast("Outbound", None),
            sandbox=gateway,
            settings=settings or PaySettings(),
            metrics=metrics,
            audit=AuditLog(),
            spawn=spawn,
        )
        service = PaymentService(
            tools,
            connectors={"Default": SandboxConnector()},
            targets=TargetPolicy(),
        )
        await script(Desk(service, switchboard, writer, gateway, call))
        await asyncio.gather(*tasks)
        analyser.stop()

    run(main())


async def _refused(work: Coroutine[Any, Any, object]) -> tuple[int, int]:
    with pytest.raises(ApiError) as caught:
        await work
    return caught.value.status, caught.value.code


# Repetitions.


def test_start_that_is_repeated_gets_the_first_answer() -> None:
    """
    The same key with the same parameters starts nothing, however the payment has
    gone on; the dates are those of the first answer.
    """

    async def script(desk: Desk) -> None:
        first = await desk.start()
        await desk.update(first.sid, CARD)
        desk.press("4242")
        assert await desk.start() == first
        assert [form["SequenceNumber"] for form in desk.writer.forms[:1]] == ["1"]
        assert len({form["Sid"] for form in desk.writer.forms}) == 1

    _desk(script)


@pytest.mark.parametrize(
    ("key", "request_"),
    [("other", CHARGE), ("k", replace(CHARGE, description="Tea"))],
)
def test_start_of_another_payment_is_refused_while_one_runs(
    key: str, request_: PaymentRequest
) -> None:
    """
    Another key or other parameters are another payment: 64021.
    """

    async def script(desk: Desk) -> None:
        await desk.start()
        assert await _refused(desk.start(key, request_)) == (400, 64021)
        assert len(desk.writer.forms) == 1

    _desk(script)


def test_start_of_another_payment_is_told_by_callback_where_read_so() -> None:
    """
    The second one's address hears of it, as `session-in-progress`.
    """

    async def script(desk: Desk) -> None:
        await desk.start()
        other = replace(CHARGE, status_callback="https://other.example/")
        assert await _refused(desk.start("other", other)) == (400, 64021)
        assert desk.writer.urls == [URL, "https://other.example/"]
        assert desk.writer.forms[-1]["ErrorType"] == "session-in-progress"

    _desk(script, PaySettings(readings=frozenset({Reading.BUSY_BY_CALLBACK})))


def test_one_key_for_everything_on_a_call_breaks_nothing() -> None:
    """
    Clients use the call's sid for every request, and pay twice on one call.
    """

    async def script(desk: Desk) -> None:
        for n_payments in (1, 2):
            view = await desk.start(CALL_SID)
            for wanted in CARD_FIELDS:
                await desk.update(view.sid, wanted, CALL_SID)
                desk.press(KEYS[wanted])
            await desk.update(view.sid, COMPLETE, CALL_SID)
            assert (await desk.settled())["Result"] == "success"
            assert len(desk.gateway.transactions) == n_payments
            desk.writer.forms.clear()

    _desk(script)


def test_key_that_starts_again_from_one_breaks_nothing() -> None:
    """
    A counter restarts when the agent reloads his page; the command is another one.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start("1")
        await desk.update(view.sid, CARD, "2")
        desk.press(KEYS[CARD])
        await desk.update(view.sid, DATE, "2")
        desk.press(KEYS[DATE])
        assert desk.writer.forms[-1]["ExpirationDate"] == "1230"

    _desk(script)


def test_capture_that_is_repeated_goes_on_with_what_was_keyed() -> None:
    """
    A client whose answer was lost asks again; the caller need not begin again.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start()
        first = await desk.update(view.sid, CARD)
        desk.press("4242")
        n_before = len(desk.writer.forms)
        assert await desk.update(view.sid, CARD) == first
        assert len(desk.writer.forms) == n_before
        desk.press("424242424242")
        assert desk.writer.forms[-1]["PaymentCardNumber"] == "xxxxxxxxxxxx4242"

    _desk(script)


@pytest.mark.parametrize(
    ("key", "url"), [("other", URL), ("k", "https://other.example/")]
)
def test_capture_with_another_key_or_address_is_another_capture(
    key: str, url: str
) -> None:
    """
    The agent asks again: what was keyed is forgotten.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start()
        await desk.update(view.sid, CARD)
        desk.press("4242")
        await desk.update(view.sid, CARD, key, url)
        assert "PaymentCardNumber" not in desk.writer.forms[-1]
        assert desk.writer.urls[-1] == url

    _desk(script)


def test_capture_that_failed_is_asked_for_again_with_the_same_key() -> None:
    """
    A repetition after its end is a new capture: clients that use one key mean it.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start()
        for n_failures in (1, 2):
            await desk.update(view.sid, CARD)
            assert desk.call.session.is_armed
            desk.press("4242#")
            errors = [form.get("ErrorType") for form in desk.writer.forms]
            assert errors.count("invalid-card-number") == n_failures

    _desk(script)


def test_complete_that_is_repeated_charges_once() -> None:
    """
    While the gateway is asked, after its answer, again and again: the first answer.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start()
        await desk.fill(view.sid)
        first = await desk.update(view.sid, COMPLETE)
        assert await desk.update(view.sid, COMPLETE) == first
        await desk.settled()
        assert await desk.update(view.sid, COMPLETE) == first
        assert len(desk.gateway.transactions) == 1
        assert await _refused(desk.update(view.sid, COMPLETE, "other")) == (409, 20409)
        assert await _refused(desk.update(view.sid, CANCEL)) == (409, 20409)

    _desk(script)


def test_complete_that_is_repeated_asks_the_caller_once() -> None:
    """
    While the caller is being asked to confirm it gets the first answer, too.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start(request=replace(CHARGE, confirmation=True))
        await desk.fill(view.sid)
        first = await desk.update(view.sid, COMPLETE)
        assert await desk.update(view.sid, COMPLETE) == first
        assert len(desk.gateway.transactions) == 0
        desk.press("1")
        assert (await desk.settled())["Result"] == "success"
        assert len(desk.gateway.transactions) == 1

    _desk(script)


def test_command_that_was_refused_is_judged_anew() -> None:
    """
    A refusal is no answer to keep: what was missing may be there now.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start()
        assert await _refused(desk.update(view.sid, COMPLETE)) == (400, 64019)
        await desk.fill(view.sid)
        assert (await desk.update(view.sid, COMPLETE)).sid == view.sid
        assert (await desk.settled())["Result"] == "success"

    _desk(script)


# Races.


@pytest.mark.parametrize("n_repetitions", [1, 5])
def test_repetition_that_races_the_first_waits_for_it(n_repetitions: int) -> None:
    """
    Nobody is answered before the first command is safe; then all alike.
    """

    async def script(desk: Desk) -> None:
        desk.writer.is_slow = True
        racing = [asyncio.create_task(desk.start()) for _ in range(1 + n_repetitions)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert not any(task.done() for task in racing)
        desk.writer.write()
        views = await asyncio.gather(*racing)
        assert len({view.sid for view in views}) == 1
        assert views == [views[0]] * len(views)
        sid = views[0].sid
        racing = [
            asyncio.create_task(desk.update(sid, CARD))
            for _ in range(1 + n_repetitions)
        ]
        for _ in range(10):
            await asyncio.sleep(0)
        assert not any(task.done() for task in racing)
        desk.writer.write()
        views = await asyncio.gather(*racing)
        assert views == [views[0]] * len(views)
        await asyncio.sleep(0)
        assert [form.get("Capture") for form in desk.writer.forms] == [None, CARD]

    _desk(script)


def test_repetition_is_answered_when_the_first_client_has_gone() -> None:
    """
    A client that hangs up while it waits takes nothing with it.
    """

    async def script(desk: Desk) -> None:
        desk.writer.is_slow = True
        first = asyncio.create_task(desk.start())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        second = asyncio.create_task(desk.start())
        await asyncio.sleep(0)
        desk.writer.write()
        view = await second
        desk.writer.is_slow = False
        assert (await desk.update(view.sid, CANCEL)).sid == view.sid

    _desk(script)


def test_two_that_start_at_once_get_one_payment() -> None:
    """
    One of two different ones starts, the other hears that it came too late.
    """

    async def script(desk: Desk) -> None:
        desk.writer.is_slow = True
        one = asyncio.create_task(desk.start("one"))
        two = asyncio.create_task(desk.start("two"))
        for _ in range(10):
            await asyncio.sleep(0)
        with pytest.raises(ApiError):
            await two
        desk.writer.write()
        assert (await one).sid.startswith("PK")

    _desk(script)


# What refuses.


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"payment_connector": "Nobody"}, 64004),
        ({"charge_amount": None, "parameters": {"sandbox": "64005"}}, 64005),
        ({"parameters": {"sandbox": "64024"}}, 64024),
        ({"status_callback": "http://agent.example/"}, 21609),
    ],
)
def test_start_that_cannot_be_carried_out_leaves_nothing_behind(
    change: dict[str, object], code: int
) -> None:
    """
    The call is free for another one.
    """

    async def script(desk: Desk) -> None:
        request = replace(CHARGE, **change)  # type: ignore[arg-type]  # the table's
        assert await _refused(desk.start(request=request)) == (400, code)
        assert (desk.writer.forms, desk.service.n_active) == ([], 0)
        await desk.start()
        assert desk.service.n_active == 1

    _desk(script)


def test_payment_that_is_not_there_is_not_found() -> None:
    """
    Neither on another call, nor under another sid.
    """

    async def script(desk: Desk) -> None:
        await desk.start()
        missing = "PK" + "0" * 32
        assert await _refused(desk.update(missing, CANCEL)) == (404, 20404)

    _desk(script)


# The call.


def test_agent_who_goes_ends_nothing_and_one_who_stays_away_does() -> None:
    """
    The legs of the call are those of the payment.
    """

    async def script(desk: Desk) -> None:
        board = desk.switchboard
        started = Started(stream_sid="MZ2", call_sid="CA2", account_sid=ACCOUNT_SID)
        board.join(Claim("c1", Role.AGENT), started, Port())
        view = await desk.start()
        await desk.update(view.sid, CARD)
        board.leave(desk.call, Role.AGENT)
        board.join(Claim("c1", Role.AGENT), started, Port())
        desk.press(KEYS[CARD])
        assert desk.writer.forms[-1]["PaymentCardNumber"] == "xxxxxxxxxxxx4242"
        board.leave(desk.call, Role.AGENT)
        assert (await desk.settled())["Result"] == "transaction-cancelled"

    _desk(script, PaySettings(agent_timeout_s=0.01))


def test_capture_ends_as_internal_error_when_a_digit_cannot_be_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    A bug in the session costs a field, not the call; the field is asked for again.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start()
        await desk.update(view.sid, CARD)
        with monkeypatch.context() as patch:

            def broken(*_: object, **__: object) -> None:
                raise RuntimeError("4242424242424242")

            patch.setattr(PaySession, "receive_digit", broken)
            desk.press("4")
        form = desk.writer.forms[-1]
        assert (form["Capture"], form["ErrorType"]) == (CARD, "internal-error")
        await desk.fill(view.sid)
        await desk.update(view.sid, COMPLETE)
        assert (await desk.settled())["Result"] == "success"

    _desk(script)
