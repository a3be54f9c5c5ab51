"""
Every `ErrorType`, every `Result` and every `PayErrorCode`, each by its name.
"""

from collections.abc import Callable

import pytest

from bridge.pay.codes import PayErrorCode
from bridge.pay.fields import ErrorType
from bridge.pay.outputs import Result
from bridge.pay.settings import PaySettings, Reading
from tests.bridge.api.test_start_params import refused
from tests.support.pay import DECLINED, VISA
from tests.support.wire import WirePayment, reading


CARD, DATE = "payment-card-number", "expiration-date"
CODE, POSTAL = "security-code", "postal-code"
ROUTING, ACCOUNT = "bank-routing-number", "bank-account-number"
ACH = {"PaymentMethod": "ach-debit"}


def _failed(form: dict[str, str], capture: str, error: str) -> None:
    assert form["ErrorType"] == error
    assert form["Capture"] == capture
    # Still, or again, required; and nothing of it is shown.
    assert capture in form["Required"].split(",")
    assert "PartialResult" not in form
    assert "Result" not in form


# ErrorType.


def test_error_type__input_timeout() -> None:
    """
    Too little came within the timeout.
    """
    payment = WirePayment()
    payment.capture(CARD, "4242")
    payment.scene.wait(5.0)
    _failed(payment.last, CARD, "input-timeout")
    assert "PaymentCardNumber" not in payment.last


def test_error_type__invalid_card_number() -> None:
    """
    Length or check digit are wrong.
    """
    payment = WirePayment()
    _failed(payment.capture(CARD, "4242#"), CARD, "invalid-card-number")
    _failed(payment.capture(CARD, VISA[:-1] + "1#"), CARD, "invalid-card-number")


def test_error_type__invalid_card_type() -> None:
    """
    The number is right, and of a brand that is not accepted.
    """
    payment = WirePayment(ValidCardTypes="amex")
    _failed(payment.capture(CARD, VISA), CARD, "invalid-card-type")


def test_error_type__invalid_date() -> None:
    """
    No date, or a date that is past.
    """
    payment = WirePayment()
    for keys in ("1399", "0526", "12#"):
        _failed(payment.capture(DATE, keys), DATE, "invalid-date")


def test_error_type__invalid_security_code() -> None:
    """
    Not as many digits as the brand has.
    """
    payment = WirePayment()
    payment.capture(CARD)
    _failed(payment.capture(CODE, "12#"), CODE, "invalid-security-code")


def test_error_type__invalid_postal_code() -> None:
    """
    Too short.
    """
    payment = WirePayment(MinPostalCodeLength="5")
    _failed(payment.capture(POSTAL, "941#"), POSTAL, "invalid-postal-code")


def test_error_type__invalid_bank_routing_number() -> None:
    """
    No bank's number.
    """
    payment = WirePayment(**ACH)
    form = payment.capture(ROUTING, "121181977")
    _failed(form, ROUTING, "invalid-bank-routing-number")


def test_error_type__invalid_bank_account_number() -> None:
    """
    Too short.
    """
    payment = WirePayment(**ACH)
    _failed(payment.capture(ACCOUNT, "1#"), ACCOUNT, "invalid-bank-account-number")


def test_error_type__invalid_bank_account_type() -> None:
    """
    The gateway does not debit such accounts: the number is not asked for.
    """
    payment = WirePayment(**ACH, Parameter='{"sandbox": "invalid-bank-account-type"}')
    (form,) = payment.update(Capture=ACCOUNT)
    _failed(form, ACCOUNT, "invalid-bank-account-type")
    assert payment.press("123456789#") == []


def test_error_type__invalid_card_number_security_code_capture_sequence() -> None:
    """
    A security code waits for the card; once that is there it is taken.
    """
    payment = WirePayment()
    (form,) = payment.update(Capture=CODE)
    _failed(form, CODE, "invalid-card-number-security-code-capture-sequence")
    assert payment.press("123") == []
    payment.capture(CARD)
    assert "ErrorType" not in payment.capture(CODE)


