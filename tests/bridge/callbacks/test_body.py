"""
Callback bodies: field by field as real ones were captured.
"""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bridge.callbacks.body import Identity, callback_form, iso_date
from bridge.pay.fields import CARD_FIELDS
from bridge.pay.outcomes import Approved, Declined, Outcome, Unknown
from bridge.pay.outputs import Report
from bridge.pay.request import PaymentRequest, TokenType
from tests.support.pay import CHARGE, TOKENIZE, PayScene


CARD, DATE, CODE, POSTAL = CARD_FIELDS
NO_POSTAL = replace(CHARGE, payment_connector="PGP_MOCK", postal_code=False)

IDENTITY = Identity(
    account_sid="AC1",
    call_sid="CA1",
    sid="PK1",
    created_at=datetime(2021, 8, 10, 3, 55, 53, 408_999, UTC),
)
UPDATED_AT = datetime(2021, 8, 10, 3, 56, 2, 7_000, UTC)

WHOSE = {
    "AccountSid": "AC1",
    "CallSid": "CA1",
    "Sid": "PK1",
    "PaymentMethod": "credit-card",
}
COMMON = {
    **WHOSE,
    "DateCreated": "2021-08-10T03:55:53.408Z",
    "PaymentConnector": "PGP_MOCK",
    "ChargeAmount": "9.99",
}
UPDATED = {"DateUpdated": "2021-08-10T03:56:02.007Z"}
CAPTURED = {
    "PaymentCardNumber": "xxxxxxxxxxxx4242",
    "PaymentCardType": "visa",
    "ExpirationDate": "1230",
    "SecurityCode": "xxx",
}


def _form(report: Report, request: PaymentRequest = NO_POSTAL) -> dict[str, str]:
    return callback_form(IDENTITY, request, report, UPDATED_AT)


def test_start_body_has_the_fields_of_a_captured_one() -> None:
    """
    A start says what was started, and nothing of what is required.
    """
    (start,) = PayScene(NO_POSTAL).reports
    assert _form(start) == {**COMMON, "SequenceNumber": "1"}


@pytest.mark.parametrize("token_type", TokenType)
def test_start_body_names_the_token_type_instead_of_an_amount_when_tokenizing(
    token_type: TokenType,
) -> None:
    """
    A payment has an amount or a token type, never both.
    """
    request = replace(TOKENIZE, token_type=token_type)
    (start,) = PayScene(request).reports
    assert _form(start, request) == {
        **WHOSE,
        "SequenceNumber": "1",
        "DateCreated": "2021-08-10T03:55:53.408Z",
        "PaymentConnector": "Default",
        "TokenType": str(token_type),
    }


def test_amount_is_written_as_money_and_never_with_an_exponent() -> None:
    """
    The amount keeps the decimals of its currency.
    """
    for amount in ("9.90", "100", "999999.99", "0.001"):
        request = replace(CHARGE, charge_amount=Decimal(amount))
        (start,) = PayScene(request).reports
        assert _form(start, request)["ChargeAmount"] == amount


def test_update_bodies_grow_digit_by_digit_and_shrink_what_is_required() -> None:
    """
    Each body repeats what is known, masked; the last of a field is not partial.
    """
    scene = PayScene(NO_POSTAL)
    scene.fill(CARD)
    scene.capture(DATE)
    scene.press("12")
    scene.press("30")
    all_three = "payment-card-number,expiration-date,security-code"
    update = {**COMMON, **UPDATED}
    card = {"PaymentCardNumber": CAPTURED["PaymentCardNumber"]}
    visa = {"PaymentCardType": "visa"}
    forms = {report.sequence: _form(report) for report in scene.reports}
    assert forms[2] == {
        **update,
        "SequenceNumber": "2",
        "Capture": "payment-card-number",
        "Required": all_three,
    }
    assert forms[5] == {
        **update,
        **visa,
        "SequenceNumber": "5",
        "Capture": "payment-card-number",
        "Required": all_three,
        "PartialResult": "true",
        "PaymentCardNumber": "xxx",
    }
    assert forms[18] == {
        **update,
        **visa,
        **card,
        "SequenceNumber": "18",
        "Capture": "payment-card-number",
        "Required": "expiration-date,security-code",
    }
    assert forms[21] == {
        **update,
        **visa,
        **card,
        "SequenceNumber": "21",
        "Capture": "expiration-date",
        "Required": "expiration-date,security-code",
        "PartialResult": "true",
        "ExpirationDate": "xx",
    }
    assert forms[23] == {
        **update,
        **visa,
        **card,
        "SequenceNumber": "23",
        "Capture": "expiration-date",
        "Required": "security-code",
        "ExpirationDate": "1230",
    }


