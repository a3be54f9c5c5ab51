"""
Each parameter of an update, from the form to what it does to the payment.
"""

import pytest

from bridge.pay.settings import Reading
from tests.bridge.api.test_start_params import refused
from tests.support.pay import KEYS
from tests.support.wire import WirePayment, reading


CARD, CODE = "payment-card-number", "security-code"
ALL_TWICE = "payment-card-number,expiration-date,security-code,postal-code"

SHOWN = {
    "payment-card-number": ("PaymentCardNumber", "xxxxxxxxxxxx4242"),
    "expiration-date": ("ExpirationDate", "1230"),
    "security-code": ("SecurityCode", "xxx"),
    "postal-code": ("PaymentCardPostalCode", "94109"),
    "bank-routing-number": ("BankRoutingNumber", "121181976"),
    "bank-account-number": ("BankAccountNumber", "*******89"),
}


@pytest.mark.parametrize("capture", SHOWN)
def test_update_param__capture(capture: str) -> None:
    """
    Each field is asked for, keyed, shown under its name, and required no more.
    """
    method = "ach-debit" if capture.startswith("bank") else "credit-card"
    payment = WirePayment(PaymentMethod=method)
    if capture == CODE:
        payment.capture(CARD)
    (asked,) = payment.update(Capture=capture)
    assert asked["Capture"] == capture
    assert capture in asked["Required"].split(",")
    payment.press(KEYS[next(field for field in KEYS if field == capture)])
    name, value = SHOWN[capture]
    assert payment.last["Capture"] == capture
    assert payment.last[name] == value
    assert capture not in payment.last["Required"].split(",")


@pytest.mark.parametrize("field", list(SHOWN)[:4])
def test_update_param__capture__matcher(field: str) -> None:
    """
    A second entry that is the same as the first makes the field whole.
    """
    payment = WirePayment(RequireMatchingInputs=ALL_TWICE)
    if field == CODE:
        payment.capture(CARD)
    first = payment.capture(field)
    assert f"{field}-matcher" in first["Required"].split(",")
    second = payment.capture(f"{field}-matcher")
    assert second["Capture"] == f"{field}-matcher"
    assert f"{field}-matcher" not in second["Required"].split(",")
    assert "ErrorType" not in second
    name, value = SHOWN[field]
    assert second[name] == value


@pytest.mark.parametrize(
    ("method", "other"),
    [("credit-card", "bank-account-number"), ("ach-debit", "payment-card-number")],
)
def test_update_param__capture__of_another_payment_method(
    method: str, other: str
) -> None:
    """
    A bank account has no card number, and a card no routing number: 64020.
    """
    payment = WirePayment(PaymentMethod=method)
    assert refused(lambda: payment.update(Capture=other)) == (400, 64020)
    assert len(payment.forms) == 1


def test_update_param__capture__refused() -> None:
    """
    What is no field at all is 64020.
    """
    payment = WirePayment()
    for wrong in ("pan", "bank-account-type", "bank-routing-number-matcher"):
        assert refused(lambda name=wrong: payment.update(Capture=name)) == (400, 64020)  # type: ignore[misc]


def test_update_param__status__complete() -> None:
    """
    It has the payment made once nothing is required, and is 64019 before.
    """
    payment = WirePayment(ChargeAmount="9.99", PostalCode="false")
    assert refused(lambda: payment.update(Status="complete")) == (400, 64019)
    payment.fill()
    (last,) = payment.update(Status="complete")
    assert (last["Result"], last["PaymentConfirmationCode"]) == ("success", "ch_id1")


def test_update_param__status__complete__too_early_ends_it_where_read_so() -> None:
    """
    Read as a callback, completing too early is taken and ends the payment.
    """
    payment = WirePayment(reading(Reading.INCOMPLETE_ENDS))
    payment.update(Capture=CARD)
    (last,) = payment.update(Status="complete", StatusCallback="https://a.example/2")
    assert (last["Result"], last["PayErrorCode"]) == ("validation-error", "64019")
    assert last["PaymentError"].startswith("Required payment information incomplete: ")
    assert payment.target == "https://a.example/2"
    assert payment.sent == []
    assert refused(lambda: payment.update(Capture=CARD)) == (409, 20409)


def test_update_param__status__cancel() -> None:
    """
    It ends the payment at any time before the gateway is asked.
    """
    payment = WirePayment()
    payment.update(Capture=CARD)
    payment.press("42")
    (last,) = payment.update(Status="cancel")
    assert last["Result"] == "transaction-cancelled"
    assert refused(lambda: payment.update(Status="cancel")) == (409, 20409)


def test_update_param__status_and_capture() -> None:
    """
    Both and neither are 64018.
    """
    payment = WirePayment()
    assert refused(payment.update) == (400, 64018)
    both = {"Capture": CARD, "Status": "cancel"}
    assert refused(lambda: payment.update(**both)) == (400, 64018)
    assert refused(lambda: payment.update(Status="done")) == (400, 64020)


def test_update_param__status_callback() -> None:
    """
    The address of an update is that of its step's callbacks, the last included.
    """
    payment = WirePayment()
    payment.update(Capture=CARD, StatusCallback="https://a.example/?lastCall=card")
    assert payment.target == "https://a.example/?lastCall=card"
    payment.press("4242424242424242")
    assert payment.target == "https://a.example/?lastCall=card"
    payment.update(Capture=CODE, StatusCallback="https://a.example/?lastCall=code")
    assert payment.target == "https://a.example/?lastCall=code"
    payment.scene.hang_up()
    assert payment.last["Result"] == "caller-hung-up"
    assert payment.target == "https://a.example/?lastCall=code"


def test_update_param__status_callback__of_a_refused_command_is_forgotten() -> None:
    """
    A command that is refused changes nothing, not even where reports go.
    """
    payment = WirePayment()
    wrong = {"Status": "complete", "StatusCallback": "https://other.example/"}
    assert refused(lambda: payment.update(**wrong)) == (400, 64019)
    payment.scene.hang_up()
    assert payment.target == "https://agent.example/callbacks"


def test_update_param__idempotency_key() -> None:
    """
    It is required like the callback's address; see the tests of the server.
    """
    payment = WirePayment()
    missing = {"StatusCallback": "", "Status": "cancel"}
    assert refused(lambda: payment.update(**missing)) == (400, 20001)
