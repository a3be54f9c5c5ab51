"""
Parameters: what each accepts, and what is said of a value that cannot be used.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

import pytest

from bridge.api.errors import ApiError
from bridge.api.params import (
    Form,
    StatusCommand,
    idempotency_key,
    parse_start,
    parse_update,
    status_callback,
)
from bridge.pay.cards import CardType
from bridge.pay.codes import MESSAGES, PayErrorCode
from bridge.pay.fields import CARD_FIELDS, Field
from bridge.pay.request import (
    BankAccountType,
    PaymentMethod,
    PaymentRequest,
    TokenType,
)
from tests.support.pay import URL


NEEDED = {"IdempotencyKey": "k1", "StatusCallback": URL}

OPTIONAL = [
    *("BankAccountType", "ChargeAmount", "Confirmation", "Currency", "Description"),
    *("Input", "MinPostalCodeLength", "Parameter", "PaymentConnector"),
    *("PaymentMethod", "PostalCode", "RequireMatchingInputs", "SecurityCode"),
    *("Timeout", "TokenType", "ValidCardTypes"),
]

LONG = "x" * 500

SECRET = "4111111111111111"
"""Sent where it does not belong; never to be seen again."""


def _refusal(parse: Callable[[Mapping[str, str]], object], form: Form) -> ApiError:
    with pytest.raises(ApiError) as caught:
        parse(form)
    return caught.value


def test_start_has_twilio_s_defaults_when_only_the_needed_is_given() -> None:
    """
    A payment started with nothing makes a reusable token of a common card.
    """
    assert parse_start(NEEDED) == PaymentRequest(
        status_callback=URL,
        charge_amount=None,
        currency="USD",
        description=None,
        payment_connector="Default",
        payment_method=PaymentMethod.CREDIT_CARD,
        token_type=TokenType.REUSABLE,
        security_code=True,
        postal_code=True,
        min_postal_code_length=1,
        timeout_s=5.0,
        valid_card_types=frozenset({CardType.VISA, CardType.MASTERCARD, CardType.AMEX}),
        require_matching_inputs=frozenset(),
        confirmation=False,
        bank_account_type=BankAccountType.CONSUMER_CHECKING,
        parameters={},
    )


def test_start_takes_a_blank_parameter_for_one_that_is_not_given() -> None:
    """
    Forms send their empty fields along.
    """
    for name in OPTIONAL:
        assert parse_start({**NEEDED, name: ""}) == parse_start(NEEDED)


@pytest.mark.parametrize(
    ("name", "attribute", "values"),
    [
        (
            "ChargeAmount",
            "charge_amount",
            {
                "9.99": Decimal("9.99"),
                "12": Decimal("12.00"),
                "12.0": Decimal("12.00"),
                "12.": Decimal("12.00"),
                ".5": Decimal("0.50"),
                "0012.34000": Decimal("12.34"),
                "9.99".rjust(24, "0"): Decimal("9.99"),
                "999999.99": Decimal("999999.99"),
                "0": None,
                "0.000": None,
            },
        ),
        ("Currency", "currency", {"EUR": "EUR", "eur": "EUR", "usd": "USD"}),
        ("Description", "description", {"Tea & cake": "Tea & cake", LONG: LONG}),
        ("Input", "status_callback", {"dtmf": URL}),
        ("MinPostalCodeLength", "min_postal_code_length", {"1": 1, "10": 10}),
        (
            "Parameter",
            "parameters",
            {
                "{}": {},
                '{"a": "b"}'.ljust(4096): {"a": "b"},
                '{"name": "foo bar"}': {"name": "foo bar"},
                '{"a": 1, "b": 1.5, "c": true}': {"a": "1", "b": "1.5", "c": "true"},
            },
        ),
        ("PaymentConnector", "payment_connector", {"Shop_2": "Shop_2", LONG: LONG}),
        (
            "PaymentMethod",
            "payment_method",
            {
                "credit-card": PaymentMethod.CREDIT_CARD,
                "ach-debit": PaymentMethod.ACH_DEBIT,
            },
        ),
        (
            "RequireMatchingInputs",
            "require_matching_inputs",
            {
                "security-code": {Field.SECURITY_CODE},
                " payment-card-number , postal-code,": {
                    Field.CARD_NUMBER,
                    Field.POSTAL_CODE,
                },
                ",".join(CARD_FIELDS): set(CARD_FIELDS),
            },
        ),
        ("Confirmation", "confirmation", {"true": True, "false": False, "True": True}),
        ("PostalCode", "postal_code", {"true": True, "false": False, "False": False}),
        ("SecurityCode", "security_code", {"True": True, "false": False}),
        ("Timeout", "timeout_s", {"1": 1.0, "600": 600.0}),
        (
            "TokenType",
            "token_type",
            {
                "one-time": TokenType.ONE_TIME,
                "reusable": TokenType.REUSABLE,
                "payment-method": TokenType.PAYMENT_METHOD,
            },
        ),
        (
            "ValidCardTypes",
            "valid_card_types",
            {
                " visa  diners-club visa ": {CardType.VISA, CardType.DINERS_CLUB},
                " ".join(CardType): set(CardType),
            },
        ),
        ("Unheard", "status_callback", {"of": URL}),
    ],
)
def test_start_takes_every_parameter(
    name: str, attribute: str, values: Mapping[str, object]
) -> None:
    """
    Each accepted value comes out as what it means, and unknown names are ignored.
    """
    for text, value in values.items():
        request = parse_start({**NEEDED, name: text})
        assert getattr(request, attribute) == value
        if isinstance(value, Decimal):
            # With the decimals of the currency, as it will be printed.
            assert str(request.charge_amount) == str(value)


@pytest.mark.parametrize(
    ("currency", "text", "amount"),
    [
        ("JPY", "100.0", "100"),
        ("KWD", "1.234", "1.234"),
        ("KWD", "1.5", "1.500"),
        ("usd", "1", "1.00"),
    ],
)
def test_start_writes_an_amount_with_the_decimals_of_its_currency(
    currency: str, text: str, amount: str
) -> None:
    """
    However a language prints numbers, an amount is one amount.
    """
    form = {**NEEDED, "Currency": currency, "ChargeAmount": text}
    assert str(parse_start(form).charge_amount) == amount


@pytest.mark.parametrize(
    ("name", "texts", "code", "expected"),
    [
        (
            "ChargeAmount",
            [
                *("-1", "+1", "1e3", "NaN", "Infinity", "1,50", " 1", "$1", "."),
                *("1..2", "1000000", "999999.999", "0.001", "1.005", SECRET),
                *("9.99".rjust(25, "0"), "\u0661"),
            ],
            64003,
            "a positive amount below 1000000 with at most 2 decimals",
        ),
        (
            "Currency",
            ["US", "USDX", "ABC", "840", "US Dollar", SECRET],
            64020,
            "an ISO 4217 code such as USD",
        ),
        ("Description", [LONG + "x"], 64020, "at most 500 characters"),
        ("Input", ["speech", "dtmf speech"], 64020, "dtmf"),
        (
            "MinPostalCodeLength",
            ["0", "11", "-1", "5.0", "five", SECRET],
            64020,
            "a whole number from 1 to 10",
        ),
        (
            "Parameter",
            [
                *("{", "[]", "null", "17", "{'name': 'foobar'}", '{"a": null}'),
                *('{"a": {"b": "c"}}', '{"a": ["b"]}', f'{{"card": {SECRET}'),
            ],
            64020,
            "a JSON object of one level",
        ),
        (
            "Parameter",
            ['{"a": "b"}'.ljust(4097), '{"a": "' + "x" * 4096 + '"}'],
            64020,
            "a JSON object of one level, at most 4096 characters",
        ),
        ("PaymentConnector", [LONG + "x"], 64020, "at most 500 characters"),
        (
            "PaymentMethod",
            ["ach_debit", "cash", SECRET],
            64013,
            "one of credit-card, ach-debit",
        ),
        (
            "RequireMatchingInputs",
            ["bank-routing-number", "security-code-matcher", f"postal-code,{SECRET}"],
            64020,
            (
                "a comma-separated list of payment-card-number, expiration-date, "
                "security-code, postal-code"
            ),
        ),
        ("Confirmation", ["1", "yes", SECRET], 64020, "true or false"),
        ("PostalCode", ["94109", "0"], 64020, "true or false"),
        ("SecurityCode", ["yes", SECRET], 64020, "true or false"),
        (
            "Timeout",
            ["0", "601", "-5", "5.5", " 5", SECRET],
            64020,
            "a whole number from 1 to 600",
        ),
        (
            "TokenType",
            ["eternal", SECRET],
            64020,
            "one of one-time, reusable, payment-method",
        ),
        (
            "ValidCardTypes",
            ["visa,amex", "Visa", f"visa {SECRET}"],
            64020,
            (
                "one of visa, mastercard, amex, maestro, discover, optima, jcb, "
                "diners-club, enroute"
            ),
        ),
        (
            "StatusCallback",
            [
                *("/callbacks", "callbacks", "//agent.example/", "ftp://a.example/"),
                *("https://", "https:///x", "https://a:b:c/", "https://[::1/"),
                *("https://a.example:99999/", "https://a.example/" + "x" * 4000),
                f"tel:{SECRET}",
            ],
            21609,
            "an absolute http or https URL of at most 4000 characters",
        ),
    ],
)
def test_start_refuses_a_value_it_cannot_use(
    name: str, texts: list[str], code: int, expected: str
) -> None:
    """
    The answer names the parameter and what was expected, and never what was sent.
    """
    for text in texts:
        error = _refusal(parse_start, {**NEEDED, name: text})
        assert (error.status, error.code) == (400, code)
        assert error.message == f"Invalid Parameter Value: {name}: expected {expected}"
        assert SECRET not in str(error.body())


def test_start_takes_the_type_of_a_bank_account_and_of_nothing_else() -> None:
    """
    With a card it is 64017, whatever it says.
    """
    ach = {**NEEDED, "PaymentMethod": "ach-debit"}
    for kind in BankAccountType:
        assert parse_start({**ach, "BankAccountType": str(kind)}).bank_account_type is (
            kind
        )
    error = _refusal(parse_start, {**ach, "BankAccountType": "commercial-savings"})
    assert (error.code, error.message) == (
        64020,
        (
            "Invalid Parameter Value: BankAccountType: expected one of "
            "consumer-checking, consumer-savings, commercial-checking"
        ),
    )
    for method in ({}, {"PaymentMethod": "credit-card"}):
        form = {**NEEDED, **method, "BankAccountType": "consumer-savings"}
        error = _refusal(parse_start, form)
        assert (error.status, error.code, error.message) == (
            400,
            64017,
            MESSAGES[PayErrorCode.BANK_ACCOUNT_TYPE_WITH_CARD],
        )


def test_start_refuses_an_amount_beside_a_token_type_unless_told_otherwise() -> None:
    """
    Twilio answers 64020; its documents say that the amount is charged.
    """
    form = {**NEEDED, "ChargeAmount": "9.99", "TokenType": "one-time"}
    error = _refusal(parse_start, form)
    assert (error.status, error.code) == (400, 64020)
    assert error.message == (
        "Invalid Parameter Value: TokenType: expected none together with a ChargeAmount"
    )
    request = parse_start(form, takes_amount_with_token_type=True)
    assert request.charge_amount == Decimal("9.99")
    for nothing in ("", "0", "0.00"):
        request = parse_start({**form, "ChargeAmount": nothing})
        assert (request.charge_amount, request.token_type) == (None, TokenType.ONE_TIME)


def test_start_refuses_decimals_that_its_currency_does_not_have() -> None:
    """
    There is no half a yen.
    """
    error = _refusal(parse_start, {**NEEDED, "Currency": "JPY", "ChargeAmount": "1.5"})
    assert error.code == 64003
    assert error.message == (
        "Invalid Parameter Value: ChargeAmount: expected a positive amount below "
        "1000000 with at most 0 decimals"
    )


def test_status_callback_is_taken_as_it_is() -> None:
    """
    An absolute address is kept to the letter: it is signed.
    """
    for url in (
        "http://127.0.0.1:8000",
        "https://agent.example/cb?x=1#rc=3&rp=all",
        "HTTPS://agent.example",
        "https://a.example/" + "x" * (4000 - 18),
    ):
        assert status_callback({"StatusCallback": url}) == url


def test_status_callback_is_refused_when_it_cannot_be_requested_as_it_is() -> None:
    """
    What an HTTP client must refuse or rewrite cannot be signed to the letter.
    """
    for wrong in (" ", "\n", "\r", "\t", "\0", "\x1f", "\x7f", "é", "日"):
        for url in (f"https://a.example/{wrong}", f"{URL}?x={wrong}y"):
            error = _refusal(status_callback, {"StatusCallback": url})
            assert (error.status, error.code) == (400, 21609)


def test_update_is_a_capture_or_a_status() -> None:
    """
    Exactly one of the two is given; blank is not given.
    """
    for field in Field:
        assert parse_update({"Capture": str(field)}) is field
        assert parse_update({"Capture": str(field), "Status": ""}) is field
    for status in StatusCommand:
        assert parse_update({"Status": str(status)}) is status
        assert parse_update({"Capture": "", "Status": str(status)}) is status


@pytest.mark.parametrize(
    ("forms", "code", "message"),
    [
        (
            [
                {},
                {"Capture": "", "Status": ""},
                {"Capture": "postal-code", "Status": "complete"},
            ],
            64018,
            "Value needed for either Capture or Status parameters",
        ),
        (
            [{"Capture": text} for text in ("card", "Postal-Code", SECRET)],
            64020,
            (
                "Invalid Parameter Value: Capture: expected one of "
                "payment-card-number, payment-card-number-matcher, expiration-date, "
                "expiration-date-matcher, security-code, security-code-matcher, "
                "postal-code, postal-code-matcher, bank-routing-number, "
                "bank-account-number"
            ),
        ),
        (
            [{"Status": text} for text in ("completed", "Cancel", SECRET)],
            64020,
            "Invalid Parameter Value: Status: expected one of complete, cancel",
        ),
    ],
)
def test_update_refuses_what_is_neither(
    forms: list[Form], code: int, message: str
) -> None:
    """
    Both and neither are refused alike, and so is a value that is none of the listed.
    """
    for form in forms:
        error = _refusal(parse_update, form)
        assert (error.status, error.code, error.message) == (400, code, message)


def test_needed_parameters_are_missed() -> None:
    """
    Without them there is no command; blank is missing, too.
    """
    for form in ({}, {"IdempotencyKey": "", "StatusCallback": ""}):
        for name, parse in (
            ("IdempotencyKey", idempotency_key),
            ("StatusCallback", status_callback),
            ("StatusCallback", parse_start),
        ):
            error = _refusal(parse, form)
            assert (error.status, error.code) == (400, 20001)
            assert error.message == (
                f"Missing required parameter {name} in the post body"
            )


def test_idempotency_key_is_any_text_of_bounded_length() -> None:
    """
    Clients use counters, uuids and call ids.
    """
    for key in ("1", "CA" + "0" * 32, "x" * 255):
        assert idempotency_key({"IdempotencyKey": key}) == key
    error = _refusal(idempotency_key, {"IdempotencyKey": "x" * 256})
    assert (error.status, error.code) == (400, 64020)
    assert error.message == (
        "Invalid Parameter Value: IdempotencyKey: expected at most 255 characters"
    )