def test_error_type__input_matching_failed() -> None:
    """
    The second entry is another; the first stays, and either may be keyed again.
    """
    payment = WirePayment(RequireMatchingInputs=CARD)
    matcher = f"{CARD}-matcher"
    payment.capture(CARD)
    form = payment.capture(matcher, "4000000000000002")
    _failed(form, matcher, "input-matching-failed")
    assert form["PaymentCardNumber"] == "xxxxxxxxxxxx4242"
    _failed(payment.capture(matcher, "4242#"), matcher, "input-matching-failed")
    assert "ErrorType" not in payment.capture(matcher)
    # A first entry that is keyed anew is to be matched anew.
    assert matcher in payment.capture(CARD)["Required"].split(",")


def test_error_type__input_matching_failed__before_the_first_entry() -> None:
    """
    There is nothing to match with: no digits are taken.
    """
    payment = WirePayment(RequireMatchingInputs=CARD)
    (form,) = payment.update(Capture=f"{CARD}-matcher")
    _failed(form, f"{CARD}-matcher", "input-matching-failed")
    assert payment.press(VISA) == []


def test_error_type__session_in_progress() -> None:
    """
    Whoever starts another payment on the call is told at his own address; the
    payment that runs goes on, at its own.
    """
    payment = WirePayment()
    session, now = payment.scene.session, payment.scene.now
    payment.update(Capture=CARD)
    session.refuse_second_start("https://other.example/", now=now)
    payment.scene.take()
    assert payment.last["ErrorType"] == "session-in-progress"
    assert payment.target == "https://other.example/"
    payment.press("4")
    assert payment.last["PaymentCardNumber"] == "x"
    assert payment.target == "https://agent.example/callbacks"


def test_error_type__internal_error() -> None:
    """
    Something of ours failed while keys were taken: the field is asked for again.
    """
    payment = WirePayment()
    payment.capture(CARD, "4242")
    payment.scene.session.receive_fault(now=payment.scene.now)
    payment.scene.take()
    _failed(payment.last, CARD, "internal-error")
    assert payment.finish()["Result"] == "success"


def test_error_type__date_validation_failed() -> None:
    """
    One client has a text for it, no document has it: it is never said.
    """
    assert "date-validation-failed" not in {str(error) for error in ErrorType}
    assert WirePayment().capture(DATE, "0120")["ErrorType"] == "invalid-date"


def test_error_type__are_all_above() -> None:
    """
    No value is without its test.
    """
    for error in ErrorType:
        assert f"test_error_type__{str(error).replace('-', '_')}" in globals()


# Result.


def test_result__success() -> None:
    """
    Charged, or made a token of.
    """
    assert WirePayment(ChargeAmount="9.99").finish()["Result"] == "success"
    assert WirePayment().finish()["Result"] == "success"


@pytest.mark.parametrize("amount", ["10.51", "10.52", "10.53"])
def test_result__payment_connector_error(amount: str) -> None:
    """
    The gateway declined, broke or kept silent; the codes tell which.
    """
    form = WirePayment(ChargeAmount=amount).finish()
    assert form["Result"] == "payment-connector-error"
    settings = reading(Reading.CONNECTER)
    older = WirePayment(settings, ChargeAmount=amount).finish()
    assert older["Result"] == "payment-connecter-error"
    assert older | {"Result": form["Result"]} == form


def test_result__caller_interrupted_with_star() -> None:
    """
    The caller's way out of a capture.
    """
    form = WirePayment().capture(CARD, "42*")
    assert form["Result"] == "caller-interrupted-with-star"


@pytest.mark.parametrize("state", ["ready", "capturing", "confirming", "processing"])
def test_result__caller_hung_up(state: str) -> None:
    """
    In every state the payment ends so, but for one that the gateway is busy with.
    """
    payment = _in_state(state)
    assert payment.scene.session.state == state
    payment.scene.hang_up()
    if state == "processing":
        assert "Result" not in payment.last
    else:
        assert payment.last["Result"] == "caller-hung-up"


