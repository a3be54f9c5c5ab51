"""
A bridge that can be killed at any step, and a nursery that starts many of them.

    python -m tests.support.killable SOCKET     the nursery

The nursery is the program with everything imported, waiting on a Unix socket.
Each connection to it becomes a bridge: the client sends one line of JSON, the
nursery forks, and the child serves with its collaborators wrapped, until it
comes to the point named in that line. There it sends itself SIGKILL. What it
writes to the connection: one line when it listens, one with each point it
passes. The connection ends with the process, however that ends.

Nothing in the product knows of this.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import bridge.server.bridge as served
from bridge.api.app import create_app
from bridge.connectors.base import Failure
from bridge.ledger.changes import (
    AttemptOpened,
    AttemptSettled,
    CallbackPostponed,
    CallbackQueued,
    CallbackReplayed,
    CallbackSettled,
    Change,
    SessionMoved,
    SessionOpened,
)
from bridge.ledger.store import Ledger
from bridge.server.log import configure_logging
from bridge.server.outbound import HttpOutbound
from bridge.server.settings import Settings


class Fuse:
    """
    Ends the process at one point.

    Args:
        connection: told of every point.
        point: the fatal one; empty for none.
    """

    def __init__(self, connection: socket.socket, point: str) -> None:
        self._connection = connection
        self._point = point
        # The ledger's thread comes by as well as the loop's.
        self._lock = threading.Lock()

    def at(self, *points: str) -> None:
        """
        Come to points that are one moment, and perhaps no further.
        """
        with self._lock:
            for point in points:
                self.say(f"point {point}")
            if self._point in points:
                self.say(f"killed {self._point}")
                os.kill(os.getpid(), signal.SIGKILL)

    def say(self, line: str) -> None:
        """
        Tell the client.
        """
        self._connection.sendall(f"{line}\n".encode())


def names_of(change: Change) -> str:
    """
    Name what is committed.

    Callbacks are counted from 1 in a fresh ledger with one payment, by their
    sequence as by their number.
    """
    match change:
        case SessionOpened():
            return "opening"
        case SessionMoved(state=state):
            return f"move to {state}"
        case AttemptOpened():
            return "attempt"
        case AttemptSettled():
            return "outcome"
        case CallbackQueued(sequence=number):
            return f"callback {number}"
        case CallbackSettled(callback_id=number):
            return f"delivery {number}"
        case CallbackPostponed(callback_id=number):
            return f"postponement {number}"
        case CallbackReplayed(callback_id=number):
            return f"replay {number}"


class KillableLedger(Ledger):
    """
    Points before and after each commit.
    """

    fuse: Fuse

    def write(self, changes: Iterable[Change], *, again: bool = False) -> list[int]:
        """
        Write; see `Ledger`.
        """
        batch = list(changes)
        names = [names_of(change) for change in batch]
        self.fuse.at(*(f"before commit of {name}" for name in names))
        numbers = super().write(batch, again=again)
        self.fuse.at(*(f"after commit of {name}" for name in names))
        return numbers


class KillableOutbound(HttpOutbound):
    """
    Points before and after each request that leaves.
    """

    fuse: Fuse
    gateway_url: str

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes | bytearray,
        read_timeout_s: float,
    ) -> tuple[int, bytes] | Failure:
        """
        Send; see `HttpOutbound`.
        """
        if url == self.gateway_url:
            name = "lookup" if b'"lookup"' in body else "request"
        else:
            name = f"callback {parse_qs(body.decode())['SequenceNumber'][0]}"
        self.fuse.at(f"before {name}")
        answer = await super().post(url, headers, body, read_timeout_s)
        self.fuse.at(f"after {name}")
        return answer


class KillableApi:
    """
    Points before and after each answer of the API.
    """

    def __init__(self, app: ASGIApp, fuse: Fuse) -> None:
        self._app = app
        self._fuse = fuse
        self._n_answers = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Serve one request.
        """
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        self._n_answers += 1
        number = self._n_answers

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._fuse.at(f"before answer {number}")
            await send(message)
            is_body = message["type"] == "http.response.body"
            if is_body and not message.get("more_body"):
                self._fuse.at(f"after answer {number}")

        await self._app(scope, receive, watched)


def _serve(connection: socket.socket, order: Mapping[str, Any]) -> None:
    fuse = Fuse(connection, order["point"])
    KillableLedger.fuse = KillableOutbound.fuse = fuse
    settings = Settings(**order["settings"])
    KillableOutbound.gateway_url = settings.sandbox_url

    def killable_app(*args: Any, **options: Any) -> FastAPI:
        app = create_app(*args, **options)
        app.add_middleware(KillableApi, fuse=fuse)
        return app

    vars(served)["create_app"] = killable_app
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, sys.stderr.fileno())
    configure_logging("info")
    bridge = served.Bridge(
        settings, ledger_of=KillableLedger, outbound_of=KillableOutbound
    )

    def listening(_: served.Bridge) -> None:
        fuse.say(f"listening {os.getpid()} {bridge.media_port} {bridge.api_port}")

    async def run() -> None:
        with bridge.stopped_by_signals():
            await bridge.run(listening)

    asyncio.run(run())
    fuse.say("stopped")


def _nursery(path: Path) -> None:
    # Children that end are nobody's business here.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(16)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            connection, _ = listener.accept()
            if os.fork():
                connection.close()
                continue
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with connection, connection.makefile() as lines:
                _serve(connection, json.loads(lines.readline()))
            os._exit(0)


if __name__ == "__main__":
    _nursery(Path(sys.argv[1]))
