"""
Every field of a callback, each by its name, in every kind of callback.
"""

import re

import pytest

from bridge.pay.fields import CARD_FIELDS, Field
from bridge.pay.settings import Reading
from tests.support.pay import ACCOUNT as ACCOUNT_DIGITS
from tests.support.pay import AMEX, KEYS, VISA
from tests.support.pay import ROUTING as ROUTING_DIGITS
from tests.support.wire import WirePayment, reading


CARD, DATE = "payment-card-number", "expiration-date"
CODE, POSTAL = "security-code", "postal-code"
ROUTING, ACCOUNT = "bank-routing-number", "bank-account-number"
ACH = {"PaymentMethod": "ach-debit"}
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def _kinds(**form: str) -> dict[str, dict[str, str]]:
    """
    Give one callback of each kind.
    """
    payment = WirePayment(**form)
    kinds = {"start": payment.last}
    kinds["update"] = payment.capture(str(payment.scene.session.required[0]))
    kinds["complete"] = payment.finish()
    payment = WirePayment(**form)
    kinds["cancel"] = payment.update(Status="cancel")[-1]
    return kinds


@pytest.mark.parametrize("name", ["AccountSid", "CallSid", "Sid"])
def test_callback_field__whose(name: str) -> None:
    """
    Every callback says whose it is.
    """
    values = {"AccountSid": "AC1", "CallSid": "CA1", "Sid": "PK1"}
    assert {form[name] for form in _kinds().values()} == {values[name]}


def test_callback_field__date_created_and_date_updated() -> None:
    """
    ISO 8601 with milliseconds; a start has no update, an end does not repeat.
    """
    kinds = _kinds()
    for kind, names in {
        "start": {"DateCreated"},
        "update": {"DateCreated", "DateUpdated"},
        "complete": {"DateUpdated"},
        "cancel": {"DateUpdated"},
    }.items():
        dates = {name: text for name, text in kinds[kind].items() if "Date" in name}
        assert {name for name in dates if name != "ExpirationDate"} == names
        assert all(ISO_DATE.fullmatch(dates[name]) for name in names)


@pytest.mark.parametrize(
    ("name", "form", "value"),
    [
        ("BankAccountType", ACH, "consumer-checking"),
        ("ChargeAmount", {"ChargeAmount": "9.99"}, "9.99"),
        ("PaymentConnector", {}, "Default"),
        ("TokenType", {"TokenType": "one-time"}, "one-time"),
    ],
)
def test_callback_field__common(name: str, form: dict[str, str], value: str) -> None:
    """
    What was started is told until the end; there only where the operator wants it.
    """
    kinds = _kinds(**form)
    assert {kind for kind in kinds if kinds[kind].get(name) == value} == {
        "start",
        "update",
    }
    payment = WirePayment(reading(Reading.COMMON_FIELDS_AT_END), **form)
    assert payment.finish()[name] == value


@pytest.mark.parametrize("method", ["credit-card", "ach-debit"])
def test_callback_field__payment_method(method: str) -> None:
    """
    It is in every callback.
    """
    forms = _kinds(PaymentMethod=method).values()
    assert {form["PaymentMethod"] for form in forms} == {method}


def test_callback_field__capture() -> None:
    """
    It names the field an update is about, and is in no other callback.
    """
    kinds = _kinds()
    assert kinds["update"]["Capture"] == CARD
    assert not any("Capture" in kinds[kind] for kind in ("start", "complete", "cancel"))


def test_callback_field__required() -> None:
    """
    Names of captures with commas between, shorter with each, empty at the end.
    """
    payment = WirePayment()
    assert "Required" not in payment.last
    seen = [payment.update(Capture=CARD)[0]["Required"]]
    seen += [payment.capture(str(field))["Required"] for field in CARD_FIELDS]
    assert seen == [
        "payment-card-number,expiration-date,security-code,postal-code",
        "expiration-date,security-code,postal-code",
        "security-code,postal-code",
        "postal-code",
        "",
    ]
    assert "Required" not in payment.finish()


def test_callback_field__required__again_while_a_field_is_keyed_anew() -> None:
    """
    The moment the agent asks again the field is required again.
    """
    payment = WirePayment()
    payment.fill()
    (form,) = payment.update(Capture=DATE)
    assert form["Required"] == DATE
    assert "ExpirationDate" not in form


def test_callback_field__required__as_documented_where_read_so() -> None:
    """
    Names of callback fields, as Twilio's documents have them.
    """
    payment = WirePayment(
        reading(Reading.DOCUMENTED_REQUIRED), RequireMatchingInputs=CODE
    )
    assert payment.capture(CARD)["Required"] == (
        "ExpirationDate,SecurityCode,SecurityCodeMatcher,PaymentCardPostalCode"
    )
    payment.fill()
    assert payment.last["Required"] == ""
    ach = WirePayment(reading(Reading.DOCUMENTED_REQUIRED), **ACH)
    assert ach.update(Capture=ROUTING)[0]["Required"] == (
        "BankRoutingNumber,BankAccountNumber"
    )


