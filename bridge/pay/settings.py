"""
What an operator chooses for all sessions.
"""

from dataclasses import dataclass
from enum import StrEnum


class StarPolicy(StrEnum):
    """
    What the caller's `*` does during a capture.
    """

    END = "end"
    """End the session, as Twilio documents it."""
    CLEAR = "clear"
    """Forget the field's digits and let the caller begin again."""


class Reading(StrEnum):
    """
    Another reading of Twilio's wire; none is on by itself.

    Where its documents contradict themselves, its behaviour, or what clients read,
    the default is what clients read.
    """

    EXACT_POSTAL_CODE = "exact-postal-code-length"
    """`MinPostalCodeLength` is how many digits there are, not how many at least."""
    AMOUNT_WITH_TOKEN_TYPE = "amount-with-token-type"  # noqa: S105 - no secret
    """Both together are no error (64020): the amount is charged."""
    DOCUMENTED_REQUIRED = "documented-required"
    """`Required` lists fields of callbacks (`ExpirationDate`), not captures."""
    DOCUMENTED_CARD_MASK = "documented-card-mask"
    """Card numbers are shown in groups (`xxxx-xxxxxx-x4001`)."""
    PARTIAL_RESULT_FALSE = "partial-result-false"
    """`PartialResult` is `false` at a field's end, instead of absent."""
    COMMON_FIELDS_AT_END = "common-fields-at-end"
    """The last callback repeats what the first one said."""
    INCOMPLETE_ENDS = "incomplete-ends"
    """Completing too early ends the session with `validation-error`."""
    BUSY_BY_CALLBACK = "busy-by-callback"
    """A second start is also told of by `ErrorType` `session-in-progress`."""
    CONNECTER = "connecter"
    """`payment-connecter-error`, as older documents and clients spell it."""
    CONNECTOR_PARAMETERS = "connector-parameters"
    """A gateway's own parameters are told as `PayConnector_…`."""
    NO_CHECK_DIGITS = "no-check-digits"
    """Card and routing numbers are judged by their length and prefix alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaySettings:
    """
    What an operator chooses for all sessions.
    """

    star: StarPolicy = StarPolicy.END
    first_digit_timeout_s: float | None = None
    """Longest wait for the first digit of a capture; `None` for no limit, since
    callers look for their cards."""
    field_timeout_s: float | None = None
    """Longest time a capture may take in all; `None` for no limit."""
    confirmation_timeout_s: float = 30.0
    """How long a caller may take to confirm, once the prompt is over; counted from
    the prompt's begin if nobody tells how long it is."""
    session_timeout_s: float = 3600.0
    """Longest life of a session that no gateway is busy with."""
    agent_timeout_s: float | None = 120.0
    """How long the agent leg may stay away before the session ends; `None` for
    no limit."""
    max_failed_captures: int | None = None
    """How often one field may fail before the session ends; `None` for no limit:
    the agent decides."""
    min_bank_account_digits: int = 4
    """Twilio does not say; US account numbers have 4 to 17 digits (Nacha)."""
    readings: frozenset[Reading] = frozenset()
