"""
A payment gateway that moves no money.

It speaks the Generic Pay Connector's protocol, knows published test cards only,
and lets the card, the amount or a parameter choose the outcome. It remembers
what it was asked by transaction id, so that a request sent twice charges once,
and so that it can be asked what became of one: the method `lookup`, which that
protocol lacks.
"""

import base64
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from bridge.pay.codes import MESSAGES, PayErrorCode


class Behaviour(StrEnum):
    """
    What the gateway does with a request.
    """

    APPROVE = "approve"
    DECLINE = "decline"
    ERROR = "error"
    """Answer 500 with an HTML page."""
    TIMEOUT = "timeout"
    """Do what was asked, and never answer, nor tell when asked again."""
    LOST = "lost"
    """Do what was asked, never answer, but tell when asked again."""


APPROVED_CARDS = frozenset(
    {
        # Published by Twilio for its TEST mode.
        "4111111111111111",
        "5555555555554444",
        "378282246310005",
        "6011111111111117",
        "3566002020360505",
        "6200000000000005",
        "6771798021000008",
        # Published by Stripe.
        "4242424242424242",
        "4000056655665556",
        "5200828282828210",
        "2223003122003222",
        "5105105105105100",
        "371449635398431",
        "6011000990139424",
        "30569309025904",
        "36227206271667",
    }
)
"""Published test numbers that are approved."""

DECLINED_CARDS = {
    # Published by Stripe, with these reasons.
    "4000000000000002": ("card_declined", "The card was declined."),
    "4000000000009995": ("insufficient_funds", "The card has insufficient funds."),
    "4000000000000069": ("expired_card", "The card has expired."),
    "4000000000000127": ("incorrect_cvc", "The security code is incorrect."),
}
"""Published test numbers that are declined, with code and reason."""

ERROR_CARD = "4000000000000119"
"""Published by Stripe for a processing error."""

KNOWN_CARDS = APPROVED_CARDS | DECLINED_CARDS.keys() | {ERROR_CARD}
"""All published numbers that the gateway takes."""

ERROR_CENTS = "51"
TIMEOUT_CENTS = "52"
DECLINE_CENTS = "53"
LOST_CENTS = "54"
"""Amounts with these decimals choose an outcome for any card."""

BEHAVIOUR_PARAMETER = "sandbox"
"""The member of `Parameter` that chooses an outcome for any card and amount."""

ECHO = "echo"
"""Approve, and answer with the other members of `Parameter`."""

NOT_A_TEST_CARD = "invalid_test_card"
NOT_A_TEST_ACCOUNT = "invalid_test_account"

KNOWN_ACCOUNTS = frozenset(
    {
        # Published by Twilio for its TEST mode.
        "12345678",
        "123456789",
        # Published by Stripe.
        "000123456789",
    }
)
"""Published test bank accounts, which are all approved."""

ERROR_CODES = {
    str(int(code)): MESSAGES[code]
    for code in (
        PayErrorCode.CONFIGURATION,
        PayErrorCode.SERVICE_UNAVAILABLE,
        PayErrorCode.INVALID_CHARGE_AMOUNT,
        PayErrorCode.CHARGE_REJECTED,
        PayErrorCode.NOT_AUTHORIZED,
        PayErrorCode.TOKEN_REJECTED,
        PayErrorCode.CARD_REJECTED,
        PayErrorCode.INVALID_TEST_CARD,
        PayErrorCode.INVALID_TEST_ACCOUNT,
    )
}
"""Codes that `BEHAVIOUR_PARAMETER` may name: the gateway refuses with them."""

LOOKUP = "lookup"
NO_TRANSACTION = "transaction_not_found"
"""The error code that says so; a bare 404 may come from anywhere."""


class _Request(msgspec.Struct):
    method: str
    transaction_id: str
    cardnumber: str | None = None
    bankaccountnumber: str | None = None
    amount: str | None = None
    parameters: dict[str, str] | None = None


_decoder = msgspec.json.Decoder(_Request)


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """
    One HTTP answer; a status of 0 means that none is ever given.
    """

    status: int
    body: bytes = b""


@dataclass(slots=True)
class Transaction:
    """
    What the gateway remembers of a request. No card data.
    """

    method: str
    amount: str | None
    behaviour: Behaviour
    answer: GatewayAnswer
    """Whether or not it was given."""
    n_requests: int = 1
    """How often it was sent."""


