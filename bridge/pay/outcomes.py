"""
Outcomes: what a gateway made of a request. A decline is one, and so is silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """
    Money moved, or a token was made.
    """

    confirmation_code: str = ""
    token: str = ""
    profile_id: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What else the gateway says, by its own names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """
    The issuer or the gateway said no, and means it.
    """

    code: str
    message: str
    pay_error_code: int | None = None
    """The wire's code, where it is another than that of a rejected charge or
    token: 64012 for a card that was refused, say."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What else the gateway says, by its own names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalid:
    """
    The gateway refused the request before it asked any issuer.
    """

    code: str
    message: str
    pay_error_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """
    Provably nothing left: no connection was made.
    """

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """
    The request left and no trustworthy answer came; the money may have moved.
    """

    message: str


Outcome: TypeAlias = Approved | Declined | Invalid | NotSent | Unknown
