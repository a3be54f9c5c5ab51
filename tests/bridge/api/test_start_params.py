"""
Each parameter of a start, from the form to what it does to the payment.

One test a parameter, named after it.
"""

import json
from collections.abc import Callable

import pytest

from bridge.api.errors import ApiError
from bridge.pay.settings import Reading
from tests.support.pay import AMEX, DISCOVER, MAESTRO, MASTERCARD, URL, VISA
from tests.support.wire import WirePayment, reading


CARD, DATE = "payment-card-number", "expiration-date"
CODE, POSTAL = "security-code", "postal-code"
ROUTING, ACCOUNT = "bank-routing-number", "bank-account-number"
ACH = {"PaymentMethod": "ach-debit"}


def refused(command: Callable[[], object]) -> tuple[int, int]:
    """
    Give status and code of a refusal.
    """
    with pytest.raises(ApiError) as caught:
        command()
    return caught.value.status, caught.value.code


def test_start_param__idempotency_key() -> None:
    """
    It is the server's business, and changes nothing about the payment itself.
    """
    first, second = WirePayment(IdempotencyKey="a"), WirePayment(IdempotencyKey="b")
    assert first.request == second.request


def test_start_param__status_callback() -> None:
    """
    Reports go there until a command names another place; relative ones are refused.
    """
    payment = WirePayment(StatusCallback="https://agent.example/start?x=1")
    assert payment.target == "https://agent.example/start?x=1"
    assert refused(lambda: WirePayment(StatusCallback="/callbacks")) == (400, 21609)
    assert refused(lambda: WirePayment(StatusCallback="")) == (400, 20001)


@pytest.mark.parametrize(
    "kind", ["consumer-checking", "consumer-savings", "commercial-checking"]
)
def test_start_param__bank_account_type(kind: str) -> None:
    """
    It is told with every callback of a bank payment, and goes with no card.
    """
    payment = WirePayment(**ACH, BankAccountType=kind)
    assert payment.last["BankAccountType"] == kind
    assert payment.capture(ROUTING)["BankAccountType"] == kind
    assert refused(lambda: WirePayment(BankAccountType=kind)) == (400, 64017)


def test_start_param__bank_account_type__default() -> None:
    """
    Without one it is a consumer's checking account; a card has none.
    """
    assert WirePayment(**ACH).last["BankAccountType"] == "consumer-checking"
    assert "BankAccountType" not in WirePayment().last
    wrong = {**ACH, "BankAccountType": "commercial-savings"}
    assert refused(lambda: WirePayment(**wrong)) == (400, 64020)


@pytest.mark.parametrize(
    ("text", "currency", "sent"),
    [
        ("9.99", "USD", "9.99"),
        ("12.0", "USD", "12.00"),
        ("12", "USD", "12.00"),
        ("999999.99", "USD", "999999.99"),
        ("100", "JPY", "100"),
        ("1.234", "KWD", "1.234"),
    ],
)
def test_start_param__charge_amount(text: str, currency: str, sent: str) -> None:
    """
    The gateway is asked for exactly it, and callbacks tell it.
    """
    payment = WirePayment(ChargeAmount=text, Currency=currency)
    assert payment.last["ChargeAmount"] == sent
    assert "TokenType" not in payment.last
    assert payment.finish()["Result"] == "success"
    asked = json.loads(payment.sent[0])
    assert (asked["method"], asked["amount"], asked["currency_code"]) == (
        "charge",
        sent,
        currency,
    )


@pytest.mark.parametrize("nothing", ["", "0", "0.00"])
def test_start_param__charge_amount__blank_or_nought_tokenizes(nothing: str) -> None:
    """
    Without an amount a token is made, and no amount is told.
    """
    payment = WirePayment(ChargeAmount=nothing)
    assert "ChargeAmount" not in payment.last
    last = payment.finish()
    assert (last["PaymentToken"], last["PaymentConfirmationCode"]) == ("tok_id1", "")
    asked = json.loads(payment.sent[0])
    assert asked["method"] == "tokenize"
    assert not {"amount", "currency_code"} & asked.keys()


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("1.234", "USD"),
        ("1.5", "JPY"),
        ("1000000", "USD"),
        ("-1", "USD"),
        ("1e3", "USD"),
    ],
)
def test_start_param__charge_amount__refused(text: str, currency: str) -> None:
    """
    Too many decimals for the currency, too much, negative or no number: 64003.
    """
    form = {"ChargeAmount": text, "Currency": currency}
    assert refused(lambda: WirePayment(**form)) == (400, 64003)


def test_start_param__currency() -> None:
    """
    It is USD unless another is named, in whatever case; nonsense is refused.
    """
    assert WirePayment().request.currency == "USD"
    assert WirePayment(Currency="eur").request.currency == "EUR"
    assert refused(lambda: WirePayment(Currency="XYZ1")) == (400, 64020)


