"""
One payment after another on bridges that are killed, and what became of each.

A run is a scripted payment against a bridge with a ledger of its own. The bridge
is killed at one point and started again, perhaps killed at a second one, and
started again until nothing is left to do. The gateway outlives them all.
"""

import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from bridge.ledger.reads import StoredAttempt, StoredCallback, StoredSession
from bridge.ledger.store import Ledger
from tests.support import media as wire
from tests.support.media import ACCOUNT_SID, AUTH_TOKEN
from tests.support.receiver import Receiver, receiving


CARD = "4242424242424242"

KEYS = {
    "payment-card-number": CARD,
    "expiration-date": "1239",
    "security-code": "123",
}
"""What the caller keys, in the order in which it is asked for."""

_FIELDS = {
    "payment-card-number": "PaymentCardNumber",
    "expiration-date": "ExpirationDate",
    "security-code": "SecurityCode",
}

_NO_TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing here is https; to load the usual certificates takes 50 ms a request."""

PATIENCE_S = 40.0
"""Longest wait for something that must come; a test that waits so long fails."""


class GoneError(Exception):
    """
    The bridge is dead.
    """


@dataclass(slots=True)
class KillableBridge:
    """
    A bridge that runs, or ran.
    """

    connection: socket.socket
    receiver: Receiver
    points: list[str] = field(default_factory=list)
    """That it came by, in order."""
    killed_at: str = ""
    is_gone: bool = False
    has_stopped: bool = False
    """Whether it came to its own end."""
    process_id: int = 0
    media_port: int = 0
    api_port: int = 0

    def listen(self) -> None:
        """
        Follow what it says until it is gone, in a thread.
        """
        threading.Thread(target=self._follow, daemon=True).start()
        self.wait_for(lambda: self.is_gone or self.api_port)

    def wait_for(self, condition: Any) -> None:
        """
        Wait until something is true of the bridge or the receiver.
        """
        with self.receiver.changed:
            done = self.receiver.changed.wait_for(condition, PATIENCE_S)
            assert done, f"{self.points[-3:]}, {len(self.receiver.forms)} callbacks"

    def terminate(self) -> None:
        """
        Send SIGTERM, and wait until it is gone.
        """
        os.kill(self.process_id, signal.SIGTERM)
        self.wait_for(lambda: self.is_gone)

    def _follow(self) -> None:
        # A process that is killed may reset the connection.
        with self.connection as told, told.makefile() as lines, suppress(OSError):
            for line in lines:
                self._take(line.split())
        with self.receiver.changed:
            self.is_gone = True
            self.receiver.changed.notify_all()

    def _take(self, words: Sequence[str]) -> None:
        with self.receiver.changed:
            match words:
                case ["point", *rest]:
                    self.points.append(" ".join(rest))
                case ["killed", *rest]:
                    self.killed_at = " ".join(rest)
                case ["listening", process_id, media_port, api_port]:
                    self.process_id = int(process_id)
                    self.media_port, self.api_port = int(media_port), int(api_port)
                case ["stopped"]:
                    self.has_stopped = True
            self.receiver.changed.notify_all()


@dataclass(frozen=True, slots=True)
class Nursery:
    """
    Starts bridges within milliseconds; see `killable`.
    """

    path: Path

    def start(
        self,
        settings: Mapping[str, object],
        receiver: Receiver,
        log: Path,
        point: str = "",
    ) -> KillableBridge:
        """
        Start a bridge, and wait until it listens or is dead.
        """
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self.path))
        order = {"settings": settings, "point": point, "log": str(log)}
        connection.sendall(json.dumps(order).encode() + b"\n")
        bridge = KillableBridge(connection, receiver)
        bridge.listen()
        return bridge


@contextmanager
def nursery(folder: Path) -> Iterator[Nursery]:
    """
    Run a nursery while the block runs.
    """
    path = folder / "nursery"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.killable", str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None  # it is a pipe
    try:
        assert process.stdout.readline() == "ready\n"
        yield Nursery(path)
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


@dataclass(frozen=True, slots=True)
class Gateway:
    """
    The sandbox gateway, a process of its own.
    """

    url: str

    def transactions(self, amount: str) -> list[dict[str, Any]]:
        """
        Give what it was asked with this amount.
        """
        answer = httpx.get(f"{self.url}transactions", trust_env=False, verify=_NO_TRUST)
        return [t for t in answer.json() if t["amount"] == amount]


@contextmanager
def gateway() -> Iterator[Gateway]:
    """
    Run a sandbox gateway while the block runs.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", "sandbox", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None  # it is a pipe
    try:
        yield Gateway(process.stdout.readline().strip().partition("=")[2])
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@dataclass(slots=True)
class Told:
    """
    What the agent's software learned from the API before the bridge died.
    """

    call_sid: str = field(default_factory=lambda: "CA" + secrets.token_hex(16))
    sid: str = ""
    statuses: list[int] = field(default_factory=list)
    """Of the answers."""
    is_finishing: bool = False
    """Whether the last command, complete or cancel, was accepted."""


