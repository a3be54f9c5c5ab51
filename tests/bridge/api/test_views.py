"""
Views: the wire's fields, no more and no less, and dates that SDKs can read.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.base import deserialize

from bridge.api.port import CallView, PaymentView
from bridge.api.views import call_body, payment_body, rest_date
from tests.support.strategies import stable


ACCOUNT = "AC" + "a" * 32
CALL = "CA" + "b" * 32
SID = "PK" + "c" * 32
AT = datetime(2019, 12, 18, 20, 2, 1, 999_999, UTC)
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}"


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (AT, "Wed, 18 Dec 2019 20:02:01 +0000"),
        (datetime(2026, 1, 4, tzinfo=UTC), "Sun, 04 Jan 2026 00:00:00 +0000"),
        (
            datetime(2024, 2, 29, 9, tzinfo=UTC),
            "Thu, 29 Feb 2024 09:00:00 +0000",
        ),
    ],
)
def test_rest_date_is_rfc_2822_with_a_literal_offset(
    moment: datetime, text: str
) -> None:
    """
    Days and months are English, whatever the machine speaks.
    """
    assert rest_date(moment) == text


@stable
@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001
def test_rest_date_is_read_back_by_the_official_sdk(moment: datetime) -> None:
    """
    To the second, any date survives the way to a client.
    """
    aware = moment.replace(tzinfo=UTC)
    text = rest_date(aware)
    assert deserialize.rfc2822_datetime(text) == aware.replace(microsecond=0)
    assert parsedate_to_datetime(text) == aware.replace(microsecond=0)


def test_payment_body_has_exactly_six_fields() -> None:
    """
    Nothing of the card, the amount or the state is in it.
    """
    view = PaymentView(
        account_sid=ACCOUNT,
        call_sid=CALL,
        sid=SID,
        created_at=AT,
        updated_at=AT + timedelta(seconds=59),
    )
    assert payment_body(view) == {
        "account_sid": ACCOUNT,
        "call_sid": CALL,
        "date_created": "Wed, 18 Dec 2019 20:02:01 +0000",
        "date_updated": "Wed, 18 Dec 2019 20:03:00 +0000",
        "sid": SID,
        "uri": f"{PATH}/Payments/{SID}.json",
    }


@pytest.mark.parametrize(
    ("ended_after_s", "changes"),
    [
        (None, {}),
        (
            61.9,
            {
                "status": "completed",
                "date_updated": "Wed, 18 Dec 2019 20:03:03 +0000",
                "end_time": "Wed, 18 Dec 2019 20:03:03 +0000",
                "duration": "61",
            },
        ),
    ],
)
def test_call_body_has_all_of_twilio_s_fields(
    ended_after_s: float | None, changes: dict[str, object]
) -> None:
    """
    What the bridge cannot know of a call is there, and null.
    """
    ended = None if ended_after_s is None else AT + timedelta(seconds=ended_after_s)
    view = CallView(
        account_sid=ACCOUNT,
        call_sid=CALL,
        is_in_progress=ended is None,
        started_at=AT,
        ended_at=ended,
    )
    unknown = (
        "parent_call_sid to to_formatted from from_formatted phone_number_sid price "
        "price_unit answered_by forwarded_from group_sid caller_name queue_time "
        "trunk_sid annotation"
    )
    assert call_body(view) == {
        **dict.fromkeys(unknown.split()),
        "sid": CALL,
        "account_sid": ACCOUNT,
        "api_version": "2010-04-01",
        "status": "in-progress",
        "direction": "inbound",
        "date_created": "Wed, 18 Dec 2019 20:02:01 +0000",
        "date_updated": "Wed, 18 Dec 2019 20:02:01 +0000",
        "start_time": "Wed, 18 Dec 2019 20:02:01 +0000",
        "end_time": None,
        "duration": None,
        "uri": f"{PATH}.json",
        "subresource_uris": {"payments": f"{PATH}/Payments.json"},
        **changes,
    }
