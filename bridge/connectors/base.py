"""
What every connector is: a way to write a request and a way to read an answer.

The server carries both; a connector never sees a socket, so nearly everything
about it can be tested without one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """
    A request that was sent, as the ledger remembers it: without card data.
    """

    key: str
    """Our id of it, the gateway's idempotency key."""
    charge_amount: Decimal | None
    """`None` if a token was asked for."""
    currency: str
    sent_at: datetime
    """Aware UTC, shortly before it left."""


@dataclass(frozen=True, slots=True)
class NotFound:
    """
    The gateway has no record of an attempt.

    Not the answer of a wrong address, a proxy or a gateway in trouble: only a
    gateway that was understood, and that understood us, can say so.
    """


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

    @property
    def final_after_s(self) -> float:
        """
        How long after a request was sent the gateway may still be taking it in.

        Until then `NotFound` means nothing.
        """

    def encode_lookup(self, attempt: Attempt) -> GatewayCall | None:
        """
        Write a question: what became of an attempt? It must change nothing.

        Returns:
            `None` if the gateway cannot be asked.
        """

    def decode_lookup(
        self, status: int, body: bytes, attempt: Attempt
    ) -> Outcome | NotFound:
        """
        Read the answer to it.

        Returns:
            What became of the attempt; `Unknown` if the answer does not tell.
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
