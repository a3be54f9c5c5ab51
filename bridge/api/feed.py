"""
The feed of a call: events as server-sent events, and the answer that streams them.

The format is that of the HTML standard, section 9.2.
"""

import asyncio
import json
import re
from typing import assert_never

from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from bridge.api.feed_events import (
    EndReason,
    Feed,
    FeedEnded,
    FeedEvent,
    PaymentMoved,
    PaymentTold,
    Snapshot,
)
from bridge.api.views import record_body
from bridge.callbacks.record import PaymentRecord


HEARTBEAT_S = 15.0
"""Longest silence; proxies cut connections that say nothing for a minute or less."""

RECONNECT_MS = 2000
"""How soon a browser is to come back."""

OVER_ID = "over"
"""The id of a feed's last event: who has seen it need not come back."""

_HEARTBEAT = b": heartbeat\n\n"
_EVENT_ID = re.compile(r"(PK[0-9a-f]{32})\.([1-9][0-9]{0,8})")


def event_id(record: PaymentRecord) -> str:
    """
    Name the callback that a record ends with.
    """
    return f"{record.identity.sid}.{record.sequence}"


def parse_event_id(text: str) -> tuple[str, int] | None:
    """
    Read a payment's sid and a sequence number; `None` if it is no id of ours.
    """
    match = _EVENT_ID.fullmatch(text)
    return None if match is None else (match[1], int(match[2]))


def encode_event(event: FeedEvent) -> bytes:
    """
    Write an event.
    """
    match event:
        case Snapshot(records=records):
            body: dict[str, object] = {
                "account_sid": event.account_sid,
                "call_sid": event.call_sid,
                "payments": [record_body(record) for record in records],
            }
            # Two payments of a call are told in turns only after a crash.
            newest = max(
                records, key=lambda r: (r.updated_at, r.sequence), default=None
            )
            return _encode("snapshot", body, event_id(newest) if newest else None)
        case PaymentTold(record=record):
            return _encode("payment", record_body(record), event_id(record))
        case PaymentMoved(record=record):
            return _encode("status", record_body(record), None)
        case FeedEnded(reason=reason):
            is_over = reason is EndReason.CALL_ENDED
            return _encode("end", {"reason": reason}, OVER_ID if is_over else None)
        case _:
            assert_never(event)


def _encode(name: str, body: dict[str, object], id_: str | None) -> bytes:
    # JSON has no line break that it does not escape: one line of data is enough.
    lines = [f"event: {name}", f"data: {json.dumps(body)}"]
    if id_ is not None:
        lines.insert(0, f"id: {id_}")
    return ("\n".join(lines) + "\n\n").encode()


class FeedResponse(Response):
    """
    An answer that streams a feed until it ends or its reader is gone.

    Args:
        feed: is closed in the end.
    """

    media_type = "text/event-stream"

    def __init__(self, feed: Feed) -> None:
        # What nginx buffers would come too late.
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["Content-Length"]
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Answer.
        """
        del scope
        streaming = asyncio.create_task(self._stream(send))
        leaving = asyncio.create_task(_wait_for_end(receive))
        try:
            await asyncio.wait(
                {streaming, leaving}, return_when=asyncio.FIRST_COMPLETED
            )
            if streaming.done():
                streaming.result()
        finally:
            self._feed.close()
            for task in (streaming, leaving):
                task.cancel()
            await asyncio.gather(streaming, leaving, return_exceptions=True)

    async def _stream(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )

        async def write(part: bytes, *, more: bool = True) -> None:
            await send({"type": "http.response.body", "body": part, "more_body": more})

        await write(f"retry: {RECONNECT_MS}\n\n".encode())
        while True:
            event = await self._feed.next(HEARTBEAT_S)
            await write(_HEARTBEAT if event is None else encode_event(event))
            if isinstance(event, FeedEnded):
                await write(b"", more=False)
                return


async def _wait_for_end(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
