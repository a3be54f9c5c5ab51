"""
The Generic Pay Connector's wire: what is written, and what answers mean.
"""

import gc
import json
from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from bridge.connectors.base import GatewayCall
from bridge.connectors.generic import (
    MALFORMED,
    decode_answer,
    encode_request,
)
from bridge.pay.outcomes import Approved, Declined, Invalid, Outcome, Unknown
from bridge.pay.request import ChargeRequest
from bridge.secret import Secret
from tests.support.pay import (
    ACCOUNT,
    ACH,
    CHARGE,
    ROUTING,
    TOKENIZE,
    VISA,
    count_in_memory,
    secret,
)


class _Watched(Secret):
    """
    A secret that remembers the copies that were made of it.
    """

    def __init__(self, digits: bytes) -> None:
        super().__init__(digits)
        self.copies: list[bytearray] = []

    def reveal(self) -> bytearray:
        """
        Give a copy, and remember it.
        """
        self.copies.append(super().reveal())
        return self.copies[-1]


ATTEMPT = "a0123456789abcdef01"

CARD_CHARGE = ChargeRequest(
    payment=replace(
        CHARGE,
        charge_amount=Decimal("10.00"),
        description='Tea & "cake" – 2',
        parameters={"order": "17", "quote": '"\\'},
    ),
    card_number=secret(VISA),
    expiration_date=secret("0827"),
    security_code=secret("123"),
    postal_code=secret("01234"),
)
CARD_TOKEN = ChargeRequest(
    payment=TOKENIZE,
    card_number=secret(VISA),
    expiration_date=secret("0827"),
    security_code=None,
    postal_code=None,
)


ACCOUNT_CHARGE = ChargeRequest(
    payment=replace(ACH, charge_amount=Decimal("10.00")),
    routing_number=secret(ROUTING),
    account_number=secret(ACCOUNT),
)
ACCOUNT_TOKEN = replace(ACCOUNT_CHARGE, payment=replace(ACH, charge_amount=None))


def _encode(request: ChargeRequest) -> GatewayCall:
    return encode_request(
        request,
        ATTEMPT,
        url="https://gateway.example/pay",
        username="user",
        password="pass:word",
    )


@pytest.mark.parametrize(
    ("request_", "golden"),
    [
        (
            CARD_CHARGE,
            {
                "method": "charge",
                "transaction_id": ATTEMPT,
                "cardnumber": VISA,
                "cvv": "123",
                "expiry_month": "08",
                "expiry_year": "27",
                "amount": "10.00",
                "currency_code": "USD",
                "description": 'Tea & "cake" – 2',
                "postal_code": "01234",
                "parameters": {"order": "17", "quote": '"\\'},
            },
        ),
        (
            CARD_TOKEN,
            {
                "method": "tokenize",
                "transaction_id": ATTEMPT,
                "cardnumber": VISA,
                "cvv": None,
                "expiry_month": "08",
                "expiry_year": "27",
                "description": None,
                "postal_code": None,
                "parameters": {},
            },
        ),
        (
            ACCOUNT_CHARGE,
            {
                "method": "charge",
                "transaction_id": ATTEMPT,
                "bankaccountnumber": "123456789",
                "routingnumber": "121181976",
                "amount": "10.00",
                "currency_code": "USD",
                "description": None,
                "parameters": {},
            },
        ),
        (
            ACCOUNT_TOKEN,
            {
                "method": "tokenize",
                "transaction_id": ATTEMPT,
                "bankaccountnumber": "123456789",
                "routingnumber": "121181976",
                "description": None,
                "parameters": {},
            },
        ),
    ],
)
def test_request_has_the_protocol_s_fields_and_no_other(
    request_: ChargeRequest, golden: dict[str, object]
) -> None:
    """
    Every scalar is a string or null, and a token request has no amount.
    """
    call = _encode(request_)
    assert msgspec.json.decode(call.body) == golden
    assert json.loads(bytes(call.body)) == golden
    assert call.url == "https://gateway.example/pay"
    assert call.headers == {
        "Authorization": "Basic dXNlcjpwYXNzOndvcmQ=",
        "Content-Type": "application/json",
    }
    assert call.read_timeout_s == 10.0


def test_request_holds_the_card_number_once_and_leaves_the_session_s_alone() -> None:
    """
    Secrets are copied once, into a buffer that can be overwritten in place.
    """
    call = _encode(CARD_CHARGE)
    assert bytes(call.body).count(VISA.encode()) == 1
    assert VISA not in repr(call)
    for place in range(len(call.body)):
        call.body[place] = 0
    assert set(call.body) == {0}
    assert CARD_CHARGE.card_number == secret(VISA)


def test_request_is_made_without_a_copy_of_a_secret() -> None:
    """
    Digits go from the secret into the body and nowhere else.
    """
    card, date = _Watched(VISA.encode()), _Watched(b"0827")
    code, postal = _Watched(b"123"), _Watched(b"94109")
    _encode(
        ChargeRequest(
            payment=CHARGE,
            card_number=card,
            expiration_date=date,
            security_code=code,
            postal_code=postal,
        )
    )
    copies = [copy for held in (card, date, code, postal) for copy in held.copies]
    assert copies == []


