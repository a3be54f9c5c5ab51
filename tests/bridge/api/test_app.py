"""
The routes: what clients send and what they are answered, over HTTP.
"""

from decimal import Decimal

import httpx
import pytest

from bridge.api.errors import ApiError
from bridge.api.params import StatusCommand
from bridge.pay.fields import Field
from bridge.pay.request import PaymentRequest
from bridge.pay.settings import Reading
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
    InProcess,
    basic,
)
from tests.support.pay import URL


NEEDED = {"IdempotencyKey": "k1", "StatusCallback": URL}

SIX = {
    "account_sid": ACCOUNT,
    "call_sid": CALL,
    "date_created": "Wed, 18 Dec 2019 20:02:01 +0000",
    "date_updated": "Wed, 18 Dec 2019 20:02:01 +0000",
    "sid": SID,
    "uri": UPDATE,
}


@pytest.fixture
def payments() -> FakePayments:
    """
    What is behind the routes.
    """
    return FakePayments()


@pytest.fixture
def client(payments: FakePayments) -> InProcess:
    """
    Somebody with the right credentials.
    """
    return InProcess(payments, LOGIN)


@pytest.fixture
def stranger(payments: FakePayments) -> InProcess:
    """
    Somebody without credentials.
    """
    return InProcess(payments)


def _assert_error(
    response: httpx.Response, status: int, code: int, message: str
) -> None:
    assert response.status_code == status
    assert response.json() == {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }


def test_start_answers_201_with_six_fields(
    client: InProcess, payments: FakePayments
) -> None:
    """
    What was sent arrives checked, under the account and call of the path.
    """
    response = client.post(START, {**NEEDED, "PostalCode": "false"})
    assert response.status_code == 201
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == SIX
    request = PaymentRequest(status_callback=URL, postal_code=False)
    assert payments.asked == [(ACCOUNT, CALL, SID, "k1", request)]


@pytest.mark.parametrize(
    ("form", "command"),
    [
        ({"Capture": "security-code"}, Field.SECURITY_CODE),
        ({"Status": "complete", "Capture": ""}, StatusCommand.COMPLETE),
    ],
)
def test_update_answers_202_with_six_fields(
    client: InProcess,
    payments: FakePayments,
    form: dict[str, str],
    command: Field | StatusCommand,
) -> None:
    """
    A command goes to the payment of the path, blank fields or not.
    """
    response = client.post(UPDATE, {**NEEDED, **form})
    assert response.status_code == 202
    assert response.json() == SIX
    assert payments.asked == [(ACCOUNT, CALL, SID, "k1", command, URL)]


def test_call_is_shown_to_its_account(client: InProcess) -> None:
    """
    Clients look at a call's status before they start a payment on it.
    """
    response = client.get(f"{CALLS}/{CALL}.json")
    assert response.status_code == 200
    assert response.json()["sid"] == CALL
    assert response.json()["status"] == "in-progress"
    path = f"{CALLS}/CA{'0' * 32}.json"
    message = f"The requested resource {path} was not found"
    _assert_error(client.get(path), 404, 20404, message)


def test_nobody_is_served_without_credentials(
    stranger: InProcess, payments: FakePayments
) -> None:
    """
    Every route asks first, says which scheme it wants, and does nothing.
    """
    logins = [ACCOUNT, f"{ACCOUNT}:", f"{ACCOUNT}:wrong", f":{TOKEN}"]
    other = basic(f"AC{'0' * 32}:{TOKEN}")
    bearer = LOGIN.replace("Basic", "Bearer")
    garbage = ["", "Basic", "Basic !!!", "Basic /w==", bearer, other]
    for header in (None, *garbage, *map(basic, logins)):
        headers = {} if header is None else {"Authorization": header}
        for response in (
            stranger.post(START, NEEDED, headers=headers),
            stranger.post(UPDATE, {**NEEDED, "Status": "cancel"}, headers=headers),
            stranger.request("GET", f"{CALLS}/{CALL}.json", headers=headers),
            # Before anything is read, too.
            stranger.post(START, content=b"\xff", headers=headers),
        ):
            _assert_error(response, 401, 20003, "Authenticate")
            assert response.headers["WWW-Authenticate"] == 'Basic realm="Twilio API"'
    assert payments.asked == []


def test_account_of_the_path_must_be_that_of_the_credentials(
    client: InProcess, payments: FakePayments
) -> None:
    """
    One account's token opens no other account's calls.
    """
    path = START.replace(ACCOUNT, "AC" + "0" * 32)
    _assert_error(client.post(path, NEEDED), 401, 20003, "Authenticate")
    assert payments.asked == []


def test_scheme_is_known_in_any_case(client: InProcess) -> None:
    """
    The name of an authentication scheme is case-insensitive (RFC 7617).
    """
    headers = {"Authorization": LOGIN.replace("Basic", "bASIC")}
    assert client.post(START, NEEDED, headers=headers).status_code == 201


def test_unknown_path_is_not_found_in_twilio_s_words(client: InProcess) -> None:
    """
    The answer names the path, for any method.
    """
    for path in (
        "/",
        "/2010-04-01/Accounts.json",
        f"{CALLS}.json",
        f"{CALLS}/{CALL}/Payments",
        f"{CALLS}/{CALL}/Payments/{SID}",
        f"{CALLS}/{CALL}/Recordings.json",
        START.replace("2010-04-01", "2008-08-01"),
    ):
        message = f"The requested resource {path} was not found"
        _assert_error(client.get(path), 404, 20404, message)
        _assert_error(client.post(path, NEEDED), 404, 20404, message)


