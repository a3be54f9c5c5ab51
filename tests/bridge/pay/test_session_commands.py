"""
Pay session, commanded: fields asked for again, out of turn, or too late.
"""

from dataclasses import replace

import pytest

from bridge.pay.cards import CardType
from bridge.pay.fields import CARD_FIELDS, MATCHERS, ErrorType, Field
from bridge.pay.outcomes import Approved
from bridge.pay.outputs import (
    CaptureClosed,
    CaptureOpened,
    Refusal,
    Report,
    Step,
)
from bridge.pay.states import State
from tests.support.pay import AMEX, CHARGE, MASTERCARD, VISA, PayScene


CARD, DATE, CODE, POSTAL = CARD_FIELDS
MASKED_VISA = (CARD, "xxxxxxxxxxxx4242")


def test_field_is_required_again_when_it_is_asked_for_again() -> None:
    """
    The old value is gone the moment the agent asks for a new one.
    """
    scene = PayScene()
    scene.fill(CARD, DATE)
    assert scene.last().required == (CODE, POSTAL)
    (card, *_) = scene.secrets()
    scene.capture(CARD)
    assert scene.last().required == (CARD, CODE, POSTAL)
    assert scene.last().entries == ((DATE, "1230"),)
    assert len(card) == 0
    scene.press(MASTERCARD)
    assert scene.last().entries == ((CARD, "xxxxxxxxxxxx4444"), (DATE, "1230"))
    assert scene.last().card_type is CardType.MASTERCARD


@pytest.mark.parametrize("other", [CARD, DATE])
def test_capture_under_way_is_abandoned_when_another_is_asked_for(other: Field) -> None:
    """
    What was keyed so far is forgotten, without an error, and digits go to the new one.
    """
    scene = PayScene()
    scene.capture(CARD)
    scene.press("42424")
    scene.capture(other)
    assert scene.outputs[-3:] == [CaptureClosed(), CaptureOpened(other), scene.last()]
    assert scene.last().entries == ()
    assert scene.last().error_type is None
    assert scene.session.deadline() == 1000.0 + 3600.0
    scene.press("1")
    assert scene.last().entries == ((other, "x"),)


def test_security_code_is_not_asked_for_before_the_card_is_known() -> None:
    """
    The agent is told the order; no capture opens and the session stays ready.
    """
    scene = PayScene()
    assert scene.capture(CODE, "https://agent.example/code") is None
    assert scene.last() == Report(
        step=Step.UPDATE,
        sequence=2,
        status_callback="https://agent.example/code",
        required=(CARD, DATE, CODE, POSTAL),
        capture=CODE,
        error_type=ErrorType.CODE_BEFORE_CARD,
    )
    assert (scene.session.state, scene.session.capturing) == (State.READY, None)
    assert len(scene.outputs) == 2
    assert scene.press("123") == []


def test_security_code_asked_for_too_early_abandons_the_capture_under_way() -> None:
    """
    The session is ready then, and the keys that follow mean nothing.
    """
    scene = PayScene()
    scene.capture(CARD)
    scene.press("4242")
    assert scene.capture(CODE) is None
    assert scene.outputs[-2:] == [CaptureClosed(), scene.last()]
    assert scene.last().error_type is ErrorType.CODE_BEFORE_CARD
    assert (scene.session.state, scene.session.capturing) == (State.READY, None)
    assert scene.press("1*#") == []
    scene.fill()
    assert scene.complete() is None


@pytest.mark.parametrize(
    ("first", "code", "second", "is_dropped"),
    [
        (VISA, "123", AMEX, True),
        (AMEX, "1234", VISA, True),
        (VISA, "123", MASTERCARD, False),
        (VISA, "123", VISA, False),
    ],
)
def test_security_code_is_dropped_when_a_new_card_wants_another_length(
    first: str, code: str, second: str, *, is_dropped: bool
) -> None:
    """
    A code was judged by the card it was keyed for.
    """
    scene = PayScene()
    scene.capture(CARD)
    scene.press(first)
    scene.capture(CODE)
    scene.press(code)
    assert CODE not in scene.last().required
    scene.capture(CARD)
    scene.press(second)
    assert (CODE in scene.last().required) is is_dropped
    assert (CODE in dict(scene.last().entries)) is not is_dropped


def test_security_code_of_amex_is_full_at_four_digits() -> None:
    """
    The code's length follows the card that was keyed.
    """
    scene = PayScene()
    scene.capture(CARD)
    scene.press(AMEX)
    scene.capture(CODE)
    scene.press("123")
    assert scene.session.capturing is CODE
    scene.press("4")
    assert scene.last().entries == ((CARD, "xxxxxxxxxxx0005"), (CODE, "xxxx"))


@pytest.mark.parametrize("second", [VISA, MASTERCARD])
def test_second_entry_is_forgotten_as_soon_as_it_is_compared(second: str) -> None:
    """
    Right or wrong, one copy of a number is enough.
    """
    scene = PayScene(replace(CHARGE, require_matching_inputs=frozenset({CARD})))
    scene.fill(CARD)
    scene.capture(MATCHERS[CARD])
    scene.press(second)
    assert sorted(len(digits) for digits in scene.secrets())[-2:] == [0, 16]
    assert (MATCHERS[CARD] in scene.last().required) is (second != VISA)


@pytest.mark.parametrize(
    ("filled", "capturing", "missing"),
    [
        ((), None, "payment-card-number, expiration-date, security-code, postal-code"),
        ((CARD, DATE), None, "security-code, postal-code"),
        ((CARD, DATE, CODE), POSTAL, "postal-code"),
        ((CARD, DATE, CODE, POSTAL), DATE, "expiration-date"),
    ],
)
def test_complete_is_refused_when_a_field_is_missing(
    filled: tuple[Field, ...], capturing: Field | None, missing: str
) -> None:
    """
    The refusal names what is missing, and nothing else happens.
    """
    scene = PayScene()
    if filled:
        scene.fill(*filled)
    if capturing is not None:
        scene.capture(capturing)
    n_outputs, state = len(scene.outputs), scene.session.state
    assert scene.complete("https://agent.example/early") == Refusal(
        64019, f"Required payment information incomplete: {missing}"
    )
    assert len(scene.outputs) == n_outputs
    assert scene.session.state is state
    scene.cancel(CHARGE.status_callback)
    assert scene.session.state is State.ENDED


def test_complete_is_refused_while_a_field_that_is_not_required_is_captured() -> None:
    """
    A capture under way is waited for, whatever it is.
    """
    scene = PayScene(replace(CHARGE, postal_code=False))
    scene.fill(CARD, DATE, CODE)
    scene.capture(POSTAL)
    assert scene.session.required == ()
    assert scene.complete() == Refusal(
        64019, "Required payment information incomplete: postal-code"
    )


@pytest.mark.parametrize(
    ("is_over", "message"),
    [
        (False, "The payment is being processed"),
        (True, "The payment session has ended"),
    ],
)
def test_commands_are_refused_when_it_is_too_late(
    *, is_over: bool, message: str
) -> None:
    """
    Neither a charge under way nor one that is over can be called back.
    """
    scene = PayScene()
    scene.fill()
    scene.complete()
    if is_over:
        scene.answer(Approved())
    n_outputs = len(scene.outputs)
    refusal = Refusal(20409, message)
    assert scene.complete() == refusal
    assert scene.cancel() == refusal
    assert [scene.capture(field) for field in Field] == [refusal] * 10
    assert len(scene.outputs) == n_outputs
