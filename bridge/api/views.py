"""
Views: what the API answers with, in the wire's fields.
"""

from datetime import datetime

from bridge.api.port import CallView, PaymentView


API_VERSION = "2010-04-01"

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


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
        "uri": f"{_call_path(view.account_sid, view.call_sid)}"
        f"/Payments/{view.sid}.json",
    }


def call_body(view: CallView) -> dict[str, object]:
    """
    Give what is known of a call, in Twilio's fields.

    The bridge sees the media of a call, not its signalling: numbers and prices
    are null.
    """
    path = _call_path(view.account_sid, view.call_sid)
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


def _call_path(account_sid: str, call_sid: str) -> str:
    return f"/{API_VERSION}/Accounts/{account_sid}/Calls/{call_sid}"
