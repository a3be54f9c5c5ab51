"""
The body of a status callback: the wire's fields, from a session's report.

Start, update and finish carry different fields; captures of real callbacks
show that a finish does not repeat what a start said. `SequenceNumber` is ours:
the original has none, and its clients guess the order from dates. Where there
are two readings of the wire, `bridge.pay.settings.Reading` chooses.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from bridge.pay.fields import MATCHERS, Field
from bridge.pay.outputs import Report, Result, Step
from bridge.pay.request import PaymentRequest
from bridge.pay.settings import Reading


ENTRY_NAMES = {
    Field.CARD_NUMBER: "PaymentCardNumber",
    Field.EXPIRATION_DATE: "ExpirationDate",
    Field.SECURITY_CODE: "SecurityCode",
    Field.POSTAL_CODE: "PaymentCardPostalCode",
    Field.ROUTING_NUMBER: "BankRoutingNumber",
    Field.ACCOUNT_NUMBER: "BankAccountNumber",
}
"""What a field that was captured is called in callbacks."""

_DOCUMENTED = ENTRY_NAMES | {
    matcher: f"{ENTRY_NAMES[field]}Matcher" for field, matcher in MATCHERS.items()
}

_GROUP_STARTS = {15: (4, 10), 16: (4, 8, 12)}
"""Where card numbers are broken on cards; others are not broken."""

_OLD_CONNECTOR_ERROR = "payment-connecter-error"

OWN_PARAMETER = "PayConnector_"
"""Before the names of a gateway's own parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """
    Which payment of which call of which account.
    """

    account_sid: str
    call_sid: str
    sid: str
    created_at: datetime


def callback_form(
    identity: Identity,
    request: PaymentRequest,
    report: Report,
    updated_at: datetime,
    readings: Collection[Reading] = (),
) -> dict[str, str]:
    """
    Write a report as form fields.

    Args:
        identity: whose payment it is.
        request: what it was started with.
        report: what happened; everything in it is masked.
        updated_at: aware UTC, when it happened.
        readings: where the wire is to be read otherwise.
    """
    form = {
        "AccountSid": identity.account_sid,
        "CallSid": identity.call_sid,
        "Sid": identity.sid,
        "PaymentMethod": str(request.payment_method),
        "SequenceNumber": str(report.sequence),
    }
    match report.step:
        case Step.START:
            form |= _common(identity, request)
        case Step.UPDATE:
            form |= _common(identity, request) | _update(report, readings)
            form["DateUpdated"] = iso_date(updated_at)
        case Step.FINISH:
            form |= _finish(report, readings)
            form["DateUpdated"] = iso_date(updated_at)
            if Reading.COMMON_FIELDS_AT_END in readings:
                form |= _common(identity, request)
    return form


def iso_date(moment: datetime) -> str:
    """
    Write a date as callbacks do: ISO 8601 with milliseconds and Z.
    """
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _common(identity: Identity, request: PaymentRequest) -> dict[str, str]:
    form = {
        "DateCreated": iso_date(identity.created_at),
        "PaymentConnector": request.payment_connector,
    }
    if not request.is_card:
        form["BankAccountType"] = str(request.bank_account_type)
    if request.charge_amount is None:
        form["TokenType"] = str(request.token_type)
    else:
        form["ChargeAmount"] = str(request.charge_amount)
    return form


def _entries(report: Report, readings: Collection[Reading]) -> dict[str, str]:
    form = {ENTRY_NAMES[field]: value for field, value in report.entries}
    number = form.get("PaymentCardNumber")
    if number is not None and Reading.DOCUMENTED_CARD_MASK in readings:
        form["PaymentCardNumber"] = _grouped(number)
    if report.card_type is not None:
        form["PaymentCardType"] = str(report.card_type)
    return form


def _grouped(number: str) -> str:
    starts = (0, *_GROUP_STARTS.get(len(number), ()), len(number))
    groups = [number[start:stop] for start, stop in pairwise(starts)]
    return "-".join(groups)


def _update(report: Report, readings: Collection[Reading]) -> dict[str, str]:
    form = _entries(report, readings)
    if Reading.DOCUMENTED_REQUIRED in readings:
        form["Required"] = ",".join(_DOCUMENTED[field] for field in report.required)
    else:
        form["Required"] = ",".join(report.required)
    if report.capture is not None:
        form["Capture"] = str(report.capture)
    # Left out when false: clients test for its presence as well as its value.
    if report.is_partial:
        form["PartialResult"] = "true"
    elif Reading.PARTIAL_RESULT_FALSE in readings:
        form["PartialResult"] = "false"
    if report.error_type is not None:
        form["ErrorType"] = str(report.error_type)
    return form


def _finish(report: Report, readings: Collection[Reading]) -> dict[str, str]:
    form = {"Result": str(report.result)}
    if report.result is Result.CONNECTOR_ERROR and Reading.CONNECTER in readings:
        form["Result"] = _OLD_CONNECTOR_ERROR
    # After a cancel the entries are absent, not empty.
    if report.result is not Result.CANCELLED:
        form |= _entries(report, readings)
    answer = report.answer
    if answer is not None:
        form["PaymentConfirmationCode"] = answer.confirmation_code
        form["PaymentToken"] = answer.token
        form["ProfileId"] = answer.profile_id
        if answer.pay_error_code is not None:
            form["PayErrorCode"] = str(answer.pay_error_code)
            form["PaymentError"] = answer.payment_error
            form["ConnectorError"] = answer.connector_error
        if Reading.CONNECTOR_PARAMETERS in readings:
            form |= {
                OWN_PARAMETER + name: text for name, text in answer.parameters.items()
            }
    return form
