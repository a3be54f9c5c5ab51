"""
What a pay session says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from bridge.pay.cards import CardType
from bridge.pay.fields import ErrorType, Field
from bridge.pay.request import ChargeRequest
from bridge.secret import Secret


class Step(StrEnum):
    """
    Which of the three kinds of callback a report becomes.
    """

    START = "start"
    UPDATE = "update"
    FINISH = "finish"


class Result(StrEnum):
    """
    How a session ended, in the wire's spelling.
    """

    SUCCESS = "success"
    CONNECTOR_ERROR = "payment-connector-error"
    INTERRUPTED_WITH_STAR = "caller-interrupted-with-star"
    HUNG_UP = "caller-hung-up"
    VALIDATION_ERROR = "validation-error"
    TOO_MANY_FAILURES = "too-many-failed-attempts"
    CANCELLED = "transaction-cancelled"
    INTERNAL_ERROR = "internal-error"


class Prompt(StrEnum):
    """
    What a caller is asked by a voice.
    """

    CONFIRM_CARD = "confirm-card"
    """Their card ends in these digits: 1 to pay with it, 2 to cancel."""
    CONFIRM_ACCOUNT = "confirm-account"
    """The same of a bank account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayAnswer:
    """
    What there is to tell of a gateway's answer.
    """

    confirmation_code: str = ""
    token: str = ""
    profile_id: str = ""
    pay_error_code: int | None = None
    payment_error: str = ""
    connector_error: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The gateway's own words about it, by its own names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    Something to tell the agent's software. All values in it are masked.
    """

    step: Step
    sequence: int
    """1 for a session's first report, one more for each that follows."""
    status_callback: str
    """Where to: the URL of the command that this belongs to."""
    required: tuple[Field, ...] = ()
    entries: tuple[tuple[Field, str], ...] = ()
    """Fields that are captured or being keyed, masked; no matchers: a second
    entry that is being keyed is shown in the place of the first."""
    card_type: CardType | None = None
    capture: Field | None = None
    is_partial: bool = False
    error_type: ErrorType | None = None
    result: Result | None = None
    answer: GatewayAnswer | None = None


@dataclass(frozen=True, slots=True)
class CaptureOpened:
    """
    Digits are wanted from now on.
    """

    wanted: Field | Prompt
    """Digits of a field, or a prompt's answer."""


@dataclass(frozen=True, slots=True)
class CaptureClosed:
    """
    Digits are not wanted any more. A prompt that is still being played ends.
    """


@dataclass(frozen=True, slots=True)
class PromptWanted:
    """
    The caller, and nobody else, is to hear something.

    Whoever plays it tells the session how long it takes (`receive_prompt_started`),
    so that the time to answer is counted from its end.
    """

    prompt: Prompt
    digits: Secret
    """To be spoken one by one. The session's own: wiped once the prompt is
    answered or out of date, so what is to be played is made at once."""


@dataclass(frozen=True, slots=True)
class ChargeWanted:
    """
    The gateway is to be asked, once.
    """

    request: ChargeRequest


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """
    The last output of a session.
    """

    result: Result


Output: TypeAlias = (
    Report | CaptureOpened | CaptureClosed | PromptWanted | ChargeWanted | SessionEnded
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    A command that was not carried out.
    """

    code: int
    """One of the wire's error codes."""
    message: str
