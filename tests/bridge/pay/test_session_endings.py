"""
Pay session endings: each way a payment can end, and what is left of it.
"""

from collections.abc import Callable

import pytest

from bridge.errors import LocalProtocolError
from bridge.pay.fields import CARD_FIELDS
from bridge.pay.outcomes import (
    Approved,
    Declined,
    Invalid,
    NotSent,
    Outcome,
    Unknown,
)
from bridge.pay.outputs import (
    CaptureClosed,
    GatewayAnswer,
    Report,
    Result,
    SessionEnded,
    Step,
)
from bridge.pay.request import PaymentRequest
from bridge.pay.settings import PaySettings
from bridge.pay.states import State
from tests.support.pay import ACCOUNT, ACH, CHARGE, TOKENIZE, VISA, PayScene


CARD, DATE, CODE, POSTAL = CARD_FIELDS


def _ready() -> PayScene:
    scene = PayScene()
    scene.fill(CARD, DATE)
    return scene


def _capturing() -> PayScene:
    scene = _ready()
    scene.capture(CODE)
    return scene


def _processing(request: PaymentRequest = CHARGE) -> PayScene:
    scene = PayScene(request)
    scene.fill()
    scene.complete()
    return scene


ENDINGS: dict[Result, Callable[[PayScene], object]] = {
    Result.CANCELLED: lambda scene: scene.cancel(),
    Result.HUNG_UP: lambda scene: scene.hang_up(),
    Result.VALIDATION_ERROR: lambda scene: scene.wait(3600.0),
}


@pytest.mark.parametrize("scene_of", [_ready, _capturing])
@pytest.mark.parametrize("result", ENDINGS)
def test_session_ends_once_before_the_gateway_is_asked(
    result: Result, scene_of: Callable[[], PayScene]
) -> None:
    """
    Cancelled, hung up on or expired: a capture closes, the agent is told, it ends.
    """
    scene = scene_of()
    n_before = len(scene.outputs)
    was_capturing = scene.session.capturing is not None
    ENDINGS[result](scene)
    outputs = scene.outputs[n_before:]
    assert outputs[:-2] == ([CaptureClosed()] if was_capturing else [])
    assert outputs[-2:] == [scene.last(), SessionEnded(result)]
    assert (scene.last().step, scene.last().result) == (Step.FINISH, result)
    assert scene.last().answer is None
    assert scene.session.state is State.ENDED
    assert scene.session.deadline() is None


@pytest.mark.parametrize(
    ("request_", "outcome", "result", "answer"),
    [
        (
            CHARGE,
            Approved(confirmation_code="ch_1"),
            Result.SUCCESS,
            GatewayAnswer(confirmation_code="ch_1"),
        ),
        (
            TOKENIZE,
            Approved(token="tok_1", profile_id="p_1"),
            Result.SUCCESS,
            GatewayAnswer(token="tok_1", profile_id="p_1"),
        ),
        (
            CHARGE,
            Declined(code="card_declined", message="The card was declined."),
            Result.CONNECTOR_ERROR,
            GatewayAnswer(
                pay_error_code=64008,
                payment_error="The card was declined.",
                connector_error="card_declined",
            ),
        ),
        (
            TOKENIZE,
            Declined(code="card_declined", message="The card was declined."),
            Result.CONNECTOR_ERROR,
            GatewayAnswer(
                pay_error_code=64010,
                payment_error="The card was declined.",
                connector_error="card_declined",
            ),
        ),
        (
            CHARGE,
            Invalid(code="401", message="Refused.", pay_error_code=64001),
            Result.CONNECTOR_ERROR,
            GatewayAnswer(
                pay_error_code=64001, payment_error="Refused.", connector_error="401"
            ),
        ),
        (
            CHARGE,
            NotSent(message="No connection to the payment gateway."),
            Result.CONNECTOR_ERROR,
            GatewayAnswer(
                pay_error_code=64002,
                payment_error="No connection to the payment gateway.",
            ),
        ),
        (
            CHARGE,
            Unknown(message="No answer from the payment gateway."),
            Result.CONNECTOR_ERROR,
            GatewayAnswer(
                pay_error_code=64002,
                payment_error="No answer from the payment gateway. The outcome is "
                "unknown; check with the gateway before trying again.",
            ),
        ),
    ],
)
def test_outcome_ends_the_session_with_what_the_wire_says_of_it(
    request_: PaymentRequest, outcome: Outcome, result: Result, answer: GatewayAnswer
) -> None:
    """
    Each of the gateway's five outcomes has its result, code and texts.
    """
    scene = _processing(request_)
    assert scene.answer(outcome) == [scene.last(), SessionEnded(result)]
    assert scene.last() == Report(
        step=Step.FINISH,
        sequence=len(scene.reports),
        status_callback=CHARGE.status_callback,
        entries=(
            (CARD, "xxxxxxxxxxxx4242"),
            (DATE, "1230"),
            (CODE, "xxx"),
            (POSTAL, "94109"),
        ),
        card_type=scene.reports[-2].card_type,
        result=result,
        answer=answer,
    )


