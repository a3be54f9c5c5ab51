"""
Streams: what their tests share.
"""

import json
from collections.abc import Sequence

from bridge.stream.events import (
    Started,
    StreamEvent,
)
from bridge.stream.twilio import TwilioStream
from tests.support import media as wire


FRAME = bytes(range(160))
STARTED = Started(
    stream_sid="MZ01", call_sid=wire.CALL_SID, account_sid=wire.ACCOUNT_SID
)
OPENING = (wire.connected(), wire.start())


def events_of(
    messages: Sequence[str | bytes], stream: TwilioStream | None = None
) -> list[StreamEvent]:
    """
    Give the events of messages, taken one by one.
    """
    stream = stream or TwilioStream(now=0.0)
    events: list[StreamEvent] = []
    for message in messages:
        stream.receive_message(message, now=1.0)
        events += stream.poll()
    return events


def started_stream() -> TwilioStream:
    """
    Give a stream that has started.
    """
    stream = TwilioStream(now=0.0)
    assert events_of(OPENING, stream) == [STARTED]
    return stream


def start_with(**body: object) -> str:
    """
    Give a `start` whose body has other fields, or lacks those that are `None`.
    """
    message = json.loads(wire.start())
    message["start"] |= body
    message["start"] = {k: v for k, v in message["start"].items() if v is not None}
    return json.dumps(message)
