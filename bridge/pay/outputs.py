"""
What a pay session says.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from bridge.pay.cards import CardType
from bridge.pay.fields import ErrorType, Field
from bridge.pay.request import ChargeRequest


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
    CANCELLED = "transaction-cancelled"
    INTERNAL_ERROR = "internal-error"


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
    """Fields that are captured or being keyed, masked."""
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

    field: Field


@dataclass(frozen=True, slots=True)
class CaptureClosed:
    """
    Digits are not wanted any more.
    """


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


Output: TypeAlias = Report | CaptureOpened | CaptureClosed | ChargeWanted | SessionEnded


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    A command that was not carried out.
    """

    code: int
    """One of the wire's error codes."""
    message: str