def test_request_leaves_no_card_number_in_memory_when_it_is_wiped() -> None:
    """
    Making a request's body leaves no copy behind that nobody can wipe.
    """
    # No card number at all: no such brand, no such check digit. It is computed
    # so that it lies nowhere but where the secret puts it, and sought by its end:
    # the allocator writes over the beginning of what it is given back.
    digits = [(7 * place + 3) % 10 for place in range(19)]
    hidden = bytes(255 - ord("0") - digit for digit in digits[8:])
    assert count_in_memory(hidden) == 0
    number = Secret()
    for digit in digits:
        number.append(ord("0") + digit)
    assert count_in_memory(hidden) == 1
    for n_letters in range(0, 200, 20):
        payment = replace(CARD_CHARGE.payment, description="x" * n_letters)
        call = _encode(replace(CARD_CHARGE, payment=payment, card_number=number))
        for place in range(len(call.body)):
            call.body[place] = 0
    number.wipe()
    gc.collect()
    assert count_in_memory(hidden) == 0


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (
            200,
            b'{"charge_id": "ch_1", "error_code": null, "error_message": null}',
            Approved(confirmation_code="ch_1"),
        ),
        (
            200,
            b'{"charge_id": "ch_1", "error_code": null, "parameters": {"a": [1]}}',
            Approved(confirmation_code="ch_1"),
        ),
        # A fresh id beside an error: the error is what counts.
        (
            200,
            b'{"charge_id": "ch_1", "error_code": "error1", "error_message": "Poor"}',
            Declined(code="error1", message="Poor"),
        ),
        (
            200,
            b'{"charge_id": null, "error_code": 51, "error_message": null}',
            Declined(code="51", message="The payment gateway gave no reason."),
        ),
        (
            401,
            b"",
            Invalid(
                code="401",
                message="The payment gateway refused our credentials.",
                pay_error_code=64001,
            ),
        ),
        (
            403,
            b"{}",
            Invalid(
                code="403",
                message="The payment gateway refused our credentials.",
                pay_error_code=64001,
            ),
        ),
    ],
)
def test_answer_means_what_the_protocol_says(
    status: int, body: bytes, outcome: Outcome
) -> None:
    """
    Success is 200 with no error and an id; anything definite is told as such.
    """
    assert decode_answer(status, body, CARD_CHARGE) == outcome


def test_answer_to_a_token_request_gives_the_token() -> None:
    """
    A token is read from a field of its own.
    """
    body = b'{"token_id": "tok_1", "error_code": null, "error_message": null}'
    assert decode_answer(200, body, CARD_TOKEN) == Approved(token="tok_1")
    more = body.replace(b"{", b'{"profile_id": "p_1", ')
    assert decode_answer(200, more, CARD_TOKEN) == Approved(
        token="tok_1", profile_id="p_1"
    )
    assert decode_answer(200, body, CARD_CHARGE) == Unknown(message=MALFORMED)


def test_answer_s_own_parameters_are_kept_as_far_as_they_are_text() -> None:
    """
    Connectors tell more than the wire has fields for; what is nested is left out.
    """
    body = b'{"charge_id": "ch_1", "error_code": %s, "error_message": "Poor", '
    body += b'"parameters": {"gateway_status": "ok", "n": 1, "more": {"a": "b"}}}'
    assert decode_answer(200, body % b"null", CARD_CHARGE) == Approved(
        confirmation_code="ch_1", parameters={"gateway_status": "ok"}
    )
    assert decode_answer(200, body % b'"x"', CARD_CHARGE) == Declined(
        code="x", message="Poor", parameters={"gateway_status": "ok"}
    )


def test_answer_is_unknown_when_it_cannot_be_trusted() -> None:
    """
    The merchant may have charged: malformed is no decline.
    """
    assert MALFORMED == "Got malformed response from Payment Provider."
    good = b'{"charge_id": "ch_1", "error_code": null, "error_message": null}'
    answers = [
        *((status, good) for status in (201, 204, 302, 400, 404, 429, 500, 503)),
        *((200, body) for body in (b"", b"<html>OK</html>", b"[]", b"\xff\xfe")),
        *((200, good.replace(b'"ch_1"', other)) for other in (b"null", b'""', b"17")),
        (200, good.replace(b"charge_id", b"token_id")),
        (200, good.replace(b'_code": null', b'_code": {}')),
        (500, b'{"charge_id": null, "error_code": "x", "error_message": "y"}'),
    ]
    for status, body in answers:
        outcome = decode_answer(status, body, CARD_CHARGE)
        assert outcome == Unknown(message=MALFORMED), (status, body)


@pytest.mark.parametrize("body", [b"{}", b'{"charge_id": "ch_1"}'])
def test_answer_is_unknown_when_a_key_is_missing(body: bytes) -> None:
    """
    Null says that there is no error; a key that is not there says nothing.
    """
    assert decode_answer(200, body, CARD_CHARGE) == Unknown(message=MALFORMED)
