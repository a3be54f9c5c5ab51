"""
What a payment is started with, and what is asked of the gateway.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from bridge.pay.cards import CardType
from bridge.secret import Secret


class PaymentMethod(StrEnum):
    """
    What is charged, in the wire's spelling.
    """

    CREDIT_CARD = "credit-card"


class TokenType(StrEnum):
    """
    What kind of token a gateway is asked for, in the wire's spelling.
    """

    ONE_TIME = "one-time"
    REUSABLE = "reusable"


DEFAULT_CARD_TYPES = frozenset({CardType.VISA, CardType.MASTERCARD, CardType.AMEX})
"""Accepted unless told otherwise, as in Twilio's `ValidCardTypes`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """
    The parameters of a payment, checked.
    """

    status_callback: str
    charge_amount: Decimal | None = None
    """`None` to tokenize."""
    currency: str = "USD"
    description: str | None = None
    payment_connector: str = "Default"
    payment_method: PaymentMethod = PaymentMethod.CREDIT_CARD
    token_type: TokenType = TokenType.REUSABLE
    security_code: bool = True
    """Whether the security code must be captured."""
    postal_code: bool = True
    """Whether the postal code must be captured."""
    min_postal_code_length: int = 1
    timeout_s: float = 5.0
    """Longest pause between two digits."""
    valid_card_types: frozenset[CardType] = DEFAULT_CARD_TYPES
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Handed to the connector as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRequest:
    """
    What the gateway is asked to do: charge, or without an amount, tokenize.

    The secrets belong to the session, which wipes them when it ends. A
    connector copies them once, into the request it sends.
    """

    payment: PaymentRequest
    card_number: Secret
    expiration_date: Secret
    """MMYY."""
    security_code: Secret | None
    postal_code: Secret | None
