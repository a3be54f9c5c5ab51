"""
Views: what the API answers with, in the wire's fields.
"""

import re
from datetime import datetime

from bridge.api.port import CallView, PaymentView
from bridge.callbacks.body import ENTRY_NAMES, OWN_PARAMETER
from bridge.callbacks.record import PaymentRecord


API_VERSION = "2010-04-01"

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)

_STARTED_WITH = (
    *("PaymentConnector", "PaymentMethod", "ChargeAmount", "TokenType"),
    "BankAccountType",
)
"""Fields of callbacks that say the same for as long as a payment lasts."""

_LAST_TOLD = (
    *("Capture", "Required", "ErrorType", *ENTRY_NAMES.values(), "PaymentCardType"),
    *("Result", "PaymentConfirmationCode", "PaymentToken", "ProfileId"),
    *("PaymentError", "ConnectorError"),
)
"""Fields of callbacks of which the last one tells how things are."""


def rest_date(moment: datetime) -> str:
    """
    Write a date as the REST API does: RFC 2822, with exactly `+0000`.

    The Node SDK parses the offset as a literal.
    """
    # Not strftime: names of days and months must not follow a locale.
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02d} {month} {moment:%Y %H:%M:%S} +0000"


def payment_body(view: PaymentView) -> dict[str, str]:
    """
    Give a payment's six fields.
    """
    return {
        "account_sid": view.account_sid,
        "call_sid": view.call_sid,
        "date_created": rest_date(view.created_at),
        "date_updated": rest_date(view.updated_at),
        "sid": view.sid,
        "uri": f"{call_path(view.account_sid, view.call_sid)}/Payments/{view.sid}.json",
    }


def record_body(record: PaymentRecord) -> dict[str, object]:
    """
    Give all there is to read of a payment: what its callbacks have told, no more.

    Callbacks' names are in snake case; what the last one did not tell is null.
    """
    identity, first, last = record.identity, record.first, record.last
    view = PaymentView(
        account_sid=identity.account_sid,
        call_sid=identity.call_sid,
        sid=identity.sid,
        created_at=identity.created_at,
        updated_at=record.updated_at,
    )
    code = last.get("PayErrorCode")
    return {
        **payment_body(view),
        "status": record.state,
        "sequence_number": record.sequence,
        "currency": record.currency,
        **{_snake_case(name): first.get(name) for name in _STARTED_WITH},
        **{_snake_case(name): last.get(name) for name in _LAST_TOLD},
        "partial_result": last.get("PartialResult") == "true",
        "pay_error_code": None if code is None else int(code),
        "connector_parameters": {
            name.removeprefix(OWN_PARAMETER): text
            for name, text in last.items()
            if name.startswith(OWN_PARAMETER)
        },
    }


def feed_token_body(
    account_sid: str, call_sid: str, token: str, expires_at: datetime
) -> dict[str, str]:
    """
    Give a token, and the feed that it opens.
    """
    return {
        "account_sid": account_sid,
        "call_sid": call_sid,
        "token": token,
        "date_expires": rest_date(expires_at),
        "feed_uri": f"{call_path(account_sid, call_sid)}/Payments/Feed",
    }


def call_body(view: CallView) -> dict[str, object]:
    """
    Give what is known of a call, in Twilio's fields.

    The bridge sees the media of a call, not its signalling: numbers and prices
    are null.
    """
    path = call_path(view.account_sid, view.call_sid)
    ended = view.ended_at
    duration = int((ended - view.started_at).total_seconds()) if ended else None
    unknown = (
        "parent_call_sid to to_formatted from from_formatted phone_number_sid price "
        "price_unit answered_by forwarded_from group_sid caller_name queue_time "
        "trunk_sid annotation"
    )
    return {
        "sid": view.call_sid,
        "account_sid": view.account_sid,
        "api_version": API_VERSION,
        "status": "in-progress" if view.is_in_progress else "completed",
        "direction": "inbound",
        "date_created": rest_date(view.started_at),
        "date_updated": rest_date(ended or view.started_at),
        "start_time": rest_date(view.started_at),
        "end_time": rest_date(ended) if ended else None,
        "duration": None if duration is None else str(duration),
        "uri": f"{path}.json",
        "subresource_uris": {"payments": f"{path}/Payments.json"},
        **dict.fromkeys(unknown.split()),
    }


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def call_path(account_sid: str, call_sid: str) -> str:
    """
    Give the path of a call, without its ending.
    """
    return f"/{API_VERSION}/Accounts/{account_sid}/Calls/{call_sid}"
