"""
What every connector is: a way to write a request and a way to read an answer.

The server carries both; a connector never sees a socket, so nearly everything
about it can be tested without one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bridge.connectors.capabilities import Capabilities
from bridge.pay.outcomes import NotSent, Outcome, Unknown
from bridge.pay.request import ChargeRequest, PaymentRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCall:
    """
    One HTTP request to a gateway. Its body holds card data.
    """

    url: str
    headers: Mapping[str, str]
    body: bytearray
    """Wiped by whoever sent it."""
    read_timeout_s: float

    def __repr__(self) -> str:
        return f"GatewayCall(url={self.url!r}, body=<{len(self.body)} bytes>)"


class Failure(StrEnum):
    """
    How a request can fail without an answer.
    """

    NOT_CONNECTED = "not connected"
    """No connection, no TLS: provably nothing was sent."""
    NO_ANSWER = "no answer"
    """Something may have been sent, and no whole answer came back."""


class Connector(Protocol):
    """
    The adapter of one gateway.
    """

    @property
    def name(self) -> str:
        """
        The name that `PaymentConnector` chooses it by.
        """

    def capabilities(self, request: PaymentRequest) -> Capabilities:
        """
        Tell what can be asked of the gateway.

        Args:
            request: a payment that is about to start; most gateways can do the
                same for all.
        """

    def encode(self, request: ChargeRequest, attempt: str) -> GatewayCall:
        """
        Write a request.

        Args:
            request: what is wanted.
            attempt: our id of this attempt, the gateway's idempotency key.
        """

    def decode(self, status: int, body: bytes, request: ChargeRequest) -> Outcome:
        """
        Read an answer.

        Args:
            status: of the HTTP response.
            body: its body.
            request: what was wanted, to tell a token from a charge.
        """


def outcome_of_failure(failure: Failure) -> Outcome:
    """
    Tell what a request without an answer means.
    """
    match failure:
        case Failure.NOT_CONNECTED:
            return NotSent(message="No connection to the payment gateway.")
        case Failure.NO_ANSWER:
            return Unknown(message="No answer from the payment gateway.")
