"""
Our end of a Twilio media stream.

A machine. The order of messages is `connected`, `start`, then any of `media`,
`dtmf` and `mark`, then `stop`. What a provider sends wrong is ignored where the
call can go on without it and closes the stream where it cannot: before
`start` there is nothing to lose, so there every disorder closes.
"""

from enum import StrEnum

import msgspec

from bridge.errors import LocalProtocolError
from bridge.stream import messages
from bridge.stream.events import (
    NORMAL,
    POLICY_VIOLATION,
    Audio,
    Close,
    DigitEvent,
    Ignored,
    MarkReached,
    Started,
    Stopped,
    StreamEvent,
)
from bridge.stream.messages import Message, read_message
from dtmf_engine.keypad import DIGITS


START_TIMEOUT_S = 10.0
"""Twilio sends `start` within milliseconds; ten seconds forgives a slow link."""

MAX_IGNORED = 50
"""A peer that is wrong this often is no provider."""

MAX_AUDIO_OCTETS = 16_000
"""Two seconds in one message: no provider comes near."""

MAX_NUMBER_LENGTH = 18
"""Of a chunk number; a call of a year has nine digits."""

MAX_LOST_CHUNKS = 50
"""A larger jump in the chunk numbers is a new count, not a second of loss."""

_BOTH_WAYS = frozenset({"inbound", "inbound_track"})


class _State(StrEnum):
    OPENED = "opened"
    CONNECTED = "connected"
    STARTED = "started"
    OVER = "over"


