"""
Rules of the wire: brands, fields and collection, each row by its name.
"""

import pytest

from bridge.pay.cards import CardType
from bridge.pay.settings import PaySettings, Reading, StarPolicy
from tests.support.pay import (
    AMEX,
    DINERS_CLUB,
    DINERS_CLUB_36,
    DISCOVER,
    JCB,
    MAESTRO,
    MASTERCARD,
    MASTERCARD_2,
    VISA,
    VISA_13,
)
from tests.support.wire import WirePayment, reading


CARD, DATE = "payment-card-number", "expiration-date"
CODE, POSTAL = "security-code", "postal-code"
ROUTING, ACCOUNT = "bank-routing-number", "bank-account-number"
EVERY_BRAND = " ".join(CardType)


def _with_check_digit(beginning: str) -> str:
    """
    Make a number that passes the Luhn formula; nobody's, it is only computed.
    """
    total = 0
    for place, digit in enumerate(reversed(beginning)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return beginning + str(-total % 10)


def _number(prefix: str, length: int) -> str:
    return _with_check_digit(prefix.ljust(length - 1, "0"))


# Brands.


@pytest.mark.parametrize(
    ("brand", "prefixes", "lengths"),
    [
        ("visa", ["4"], [13, 16, 19]),
        ("mastercard", ["51", "55", "222100", "272099", "2223"], [16]),
        ("amex", ["34", "37"], [15]),
        ("maestro", ["50", "56", "57", "58", "6200", "69"], range(12, 20)),
        ("discover", ["6011", "64", "65"], range(16, 20)),
        ("jcb", ["3528", "3589"], range(16, 20)),
        ("diners-club", ["300", "304", "3095", "36", "38", "39"], range(14, 20)),
        ("enroute", ["2014", "2149"], [15]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_card_brand(brand: str, prefixes: list[str], lengths: list[int]) -> None:
    """
    A number of each prefix and length is taken as its brand, at no other length;
    keys beyond the longest go nowhere.
    """
    for prefix in prefixes:
        for length in range(12, max(lengths) + 1):
            payment = WirePayment(ValidCardTypes=EVERY_BRAND)
            form = payment.capture(CARD, _number(prefix, length) + "#")
            if length in lengths:
                assert form["PaymentCardType"] == brand, (prefix, length)
                assert "ErrorType" not in form
            else:
                assert form["ErrorType"] == "invalid-card-number", (prefix, length)


def test_card_brand__optima() -> None:
    """
    The value is known, and no number belongs to it: no document has a rule for it.
    """
    payment = WirePayment(ValidCardTypes="optima")
    for number in (VISA, AMEX, DISCOVER):
        assert payment.capture(CARD, number)["ErrorType"] == "invalid-card-type"


@pytest.mark.parametrize(
    ("number", "brand"),
    [
        (VISA, "visa"),
        (VISA_13 + "#", "visa"),
        (MASTERCARD, "mastercard"),
        (MASTERCARD_2, "mastercard"),
        (AMEX, "amex"),
        (MAESTRO, "maestro"),
        # UnionPay has no value of its own.
        ("6200000000000005", "maestro"),
        (DISCOVER, "discover"),
        (JCB, "jcb"),
        (DINERS_CLUB, "diners-club"),
        (DINERS_CLUB_36, "diners-club"),
    ],
)
def test_card_brand__published_test_number(number: str, brand: str) -> None:
    """
    Published test numbers are of their brands and end by themselves.
    """
    form = WirePayment(ValidCardTypes=EVERY_BRAND).capture(CARD, number)
    assert form["PaymentCardType"] == brand
    assert CARD not in form["Required"].split(",")


def test_card_brand__test_number_without_check_digit() -> None:
    """
    Twilio's own Diners Club number is under no prefix and fails the formula.
    """
    for settings in (PaySettings(), reading(Reading.NO_CHECK_DIGITS)):
        payment = WirePayment(settings, ValidCardTypes=EVERY_BRAND)
        form = payment.capture(CARD, "3065930009020004#")
        assert form["ErrorType"].startswith("invalid-card-")


@pytest.mark.parametrize("number", ["4242424242424241", "5555555555554445"])
def test_card_brand__check_digit(number: str) -> None:
    """
    The last digit is checked, unless the operator has it believed.
    """
    form = WirePayment().capture(CARD, number + "#")
    assert form["ErrorType"] == "invalid-card-number"
    believed = WirePayment(reading(Reading.NO_CHECK_DIGITS))
    assert "ErrorType" not in believed.capture(CARD, number)


def test_card_brand__is_told_as_digits_arrive() -> None:
    """
    As soon as the prefix decides, and not before.
    """
    payment = WirePayment(ValidCardTypes=EVERY_BRAND)
    payment.update(Capture=CARD)
    kinds = [form.get("PaymentCardType") for form in payment.press(DISCOVER)]
    # A 6 and a 60 may be Discover or Maestro.
    assert kinds == [None, None, None] + ["discover"] * 13
    payment.update(Capture=CARD)
    assert [form.get("PaymentCardType") for form in payment.press("37")] == [
        None,
        "amex",
    ]


# Other fields.


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ("1230", None),
        ("0626", None),
        ("123#", "invalid-date"),
        ("1330", "invalid-date"),
        ("0030", "invalid-date"),
        ("0526", "invalid-date"),
    ],
)
def test_field_rule__expiry(keys: str, error: str | None) -> None:
    """
    Four digits, a month, and not past.
    """
    assert WirePayment().capture(DATE, keys).get("ErrorType") == error


@pytest.mark.parametrize(
    ("card", "keys", "error"),
    [
        (VISA, "123", None),
        (VISA, "12#", "invalid-security-code"),
        (AMEX, "1234", None),
        (AMEX, "123#", "invalid-security-code"),
    ],
)
def test_field_rule__security_code(card: str, keys: str, error: str | None) -> None:
    """
    Three digits, four of American Express.
    """
    payment = WirePayment()
    payment.capture(CARD, card)
    assert payment.capture(CODE, keys).get("ErrorType") == error


@pytest.mark.parametrize(
    ("least", "keys", "error"),
    [("5", "94109#", None), ("5", "9410#", "invalid-postal-code"), ("1", "9#", None)],
)
def test_field_rule__postal_code(least: str, keys: str, error: str | None) -> None:
    """
    Its least length, or more.
    """
    payment = WirePayment(MinPostalCodeLength=least)
    assert payment.capture(POSTAL, keys).get("ErrorType") == error


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        # Published by Twilio and by Stripe.
        ("121181976", None),
        ("110000000", None),
        ("12118197#", "invalid-bank-routing-number"),
        ("121181977", "invalid-bank-routing-number"),
        ("000000000", "invalid-bank-routing-number"),
        # The formula holds; no bank's number begins so.
        ("130000006", "invalid-bank-routing-number"),
        ("990000000", "invalid-bank-routing-number"),
    ],
)
def test_field_rule__bank_routing_number(keys: str, error: str | None) -> None:
    """
    Nine digits, a bank's prefix, and the weights 3, 7 and 1.
    """
    payment = WirePayment(PaymentMethod="ach-debit")
    assert payment.capture(ROUTING, keys).get("ErrorType") == error


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ("12345678#", None),
        ("123456789#", None),
        ("1234#", None),
        ("12345678901234567", None),
        ("123#", "invalid-bank-account-number"),
        ("#", "invalid-bank-account-number"),
    ],
)
def test_field_rule__bank_account_number(keys: str, error: str | None) -> None:
    """
    Four to seventeen digits; the last of them ends it.
    """
    payment = WirePayment(PaymentMethod="ach-debit")
    assert payment.capture(ACCOUNT, keys).get("ErrorType") == error


