"""
What a payment is started with, and what is asked of the gateway.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from bridge.pay.cards import CardType
from bridge.pay.fields import Field
from bridge.secret import Secret


class PaymentMethod(StrEnum):
    """
    What is charged, in the wire's spelling.
    """

    CREDIT_CARD = "credit-card"
    ACH_DEBIT = "ach-debit"


class BankAccountType(StrEnum):
    """
    Whose bank account of which kind, in the wire's spelling.
    """

    CONSUMER_CHECKING = "consumer-checking"
    CONSUMER_SAVINGS = "consumer-savings"
    COMMERCIAL_CHECKING = "commercial-checking"


class TokenType(StrEnum):
    """
    What kind of token a gateway is asked for, in the wire's spelling.
    """

    ONE_TIME = "one-time"
    REUSABLE = "reusable"
    PAYMENT_METHOD = "payment-method"


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
    bank_account_type: BankAccountType = BankAccountType.CONSUMER_CHECKING
    """Of a bank account alone."""
    token_type: TokenType = TokenType.REUSABLE
    security_code: bool = True
    """Whether the security code must be captured."""
    postal_code: bool = True
    """Whether the postal code must be captured."""
    min_postal_code_length: int = 1
    timeout_s: float = 5.0
    """Longest pause between two digits."""
    valid_card_types: frozenset[CardType] = DEFAULT_CARD_TYPES
    require_matching_inputs: frozenset[Field] = frozenset()
    """The fields that the caller must key twice."""
    confirmation: bool = False
    """Whether the caller must confirm before the gateway is asked."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Handed to the connector as they are."""

    @property
    def is_card(self) -> bool:
        """
        Whether a card is charged, or else a bank account.
        """
        return self.payment_method is PaymentMethod.CREDIT_CARD


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRequest:
    """
    What the gateway is asked to do: charge, or without an amount, tokenize.

    Of a card and a bank account one is there. The secrets belong to the session,
    which wipes them when it ends. A connector copies them once, into the request
    it sends.
    """

    payment: PaymentRequest
    card_number: Secret | None = None
    expiration_date: Secret | None = None
    """MMYY."""
    security_code: Secret | None = None
    postal_code: Secret | None = None
    routing_number: Secret | None = None
    account_number: Secret | None = None
