"""
Payments read back, over HTTP: one, a call's, in pages.
"""

import pytest
from twilio.base.page import Page
from twilio.base.version import Version
from twilio.http.response import Response
from twilio.rest import Client

from bridge.api.views import record_body
from tests.bridge.api.fakes import (
    ACCOUNT,
    CALL,
    CALLS,
    LOGIN,
    SID,
    START,
    TOKEN,
    UPDATE,
    FakePayments,
    FakeRecords,
    InProcess,
    record_of,
)


OTHER_CALL = START.replace(CALL, "CA" + "0" * 32)


def _client(records: FakeRecords | None = None) -> InProcess:
    return InProcess(FakePayments(), LOGIN, records=records)


def _many(n: int) -> FakeRecords:
    return FakeRecords([record_of(sid=f"PK{number:032x}") for number in range(n)])


def test_payment_is_fetched_as_its_last_callback_told_it() -> None:
    """
    The six fields of an answer, and what callbacks say under names in snake case.
    """
    told = {
        "Capture": "payment-card-number",
        "PaymentCardNumber": "xxx",
        "PartialResult": "true",
        "Required": "payment-card-number,security-code",
    }
    response = _client(FakeRecords([record_of(told)])).get(UPDATE)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    body = response.json()
    assert {name: value for name, value in body.items() if value not in (None, {})} == {
        "account_sid": ACCOUNT,
        "call_sid": CALL,
        "sid": SID,
        "uri": UPDATE,
        "date_created": "Wed, 18 Dec 2019 20:02:01 +0000",
        "date_updated": "Wed, 18 Dec 2019 20:02:01 +0000",
        "status": "capturing",
        "sequence_number": 2,
        "payment_connector": "Default",
        "payment_method": "credit-card",
        "charge_amount": "9.99",
        "currency": "USD",
        "capture": "payment-card-number",
        "required": "payment-card-number,security-code",
        "partial_result": True,
        "payment_card_number": "xxx",
    }
    assert {name for name, value in body.items() if value is None} == {
        *("token_type", "bank_account_type", "error_type", "payment_card_type"),
        *("expiration_date", "security_code", "payment_card_postal_code"),
        *("bank_routing_number", "bank_account_number", "result", "payment_token"),
        *("payment_confirmation_code", "profile_id", "pay_error_code"),
        *("payment_error", "connector_error"),
    }


def test_payment_that_ended_is_fetched_with_its_result() -> None:
    """
    What its last callback leaves out was in its first one.
    """
    told = {
        "Result": "payment-connector-error",
        "PayErrorCode": "64008",
        "PaymentError": "No.",
        "ConnectorError": "declined",
        "PaymentConfirmationCode": "",
        "PayConnector_gateway_status": "refused",
    }
    body = _client(FakeRecords([record_of(told)])).get(UPDATE).json()
    assert (body["status"], body["result"]) == ("ended", "payment-connector-error")
    assert body["pay_error_code"] == 64008
    assert (body["payment_error"], body["connector_error"]) == ("No.", "declined")
    assert body["payment_confirmation_code"] == ""
    assert body["connector_parameters"] == {"gateway_status": "refused"}
    assert (body["charge_amount"], body["partial_result"]) == ("9.99", False)


def test_what_a_callback_does_not_name_is_not_read_back() -> None:
    """
    A field that nobody knows the meaning of stays where it is.
    """
    body = record_body(record_of({"Unknown": "4242424242424242"}))
    assert "4242" not in str(body)


def test_payments_of_a_call_are_listed() -> None:
    """
    Page by page, with Twilio's fields around them.
    """
    records = _many(5)
    body = _client(records).get(f"{START}?PageSize=2&Page=1").json()
    assert body.pop("payments") == [record_body(r) for r in records.records[2:4]]
    assert body == {
        "page": 1,
        "page_size": 2,
        "start": 2,
        "end": 3,
        "uri": f"{START}?Page=1&PageSize=2",
        "first_page_uri": f"{START}?Page=0&PageSize=2",
        "previous_page_uri": f"{START}?Page=0&PageSize=2",
        "next_page_uri": f"{START}?Page=2&PageSize=2",
    }


def test_list_without_parameters_is_its_first_page() -> None:
    """
    Fifty at most; a call without payments has an empty list.
    """
    body = _client(FakeRecords([])).get(START).json()
    assert (body["payments"], body["page"], body["page_size"]) == ([], 0, 50)
    assert (body["previous_page_uri"], body["next_page_uri"]) == (None, None)
    body = _client(_many(50)).get(START).json()
    assert (len(body["payments"]), body["next_page_uri"]) == (50, None)
    body = _client(_many(51)).get(START).json()
    assert len(body["payments"]) == 50
    assert body["next_page_uri"] == f"{START}?Page=1&PageSize=50"


@pytest.mark.parametrize("name", ["Page", "PageSize"])
@pytest.mark.parametrize("text", ["-1", "x", "1.5", "99999", "1" * 12, "４"])
def test_page_that_cannot_be_is_refused(name: str, text: str) -> None:
    """
    The error names the parameter and the bounds, not what was sent.
    """
    response = InProcess(FakePayments(), LOGIN).request(
        "GET", START, params={name: text}
    )
    assert response.status_code == 400
    assert response.json()["code"] == 20001
    low, high = (0, 9999) if name == "Page" else (1, 1000)
    assert response.json()["message"] == (
        f"Invalid Parameter Value: {name}: expected a whole number from {low} to {high}"
    )


def test_official_sdk_walks_through_the_pages() -> None:
    """
    Its own class for pages finds the records and the way to the next ones.
    """
    client, found = _client(_many(5)), []
    version = Version(Client(ACCOUNT, TOKEN).api, "2010-04-01")
    path: str | None = f"{START}?PageSize=2"
    while path is not None:
        response = client.get(path)
        page = Page(version, Response(response.status_code, response.text))
        page.get_instance = lambda payload: payload["sid"]
        found += list(page)
        url = page.next_page_url
        path = None if url is None else url.removeprefix("https://api.twilio.com")
    assert found == [f"PK{number:032x}" for number in range(5)]


@pytest.mark.parametrize(
    "path",
    [
        OTHER_CALL,
        UPDATE.replace(CALL, "CA" + "0" * 32),
        UPDATE.replace(SID, "PK" + "0" * 32),
    ],
)
def test_what_is_not_there_is_not_found(path: str) -> None:
    """
    Neither a call nor a payment that nobody knows.
    """
    response = _client().get(path)
    assert response.status_code == 404
    assert response.json() == {
        "code": 20404,
        "message": f"The requested resource {path} was not found",
        "more_info": "https://www.twilio.com/docs/errors/20404",
        "status": 404,
    }


def test_nothing_is_read_back_without_credentials() -> None:
    """
    Nor with another account's.
    """
    paths = [START, UPDATE, f"{CALLS}/{CALL}/Payments/Feed"]
    for path in paths:
        assert InProcess(FakePayments()).get(path).status_code == 401
        other = path.replace(ACCOUNT, "AC" + "0" * 32)
        response = _client().get(other)
        assert (response.status_code, response.json()["code"]) == (401, 20003)