def test_result__validation_error() -> None:
    """
    The payment was never finished in its time.
    """
    payment = WirePayment(PaySettings(session_timeout_s=60.0))
    payment.scene.wait(60.0)
    assert payment.last["Result"] == "validation-error"


def test_result__too_many_failed_attempts() -> None:
    """
    Where the operator sets a number, a field that failed so often ends the payment.
    """
    payment = WirePayment(PaySettings(max_failed_captures=2))
    payment.capture(CARD, "4#")
    payment.capture(DATE, "9999")
    n_before = len(payment.forms)
    payment.capture(DATE, "9999")
    assert payment.forms[-2]["ErrorType"] == "invalid-date"
    assert payment.last["Result"] == "too-many-failed-attempts"
    assert len(payment.forms) == n_before + 6


def test_result__transaction_cancelled() -> None:
    """
    The agent gave up, the caller said no, or the agent never came back.
    """
    payment = WirePayment()
    (form,) = payment.update(Status="cancel")
    assert form["Result"] == "transaction-cancelled"
    payment = _in_state("confirming")
    payment.press("2")
    assert payment.last["Result"] == "transaction-cancelled"


@pytest.mark.parametrize("state", ["ready", "capturing", "confirming", "processing"])
def test_result__transaction_cancelled__agent_gone(state: str) -> None:
    """
    In every state an agent may go and come back; one who stays away ends the
    payment, but for one that the gateway is busy with.
    """
    payment = _in_state(state, PaySettings(confirmation_timeout_s=3000.0))
    scene = payment.scene
    scene.agent(is_there=False)
    scene.wait(119.9)
    assert scene.session.state == state
    scene.agent(is_there=True)
    scene.wait(1000.0)
    assert scene.session.state == state
    scene.agent(is_there=False)
    scene.wait(120.0)
    if state == "processing":
        assert scene.session.state == state
    else:
        assert payment.last["Result"] == "transaction-cancelled"
        assert scene.session.deadline() is None


def test_result__internal_error() -> None:
    """
    The value is there for payments that a crash interrupts.
    """
    assert str(Result.INTERNAL_ERROR) == "internal-error"


def test_result__are_all_above() -> None:
    """
    No value is without its test.
    """
    for result in Result:
        assert f"test_result__{str(result).replace('-', '_')}" in globals()


def _in_state(state: str, settings: PaySettings | None = None) -> WirePayment:
    payment = WirePayment(settings or PaySettings(), Confirmation="true")
    if state == "capturing":
        payment.capture(CARD, "")
    elif state in {"confirming", "processing"}:
        payment.fill()
        payment.update(Status="complete")
    if state == "processing":
        # The gateway is not asked: its answer is still to come.
        payment.scene.press("1")
    return payment


# PayErrorCode: those that come with a Result.


def _ended(code: str, form: dict[str, str]) -> None:
    assert form["Result"] == "payment-connector-error"
    assert form["PayErrorCode"] == code
    assert form["PaymentError"]
    assert "ConnectorError" in form


@pytest.mark.parametrize(
    "code", ["64001", "64002", "64003", "64009", "64012", "64022", "64023"]
)
@pytest.mark.parametrize("amount", ["9.99", ""])
def test_pay_error_code__of_a_gateway(code: str, amount: str) -> None:
    """
    What a gateway says of itself, of the card or the account is told as it is.
    """
    payment = WirePayment(ChargeAmount=amount, Parameter=f'{{"sandbox": "{code}"}}')
    form = payment.finish()
    _ended(code, form)
    assert form["ConnectorError"] == code


@pytest.mark.parametrize(
    ("amount", "code"), [("9.99", "64008"), ("", "64010")], ids=["64008", "64010"]
)
def test_pay_error_code__of_a_decline(amount: str, code: str) -> None:
    """
    A charge and a token that were refused have codes of their own.
    """
    payment = WirePayment(ChargeAmount=amount)
    payment.capture(CARD, DECLINED)
    form = payment.finish()
    _ended(code, form)
    assert form["PaymentError"] == "The card was declined."
    assert form["ConnectorError"] == "card_declined"


