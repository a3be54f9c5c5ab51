"""
The sandbox connector: the Generic wire, spoken to the sandbox gateway.
"""

from dataclasses import dataclass

from bridge.connectors.base import GatewayCall
from bridge.connectors.generic import decode_answer, encode_request
from bridge.connectors.sandbox_gateway import NOT_A_TEST_CARD
from bridge.pay.outcomes import Declined, Invalid, Outcome
from bridge.pay.request import ChargeRequest


IN_PROCESS_URL = "sandbox:"
"""Where the gateway is when it lives in the bridge's own process."""

INVALID_TEST_CARD = 64022


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConnector:
    """
    For trying things out: no money moves, and only test cards are taken.
    """

    name: str = "Default"
    url: str = IN_PROCESS_URL
    username: str = "sandbox"
    password: str = "sandbox"  # noqa: S105 - opens nothing but the sandbox
    read_timeout_s: float = 2.0

    def encode(self, request: ChargeRequest, attempt: str) -> GatewayCall:
        """
        Write a request; see `Connector`.
        """
        call = encode_request(
            request,
            attempt,
            url=self.url,
            username=self.username,
            password=self.password,
        )
        return GatewayCall(
            url=call.url,
            headers=call.headers,
            body=call.body,
            read_timeout_s=self.read_timeout_s,
        )

    def decode(self, status: int, body: bytes, request: ChargeRequest) -> Outcome:
        """
        Read an answer; see `Connector`.
        """
        outcome = decode_answer(status, body, request)
        if isinstance(outcome, Declined) and outcome.code == NOT_A_TEST_CARD:
            return Invalid(
                code=outcome.code,
                message=outcome.message,
                pay_error_code=INVALID_TEST_CARD,
            )
        return outcome
