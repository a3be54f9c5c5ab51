"""
The prompter: a prompt goes out frame by frame, in its own time.

A machine. It keeps a little audio ahead at the far end, so that a timer that
fires late is no gap, and no more than that, so that little is to be thrown away
when the caller answers into the prompt. A prompt is not live: after a stall
nothing of it is skipped or sent in a burst, all that is left is later.

It paces as if the far end's queue were its own: whoever starts it clears that
queue, and lets nobody else speak until the prompt is over.
"""

from bridge.secret import wipe
from dtmf_engine.g711 import MULAW_SILENCE
from dtmf_engine.units import SAMPLE_RATE_HZ, samples_from_ms


FRAME_SAMPLES = samples_from_ms(20)
"""What providers send themselves; some take no other (Vonage)."""

FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ

LEAD_S = 0.06
"""How much is kept ahead: what players wait for before they begin (`stream`'s
provider), above what timers of a busy process are late."""


class Prompter:
    """
    Says one prompt at a time.

    Args:
        lead_s: how much audio to keep ahead at the far end.
    """

    def __init__(self, lead_s: float = LEAD_S) -> None:
        # With less than a frame ahead each one would come too late.
        self._lead_s = max(lead_s, FRAME_S)
        self._octets = bytearray()
        self._position = 0
        self._heard_at: float | None = None
        """When all that was sent has been played; `None` without a prompt."""
        self._outputs: list[bytes] = []

    @property
    def is_playing(self) -> bool:
        """
        Whether a prompt is being said; its last frame counts until it is heard.
        """
        return self._heard_at is not None

    # Commands.

    def start(self, octets: bytearray, *, now: float) -> None:
        """
        Say a prompt, in place of one that is being said.

        Args:
            octets: µ-law at 8 kHz; taken over, and wiped when the prompt is over.
            now: monotonic seconds.
        """
        self.stop()
        self._octets, self._position, self._heard_at = octets, 0, now
        self.handle_deadline(now=now)

    def stop(self) -> None:
        """
        Say no more; what is at the far end is not ours to call back.
        """
        self._outputs.clear()
        self._finish()

    # Time.

    def deadline(self) -> float | None:
        """
        Tell when the next frame is due, or the end of the last.
        """
        if self._heard_at is None or self._position >= len(self._octets):
            return self._heard_at
        return self._heard_at + FRAME_S - self._lead_s

    def handle_deadline(self, *, now: float) -> None:
        """
        Send what is due.
        """
        while (due := self.deadline()) is not None and now >= due:
            if self._position < len(self._octets):
                self._send(now)
            else:
                self._finish()

    def poll(self) -> list[bytes]:
        """
        Take the frames that are to be sent, µ-law, 20 ms each.
        """
        outputs, self._outputs = self._outputs, []
        return outputs

    # Private.

    def _send(self, now: float) -> None:
        assert self._heard_at is not None  # a prompt is being said
        end = self._position + FRAME_SAMPLES
        frame = bytes(self._octets[self._position : end])
        self._outputs.append(frame.ljust(FRAME_SAMPLES, bytes([MULAW_SILENCE])))
        self._position = end
        # A far end that has run dry begins again now.
        self._heard_at = max(self._heard_at, now) + FRAME_S

    def _finish(self) -> None:
        wipe(self._octets)
        self._octets, self._position, self._heard_at = bytearray(), 0, None
