"""
Cards: the brand of every prefix, the lengths of every brand, the check digit.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from bridge.pay.cards import (
    BRANDS,
    Brand,
    CardType,
    brand_of,
    is_full,
    is_number_of,
    passes_luhn,
)
from tests.support.pay import (
    AMEX,
    DECLINED,
    DINERS_CLUB,
    DINERS_CLUB_16,
    DINERS_CLUB_36,
    DISCOVER,
    JCB,
    MAESTRO,
    MASTERCARD,
    MASTERCARD_2,
    VISA,
    VISA_13,
    secret,
)
from tests.support.strategies import stable


PUBLISHED = {
    VISA: CardType.VISA,
    VISA_13: CardType.VISA,
    DECLINED: CardType.VISA,
    MASTERCARD: CardType.MASTERCARD,
    MASTERCARD_2: CardType.MASTERCARD,
    AMEX: CardType.AMEX,
    MAESTRO: CardType.MAESTRO,
    DISCOVER: CardType.DISCOVER,
    JCB: CardType.JCB,
    DINERS_CLUB: CardType.DINERS_CLUB,
    DINERS_CLUB_36: CardType.DINERS_CLUB,
    DINERS_CLUB_16: CardType.DINERS_CLUB,
}


def _card_type(digits: str) -> CardType | None:
    brand = brand_of(secret(digits))
    return brand.card_type if brand else None


def _number_of_noughts(prefix: str, length: int) -> str:
    """
    Give a prefix, noughts and a check digit: a number that is nobody's.
    """
    body = prefix.ljust(length - 1, "0")
    return body + luhn.calc_check_digit(body)


def test_card_is_known_and_right_when_it_is_a_published_test_card() -> None:
    """
    Every brand's published test number is of that brand, and complete.
    """
    assert {number: _card_type(number) for number in PUBLISHED} == PUBLISHED
    numbers = [secret(number) for number in PUBLISHED]
    assert all(is_number_of(brand_of(number), number) for number in numbers)


@pytest.mark.parametrize(
    ("card_type", "prefixes"),
    [
        (CardType.AMEX, "34 37 340 379"),
        (CardType.VISA, "4 40 49 4999"),
        (CardType.MASTERCARD, "51 55 510 559 222100 222101 230000 272098 272099"),
        (CardType.JCB, "3528 3529 3570 3588 3589"),
        (CardType.DINERS_CLUB, "300 303 304 305 3095 36 38 39 3600 3999"),
        (CardType.ENROUTE, "2014 2149 20140"),
        (CardType.DISCOVER, "6011 64 65 640 659"),
        (CardType.MAESTRO, "50 56 57 58 600 6010 6012 62 63 66 67 69 6771"),
        (
            None,
            (
                "306 3094 3096 310 33 350 3527 3590 2013 2015 2148 2150 222099 272100 "
                "59 590 0 1 7 8 9 00 9999"
            ),
        ),
    ],
)
def test_brand_is_told_by_the_prefix_at_every_edge_of_its_ranges(
    card_type: CardType | None, prefixes: str
) -> None:
    """
    The first and the last prefix of a range are the brand's, their neighbours not.
    """
    assert {prefix: _card_type(prefix) for prefix in prefixes.split()} == dict.fromkeys(
        prefixes.split(), card_type
    )


def test_brand_is_open_while_the_prefix_fits_more_than_one() -> None:
    """
    A beginning has a brand once only one is left, and not before.
    """
    expected = {
        **dict.fromkeys(["", "2", "3", "5", "6", "60", "601"]),
        "30": CardType.DINERS_CLUB,
        "309": CardType.DINERS_CLUB,
        "35": CardType.JCB,
        "358": CardType.JCB,
        "20": CardType.ENROUTE,
        "27": CardType.MASTERCARD,
        "2720": CardType.MASTERCARD,
    }
    assert {digits: _card_type(digits) for digits in expected} == expected


def test_luhn_takes_one_last_digit_of_ten() -> None:
    """
    Of the ten numbers that differ in the last digit, only the right one is right.
    """
    # The last two are the examples by which the formula is usually explained.
    for number in [*PUBLISHED, "79927398713", "17893729974"]:
        all_ten = [number[:-1] + digit for digit in "0123456789"]
        assert [ten for ten in all_ten if passes_luhn(secret(ten))] == [number]


def test_luhn_refuses_what_has_no_check_digit() -> None:
    """
    One digit checks nothing, and no digit even less.
    """
    assert not passes_luhn(secret(""))
    assert not passes_luhn(secret("0"))
    assert passes_luhn(secret("00"))


@stable
# Too short for a card, so that no number drawn can be anybody's.
@given(st.text("0123456789", min_size=2, max_size=11))
def test_luhn_agrees_with_a_library_on_any_digits(digits: str) -> None:
    """
    Our own formula, which needs no text, says what python-stdnum says.
    """
    assert passes_luhn(secret(digits)) is luhn.is_valid(digits)


@pytest.mark.parametrize(
    ("prefix", "lengths"),
    [
        ("34", {15}),
        ("4", {13, 16, 19}),
        ("51", {16}),
        ("222100", {16}),
        ("3528", {16, 17, 18, 19}),
        ("36", {14, 15, 16, 17, 18, 19}),
        ("300", {14, 15, 16, 17, 18, 19}),
        ("6011", {16, 17, 18, 19}),
        ("50", {12, 13, 14, 15, 16, 17, 18, 19}),
        ("6771", {12, 13, 14, 15, 16, 17, 18, 19}),
        # Of no brand we know: any length that ISO/IEC 7812 allows.
        ("9", {12, 13, 14, 15, 16, 17, 18, 19}),
    ],
)
def test_number_is_complete_at_its_brand_s_lengths_only(
    prefix: str, lengths: set[int]
) -> None:
    """
    A right check digit does not make up for a wrong length.
    """
    numbers = [_number_of_noughts(prefix, n) for n in range(len(prefix) + 1, 22)]
    brand = brand_of(secret(prefix))
    right = {len(n) for n in numbers if is_number_of(brand, secret(n))}
    assert right == lengths
    wrong = [number[:-1] + str((int(number[-1]) + 1) % 10) for number in numbers]
    assert not any(is_number_of(brand, secret(number)) for number in wrong)


def test_enroute_number_needs_no_check_digit() -> None:
    """
    An enRoute number is right with any last digit, at fifteen digits only.
    """
    numbers = ["2014" + "0" * 10 + digit for digit in "0123456789"]
    (enroute,) = [brand for brand in BRANDS if brand.card_type is CardType.ENROUTE]
    assert all(is_number_of(enroute, secret(number)) for number in numbers)
    assert not is_number_of(enroute, secret(numbers[0][:-1]))
    assert not is_number_of(enroute, secret(numbers[0] + "0"))


@pytest.mark.parametrize(
    ("full_at", "numbers"),
    [
        (14, [DINERS_CLUB, DINERS_CLUB_36]),
        (15, [AMEX, "2014" + "0" * 15]),
        (16, [VISA, MASTERCARD, MASTERCARD_2, MAESTRO, DISCOVER, JCB]),
        # With a wrong check digit at the usual length, and no length beyond it.
        (15, [AMEX[:-1] + "1"]),
        (16, [MASTERCARD[:-1] + "1"]),
        # The same, where longer numbers exist.
        (19, [VISA[:-1] + "1", MAESTRO[:-1] + "1"]),
        # Right at a rarer length: the caller may stop, or may be going on.
        (19, [VISA_13, DINERS_CLUB_16]),
        # Of no brand.
        (16, [_number_of_noughts("9", 16)]),
        (19, ["9" * 16]),
    ],
)
def test_number_is_full_at_the_first_length_that_needs_no_more(
    full_at: int, numbers: list[str]
) -> None:
    """
    The caller need not press `#` after a number of the usual length.
    """
    for number in numbers:
        keyed = number.ljust(19, "0")
        beginnings = [secret(keyed[:n]) for n in range(20)]
        full = [len(part) for part in beginnings if is_full(brand_of(part), part)]
        assert full[0] == full_at
        assert full[-1] == 19


def test_brand_table_gives_four_digit_security_codes_to_amex_alone() -> None:
    """
    The length of the security code depends on the brand.
    """
    four: list[Brand] = [brand for brand in BRANDS if brand.security_code_length == 4]
    assert [brand.card_type for brand in four] == [CardType.AMEX]
    assert {brand.security_code_length for brand in BRANDS} == {3, 4}


def test_brand_table_has_every_card_type_but_optima_once() -> None:
    """
    Optima is a name without a rule; every other brand has one row.
    """
    rows = sorted(brand.card_type for brand in BRANDS)
    assert rows == sorted(set(CardType) - {CardType.OPTIMA})
