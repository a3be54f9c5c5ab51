"""
Masks: no digit of a field that is being keyed, and only what may be seen after.
"""

import pytest

from bridge.pay.fields import Entry, Field
from bridge.pay.masks import mask
from tests.support.pay import secret


DIGITS = "1234567890123456789"


@pytest.mark.parametrize("field", Field)
def test_mask_shows_no_digit_while_a_field_is_being_keyed(field: Field) -> None:
    """
    At every length of every field there is an x for each digit.
    """
    for n_digits in range(20):
        entry = Entry(secret(DIGITS[:n_digits]))
        assert mask(field, entry) == "x" * n_digits


def test_mask_shows_what_may_be_seen_when_a_field_is_complete() -> None:
    """
    The card's last four, nothing of the code, date and postal code in clear.
    """
    for n_digits in range(12, 20):
        shown = "x" * (n_digits - 4) + DIGITS[n_digits - 4 : n_digits]
        assert _complete(Field.CARD_NUMBER, n_digits) == shown
    assert _complete(Field.CARD_NUMBER, 16) == "xxxxxxxxxxxx3456"
    assert _complete(Field.SECURITY_CODE, 3) == "xxx"
    assert _complete(Field.SECURITY_CODE, 4) == "xxxx"
    assert _complete(Field.EXPIRATION_DATE, 4) == "1234"
    assert _complete(Field.POSTAL_CODE, 1) == "1"
    assert _complete(Field.POSTAL_CODE, 10) == "1234567890"


def _complete(field: Field, n_digits: int) -> str:
    return mask(field, Entry(secret(DIGITS[:n_digits]), is_complete=True))
