"""
Answers: what is told of each outcome, and what of it must not be read.
"""

from dataclasses import replace

import pytest

from bridge.pay.answers import answer_of, result_of
from bridge.pay.outcomes import Approved, Declined, Invalid, NotSent, Outcome, Unknown
from bridge.pay.outputs import GatewayAnswer, Result
from tests.support.pay import ACCOUNT, VISA, secret


HELD = [secret(VISA), secret("123"), secret("1234")]


@pytest.mark.parametrize(
    ("outcome", "result", "charge_code", "token_code"),
    [
        (Approved(confirmation_code="x"), Result.SUCCESS, None, None),
        (Declined(code="c", message="m"), Result.CONNECTOR_ERROR, 64008, 64010),
        (
            Declined(code="c", message="m", pay_error_code=64012),
            Result.CONNECTOR_ERROR,
            64012,
            64012,
        ),
        (
            Invalid(code="c", message="m", pay_error_code=64009),
            Result.CONNECTOR_ERROR,
            64009,
            64009,
        ),
        (NotSent(message="m"), Result.CONNECTOR_ERROR, 64002, 64002),
        (Unknown(message="m"), Result.CONNECTOR_ERROR, 64002, 64002),
    ],
)
def test_outcome_has_its_result_and_code(
    outcome: Outcome, result: Result, charge_code: int | None, token_code: int | None
) -> None:
    """
    A decline's code says what was declined, unless the gateway knows better.
    """
    assert result_of(outcome) is result
    assert answer_of(outcome, is_charge=True).pay_error_code == charge_code
    assert answer_of(outcome, is_charge=False).pay_error_code == token_code


@pytest.mark.parametrize("echo", [VISA, "4242 4242 4242 4242", "4242-4242-4242-4242"])
def test_approval_shows_no_card_number_where_the_gateway_sends_it_back(
    echo: str,
) -> None:
    """
    A number as a token, as a code or as a parameter is still a number.
    """
    outcome = Approved(
        confirmation_code=f"c-{echo}",
        token=echo,
        profile_id=f"p_{echo}",
        parameters={f"card {echo}": f"of {echo} and 123"},
    )
    answer = answer_of(outcome, is_charge=True, secrets=HELD)
    assert answer == GatewayAnswer(
        confirmation_code="c-[digits]",
        token="[digits]",
        profile_id="p_[digits]",
        parameters={"card [digits]": "of [digits] and [digits]"},
    )


def test_approval_keeps_ids_that_only_look_like_card_numbers() -> None:
    """
    Tokens are made to pass for numbers, and codes may hold a few digits by chance.
    """
    outcome = Approved(confirmation_code="ch_a123f", token="4111111111111111")
    answer = answer_of(outcome, is_charge=True, secrets=HELD)
    assert (answer.confirmation_code, answer.token) == ("ch_a123f", "4111111111111111")


def test_refusal_shows_nothing_of_what_was_sent() -> None:
    """
    Not the number, not the code, and no other card's number either.
    """
    words = f"No: {VISA} 123 4111111111111111 {ACCOUNT}"
    held = [*HELD, secret(ACCOUNT)]
    declined = Declined(code=words, message=words, parameters={"why": words})
    scrubbed = "No: [digits] [digits] [digits] [digits]"
    answer = answer_of(declined, is_charge=True, secrets=held)
    assert (answer.payment_error, answer.connector_error) == (scrubbed, scrubbed)
    assert answer.parameters == {"why": scrubbed}
    for outcome in (NotSent(message=words), Unknown(message=words)):
        answer = answer_of(outcome, is_charge=True, secrets=held)
        assert answer.payment_error.startswith(scrubbed)
    invalid = Invalid(code=words, message=words, pay_error_code=64001)
    assert answer_of(invalid, is_charge=True, secrets=held) == replace(
        answer_of(declined, is_charge=True, secrets=held),
        pay_error_code=64001,
        parameters={},
    )
