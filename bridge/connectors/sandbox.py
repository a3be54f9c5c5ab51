"""
The sandbox connector: the Generic wire, spoken to the sandbox gateway.
"""

from dataclasses import dataclass, replace

import msgspec

from bridge.connectors.base import Attempt, GatewayCall, NotFound
from bridge.connectors.capabilities import NAME_PARAMETER, Capabilities
from bridge.connectors.generic import (
    decode_answer,
    encode_request,
    headers,
    read_answer,
)
from bridge.connectors.sandbox_gateway import (
    BEHAVIOUR_PARAMETER,
    LOOKUP,
    NO_TRANSACTION,
    NOT_A_TEST_ACCOUNT,
    NOT_A_TEST_CARD,
)
from bridge.pay.codes import PayErrorCode
from bridge.pay.outcomes import Declined, Invalid, Outcome, Unknown
from bridge.pay.request import ChargeRequest, PaymentMethod, PaymentRequest, TokenType


IN_PROCESS_URL = "sandbox:"
"""Where the gateway is when it lives in the bridge's own process."""

TOKEN_TYPES = frozenset({TokenType.ONE_TIME, TokenType.REUSABLE})
"""`payment-method` is Stripe's alone."""

MERCHANT_PARAMETER = "MerchantAccountId"
"""What Braintree needs, and the sandbox where 64015 is asked for."""

_INVALID = {
    NOT_A_TEST_CARD: PayErrorCode.INVALID_TEST_CARD,
    NOT_A_TEST_ACCOUNT: PayErrorCode.INVALID_TEST_ACCOUNT,
    **{
        str(int(code)): code
        for code in (
            PayErrorCode.CONFIGURATION,
            PayErrorCode.SERVICE_UNAVAILABLE,
            PayErrorCode.INVALID_CHARGE_AMOUNT,
            PayErrorCode.NOT_AUTHORIZED,
            PayErrorCode.INVALID_TEST_CARD,
            PayErrorCode.INVALID_TEST_ACCOUNT,
        )
    },
}
"""Refused before any issuer was asked, by the gateway's own code."""


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

    def capabilities(self, request: PaymentRequest) -> Capabilities:
        """
        Tell what can be asked; see `Connector`.

        The code in `Parameter={"sandbox": "64005"}` takes away what must be
        lacking for a start to be refused with it.
        """
        everything = dict.fromkeys(PaymentMethod, TOKEN_TYPES)
        match request.parameters.get(BEHAVIOUR_PARAMETER):
            case "64005":
                return Capabilities(tokens={})
            case "64007":
                return Capabilities(charges=frozenset(), tokens=everything)
            case "64011":
                return Capabilities(tokens=everything, currencies=frozenset())
            case "64013":
                return Capabilities(charges=frozenset(), tokens={})
            case "64014":
                needed = {PaymentMethod.ACH_DEBIT: frozenset({NAME_PARAMETER})}
                return Capabilities(tokens=everything, parameters=needed)
            case "64015":
                needed = dict.fromkeys(PaymentMethod, frozenset({MERCHANT_PARAMETER}))
                return Capabilities(tokens=everything, parameters=needed)
            case "64024":
                return Capabilities(tokens=everything, is_approved=False)
            case "invalid-bank-account-type":
                return Capabilities(tokens=everything, bank_account_types=frozenset())
            case _:
                return Capabilities(tokens=everything)

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
        return replace(call, read_timeout_s=self.read_timeout_s)

    def decode(self, status: int, body: bytes, request: ChargeRequest) -> Outcome:
        """
        Read an answer; see `Connector`.
        """
        return _judged(decode_answer(status, body, request))

    @property
    def final_after_s(self) -> float:
        """
        As long as an answer is waited for; see `Connector`.
        """
        return self.read_timeout_s

    def encode_lookup(self, attempt: Attempt) -> GatewayCall | None:
        """
        Write a question; see `Connector`.
        """
        question = {"method": LOOKUP, "transaction_id": attempt.key}
        return GatewayCall(
            url=self.url,
            headers=headers(self.username, self.password),
            body=bytearray(msgspec.json.encode(question)),
            read_timeout_s=self.read_timeout_s,
        )

    def decode_lookup(
        self, status: int, body: bytes, attempt: Attempt
    ) -> Outcome | NotFound:
        """
        Read the answer to it; see `Connector`.
        """
        if status == 404 and _error_code(body) == NO_TRANSACTION:
            return NotFound()
        if status != 200:
            # Credentials that are refused now say nothing about what was sent.
            return Unknown(message=f"The lookup was answered with status {status}.")
        is_charge = attempt.charge_amount is not None
        return _judged(read_answer(status, body, is_charge=is_charge))


class _Error(msgspec.Struct):
    error_code: str


def _error_code(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Error).error_code
    except msgspec.MsgspecError:
        return ""


def _judged(outcome: Outcome) -> Outcome:
    if not isinstance(outcome, Declined):
        return outcome
    if outcome.code in _INVALID:
        return Invalid(
            code=outcome.code,
            message=outcome.message,
            pay_error_code=int(_INVALID[outcome.code]),
        )
    if outcome.code == str(int(PayErrorCode.CARD_REJECTED)):
        return replace(outcome, pay_error_code=int(PayErrorCode.CARD_REJECTED))
    return outcome
