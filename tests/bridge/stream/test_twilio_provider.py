"""
The provider's end of a stream: what it sends, and how it plays.
"""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.stream.events import Audio, DigitEvent, Started, Stopped, StreamEvent
from bridge.stream.twilio import TwilioStream
from bridge.stream.twilio_provider import TwilioProvider
from tests.support import media as wire
from tests.support.media import QUIET
from tests.support.strategies import digits, stable


def _provider(**parameters: str) -> TwilioProvider:
    return TwilioProvider(
        call_sid=wire.CALL_SID,
        stream_sid="MZ01",
        account_sid=wire.ACCOUNT_SID,
        parameters=parameters,
    )


def _audio(octets: bytes) -> str:
    return json.dumps(
        {
            "event": "media",
            "streamSid": "MZ01",
            "media": json.loads(wire.media(octets))["media"],
        }
    )


def _mark(name: str) -> str:
    return json.dumps({"event": "mark", "streamSid": "MZ01", "mark": {"name": name}})


def _names(messages: list[str]) -> list[str]:
    return [json.loads(message)["mark"]["name"] for message in messages]


# What it sends.


def test_provider_sends_what_is_documented() -> None:
    """
    Every message is the documentation's, numbered from 1 in strings.
    """
    provider = _provider(call="demo", leg="caller")
    first, second = provider.open()
    assert json.loads(first) == json.loads(wire.connected())
    expected: list[dict[str, Any]] = [
        json.loads(wire.start(call="demo", leg="caller")),
        json.loads(wire.media(b"\x7f" * 160, 1)),
        json.loads(wire.media(b"\x00" * 160, 2)),
        json.loads(wire.dtmf("#")),
        json.loads(wire.stop()),
    ]
    expected[1]["media"]["timestamp"] = "0"
    expected[2]["media"]["timestamp"] = "20"
    for number, message in enumerate(expected):
        message["sequenceNumber"] = str(number + 1)
    sent = [
        second,
        provider.media(b"\x7f" * 160),
        provider.media(b"\x00" * 160),
        provider.dtmf("#"),
        provider.stop(),
    ]
    assert [json.loads(text) for text in sent] == expected


_said = st.lists(st.binary(min_size=1, max_size=400) | digits, max_size=20)


@stable
@given(_said, st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3))
def test_stream_hears_what_the_provider_sends(
    said: list[bytes | str], parameters: dict[str, str]
) -> None:
    """
    Parameters, octets and digits that go in at the provider's end come out at
    ours, the same and in order.
    """
    provider, stream = _provider(**parameters), TwilioStream(now=0.0)
    texts = [
        *provider.open(),
        *(
            provider.media(item) if isinstance(item, bytes) else provider.dtmf(item)
            for item in said
        ),
        provider.stop(),
    ]
    events: list[StreamEvent] = []
    for text in texts:
        stream.receive_message(text, now=0.0)
        events += stream.poll()
    assert events == [
        Started(
            stream_sid="MZ01",
            call_sid=wire.CALL_SID,
            account_sid=wire.ACCOUNT_SID,
            parameters=parameters,
        ),
        *(
            Audio(item) if isinstance(item, bytes) else DigitEvent(item)
            for item in said
        ),
        Stopped(),
    ]


# How it plays.


@stable
@given(
    st.lists(st.binary(min_size=1, max_size=400), max_size=12),
    st.sampled_from([80, 160, 161]),
)
def test_provider_plays_what_the_stream_sends(
    pieces: list[bytes], n_samples: int
) -> None:
    """
    Octets that go in at our end are played at the provider's, the same and in
    order, and silence after them.
    """
    provider, stream = _provider(), TwilioStream(now=0.0)
    for text in provider.open():
        stream.receive_message(text, now=0.0)
    for piece in pieces:
        assert provider.receive_message(stream.audio(piece)) == []
    sent = b"".join(pieces)
    assert provider.n_received_octets == len(sent)
    heard = b""
    for _ in range(len(sent) // n_samples + 5):
        part, marks = provider.play(n_samples)
        assert len(part) == n_samples
        assert marks == []
        heard += part
    assert heard.strip(QUIET) == sent.strip(QUIET)
    assert sent in heard


def test_provider_waits_for_a_little_audio_before_it_plays() -> None:
    """
    Playing begins with the third frame, and after it has run dry once more with
    the third.
    """
    provider = _provider()
    frames = [bytes([number]) * 160 for number in range(8)]
    heard = []
    for number, frame in enumerate(frames):
        if number == 4:
            # Nothing comes in time: what there was is played, then silence.
            heard += [provider.play()[0] for _ in range(3)]
        provider.receive_message(_audio(frame))
        heard.append(provider.play()[0])
    quiet = QUIET * 160
    assert heard == [
        *(quiet, quiet, frames[0], frames[1]),
        *(frames[2], frames[3], quiet),
        *(quiet, quiet, frames[4], frames[5]),
    ]


def test_provider_plays_a_short_announcement_in_the_end() -> None:
    """
    Less than three frames wait for more, but not for ever.
    """
    provider = _provider()
    provider.receive_message(_audio(b"\x01" * 100))
    heard = [provider.play()[0] for _ in range(5)]
    quiet = QUIET * 160
    assert heard == [quiet, quiet, quiet, b"\x01" * 100 + QUIET * 60, quiet]


def test_provider_sends_a_mark_back_when_it_is_reached() -> None:
    """
    A mark comes back with the frame that plays the last octet before it.
    """
    provider = _provider()
    provider.receive_message(_audio(b"\x01" * 250))
    assert provider.receive_message(_mark("a")) == []
    provider.receive_message(_audio(b"\x02" * 230))
    provider.receive_message(_mark("b"))
    provider.receive_message(_mark("c"))
    played = [provider.play() for _ in range(4)]
    assert [_names(marks) for _, marks in played] == [[], ["a"], ["b", "c"], []]
    assert b"".join(octets for octets, _ in played[:3]) == (
        b"\x01" * 250 + b"\x02" * 230
    )


def test_provider_sends_a_mark_back_at_once_when_nothing_waits() -> None:
    """
    A mark behind nothing is reached already.
    """
    provider = _provider()
    provider.open()
    (text,) = provider.receive_message(_mark("p42"))
    assert json.loads(text) == json.loads(wire.mark("p42")) | {"sequenceNumber": "2"}


def test_provider_throws_away_what_waits_when_it_is_told_to() -> None:
    """
    `clear` empties the queue, and every mark in it comes back, in order.
    """
    provider = _provider()
    provider.receive_message(_audio(b"\x01" * 480))
    provider.receive_message(_mark("a"))
    assert provider.play() == (b"\x01" * 160, [])
    provider.receive_message(_audio(b"\x02" * 480))
    provider.receive_message(_mark("b"))
    back = provider.receive_message('{"event":"clear","streamSid":"MZ01"}')
    assert _names(back) == ["a", "b"]
    assert provider.play() == (QUIET * 160, [])
    assert provider.n_cleared == 1
    assert provider.n_received_octets == 960


def test_provider_passes_over_what_it_does_not_know() -> None:
    """
    Unknown events are no fault, nor are known ones without a body.
    """
    provider = _provider()
    for event in ("hello", "media", "mark"):
        assert provider.receive_message(json.dumps({"event": event})) == []
    assert provider.play() == (QUIET * 160, [])


@pytest.mark.parametrize("text", ["", "hello", '{"event":"media","media":1}'])
def test_provider_refuses_what_is_no_message(text: str) -> None:
    """
    What Twilio answers with its error 31950 is an error here.
    """
    with pytest.raises(msgspec.MsgspecError):
        _provider().receive_message(text)
