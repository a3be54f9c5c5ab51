"""
A voice: recorded pieces, put together into what a caller is asked.

No speech is made while a call goes on. A voice is a fixed set of pieces, so that
any set of recordings with the same names can take its place.
"""

from collections.abc import Iterator, Mapping

from bridge.pay.outputs import Prompt
from bridge.secret import Secret
from dtmf_engine.g711 import MULAW_SILENCE
from dtmf_engine.units import samples_from_ms


CHOICE = "press_1_or_2"
"""What either key does."""

OPENINGS: Mapping[Prompt, str] = {
    Prompt.CONFIRM_CARD: "card_ending_in",
    Prompt.CONFIRM_ACCOUNT: "account_ending_in",
}
"""What is asked about; the digits follow."""

DIGITS = tuple(f"digit_{value}" for value in range(10))

PIECES = (*OPENINGS.values(), *DIGITS, CHOICE)
"""The names of all pieces."""

_SILENCE = bytes([MULAW_SILENCE])

PAUSE = _SILENCE * samples_from_ms(150)
"""Before each digit: pieces may be cut close to the word."""

CHOICE_PAUSE = _SILENCE * samples_from_ms(400)
"""Before the choice, as between two sentences."""


class Voice:
    """
    One voice.

    Args:
        pieces: µ-law octets at 8 kHz, by name.

    Raises:
        ValueError: one is missing.
    """

    def __init__(self, pieces: Mapping[str, bytes]) -> None:
        missing = [name for name in PIECES if not pieces.get(name)]
        if missing:
            raise ValueError(f"pieces: expected audio for {', '.join(missing)}")
        self._pieces = {name: pieces[name] for name in PIECES}
        self._digits = [pieces[name] for name in DIGITS]

    def say(self, prompt: Prompt, digits: Secret) -> bytearray:
        """
        Put a prompt together.

        Args:
            prompt: what is asked.
            digits: said one by one.

        Returns:
            µ-law octets at 8 kHz. Whoever has them knows the digits: they are the
            caller's to wipe.
        """
        # All the room there is need of, from the start: a buffer that grows leaves
        # copies behind in memory.
        octets = bytearray(sum(len(part) for part in self._parts(prompt, digits)))
        place = 0
        for part in self._parts(prompt, digits):
            octets[place : place + len(part)] = part
            place += len(part)
        return octets

    def _parts(self, prompt: Prompt, digits: Secret) -> Iterator[bytes]:
        yield self._pieces[OPENINGS[prompt]]
        for place in range(len(digits)):
            yield PAUSE
            yield self._digits[digits[place]]
        yield CHOICE_PAUSE
        yield self._pieces[CHOICE]
