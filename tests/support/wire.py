"""
A payment as its clients see it: forms in, callbacks out, in made-up time.

Parameters, session, connector, sandbox gateway and callback bodies are the real
ones; there is no server and no socket between them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count

from bridge.api.errors import ApiError, pay_error
from bridge.api.params import StatusCommand, parse_start, parse_update, status_callback
from bridge.callbacks.body import Identity, callback_form
from bridge.connectors.sandbox import SandboxConnector
from bridge.connectors.sandbox_gateway import SandboxGateway
from bridge.pay.codes import CONFLICT, PayErrorCode
from bridge.pay.fields import Field
from bridge.pay.outcomes import Unknown
from bridge.pay.outputs import ChargeWanted, Output, Refusal, Report
from bridge.pay.session import PaySession
from bridge.pay.settings import PaySettings, Reading
from tests.support.pay import KEYS, SETTINGS, TODAY, URL, PayScene


IDENTITY = Identity(
    account_sid="AC1",
    call_sid="CA1",
    sid="PK1",
    created_at=datetime(2021, 8, 10, 3, 55, 53, 408_999, UTC),
)
UPDATED_AT = datetime(2021, 8, 10, 3, 56, 2, 7_000, UTC)

Form = Mapping[str, str]


class WirePayment:
    """
    One payment: an agent's software, a caller, a gateway.

    Args:
        settings: the operator's choices.
        form: what it is started with, besides what every start needs.

    Raises:
        ApiError: it was not started.
    """

    def __init__(self, settings: PaySettings = SETTINGS, /, **form: str) -> None:
        self.settings = settings
        self.request = parse_start(
            {"IdempotencyKey": "k1", "StatusCallback": URL, **form},
            takes_amount_with_token_type=(
                Reading.AMOUNT_WITH_TOKEN_TYPE in settings.readings
            ),
        )
        if self.request.payment_connector != "Default":
            raise pay_error(PayErrorCode.UNKNOWN_CONNECTOR)
        self._connector = SandboxConnector()
        numbers = count(1)
        self.gateway = SandboxGateway(
            "sandbox", "sandbox", lambda: f"id{next(numbers)}"
        )
        """What was charged is in its memory."""
        capabilities = self._connector.capabilities(self.request)
        _raise(capabilities.refusal(self.request))
        self.scene = PayScene.of(
            PaySession(
                self.request,
                settings,
                today=TODAY,
                now=1000.0,
                bank_account_types=capabilities.bank_account_types,
            )
        )
        self.sent: list[bytes] = []
        """What the gateway was sent."""

    @property
    def forms(self) -> list[dict[str, str]]:
        """
        All callbacks so far.
        """
        return [self._form(report) for report in self.scene.reports]

    @property
    def last(self) -> dict[str, str]:
        """
        The latest callback.
        """
        return self._form(self.scene.reports[-1])

    @property
    def target(self) -> str:
        """
        Where the latest callback goes.
        """
        return self.scene.reports[-1].status_callback

    def update(self, **form: str) -> list[dict[str, str]]:
        """
        Send a command of the agent's.

        Returns:
            The callbacks that come of it.

        Raises:
            ApiError: it was refused.
        """
        n_before = len(self.scene.reports)
        everything = {"IdempotencyKey": "k2", "StatusCallback": URL, **form}
        url, command = status_callback(everything), parse_update(everything)
        if isinstance(command, Field):
            _raise(self.scene.capture(command, url))
        elif command is StatusCommand.COMPLETE:
            _raise(self.scene.complete(url))
        else:
            _raise(self.scene.cancel(url))
        self._ask_gateway()
        return self.forms[n_before:]

    def press(self, keys: str) -> list[dict[str, str]]:
        """
        Have the caller press keys, two a second.
        """
        n_before = len(self.scene.reports)
        self.scene.press(keys)
        self._ask_gateway()
        return self.forms[n_before:]

    def capture(self, capture: str, keys: str | None = None) -> dict[str, str]:
        """
        Have a field captured.

        Args:
            capture: which.
            keys: what the caller presses; what is right, if left out.

        Returns:
            The last callback.
        """
        self.update(Capture=capture)
        if keys is None:
            keys = KEYS[Field(capture)]
            if capture.startswith("security-code") and self._is_amex:
                keys += "4"
        self.press(keys)
        return self.last

    @property
    def _is_amex(self) -> bool:
        return self.last.get("PaymentCardType") == "amex"

    def fill(self) -> None:
        """
        Have everything captured that is required.
        """
        for field in self.scene.session.required:
            self.capture(str(field))

    def finish(self) -> dict[str, str]:
        """
        Have everything captured that is required, and complete.

        Returns:
            The last callback.
        """
        self.fill()
        self.update(Status="complete")
        return self.last

    # Private.

    def _ask_gateway(self) -> None:
        if self.scene.session.state != "processing":
            return
        request = self.scene.charge
        call = self._connector.encode(request, f"a{len(self.sent)}")
        body = bytes(call.body)
        self.sent.append(body)
        answer = self.gateway.receive_request(call.headers["Authorization"], body)
        if not answer.status:
            self.scene.answer(Unknown(message="No answer from the payment gateway."))
            return
        outcome = self._connector.decode(answer.status, answer.body, request)
        self.scene.answer(outcome)

    def _form(self, report: Report) -> dict[str, str]:
        readings = self.settings.readings
        return callback_form(IDENTITY, self.request, report, UPDATED_AT, readings)


def reading(*readings: Reading) -> PaySettings:
    """
    Give settings that read the wire otherwise.
    """
    return PaySettings(readings=frozenset(readings))


def charges(outputs: list[Output]) -> int:
    """
    Count how often the gateway was wanted.
    """
    return sum(isinstance(output, ChargeWanted) for output in outputs)


def _raise(refusal: Refusal | None) -> None:
    if refusal is not None:
        status = 409 if refusal.code == CONFLICT else 400
        raise ApiError(status, refusal.code, refusal.message)
