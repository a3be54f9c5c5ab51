"""
The wire of Twilio's Generic Pay Connector: one JSON object to one URL.

Success is HTTP 200 with `error_code` null *and* an id. The error code is looked
at first: endpoints exist that send a fresh charge id along with a decline.
"""

import base64
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from bridge.connectors.base import GatewayCall
from bridge.pay.codes import PayErrorCode
from bridge.pay.outcomes import Approved, Declined, Invalid, Outcome, Unknown
from bridge.pay.request import ChargeRequest
from bridge.secret import Secret


READ_TIMEOUT_S = 10.0
"""Twilio's own limit for this protocol."""

MALFORMED = "Got malformed response from Payment Provider."


class Answer(msgspec.Struct):
    """
    What the merchant's endpoint says.
    """

    charge_id: str | msgspec.UnsetType | None = msgspec.UNSET
    token_id: str | msgspec.UnsetType | None = msgspec.UNSET
    error_code: str | int | msgspec.UnsetType | None = msgspec.UNSET
    error_message: str | None = None
    profile_id: str | None = None
    """Not in the protocol; callbacks of such endpoints have been seen with one."""
    parameters: dict[str, object] | None = None


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
    body = _with_secrets(
        msgspec.json.encode(open_fields),
        _card_splices(request) if payment.is_card else _account_splices(request),
    )
    return GatewayCall(
        url=url,
        headers=headers(username, password),
        body=body,
        read_timeout_s=READ_TIMEOUT_S,
    )


def headers(username: str, password: str) -> dict[str, str]:
    """
    Give the headers of every request.
    """
    login = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
    return {
        "Authorization": f"Basic {login}",
        "Content-Type": "application/json",
    }


_Splice: TypeAlias = tuple[str, Secret | None, slice]


def _card_splices(request: ChargeRequest) -> list[_Splice]:
    return [
        ("cardnumber", request.card_number, slice(None)),
        ("expiry_month", request.expiration_date, slice(2)),
        ("expiry_year", request.expiration_date, slice(2, None)),
        ("cvv", request.security_code, slice(None)),
        ("postal_code", request.postal_code, slice(None)),
    ]


def _account_splices(request: ChargeRequest) -> list[_Splice]:
    # The protocol has no place for the type of the account.
    return [
        ("bankaccountnumber", request.account_number, slice(None)),
        ("routingnumber", request.routing_number, slice(None)),
    ]


def _with_secrets(open_part: bytes, splices: list[_Splice]) -> bytearray:
    """
    Add secrets to a JSON object, each a string of some of its digits, or null.

    The buffer has its final size from the start and secrets go into it byte by
    byte: one that grows, a slice and a JSON encoder would all leave copies.
    """
    heads = [f',"{name}":'.encode() for name, _, _ in splices]
    places = [range(len(s) if s else 0)[part] for _, s, part in splices]
    sizes = [
        len(head) + (len(digits) + 2 if secret else len(b"null"))
        for head, digits, (_, secret, _) in zip(heads, places, splices, strict=True)
    ]
    body = bytearray(len(open_part) + sum(sizes))
    at = len(open_part) - 1
    body[:at] = open_part[:-1]
    for head, digits, (_, secret, _) in zip(heads, places, splices, strict=True):
        body[at : at + len(head)] = head
        at += len(head)
        if secret is None:
            body[at : at + 4] = b"null"
            at += 4
            continue
        body[at] = body[at + len(digits) + 1] = ord('"')
        for n, place in enumerate(digits):
            body[at + 1 + n] = ord("0") + secret[place]
        at += len(digits) + 2
    body[at] = ord("}")
    return body


def decode_answer(status: int, body: bytes, request: ChargeRequest) -> Outcome:
    """
    Read an answer to a request.
    """
    is_charge = request.payment.charge_amount is not None
    return read_answer(status, body, is_charge=is_charge)


def read_answer(status: int, body: bytes, *, is_charge: bool) -> Outcome:
    """
    Read an answer.

    Args:
        status: of the HTTP response.
        body: its body.
        is_charge: whether a charge was asked for, and not a token.
    """
    if status in {401, 403}:
        return Invalid(
            code=str(status),
            message="The payment gateway refused our credentials.",
            pay_error_code=int(PayErrorCode.CONFIGURATION),
        )
    if status != 200:
        return Unknown(message=MALFORMED)
    try:
        answer = _decoder.decode(body)
    except msgspec.MsgspecError:
        return Unknown(message=MALFORMED)
    identifier = answer.charge_id if is_charge else answer.token_id
    if answer.error_code is msgspec.UNSET:
        # An endpoint that does not say that all is well may be another's.
        return Unknown(message=MALFORMED)
    if answer.error_code is not None:
        return Declined(
            code=str(answer.error_code),
            message=answer.error_message or "The payment gateway gave no reason.",
            parameters=_texts(answer.parameters),
        )
    if not isinstance(identifier, str) or not identifier:
        return Unknown(message=MALFORMED)
    parameters = _texts(answer.parameters)
    if is_charge:
        return Approved(confirmation_code=identifier, parameters=parameters)
    return Approved(
        token=identifier, profile_id=answer.profile_id or "", parameters=parameters
    )


def _texts(parameters: dict[str, object] | None) -> dict[str, str]:
    """
    Take the members that are text; what is nested has no place in a callback.
    """
    given = (parameters or {}).items()
    return {name: value for name, value in given if isinstance(value, str)}