@pytest.mark.parametrize(
    "echo", [VISA, "4242 4242 4242 4242", "4242-4242-4242-4242", "123"]
)
def test_outcome_s_text_shows_no_card_data_when_the_gateway_echoes_it(
    echo: str,
) -> None:
    """
    Gateways repeat what they were sent; the agent's software must not read it.
    """
    code, message = f"bad {echo}", f"Refused: {echo}."
    outcomes: list[Outcome] = [
        Declined(code=code, message=message),
        Invalid(code=code, message=message, pay_error_code=64001),
    ]
    for outcome in outcomes:
        scene = _processing()
        scene.answer(outcome)
        answer = scene.last().answer
        assert answer is not None
        assert answer.payment_error.startswith("Refused: ")
        assert echo not in answer.payment_error
        assert echo not in answer.connector_error


def test_outcome_s_text_shows_no_account_number_when_the_gateway_echoes_it() -> None:
    """
    A bank account is as secret as a card.
    """
    scene = _processing(ACH)
    scene.answer(Declined(code=ACCOUNT, message=f"No account {ACCOUNT}."))
    answer = scene.last().answer
    assert answer is not None
    assert answer.payment_error == "No account [digits]."
    assert answer.connector_error == "[digits]"


def test_hang_up_does_not_undo_a_charge_that_is_under_way() -> None:
    """
    Money may have moved: the gateway's answer still counts and is still told.
    """
    scene = _processing()
    assert scene.hang_up() == []
    assert scene.session.state is State.PROCESSING
    assert scene.wait(1e6) == []
    scene.answer(Approved(confirmation_code="ch_1"))
    assert scene.last().result is Result.SUCCESS


@pytest.mark.parametrize(
    "end",
    [
        *ENDINGS.values(),
        lambda scene: scene.press("*"),
        lambda scene: (scene.fill(), scene.complete(), scene.answer(Approved())),
        lambda scene: (
            scene.fill(),
            scene.complete(),
            scene.answer(Unknown(message="")),
        ),
    ],
)
def test_session_wipes_every_secret_when_it_ends_whatever_way(
    end: Callable[[PayScene], object],
) -> None:
    """
    After the last output there is no digit left to find.
    """
    scene = _capturing()
    scene.press("12")
    held = scene.secrets()
    assert [len(digits) for digits in held if len(digits)] == [16, 4, 2]
    end(scene)
    assert scene.session.state is State.ENDED
    assert [len(digits) for digits in held] == [0] * 9
    assert [len(digits) for digits in scene.secrets()] == [0] * 9
    assert scene.session.poll() == []


def test_session_keeps_the_secrets_while_the_gateway_is_asked() -> None:
    """
    What the gateway is sent is the session's own, wiped with it and not before.
    """
    scene = _processing()
    charge = scene.charge
    sent = [
        digits
        for digits in (
            charge.card_number,
            charge.expiration_date,
            charge.security_code,
            charge.postal_code,
        )
        if digits is not None
    ]
    assert [len(digits) for digits in sent] == [16, 4, 3, 5]
    scene.hang_up()
    assert [len(digits) for digits in sent] == [16, 4, 3, 5]
    scene.answer(Approved())
    assert [len(digits) for digits in sent] == [0] * 4


def test_session_is_silent_after_its_end() -> None:
    """
    Whatever still comes from caller or clock changes nothing.
    """
    scene = _ready()
    scene.cancel()
    assert scene.press("4242*#") == []
    assert scene.hang_up() == []
    scene.session.handle_deadline(now=scene.now + 1e9)
    assert scene.take() == []


@pytest.mark.parametrize("scene_of", [_ready, _capturing])
def test_session_refuses_an_outcome_when_none_was_asked_for(
    scene_of: Callable[[], PayScene],
) -> None:
    """
    An answer to no question is a bug of ours.
    """
    scene = scene_of()
    state = scene.session.state
    with pytest.raises(
        LocalProtocolError, match=rf"^an outcome came in state {state}$"
    ):
        scene.answer(Approved())


def test_session_timeout_is_not_put_off_by_what_happens() -> None:
    """
    However busy, a session that no gateway is busy with lives so long and no longer.
    """
    scene = PayScene(settings=PaySettings(session_timeout_s=60.0))
    scene.fill()
    assert scene.session.deadline() == 1060.0
    scene.capture(CARD)
    scene.press("42")
    assert scene.session.deadline() == scene.now + 5.0
    scene.wait(1060.0 - scene.now - 0.5)
    assert scene.session.deadline() == 1060.0
    assert scene.wait(0.4) == []
    scene.wait(0.1)
    assert scene.last().result is Result.VALIDATION_ERROR


def test_session_timeout_comes_before_a_digit_s_when_both_are_late() -> None:
    """
    A wake-up that is late for both ends the session, once.
    """
    scene = PayScene(settings=PaySettings(session_timeout_s=60.0))
    scene.capture(CARD)
    scene.press("4")
    scene.session.handle_deadline(now=2000.0)
    result = Result.VALIDATION_ERROR
    assert scene.take() == [CaptureClosed(), scene.last(), SessionEnded(result)]
    assert scene.session.deadline() is None
