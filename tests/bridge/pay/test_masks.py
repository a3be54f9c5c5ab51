"""
Masks: no digit of a field that is being keyed, and only what may be seen after.
"""

import pytest

from bridge.pay.fields import MATCHED, Entry, Field
from bridge.pay.masks import mask
from tests.support.pay import secret


DIGITS = "1234567890123456789"


@pytest.mark.parametrize("field", Field)
def test_mask_shows_no_digit_while_a_field_is_being_keyed(field: Field) -> None:
    """
    At every length of every field there is one sign for each digit.
    """
    cover = "*" if field is Field.ACCOUNT_NUMBER else "x"
    for n_digits in range(20):
        entry = Entry(secret(DIGITS[:n_digits]))
        assert mask(field, entry) == cover * n_digits


@pytest.mark.parametrize("field", Field)
def test_mask_of_a_partial_entry_shows_no_digit_that_the_finished_one_hides(
    field: Field,
) -> None:
    """
    At every length a partial entry shows no more than a finished one of it would.
    """
    for n_digits in range(20):
        partial = mask(field, Entry(secret(DIGITS[:n_digits])))
        finished = mask(field, Entry(secret(DIGITS[:n_digits]), is_complete=True))
        assert len(partial) == len(finished) == n_digits
        for seen, later in zip(partial, finished, strict=True):
            assert not seen.isdecimal() or seen == later


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
    assert _complete(Field.ROUTING_NUMBER, 9) == "123456789"
    for n_digits in range(2, 18):
        shown = "*" * (n_digits - 2) + DIGITS[n_digits - 2 : n_digits]
        assert _complete(Field.ACCOUNT_NUMBER, n_digits) == shown
    assert _complete(Field.ACCOUNT_NUMBER, 9) == "*******89"
    for matcher in MATCHED:
        assert _complete(matcher, 16) == "x" * 16


def _complete(field: Field, n_digits: int) -> str:
    return mask(field, Entry(secret(DIGITS[:n_digits]), is_complete=True))
