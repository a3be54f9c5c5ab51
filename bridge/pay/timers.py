"""
The timers of a session: which run, and which is due.
"""

from enum import IntEnum


class Timer(IntEnum):
    """
    What can run out; of two that are due, what stands first counts.
    """

    SESSION = 0
    """The session's longest life."""
    AGENT = 1
    """The agent leg's absence."""
    FIELD = 2
    """One capture."""
    DIGIT = 3
    """The pause before the next digit, or before an answer."""


class Timers:
    """
    At most one deadline for each timer.
    """

    def __init__(self) -> None:
        self._deadlines: dict[Timer, float] = {}

    def start(self, timer: Timer, now: float, timeout_s: float | None) -> None:
        """
        Let a timer run, anew if it runs already; with no timeout it does not run.
        """
        self.stop(timer)
        if timeout_s is not None:
            self._deadlines[timer] = now + timeout_s

    def stop(self, *timers: Timer) -> None:
        """
        Let these run no more, or if none is named, none at all.
        """
        for timer in timers or Timer:
            self._deadlines.pop(timer, None)

    def deadline(self) -> float | None:
        """
        Tell when the next one is due.
        """
        return min(self._deadlines.values(), default=None)

    def due(self, now: float) -> Timer | None:
        """
        Tell which one is due.
        """
        return min((t for t, at in self._deadlines.items() if now >= at), default=None)
