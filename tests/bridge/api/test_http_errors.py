"""
Each status and code of the API's errors, as a raw client and as the SDK see it.
"""

from collections.abc import Mapping
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.response import Response
from twilio.rest import Client

from bridge.api.errors import ApiError
from tests.bridge.api.fakes import (
    ACCOUNT,
    CALL,
    CALLS,
    LOGIN,
    START,
    TOKEN,
    UPDATE,
    FakePayments,
    InProcess,
    basic,
)
from tests.support.pay import URL


FORM = {"IdempotencyKey": "k", "StatusCallback": URL}

ROWS: list[tuple[int, int, str, str, Mapping[str, str], ApiError | None]] = [
    (401, 20003, "POST", START, FORM, None),
    (404, 20404, "POST", f"{CALLS}/{CALL}/Nothing.json", FORM, None),
    (405, 20004, "DELETE", UPDATE, {}, None),
    (400, 20001, "POST", START, {"IdempotencyKey": "k"}, None),
    (400, 20001, "POST", UPDATE, {"StatusCallback": URL, "Status": "cancel"}, None),
    (400, 21609, "POST", START, {**FORM, "StatusCallback": "/x"}, None),
    (
        400,
        21609,
        "POST",
        START,
        {**FORM, "StatusCallback": f"{URL}?{'x' * 4000}"},
        None,
    ),
    (400, 64018, "POST", UPDATE, FORM, None),
    (400, 21220, "POST", START, FORM, ApiError(400, 21220, "Call is not in-progress")),
    (400, 64021, "POST", START, FORM, ApiError(400, 64021, "Invalid Operation")),
    (409, 20409, "POST", START, FORM, ApiError(409, 20409, "Conflict")),
    (429, 20429, "POST", START, FORM, ApiError(429, 20429, "Too Many Requests")),
    (503, 20503, "POST", START, FORM, ApiError(503, 20503, "Service unavailable")),
]


class _Sdk:
    """
    What the SDK takes for HTTP: always the same answer.
    """

    def __init__(self, status: int, text: str) -> None:
        self._response = Response(status, text)

    def request(self, *_: Any, **__: Any) -> object:
        """
        Answer.
        """
        return self._response


@pytest.mark.parametrize(
    ("status", "code", "method", "path", "form", "failure"),
    ROWS,
    ids=[f"{row[0]}-{row[1]}-{row[2]}" for row in ROWS],
)
def test_http_error(
    status: int,
    code: int,
    method: str,
    path: str,
    form: Mapping[str, str],
    failure: ApiError | None,
) -> None:
    """
    Four fields, no more; and the SDK raises what its users catch.
    """
    login = basic(f"{ACCOUNT}:wrong") if status == 401 else LOGIN
    client = InProcess(FakePayments(failure=failure), login)
    response = client.request(method, path, data=form)
    body = response.json()
    assert response.status_code == status
    assert body.keys() == {"code", "message", "more_info", "status"}
    assert (body["code"], body["status"]) == (code, status)
    assert body["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert body["message"]
    sdk = Client(ACCOUNT, TOKEN, http_client=_Sdk(status, response.text))
    with pytest.raises(TwilioRestException) as caught:
        sdk.calls(CALL).payments.create(idempotency_key="k", status_callback=URL)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert caught.value.msg == f"Unable to create record: {body['message']}"


def test_http_error__500_20500() -> None:
    """
    A bug is told as one, without its text.
    """
    payments = FakePayments(failure=RuntimeError("4242424242424242"))
    response = InProcess(payments, LOGIN).post(START, FORM)
    assert response.status_code == 500
    assert response.json()["code"] == 20500
    assert "4242" not in response.text


@pytest.mark.parametrize("name", ["Foo", "Method", "Language", "MaxAttempts"])
def test_unknown_parameter_is_no_error(name: str) -> None:
    """
    Twilio ignores what it does not know.
    """
    client = InProcess(FakePayments(), LOGIN)
    assert client.post(START, {**FORM, name: "x"}).status_code == 201
    form = {**FORM, name: "x", "Status": "cancel"}
    assert client.post(UPDATE, form).status_code == 202