def test_method_that_is_not_there_is_refused(client: InProcess) -> None:
    """
    Nothing can be deleted or put.
    """
    for method, path in (
        ("DELETE", UPDATE),
        ("PUT", START),
        ("POST", f"{CALLS}/{CALL}.json"),
    ):
        response = client.request(method, path)
        _assert_error(response, 405, 20004, "Method not allowed")


def test_refusal_of_a_method_names_those_that_are_allowed(client: InProcess) -> None:
    """
    An answer of 405 has an `Allow` header (RFC 9110, 15.5.6).
    """
    for path in (START, UPDATE):
        assert client.request("PUT", path).headers.get("Allow") == "GET, POST"
    assert client.post(f"{CALLS}/{CALL}.json").headers.get("Allow") == "GET"


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b"Description=%ff%fe",
        b"&".join(b"a%d=1" % n for n in range(101)),
    ],
)
def test_body_that_is_no_form_is_refused(
    client: InProcess, payments: FakePayments, body: bytes
) -> None:
    """
    Bytes that are no text, and fields beyond count, are nothing to guess about.
    """
    response = client.post(START, content=body)
    message = "body: expected application/x-www-form-urlencoded"
    _assert_error(response, 400, 20001, message)
    assert payments.asked == []


def test_body_is_bounded(client: InProcess, payments: FakePayments) -> None:
    """
    The last byte that is too many is refused, the one before is read.
    """
    head = b"IdempotencyKey=k1&StatusCallback=https%3A%2F%2Fa.example%2F&Unheard="
    body = head.ljust(65536, b"x")
    assert client.post(START, content=body).status_code == 201
    response = client.post(START, content=body + b"x")
    _assert_error(response, 413, 20001, "body: expected at most 65536 bytes")
    assert len(payments.asked) == 1


@pytest.mark.parametrize(
    ("form", "code", "message"),
    [
        ({}, 20001, "Missing required parameter IdempotencyKey in the post body"),
        (
            {"IdempotencyKey": "k1"},
            20001,
            "Missing required parameter StatusCallback in the post body",
        ),
        (
            {**NEEDED, "Timeout": "601"},
            64020,
            "Invalid Parameter Value: Timeout: expected a whole number from 1 to 600",
        ),
    ],
)
def test_start_answers_400_when_a_parameter_is_wrong(
    client: InProcess,
    payments: FakePayments,
    form: dict[str, str],
    code: int,
    message: str,
) -> None:
    """
    The error names the parameter, and no payment is started.
    """
    _assert_error(client.post(START, form), 400, code, message)
    assert payments.asked == []


def test_start_takes_an_amount_beside_a_token_type_where_read_so(
    client: InProcess, payments: FakePayments
) -> None:
    """
    The routes read the wire as the operator wants it.
    """
    form = {**NEEDED, "ChargeAmount": "9.99", "TokenType": "reusable"}
    assert client.post(START, form).json()["code"] == 64020
    tolerant = InProcess(payments, LOGIN, [Reading.AMOUNT_WITH_TOKEN_TYPE])
    assert tolerant.post(START, form).status_code == 201
    request = PaymentRequest(status_callback=URL, charge_amount=Decimal("9.99"))
    assert payments.asked == [(ACCOUNT, CALL, SID, "k1", request)]


def test_update_answers_400_when_it_is_neither_capture_nor_status(
    client: InProcess, payments: FakePayments
) -> None:
    """
    The payment is not bothered.
    """
    message = "Value needed for either Capture or Status parameters"
    _assert_error(client.post(UPDATE, NEEDED), 400, 64018, message)
    assert payments.asked == []


@pytest.mark.parametrize(
    ("failure", "status", "code", "message"),
    [
        (ApiError(409, 20409, "Ended"), 409, 20409, "Ended"),
        (RuntimeError("4242424242424242"), 500, 20500, "Internal Server Error"),
    ],
)
def test_failure_behind_the_routes_is_told_in_the_same_shape(
    client: InProcess,
    payments: FakePayments,
    failure: Exception,
    status: int,
    code: int,
    message: str,
) -> None:
    """
    A refusal is told as it is; a bug is told as a bug, without its text.
    """
    payments.failure = failure
    _assert_error(client.post(START, NEEDED), status, code, message)


def test_form_is_read_as_one_whatever_it_says_it_is(
    client: InProcess, payments: FakePayments
) -> None:
    """
    Plus is a space, percent is UTF-8, and the last of two values counts.
    """
    body = b"IdempotencyKey=k0&IdempotencyKey=k1&StatusCallback=" + URL.encode()
    body += b"&Description=S%C3%BC%C3%9Fer+Tee"
    response = client.post(START, content=body, headers={"Content-Type": "text/plain"})
    assert response.status_code == 201
    request = PaymentRequest(status_callback=URL, description="Süßer Tee")
    assert payments.asked == [(ACCOUNT, CALL, SID, "k1", request)]


def test_health_is_told_to_anybody(stranger: InProcess) -> None:
    """
    A supervisor needs no credentials to ask whether the process lives.
    """
    response = stranger.get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