def test_pay_error_code__64002__unknown() -> None:
    """
    Silence is no decline: the text says that nobody knows.
    """
    form = WirePayment(ChargeAmount="9.52").finish()
    _ended("64002", form)
    assert "check with the gateway" in form["PaymentError"]


def test_pay_error_code__64022__of_a_card_that_is_not_published() -> None:
    """
    The sandbox takes test cards only.
    """
    payment = WirePayment(reading(Reading.NO_CHECK_DIGITS), ChargeAmount="9.99")
    payment.capture(CARD, "4000000000000000")
    _ended("64022", payment.finish())


@pytest.mark.parametrize("account", ["12345678", "123456789", "000123456789"])
def test_pay_error_code__64023__of_an_account_that_is_not_published(
    account: str,
) -> None:
    """
    The sandbox takes test accounts only.
    """
    payment = WirePayment(**ACH, ChargeAmount="9.99")
    payment.capture(ACCOUNT, account + "#")
    assert payment.finish()["Result"] == "success"
    payment = WirePayment(**ACH, ChargeAmount="9.99")
    payment.capture(ACCOUNT, "1" + account + "#")
    _ended("64023", payment.finish())


# PayErrorCode: those that refuse a command.


@pytest.mark.parametrize(
    ("code", "form"),
    [
        (64003, {"ChargeAmount": "1.234"}),
        (64004, {"PaymentConnector": "Nobody"}),
        (64005, {"Parameter": '{"sandbox": "64005"}'}),
        (64006, {"TokenType": "payment-method"}),
        (64007, {"ChargeAmount": "1", "Parameter": '{"sandbox": "64007"}'}),
        (64011, {"ChargeAmount": "1", "Parameter": '{"sandbox": "64011"}'}),
        (64013, {"PaymentMethod": "cash"}),
        (64013, {"Parameter": '{"sandbox": "64013"}'}),
        (64014, {**ACH, "Parameter": '{"sandbox": "64014"}'}),
        (64015, {"Parameter": '{"sandbox": "64015"}'}),
        (64017, {"BankAccountType": "consumer-savings"}),
        (64020, {"Timeout": "soon"}),
        (64024, {"Parameter": '{"sandbox": "64024"}'}),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_pay_error_code__of_a_start(code: int, form: dict[str, str]) -> None:
    """
    What can be known before a caller keys anything is refused before.
    """
    assert refused(lambda: WirePayment(**form)) == (400, code)


@pytest.mark.parametrize(
    ("code", "form"),
    [(64018, {}), (64019, {"Status": "complete"}), (64020, {"Capture": "x"})],
    ids=["64018", "64019", "64020"],
)
def test_pay_error_code__of_an_update(code: int, form: dict[str, str]) -> None:
    """
    A command that makes no sense now is refused, and nothing else happens.
    """
    payment = WirePayment()
    assert refused(lambda: payment.update(**form)) == (400, code)
    assert len(payment.forms) == 1


def test_pay_error_code__64014_and_64015__are_met_by_the_parameter() -> None:
    """
    Once what was missing is there the payment starts.
    """
    rows: list[Callable[[], WirePayment]] = [
        lambda: WirePayment(**ACH, Parameter='{"sandbox": "64014", "AVSName": "Ada"}'),
        lambda: WirePayment(Parameter='{"sandbox": "64014"}'),
        lambda: WirePayment(
            Parameter='{"sandbox": "64015", "MerchantAccountId": "m1"}'
        ),
    ]
    for row in rows:
        assert row().finish()["Result"] == "success"


def test_pay_error_code__64016_is_never_said() -> None:
    """
    It is about the action URL of a verb that the API does not have.
    """
    assert int(PayErrorCode.INVALID_ACTION_URL) == 64016
    form = {"Action": "http://agent.example/"}
    assert WirePayment(**form).finish()["Result"] == "success"
