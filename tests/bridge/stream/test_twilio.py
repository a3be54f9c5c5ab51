"""
Our end of a stream: the order of messages, its start and its end.
"""

import json
import re
from collections.abc import Callable

import pytest

from bridge.errors import LocalProtocolError
from bridge.stream.events import (
    Audio,
    Close,
    DigitEvent,
    Ignored,
    MarkReached,
    Started,
    Stopped,
    StreamEvent,
)
from bridge.stream.twilio import TwilioStream
from tests.bridge.stream.streams import (
    FRAME,
    OPENING,
    STARTED,
    events_of,
    start_with,
    started_stream,
)
from tests.support import media as wire


def _out_of_order(event: str) -> list[StreamEvent]:
    return [Close(1008, f"'{event}' out of order")]


# The order of messages.


@pytest.mark.parametrize(
    ("messages", "events"),
    [
        ([], []),
        ([wire.connected()], []),
        (OPENING, [STARTED]),
        (
            [
                *OPENING,
                wire.media(FRAME, 1),
                wire.dtmf("5"),
                wire.media(b"\x7f", 2),
                wire.mark("p42"),
                wire.stop(),
            ],
            [
                STARTED,
                Audio(FRAME),
                DigitEvent("5"),
                Audio(b"\x7f"),
                MarkReached("p42"),
                Stopped(),
            ],
        ),
        ([*OPENING, wire.stop()], [STARTED, Stopped()]),
        ([wire.start()], _out_of_order("start")),
        ([wire.media(FRAME)], _out_of_order("media")),
        ([wire.dtmf("5")], _out_of_order("dtmf")),
        ([wire.mark("p42")], _out_of_order("mark")),
        (['{"event":"hello"}'], _out_of_order("hello")),
        ([wire.connected(), wire.connected()], _out_of_order("connected")),
        ([wire.connected(), wire.media(FRAME)], _out_of_order("media")),
        ([wire.connected(), wire.dtmf("5")], _out_of_order("dtmf")),
        ([wire.connected(), '{"event":"hello"}'], _out_of_order("hello")),
        ([wire.stop()], [Close(1000, "stopped before it started")]),
        ([wire.connected(), wire.stop()], [Close(1000, "stopped before it started")]),
        (
            [*OPENING, wire.connected()],
            [STARTED, Ignored("connected message out of order")],
        ),
        (
            [*OPENING, wire.start("CA01", leg="agent"), wire.media(FRAME)],
            [STARTED, Ignored("start message out of order"), Audio(FRAME)],
        ),
    ],
)
def test_stream_follows_the_order_of_messages(
    messages: list[str], events: list[StreamEvent]
) -> None:
    """
    In order every message is an event; before the start any disorder is the end,
    after it the call goes on without the message.
    """
    assert events_of(messages) == events


@pytest.mark.parametrize(
    "message",
    [
        '{"event":"hello"}',
        '{"event":"hello","hello":{"any":[1,{"thing":null}]}}',
        '{"event":""}',
        wire.media(FRAME, track="outbound"),
        '{"event":"mark"}',
    ],
)
def test_stream_takes_no_offence_at_what_it_does_not_know(message: str) -> None:
    """
    Providers add events: fifty-one of an unknown one are not even complained of.
    """
    stream = started_stream()
    events = events_of([message] * 51, stream)
    assert [e for e in events if not isinstance(e, MarkReached)] == []
    assert events_of([wire.media(FRAME)], stream) == [Audio(FRAME)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            '{"event":"start"}',
            "start.callSid: expected a call sid",
        ),
        (start_with(callSid=None), "start.callSid: expected a call sid"),
        (start_with(callSid=""), "start.callSid: expected a call sid"),
        *(
            (
                start_with(mediaFormat=form),
                "start.mediaFormat: expected audio/x-mulaw at 8000 Hz",
            )
            for form in (
                {"encoding": "audio/x-alaw"},
                {"encoding": "audio/x-mulaw", "sampleRate": 16000},
                {"encoding": "audio/x-mulaw", "sampleRate": "16000"},
                {"encoding": "audio/l16", "sampleRate": 8000},
                {"encoding": 0},
            )
        ),
    ],
)
def test_stream_ends_at_a_start_it_cannot_use(text: str, reason: str) -> None:
    """
    A stream of no call, or of audio that is not µ-law at 8 kHz, does not start.
    """
    assert events_of([wire.connected(), text, *OPENING]) == [Close(1008, reason)]


@pytest.mark.parametrize(
    "text",
    [
        start_with(mediaFormat=None),
        start_with(mediaFormat={}),
        start_with(mediaFormat={"sampleRate": "8000"}),
        start_with(mediaFormat={"encoding": "audio/x-mulaw"}),
        start_with(customParameters=None),
        start_with(tracks=None),
        start_with(streamSid=None),
        start_with(novelty={"a": [1.5, None]}),
        *(
            start_with(mediaFormat={"encoding": "audio/x-mulaw", "novelty": value})
            for value in ("text", 5, 1.5, True, None, [1], {"a": 1})
        ),
    ],
)
def test_stream_starts_without_what_it_need_not_know(text: str) -> None:
    """
    Absent fields have defaults, and unknown ones, whatever is in them, are passed
    over.
    """
    assert events_of([wire.connected(), text]) == [STARTED]


