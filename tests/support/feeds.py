"""
A reader of server-sent events, as the HTML standard has them, on a bare socket.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.processes import ACCOUNT_SID, AUTH_TOKEN


PATIENCE_S = 20.0
"""Longest wait for something that must come; a test that waits so long fails."""


@dataclass(frozen=True, slots=True)
class SseEvent:
    """
    One event.
    """

    name: str
    id: str | None
    """`None` if it did not say; a browser keeps the one before."""
    data: Any


@dataclass(slots=True)
class FeedReader:
    """
    A feed that is being read.
    """

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    reader: asyncio.StreamReader
    raw: bytearray = field(default_factory=bytearray)
    """Everything that came after the head, chunks put together."""
    events: list[SseEvent] = field(default_factory=list)
    n_comments: int = 0
    _unread: bytearray = field(default_factory=bytearray)

    @property
    def last_id(self) -> str:
        """
        What a browser would send when it comes back.
        """
        return next((e.id for e in reversed(self.events) if e.id is not None), "")

    async def next(self) -> SseEvent | None:
        """
        Wait for an event; `None` if the answer is complete.
        """
        async with asyncio.timeout(PATIENCE_S):
            while True:
                block, separator, rest = bytes(self._unread).partition(b"\n\n")
                if separator:
                    self._unread[:] = rest
                    event = self._parse(block.decode())
                    if event is not None:
                        self.events.append(event)
                        return event
                elif not await self._more():
                    assert not self._unread, "an event was cut off"
                    return None

    async def until(self, name: str) -> list[SseEvent]:
        """
        Wait for an event of this name; give all so far.
        """
        while True:
            event = await self.next()
            assert event is not None, self.events
            if event.name == name:
                return self.events

    async def until_result(self) -> list[SseEvent]:
        """
        Wait for the end of a payment; give all so far.
        """
        while True:
            event = await self.next()
            assert event is not None, self.events
            if event.name == "payment" and event.data["result"] is not None:
                return self.events

    def payments(self) -> list[dict[str, Any]]:
        """
        Give what was told of payments, a callback each.
        """
        return [event.data for event in self.events if event.name == "payment"]

    async def body(self) -> Any:
        """
        Read an answer that is no feed.
        """
        async with asyncio.timeout(PATIENCE_S):
            length = int(self.headers.get("content-length", "0"))
            return json.loads(await self.reader.readexactly(length)) if length else None

    async def _more(self) -> bool:
        size = int((await self.reader.readline()).strip() or b"0", 16)
        chunk = await self.reader.readexactly(size)
        await self.reader.readline()
        self.raw += chunk
        self._unread += chunk
        return size > 0

    def _parse(self, block: str) -> SseEvent | None:
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            if not name:
                self.n_comments += 1
                continue
            assert name in {"event", "data", "id", "retry"}, line
            assert name not in fields, line
            fields[name] = value.removeprefix(" ")
        if "data" not in fields:
            return None
        return SseEvent(fields["event"], fields.get("id"), json.loads(fields["data"]))


@asynccontextmanager
async def feed(
    api_url: str,
    call_sid: str,
    *,
    token: str | None = None,
    last_id: str = "",
    account_sid: str = ACCOUNT_SID,
    password: str = AUTH_TOKEN,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[FeedReader]:
    """
    Ask for a feed; by a token, or else by credentials.
    """
    host, _, port = api_url.removeprefix("http://").partition(":")
    path = f"/2010-04-01/Accounts/{account_sid}/Calls/{call_sid}/Payments/Feed"
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if token is not None:
        lines[0] = f"GET {path}?token={token} HTTP/1.1"
    else:
        login = base64.b64encode(f"{account_sid}:{password}".encode()).decode()
        lines.append(f"Authorization: Basic {login}")
    if last_id:
        lines.append(f"Last-Event-ID: {last_id}")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        async with asyncio.timeout(PATIENCE_S):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        named = dict(line.partition(": ")[::2] for line in head[1:] if line)
        answered = {name.lower(): value for name, value in named.items()}
        yield FeedReader(int(head[0].split()[1]), answered, reader)
    finally:
        writer.close()