def test_callback_field__partial_result() -> None:
    """
    `true` with every digit but the last, absent with that; `false` where read so.
    """
    payment = WirePayment()
    payment.update(Capture=CARD)
    forms = payment.press(VISA)
    assert [form.get("PartialResult") for form in forms] == ["true"] * 15 + [None]
    assert "PartialResult" not in payment.capture(DATE, "99#")
    payment = WirePayment(reading(Reading.PARTIAL_RESULT_FALSE))
    payment.update(Capture=DATE)
    forms = payment.press("1230")
    assert [form["PartialResult"] for form in forms] == ["true"] * 3 + ["false"]


def test_callback_field__error_type() -> None:
    """
    It is there when something is wrong, and else it is not.
    """
    payment = WirePayment()
    assert payment.capture(DATE, "9999")["ErrorType"] == "invalid-date"
    assert "ErrorType" not in payment.capture(DATE)
    assert not any("ErrorType" in form for form in _kinds().values())


def test_callback_field__payment_card_type() -> None:
    """
    It stays from the first digits of the number to the end of the payment.
    """
    payment = WirePayment()
    payment.capture(CARD, AMEX)
    assert payment.capture(DATE)["PaymentCardType"] == "amex"
    assert payment.finish()["PaymentCardType"] == "amex"
    assert "PaymentCardType" not in _kinds(**ACH)["complete"]


@pytest.mark.parametrize(
    ("capture", "name", "keys", "finished"),
    [
        (CARD, "PaymentCardNumber", VISA, "xxxxxxxxxxxx4242"),
        (CARD, "PaymentCardNumber", AMEX, "xxxxxxxxxxx0005"),
        (DATE, "ExpirationDate", "1230", "1230"),
        (CODE, "SecurityCode", "123", "xxx"),
        (POSTAL, "PaymentCardPostalCode", "94109", "94109"),
        (ROUTING, "BankRoutingNumber", ROUTING_DIGITS, "121181976"),
        (ACCOUNT, "BankAccountNumber", ACCOUNT_DIGITS, "*******89"),
        (ACCOUNT, "BankAccountNumber", "12345678901234567", "*" * 15 + "67"),
    ],
)
def test_callback_field__mask(
    capture: str, name: str, keys: str, finished: str
) -> None:
    """
    While it is keyed there is a sign for each digit; then what may be seen is seen,
    in every callback to the end.
    """
    payment = WirePayment(**(ACH if capture.startswith("bank") else {}))
    if capture == CODE:
        payment.capture(CARD)
    payment.update(Capture=capture)
    forms = payment.press(keys)
    if "PartialResult" in payment.last:
        forms += payment.press("#")
    cover = "*" if capture == ACCOUNT else "x"
    partial = [form[name] for form in forms if "PartialResult" in form]
    assert partial == [cover * n_digits for n_digits in range(1, len(partial) + 1)]
    assert len(partial) >= len(keys) - 1
    assert forms[-1][name] == finished
    assert not any(re.search(r"\d", shown) for shown in partial)
    assert payment.finish()[name] == finished


@pytest.mark.parametrize("field", CARD_FIELDS)
def test_callback_field__mask__of_a_second_entry(field: Field) -> None:
    """
    It is shown in the place of the first while it is keyed, and hides it meanwhile.
    """
    name = {
        CARD: "PaymentCardNumber",
        DATE: "ExpirationDate",
        CODE: "SecurityCode",
        POSTAL: "PaymentCardPostalCode",
    }[str(field)]
    payment = WirePayment(RequireMatchingInputs=field)
    if field == CODE:
        payment.capture(CARD)
    finished = payment.capture(str(field))[name]
    (asked,) = payment.update(Capture=f"{field}-matcher")
    assert asked[name] == finished
    keys = KEYS[field].rstrip("#")
    forms = payment.press(keys)
    expected = ["x" * n_digits for n_digits in range(1, len(keys))]
    assert [form[name] for form in forms] == [*expected, finished]


@pytest.mark.parametrize(
    ("number", "shown"),
    [(VISA, "xxxx-xxxx-xxxx-4242"), (AMEX, "xxxx-xxxxxx-x0005")],
)
def test_callback_field__mask__as_documented_where_read_so(
    number: str, shown: str
) -> None:
    """
    In the groups of the card; other lengths stay one group.
    """
    payment = WirePayment(reading(Reading.DOCUMENTED_CARD_MASK))
    payment.update(Capture=CARD)
    assert payment.press(number[:4])[-1]["PaymentCardNumber"] == "xxxx"
    payment.press(number[4:])
    assert payment.last["PaymentCardNumber"] == shown


