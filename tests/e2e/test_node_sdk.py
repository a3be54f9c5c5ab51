"""
Twilio's own Node SDK, unmodified, drives payments on live calls.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.live import LiveCall, live_call
from tests.support.node_sdk import NodeError, NodeSdk, install, node_sdk
from tests.support.processes import ACCOUNT_SID, AUTH_TOKEN, Served
from tests.support.receiver import Receiver
from tests.support.refusals import STARTS, UPDATES, Form, for_node


pytestmark = [pytest.mark.e2e, pytest.mark.peer]

CARD = "4242424242424242"


@pytest.fixture(name="sdk", scope="module")
def _sdk(tmp_path_factory: pytest.TempPathFactory, served: Served) -> Iterator[NodeSdk]:
    package = install(tmp_path_factory.mktemp("node"))
    with node_sdk(
        package,
        api_url=served.api_url,
        account_sid=ACCOUNT_SID,
        auth_token=AUTH_TOKEN,
    ) as sdk:
        yield sdk


@pytest.fixture(name="call")
def _call(served: Served, sdk: NodeSdk) -> Iterator[LiveCall]:
    with live_call(served.media_url) as call:
        for _ in range(500):
            seen = sdk.ask("call", call.call_sid)
            if not isinstance(seen, NodeError):
                assert seen["status"] == "in-progress"
                break
        else:
            raise AssertionError("the call did not come up")
        yield call


def _done(seen: dict[str, Any] | NodeError) -> dict[str, Any]:
    assert not isinstance(seen, NodeError), seen
    return seen


def test_node_sdk_takes_a_whole_payment(
    sdk: NodeSdk, call: LiveCall, receiver: Receiver
) -> None:
    """
    Start, every capture of a card twice, the caller's confirmation, and success.
    """
    key = {"idempotencyKey": "k", "statusCallback": receiver.url}
    fields = ("payment-card-number", "expiration-date", "security-code", "postal-code")
    keys = dict(zip(fields, (CARD, "1239", "737", "94109#"), strict=True))
    start = {
        **key,
        "chargeAmount": 12,
        "parameter": {"order": "17"},
        "minPostalCodeLength": 5,
        "requireMatchingInputs": ",".join(fields),
        "confirmation": "true",
        "validCardTypes": "visa amex",
        "timeout": 20,
    }
    payment = _done(sdk.ask("start", call.call_sid, form=start))
    assert payment["datesAreValid"]
    assert (payment["accountSid"], payment["callSid"]) == (ACCOUNT_SID, call.call_sid)
    sid = payment["sid"]
    for name in fields:
        for capture in (name, f"{name}-matcher"):
            form = {**key, "capture": capture}
            seen = _done(sdk.ask("update", call.call_sid, sid=sid, form=form))
            assert seen["sid"] == sid
            digits = keys[name] if capture == name else keys[name].rstrip("#")
            call.press(digits)
            assert "ErrorType" not in receiver.wait_for_field(capture)
    form = {**key, "status": "complete"}
    _done(sdk.ask("update", call.call_sid, sid=sid, form=form))
    call.press("1")
    last = receiver.wait_for(lambda forms: "Result" in forms[-1])[-1]
    assert (last["Result"], last["PaymentCardType"]) == ("success", "visa")
    assert last["PaymentCardNumber"] == "xxxxxxxxxxxx4242"


def test_node_sdk_takes_a_bank_account_and_cancels(
    sdk: NodeSdk, call: LiveCall, receiver: Receiver
) -> None:
    """
    Both captures of a bank account, and the way out.
    """
    key = {"idempotencyKey": "k", "statusCallback": receiver.url}
    start = {
        **key,
        "paymentMethod": "ach-debit",
        "bankAccountType": "consumer-savings",
        "tokenType": "one-time",
        "parameter": {"AVSName": "Ada"},
    }
    sid = _done(sdk.ask("start", call.call_sid, form=start))["sid"]
    for capture, keys, name, shown in (
        ("bank-routing-number", "121181976", "BankRoutingNumber", "121181976"),
        ("bank-account-number", "123456789#", "BankAccountNumber", "*******89"),
    ):
        form = {**key, "capture": capture}
        _done(sdk.ask("update", call.call_sid, sid=sid, form=form))
        call.press(keys)
        assert receiver.wait_for_field(capture)[name] == shown
    form = {**key, "status": "cancel"}
    _done(sdk.ask("update", call.call_sid, sid=sid, form=form))
    last = receiver.wait_for(lambda forms: "Result" in forms[-1])[-1]
    assert last["Result"] == "transaction-cancelled"


def test_node_sdk_throws_its_own_error_for_each_refusal(
    sdk: NodeSdk, call: LiveCall, receiver: Receiver
) -> None:
    """
    Every refusal is a RestException with status, code and a link.
    """
    key: Form = {"idempotency_key": "k", "status_callback": receiver.url}

    def refused(what: str, form: Form, **more: str) -> tuple[int, int]:
        named = {"call": call.call_sid, **more}
        error = sdk.ask(what, form=for_node({**key, **form}), **named)
        assert isinstance(error, NodeError), error
        assert error.name == "RestException"
        assert error.more_info == f"https://www.twilio.com/docs/errors/{error.code}"
        return error.status, error.code

    for form, code in STARTS:
        assert refused("start", form) == (400, code), form
    assert refused("start", {}, token="x" * 32) == (401, 20003)
    assert refused("start", {}, call="CA" + "0" * 32) == (404, 20404)
    sid = _done(sdk.ask("start", call.call_sid, form=for_node(key)))["sid"]
    assert refused("start", {"idempotency_key": "other"}) == (400, 64021)
    for form, code in UPDATES:
        assert refused("update", form, sid=sid) == (400, code), form
    cancel: Form = {"status": "cancel"}
    assert refused("update", cancel, sid="PK" + "0" * 32) == (404, 20404)
    _done(sdk.ask("update", call.call_sid, sid=sid, form=for_node({**key, **cancel})))
    assert refused("update", {"capture": "postal-code"}, sid=sid) == (409, 20409)
    call.hang_up()
    assert refused("start", {}) == (400, 21220)
