"""
Pay session, confirming: the caller's own word before the gateway is asked.
"""

from dataclasses import replace

import pytest

from bridge.pay.fields import CARD_FIELDS, ErrorType
from bridge.pay.outcomes import Approved
from bridge.pay.outputs import (
    CaptureClosed,
    CaptureOpened,
    ChargeWanted,
    Output,
    Prompt,
    PromptWanted,
    Refusal,
    Result,
    SessionEnded,
    Step,
)
from bridge.pay.settings import PaySettings, StarPolicy
from bridge.pay.states import State
from tests.support.pay import ACH, CHARGE, PayScene, secret


CARD, DATE, CODE, POSTAL = CARD_FIELDS
ASKING = replace(CHARGE, confirmation=True)


def _confirming(settings: PaySettings | None = None) -> PayScene:
    scene = PayScene(ASKING, settings or PaySettings())
    scene.fill()
    assert scene.complete() is None
    assert scene.session.state is State.CONFIRMING
    return scene


def _prompts(outputs: list[Output]) -> list[PromptWanted]:
    return [output for output in outputs if isinstance(output, PromptWanted)]


def test_caller_is_asked_with_the_end_of_the_number_only_he_hears() -> None:
    """
    Digits are wanted, the prompt has the last four, and no printed form shows them.
    """
    scene = PayScene(ASKING)
    scene.fill()
    n_before = len(scene.outputs)
    assert scene.complete() is None
    opened, wanted = scene.outputs[n_before:]
    assert opened == CaptureOpened(Prompt.CONFIRM_CARD)
    assert wanted == PromptWanted(Prompt.CONFIRM_CARD, secret("4242"))
    assert repr(wanted) == (
        "PromptWanted(prompt=<Prompt.CONFIRM_CARD: 'confirm-card'>, "
        "digits=Secret(<4 digits>))"
    )
    assert scene.session.capturing is None


@pytest.mark.parametrize(("account", "end"), [("123456789", "6789"), ("1234", "1234")])
def test_caller_is_asked_about_an_account_as_about_a_card(
    account: str, end: str
) -> None:
    """
    A bank account has a prompt of its own.
    """
    scene = PayScene(replace(ACH, confirmation=True))
    routing, number = scene.session.required
    scene.fill(routing)
    scene.capture(number)
    scene.press(account + "#")
    scene.complete()
    (wanted,) = _prompts(scene.outputs)
    assert wanted == PromptWanted(Prompt.CONFIRM_ACCOUNT, secret(end))


def test_gateway_is_asked_when_the_caller_says_yes() -> None:
    """
    The prompt is over, its digits are gone, and the charge is wanted once.
    """
    scene = _confirming()
    (wanted,) = _prompts(scene.outputs)
    outputs = scene.press("1")
    assert outputs == [CaptureClosed(), ChargeWanted(scene.charge)]
    assert len(wanted.digits) == 0
    assert scene.session.deadline() is None
    assert scene.press("1") == []
    scene.answer(Approved(confirmation_code="ch_1"))
    assert scene.last().result is Result.SUCCESS


def test_payment_ends_when_the_caller_says_no() -> None:
    """
    Nothing was asked of any gateway.
    """
    scene = _confirming()
    outputs = scene.press("2")
    result = Result.CANCELLED
    assert outputs == [CaptureClosed(), scene.last(), SessionEnded(result)]
    assert scene.last().result is result
    assert not any(isinstance(output, ChargeWanted) for output in scene.outputs)
    assert not any(len(digits) for digits in scene.secrets())


@pytest.mark.parametrize("key", list("03456789#ABCD"))
def test_other_keys_are_no_answer(key: str) -> None:
    """
    They neither confirm nor decline, nor do they win time.
    """
    scene = _confirming()
    due = scene.session.deadline()
    assert scene.press(key) == []
    assert scene.session.state is State.CONFIRMING
    assert scene.session.deadline() == due


def test_silence_sends_the_payment_back() -> None:
    """
    Nothing is charged; the agent is told, and may complete again.
    """
    scene = _confirming()
    assert scene.wait(29.9) == []
    outputs = scene.wait(0.1)
    assert outputs == [CaptureClosed(), scene.last()]
    last = scene.last()
    assert (last.step, last.capture, last.error_type) == (
        Step.UPDATE,
        None,
        ErrorType.INPUT_TIMEOUT,
    )
    assert last.required == ()
    assert scene.session.state is State.READY
    assert scene.press("1") == []
    assert scene.complete() is None
    scene.press("1")
    assert scene.charge.card_number == secret("4242424242424242")


def test_time_to_answer_is_counted_from_the_end_of_the_prompt() -> None:
    """
    Whoever plays it says how long it is, be it longer than the time to answer; at
    other times that means nothing.
    """
    scene = _confirming(PaySettings(confirmation_timeout_s=5.0))
    scene.session.receive_prompt_started(7.0, now=scene.now)
    assert scene.session.deadline() == scene.now + 12.0
    assert scene.wait(11.0) == []
    scene.press("1")
    scene.session.receive_prompt_started(7.0, now=scene.now)
    assert scene.session.deadline() is None


def test_star_is_what_it_is_in_a_capture() -> None:
    """
    It ends the payment, or has the prompt said again where it clears.
    """
    scene = _confirming()
    scene.press("*")
    assert scene.last().result is Result.INTERRUPTED_WITH_STAR
    scene = _confirming(PaySettings(star=StarPolicy.CLEAR))
    (first,) = _prompts(scene.outputs)
    scene.wait(20.0)
    (again,) = scene.press("*")
    assert again == PromptWanted(Prompt.CONFIRM_CARD, secret("4242"))
    assert len(first.digits) == 0
    assert scene.session.deadline() == scene.now + 30.0


@pytest.mark.parametrize("field", [CARD, CODE])
def test_agent_may_ask_for_a_field_instead(
    field: str,
) -> None:
    """
    The prompt is over, and the payment is completed anew once the field is there.
    """
    scene = _confirming()
    wanted = next(known for known in CARD_FIELDS if known == field)
    scene.capture(wanted)
    assert scene.outputs[-3:-1] == [CaptureClosed(), CaptureOpened(wanted)]
    assert scene.last().required == (wanted,)
    scene.fill()
    assert scene.complete() is None
    assert scene.session.state is State.CONFIRMING


def test_agent_asks_in_vain_while_the_card_is_not_known() -> None:
    """
    A second entry of a field that is not there ends the prompt, and is told.
    """
    scene = PayScene(replace(ASKING, postal_code=False))
    scene.fill()
    scene.complete()
    matcher = next(f for f in scene.session._entries.fields if "postal-code-m" in f)
    assert scene.capture(matcher) is None
    assert scene.outputs[-2] == CaptureClosed()
    assert scene.last().error_type is ErrorType.NO_MATCH
    assert scene.session.state is State.READY


def test_complete_is_refused_while_the_caller_is_asked() -> None:
    """
    Once is enough, and a cancel is still heard.
    """
    scene = _confirming()
    assert scene.complete() == Refusal(
        20409, "The caller is being asked to confirm the payment"
    )
    assert scene.cancel() is None
    assert scene.last().result is Result.CANCELLED


def test_hang_up_is_no_yes() -> None:
    """
    A caller who is gone has confirmed nothing.
    """
    scene = _confirming()
    scene.hang_up()
    assert scene.last().result is Result.HUNG_UP
    assert not any(isinstance(output, ChargeWanted) for output in scene.outputs)
