"""
The official SDK, unmodified, against the routes.
"""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.response import Response
from twilio.rest import Client

from bridge.api.errors import ApiError
from bridge.api.params import StatusCommand
from bridge.pay.cards import CardType
from bridge.pay.fields import Field
from bridge.pay.request import (
    BankAccountType,
    PaymentMethod,
    PaymentRequest,
    TokenType,
)
from tests.bridge.api.fakes import (
    ACCOUNT,
    CALL,
    SID,
    TOKEN,
    FakePayments,
    InProcess,
)
from tests.support.pay import URL


class _SdkHttp:
    """
    What the SDK takes for HTTP: the application, in this process.
    """

    def __init__(self, payments: FakePayments) -> None:
        self._client = InProcess(payments)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: dict[str, str] | None = None,
        data: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        **options: object,
    ) -> object:
        """
        Send as the SDK's own client does.
        """
        assert options.keys() <= {"timeout", "allow_redirects"}
        path = url.removeprefix("https://api.twilio.com")
        response = self._client.request(
            method, path, params=params, data=data, headers=headers, auth=auth
        )
        return Response(response.status_code, response.text, response.headers)


@pytest.fixture
def payments() -> FakePayments:
    """
    What is behind the routes.
    """
    return FakePayments()


def _call(payments: FakePayments, token: str = TOKEN) -> object:
    client = Client(ACCOUNT, token, http_client=_SdkHttp(payments))
    return client.calls(CALL)


def test_sdk_starts_a_payment_with_every_parameter(payments: FakePayments) -> None:
    """
    What its caller writes in Python arrives as it was meant.
    """
    payment = _call(payments).payments.create(  # type: ignore[attr-defined]
        idempotency_key="k1",
        status_callback=URL,
        charge_amount=12.5,
        currency="USD",
        description="Tea & cake",
        input="dtmf",
        min_postal_code_length=5,
        parameter={"name": "foo bar"},
        payment_connector="Default",
        payment_method="credit-card",
        postal_code=False,
        security_code=True,
        timeout=10,
        valid_card_types="visa amex",
        require_matching_inputs="payment-card-number,security-code",
        confirmation="true",
    )
    assert (payment.sid, payment.call_sid, payment.account_sid) == (SID, CALL, ACCOUNT)
    at = datetime(2019, 12, 18, 20, 2, 1, tzinfo=UTC)
    assert (payment.date_created, payment.date_updated) == (at, at)
    request = PaymentRequest(
        status_callback=URL,
        charge_amount=Decimal("12.50"),
        description="Tea & cake",
        min_postal_code_length=5,
        parameters={"name": "foo bar"},
        postal_code=False,
        timeout_s=10.0,
        valid_card_types=frozenset({CardType.VISA, CardType.AMEX}),
        require_matching_inputs=frozenset({Field.CARD_NUMBER, Field.SECURITY_CODE}),
        confirmation=True,
    )
    assert payments.asked == [(ACCOUNT, CALL, SID, "k1", request)]


def test_sdk_starts_a_token_of_a_bank_account(payments: FakePayments) -> None:
    """
    The parameters that go with no charge and no card.
    """
    _call(payments).payments.create(  # type: ignore[attr-defined]
        idempotency_key="k1",
        status_callback=URL,
        payment_method="ach-debit",
        bank_account_type="commercial-checking",
        token_type="payment-method",
        parameter={"AVSName": "Ada"},
    )
    request = PaymentRequest(
        status_callback=URL,
        payment_method=PaymentMethod.ACH_DEBIT,
        bank_account_type=BankAccountType.COMMERCIAL_CHECKING,
        token_type=TokenType.PAYMENT_METHOD,
        parameters={"AVSName": "Ada"},
    )
    assert payments.asked == [(ACCOUNT, CALL, SID, "k1", request)]


def test_sdk_updates_a_payment(payments: FakePayments) -> None:
    """
    Captures and statuses come through, to the payment that was named.
    """
    payment = _call(payments).payments(SID)  # type: ignore[attr-defined]
    payment.update(idempotency_key="k1", status_callback=URL, capture="security-code")
    payment.update(idempotency_key="k2", status_callback=URL, status="complete")
    assert payments.asked == [
        (ACCOUNT, CALL, SID, "k1", Field.SECURITY_CODE, URL),
        (ACCOUNT, CALL, SID, "k2", StatusCommand.COMPLETE, URL),
    ]


def test_sdk_fetches_the_call(payments: FakePayments) -> None:
    """
    Its users wait for this status before they start.
    """
    call = _call(payments).fetch()  # type: ignore[attr-defined]
    assert (call.sid, call.status, call.duration) == (CALL, "in-progress", None)


@pytest.mark.parametrize(
    ("token", "failure", "status", "code", "message"),
    [
        (TOKEN, ApiError(409, 20409, "Ended"), 409, 20409, "Ended"),
        ("wrong", None, 401, 20003, "Authenticate"),
    ],
)
def test_sdk_raises_the_exception_its_users_catch(
    payments: FakePayments,
    token: str,
    failure: ApiError | None,
    status: int,
    code: int,
    message: str,
) -> None:
    """
    A refusal is a `TwilioRestException` with status, code and message.
    """
    payments.failure = failure
    create = _call(payments, token).payments.create  # type: ignore[attr-defined]
    with pytest.raises(TwilioRestException) as caught:
        create(idempotency_key="k1", status_callback=URL)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert caught.value.msg == f"Unable to create record: {message}"
