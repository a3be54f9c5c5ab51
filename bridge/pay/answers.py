"""
Answers: what is told of a gateway's outcome.

Gateways quote what they were sent. Whatever they said is scrubbed of it here,
while the session still knows what that was.
"""

from collections.abc import Iterable, Mapping

from bridge.pay.codes import PayErrorCode
from bridge.pay.outcomes import Approved, Declined, Invalid, NotSent, Outcome, Unknown
from bridge.pay.outputs import GatewayAnswer, Result
from bridge.scrub import hide, hide_secrets
from bridge.secret import Secret


SERVICE_UNAVAILABLE = int(PayErrorCode.SERVICE_UNAVAILABLE)

OUTCOME_UNKNOWN = " The outcome is unknown; check with the gateway before trying again."

_SHORTEST_TELLING = 8
"""Digits that an id of the gateway's own does not have in a row by chance."""


def result_of(outcome: Outcome) -> Result:
    """
    Tell what a session ends with.
    """
    is_approved = isinstance(outcome, Approved)
    return Result.SUCCESS if is_approved else Result.CONNECTOR_ERROR


def answer_of(
    outcome: Outcome, *, is_charge: bool, secrets: Iterable[Secret] = ()
) -> GatewayAnswer:
    """
    Put an outcome into the wire's words.

    Args:
        outcome: what came of a request.
        is_charge: whether money was wanted, or else a token.
        secrets: what the gateway was sent and must not be read in its answer.
    """
    held = list(secrets)
    code = _code(outcome, is_charge=is_charge)
    match outcome:
        case Approved():
            long = [secret for secret in held if len(secret) >= _SHORTEST_TELLING]
            return GatewayAnswer(
                # A token may pass for a card number by its check digit alone, so
                # only the very number that was sent is looked for.
                confirmation_code=hide_secrets(outcome.confirmation_code, long),
                token=hide_secrets(outcome.token, long),
                profile_id=hide_secrets(outcome.profile_id, long),
                parameters=_scrubbed(outcome.parameters, held),
            )
        case Declined():
            return GatewayAnswer(
                pay_error_code=code,
                payment_error=hide(outcome.message, held),
                connector_error=hide(outcome.code, held),
                parameters=_scrubbed(outcome.parameters, held),
            )
        case Invalid():
            return GatewayAnswer(
                pay_error_code=code,
                payment_error=hide(outcome.message, held),
                connector_error=hide(outcome.code, held),
            )
        case NotSent():
            return GatewayAnswer(
                pay_error_code=code, payment_error=hide(outcome.message, held)
            )
        case Unknown():
            return GatewayAnswer(
                pay_error_code=code,
                payment_error=hide(outcome.message, held) + OUTCOME_UNKNOWN,
            )


def _code(outcome: Outcome, *, is_charge: bool) -> int | None:
    match outcome:
        case Approved():
            return None
        case Declined(pay_error_code=None):
            rejected = (
                PayErrorCode.CHARGE_REJECTED
                if is_charge
                else PayErrorCode.TOKEN_REJECTED
            )
            return int(rejected)
        case Declined(pay_error_code=code) | Invalid(pay_error_code=code):
            return code
        case NotSent() | Unknown():
            return SERVICE_UNAVAILABLE


def _scrubbed(parameters: Mapping[str, str], held: list[Secret]) -> Mapping[str, str]:
    return {hide(name, held): hide(text, held) for name, text in parameters.items()}
