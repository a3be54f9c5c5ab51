"""
Pay session: what each key press, command and pause makes of a payment.
"""

from dataclasses import replace

import pytest

from bridge.pay.cards import CardType
from bridge.pay.fields import CARD_FIELDS, ErrorType, Field
from bridge.pay.outcomes import Approved
from bridge.pay.outputs import (
    CaptureClosed,
    CaptureOpened,
    ChargeWanted,
    GatewayAnswer,
    Output,
    Report,
    Result,
    SessionEnded,
    Step,
)
from bridge.pay.request import PaymentRequest
from bridge.pay.settings import PaySettings, StarPolicy
from bridge.pay.states import State
from tests.support.pay import (
    CHARGE,
    DISCOVER,
    KEYS,
    VISA,
    VISA_13,
    PayScene,
    secret,
)


CARD, DATE, CODE, POSTAL = CARD_FIELDS
CLEARING = PaySettings(star=StarPolicy.CLEAR)
MASKED_VISA = (CARD, "xxxxxxxxxxxx4242")


def test_session_tells_every_step_of_a_typical_payment() -> None:
    """
    From start to success, each output is the one expected and none is missing.
    """
    scene = PayScene()
    expected: list[Output] = []
    report = Report(
        step=Step.START,
        sequence=1,
        status_callback=CHARGE.status_callback,
        required=(CARD, DATE, CODE, POSTAL),
    )
    expected.append(report)
    shown = {CARD: MASKED_VISA[1], DATE: "1230", CODE: "xxx", POSTAL: "94109"}

    def tell(**changes: object) -> None:
        nonlocal report
        sequence = report.sequence + 1
        report = replace(report, sequence=sequence, **changes)  # type: ignore[arg-type]
        expected.append(report)

    captured: list[tuple[Field, str]] = []
    for field in CARD_FIELDS:
        keys = KEYS[field]
        url = f"https://agent.example/{field}?step=1"
        assert scene.capture(field, url) is None
        scene.press(keys)
        expected.append(CaptureOpened(field))
        tell(step=Step.UPDATE, capture=field, status_callback=url)
        n_partial = 5 if field is POSTAL else len(keys) - 1
        for n_digits in range(1, n_partial + 1):
            entries = (*captured, (field, "x" * n_digits))
            card_type = CardType.VISA
            tell(entries=entries, is_partial=True, card_type=card_type)
        captured.append((field, shown[field]))
        expected.append(CaptureClosed())
        required = CARD_FIELDS[len(captured) :]
        tell(entries=tuple(captured), is_partial=False, required=required)

    assert scene.complete("https://agent.example/done") is None
    charge = scene.charge
    assert charge.payment is CHARGE
    assert charge.card_number == secret(VISA)
    assert charge.expiration_date == secret("1230")
    assert charge.security_code == secret("123")
    assert charge.postal_code == secret("94109")
    expected.append(ChargeWanted(charge))

    scene.answer(Approved(confirmation_code="ch_1"))
    tell(
        step=Step.FINISH,
        capture=None,
        status_callback="https://agent.example/done",
        result=Result.SUCCESS,
        answer=GatewayAnswer(confirmation_code="ch_1"),
    )
    expected.append(SessionEnded(Result.SUCCESS))
    assert scene.outputs == expected
    assert len(scene.reports) == 35


@pytest.mark.parametrize(
    ("request_", "required"),
    [
        (CHARGE, (CARD, DATE, CODE, POSTAL)),
        (replace(CHARGE, postal_code=False), (CARD, DATE, CODE)),
        (replace(CHARGE, security_code=False), (CARD, DATE, POSTAL)),
        (replace(CHARGE, security_code=False, postal_code=False), (CARD, DATE)),
    ],
)
def test_session_asks_the_gateway_once_nothing_is_required(
    request_: PaymentRequest, required: tuple[Field, ...]
) -> None:
    """
    What is not required is not awaited, and not sent where it was not keyed.
    """
    scene = PayScene(request_)
    assert scene.session.required == required
    scene.fill(*required)
    assert scene.session.required == ()
    assert scene.complete() is None
    assert (scene.charge.security_code is None) is (CODE not in required)
    assert (scene.charge.postal_code is None) is (POSTAL not in required)


def test_session_sends_a_field_that_was_keyed_without_being_required() -> None:
    """
    The agent may capture more than the payment was started with.
    """
    scene = PayScene(replace(CHARGE, postal_code=False))
    scene.fill(*CARD_FIELDS)
    assert scene.complete() is None
    assert scene.charge.postal_code == secret("94109")


