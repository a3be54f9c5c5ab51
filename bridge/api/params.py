"""
Form parameters to checked values.

Unknown parameters are ignored, as Twilio does. A value is never echoed in an
error: `Parameter` may hold anything.
"""

import ipaddress
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from iso4217 import Currency

from bridge.api.errors import (
    BAD_REQUEST,
    INVALID_STATUS_CALLBACK,
    ApiError,
    invalid,
    pay_error,
)
from bridge.pay.cards import CardType
from bridge.pay.codes import PayErrorCode
from bridge.pay.fields import CARD_FIELDS, Field
from bridge.pay.request import (
    DEFAULT_CARD_TYPES,
    BankAccountType,
    PaymentMethod,
    PaymentRequest,
    TokenType,
)


Form = Mapping[str, str]

_URL_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
"""RFC 3986 section 2."""

MAX_TIMEOUT_S = 600
MAX_URL_LENGTH = 4000
MAX_KEY_LENGTH = 255
MAX_TEXT_LENGTH = 500

_Choice = TypeVar("_Choice", bound=StrEnum)


class StatusCommand(StrEnum):
    """
    The values of `Status` in an update.
    """

    COMPLETE = "complete"
    CANCEL = "cancel"


def parse_start(
    form: Form, *, takes_amount_with_token_type: bool = False
) -> PaymentRequest:
    """
    Check the parameters of a start.

    Args:
        form: all of them.
        takes_amount_with_token_type: whether an amount and a token type may come
            together; then the amount is charged and no token is made.

    Raises:
        ApiError: one is missing or wrong; the message names it.
    """
    if form.get("Input", "") not in {"", "dtmf"}:
        raise invalid("Input", "dtmf")
    currency = _currency(form.get("Currency") or "USD")
    amount = _amount(form.get("ChargeAmount", ""), currency)
    if amount and form.get("TokenType") and not takes_amount_with_token_type:
        raise invalid("TokenType", "none together with a ChargeAmount")
    method = _payment_method(form)
    return PaymentRequest(
        status_callback=status_callback(form),
        charge_amount=amount,
        currency=currency.code,
        description=_text(form, "Description"),
        payment_connector=_text(form, "PaymentConnector") or "Default",
        payment_method=method,
        bank_account_type=_bank_account_type(form, method),
        token_type=_choice(form, "TokenType", TokenType, TokenType.REUSABLE),
        security_code=_flag(form, "SecurityCode", default=True),
        postal_code=_flag(form, "PostalCode", default=True),
        min_postal_code_length=whole(form, "MinPostalCodeLength", 1, 1, 10),
        timeout_s=float(whole(form, "Timeout", 5, 1, MAX_TIMEOUT_S)),
        valid_card_types=_card_types(form.get("ValidCardTypes", "")),
        require_matching_inputs=_matching_inputs(form.get("RequireMatchingInputs", "")),
        confirmation=_flag(form, "Confirmation", default=False),
        parameters=_parameters(form.get("Parameter", "")),
    )


def parse_update(form: Form) -> Field | StatusCommand:
    """
    Check the parameters of an update.

    Raises:
        ApiError: not exactly one of `Capture` and `Status`, or a wrong value.
    """
    capture, status = form.get("Capture", ""), form.get("Status", "")
    if bool(capture) == bool(status):
        raise pay_error(PayErrorCode.CAPTURE_OR_STATUS)
    if capture:
        return _member("Capture", capture, Field)
    return _member("Status", status, StatusCommand)


def idempotency_key(form: Form) -> str:
    """
    Check the parameter that every command needs.

    Raises:
        ApiError: it is missing or too long.
    """
    key = form.get("IdempotencyKey", "")
    if not key:
        raise ApiError(
            400,
            BAD_REQUEST,
            "Missing required parameter IdempotencyKey in the post body",
        )
    if len(key) > MAX_KEY_LENGTH:
        raise invalid("IdempotencyKey", f"at most {MAX_KEY_LENGTH} characters")
    return key


def status_callback(form: Form) -> str:
    """
    Check where callbacks go.

    Raises:
        ApiError: missing, relative, too long, or no HTTP URL.
    """
    url = form.get("StatusCallback", "")
    if not url:
        raise ApiError(
            400,
            BAD_REQUEST,
            "Missing required parameter StatusCallback in the post body",
        )
    if len(url) > MAX_URL_LENGTH or not _is_url(url):
        raise invalid(
            "StatusCallback",
            f"an absolute http or https URL of at most {MAX_URL_LENGTH} characters",
            INVALID_STATUS_CALLBACK,
        )
    return url


