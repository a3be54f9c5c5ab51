"""
The keypad: sixteen digits, each a pair of one low-group and one high-group tone.

Frequencies are those of ITU-T Q.23.
"""

from dtmf_engine.errors import ParameterError


LOW_GROUP_HZ = (697, 770, 852, 941)
"""Row frequencies, ITU-T Q.23."""

HIGH_GROUP_HZ = (1209, 1336, 1477, 1633)
"""Column frequencies, ITU-T Q.23."""

TONES_HZ = LOW_GROUP_HZ + HIGH_GROUP_HZ
"""All eight, low group first: the order of every per-tone array here."""

DIGITS = "123A456B789C*0#D"
"""Digits in row-major order: `DIGITS[4 * row + column]`."""

_INDEX = {digit: index for index, digit in enumerate(DIGITS)}


def digit_at(row: int, column: int) -> str:
    """
    Give the digit of a low-group index and a high-group index, each 0 to 3.
    """
    return DIGITS[4 * row + column]


def frequencies_hz(digit: str) -> tuple[int, int]:
    """
    Give the low-group and high-group frequency of a digit.

    Raises:
        ParameterError: it is not one of the sixteen digits.
    """
    index = index_of(digit)
    return LOW_GROUP_HZ[index // 4], HIGH_GROUP_HZ[index % 4]


def index_of(digit: str) -> int:
    """
    Give the place of a digit in `DIGITS`.

    Raises:
        ParameterError: it is not one of the sixteen digits.
    """
    try:
        return _INDEX[digit]
    except KeyError:
        raise ParameterError(
            f"digit: expected one of {DIGITS}, got {digit!r}"
        ) from None


def parse_digits(text: str) -> str:
    """
    Normalise a run of digits: letters in upper case, spaces and dashes dropped.

    Raises:
        ParameterError: a character is no digit. The message names its place
            only, because the text may be a card number.
    """
    digits = []
    for place, character in enumerate(text.upper()):
        if character in " -\t":
            continue
        if character not in _INDEX:
            raise ParameterError(
                f"digits: expected only {DIGITS}, character {place + 1} is not one"
            )
        digits.append(character)
    return "".join(digits)