def test_session_takes_fields_in_any_order() -> None:
    """
    Only the security code must wait for the card.
    """
    scene = PayScene()
    scene.fill(POSTAL, DATE)
    assert scene.last().required == (CARD, CODE)
    assert scene.last().entries == ((DATE, "1230"), (POSTAL, "94109"))
    scene.fill(CARD, CODE)
    assert scene.last().required == ()


# Time.


def test_inter_digit_timeout_runs_after_the_first_digit_only() -> None:
    """
    A caller may look for his card as long as the session lives.
    """
    scene = PayScene()
    scene.capture(CARD)
    assert scene.wait(3599.0) == []
    assert scene.session.capturing is CARD


def test_inter_digit_timeout_restarts_with_each_digit() -> None:
    """
    Slow keying goes on as long as no pause is longer than the limit.
    """
    scene = PayScene(replace(CHARGE, timeout_s=4.0))
    scene.capture(CARD)
    for n_digits, key in enumerate("4242", 1):
        scene.press(key)
        assert scene.session.deadline() == scene.now + 4.0
        assert scene.wait(3.4) == []
        assert scene.last().entries == ((CARD, "x" * n_digits),)
    outputs = scene.wait(0.7)
    assert outputs[0] == CaptureClosed()
    assert scene.last().error_type is ErrorType.INPUT_TIMEOUT


def test_inter_digit_timeout_comes_at_its_very_moment() -> None:
    """
    A wake-up too early changes nothing, one on time ends the field.
    """
    scene = PayScene()
    scene.capture(CARD)
    scene.press("4")
    due = scene.now + 5.0
    scene.session.handle_deadline(now=due - 0.001)
    assert scene.take() == []
    assert scene.session.deadline() == due
    scene.session.handle_deadline(now=due)
    assert scene.take() == [CaptureClosed(), scene.last()]
    assert scene.last().error_type is ErrorType.INPUT_TIMEOUT
    assert scene.session.poll() == []
    # What is left is the session's own deadline.
    assert scene.session.deadline() == 1000.0 + 3600.0


@pytest.mark.parametrize(
    ("field", "keys", "error"),
    [
        (POSTAL, "94109", None),
        (POSTAL, "9410", ErrorType.INPUT_TIMEOUT),
        (CARD, VISA_13, None),
        (CARD, VISA[:15], ErrorType.INPUT_TIMEOUT),
        (CARD, VISA[:15] + "1", ErrorType.INVALID_CARD_NUMBER),
        (DATE, "123", ErrorType.INPUT_TIMEOUT),
        (CODE, "12", ErrorType.INPUT_TIMEOUT),
    ],
)
def test_silence_ends_a_field_well_when_enough_was_keyed(
    field: Field, keys: str, error: ErrorType | None
) -> None:
    """
    Silence is the finish key of those who do not know it.
    """
    scene = PayScene(replace(CHARGE, min_postal_code_length=5))
    scene.fill(CARD)
    scene.capture(field)
    scene.press(keys)
    scene.wait(5.0)
    assert (scene.last().capture, scene.last().error_type) == (field, error)
    assert not scene.last().is_partial
    assert (field in scene.last().required) is (error is not None)
    assert scene.session.state is State.READY


def test_first_digit_timeout_ends_a_capture_when_the_operator_sets_one() -> None:
    """
    With a limit, a caller who keys nothing has had his time.
    """
    scene = PayScene(settings=PaySettings(first_digit_timeout_s=20.0))
    scene.capture(CARD)
    assert scene.wait(19.9) == []
    assert scene.wait(0.1) == [CaptureClosed(), scene.last()]
    assert scene.last().error_type is ErrorType.INPUT_TIMEOUT


# Keys.


@pytest.mark.parametrize(
    ("field", "keys", "error"),
    [
        (CARD, VISA_13 + "#", None),
        (CARD, "4242#", ErrorType.INVALID_CARD_NUMBER),
        (CARD, "#", ErrorType.INVALID_CARD_NUMBER),
        (CARD, DISCOVER, ErrorType.INVALID_CARD_TYPE),
        (DATE, "12#", ErrorType.INVALID_DATE),
        (DATE, "0526", ErrorType.INVALID_DATE),
        (CODE, "12#", ErrorType.INVALID_SECURITY_CODE),
        (POSTAL, "941#", ErrorType.INVALID_POSTAL_CODE),
        (POSTAL, "9410912345", None),
    ],
)
def test_field_is_judged_when_it_ends_by_key_or_by_length(
    field: Field, keys: str, error: ErrorType | None
) -> None:
    """
    A right field is shown; a wrong one is forgotten and still required.
    """
    scene = PayScene(replace(CHARGE, min_postal_code_length=5))
    if field is CODE:
        scene.fill(CARD)
    scene.capture(field)
    scene.press(keys)
    assert scene.outputs[-2] == CaptureClosed()
    assert (scene.last().capture, scene.last().error_type) == (field, error)
    assert (field in scene.last().required) is (error is not None)
    assert (field in dict(scene.last().entries)) is (error is None)


