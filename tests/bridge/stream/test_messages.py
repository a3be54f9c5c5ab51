"""
Messages: what goes over the wire, to the letter.
"""

from collections.abc import Callable

import msgspec
import pytest

from bridge.stream import messages
from bridge.stream.messages import (
    DtmfBody,
    MarkBody,
    MediaBody,
    Message,
    StartBody,
    read_message,
)


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (
            lambda: messages.media("MZ01", b"\x00\x7f\xff"),
            '{"event":"media","streamSid":"MZ01","media":{"payload":"AH//"}}',
        ),
        (
            lambda: messages.media("MZ01", b"\xff" * 160),
            '{"event":"media","streamSid":"MZ01","media":{"payload":"'
            + ("/" * 213)
            + 'w=="}}',
        ),
        (
            lambda: messages.mark("MZ01", "p42"),
            '{"event":"mark","streamSid":"MZ01","mark":{"name":"p42"}}',
        ),
        (
            lambda: messages.mark("MZ01", 'a"\n'),
            '{"event":"mark","streamSid":"MZ01","mark":{"name":"a\\"\\n"}}',
        ),
        (
            lambda: messages.clear("MZ01"),
            '{"event":"clear","streamSid":"MZ01"}',
        ),
        (
            # Sids are the peer's own words.
            lambda: messages.clear("MZü"),
            '{"event":"clear","streamSid":"MZü"}',
        ),
        (
            messages.connected,
            '{"event":"connected","protocol":"Call","version":"1.0.0"}',
        ),
        (
            lambda: messages.numbered("mark", 7, "MZ01", {"name": "p42"}),
            (
                '{"event":"mark","sequenceNumber":"7","mark":{"name":"p42"},'
                '"streamSid":"MZ01"}'
            ),
        ),
    ],
)
def test_message_is_written_as_documented(
    write: Callable[[], str], expected: str
) -> None:
    """
    What is written is what Twilio's documentation shows, letter by letter.
    """
    assert write() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{"event":"connected","protocol":"Call","version":"1.0.0"}',
            Message(event="connected"),
        ),
        (
            (
                '{"event":"start","sequenceNumber":"1","start":{"accountSid":"AC01",'
                '"streamSid":"MZ01","callSid":"CA01","tracks":["inbound"],'
                '"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,'
                '"channels":1},"customParameters":{"leg":"agent"}},"streamSid":"MZ01"}'
            ),
            Message(
                event="start",
                streamSid="MZ01",
                start=StartBody(
                    streamSid="MZ01",
                    callSid="CA01",
                    accountSid="AC01",
                    customParameters={"leg": "agent"},
                    mediaFormat={
                        "encoding": "audio/x-mulaw",
                        "sampleRate": 8000,
                        "channels": 1,
                    },
                ),
            ),
        ),
        (
            (
                '{"event":"media","sequenceNumber":"7","streamSid":"MZ01","media":'
                '{"track":"inbound","chunk":"6","timestamp":"120","payload":"AH//"}}'
            ),
            Message(
                event="media",
                streamSid="MZ01",
                media=MediaBody(payload=b"\x00\x7f\xff", chunk="6"),
            ),
        ),
        (
            (
                '{"event":"dtmf","streamSid":"MZ01","sequenceNumber":"5",'
                '"dtmf":{"track":"inbound_track","digit":"1"}}'
            ),
            Message(event="dtmf", streamSid="MZ01", dtmf=DtmfBody(digit="1")),
        ),
        (
            (
                '{"event":"mark","sequenceNumber":"4","streamSid":"MZ01",'
                '"mark":{"name":"p42"}}'
            ),
            Message(event="mark", streamSid="MZ01", mark=MarkBody(name="p42")),
        ),
        (
            (
                '{"event":"stop","sequenceNumber":"5","stop":{"accountSid":"AC01",'
                '"callSid":"CA01"},"streamSid":"MZ01"}'
            ),
            Message(event="stop", streamSid="MZ01"),
        ),
    ],
)
def test_message_is_read_as_documented(text: str, expected: Message) -> None:
    """
    The examples of Twilio's documentation are understood, as text and as UTF-8.
    """
    assert read_message(text) == expected
    assert read_message(text.encode()) == expected


@pytest.mark.parametrize("text", ["", "{", "[]", '{"event":1}', '{"even":"media"}'])
def test_message_that_is_none_is_refused(text: str) -> None:
    """
    Whatever has no event is no message.
    """
    with pytest.raises(msgspec.MsgspecError):
        read_message(text)