def test_start_param__currency__not_the_connector_s() -> None:
    """
    A currency that the connector does not take is refused before anybody keys.
    """
    form = {"ChargeAmount": "5", "Parameter": '{"sandbox": "64011"}'}
    assert refused(lambda: WirePayment(**form)) == (400, 64011)


def test_start_param__description() -> None:
    """
    It goes to the gateway as it is, and is null there without one.
    """
    payment = WirePayment(Description="Tea & cake")
    payment.finish()
    assert json.loads(payment.sent[0])["description"] == "Tea & cake"
    payment = WirePayment()
    payment.finish()
    assert json.loads(payment.sent[0])["description"] is None


def test_start_param__input() -> None:
    """
    There is no input but keys.
    """
    assert WirePayment(Input="dtmf").request == WirePayment().request
    assert refused(lambda: WirePayment(Input="speech")) == (400, 64020)


def test_start_param__min_postal_code_length() -> None:
    """
    Fewer digits are wrong, more are taken.
    """
    payment = WirePayment(MinPostalCodeLength="5")
    assert payment.capture(POSTAL, "9410#")["ErrorType"] == "invalid-postal-code"
    assert payment.capture(POSTAL, "94109#")["PaymentCardPostalCode"] == "94109"
    assert payment.capture(POSTAL, "941091#")["PaymentCardPostalCode"] == "941091"


def test_start_param__min_postal_code_length__exact_where_read_so() -> None:
    """
    Read as just so many digits, the code ends by itself and swallows its `#`.
    """
    payment = WirePayment(reading(Reading.EXACT_POSTAL_CODE), MinPostalCodeLength="5")
    assert payment.capture(POSTAL, "9410#")["ErrorType"] == "invalid-postal-code"
    assert payment.capture(POSTAL, "94109")["PaymentCardPostalCode"] == "94109"
    payment.update(Capture=DATE)
    assert payment.press("#") == []
    free = WirePayment(reading(Reading.EXACT_POSTAL_CODE))
    assert free.capture(POSTAL, "941091#")["PaymentCardPostalCode"] == "941091"


def test_start_param__parameter() -> None:
    """
    A JSON object of one level goes to the gateway, and is told to nobody else.
    """
    payment = WirePayment(Parameter='{"AVSName": "Ada", "order": 17}')
    last = payment.finish()
    asked = json.loads(payment.sent[0])
    assert asked["parameters"] == {"AVSName": "Ada", "order": "17"}
    assert "Ada" not in str(payment.forms)
    assert last["Result"] == "success"
    for wrong in ("{'name':'foobar'}", '{"a": {"b": "c"}}', "[]"):
        assert refused(lambda text=wrong: WirePayment(Parameter=text)) == (400, 64020)  # type: ignore[misc]


def test_start_param__payment_connector() -> None:
    """
    It is told by its name, `Default` without one; an unknown one is refused.
    """
    assert WirePayment().last["PaymentConnector"] == "Default"
    assert refused(lambda: WirePayment(PaymentConnector="Nobody")) == (400, 64004)


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("credit-card", f"{CARD},{DATE},{CODE},{POSTAL}"),
        ("ach-debit", f"{ROUTING},{ACCOUNT}"),
    ],
)
def test_start_param__payment_method(method: str, fields: str) -> None:
    """
    It decides what is required, and is told with every callback.
    """
    payment = WirePayment(PaymentMethod=method)
    assert payment.last["PaymentMethod"] == method
    (form,) = payment.update(Capture=fields.split(",", maxsplit=1)[0])
    assert form["Required"] == fields
    assert payment.finish()["PaymentMethod"] == method


def test_start_param__payment_method__default_and_refused() -> None:
    """
    It is a card unless said otherwise; other methods are 64013.
    """
    assert WirePayment().last["PaymentMethod"] == "credit-card"
    assert refused(lambda: WirePayment(PaymentMethod="cash")) == (400, 64013)


@pytest.mark.parametrize(
    ("name", "field"), [("PostalCode", POSTAL), ("SecurityCode", CODE)]
)
def test_start_param__postal_code_and_security_code(name: str, field: str) -> None:
    """
    They are required unless `false`; a postal code itself is no value here.
    """
    for text in ("", "true"):
        (form,) = WirePayment(**{name: text}).update(Capture=CARD)
        assert field in form["Required"].split(",")
    (form,) = WirePayment(**{name: "false"}).update(Capture=CARD)
    assert field not in form["Required"].split(",")
    assert refused(lambda: WirePayment(**{name: "94109"})) == (400, 64020)


@pytest.mark.parametrize(("text", "seconds"), [("", 5.0), ("10", 10.0), ("600", 600.0)])
def test_start_param__timeout(text: str, seconds: float) -> None:
    """
    It is the longest pause after a digit; before the first there is none.
    """
    payment = WirePayment(Timeout=text)
    payment.update(Capture=CARD)
    payment.scene.wait(700.0)
    payment.press("4")
    payment.scene.wait(seconds - 0.01)
    assert "ErrorType" not in payment.last
    payment.scene.wait(0.01)
    assert payment.last["ErrorType"] == "input-timeout"