@pytest.mark.parametrize("first", [VISA, VISA[:15] + "1" + "242"])
def test_finish_key_is_swallowed_after_a_field_that_ended_by_itself(first: str) -> None:
    """
    The `#` the caller was told to press belongs to the field before, right or wrong.
    """
    scene = PayScene()
    scene.capture(CARD)
    scene.press(first)
    assert scene.session.state is State.READY
    assert scene.press("#") == []
    scene.capture(DATE)
    scene.press("12#")
    assert scene.last().error_type is ErrorType.INVALID_DATE


@pytest.mark.parametrize("between", ["", "7", "*", "A"])
def test_finish_key_is_swallowed_when_the_next_capture_has_opened_before_it(
    between: str,
) -> None:
    """
    It may come late, and other keys may come between the captures: one `#` is free.
    """
    scene = PayScene()
    scene.fill(CARD)
    scene.press(between)
    scene.capture(DATE)
    assert scene.press("#") == []
    assert scene.session.capturing is DATE
    scene.press("#")
    assert scene.last().error_type is ErrorType.INVALID_DATE


def test_finish_key_ends_the_next_field_when_a_digit_came_first() -> None:
    """
    After a digit of its own, a field's `#` is its own as well.
    """
    scene = PayScene()
    scene.fill(CARD)
    scene.capture(POSTAL)
    scene.press("9#")
    assert scene.last().entries == (MASKED_VISA, (POSTAL, "9"))


@pytest.mark.parametrize("before", ["", "7", "#", "A"])
def test_finish_key_is_free_only_after_a_field_that_ended_by_its_length(
    before: str,
) -> None:
    """
    A field that `#` or silence ended earns none, nor do keys nobody asked for.
    """
    scene = PayScene()
    scene.fill(POSTAL)
    scene.capture(POSTAL)
    scene.press("94109")
    scene.wait(5.0)
    scene.press(before)
    scene.capture(DATE)
    scene.press("#")
    assert scene.last().error_type is ErrorType.INVALID_DATE


def test_star_ends_the_session_when_the_operator_leaves_it_at_that() -> None:
    """
    By default `*` during a capture is the caller's way out.
    """
    scene = PayScene()
    scene.capture(CARD)
    outputs = scene.press("42*")[2:]
    result = Result.INTERRUPTED_WITH_STAR
    assert outputs == [CaptureClosed(), scene.last(), SessionEnded(result)]
    assert (scene.last().step, scene.last().result) == (Step.FINISH, result)
    assert scene.last().entries == ()


def test_star_lets_the_caller_begin_again_when_the_operator_says_so() -> None:
    """
    What was keyed is forgotten, the capture goes on, and silence still ends it.
    """
    scene = PayScene(settings=CLEARING)
    scene.capture(CARD)
    scene.press("5555*")
    assert scene.last().is_partial
    assert (scene.last().entries, scene.last().card_type) == ((), None)
    assert scene.session.deadline() == scene.now + 5.0
    scene.press(VISA)
    assert scene.last().entries == (MASKED_VISA,)


@pytest.mark.parametrize("settings", [PaySettings(), CLEARING])
def test_keys_mean_nothing_outside_a_capture(settings: PaySettings) -> None:
    """
    Whatever is pressed while nothing is asked for is not counted, not even `*`.
    """
    scene = PayScene(settings=settings)
    assert scene.press("4242*#") == []
    scene.fill(CARD)
    assert scene.press("#123*A") == []
    scene.capture(CODE)
    assert scene.last().entries == (MASKED_VISA,)


def test_letters_are_ignored_within_a_capture() -> None:
    """
    A letter is no digit and starts no timeout.
    """
    scene = PayScene()
    scene.capture(DATE)
    assert scene.press("ABCD") == []
    assert scene.session.deadline() == 1000.0 + 3600.0
    scene.press("1A2B3C0")
    assert scene.last().entries == ((DATE, "1230"),)