def test_field_rule__bank_account_number__least_length_is_the_operator_s() -> None:
    """
    Twilio has a least length and does not say which.
    """
    payment = WirePayment(
        PaySettings(min_bank_account_digits=8), PaymentMethod="ach-debit"
    )
    form = payment.capture(ACCOUNT, "1234567#")
    assert form["ErrorType"] == "invalid-bank-account-number"
    assert "ErrorType" not in payment.capture(ACCOUNT, "12345678#")


# Collection.


@pytest.mark.parametrize(
    ("capture", "keys"),
    [(CARD, VISA), (DATE, "1230"), (CODE, "123"), (ROUTING, "121181976")],
)
def test_collection__field_of_known_length_ends_by_itself(
    capture: str, keys: str
) -> None:
    """
    The last digit ends it, and the `#` after it goes nowhere.
    """
    method = "ach-debit" if capture == ROUTING else "credit-card"
    payment = WirePayment(PaymentMethod=method)
    if capture == CODE:
        payment.capture(CARD)
    form = payment.capture(capture, keys)
    assert "PartialResult" not in form
    assert capture not in form["Required"].split(",")
    assert payment.press("#") == []
    payment.update(Capture=capture)
    payment.press(keys)
    # Swallowed as well where the next capture is open before it comes.
    payment.update(Capture=ROUTING if capture == ROUTING else DATE)
    assert payment.press("#") == []


