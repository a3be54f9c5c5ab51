"""
The fields a caller keys, and when each is complete, right or wrong.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from bridge.pay.cards import (
    Brand,
    CardType,
    brand_of,
    is_full,
    is_number_of,
)
from bridge.secret import Secret


class Field(StrEnum):
    """
    What can be captured, in the wire's spelling and the order of `Required`.
    """

    CARD_NUMBER = "payment-card-number"
    EXPIRATION_DATE = "expiration-date"
    SECURITY_CODE = "security-code"
    POSTAL_CODE = "postal-code"


class ErrorType(StrEnum):
    """
    Why a capture failed, in the wire's spelling.
    """

    INPUT_TIMEOUT = "input-timeout"
    INVALID_CARD_NUMBER = "invalid-card-number"
    INVALID_CARD_TYPE = "invalid-card-type"
    INVALID_DATE = "invalid-date"
    INVALID_SECURITY_CODE = "invalid-security-code"
    INVALID_POSTAL_CODE = "invalid-postal-code"
    CODE_BEFORE_CARD = "invalid-card-number-security-code-capture-sequence"


POSTAL_CODE_MAX_LENGTH = 10
"""Longest national postal code of digits alone (Iran); longer is a slip."""


@dataclass(slots=True)
class Entry:
    """
    What has been keyed for one field.
    """

    digits: Secret = field(default_factory=Secret)
    is_complete: bool = False

    def clear(self) -> None:
        """
        Forget what was keyed.
        """
        self.digits.wipe()
        self.is_complete = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRules:
    """
    What a session accepts.
    """

    valid_card_types: frozenset[CardType]
    min_postal_code_length: int
    today: date
    """Against which an expiry date is judged."""

    def is_full(self, field: Field, digits: Secret, brand: Brand | None) -> bool:
        """
        Tell whether a field ends by itself with the digits keyed so far.

        Args:
            field: which.
            digits: its own digits.
            brand: of the session's card, as far as it is known.
        """
        match field:
            case Field.CARD_NUMBER:
                return is_full(brand_of(digits), digits)
            case Field.EXPIRATION_DATE:
                return len(digits) == 4
            case Field.SECURITY_CODE:
                return len(digits) == security_code_length(brand)
            case Field.POSTAL_CODE:
                return len(digits) >= POSTAL_CODE_MAX_LENGTH

    def has_enough(self, field: Field, digits: Secret, brand: Brand | None) -> bool:
        """
        Tell whether a caller who stops here can have meant to stop.
        """
        match field:
            case Field.CARD_NUMBER:
                own = brand_of(digits)
                common = own.common_length if own else 16
                return len(digits) >= common or is_number_of(own, digits)
            case Field.POSTAL_CODE:
                return len(digits) >= self.min_postal_code_length
            case Field.EXPIRATION_DATE | Field.SECURITY_CODE:
                return self.is_full(field, digits, brand)

    def error(
        self, field: Field, digits: Secret, brand: Brand | None
    ) -> ErrorType | None:
        """
        Judge a finished field; `None` if it is right.
        """
        match field:
            case Field.CARD_NUMBER:
                return self._card_error(digits)
            case Field.EXPIRATION_DATE:
                return None if self._is_date(digits) else ErrorType.INVALID_DATE
            case Field.SECURITY_CODE:
                right = len(digits) == security_code_length(brand)
                return None if right else ErrorType.INVALID_SECURITY_CODE
            case Field.POSTAL_CODE:
                right = len(digits) >= self.min_postal_code_length
                return None if right else ErrorType.INVALID_POSTAL_CODE

    def _card_error(self, number: Secret) -> ErrorType | None:
        # A slip of the finger can change the brand as well: the number is
        # judged before the brand, so that the agent asks for it again.
        brand = brand_of(number)
        if not is_number_of(brand, number):
            return ErrorType.INVALID_CARD_NUMBER
        if brand is None or brand.card_type not in self.valid_card_types:
            return ErrorType.INVALID_CARD_TYPE
        return None

    def _is_date(self, digits: Secret) -> bool:
        if len(digits) != 4:
            return False
        month, year = digits.number(0, 2), 2000 + digits.number(2, 4)
        this_month = (self.today.year, self.today.month)
        return 1 <= month <= 12 and (year, month) >= this_month


def security_code_length(brand: Brand | None) -> int:
    """
    Give the length of the security code: 4 for American Express, 3 for others.
    """
    return brand.security_code_length if brand else 3