@dataclass(slots=True)
class SandboxGateway:
    """
    The gateway's memory and manners.
    """

    username: str
    password: str
    new_id: Callable[[], str]
    """Gives a new unguessable id; randomness comes from outside."""
    transactions: dict[str, Transaction] = field(default_factory=dict)
    """By transaction id."""

    def receive_request(self, authorization: str, body: bytes) -> GatewayAnswer:
        """
        Answer one request.

        Args:
            authorization: the value of that header.
            body: JSON.
        """
        login = base64.b64encode(f"{self.username}:{self.password}".encode())
        expected = b"Basic " + login
        if not hmac.compare_digest(expected, authorization.encode()):
            return _json(401, {"error_code": "unauthorized"})
        try:
            request = _decoder.decode(body)
        except msgspec.MsgspecError:
            return _json(400, {"error_code": "bad_request"})
        known = self.transactions.get(request.transaction_id)
        if request.method == LOOKUP:
            return _tell(known)
        if not request.cardnumber and not request.bankaccountnumber:
            return _json(400, {"error_code": "bad_request"})
        if known is not None:
            known.n_requests += 1
            return known.answer
        behaviour = _behaviour(request)
        answer = self._answer(behaviour, request)
        self.transactions[request.transaction_id] = Transaction(
            request.method, request.amount, behaviour, answer
        )
        if behaviour in {Behaviour.TIMEOUT, Behaviour.LOST}:
            return GatewayAnswer(0)
        return answer

    def _answer(self, behaviour: Behaviour, request: _Request) -> GatewayAnswer:
        is_token = request.method == "tokenize"
        kind = "token_id" if is_token else "charge_id"
        if behaviour is Behaviour.ERROR:
            return GatewayAnswer(500, b"<html>Internal Server Error</html>")
        reason = _reason(behaviour, request)
        if reason is not None:
            code, message = reason
            return _json(
                200, {kind: None, "error_code": code, "error_message": message}
            )
        prefix = "tok_" if is_token else "ch_"
        answer = {kind: prefix + self.new_id(), "error_code": None}
        body: dict[str, object] = {**answer, "error_message": None}
        if _wish(request) == ECHO:
            own = dict(request.parameters or {})
            del own[BEHAVIOUR_PARAMETER]
            body["parameters"] = own
        return _json(200, body)


def _reason(behaviour: Behaviour, request: _Request) -> tuple[str, str] | None:
    """
    Tell why a request is refused, as code and text; `None` if it is not.
    """
    card, wish = request.cardnumber, _wish(request)
    if wish in ERROR_CODES:
        return wish, ERROR_CODES[wish]
    if behaviour is Behaviour.DECLINE:
        return DECLINED_CARDS.get(
            card or "", ("card_declined", "The card was declined.")
        )
    if card is not None and card not in KNOWN_CARDS:
        return NOT_A_TEST_CARD, "The sandbox takes published test cards only."
    if card is None and request.bankaccountnumber not in KNOWN_ACCOUNTS:
        return NOT_A_TEST_ACCOUNT, "The sandbox takes published test accounts only."
    return None


def _wish(request: _Request) -> str:
    return (request.parameters or {}).get(BEHAVIOUR_PARAMETER, "")


def _tell(transaction: Transaction | None) -> GatewayAnswer:
    if transaction is None:
        return _json(404, {"error_code": NO_TRANSACTION})
    if transaction.behaviour in {Behaviour.ERROR, Behaviour.TIMEOUT}:
        return GatewayAnswer(503, b"<html>Service Unavailable</html>")
    return transaction.answer


def _behaviour(request: _Request) -> Behaviour:
    wish = _wish(request)
    if wish in set(Behaviour):
        return Behaviour(str(wish))
    cents = (request.amount or "").partition(".")[2]
    card = request.cardnumber
    if cents == TIMEOUT_CENTS:
        return Behaviour.TIMEOUT
    if cents == LOST_CENTS:
        return Behaviour.LOST
    if cents == ERROR_CENTS or card == ERROR_CARD:
        return Behaviour.ERROR
    if cents == DECLINE_CENTS or card in DECLINED_CARDS:
        return Behaviour.DECLINE
    return Behaviour.APPROVE


def _json(status: int, body: Mapping[str, object]) -> GatewayAnswer:
    return GatewayAnswer(status, msgspec.json.encode(body))
