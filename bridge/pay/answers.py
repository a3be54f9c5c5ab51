"""
Answers: what there is to tell of an outcome, in the wire's terms.
"""

from bridge.pay.outcomes import Approved, Declined, Invalid, NotSent, Outcome, Unknown
from bridge.pay.outputs import GatewayAnswer, Result


GATEWAY_REFUSED_CHARGE = 64008
GATEWAY_REFUSED_TOKEN = 64010
SERVICE_UNAVAILABLE = 64002

OUTCOME_UNKNOWN = " The outcome is unknown; check with the gateway before trying again."


def result_of(outcome: Outcome) -> Result:
    """
    Tell how an outcome ends a session.
    """
    if isinstance(outcome, Approved):
        return Result.SUCCESS
    return Result.CONNECTOR_ERROR


def answer_of(outcome: Outcome, *, is_charge: bool) -> GatewayAnswer:
    """
    Tell what the agent's software is told of an outcome.

    Args:
        outcome: of the one request that was made.
        is_charge: whether money was to be moved, and not a token to be made.
    """
    match outcome:
        case Approved():
            return GatewayAnswer(
                confirmation_code=outcome.confirmation_code,
                token=outcome.token,
                profile_id=outcome.profile_id,
            )
        case Declined(code=code, message=message):
            return GatewayAnswer(
                pay_error_code=(
                    GATEWAY_REFUSED_CHARGE if is_charge else GATEWAY_REFUSED_TOKEN
                ),
                payment_error=message,
                connector_error=code,
            )
        case Invalid(code=code, message=message):
            return GatewayAnswer(
                pay_error_code=outcome.pay_error_code,
                payment_error=message,
                connector_error=code,
            )
        case NotSent(message=message):
            return GatewayAnswer(
                pay_error_code=SERVICE_UNAVAILABLE, payment_error=message
            )
        case Unknown(message=message):
            return GatewayAnswer(
                pay_error_code=SERVICE_UNAVAILABLE,
                payment_error=message + OUTCOME_UNKNOWN,
            )
