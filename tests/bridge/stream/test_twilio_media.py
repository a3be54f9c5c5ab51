"""
Our end of a stream: audio, digits, and what went missing.
"""

import base64
import json

import pytest

from bridge.stream.events import (
    Audio,
    DigitEvent,
    Ignored,
)
from tests.bridge.stream.streams import (
    FRAME,
    events_of,
    started_stream,
)
from tests.support import media as wire


@pytest.mark.parametrize(
    "text",
    [
        wire.media(FRAME, novelty={"a": []}),
        wire.media(FRAME).replace('"timestamp": "20"', '"timestamp": 20'),
        wire.media(FRAME, track="inbound_track"),
        wire.media(FRAME).replace('"track": "inbound", ', ""),
    ],
)
def test_stream_takes_audio_whatever_else_is_in_the_message(text: str) -> None:
    """
    Unknown fields, and numbers of either kind, change nothing.
    """
    assert events_of([text], started_stream()) == [Audio(FRAME)]


@pytest.mark.parametrize("n_octets", [1, 20, 159, 161, 16_000])
def test_stream_takes_audio_of_any_length(n_octets: int) -> None:
    """
    A message holds as much audio as it likes, up to two seconds.
    """
    octets = wire.noise(n_octets)
    assert events_of([wire.media(octets)], started_stream()) == [Audio(octets)]


def test_stream_tells_a_key_press() -> None:
    """
    The sixteen digits are told, letters in upper case.
    """
    digits = "0123456789*#ABCDabcd"
    events = events_of([wire.dtmf(digit) for digit in digits], started_stream())
    assert events == [DigitEvent(digit.upper()) for digit in digits]


# Chunk numbers.

LATE = Ignored("media.chunk: came twice or late")


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        (["1", "2", "3"], [0, 0, 0]),
        ([1, 2, 3], [0, 0, 0]),
        (["1", 2, "3"], [0, 0, 0]),
        (["7", "8"], [0, 0]),
        (["1", "3"], [0, 160]),
        (["1", "4", "5"], [0, 320, 0]),
        ([1, 52], [0, 8000]),
        # A new count, not a second of loss.
        ([1, 53], [0, 0]),
        ([1, 9_000_000_000], [0, 0]),
        ([500, 1, 2], [0, 0, 0]),
        (["1", "1"], [0, LATE]),
        (["1", "2", "1", "3"], [0, 0, LATE, 0]),
        # It was filled in as lost, and must not come twice.
        (["1", "3", "2", "4"], [0, 160, LATE, 0]),
        ([60, 11, 61], [0, LATE, 0]),
        ([60, 10, 11], [0, 0, 0]),
        # Not every provider numbers.
        ([None, None], [0, 0]),
        (["1", None, "9"], [0, 0, 0]),
        (["1", "x", "9"], [0, 0, 0]),
        (["1", "", "9"], [0, 0, 0]),
        (["1", "-1", "9"], [0, 0, 0]),
    ],
)
def test_stream_tells_from_chunk_numbers_what_went_missing(
    chunks: list[str | int | None], expected: list[int | Ignored]
) -> None:
    """
    A skipped number is a loss as long as the message before it; a number that
    came already is left out.
    """
    payload = base64.b64encode(FRAME).decode()
    bodies = [{"payload": payload, "chunk": chunk} for chunk in chunks]
    texts = [json.dumps({"event": "media", "media": body}) for body in bodies]
    events = events_of(texts, started_stream())
    lost = [e.n_lost_samples if isinstance(e, Audio) else e for e in events]
    assert lost == expected


def test_stream_measures_a_loss_by_the_message_before_it() -> None:
    """
    Whoever sends 10 ms loses 10 ms.
    """
    texts = [
        wire.media(FRAME[:80], 1),
        wire.media(FRAME, 4),
        wire.media(FRAME[:1], 6),
        wire.media(FRAME[:1], 8),
    ]
    assert events_of(texts, started_stream()) == [
        Audio(FRAME[:80]),
        Audio(FRAME, 160),
        Audio(FRAME[:1], 160),
        Audio(FRAME[:1], 1),
    ]


def test_stream_does_not_count_a_message_that_it_left_out() -> None:
    """
    A chunk without audio is lost as one that never came.
    """
    texts = [wire.media(FRAME, 1), wire.media(b"", 2), wire.media(FRAME, 3)]
    assert events_of(texts, started_stream()) == [
        Audio(FRAME),
        Ignored("media.payload: expected audio"),
        Audio(FRAME, 160),
    ]
