"""
The playout meter: how much audio waits at the far end.

A provider plays what it is sent in order and keeps what it cannot play yet. If
frames come late and then all at once, that queue would stay as long as the
stall was, and the call would run late for good.
"""

from dataclasses import dataclass

from dtmf_engine.units import SAMPLE_RATE_HZ


PLAYOUT_LIMIT_S = 0.2
"""Above the jitter of the public internet, below what a conversation notices."""


@dataclass(slots=True)
class PlayoutMeter:
    """
    An estimate of one far end's queue.

    Args:
        limit_s: longest queue that is left alone.
    """

    limit_s: float = PLAYOUT_LIMIT_S
    _queued_until: float | None = None

    def is_empty(self, now: float) -> bool:
        """
        Tell whether all that was sent has been played.
        """
        return self._queued_until is None or self._queued_until <= now

    def clear(self) -> None:
        """
        Count the queue as empty: it was thrown away.
        """
        self._queued_until = None

    def add(self, n_samples: int, now: float) -> bool:
        """
        Count audio that is about to be sent.

        Returns:
            Whether the queue is too long, so that it should be thrown away
            first. It then counts as empty.
        """
        empty = self._queued_until is None or self._queued_until < now
        start = now if empty or self._queued_until is None else self._queued_until
        if start - now > self.limit_s:
            self._queued_until = now + n_samples / SAMPLE_RATE_HZ
            return True
        self._queued_until = start + n_samples / SAMPLE_RATE_HZ
        return False
