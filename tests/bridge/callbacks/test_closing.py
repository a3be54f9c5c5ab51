"""
The last callback of a payment whose process is gone.
"""

from datetime import UTC, datetime

import pytest

from bridge.callbacks.body import Identity
from bridge.callbacks.closing import closing_form
from bridge.pay.outputs import GatewayAnswer, Result
from bridge.pay.settings import Reading


IDENTITY = Identity(
    account_sid="AC1",
    call_sid="CA1",
    sid="PK1",
    created_at=datetime(2026, 6, 15, 12, tzinfo=UTC),
)
AT = datetime(2026, 6, 15, 12, 5, 0, 7000, UTC)

BEFORE = {
    "AccountSid": "AC1",
    "CallSid": "CA1",
    "Sid": "PK1",
    "PaymentMethod": "credit-card",
    "SequenceNumber": "20",
    "DateCreated": "2026-06-15T12:00:00.000Z",
    "DateUpdated": "2026-06-15T12:04:00.000Z",
    "PaymentConnector": "Default",
    "ChargeAmount": "9.99",
    "Required": "security-code",
    "Capture": "security-code",
    "PaymentCardNumber": "xxxxxxxxxxxx4242",
    "PaymentCardType": "visa",
    "ExpirationDate": "1239",
}
"""A callback of a card and a date, while the security code is asked for."""

WHOLE = {
    "PaymentCardNumber": "xxxxxxxxxxxx4242",
    "PaymentCardType": "visa",
    "ExpirationDate": "1239",
}


def _close(last: dict[str, str], answer: GatewayAnswer | None = None) -> dict[str, str]:
    return closing_form(
        IDENTITY,
        last,
        sequence=21,
        result=Result.SUCCESS,
        answer=answer or GatewayAnswer(confirmation_code="ch_1"),
        updated_at=AT,
    )


def test_form_is_that_of_a_payment_that_ends_in_its_own_process() -> None:
    """
    Clients cannot tell that another process speaks.
    """
    assert _close(BEFORE) == {
        "AccountSid": "AC1",
        "CallSid": "CA1",
        "Sid": "PK1",
        "PaymentMethod": "credit-card",
        "SequenceNumber": "21",
        "Result": "success",
        "DateUpdated": "2026-06-15T12:05:00.007Z",
        "PaymentConfirmationCode": "ch_1",
        "PaymentToken": "",
        "ProfileId": "",
        **WHOLE,
    }


def test_form_tells_why() -> None:
    """
    An error is told in the fields in which clients look for it.
    """
    answer = GatewayAnswer(
        pay_error_code=64008, payment_error="No.", connector_error="card_declined"
    )
    form = _close(BEFORE, answer)
    told = ("PayErrorCode", "PaymentError", "ConnectorError")
    assert [form[name] for name in told] == ["64008", "No.", "card_declined"]


@pytest.mark.parametrize(
    ("partial", "left"),
    [
        ({"Capture": "security-code", "SecurityCode": "xx"}, WHOLE),
        (
            {"Capture": "expiration-date", "ExpirationDate": "xx"},
            {k: v for k, v in WHOLE.items() if k != "ExpirationDate"},
        ),
        (
            {"Capture": "payment-card-number", "PaymentCardNumber": "xxxx"},
            {"ExpirationDate": "1239"},
        ),
        ({"Capture": "something-new"}, WHOLE),
    ],
)
def test_form_forgets_a_field_that_was_being_keyed(
    partial: dict[str, str], left: dict[str, str]
) -> None:
    """
    Half a field is none, as whenever a session ends during a capture.
    """
    form = _close({**BEFORE, **partial, "PartialResult": "true"})
    names = {*WHOLE, "SecurityCode", "PaymentCardPostalCode"}
    assert {name: form[name] for name in names if name in form} == left


def test_form_is_written_from_nothing_but_a_start() -> None:
    """
    A payment of which only the start was told ends, too.
    """
    form = _close({"Sid": "PK1"})
    assert form["PaymentMethod"] == "credit-card"
    assert not set(form) & {"PaymentCardNumber", "Required", "Capture", "ChargeAmount"}


def test_form_is_read_as_other_last_callbacks_are() -> None:
    """
    Where the wire is to be read otherwise, another process reads it so, too; what the
    payment was started with is repeated as it was told.
    """
    form = closing_form(
        IDENTITY,
        {
            **BEFORE,
            "PaymentCardNumber": "xxxx-xxxx-xxxx-4242",
            "PartialResult": "false",
        },
        sequence=21,
        result=Result.CONNECTOR_ERROR,
        answer=GatewayAnswer(
            pay_error_code=64002,
            payment_error="unknown",
            parameters={"AuthCode": "T1"},
        ),
        updated_at=AT,
        readings=frozenset(Reading),
    )
    assert form["Result"] == "payment-connecter-error"
    assert form["PayConnector_AuthCode"] == "T1"
    assert form["PaymentCardNumber"] == "xxxx-xxxx-xxxx-4242"
    common = ("DateCreated", "PaymentConnector", "ChargeAmount")
    assert {name: form[name] for name in common} == {n: BEFORE[n] for n in common}
    assert not {"TokenType", "PartialResult", "Required", "Capture"} & set(form)


def test_form_forgets_a_second_entry_that_was_being_keyed() -> None:
    """
    It is shown in the place of the first, so what is shown is half of one.
    """
    partial = {"Capture": "expiration-date-matcher", "ExpirationDate": "x"}
    form = _close({**BEFORE, **partial, "PartialResult": "true"})
    assert "ExpirationDate" not in form
    assert form["PaymentCardNumber"] == "xxxxxxxxxxxx4242"