def test_start_param__timeout__refused() -> None:
    """
    Ten minutes are the most.
    """
    assert refused(lambda: WirePayment(Timeout="601")) == (400, 64020)
    assert refused(lambda: WirePayment(Timeout="0")) == (400, 64020)


@pytest.mark.parametrize("kind", ["one-time", "reusable"])
def test_start_param__token_type(kind: str) -> None:
    """
    It is told where no amount is, and a token of it comes back.
    """
    payment = WirePayment(TokenType=kind)
    assert payment.last["TokenType"] == kind
    assert payment.finish()["PaymentToken"] == "tok_id1"


def test_start_param__token_type__default_and_refused() -> None:
    """
    A token is reusable unless said otherwise; `payment-method` is Stripe's alone.
    """
    assert WirePayment().last["TokenType"] == "reusable"
    assert refused(lambda: WirePayment(TokenType="payment-method")) == (400, 64006)
    assert refused(lambda: WirePayment(TokenType="eternal")) == (400, 64020)


def test_start_param__token_type__with_a_charge_amount() -> None:
    """
    Together they are 64020, unless the operator has the amount charged.
    """
    both = {"ChargeAmount": "9.99", "TokenType": "reusable"}
    assert refused(lambda: WirePayment(**both)) == (400, 64020)
    payment = WirePayment(reading(Reading.AMOUNT_WITH_TOKEN_TYPE), **both)
    assert payment.last["ChargeAmount"] == "9.99"
    assert "TokenType" not in payment.last
    last = payment.finish()
    assert (last["PaymentConfirmationCode"], last["PaymentToken"]) == ("ch_id1", "")
    nought = WirePayment(ChargeAmount="0", TokenType="one-time")
    assert nought.last["TokenType"] == "one-time"


@pytest.mark.parametrize(
    ("accepted", "number", "kind"),
    [
        ("visa", VISA, "visa"),
        ("mastercard", MASTERCARD, "mastercard"),
        ("amex", AMEX, "amex"),
        ("visa maestro", MAESTRO, "maestro"),
        ("discover", DISCOVER, "discover"),
    ],
)
def test_start_param__valid_card_types(accepted: str, number: str, kind: str) -> None:
    """
    A card of the list is taken, and its type is told.
    """
    form = WirePayment(ValidCardTypes=accepted).capture(CARD, number)
    assert form["PaymentCardType"] == kind
    assert "ErrorType" not in form


def test_start_param__valid_card_types__default_and_refused() -> None:
    """
    Visa, Mastercard and American Express, unless others are listed.
    """
    for number in (VISA, MASTERCARD, AMEX):
        assert "ErrorType" not in WirePayment().capture(CARD, number)
    assert WirePayment().capture(CARD, DISCOVER)["ErrorType"] == "invalid-card-type"
    only = WirePayment(ValidCardTypes="amex")
    assert only.capture(CARD, VISA)["ErrorType"] == "invalid-card-type"
    every = "visa mastercard amex maestro discover optima jcb diners-club enroute"
    assert len(WirePayment(ValidCardTypes=every).request.valid_card_types) == 9
    assert refused(lambda: WirePayment(ValidCardTypes="unionpay")) == (400, 64020)


@pytest.mark.parametrize("field", [CARD, DATE, CODE, POSTAL])
def test_start_param__require_matching_inputs(field: str) -> None:
    """
    A field of the list is required twice, the second time as its matcher.
    """
    payment = WirePayment(RequireMatchingInputs=field)
    (form,) = payment.update(Capture=CARD)
    required = form["Required"].split(",")
    assert required.index(f"{field}-matcher") == required.index(field) + 1
    assert len(required) == 5
    assert payment.finish()["Result"] == "success"


def test_start_param__require_matching_inputs__refused() -> None:
    """
    Only fields of a card can be keyed twice.
    """
    for wrong in (ROUTING, f"{CARD} {CODE}", f"{CARD}-matcher"):
        form = {"RequireMatchingInputs": wrong}
        assert refused(lambda form=form: WirePayment(**form)) == (400, 64020)  # type: ignore[misc]


def test_start_param__confirmation() -> None:
    """
    With it the gateway is asked once the caller has pressed 1; without, at once.
    """
    payment = WirePayment(Confirmation="true")
    payment.fill()
    payment.update(Status="complete")
    assert payment.sent == []
    payment.press("1")
    assert (len(payment.sent), payment.last["Result"]) == (1, "success")
    for text in ("", "false"):
        payment = WirePayment(Confirmation=text)
        payment.finish()
        assert len(payment.sent) == 1
    assert refused(lambda: WirePayment(Confirmation="maybe")) == (400, 64020)


def test_start_param__unknown() -> None:
    """
    What Twilio does not know it ignores, and so is it here.
    """
    payment = WirePayment(MaxAttempts="3", Language="en-US", Prompt="x")
    assert payment.request == WirePayment().request
    assert payment.target == URL