def _is_url(text: str) -> bool:
    """
    Tell whether a text is a URL that is requested exactly as it stands.

    Whatever a client would rewrite on the way out (blanks, braces, letters that
    are not ASCII) would be requested otherwise than it is signed.
    """
    if not _URL_CHARACTERS.fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises where it is no number
        host = parts.hostname or ""
        host.encode("ascii").decode("idna")  # raises where it is no name
        if host and (":" in host or host.replace(".", "").isdecimal()):
            ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(host)


def _currency(text: str) -> Currency:
    try:
        return Currency(text.upper())
    except ValueError:
        raise invalid("Currency", "an ISO 4217 code such as USD") from None


def _amount(text: str, currency: Currency) -> Decimal | None:
    """
    Read an amount; blank and nought both mean that nothing is charged.
    """
    if not text:
        return None
    decimals = currency.exponent or 0
    expected = f"a positive amount below 1000000 with at most {decimals} decimals"
    # SDKs send what their language prints: 12, 12.0 and 12.00 are one amount.
    if len(text) > 24 or not set(text) <= set("0123456789."):
        raise invalid("ChargeAmount", expected, PayErrorCode.INVALID_CHARGE_AMOUNT)
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise invalid(
            "ChargeAmount", expected, PayErrorCode.INVALID_CHARGE_AMOUNT
        ) from None
    if not amount:
        return None
    exact = amount.quantize(Decimal(1).scaleb(-decimals)) if amount < 10**6 else None
    if exact is None or exact != amount:
        raise invalid("ChargeAmount", expected, PayErrorCode.INVALID_CHARGE_AMOUNT)
    return exact


def _payment_method(form: Form) -> PaymentMethod:
    text = form.get("PaymentMethod", "") or PaymentMethod.CREDIT_CARD
    if text not in set(PaymentMethod):
        raise invalid(
            "PaymentMethod",
            "one of " + ", ".join(PaymentMethod),
            PayErrorCode.UNSUPPORTED_PAYMENT_METHOD,
        )
    return PaymentMethod(text)


def _bank_account_type(form: Form, method: PaymentMethod) -> BankAccountType:
    chosen = _choice(
        form, "BankAccountType", BankAccountType, BankAccountType.CONSUMER_CHECKING
    )
    if form.get("BankAccountType") and method is not PaymentMethod.ACH_DEBIT:
        raise pay_error(PayErrorCode.BANK_ACCOUNT_TYPE_WITH_CARD)
    return chosen


def _matching_inputs(text: str) -> frozenset[Field]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not set(names) <= set(CARD_FIELDS):
        raise invalid(
            "RequireMatchingInputs",
            "a comma-separated list of " + ", ".join(CARD_FIELDS),
        )
    return frozenset(Field(name) for name in names)


def _card_types(text: str) -> frozenset[CardType]:
    names = text.split()
    if not names:
        return DEFAULT_CARD_TYPES
    return frozenset(_member("ValidCardTypes", name, CardType) for name in names)


def _parameters(text: str) -> Mapping[str, str]:
    expected = "a JSON object of one level"
    if not text:
        return {}
    if len(text) > 4096:
        raise invalid("Parameter", f"{expected}, at most 4096 characters")
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.MsgspecError:
        pass
    try:
        loose = msgspec.json.decode(text, type=dict[str, str | int | float | bool])
    except msgspec.MsgspecError:
        raise invalid("Parameter", expected) from None
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in loose.items()
    }


def _choice(form: Form, name: str, choices: type[_Choice], default: _Choice) -> _Choice:
    text = form.get(name, "")
    return _member(name, text, choices) if text else default


def _member(name: str, text: str, choices: type[_Choice]) -> _Choice:
    try:
        return choices(text)
    except ValueError:
        raise invalid(name, "one of " + ", ".join(choices)) from None


def _flag(form: Form, name: str, *, default: bool) -> bool:
    text = form.get(name, "").lower()
    if text not in {"", "true", "false"}:
        raise invalid(name, "true or false")
    return text == "true" if text else default


def whole(
    form: Form,
    name: str,
    default: int,
    low: int,
    high: int,
    *,
    code: int = PayErrorCode.INVALID_PARAMETER,
) -> int:
    """
    Read a whole number.

    Args:
        form: all parameters.
        name: of this one.
        default: without it.
        low: the least.
        high: the most.
        code: of the error.

    Raises:
        ApiError: it is none, or out of bounds.
    """
    text = form.get(name, "")
    if not text:
        return default
    is_number = text.isascii() and text.isdecimal() and len(text) <= 9
    if not is_number or not low <= int(text) <= high:
        raise invalid(name, f"a whole number from {low} to {high}", code)
    return int(text)


def _text(form: Form, name: str) -> str | None:
    text = form.get(name, "")
    if len(text) > MAX_TEXT_LENGTH:
        raise invalid(name, f"at most {MAX_TEXT_LENGTH} characters")
    return text or None
