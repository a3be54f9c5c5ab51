"""
Changes: what the server wants remembered, as values.

All changes of one step are written in one transaction, so that a callback and
the change it reports are remembered together or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    """
    A payment was started.
    """

    sid: str
    account_sid: str
    call_sid: str
    state: str
    connector: str
    charge_amount: str | None
    currency: str
    status_callback: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMoved:
    """
    A payment changed its state, or where it reports to.
    """

    sid: str
    state: str
    result: str | None
    status_callback: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackQueued:
    """
    The agent's software is to be told something.
    """

    session_sid: str
    account_sid: str
    sequence: int
    url: str
    form: Mapping[str, str]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackPostponed:
    """
    A callback failed and will be tried again.
    """

    callback_id: int
    attempts: int
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackReplayed:
    """
    A dead letter that an operator wants delivered is on its way again.
    """

    callback_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackSettled:
    """
    A callback was delivered or given up.
    """

    callback_id: int
    is_delivered: bool
    attempts: int
    fault: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOpened:
    """
    A gateway is about to be asked.
    """

    attempt: str
    session_sid: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptSettled:
    """
    A gateway answered, or will not.
    """

    attempt: str
    outcome: str
    """`approved`, `declined`, `invalid`, `notsent` or `unknown`."""
    reference: str | None
    """The gateway's confirmation code, or a token."""
    at: datetime


Change: TypeAlias = (
    SessionOpened
    | SessionMoved
    | CallbackQueued
    | CallbackPostponed
    | CallbackReplayed
    | CallbackSettled
    | AttemptOpened
    | AttemptSettled
)
