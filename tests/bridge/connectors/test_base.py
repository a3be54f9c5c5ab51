"""
Connectors in general: calls that print no card data, failures without an answer.
"""

import pytest

from bridge.connectors.base import Failure, GatewayCall, outcome_of_failure
from bridge.pay.outcomes import NotSent, Outcome, Unknown
from tests.support.pay import VISA


def test_gateway_call_prints_its_address_and_its_size_only() -> None:
    """
    Neither the body nor the credentials are in any text made of a call.
    """
    call = GatewayCall(
        url="https://gateway.example/pay",
        headers={"Authorization": "Basic c2VjcmV0"},
        body=bytearray(VISA.encode()),
        read_timeout_s=10.0,
    )
    text = "GatewayCall(url='https://gateway.example/pay', body=<16 bytes>)"
    assert repr(call) == text
    assert str(call) == text
    assert f"{call}" == text


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (
            Failure.NOT_CONNECTED,
            NotSent(message="No connection to the payment gateway."),
        ),
        (Failure.NO_ANSWER, Unknown(message="No answer from the payment gateway.")),
    ],
)
def test_failure_is_unknown_once_something_may_have_been_sent(
    failure: Failure, outcome: Outcome
) -> None:
    """
    Only where no connection was made is it certain that no money moved.
    """
    assert outcome_of_failure(failure) == outcome
