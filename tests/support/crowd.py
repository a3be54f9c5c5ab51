"""
Many payments at once, against a bridge that is a process of its own.
"""

import asyncio
import contextlib
import json
import secrets
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import httpx

from tests.support.media import QUIET, Peer, dtmf, stop, stream
from tests.support.processes import ACCOUNT_SID, AUTH_TOKEN, Served


PATIENCE_S = 240.0
"""Longest wait for something that must come; a test that waits so long fails. Hundreds
of payments against an ill receiver take a busy machine more than a minute."""

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """
    What a web server does with a request.
    """

    status: int = 204
    """0: the connection is dropped."""
    body: bytes = b""
    is_taken: bool = True
    """Whether what was sent counts as received, whatever is answered."""
    after_s: float = 0.0


@contextlib.asynccontextmanager
async def answering(handle: Callable[[str, bytes], Reply]) -> AsyncIterator[str]:
    """
    Answer requests on a free port of the loopback, one a connection.

    Args:
        handle: gives the reply to a path and a body.

    Yields:
        The URL.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            named = dict(line.lower().partition(": ")[::2] for line in head[1:])
            body = await reader.readexactly(int(named.get("content-length", "0")))
            reply = handle(head[0].split(" ")[1], body)
            await asyncio.sleep(reply.after_s)
            if reply.status:
                start = f"HTTP/1.1 {reply.status} Test\r\nConnection: close\r\n"
                size = f"Content-Length: {len(reply.body)}\r\n\r\n"
                writer.write((start + size).encode() + reply.body)
                await writer.drain()
            else:
                writer.transport.abort()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, backlog=1024)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(slots=True)
class Inbox:
    """
    Callbacks, by payment, in the order in which they were acknowledged.
    """

    behave: Callable[[int], Reply] = lambda _n: Reply()
    """Gives the reply to a payment's nth request, counted from 0."""
    n_requests: Counter[str] = field(default_factory=Counter)
    """By payment."""
    forms: dict[str, list[Form]] = field(default_factory=lambda: defaultdict(list))
    _changed: dict[str, asyncio.Event] = field(
        default_factory=lambda: defaultdict(asyncio.Event)
    )

    def take(self, _path: str, body: bytes) -> Reply:
        """
        Take a callback.
        """
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        reply = self.behave(self.n_requests[form["Sid"]])
        self.n_requests[form["Sid"]] += 1
        if reply.is_taken:
            self.forms[form["Sid"]].append(form)
            self._changed[form["Sid"]].set()
        return reply

    async def wait_for(self, sid: str, condition: Callable[[Form], bool]) -> Form:
        """
        Wait for a callback of a payment.
        """
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for form in self.forms[sid]:
                    if condition(form):
                        return form
                self._changed[sid].clear()
                await self._changed[sid].wait()


