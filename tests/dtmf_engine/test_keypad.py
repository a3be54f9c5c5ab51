"""
Keypad: the sixteen digits and their tones.
"""

import re

import pytest

from dtmf_engine.errors import ParameterError
from dtmf_engine.keypad import (
    DIGITS,
    HIGH_GROUP_HZ,
    LOW_GROUP_HZ,
    TONES_HZ,
    digit_at,
    frequencies_hz,
    index_of,
    parse_digits,
)
from tests.support.tones import ALL_DIGITS, KEYPAD


@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_digit_has_the_frequencies_of_q23(digit: str) -> None:
    """
    Every digit has the row and the column that the Recommendation gives it.
    """
    assert frequencies_hz(digit) == KEYPAD[digit]


def test_tones_are_low_group_first() -> None:
    """
    The eight tones stand in rising order, so the low group comes first.
    """
    assert TONES_HZ == LOW_GROUP_HZ + HIGH_GROUP_HZ
    assert list(TONES_HZ) == sorted({hz for pair in KEYPAD.values() for hz in pair})


def test_index_of_and_digit_at_undo_each_other() -> None:
    """
    Sixteen different digits have sixteen places, row by row.
    """
    places = [index_of(digit) for digit in ALL_DIGITS]
    assert sorted(places) == list(range(16))
    for digit, place in zip(ALL_DIGITS, places, strict=True):
        assert digit_at(place // 4, place % 4) == digit
        assert DIGITS[place] == digit


@pytest.mark.parametrize("digit", ["", "E", "a", "12", "٣", "+"])
def test_frequencies_refuse_what_is_no_digit(digit: str) -> None:
    """
    Anything but one of the sixteen digits is a parameter error.
    """
    message = re.escape(f"digit: expected one of 123A456B789C*0#D, got {digit!r}")
    with pytest.raises(ParameterError, match=f"^{message}$"):
        frequencies_hz(digit)
    with pytest.raises(ParameterError, match=f"^{message}$"):
        index_of(digit)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("", ""),
        ("0123456789*#ABCD", "0123456789*#ABCD"),
        ("abcd", "ABCD"),
        (" 4111-1111\t1111-1111 ", "4111111111111111"),
    ],
)
def test_parse_digits_drops_spaces_and_dashes(text: str, digits: str) -> None:
    """
    A number may be written as people write it.
    """
    assert parse_digits(text) == digits


@pytest.mark.parametrize(
    ("text", "place"),
    [("x", 1), ("41111111111111e1", 15), ("12٣", 3), ("4111 1111 x", 11)],
)
def test_parse_digits_names_the_place_and_not_the_text(text: str, place: int) -> None:
    """
    A wrong character is told by its place in the text, because the text may be a
    card number.
    """
    message = re.escape(
        f"digits: expected only 123A456B789C*0#D, character {place} is not one"
    )
    with pytest.raises(ParameterError, match=f"^{message}$"):
        parse_digits(text)