@pytest.mark.parametrize("capture", [POSTAL, ACCOUNT])
def test_collection__field_of_any_length_ends_by_key_or_by_silence(
    capture: str,
) -> None:
    """
    The caller says when it is whole.
    """
    method = "ach-debit" if capture == ACCOUNT else "credit-card"
    payment = WirePayment(PaymentMethod=method)
    assert capture in payment.capture(capture, "94109")["Required"].split(",")
    payment.press("#")
    assert capture not in payment.last["Required"].split(",")
    payment.capture(capture, "94109")
    payment.scene.wait(5.0)
    assert capture not in payment.last["Required"].split(",")
    assert "ErrorType" not in payment.last


def test_collection__star() -> None:
    """
    It ends the payment, or clears the field where the operator says so.
    """
    payment = WirePayment()
    assert payment.capture(CARD, "42*")["Result"] == "caller-interrupted-with-star"
    payment = WirePayment(PaySettings(star=StarPolicy.CLEAR))
    form = payment.capture(CARD, "5555*")
    assert (form["PartialResult"], "PaymentCardNumber" in form) == ("true", False)
    payment.press(VISA)
    assert payment.last["PaymentCardNumber"] == "xxxxxxxxxxxx4242"


def test_collection__first_digit_timer() -> None:
    """
    Where the operator sets one, a caller who keys nothing has had his time.
    """
    payment = WirePayment(PaySettings(first_digit_timeout_s=20.0))
    payment.update(Capture=CARD)
    payment.scene.wait(19.9)
    assert "ErrorType" not in payment.last
    payment.scene.wait(0.1)
    assert payment.last["ErrorType"] == "input-timeout"


def test_collection__inter_digit_timer() -> None:
    """
    It starts again with every digit.
    """
    payment = WirePayment()
    payment.update(Capture=CARD)
    for key in VISA[:15]:
        payment.press(key)
        payment.scene.wait(4.4)
    assert "ErrorType" not in payment.last
    payment.scene.wait(0.7)
    assert payment.last["ErrorType"] == "input-timeout"


def test_collection__field_timer() -> None:
    """
    Where the operator sets one, a capture takes no longer, however busy the caller;
    what is whole by then is taken.
    """
    settings = PaySettings(field_timeout_s=10.0)
    payment = WirePayment(settings)
    payment.update(Capture=CARD)
    payment.scene.wait(8.0)
    payment.press("424")
    assert "ErrorType" not in payment.last
    payment.scene.wait(0.5)
    assert payment.last["ErrorType"] == "input-timeout"
    payment.update(Capture=POSTAL)
    payment.scene.wait(8.0)
    payment.press("941")
    payment.scene.wait(0.5)
    assert payment.last["PaymentCardPostalCode"] == "941"
    assert payment.scene.session.deadline() == 1000.0 + 3600.0


def test_collection__session_timer() -> None:
    """
    A payment that nobody ends, ends.
    """
    payment = WirePayment(PaySettings(session_timeout_s=60.0))
    payment.capture(CARD)
    payment.scene.wait(60.0)
    assert payment.last["Result"] == "validation-error"


def test_collection__keys_before_the_capture_are_not_counted() -> None:
    """
    Whatever was pressed before the agent asked belongs to nothing.
    """
    payment = WirePayment()
    assert payment.press("4242") == []
    assert payment.capture(CARD, VISA)["PaymentCardNumber"] == "xxxxxxxxxxxx4242"


def test_collection__attempts() -> None:
    """
    The API knows none: a field may fail as often as the agent asks for it.
    """
    payment = WirePayment()
    for _ in range(10):
        assert payment.capture(DATE, "9999")["ErrorType"] == "invalid-date"
    assert payment.finish()["Result"] == "success"
