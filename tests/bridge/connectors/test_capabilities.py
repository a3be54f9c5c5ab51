"""
Capabilities: what a gateway cannot do is refused before a caller keys anything.
"""

from dataclasses import replace

import pytest

from bridge.connectors.capabilities import Capabilities
from bridge.pay.outputs import Refusal
from bridge.pay.request import PaymentMethod, PaymentRequest, TokenType
from tests.support.pay import ACH, CHARGE, TOKENIZE


CARD, BANK = PaymentMethod
ONE_TIME, REUSABLE, _ = TokenType
ACH_TOKEN = replace(ACH, charge_amount=None)

CARDS_ONLY = Capabilities(
    charges=frozenset({CARD}), tokens={CARD: frozenset({REUSABLE})}
)
TOKENS_ONLY = Capabilities(charges=frozenset())
CHARGES_ONLY = Capabilities(tokens={})
US_ONLY = Capabilities(currencies=frozenset({"USD"}))
CHASE = Capabilities(parameters={BANK: frozenset({"AVSName"})})
BRAINTREE = Capabilities(
    parameters={
        CARD: frozenset({"MerchantAccountId"}),
        BANK: frozenset({"AVSName", "MerchantAccountId"}),
    }
)


def _with(request: PaymentRequest, **parameters: str) -> PaymentRequest:
    return replace(request, parameters=parameters)


@pytest.mark.parametrize(
    "request_", [CHARGE, TOKENIZE, ACH, replace(CHARGE, currency="KWD")]
)
def test_gateway_that_can_do_everything_refuses_nothing(
    request_: PaymentRequest,
) -> None:
    """
    The defaults are everything there is.
    """
    assert Capabilities().refusal(request_) is None


@pytest.mark.parametrize(
    ("capabilities", "request_", "code"),
    [
        (CHARGES_ONLY, TOKENIZE, 64005),
        (CARDS_ONLY, replace(TOKENIZE, token_type=ONE_TIME), 64006),
        (TOKENS_ONLY, CHARGE, 64007),
        (US_ONLY, replace(CHARGE, currency="EUR"), 64011),
        (CARDS_ONLY, ACH, 64013),
        (CARDS_ONLY, ACH_TOKEN, 64013),
        (CHASE, ACH, 64014),
        (CHASE, _with(ACH, Name="Ada"), 64014),
        (BRAINTREE, CHARGE, 64015),
        (BRAINTREE, ACH, 64015),
        (Capabilities(is_approved=False), CHARGE, 64024),
    ],
)
def test_payment_is_refused_with_its_code(
    capabilities: Capabilities, request_: PaymentRequest, code: int
) -> None:
    """
    Each thing that can be lacking has a code of Twilio's.
    """
    refusal = capabilities.refusal(request_)
    assert refusal is not None
    assert refusal.code == code


@pytest.mark.parametrize(
    ("capabilities", "request_"),
    [
        (CHARGES_ONLY, CHARGE),
        (CARDS_ONLY, TOKENIZE),
        (TOKENS_ONLY, TOKENIZE),
        (US_ONLY, CHARGE),
        # No money moves: the currency is nobody's business.
        (US_ONLY, replace(TOKENIZE, currency="EUR")),
        (CHASE, CHARGE),
        (CHASE, _with(ACH, AVSName="Ada")),
        (BRAINTREE, _with(CHARGE, MerchantAccountId="m1")),
    ],
)
def test_payment_is_taken_where_nothing_is_lacking(
    capabilities: Capabilities, request_: PaymentRequest
) -> None:
    """
    What a gateway can do it is asked for.
    """
    assert capabilities.refusal(request_) is None


def test_refusal_names_what_is_missing_and_no_value() -> None:
    """
    The names come from the connector; what was sent is not repeated.
    """
    assert BRAINTREE.refusal(_with(ACH, Other="secret")) == Refusal(
        64015, "Missing a needed Parameter: AVSName, MerchantAccountId"
    )
    assert CHASE.refusal(ACH) == Refusal(64014, "ECP/ACH requires AVSName Parameter.")
