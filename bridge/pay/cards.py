"""
Card brands: which one a number belongs to, how long it is, and its check digit.

Prefixes and lengths are those of Twilio's `<Pay>` documentation, with two
departures, both recorded in DECISIONS.md: its 15 in Visa's lengths is a slip
for 16, and Diners Club numbers have 14 digits under every prefix, 300 to 305
included.
"""

from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum

from bridge.secret import Secret


class CardType(StrEnum):
    """
    The brands, in the wire's spelling.
    """

    VISA = "visa"
    MASTERCARD = "mastercard"
    AMEX = "amex"
    MAESTRO = "maestro"
    DISCOVER = "discover"
    OPTIMA = "optima"
    JCB = "jcb"
    DINERS_CLUB = "diners-club"
    ENROUTE = "enroute"


MIN_LENGTH = 12
MAX_LENGTH = 19
"""Of any card number: ISO/IEC 7812 allows 19, Maestro begins at 12."""


@dataclass(frozen=True, slots=True)
class Brand:
    """
    What is known of one brand.
    """

    card_type: CardType
    prefixes: tuple[tuple[int, int], ...]
    """First and last prefix of each range; both have the same number of digits."""
    lengths: tuple[int, ...]
    common_length: int
    """The length almost every number of the brand has."""
    security_code_length: int = 3
    has_check_digit: bool = True


def _range(first: int, last: int | None = None) -> tuple[int, int]:
    return first, first if last is None else last


# Narrower prefixes stand before wider ones: Maestro takes what is left of 6.
BRANDS = (
    Brand(CardType.AMEX, (_range(34), _range(37)), (15,), 15, 4),
    Brand(CardType.VISA, (_range(4),), (13, 16, 19), 16),
    Brand(CardType.MASTERCARD, (_range(51, 55), _range(222100, 272099)), (16,), 16),
    Brand(CardType.JCB, (_range(3528, 3589),), (16, 17, 18, 19), 16),
    Brand(
        CardType.DINERS_CLUB,
        (_range(300, 305), _range(3095), _range(36), _range(38, 39)),
        (14, 15, 16, 17, 18, 19),
        14,
    ),
    Brand(
        CardType.ENROUTE,
        (_range(2014), _range(2149)),
        (15,),
        15,
        # enRoute numbers, out of use since 1992, carry no check digit.
        has_check_digit=False,
    ),
    Brand(
        CardType.DISCOVER,
        (_range(6011), _range(64, 65)),
        (16, 17, 18, 19),
        16,
    ),
    Brand(
        CardType.MAESTRO,
        (_range(50), _range(56, 58), _range(6)),
        tuple(range(MIN_LENGTH, MAX_LENGTH + 1)),
        16,
    ),
)


def brand_of(number: Secret) -> Brand | None:
    """
    Tell the brand of a number or of its beginning.

    Returns:
        `None` while more than one brand is possible, and when none is.
    """
    possible = [
        (brand, certain)
        for brand in BRANDS
        if (certain := _match(brand, number)) is not None
    ]
    if possible and possible[0][1]:
        return possible[0][0]
    return possible[0][0] if len(possible) == 1 else None


def _match(brand: Brand, number: Secret) -> bool | None:
    """
    Compare with a brand's prefixes: certain, still possible, or `None` for no.
    """
    still_possible = None
    for first, last in brand.prefixes:
        n_digits = len(str(first))
        n_known = min(n_digits, len(number))
        shift = 10 ** (n_digits - n_known)
        if first // shift <= number.number(0, n_known) <= last // shift:
            if n_known == n_digits:
                return True
            still_possible = False
    return still_possible


def passes_luhn(number: Secret) -> bool:
    """
    Check a number's last digit by the Luhn formula (ISO/IEC 7812-1 annex B).

    Written out here because a library would want the number as text, and text
    cannot be wiped.
    """
    total = 0
    for place in range(len(number)):
        digit = number[len(number) - 1 - place]
        if place % 2:
            digit = 2 * digit - 9 if digit > 4 else 2 * digit
        total += digit
    return len(number) > 1 and total % 10 == 0


def is_number_of(
    brand: Brand | None, number: Secret, *, has_check_digit: bool = True
) -> bool:
    """
    Tell whether a number is complete and right for its brand.

    Args:
        brand: the number's own.
        number: all of it.
        has_check_digit: whether the brand's check digit is looked at.
    """
    if brand is None:
        lengths: Container[int] = range(MIN_LENGTH, MAX_LENGTH + 1)
    else:
        lengths = brand.lengths
        has_check_digit = has_check_digit and brand.has_check_digit
    return len(number) in lengths and (not has_check_digit or passes_luhn(number))


def is_full(
    brand: Brand | None, number: Secret, *, has_check_digit: bool = True
) -> bool:
    """
    Tell whether a number needs no more digits.

    It ends at its brand's longest length, and at the length almost every number
    of the brand has if that makes it right; where longer numbers exist and the
    check digit does not fit, the caller may still be keying.
    """
    if brand is None:
        longest, common = MAX_LENGTH, 16
    else:
        longest, common = max(brand.lengths), brand.common_length
    if len(number) >= longest:
        return True
    return len(number) == common and is_number_of(
        brand, number, has_check_digit=has_check_digit
    )
