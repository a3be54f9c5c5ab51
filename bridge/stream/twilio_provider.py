"""
The provider's end of a Twilio media stream: what Twilio does, for tests and demos.

A machine. It sends a recording as 20 ms messages and plays what it is sent to an
imaginary ear: from a queue, in order, 20 ms at a time. As any player does that
is fed over a network, it waits for a little audio before it begins, so that a
frame that comes late is no gap. Marks come back when they are reached.
"""

from collections import deque
from collections.abc import Mapping

from bridge.stream import messages
from bridge.stream.messages import read_message
from dtmf_engine.g711 import MULAW_SILENCE


FRAME_SAMPLES = 160
"""20 ms, what Twilio sends and plays."""

JITTER_BUFFER_FRAMES = 3
"""60 ms; how much Twilio keeps is not documented."""


class TwilioProvider:
    """
    One stream, seen from Twilio.

    Args:
        call_sid: of the leg.
        stream_sid: of the stream.
        account_sid: of the account.
        parameters: custom parameters of the stream.
    """

    def __init__(
        self,
        *,
        call_sid: str,
        stream_sid: str,
        account_sid: str,
        parameters: Mapping[str, str],
    ) -> None:
        self._call_sid = call_sid
        self._stream_sid = stream_sid
        self._account_sid = account_sid
        self._parameters = dict(parameters)
        self._sequence = 0
        self._chunk = 0
        self._queue: deque[bytes | str] = deque()
        self._n_waited = 0
        self._is_playing = False
        self.n_received_octets = 0
        self.n_cleared = 0
        """How often the far end had its queue thrown away."""

    # What Twilio sends.

    def open(self) -> list[str]:
        """
        Give the first two messages.
        """
        body = {
            "accountSid": self._account_sid,
            "streamSid": self._stream_sid,
            "callSid": self._call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {
                "encoding": "audio/x-mulaw",
                "sampleRate": 8000,
                "channels": 1,
            },
            "customParameters": self._parameters,
        }
        return [messages.connected(), self._numbered("start", body)]

    def media(self, octets: bytes) -> str:
        """
        Give the message that carries the caller's next audio.
        """
        body = {
            "track": "inbound",
            "chunk": str(self._chunk + 1),
            "timestamp": str(self._chunk * FRAME_SAMPLES // 8),
            "payload": octets,
        }
        self._chunk += 1
        return self._numbered("media", body)

    def dtmf(self, digit: str) -> str:
        """
        Give the message that tells of a key press.
        """
        return self._numbered("dtmf", {"track": "inbound_track", "digit": digit})

    def stop(self) -> str:
        """
        Give the last message.
        """
        body = {"accountSid": self._account_sid, "callSid": self._call_sid}
        return self._numbered("stop", body)

    # What Twilio is sent, and plays.

    def receive_message(self, text: str | bytes) -> list[str]:
        """
        Take a message from the bridge.

        Returns:
            Messages that go back at once.

        Raises:
            msgspec.MsgspecError: it is no message Twilio knows (its error 31950).
        """
        message = read_message(text)
        match message.event:
            case "media" if message.media is not None:
                self.n_received_octets += len(message.media.payload)
                self._queue.append(message.media.payload)
            case "mark" if message.mark is not None:
                if self._queue:
                    self._queue.append(message.mark.name)
                else:
                    return [self._mark(message.mark.name)]
            case "clear":
                return self._clear()
        return []

    def play(self, n_samples: int = FRAME_SAMPLES) -> tuple[bytes, list[str]]:
        """
        Let time pass at the far end.

        Returns:
            What was heard, and the marks that were reached, as messages.
        """
        heard = bytearray()
        reached: list[str] = []
        self._is_playing = self._may_play(n_samples)
        while self._queue and self._is_playing:
            item = self._queue[0]
            if isinstance(item, str):
                reached.append(self._mark(item))
                self._queue.popleft()
                continue
            room = n_samples - len(heard)
            if not room:
                break
            heard += item[:room]
            if len(item) > room:
                self._queue[0] = item[room:]
            else:
                self._queue.popleft()
        heard += bytes([MULAW_SILENCE]) * (n_samples - len(heard))
        return bytes(heard), reached

    def _may_play(self, n_samples: int) -> bool:
        if not self._queue:
            self._n_waited = 0
            return False
        if self._is_playing:
            return True
        waiting = sum(len(item) for item in self._queue if isinstance(item, bytes))
        self._n_waited += 1
        # The end of a short announcement must not wait for more for ever.
        enough = waiting >= JITTER_BUFFER_FRAMES * n_samples
        return enough or self._n_waited > JITTER_BUFFER_FRAMES

    def _clear(self) -> list[str]:
        self.n_cleared += 1
        marks = [self._mark(item) for item in self._queue if isinstance(item, str)]
        self._queue.clear()
        return marks

    def _mark(self, name: str) -> str:
        return self._numbered("mark", {"name": name})

    def _numbered(self, event: str, body: Mapping[str, object]) -> str:
        self._sequence += 1
        return messages.numbered(event, self._sequence, self._stream_sid, body)