def test_update_body_says_that_nothing_is_required_with_an_empty_value() -> None:
    """
    Clients light their button on `Required` being there and empty.
    """
    scene = PayScene()
    scene.fill()
    form = _form(scene.last())
    assert form["Required"] == ""
    assert form["PaymentCardPostalCode"] == "94109"
    assert form["SecurityCode"] == "xxx"
    assert "PartialResult" not in form
    assert "ErrorType" not in form


def test_update_body_names_the_error_of_a_field() -> None:
    """
    A wrong field is named with its error, and none of its digits.
    """
    scene = PayScene(NO_POSTAL)
    scene.capture(CARD)
    scene.press("4242#")
    assert _form(scene.last()) == {
        **COMMON,
        **UPDATED,
        "SequenceNumber": "7",
        "Capture": "payment-card-number",
        "Required": "payment-card-number,expiration-date,security-code",
        "ErrorType": "invalid-card-number",
    }


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (
            Approved(confirmation_code="ch_1"),
            {
                "Result": "success",
                "PaymentConfirmationCode": "ch_1",
                "PaymentToken": "",
                "ProfileId": "",
            },
        ),
        (
            Approved(token="tok_1", profile_id="p_1"),
            {
                "Result": "success",
                "PaymentConfirmationCode": "",
                "PaymentToken": "tok_1",
                "ProfileId": "p_1",
            },
        ),
        (
            Declined(code="card_declined", message="The card was declined."),
            {
                "Result": "payment-connector-error",
                "PaymentConfirmationCode": "",
                "PaymentToken": "",
                "ProfileId": "",
                "PayErrorCode": "64008",
                "PaymentError": "The card was declined.",
                "ConnectorError": "card_declined",
            },
        ),
        (
            Unknown(message="No answer."),
            {
                "Result": "payment-connector-error",
                "PaymentConfirmationCode": "",
                "PaymentToken": "",
                "ProfileId": "",
                "PayErrorCode": "64002",
                "PaymentError": "No answer. The outcome is unknown; check with the "
                "gateway before trying again.",
                "ConnectorError": "",
            },
        ),
    ],
)
def test_finish_body_has_the_fields_of_a_captured_one(
    outcome: Outcome, told: dict[str, str]
) -> None:
    """
    A finish says what came of it, with empty values, and not what was started.
    """
    scene = PayScene(NO_POSTAL)
    scene.fill(CARD, DATE, CODE)
    scene.complete()
    scene.answer(outcome)
    sequence = {"SequenceNumber": str(len(scene.reports))}
    assert _form(scene.last()) == {**WHOSE, **CAPTURED, **UPDATED, **sequence, **told}


def test_finish_body_has_no_entries_when_the_payment_was_cancelled() -> None:
    """
    After a cancel the fields are missing, not empty.
    """
    scene = PayScene(NO_POSTAL)
    scene.fill(CARD, DATE)
    scene.cancel()
    assert _form(scene.last()) == {
        **WHOSE,
        **UPDATED,
        "SequenceNumber": str(len(scene.reports)),
        "Result": "transaction-cancelled",
    }


def test_finish_body_keeps_the_entries_when_the_caller_hung_up() -> None:
    """
    What was captured before the end is shown, without an answer of any gateway.
    """
    scene = PayScene(NO_POSTAL)
    scene.fill(CARD, DATE, CODE)
    scene.hang_up()
    assert _form(scene.last()) == {
        **WHOSE,
        **CAPTURED,
        **UPDATED,
        "SequenceNumber": str(len(scene.reports)),
        "Result": "caller-hung-up",
    }


def test_iso_date_cuts_to_milliseconds() -> None:
    """
    A date is ISO 8601 with three decimals and Z, and is never rounded up.
    """
    moment = datetime(2021, 12, 1, 23, 59, 59, 0, UTC)
    rows = {0: "000", 999: "000", 7_000: "007", 408_999: "408", 999_999: "999"}
    for microsecond, text in rows.items():
        written = iso_date(moment.replace(microsecond=microsecond))
        assert written == f"2021-12-01T23:59:59.{text}Z"
