"""
The wire of Twilio's Generic Pay Connector: one JSON object to one URL.

Success is HTTP 200 with `error_code` null *and* an id. The error code is looked
at first: endpoints exist that send a fresh charge id along with a decline.
"""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from bridge.connectors.base import GatewayCall
from bridge.pay.outcomes import Approved, Declined, Invalid, Outcome, Unknown
from bridge.pay.request import ChargeRequest
from bridge.secret import Secret


READ_TIMEOUT_S = 10.0
"""Twilio's own limit for this protocol."""

CONFIGURATION_ERROR = 64001

MALFORMED = "Got malformed response from Payment Provider."


class Answer(msgspec.Struct):
    """
    What the merchant's endpoint says.
    """

    charge_id: str | None = None
    token_id: str | None = None
    error_code: str | int | None = None
    error_message: str | None = None


_decoder = msgspec.json.Decoder(Answer)


def encode_request(
    request: ChargeRequest,
    attempt: str,
    *,
    url: str,
    username: str,
    password: str,
) -> GatewayCall:
    """
    Write a request, card data and all, into one buffer that can be wiped.
    """
    payment = request.payment
    open_fields: dict[str, str | Mapping[str, str] | None] = {
        "method": "charge" if payment.charge_amount is not None else "tokenize",
        "transaction_id": attempt,
        "description": payment.description,
        "parameters": payment.parameters,
    }
    if payment.charge_amount is not None:
        open_fields["amount"] = str(payment.charge_amount)
        open_fields["currency_code"] = payment.currency
    body = bytearray(msgspec.json.encode(open_fields))
    # Secrets are spliced in by hand: a JSON encoder would want them as text.
    del body[-1:]
    _splice(body, b"cardnumber", request.card_number, 0, None)
    _splice(body, b"expiry_month", request.expiration_date, 0, 2)
    _splice(body, b"expiry_year", request.expiration_date, 2, 4)
    _splice(body, b"cvv", request.security_code, 0, None)
    _splice(body, b"postal_code", request.postal_code, 0, None)
    body += b"}"
    login = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
    return GatewayCall(
        url=url,
        headers={
            "Authorization": f"Basic {login}",
            "Content-Type": "application/json",
        },
        body=body,
        read_timeout_s=READ_TIMEOUT_S,
    )


def _splice(
    body: bytearray, name: bytes, secret: Secret | None, start: int, stop: int | None
) -> None:
    body += b',"' + name + b'":'
    if secret is None:
        body += b"null"
        return
    digits = secret.reveal()
    body += b'"'
    body += memoryview(digits)[start:stop]
    body += b'"'
    for place in range(len(digits)):
        digits[place] = 0


def decode_answer(status: int, body: bytes, request: ChargeRequest) -> Outcome:
    """
    Read an answer.
    """
    if status in {401, 403}:
        return Invalid(
            code=str(status),
            message="The payment gateway refused our credentials.",
            pay_error_code=CONFIGURATION_ERROR,
        )
    if status != 200:
        return Unknown(message=MALFORMED)
    try:
        answer = _decoder.decode(body)
    except msgspec.MsgspecError:
        return Unknown(message=MALFORMED)
    if answer.error_code is not None:
        return Declined(
            code=str(answer.error_code),
            message=answer.error_message or "The payment gateway gave no reason.",
        )
    if request.payment.charge_amount is not None and answer.charge_id:
        return Approved(confirmation_code=answer.charge_id)
    if request.payment.charge_amount is None and answer.token_id:
        return Approved(token=answer.token_id)
    return Unknown(message=MALFORMED)


def parse_request(body: bytes) -> dict[str, Any]:
    """
    Read a request as the other side does, for the sandbox gateway and tests.

    Raises:
        msgspec.MsgspecError: it is no JSON object.
    """
    return msgspec.json.decode(body, type=dict[str, Any])
