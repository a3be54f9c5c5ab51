"""
What a gateway can do, and why a payment is refused before it begins.

A caller who has keyed sixteen digits should not hear then that his bank's
account type, the currency or the kind of token was never possible.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.pay.codes import PayErrorCode, message_of
from bridge.pay.outputs import Refusal
from bridge.pay.request import (
    BankAccountType,
    PaymentMethod,
    PaymentRequest,
    TokenType,
)


NAME_PARAMETER = "AVSName"
"""The name on a bank account, where a gateway needs it (Twilio's 64014)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """
    What can be asked of one gateway. The defaults are everything there is.
    """

    charges: frozenset[PaymentMethod] = frozenset(PaymentMethod)
    """What it charges."""
    tokens: Mapping[PaymentMethod, frozenset[TokenType]] = field(
        default_factory=lambda: dict.fromkeys(PaymentMethod, frozenset(TokenType))
    )
    """What it makes which tokens of."""
    currencies: frozenset[str] | None = None
    """ISO 4217 codes; `None` for all."""
    parameters: Mapping[PaymentMethod, frozenset[str]] = field(default_factory=dict)
    """Members of `Parameter` that it cannot do without."""
    bank_account_types: frozenset[BankAccountType] = frozenset(BankAccountType)
    is_approved: bool = True
    """Whether it may be used for real money, if it is set up for that."""

    def refusal(self, request: PaymentRequest) -> Refusal | None:
        """
        Tell why a payment cannot be taken, or `None`.
        """
        code = self._code(request)
        if code is not None:
            return _refusal(code)
        needed = self.parameters.get(request.payment_method, frozenset())
        missing = sorted(needed - request.parameters.keys())
        if not missing:
            return None
        if missing == [NAME_PARAMETER] and not request.is_card:
            return _refusal(PayErrorCode.NAME_NEEDED)
        return _refusal(PayErrorCode.PARAMETER_NEEDED, ", ".join(missing))

    def _code(self, request: PaymentRequest) -> PayErrorCode | None:
        method = request.payment_method
        token_types = self.tokens.get(method, frozenset())
        if not self.is_approved:
            return PayErrorCode.NOT_APPROVED
        if method not in self.charges and not token_types:
            return PayErrorCode.UNSUPPORTED_PAYMENT_METHOD
        if request.charge_amount is None:
            if not token_types:
                return PayErrorCode.NO_TOKENIZATION
            if request.token_type not in token_types:
                return PayErrorCode.UNSUPPORTED_TOKEN_TYPE
            return None
        if method not in self.charges:
            return PayErrorCode.NO_CHARGES
        if self.currencies is not None and request.currency not in self.currencies:
            return PayErrorCode.UNSUPPORTED_CURRENCY
        return None


def _refusal(code: PayErrorCode, what: str = "") -> Refusal:
    return Refusal(int(code), message_of(code, what))
