"""
Our end of a stream: messages that say nothing.
"""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.stream.events import (
    Audio,
    Close,
    Ignored,
    Started,
    Stopped,
)
from bridge.stream.twilio import TwilioStream
from tests.bridge.stream.streams import FRAME, OPENING, events_of, started_stream
from tests.support import media as wire
from tests.support.strategies import stable


NOT_UNDERSTOOD: list[tuple[str | bytes, str]] = [
    ("", "message is not JSON"),
    ("hello", "message is not JSON"),
    ('{"event":"media"} x', "message is not JSON"),
    ("[]", "message not understood: Expected `object`, got `array`"),
    ("{}", "message not understood: Object missing required field `event`"),
    (
        '{"event":5}',
        "message not understood: Expected `str`, got `int` - at `$.event`",
    ),
    (
        '{"event":"media","media":"////"}',
        "message not understood: Expected `object | null`, got `str` - at `$.media`",
    ),
    (
        '{"event":"media","media":{"payload":"a!b?"}}',
        "message not understood: Invalid base64 encoded string - at `$.media.payload`",
    ),
    (
        '{"event":"media","media":{"payload":"///"}}',
        "message not understood: Invalid base64 encoded string - at `$.media.payload`",
    ),
    (
        '{"event":"media","media":{"payload":5}}',
        "message not understood: Expected `bytes`, got `int` - at `$.media.payload`",
    ),
    (
        '{"event":"media","media":{"payload":"////","chunk":1.5}}',
        (
            "message not understood: Expected `int | str | null`, got `float` - at "
            "`$.media.chunk`"
        ),
    ),
    (
        '{"event":"dtmf","dtmf":{"digit":5}}',
        "message not understood: Expected `str`, got `int` - at `$.dtmf.digit`",
    ),
    (b'{"event":"connected"}', "binary message, expected text"),
    (b"\xff\xfe\x00", "binary message, expected text"),
]

WITHOUT_SENSE: list[tuple[str, str]] = [
    ('{"event":"media"}', "media: expected a body"),
    (wire.media(b""), "media.payload: expected audio"),
    (wire.media(b"\xff" * 16_001), "media.payload: expected at most 2 s of audio"),
    ('{"event":"dtmf"}', "dtmf.digit: expected one digit"),
    (wire.dtmf("12"), "dtmf.digit: expected one digit"),
    (wire.dtmf("E"), "dtmf.digit: expected one digit"),
    (wire.dtmf("٣"), "dtmf.digit: expected one digit"),
]


@pytest.mark.parametrize(("message", "reason"), [*NOT_UNDERSTOOD, *WITHOUT_SENSE])
def test_stream_leaves_a_wrong_message_out_after_the_start(
    message: str | bytes, reason: str
) -> None:
    """
    A message that says nothing is left out with its reason; the next one counts.
    """
    stream = started_stream()
    assert events_of([message, wire.media(FRAME)], stream) == [
        Ignored(reason),
        Audio(FRAME),
    ]


@pytest.mark.parametrize("before", [[], [wire.connected()]])
def test_stream_ends_at_a_wrong_message_before_the_start(before: list[str]) -> None:
    """
    Before the start there is nothing to lose, so there what is wrong is the end.
    """
    for message, reason in NOT_UNDERSTOOD:
        assert events_of([*before, message, *OPENING]) == [Close(1008, reason)]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(
            wire.media(FRAME, chunk=1).replace('"1"', '"' + "9" * 5000 + '"'),
            id="a chunk number of 5000 digits",
        ),
        pytest.param(
            '{"event":"hello","any":' + "[" * 30_000 + "]" * 30_000 + "}",
            id="an unknown field 30,000 deep",
        ),
    ],
)
@pytest.mark.parametrize("opening", [OPENING, OPENING[:1]])
def test_stream_bears_what_a_peer_makes_up_to_break_it(
    opening: Sequence[str], message: str
) -> None:
    """
    No message within the limit of size makes the stream raise.
    """
    events = events_of([*opening, message])
    assert all(isinstance(e, Started | Audio | Ignored | Close) for e in events)


@pytest.mark.parametrize(
    "wrong", [["hello"], ["{}", b"", wire.dtmf("X"), wire.media(b""), wire.connected()]]
)
def test_stream_ends_at_the_fifty_first_wrong_message(wrong: list[str | bytes]) -> None:
    """
    Fifty wrong messages of any kinds are left out, one more is the end; what is
    right between them buys no patience.
    """
    stream = started_stream()
    for number in range(50):
        events = events_of([wrong[number % len(wrong)]], stream)
        assert [type(event) for event in events] == [Ignored]
        assert events_of([wire.media(FRAME, number + 1)], stream) == [Audio(FRAME)]
    assert events_of(["hello"], stream) == [Close(1008, "message is not JSON")]
    assert events_of([wire.media(FRAME, 51), "hello"], stream) == []


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["inbound", "audio/x-mulaw", "8000", "AH//", "5", "CA01"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["payload", "digit", "name", "a"]), inner)
    ),
    max_leaves=6,
)
_bodies = st.dictionaries(
    st.sampled_from(
        [
            *("payload", "chunk", "track", "digit", "name", "callSid"),
            *("streamSid", "customParameters", "mediaFormat"),
        ]
    ),
    _values,
    max_size=5,
)
_known = st.sampled_from(
    [
        *OPENING,
        wire.media(FRAME, 1),
        wire.media(FRAME[:3], 3),
        wire.dtmf("5"),
        wire.mark("p"),
        wire.stop(),
    ]
)
_made_up = st.builds(
    lambda event, body, others: json.dumps({"event": event, event: body} | others),
    st.sampled_from(["connected", "start", "media", "dtmf", "mark", "stop", "hello"]),
    _bodies | _values,
    st.dictionaries(st.sampled_from(["streamSid", "event", "media"]), _values),
)
_anything = st.one_of(_known, _made_up, st.text(), st.binary(), _values.map(json.dumps))


@stable
@given(messages=st.lists(_anything, max_size=12), begins_well=st.booleans())
def test_stream_gives_events_for_anything_at_all(
    messages: list[str | bytes], *, begins_well: bool
) -> None:
    """
    Whatever text and bytes come, there are events and no exception: one start at
    most and before everything else, one end at most and nothing after it.
    """
    events = events_of([*(OPENING if begins_well else ()), *messages])
    is_end = [isinstance(event, Close | Stopped) for event in events]
    is_start = [isinstance(event, Started) for event in events]
    assert not any(is_end[:-1])
    assert not any(is_start[1:])
    if events and not is_start[0]:
        assert is_end == [True]


@stable
@given(st.lists(_anything, max_size=8), st.lists(_anything, max_size=8))
def test_stream_gives_its_events_once(
    some: list[str | bytes], others: list[str | bytes]
) -> None:
    """
    Events that wait are the same as events taken one by one, and are taken once.
    """
    stream = TwilioStream(now=0.0)
    for message in (*OPENING, *some, *others):
        stream.receive_message(message, now=1.0)
    assert stream.poll() == events_of([*OPENING, *some, *others])
    assert stream.poll() == []
