"""
The sandbox connector, speaking to the sandbox gateway.
"""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bridge.connectors.base import Attempt, Connector, NotFound
from bridge.connectors.sandbox import SandboxConnector
from bridge.connectors.sandbox_gateway import SandboxGateway
from bridge.pay.outcomes import Approved, Declined, Invalid, Outcome, Unknown
from bridge.pay.request import ChargeRequest
from tests.support.pay import CHARGE, DECLINED, TOKENIZE, VISA, secret


CONNECTOR: Connector = SandboxConnector()


def _request(card: str, *, token: bool = False, amount: str = "9.99") -> ChargeRequest:
    charge = replace(CHARGE, charge_amount=Decimal(amount))
    return ChargeRequest(
        payment=TOKENIZE if token else charge,
        card_number=secret(card),
        expiration_date=secret("1230"),
        security_code=secret("123"),
        postal_code=secret("94109"),
    )


def _ask(
    gateway: SandboxGateway, request: ChargeRequest, connector: Connector = CONNECTOR
) -> Outcome:
    call = connector.encode(request, "a1")
    answer = gateway.receive_request(call.headers["Authorization"], bytes(call.body))
    return connector.decode(answer.status, answer.body, request)


CARD_DECLINED = Declined(code="card_declined", message="The card was declined.")

NO_TEST_CARD = Invalid(
    code="invalid_test_card",
    message="The sandbox takes published test cards only.",
    pay_error_code=64022,
)


@pytest.mark.parametrize(
    ("request_", "outcome"),
    [
        (_request(VISA), Approved(confirmation_code="ch_id1")),
        (_request(VISA, token=True), Approved(token="tok_id1")),
        (
            _request(DECLINED),
            CARD_DECLINED,
        ),
        (
            _request(DECLINED, token=True),
            CARD_DECLINED,
        ),
        (
            # Not even a number: its check digit is wrong.
            _request("4000000000000000"),
            NO_TEST_CARD,
        ),
        (
            _request(VISA, amount="9.51"),
            Unknown(message="Got malformed response from Payment Provider."),
        ),
    ],
)
def test_sandbox_answers_as_a_gateway_does(
    request_: ChargeRequest, outcome: Outcome
) -> None:
    """
    Connector and gateway understand each other, whatever is asked.
    """
    gateway = SandboxGateway("sandbox", "sandbox", lambda: "id1")
    assert _ask(gateway, request_) == outcome


def test_sandbox_refuses_wrong_credentials_as_a_configuration_error() -> None:
    """
    What is wrong then is the operator's setting, not the card.
    """
    gateway = SandboxGateway("sandbox", "another", lambda: "id1")
    assert _ask(gateway, _request(VISA)) == Invalid(
        code="401",
        message="The payment gateway refused our credentials.",
        pay_error_code=64001,
    )
    connector = SandboxConnector(password="another")
    assert _ask(gateway, _request(VISA), connector) == Approved(
        confirmation_code="ch_id1"
    )


def test_sandbox_connector_goes_where_it_is_told() -> None:
    """
    It lives in the bridge's process unless it is given an address.
    """
    call = CONNECTOR.encode(_request(VISA), "a1")
    assert (call.url, call.read_timeout_s) == ("sandbox:", 2.0)
    assert CONNECTOR.name == "Default"
    other = SandboxConnector(
        name="Test", url="https://gateway.example", read_timeout_s=1.0
    )
    call = other.encode(_request(VISA), "a1")
    assert (call.url, call.read_timeout_s) == ("https://gateway.example", 1.0)
    assert VISA not in repr(call)


def _attempt(amount: str | None = "9.99") -> Attempt:
    return Attempt(
        key="a1",
        charge_amount=None if amount is None else Decimal(amount),
        currency="USD",
        sent_at=datetime(2026, 6, 15, 12, tzinfo=UTC),
    )


def _look_up(gateway: SandboxGateway, attempt: Attempt) -> Outcome | NotFound:
    call = CONNECTOR.encode_lookup(attempt)
    assert call is not None
    answer = gateway.receive_request(call.headers["Authorization"], bytes(call.body))
    return CONNECTOR.decode_lookup(answer.status, answer.body, attempt)


@pytest.mark.parametrize(
    ("request_", "outcome"),
    [
        (_request(VISA), Approved(confirmation_code="ch_id1")),
        (_request(VISA, amount="9.54"), Approved(confirmation_code="ch_id1")),
        (
            _request(DECLINED),
            CARD_DECLINED,
        ),
        (
            _request("4000000000000000"),
            NO_TEST_CARD,
        ),
        (
            _request(VISA, amount="9.52"),
            Unknown(message="The lookup was answered with status 503."),
        ),
    ],
)
def test_sandbox_tells_what_became_of_an_attempt(
    request_: ChargeRequest, outcome: Outcome
) -> None:
    """
    As it would have been told at once, without the card, and not a second time.
    """
    gateway = SandboxGateway("sandbox", "sandbox", lambda: "id1")
    _ask(gateway, request_)
    assert _look_up(gateway, _attempt()) == outcome
    assert [t.n_requests for t in gateway.transactions.values()] == [1]


def test_sandbox_tells_what_became_of_a_token() -> None:
    """
    An attempt without an amount was for a token.
    """
    gateway = SandboxGateway("sandbox", "sandbox", lambda: "id1")
    _ask(gateway, _request(VISA, token=True))
    assert _look_up(gateway, _attempt(None)) == Approved(token="tok_id1")


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (404, b'{"error_code":"transaction_not_found"}', NotFound()),
        # Said by a proxy, by another server, by one that does not know us.
        (404, b"<html>", None),
        (404, b'{"error_code":"no such page"}', None),
        (404, b"", None),
        (401, b'{"error_code":"unauthorized"}', None),
        (200, b'{"error_code":"transaction_not_found"}', None),
        (200, b"<html>", None),
        (502, b"", None),
    ],
)
def test_sandbox_takes_only_the_gateways_own_word_for_no_record(
    status: int, body: bytes, found: NotFound | None
) -> None:
    """
    To take a wrong address for "nothing was charged" would lose a payment.
    """
    read = CONNECTOR.decode_lookup(status, body, _attempt())
    if found is not None:
        assert read == found
    else:
        assert not isinstance(read, NotFound | Approved)
