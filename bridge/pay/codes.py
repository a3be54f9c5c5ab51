"""
Error codes of payments, 64001 to 64024, with Twilio's own messages.

Which of them refuses a command and which comes with a callback's `Result` is
said nowhere; `bridge/api/README.md` has the table of what this project does.
"""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType


class PayErrorCode(IntEnum):
    """
    The codes of Twilio's error dictionary for payments.
    """

    CONFIGURATION = 64001
    SERVICE_UNAVAILABLE = 64002
    INVALID_CHARGE_AMOUNT = 64003
    UNKNOWN_CONNECTOR = 64004
    NO_TOKENIZATION = 64005
    UNSUPPORTED_TOKEN_TYPE = 64006
    NO_CHARGES = 64007
    CHARGE_REJECTED = 64008
    NOT_AUTHORIZED = 64009
    TOKEN_REJECTED = 64010
    UNSUPPORTED_CURRENCY = 64011
    CARD_REJECTED = 64012
    UNSUPPORTED_PAYMENT_METHOD = 64013
    NAME_NEEDED = 64014
    PARAMETER_NEEDED = 64015
    INVALID_ACTION_URL = 64016
    """Of the `<Pay>` verb alone: a payment on the API has no action URL."""
    BANK_ACCOUNT_TYPE_WITH_CARD = 64017
    CAPTURE_OR_STATUS = 64018
    INCOMPLETE = 64019
    INVALID_PARAMETER = 64020
    SESSION_IN_PROGRESS = 64021
    INVALID_TEST_CARD = 64022
    INVALID_TEST_ACCOUNT = 64023
    NOT_APPROVED = 64024


MESSAGES: Mapping[PayErrorCode, str] = MappingProxyType(
    {
        PayErrorCode.CONFIGURATION: "Configuration Error",
        PayErrorCode.SERVICE_UNAVAILABLE: "Service unavailable.",
        PayErrorCode.INVALID_CHARGE_AMOUNT: "Invalid charge amount.",
        PayErrorCode.UNKNOWN_CONNECTOR: "Invalid paymentConnector attribute.",
        PayErrorCode.NO_TOKENIZATION: "Connector does not support tokenization.",
        PayErrorCode.UNSUPPORTED_TOKEN_TYPE: "Connector does not support token type.",
        PayErrorCode.NO_CHARGES: "Connector does not support creating charge.",
        PayErrorCode.CHARGE_REJECTED: "Payment Gateway rejected charge creation.",
        PayErrorCode.NOT_AUTHORIZED: (
            "No longer authorized to initiate transactions on your behalf."
        ),
        PayErrorCode.TOKEN_REJECTED: "Payment Gateway rejected token creation.",
        PayErrorCode.UNSUPPORTED_CURRENCY: (
            "Connector does not support the requested currency."
        ),
        PayErrorCode.CARD_REJECTED: "Payment Gateway rejected the card.",
        PayErrorCode.UNSUPPORTED_PAYMENT_METHOD: (
            "Connector does not support supplied paymentMethod attribute."
        ),
        PayErrorCode.NAME_NEEDED: "ECP/ACH requires AVSName Parameter.",
        PayErrorCode.PARAMETER_NEEDED: "Missing a needed Parameter",
        PayErrorCode.INVALID_ACTION_URL: "Invalid Action URL",
        PayErrorCode.BANK_ACCOUNT_TYPE_WITH_CARD: (
            'BankAccountType Parameter not supported with PaymentMethod = "credit-card"'
        ),
        PayErrorCode.CAPTURE_OR_STATUS: (
            "Value needed for either Capture or Status parameters"
        ),
        PayErrorCode.INCOMPLETE: "Required payment information incomplete",
        PayErrorCode.INVALID_PARAMETER: "Invalid Parameter Value",
        PayErrorCode.SESSION_IN_PROGRESS: "Invalid Operation",
        PayErrorCode.INVALID_TEST_CARD: "Invalid Test Card Number",
        PayErrorCode.INVALID_TEST_ACCOUNT: "Invalid Test Bank Account Number",
        PayErrorCode.NOT_APPROVED: "Connector Instance Not Approved",
    }
)
"""Without the prefix `Pay: `, which SDKs would show in the middle of a line."""


def message_of(code: PayErrorCode, what: str = "") -> str:
    """
    Give a code's message, with more about it where there is more.
    """
    return MESSAGES[code] + (what and f": {what}")


CONFLICT = 20409
"""Twilio's general code for a command that comes too late."""