def test_stream_tells_the_parameters_it_was_started_with() -> None:
    """
    Custom parameters arrive as they were sent.
    """
    events = events_of([wire.connected(), wire.start(call="ü", leg="agent", other="")])
    assert events == [
        Started(
            stream_sid="MZ01",
            call_sid=wire.CALL_SID,
            account_sid=wire.ACCOUNT_SID,
            parameters={"call": "ü", "leg": "agent", "other": ""},
        )
    ]
    (started,) = events
    assert isinstance(started, Started)
    assert started.parameters == {"call": "ü", "leg": "agent", "other": ""}


def test_stream_waits_for_its_start_so_long() -> None:
    """
    Ten seconds after it was opened a stream that has not started is closed, and
    not before.
    """
    stream = TwilioStream(now=100.0)
    assert stream.deadline() == 110.0
    stream.receive_message(wire.connected(), now=109.0)
    assert stream.deadline() == 110.0
    stream.handle_deadline(now=109.999)
    assert stream.poll() == []
    stream.handle_deadline(now=110.0)
    assert stream.poll() == [Close(1008, "no start message in time")]
    assert stream.deadline() is None
    stream.handle_deadline(now=111.0)
    assert events_of(OPENING, stream) == []


def test_stream_has_no_deadline_once_it_has_started() -> None:
    """
    A stream that has started may be silent as long as it likes.
    """
    stream = started_stream()
    assert stream.deadline() is None
    stream.handle_deadline(now=1e9)
    assert stream.poll() == []


# The end.


def _by_message(text: str) -> Callable[[TwilioStream], None]:
    return lambda stream: stream.receive_message(text, now=1.0)


ENDINGS: dict[str, tuple[Callable[[TwilioStream], None], StreamEvent]] = {
    "stop": (_by_message(wire.stop()), Stopped()),
    "close": (lambda stream: stream.receive_close(now=1.0), Stopped()),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_stream_says_nothing_after_its_end(ending: str) -> None:
    """
    After the last event no input gives another one, and no deadline is left.
    """
    end, last = ENDINGS[ending]
    stream = started_stream()
    end(stream)
    assert stream.poll() == [last]
    for message in (*OPENING, wire.media(FRAME), wire.stop(), "hello", b"\x00"):
        stream.receive_message(message, now=2.0)
    stream.receive_close(now=3.0)
    stream.handle_deadline(now=1e9)
    assert stream.poll() == []
    assert stream.deadline() is None


def test_stream_that_is_cut_before_its_start_is_over() -> None:
    """
    A connection that goes before it said anything is an end as well.
    """
    stream = TwilioStream(now=0.0)
    stream.receive_close(now=1.0)
    assert stream.poll() == [Stopped()]
    assert stream.deadline() is None


# What we send.


def test_stream_writes_to_a_far_end_of_any_name() -> None:
    """
    A stream's sid is the peer's own word, and no sid makes a command raise.
    """
    stream = TwilioStream(now=0.0)
    events_of([wire.connected(), start_with(streamSid="MZü")], stream)
    assert json.loads(stream.clear()) == {"event": "clear", "streamSid": "MZü"}


def test_stream_writes_what_is_sent_to_its_far_end() -> None:
    """
    Commands give text for this stream, by its own sid.
    """
    stream = started_stream()
    assert stream.audio(b"\x00\x7f\xff") == (
        '{"event":"media","streamSid":"MZ01","media":{"payload":"AH//"}}'
    )
    assert stream.mark("p42") == (
        '{"event":"mark","streamSid":"MZ01","mark":{"name":"p42"}}'
    )
    assert stream.clear() == '{"event":"clear","streamSid":"MZ01"}'


@pytest.mark.parametrize(
    ("messages", "state"),
    [
        ((), "opened"),
        ((wire.connected(),), "connected"),
        ((*OPENING, wire.stop()), "over"),
        (("hello",), "over"),
    ],
)
def test_stream_sends_nothing_before_its_start_and_after_its_end(
    messages: tuple[str, ...], state: str
) -> None:
    """
    Whoever sends then has a bug.
    """
    stream = TwilioStream(now=0.0)
    events_of(messages, stream)
    expected = re.escape(f"cannot send in state {state}")
    commands: list[Callable[[], str]] = [
        lambda: stream.audio(FRAME),
        lambda: stream.mark("p42"),
        stream.clear,
    ]
    for command in commands:
        with pytest.raises(LocalProtocolError, match=f"^{expected}$"):
            command()