def test_callback_field__payment_confirmation_code_and_payment_token() -> None:
    """
    One is there and the other empty, and `ProfileId` is empty as well.
    """
    charged = WirePayment(ChargeAmount="9.99").finish()
    names = ("PaymentConfirmationCode", "PaymentToken", "ProfileId")
    assert tuple(charged[name] for name in names) == ("ch_id1", "", "")
    tokenized = WirePayment().finish()
    assert tuple(tokenized[name] for name in names) == ("", "tok_id1", "")


def test_callback_field__pay_error_code_payment_error_and_connector_error() -> None:
    """
    They are there when the gateway refused, and else they are not.
    """
    names = {"PayErrorCode", "PaymentError", "ConnectorError"}
    refused = WirePayment(ChargeAmount="9.53").finish()
    assert names <= refused.keys()
    for form in _kinds().values():
        assert not names & form.keys()


def test_callback_field__result() -> None:
    """
    The last callback has it, and no other.
    """
    payment = WirePayment()
    payment.finish()
    assert ["Result" in form for form in payment.forms] == (
        [False] * (len(payment.forms) - 1) + [True]
    )


def test_callback_field__sequence_number() -> None:
    """
    Ours: it rises by one with each callback of a payment.
    """
    payment = WirePayment()
    payment.capture(CARD, "4#")
    payment.finish()
    numbers = [int(form["SequenceNumber"]) for form in payment.forms]
    assert numbers == list(range(1, len(numbers) + 1))


def test_callback_field__of_a_cancel() -> None:
    """
    Nothing of what was captured is there, not even as an empty field.
    """
    payment = WirePayment(ChargeAmount="9.99")
    payment.fill()
    (form,) = payment.update(Status="cancel")
    assert form.keys() == {
        *("AccountSid", "CallSid", "Sid", "PaymentMethod", "DateUpdated"),
        *("SequenceNumber", "Result"),
    }


def test_callback_field__of_a_captured_completion() -> None:
    """
    Every field of a real one is there, and none besides but the number of ours.
    """
    payment = WirePayment(ChargeAmount="9.99", PostalCode="false")
    assert payment.finish().keys() - {"SequenceNumber"} == {
        *("SecurityCode", "PaymentCardType", "Sid", "PaymentConfirmationCode"),
        *("CallSid", "Result", "AccountSid", "ProfileId", "DateUpdated"),
        *("PaymentToken", "PaymentMethod", "PaymentCardNumber", "ExpirationDate"),
    }


def test_callback_field__pay_connector_parameters() -> None:
    """
    A gateway's own parameters are told where the operator wants them.
    """
    for settings in (reading(), reading(Reading.CONNECTOR_PARAMETERS)):
        payment = WirePayment(
            settings, ChargeAmount="9.99", Parameter='{"sandbox": "echo", "a": "b"}'
        )
        form = payment.finish()
        told = {name for name in form if name.startswith("PayConnector_")}
        assert told == ({"PayConnector_a"} if settings.readings else set())


def test_typical_session() -> None:
    """
    The steps of Twilio's own example, with as many callbacks as its digits.
    """
    payment = WirePayment(ChargeAmount="9.99")
    assert not payment.last.keys() & {"Required", "Capture", "PartialResult"}
    everything = f"{CARD},{DATE},{CODE},{POSTAL}"
    (asked,) = payment.update(Capture=CARD)
    assert (asked["Capture"], asked["Required"]) == (CARD, everything)
    forms = payment.press(VISA)
    assert [form["PaymentCardNumber"] for form in forms] == [
        *("x" * n_digits for n_digits in range(1, 16)),
        "xxxxxxxxxxxx4242",
    ]
    assert {form["Required"] for form in forms[:-1]} == {everything}
    assert forms[-1]["Required"] == f"{DATE},{CODE},{POSTAL}"
    assert payment.capture(DATE)["ExpirationDate"] == "1230"
    payment.update(Capture=CODE)
    shown = [form["SecurityCode"] for form in payment.press("123")]
    assert shown == ["x", "xx", "xxx"]
    form = payment.capture(POSTAL, "94109#")
    assert (form["PaymentCardPostalCode"], form["Required"]) == ("94109", "")
    # Cumulative: what came before is repeated, masked.
    assert form["PaymentCardNumber"] == "xxxxxxxxxxxx4242"
    (last,) = payment.update(Status="complete")
    assert last["Result"] == "success"
    assert VISA not in str(payment.forms)
