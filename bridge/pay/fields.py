"""
The fields a caller keys, and when each is complete, right or wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType

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

    A matcher is the second entry of a field that the caller must key twice.
    """

    CARD_NUMBER = "payment-card-number"
    CARD_NUMBER_MATCHER = "payment-card-number-matcher"
    EXPIRATION_DATE = "expiration-date"
    EXPIRATION_DATE_MATCHER = "expiration-date-matcher"
    SECURITY_CODE = "security-code"
    SECURITY_CODE_MATCHER = "security-code-matcher"
    POSTAL_CODE = "postal-code"
    POSTAL_CODE_MATCHER = "postal-code-matcher"
    ROUTING_NUMBER = "bank-routing-number"
    ACCOUNT_NUMBER = "bank-account-number"


CARD_FIELDS = (
    Field.CARD_NUMBER,
    Field.EXPIRATION_DATE,
    Field.SECURITY_CODE,
    Field.POSTAL_CODE,
)
"""What is keyed of a card."""

BANK_FIELDS = (Field.ROUTING_NUMBER, Field.ACCOUNT_NUMBER)
"""What is keyed of a bank account."""

MATCHED: Mapping[Field, Field] = MappingProxyType(
    {Field(f"{field}-matcher"): field for field in CARD_FIELDS}
)
"""Each matcher's field."""

MATCHERS: Mapping[Field, Field] = MappingProxyType(
    {field: matcher for matcher, field in MATCHED.items()}
)
"""Each field's matcher; bank fields have none."""


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
    INVALID_ROUTING_NUMBER = "invalid-bank-routing-number"
    INVALID_ACCOUNT_NUMBER = "invalid-bank-account-number"
    INVALID_ACCOUNT_TYPE = "invalid-bank-account-type"
    CODE_BEFORE_CARD = "invalid-card-number-security-code-capture-sequence"
    NO_MATCH = "input-matching-failed"
    SESSION_IN_PROGRESS = "session-in-progress"
    INTERNAL_ERROR = "internal-error"


POSTAL_CODE_MAX_LENGTH = 10
"""Longest national postal code of digits alone (Iran); longer is a slip."""

ROUTING_NUMBER_LENGTH = 9
"""Of the American Bankers Association's routing numbers."""

ACCOUNT_NUMBER_MAX_LENGTH = 17
"""The account number's place in an ACH record (Nacha) has 17 characters."""

_ROUTING_PREFIXES = (range(13), range(21, 33), range(61, 73), range(80, 81))
"""The first two digits: Federal Reserve districts, thrifts, electronic, cheques."""

_ROUTING_WEIGHTS = (3, 7, 1)


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
    What a session accepts. Matchers are judged by their fields, not here.
    """

    valid_card_types: frozenset[CardType]
    min_postal_code_length: int
    today: date
    """Against which an expiry date is judged."""
    is_postal_code_exact: bool = False
    """Whether a postal code has just the least length; one digit means any."""
    has_check_digits: bool = True
    min_account_length: int = 4

    def is_full(self, field: Field, digits: Secret, brand: Brand | None) -> bool:
        """
        Tell whether a field ends by itself with the digits keyed so far.

        Args:
            field: which; no matcher.
            digits: its own digits.
            brand: of the session's card, as far as it is known.
        """
        match field:
            case Field.CARD_NUMBER:
                return is_full(
                    brand_of(digits), digits, has_check_digit=self.has_check_digits
                )
            case Field.EXPIRATION_DATE:
                return len(digits) == 4
            case Field.SECURITY_CODE:
                return len(digits) == security_code_length(brand)
            case Field.POSTAL_CODE:
                return len(digits) >= self._postal_code_end
            case Field.ROUTING_NUMBER:
                return len(digits) == ROUTING_NUMBER_LENGTH
            case _:
                return len(digits) >= ACCOUNT_NUMBER_MAX_LENGTH

    def has_enough(self, field: Field, digits: Secret, brand: Brand | None) -> bool:
        """
        Tell whether a caller who stops here can have meant to stop.
        """
        match field:
            case Field.CARD_NUMBER:
                own = brand_of(digits)
                common = own.common_length if own else 16
                return len(digits) >= common or self._is_number(digits)
            case Field.POSTAL_CODE:
                return len(digits) >= self.min_postal_code_length
            case Field.ACCOUNT_NUMBER:
                return len(digits) >= self.min_account_length
            case _:
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
                right = self.min_postal_code_length <= len(digits)
                right = right and len(digits) <= self._postal_code_end
                return None if right else ErrorType.INVALID_POSTAL_CODE
            case Field.ROUTING_NUMBER:
                right = self._is_routing_number(digits)
                return None if right else ErrorType.INVALID_ROUTING_NUMBER
            case _:
                right = self.min_account_length <= len(digits)
                right = right and len(digits) <= ACCOUNT_NUMBER_MAX_LENGTH
                return None if right else ErrorType.INVALID_ACCOUNT_NUMBER

    @property
    def _postal_code_end(self) -> int:
        if self.is_postal_code_exact and self.min_postal_code_length > 1:
            return self.min_postal_code_length
        return POSTAL_CODE_MAX_LENGTH

    def _is_number(self, number: Secret) -> bool:
        return is_number_of(
            brand_of(number), number, has_check_digit=self.has_check_digits
        )

    def _card_error(self, number: Secret) -> ErrorType | None:
        # A slip of the finger can change the brand as well: the number is
        # judged before the brand, so that the agent asks for it again.
        brand = brand_of(number)
        if not self._is_number(number):
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

    def _is_routing_number(self, digits: Secret) -> bool:
        if len(digits) != ROUTING_NUMBER_LENGTH:
            return False
        if not any(digits.number(0, 2) in prefixes for prefixes in _ROUTING_PREFIXES):
            return False
        if not self.has_check_digits:
            return True
        places = range(ROUTING_NUMBER_LENGTH)
        total = sum(_ROUTING_WEIGHTS[place % 3] * digits[place] for place in places)
        # Nothing but noughts passes the formula and is no bank.
        return total > 0 and total % 10 == 0


def security_code_length(brand: Brand | None) -> int:
    """
    Give the length of the security code: 4 for American Express, 3 for others.
    """
    return brand.security_code_length if brand else 3
