"""
Fields: when each is complete, when it may be, and what is wrong with it.
"""

from datetime import date

import pytest

from bridge.pay.cards import CardType, brand_of
from bridge.pay.fields import (
    CARD_FIELDS,
    Entry,
    ErrorType,
    Field,
    FieldRules,
    security_code_length,
)
from bridge.pay.request import DEFAULT_CARD_TYPES
from tests.support.pay import (
    AMEX,
    DISCOVER,
    MAESTRO,
    MASTERCARD,
    TODAY,
    VISA,
    VISA_13,
    secret,
)


CARD, DATE, CODE, POSTAL = CARD_FIELDS
RULES = FieldRules(
    valid_card_types=DEFAULT_CARD_TYPES, min_postal_code_length=5, today=TODAY
)


def _errors(
    field: Field, rows: dict[str, ErrorType | None], rules: FieldRules
) -> dict[str, ErrorType | None]:
    return {digits: rules.error(field, secret(digits), None) for digits in rows}


def test_expiry_date_is_right_from_this_month_on() -> None:
    """
    On 15 June 2026 a card of that month is good, one of May is not.
    """
    rows = {
        **dict.fromkeys(["0626", "0726", "1226", "0127", "1299"]),
        **dict.fromkeys(["0526", "1225", "0600"], ErrorType.INVALID_DATE),
        **dict.fromkeys(["0027", "1327", "9999"], ErrorType.INVALID_DATE),
        **dict.fromkeys(["", "123", "12270"], ErrorType.INVALID_DATE),
    }
    assert _errors(DATE, rows, RULES) == rows


def test_expiry_date_is_judged_by_the_day_the_session_began() -> None:
    """
    The last day of a month is still that month.
    """
    rules = FieldRules(
        valid_card_types=DEFAULT_CARD_TYPES,
        min_postal_code_length=1,
        today=date(2026, 12, 31),
    )
    assert rules.error(DATE, secret("1226"), None) is None
    assert rules.error(DATE, secret("1126"), None) is ErrorType.INVALID_DATE


@pytest.mark.parametrize(
    ("card", "length"), [(AMEX, 4), (VISA, 3), (MASTERCARD, 3), (MAESTRO, 3), ("", 3)]
)
def test_security_code_has_the_length_of_its_card_s_brand(
    card: str, length: int
) -> None:
    """
    It is full, enough and right at one length; at any other it is wrong.
    """
    brand = brand_of(secret(card))
    assert security_code_length(brand) == length
    for n_digits in range(6):
        code = secret("1234567890"[:n_digits])
        is_right = n_digits == length
        assert RULES.is_full(CODE, code, brand) is is_right
        assert RULES.has_enough(CODE, code, brand) is is_right
        expected = None if is_right else ErrorType.INVALID_SECURITY_CODE
        assert RULES.error(CODE, code, brand) is expected


def test_postal_code_is_right_from_its_least_length_on() -> None:
    """
    It may end from the least length on, and ends by itself at ten digits only.
    """
    for length in range(11):
        code = secret("9410999999"[:length])
        assert RULES.has_enough(POSTAL, code, None) is (length >= 5)
        assert RULES.is_full(POSTAL, code, None) is (length == 10)
        expected = None if length >= 5 else ErrorType.INVALID_POSTAL_CODE
        assert RULES.error(POSTAL, code, None) is expected


def test_card_number_is_judged_before_its_brand() -> None:
    """
    A brand that is not accepted is named only where the number is right.
    """
    wrong = ["", VISA[:-1], VISA[:-1] + "1", DISCOVER[:-1] + "0", "9" * 16]
    # The last is right, and of no brand there is.
    other = [DISCOVER, MAESTRO, "9" * 15 + "5"]
    rows = {
        **dict.fromkeys([VISA, VISA_13, MASTERCARD, AMEX]),
        **dict.fromkeys(wrong, ErrorType.INVALID_CARD_NUMBER),
        **dict.fromkeys(other, ErrorType.INVALID_CARD_TYPE),
    }
    assert _errors(CARD, rows, RULES) == rows


def test_card_number_is_right_when_its_brand_is_asked_for() -> None:
    """
    What counts is the session's list of brands, not the default one.
    """
    rules = FieldRules(
        valid_card_types=frozenset({CardType.MAESTRO}),
        min_postal_code_length=1,
        today=TODAY,
    )
    assert rules.error(CARD, secret(MAESTRO), None) is None
    assert rules.error(CARD, secret(VISA), None) is ErrorType.INVALID_CARD_TYPE


def test_card_number_is_enough_when_it_is_right_or_of_the_usual_length() -> None:
    """
    A caller who stops at the usual length has meant to, even if the number is wrong.
    """
    enough = [VISA_13, VISA, VISA[:-1] + "1", AMEX[:-1] + "1", "9" * 16]
    not_enough = ["", VISA[:12], VISA[:15], AMEX[:14], "9" * 15]
    assert [n for n in enough if not RULES.has_enough(CARD, secret(n), None)] == []
    assert [n for n in not_enough if RULES.has_enough(CARD, secret(n), None)] == []


def test_expiry_date_is_full_and_enough_at_four_digits() -> None:
    """
    A date ends by itself, whether it is a date or not.
    """
    for n_digits in range(5):
        digits = secret("9999"[:n_digits])
        assert RULES.is_full(DATE, digits, None) is (n_digits == 4)
        assert RULES.has_enough(DATE, digits, None) is (n_digits == 4)


def test_entry_forgets_its_digits_when_it_is_cleared() -> None:
    """
    A cleared entry is as a new one.
    """
    entry = Entry(secret("123"), is_complete=True)
    entry.clear()
    assert entry == Entry()
    assert repr(entry) == "Entry(digits=Secret(<0 digits>), is_complete=False)"