@dataclass(slots=True)
class Script:
    """
    A payment: card, expiry date, security code, and an ending.

    Args:
        media_port: of the bridge.
        api_port: of the bridge.
        receiver: of its callbacks.
        is_gone: whether the bridge is dead.
        is_doomed: whether it will be killed, if not before then after the end.
    """

    media_port: int
    api_port: int
    receiver: Receiver
    is_gone: Any
    is_doomed: bool
    told: Told = field(default_factory=Told)
    _sent: int = 0

    def run(self, amount: str, ending: str = "complete") -> Told:
        """
        Go as far as the bridge lives.
        """
        url = f"ws://127.0.0.1:{self.media_port}/media/twilio"
        deaths = (GoneError, httpx.HTTPError, WebSocketException, OSError)
        with suppress(*deaths), connect(url, proxy=None, close_timeout=0.1) as caller:
            self._pay(caller, amount, ending)
        return self.told

    def ask(self, path: str, form: Mapping[str, str]) -> httpx.Response:
        """
        Send one command.
        """
        base = f"http://127.0.0.1:{self.api_port}/2010-04-01/Accounts/{ACCOUNT_SID}"
        return httpx.post(
            f"{base}/Calls/{self.told.call_sid}/{path}",
            data={
                "IdempotencyKey": secrets.token_hex(4),
                "StatusCallback": self.receiver.url,
                **form,
            },
            auth=(ACCOUNT_SID, AUTH_TOKEN),
            trust_env=False,
            verify=_NO_TRUST,
            timeout=PATIENCE_S,
        )

    def _pay(self, caller: ClientConnection, amount: str, ending: str) -> None:
        caller.send(wire.connected())
        caller.send(wire.start(self.told.call_sid, call=self.told.call_sid))
        form = {"ChargeAmount": amount, "PostalCode": "false"}
        answer = self.ask("Payments.json", form)
        while answer.status_code == 404:  # the stream has not begun yet
            answer = self.ask("Payments.json", form)
        self.told.statuses.append(answer.status_code)
        self.told.sid = str(answer.json()["sid"])
        for field_name, keys in KEYS.items():
            self._update(Capture=field_name)
            # Time to think: an event that comes with the arming itself may be of a
            # key that was down before.
            self._sent += 1
            caller.send(wire.media(wire.QUIET * 4000, self._sent))
            for n_keyed, key in enumerate(keys, 1):
                caller.send(wire.dtmf(key))
                # One callback a key: so that each is a step of its own.
                self._wait(partial(_is_told, field_name, len(keys) - n_keyed))
        if ending == "hang up":
            caller.send(wire.stop())
        else:
            self._update(Status=ending)
            self.told.is_finishing = True
        self._wait(lambda form: "Result" in form)
        if self.is_doomed:
            self._wait(lambda _form: False)

    def _update(self, **form: str) -> None:
        answer = self.ask(f"Payments/{self.told.sid}.json", form)
        self.told.statuses.append(answer.status_code)

    def _wait(self, condition: Any) -> None:
        def done() -> bool:
            return self.is_gone() or any(map(condition, self.receiver.forms))

        with self.receiver.changed:
            assert self.receiver.changed.wait_for(done, PATIENCE_S), "in vain"
        if self.is_gone():
            raise GoneError


