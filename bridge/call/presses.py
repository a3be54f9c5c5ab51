"""
Presses: a key press may come as a tone, as an event, or as both. It is one.

The two carriages know different things. The tone has a place in the caller's
audio; the event has only the moment of its arrival, early or late against the
audio by what jitter buffers hold. They are taken for the same press when the
digit is the same and the event arrives within `TOLERANCE_SAMPLES` of the
tone's stretch; each tone takes at most one event and each event one tone, so
two presses of the same key stay two as long as either carriage shows two.

    first came    then comes, same digit, near     result
    -             tone                             a press
    -             event                            a press
    tone          event                            the same press
    event         tone                             the same press
    tone          tone                             another press
    event         event                            another press
    tone + event  tone or event                    another press
"""

from dataclasses import dataclass

from dtmf_engine.units import samples_from_ms


TOLERANCE_SAMPLES = samples_from_ms(300)
"""
How far an event may stray from its tone: RFC 4733 senders report at the start
or at the end of a press, and jitter buffers hold up to 200 ms.
"""

_MEMORY_SAMPLES = samples_from_ms(10_000)


@dataclass(slots=True)
class _Press:
    digit: str
    start_sample: int
    end_sample: int | None
    """`None` while the tone goes on; an event has no length."""
    has_tone: bool
    has_event: bool


class PressLog:
    """
    The recent presses of one leg.
    """

    def __init__(self) -> None:
        self._presses: list[_Press] = []

    def tone(self, digit: str, start_sample: int, now_sample: int) -> int | None:
        """
        A digit was detected in the audio.

        Args:
            digit: which.
            start_sample: where its tone began.
            now_sample: how much of the leg has been heard.

        Returns:
            Where the press began if it is a new one, else `None`.
        """
        self._forget(now_sample)
        for press in self._presses:
            if (
                press.digit == digit
                and press.has_event
                and not press.has_tone
                and abs(press.start_sample - start_sample) <= TOLERANCE_SAMPLES
            ):
                press.has_tone = True
                press.end_sample = None
                return None
        self._presses.append(
            _Press(digit, start_sample, None, has_tone=True, has_event=False)
        )
        return start_sample

    def tone_ended(self, digit: str, end_sample: int) -> None:
        """
        The tone of a detected digit is over.
        """
        for press in reversed(self._presses):
            if press.digit == digit and press.has_tone and press.end_sample is None:
                press.end_sample = end_sample
                return

    def event(self, digit: str, now_sample: int) -> int | None:
        """
        The provider reported a digit.

        Returns:
            Where the press began if it is a new one, else `None`.
        """
        self._forget(now_sample)
        for press in self._presses:
            end = now_sample if press.end_sample is None else press.end_sample
            if (
                press.digit == digit
                and press.has_tone
                and not press.has_event
                and now_sample - end <= TOLERANCE_SAMPLES
            ):
                press.has_event = True
                return None
        self._presses.append(
            _Press(digit, now_sample, now_sample, has_tone=False, has_event=True)
        )
        return now_sample

    def _forget(self, now_sample: int) -> None:
        oldest = now_sample - _MEMORY_SAMPLES
        self._presses = [
            p for p in self._presses if p.end_sample is None or p.end_sample > oldest
        ]