@dataclass(slots=True)
class Bank:
    """
    A gateway that approves, and remembers how often it was asked for what.
    """

    charges: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Card numbers by amount; of tests, so they may be text."""

    def take(self, _path: str, body: bytes) -> Reply:
        """
        Take a request: cents choose what becomes of it.
        """
        asked = json.loads(body)
        if asked["method"] == "lookup":
            found = {"error_code": "transaction_not_found"}
            return Reply(404, json.dumps(found).encode())
        number = str(asked["cardnumber"])
        self.charges[str(asked["amount"])].append(number)
        told: dict[str, str | None]
        match str(asked["amount"])[-2:]:
            case "51":
                return Reply(500, b"<html>")
            case "53":
                told = {"error_code": "declined", "error_message": "declined"}
            case "55":
                # Gateways that quote are the reason why their words are scrubbed.
                text = f"card {number} with code {asked['cvv']} is declined"
                told = {"error_code": "declined", "error_message": text}
            case _:
                told = {"charge_id": f"ch_{secrets.token_hex(8)}", "error_code": None}
        return Reply(200, json.dumps(told).encode())


@dataclass(slots=True)
class Desk:
    """
    The agent's software, for many calls.
    """

    served: Served
    client: httpx.AsyncClient
    inbox: Inbox
    inbox_url: str

    async def ask(self, path: str, **form: str) -> httpx.Response:
        """
        Send a command.
        """
        url = f"{self.served.api_url}/2010-04-01/Accounts/{ACCOUNT_SID}/Calls/{path}"
        told = {
            "IdempotencyKey": secrets.token_hex(4),
            "StatusCallback": self.inbox_url,
        }
        return await self.client.post(url, data=told | form)


@contextlib.asynccontextmanager
async def desk(served: Served, inbox: Inbox) -> AsyncIterator[Desk]:
    """
    Take callbacks and send commands while the block runs.
    """
    # A connection that the server is about to close for idleness is not used again.
    limits = httpx.Limits(max_connections=40, keepalive_expiry=1.0)
    async with (
        answering(inbox.take) as url,
        httpx.AsyncClient(
            auth=(ACCOUNT_SID, AUTH_TOKEN),
            trust_env=False,
            limits=limits,
            timeout=PATIENCE_S,
        ) as client,
    ):
        yield Desk(served, client, inbox, url)


@dataclass(slots=True)
class Caller:
    """
    One call and its payment.
    """

    desk: Desk
    peer: Peer
    call_sid: str
    sid: str = ""

    async def start(self, **form: str) -> None:
        """
        Start a payment.
        """
        path = f"{self.call_sid}/Payments.json"
        answer = await self.desk.ask(path, **form)
        while answer.status_code == 404:  # the stream has not begun yet
            answer = await self.desk.ask(path, **form)
        assert answer.status_code == 201, answer.text
        self.sid = str(answer.json()["sid"])

    async def update(self, **form: str) -> None:
        """
        Send a command that is taken.
        """
        answer = await self.desk.ask(
            f"{self.call_sid}/Payments/{self.sid}.json", **form
        )
        assert answer.status_code == 202, answer.text

    async def think(self) -> None:
        """
        Say nothing for half a second; events that come with the arming itself could
        be of a key that was down before.
        """
        await self.peer.say(QUIET * 4000, frame=4000)

    async def press(self, keys: str) -> None:
        """
        Press keys, which the provider recognises.
        """
        for key in keys:
            await self.peer.send(dtmf(key))

    async def capture(self, name: str, keys: str) -> Form:
        """
        Have a field captured, and wait for the last word on it.
        """
        await self.update(Capture=name)
        await self.think()
        await self.press(keys)
        return await self.captured(name)

    async def captured(self, name: str) -> Form:
        """
        Wait for the last word on a field.
        """
        return await self.told(
            lambda form: (
                form.get("Capture") == name
                and "PartialResult" not in form
                and ("ErrorType" in form or name not in form["Required"].split(","))
            )
        )

    async def missing(self) -> str:
        """
        Complete the payment if it can be; tell which captures are missing if not.
        """
        path = f"{self.call_sid}/Payments/{self.sid}.json"
        answer = await self.desk.ask(path, Status="complete")
        if answer.status_code == 202:
            return ""
        body = answer.json()
        assert body["code"] == 64019, body
        return str(body["message"]).partition(":")[2]

    async def told(self, condition: Callable[[Form], bool]) -> Form:
        """
        Wait for a callback.
        """
        return await self.desk.inbox.wait_for(self.sid, condition)

    async def result(self) -> str:
        """
        Wait for the end of the payment.
        """
        return (await self.told(lambda form: "Result" in form))["Result"]

    async def hang_up(self) -> None:
        """
        End the call.
        """
        await self.peer.send(stop())


@contextlib.asynccontextmanager
async def caller(desk: Desk) -> AsyncIterator[Caller]:
    """
    Keep a call up while the block runs.
    """
    port = int(desk.served.media_url.rpartition(":")[2])
    call_sid = "CA" + secrets.token_hex(16)
    async with stream(port) as peer:
        await peer.start(call_sid, call=call_sid)
        yield Caller(desk, peer, call_sid)


def sequences(forms: Sequence[Form]) -> list[int]:
    """
    Give the sequence numbers of callbacks.
    """
    return [int(form["SequenceNumber"]) for form in forms]