def _is_told(name: str, n_missing: int, form: Mapping[str, str]) -> bool:
    if form.get("Capture") != name:
        return False
    if not n_missing:
        return name not in form["Required"].split(",")
    return len(form.get(_FIELDS[name], "")) == len(KEYS[name]) - n_missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """
    What is left of a run, when nothing happens any more.
    """

    told: Told
    amount: str
    bridges: Sequence[KillableBridge]
    forms: Sequence[Mapping[str, str]]
    """The callbacks that were acknowledged, in the order of their arrival."""
    session: StoredSession | None
    undelivered: Sequence[StoredCallback]
    attempts: Sequence[StoredAttempt]
    transactions: Sequence[Mapping[str, Any]]
    """At the gateway."""
    late_status: int
    """Of the API's answer to a command after the restart."""


@dataclass(slots=True)
class Rig:
    """
    All that runs need.
    """

    nursery: Nursery
    gateway: Gateway
    folder: Path

    def run(
        self,
        amount: str,
        points: Sequence[str],
        *,
        database_url: str = "",
        ending: str = "complete",
    ) -> Aftermath:
        """
        Make a payment, with a kill at each of the points in turn.

        Args:
            amount: of the payment; no other run has it.
            points: the first kills the bridge of the payment, the others the
                bridges started after it; if there are none, nobody is killed.
            database_url: of an empty database; SQLite if it is empty.
            ending: `complete`, `cancel` or `hang up`.
        """
        folder = self.folder / secrets.token_hex(4)
        folder.mkdir()
        settings = {
            "media_port": 0,
            "api_port": 0,
            "data_dir": str(folder / "data"),
            "database_url": database_url,
            "account_sid": ACCOUNT_SID,
            "auth_token": AUTH_TOKEN,
            "development": True,
            "drain_timeout_s": 0,
            "max_calls": 2,
            "sandbox_url": self.gateway.url,
        }
        log = folder / "log"
        with receiving() as receiver:
            bridges = [self.nursery.start(settings, receiver, log, "".join(points[:1]))]
            script = Script(
                bridges[0].media_port,
                bridges[0].api_port,
                receiver,
                lambda: bridges[0].is_gone,
                is_doomed=bool(points),
            )
            told = script.run(amount, ending)
            if not points:
                bridges[0].terminate()
            for point in points[1:]:
                bridges.append(self.nursery.start(settings, receiver, log, point))
                bridges[-1].wait_for(lambda: bridges[-1].is_gone)
            url = database_url or f"sqlite:///{folder / 'data' / 'ledger.sqlite3'}"
            bridges.append(self.nursery.start(settings, receiver, log))
            late_status = self._late(script, bridges[-1]) if told.sid else 0
            self._settle(bridges, receiver)
            return self._aftermath(url, told, amount, bridges, receiver, late_status)

    def _late(self, script: Script, bridge: KillableBridge) -> int:
        script.api_port = bridge.api_port
        form = {"Capture": "expiration-date"}
        return script.ask(f"Payments/{script.told.sid}.json", form).status_code

    def _settle(self, bridges: Sequence[KillableBridge], receiver: Receiver) -> None:
        """
        Wait until the payment has ended and that is told, then stop.
        """
        if "after commit of opening" in bridges[0].points:
            bridges[-1].wait_for(lambda: any("Result" in f for f in receiver.forms))
        bridges[-1].terminate()
        assert bridges[-1].has_stopped, "it did not come to its own end"

    def _aftermath(
        self,
        url: str,
        told: Told,
        amount: str,
        bridges: Sequence[KillableBridge],
        receiver: Receiver,
        late_status: int,
    ) -> Aftermath:
        with _opened(url) as ledger:
            return Aftermath(
                told=told,
                amount=amount,
                bridges=bridges,
                forms=list(receiver.forms),
                session=_session(ledger, told, receiver),
                undelivered=ledger.callbacks(),
                attempts=ledger.attempts(),
                transactions=self.gateway.transactions(amount),
                late_status=late_status,
            )


@contextmanager
def _opened(url: str) -> Iterator[Ledger]:
    ledger = Ledger(url)
    try:
        ledger.check()
        yield ledger
    finally:
        ledger.close()


def _session(ledger: Ledger, told: Told, receiver: Receiver) -> StoredSession | None:
    # One that died before it answered has told its sid in callbacks alone.
    sids = {form["Sid"] for form in receiver.forms} | {told.sid}
    found = [ledger.find_session(sid) for sid in sids if sid]
    assert len(found) <= 1, sids
    return found[0] if found else None