class TwilioStream:
    """
    One stream.

    Args:
        now: when its connection was opened.
    """

    def __init__(self, *, now: float) -> None:
        self._state = _State.OPENED
        self._deadline: float | None = now + START_TIMEOUT_S
        self._stream_sid = ""
        self._last_chunk: int | None = None
        self._chunk_samples = 160
        self._n_ignored = 0
        self._outputs: list[StreamEvent] = []

    # What comes in.

    def receive_message(self, text: str | bytes, *, now: float) -> None:
        """
        Take one WebSocket message.
        """
        del now  # the order of messages is all that counts
        if self._state is _State.OVER:
            return
        if isinstance(text, bytes):
            self._ignore("binary message, expected text")
            return
        try:
            message = read_message(text)
        except msgspec.ValidationError as error:
            self._ignore(f"message not understood: {error}")
            return
        except (msgspec.DecodeError, RecursionError):
            self._ignore("message is not JSON")
            return
        self._take(message)

    def receive_close(self, *, now: float) -> None:
        """
        The connection is gone; without `stop` before it, that is the end too.
        """
        del now
        if self._state is not _State.OVER:
            self._over(Stopped())

    # Time.

    def deadline(self) -> float | None:
        """
        Tell when `start` must have come.
        """
        return self._deadline

    def handle_deadline(self, *, now: float) -> None:
        """
        Close a stream that never started.
        """
        if self._deadline is not None and now >= self._deadline:
            self._over(Close(POLICY_VIOLATION, "no start message in time"))

    def poll(self) -> list[StreamEvent]:
        """
        Take the events that have gathered.
        """
        outputs, self._outputs = self._outputs, []
        return outputs

    # Commands: each gives the text to send.

    def audio(self, octets: bytes) -> str:
        """
        Play audio to the far end.

        Raises:
            LocalProtocolError: the stream has not started.
        """
        return messages.media(self._sid(), octets)

    def mark(self, name: str) -> str:
        """
        Ask to be told when all audio so far has been played.

        Raises:
            LocalProtocolError: the stream has not started.
        """
        return messages.mark(self._sid(), name)

    def clear(self) -> str:
        """
        Have the far end throw away what it has not played yet.

        Raises:
            LocalProtocolError: the stream has not started.
        """
        return messages.clear(self._sid())

    # Private.

    def _sid(self) -> str:
        if self._state is not _State.STARTED:
            raise LocalProtocolError(f"cannot send in state {self._state}")
        return self._stream_sid

    def _take(self, message: Message) -> None:
        match self._state, message.event:
            case _State.OPENED, "connected":
                self._state = _State.CONNECTED
            case _State.CONNECTED, "start":
                self._start(message)
            case _State.STARTED, "media":
                self._media(message)
            case _State.STARTED, "dtmf":
                self._dtmf(message)
            case _State.STARTED, "mark":
                name = message.mark.name if message.mark else ""
                self._outputs.append(MarkReached(name))
            case _State.STARTED, "stop":
                self._over(Stopped())
            case _State.STARTED, "connected" | "start":
                self._ignore(f"{message.event} message out of order")
            case _State.STARTED, _:
                # Providers add events; an unknown one is no fault.
                pass
            case _, "stop":
                self._over(Close(NORMAL, "stopped before it started"))
            case _:
                self._over(
                    Close(POLICY_VIOLATION, f"{message.event[:32]!r} out of order")
                )

    def _start(self, message: Message) -> None:
        start = message.start
        if start is None or not start.callSid:
            self._over(Close(POLICY_VIOLATION, "start.callSid: expected a call sid"))
            return
        encoding = start.mediaFormat.get("encoding", "audio/x-mulaw")
        rate = start.mediaFormat.get("sampleRate", 8000)
        if encoding != "audio/x-mulaw" or str(rate) != "8000":
            self._over(
                Close(
                    POLICY_VIOLATION,
                    "start.mediaFormat: expected audio/x-mulaw at 8000 Hz",
                )
            )
            return
        self._state = _State.STARTED
        self._deadline = None
        self._stream_sid = start.streamSid or message.streamSid
        self._outputs.append(
            Started(
                stream_sid=self._stream_sid,
                call_sid=start.callSid,
                account_sid=start.accountSid,
                parameters=start.customParameters,
            )
        )

    def _media(self, message: Message) -> None:
        body = message.media
        if body is None:
            self._ignore("media: expected a body")
            return
        if body.track not in _BOTH_WAYS:
            # What we play to the far end ourselves, sent back to us.
            return
        octets = body.payload
        if not octets:
            self._ignore("media.payload: expected audio")
            return
        if len(octets) > MAX_AUDIO_OCTETS:
            self._ignore("media.payload: expected at most 2 s of audio")
            return
        lost = self._count(body.chunk)
        if lost is None:
            self._ignore("media.chunk: came twice or late")
            return
        self._chunk_samples = len(octets)
        self._outputs.append(Audio(octets, lost))

    def _count(self, chunk: str | int | None) -> int | None:
        """
        Follow the chunk numbers.

        Returns:
            How many samples went missing before this chunk, or `None` if it is
            no new one.
        """
        number = _number(chunk)
        last, self._last_chunk = self._last_chunk, number
        if number is None or last is None:
            return 0
        skipped = number - last - 1
        if skipped < 0 and skipped >= -MAX_LOST_CHUNKS:
            self._last_chunk = last
            return None
        return skipped * self._chunk_samples if 0 < skipped <= MAX_LOST_CHUNKS else 0

    def _dtmf(self, message: Message) -> None:
        digit = message.dtmf.digit if message.dtmf else ""
        if len(digit) != 1 or digit.upper() not in DIGITS:
            self._ignore("dtmf.digit: expected one digit")
            return
        self._outputs.append(DigitEvent(digit.upper()))

    def _ignore(self, reason: str) -> None:
        self._n_ignored += 1
        if self._state is not _State.STARTED or self._n_ignored > MAX_IGNORED:
            self._over(Close(POLICY_VIOLATION, reason))
            return
        self._outputs.append(Ignored(reason))

    def _over(self, event: StreamEvent) -> None:
        self._state = _State.OVER
        self._deadline = None
        self._outputs.append(event)


def _number(value: str | int | None) -> int | None:
    if isinstance(value, int):
        return value
    if not value or len(value) > MAX_NUMBER_LENGTH or not value.isdecimal():
        return None
    return int(value)
