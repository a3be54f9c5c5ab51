"""
A payment service at work on one call: a ledger in memory, the sandbox, no sockets.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from bridge.api.params import StatusCommand
from bridge.api.port import PaymentView
from bridge.callbacks.delivery import Callback
from bridge.connectors.sandbox import SandboxConnector
from bridge.connectors.sandbox_gateway import SandboxGateway
from bridge.ledger.changes import CallbackQueued, Change
from bridge.pay.fields import CARD_FIELDS, Field
from bridge.pay.request import PaymentRequest
from bridge.pay.settings import PaySettings
from bridge.server.analysis import Analyser
from bridge.server.archive import Archive
from bridge.server.audit_log import AuditLog
from bridge.server.callback_worker import CallbackWorker
from bridge.server.feeds import Feeds
from bridge.server.metrics import Metrics
from bridge.server.outbound import Outbound
from bridge.server.payment import Tools
from bridge.server.payments import PaymentService
from bridge.server.prompts import read_voice
from bridge.server.switchboard import Call, Switchboard
from bridge.server.targets import TargetPolicy
from bridge.server.writer import LedgerWriter
from bridge.stream.events import Audio, Role, Started
from bridge.stream.handshake import Claim
from dtmf_engine.bank import LegBank
from tests.support.media import ACCOUNT_SID, CALL_SID, QUIET, run, wait_until
from tests.support.pay import CHARGE, KEYS, URL


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


@dataclass(slots=True)
class Port:
    """
    A leg that remembers what it was sent.
    """

    played: bytearray = field(default_factory=bytearray)
    n_cleared: int = 0

    def play(self, octets: bytes) -> None:
        """
        Take audio.
        """
        self.played += octets

    def clear(self) -> None:
        """
        Count.
        """
        self.n_cleared += 1

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
    caller: Port
    feeds: Feeds

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
        # Half a second to think: an event that comes with the arming itself may be
        # of a key that was down before.
        self.switchboard.receive_audio(self.call, Role.CALLER, Audio(QUIET * 4000))
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


def at_desk(
    script: Callable[[Desk], Coroutine[Any, Any, None]],
    settings: PaySettings | None = None,
    audit: AuditLog | None = None,
) -> None:
    """
    Run a script at a desk with one call.
    """

    async def main() -> None:
        metrics = Metrics()
        analyser = Analyser(LegBank(1), tick_s=0.0, metrics=metrics)
        writer, tasks = Writer(), set[asyncio.Task[None]]()
        feeds = Feeds(metrics, per_account=10, barrier=lambda: writer.submit(()))
        switchboard = Switchboard(
            analyser,
            account_sid=ACCOUNT_SID,
            playout_limit_s=0.2,
            metrics=metrics,
            over=lambda call: feeds.end_call(call.account_sid, call.call_sid or ""),
        )
        started = Started(stream_sid="MZ1", call_sid=CALL_SID, account_sid=ACCOUNT_SID)
        caller = Port()
        call = switchboard.join(Claim("c1", Role.CALLER), started, caller)
        assert isinstance(call, Call)
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
            feeds=feeds,
            archive=cast("Archive", NoArchive()),
            outbound=cast("Outbound", None),
            sandbox=gateway,
            settings=settings or PaySettings(),
            voice=read_voice(None),
            metrics=metrics,
            audit=audit or AuditLog(),
            spawn=spawn,
        )
        service = PaymentService(
            tools,
            connectors={"Default": SandboxConnector()},
            targets=TargetPolicy(),
        )
        desk = Desk(service, switchboard, writer, gateway, call, caller, feeds)
        await script(desk)
        await asyncio.gather(*tasks)
        analyser.stop()

    run(main())
