"""
Events of a stream: what is printed of them.
"""

import pytest

from bridge.stream.events import (
    Audio,
    Close,
    DigitEvent,
    Ignored,
    MarkReached,
    Started,
    StreamEvent,
)


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (Audio(b"4111", 160), "Audio(n_lost_samples=160)"),
        (DigitEvent("4"), "DigitEvent()"),
        (
            Started(
                stream_sid="MZ01",
                call_sid="CA01",
                account_sid="AC01",
                parameters={"token": "4111"},
            ),
            "Started(stream_sid='MZ01', call_sid='CA01', account_sid='AC01')",
        ),
        (MarkReached("p42"), "MarkReached(name='p42')"),
        (Ignored("why"), "Ignored(reason='why')"),
        (Close(1008, "why"), "Close(code=1008, reason='why')"),
    ],
)
def test_event_shows_neither_audio_nor_digit_nor_token(
    event: StreamEvent, shown: str
) -> None:
    """
    What is printed of an event holds nothing that must not be seen.
    """
    assert repr(event) == shown
