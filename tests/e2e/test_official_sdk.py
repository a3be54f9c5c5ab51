"""
Twilio's own Python SDK, unmodified, drives payments on live calls.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from dtmf_engine import audit, decode
from tests.support.live import LiveCall, live_call
from tests.support.processes import ACCOUNT_SID, AUTH_TOKEN, Served
from tests.support.receiver import Receiver
from tests.support.refusals import STARTS, UPDATES, Form


pytestmark = pytest.mark.e2e

CARD = "4242424242424242"


@pytest.fixture(name="client")
def _client(served: Served) -> Client:
    client = Client(ACCOUNT_SID, AUTH_TOKEN)
    client.api.base_url = served.api_url
    return client


@pytest.fixture(name="call")
def _call(served: Served, client: Client) -> Iterator[LiveCall]:
    with live_call(served.media_url) as call:
        _wait_for_call(client, call)
        yield call


def _wait_for_call(client: Client, call: LiveCall) -> None:
    for _ in range(500):
        try:
            fetched = client.calls(call.call_sid).fetch()
        except TwilioRestException:
            # Not there yet.
            continue
        assert fetched.status == "in-progress"
        return
    raise AssertionError("the call did not come up")


def _start(client: Client, call: LiveCall, receiver: Receiver, **more: object) -> str:
    payment = client.calls(call.call_sid).payments.create(
        idempotency_key="start",
        status_callback=receiver.url,
        charge_amount=12.00,
        postal_code=False,
        **more,
    )
    assert payment.sid is not None
    return str(payment.sid)


def _ask(
    client: Client, call: LiveCall, receiver: Receiver, sid: str, **what: str
) -> None:
    client.calls(call.call_sid).payments(sid).update(
        idempotency_key=f"{what}", status_callback=receiver.url, **what
    )


def test_sdk_takes_a_whole_payment(
    client: Client, call: LiveCall, receiver: Receiver, served: Served
) -> None:
    """
    Start, three captures and complete end in success; the agent heard nothing.
    """
    payment = client.calls(call.call_sid).payments.create(
        idempotency_key="start",
        status_callback=receiver.url,
        charge_amount=12.00,
        postal_code=False,
    )
    assert payment.call_sid == call.call_sid
    assert payment.account_sid == ACCOUNT_SID
    assert payment.date_created is not None
    sid = str(payment.sid)

    for capture, keys, shown in (
        ("payment-card-number", CARD, ("PaymentCardNumber", "xxxxxxxxxxxx4242")),
        ("security-code", "737#", ("SecurityCode", "xxx")),
        ("expiration-date", "1239", ("ExpirationDate", "1239")),
    ):
        _ask(client, call, receiver, sid, capture=capture)
        call.press(keys)
        form = receiver.wait_for_field(capture)
        assert form.get(shown[0]) == shown[1], form
    _ask(client, call, receiver, sid, status="complete")
    last = receiver.wait_for(lambda forms: "Result" in forms[-1])[-1]

    assert last["Result"] == "success"
    assert last["PaymentCardType"] == "visa"
    assert last["PaymentConfirmationCode"].startswith("ch_")
    _assert_order_and_signatures(receiver)
    call.hang_up()
    report = audit(call.sent, call.heard)
    assert "".join(p.press.digit for p in report.presses) == CARD + "737#1239"
    assert report.is_clean, report
    assert decode(call.heard) == []
    _assert_card_nowhere(served.folder)


def _assert_order_and_signatures(receiver: Receiver) -> None:
    numbers = [int(form["SequenceNumber"]) for form in receiver.forms]
    assert numbers == list(range(1, len(numbers) + 1))
    validator = RequestValidator(AUTH_TOKEN)
    for form, signature in zip(receiver.forms, receiver.signatures, strict=True):
        assert validator.validate(receiver.url, form, signature)


def _assert_card_nowhere(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert CARD.encode() not in data, path
            assert CARD[:5].encode() not in data, path


def test_sdk_asks_again_after_a_wrong_number(
    client: Client, call: LiveCall, receiver: Receiver
) -> None:
    """
    A field that failed is asked for again, and nothing else is lost.
    """
    sid = _start(client, call, receiver)
    _ask(client, call, receiver, sid, capture="payment-card-number")
    call.press("4242424242424241#")
    form = receiver.wait_for_field("payment-card-number")
    assert form["ErrorType"] == "invalid-card-number"
    assert "payment-card-number" in form["Required"].split(",")
    receiver.forms.clear()

    _ask(client, call, receiver, sid, capture="payment-card-number")
    call.press(CARD)
    form = receiver.wait_for_field("payment-card-number")
    assert form["PaymentCardNumber"] == "xxxxxxxxxxxx4242"
    assert form["Required"] == "expiration-date,security-code"
    _ask(client, call, receiver, sid, status="cancel")
    last = receiver.wait_for(lambda forms: "Result" in forms[-1])[-1]
    assert last["Result"] == "transaction-cancelled"
    assert "PaymentCardNumber" not in last


def test_sdk_hears_of_a_hang_up(
    client: Client, call: LiveCall, receiver: Receiver
) -> None:
    """
    A caller who hangs up in a capture ends the payment, and the call is over.
    """
    sid = _start(client, call, receiver)
    _ask(client, call, receiver, sid, capture="payment-card-number")
    call.press("4242")
    receiver.wait_for(lambda forms: forms[-1].get("PaymentCardNumber") == "xxxx")
    call.hang_up()
    last = receiver.wait_for(lambda forms: "Result" in forms[-1])[-1]
    assert last["Result"] == "caller-hung-up"
    assert client.calls(call.call_sid).fetch().status == "completed"
    with pytest.raises(TwilioRestException) as caught:
        _start(client, call, receiver)
    assert (caught.value.status, caught.value.code) == (400, 21220)


@pytest.mark.parametrize(
    ("amount", "result", "code"),
    [
        ("10.53", "payment-connector-error", "64008"),
        ("10.51", "payment-connector-error", "64002"),
        ("10.52", "payment-connector-error", "64002"),
    ],
)
def test_sdk_hears_of_each_way_a_gateway_can_refuse(
    client: Client,
    call: LiveCall,
    receiver: Receiver,
    amount: str,
    result: str,
    code: str,
) -> None:
    """
    A decline, a gateway that breaks and one that is silent are told apart.
    """
    payment = client.calls(call.call_sid).payments.create(
        idempotency_key="k",
        status_callback=receiver.url,
        charge_amount=amount,
        postal_code=False,
        security_code=False,
    )
    sid = str(payment.sid)
    for capture, keys in (("payment-card-number", CARD), ("expiration-date", "1239")):
        _ask(client, call, receiver, sid, capture=capture)
        call.press(keys)
        receiver.wait_for_field(capture)
    _ask(client, call, receiver, sid, status="complete")
    last = receiver.wait_for(lambda forms: "Result" in forms[-1])[-1]
    assert (last["Result"], last["PayErrorCode"]) == (result, code)


def test_sdk_raises_its_own_exception_for_each_refusal(
    client: Client, call: LiveCall, receiver: Receiver, served: Served
) -> None:
    """
    Every refusal is a TwilioRestException with Twilio's status and code.
    """

    def refused(what: object) -> tuple[int, int]:
        assert callable(what)
        with pytest.raises(TwilioRestException) as caught:
            what()
        return int(caught.value.status), int(caught.value.code)

    stranger = Client(ACCOUNT_SID, "x" * 32)
    stranger.api.base_url = served.api_url
    payments = client.calls(call.call_sid).payments
    here: Form = {"idempotency_key": "k", "status_callback": receiver.url}
    missing = "PK" + "0" * 32

    assert refused(lambda: stranger.calls(call.call_sid).fetch()) == (401, 20003)
    assert refused(lambda: client.calls("CA" + "0" * 32).fetch()) == (404, 20404)
    for form, code in STARTS:
        wrong = {**here, **form}
        assert refused(lambda wrong=wrong: payments.create(**wrong)) == (400, code)
    sid = str(payments.create(**here).sid)
    other = {**here, "idempotency_key": "other"}
    assert refused(lambda: payments.create(**other)) == (400, 64021)
    for form, code in UPDATES:
        wrong = {**here, **form}
        assert refused(lambda wrong=wrong: payments(sid).update(**wrong)) == (400, code)
    assert refused(lambda: payments(missing).update(**here, status="cancel")) == (
        404,
        20404,
    )
    assert payments.create(**here).sid == sid
    payments(sid).update(**here, status="cancel")
    assert refused(lambda: payments(sid).update(**here, capture="postal-code")) == (
        409,
        20409,
    )


def test_sdk_has_every_field_keyed_twice_and_the_caller_confirm(
    client: Client, call: LiveCall, receiver: Receiver, served: Served
) -> None:
    """
    All four fields of a card, their second entries, and the caller's 1.
    """
    fields = ("payment-card-number", "expiration-date", "security-code", "postal-code")
    keys = dict(zip(fields, (CARD, "1239", "737", "94109#"), strict=True))
    payment = client.calls(call.call_sid).payments.create(
        idempotency_key="start",
        status_callback=receiver.url,
        charge_amount=12.00,
        require_matching_inputs=",".join(fields),
        confirmation="true",
    )
    sid = str(payment.sid)
    for name in fields:
        for capture in (name, f"{name}-matcher"):
            _ask(client, call, receiver, sid, capture=capture)
            call.press(keys[name] if capture == name else keys[name].rstrip("#"))
            form = receiver.wait_for_field(capture)
            assert "ErrorType" not in form, form
    assert form["Required"] == ""
    _ask(client, call, receiver, sid, status="complete")
    call.press("1")
    last = receiver.wait_for(lambda forms: "Result" in forms[-1])[-1]
    assert last["Result"] == "success"
    _assert_order_and_signatures(receiver)
    call.hang_up()
    assert decode(call.heard) == []
    _assert_card_nowhere(served.folder)


@pytest.mark.parametrize(("account", "code"), [("12345678", ""), ("87654321", "64023")])
def test_sdk_takes_a_bank_account(
    client: Client, call: LiveCall, receiver: Receiver, account: str, code: str
) -> None:
    """
    Both fields of an account, and what becomes of a published and of another one.
    """
    payment = client.calls(call.call_sid).payments.create(
        idempotency_key="start",
        status_callback=receiver.url,
        charge_amount=12.00,
        payment_method="ach-debit",
        bank_account_type="commercial-checking",
        parameter={"AVSName": "Ada"},
    )
    sid = str(payment.sid)
    for capture, keys, name, shown in (
        ("bank-routing-number", "121181976", "BankRoutingNumber", "121181976"),
        (
            "bank-account-number",
            account + "#",
            "BankAccountNumber",
            f"******{account[-2:]}",
        ),
    ):
        _ask(client, call, receiver, sid, capture=capture)
        call.press(keys)
        form = receiver.wait_for_field(capture)
        assert (form[name], form["BankAccountType"]) == (shown, "commercial-checking")
    _ask(client, call, receiver, sid, status="complete")
    last = receiver.wait_for(lambda forms: "Result" in forms[-1])[-1]
    assert last.get("PayErrorCode", "") == code
    assert last["Result"] == ("payment-connector-error" if code else "success")
