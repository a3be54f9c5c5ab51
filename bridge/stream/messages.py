"""
The wire of Twilio Media Streams: its messages, read and written.

Wire names live here and nowhere else. Numbers arrive as strings; other
providers of the same family send numbers, and both are read.
"""

from collections.abc import Mapping

import msgspec


class StartBody(msgspec.Struct):
    """
    The body of `start`.
    """

    streamSid: str = ""  # noqa: N815 - the wire's spelling
    callSid: str = ""  # noqa: N815
    accountSid: str = ""  # noqa: N815
    customParameters: dict[str, str] = {}  # noqa: N815 - copied by msgspec
    mediaFormat: dict[str, object] = {}  # noqa: N815


class MediaBody(msgspec.Struct):
    """
    The body of `media`; the payload is base64 on the wire.
    """

    payload: bytes = b""
    track: str = "inbound"
    chunk: str | int | None = None


class DtmfBody(msgspec.Struct):
    """
    The body of `dtmf`.
    """

    digit: str = ""


class MarkBody(msgspec.Struct):
    """
    The body of `mark`.
    """

    name: str = ""


class Message(msgspec.Struct):
    """
    Any message, to us or from us; fields that are not known are ignored.
    """

    event: str
    streamSid: str = ""  # noqa: N815
    start: StartBody | None = None
    media: MediaBody | None = None
    dtmf: DtmfBody | None = None
    mark: MarkBody | None = None


_decoder = msgspec.json.Decoder(Message)


def read_message(text: str | bytes) -> Message:
    """
    Read one message.

    Raises:
        msgspec.MsgspecError: not JSON, or a known field has the wrong type.
    """
    return _decoder.decode(text)


def media(stream_sid: str, octets: bytes) -> str:
    """
    Write audio for the far end.
    """
    return _text(
        {"event": "media", "streamSid": stream_sid, "media": {"payload": octets}}
    )


def mark(stream_sid: str, name: str) -> str:
    """
    Write a mark: it comes back when what was sent before has been played.
    """
    return _text({"event": "mark", "streamSid": stream_sid, "mark": {"name": name}})


def clear(stream_sid: str) -> str:
    """
    Write a request to throw away what is queued.
    """
    return _text({"event": "clear", "streamSid": stream_sid})


def numbered(
    event: str, sequence: int, stream_sid: str, body: Mapping[str, object]
) -> str:
    """
    Write a message as the provider does, with its sequence number as a string.
    """
    return _text(
        {
            "event": event,
            "sequenceNumber": str(sequence),
            event: body,
            "streamSid": stream_sid,
        }
    )


def connected() -> str:
    """
    Write the provider's first message.
    """
    return _text({"event": "connected", "protocol": "Call", "version": "1.0.0"})


def _text(message: Mapping[str, object]) -> str:
    return msgspec.json.encode(message).decode()
