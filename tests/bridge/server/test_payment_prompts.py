"""
A caller who is asked to confirm: from the agent's command to the caller's ear, and
his answer, in made-up time.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from bridge.api.params import StatusCommand
from bridge.pay.fields import BANK_FIELDS, CARD_FIELDS
from bridge.pay.outputs import Prompt
from bridge.pay.request import PaymentRequest
from bridge.pay.settings import PaySettings, StarPolicy
from bridge.secret import Secret
from bridge.server.prompts import read_voice
from bridge.stream.events import Audio, Role, Started
from bridge.stream.handshake import Claim
from tests.bridge.server.desk import Desk, Port, at_desk
from tests.support.media import ACCOUNT_SID, QUIET, put_forward
from tests.support.pay import ACCOUNT, ACH, CHARGE, KEYS, VISA


COMPLETE, CANCEL = StatusCommand
CARD = CARD_FIELDS[0]
ASKING = replace(CHARGE, confirmation=True)

PROMPT = bytes(read_voice(None).say(Prompt.CONFIRM_CARD, Secret(VISA[-4:].encode())))
PROMPT_S = len(PROMPT) / 8000

Script = Callable[[Desk, str], Coroutine[Any, Any, None]]


async def _pass(seconds: float) -> None:
    """
    Let time pass as it does: no timer is late by more than a hundredth.
    """
    for _ in range(round(seconds * 100)):
        put_forward(0.01)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def _asked(
    script: Script,
    *,
    request: PaymentRequest = ASKING,
    settings: PaySettings | None = None,
) -> list[EventDict]:
    """
    Run a script on a call whose caller has just begun to be asked.

    Returns:
        What was logged.
    """

    async def main(desk: Desk) -> None:
        view = await desk.start(request=request)
        for wanted in CARD_FIELDS if request.is_card else BANK_FIELDS:
            await desk.update(view.sid, wanted)
            desk.press(KEYS[wanted])
        desk.caller.played.clear()
        await desk.update(view.sid, COMPLETE)
        await script(desk, view.sid)

    with capture_logs() as lines:
        at_desk(main, settings)
    return lines


def _whole(said: bytes) -> bytes:
    """
    Fill the last frame up.
    """
    return said + QUIET * (-len(said) % 160)


@pytest.mark.parametrize(
    ("request_", "prompt", "end"),
    [
        (ASKING, Prompt.CONFIRM_CARD, VISA[-4:]),
        (replace(ACH, confirmation=True), Prompt.CONFIRM_ACCOUNT, ACCOUNT[-4:]),
    ],
    ids=["card", "account"],
)
def test_caller_hears_the_end_of_his_number_and_the_choice(
    request_: PaymentRequest, prompt: Prompt, end: str
) -> None:
    """
    Once, to the last bit, and then nothing.
    """
    said = bytes(read_voice(None).say(prompt, Secret(end.encode())))

    async def script(desk: Desk, _sid: str) -> None:
        await _pass(len(said) / 8000 + 3.0)
        assert desk.caller.played == _whole(said)
        desk.press("1")
        assert (await desk.settled())["Result"] == "success"

    _asked(script, request=request_)


def test_prompt_is_paced() -> None:
    """
    After a second, a second of it and what is kept ahead has been sent.
    """

    async def script(desk: Desk, _sid: str) -> None:
        await _pass(1.0)
        assert 8000 <= len(desk.caller.played) < 8000 * 2
        assert PROMPT.startswith(desk.caller.played)

    _asked(script)


@pytest.mark.parametrize(
    ("key", "result"), [("1", "success"), ("2", "transaction-cancelled")]
)
def test_answer_breaks_the_prompt_off(key: str, result: str) -> None:
    """
    What the provider has of it is thrown away, and the agent is heard at once.
    """

    async def script(desk: Desk, _sid: str) -> None:
        agent = Port()
        started = Started(stream_sid="MZ2", call_sid="x", account_sid=ACCOUNT_SID)
        desk.switchboard.join(Claim("c1", Role.AGENT), started, agent)
        await _pass(2.0)
        desk.switchboard.receive_audio(desk.call, Role.AGENT, Audio(b"\x22" * 160))
        assert desk.caller.n_cleared == 0
        desk.press(key)
        said = bytes(desk.caller.played)
        assert desk.caller.n_cleared == 1
        assert PROMPT.startswith(said)
        assert len(said) < len(PROMPT) / 2
        desk.switchboard.receive_audio(desk.call, Role.AGENT, Audio(b"\x22" * 160))
        await _pass(PROMPT_S)
        assert desk.caller.played == said + b"\x22" * 160
        assert (await desk.settled())["Result"] == result
        assert len(desk.gateway.transactions) == (key == "1")
        assert agent.played.strip(QUIET) == b""

    lines = _asked(script)
    # That tells of a far end that is slow; the caller's was not.
    cleared = [line for line in lines if line["event"] == "queue cleared"]
    assert [line for line in cleared if line["leg"] == "caller"] == []


@pytest.mark.parametrize("key", list("03456789#"))
def test_other_keys_do_not_break_it_off(key: str) -> None:
    """
    It is neither cut nor said again.
    """

    async def script(desk: Desk, _sid: str) -> None:
        await _pass(2.0)
        desk.press(key)
        await _pass(PROMPT_S)
        assert desk.caller.played == _whole(PROMPT)
        assert desk.caller.n_cleared == 0

    _asked(script)


async def _cancel(desk: Desk, sid: str) -> None:
    await desk.update(sid, CANCEL, "c")


async def _capture(desk: Desk, sid: str) -> None:
    await desk.update(sid, CARD)


async def _hang_up(desk: Desk, _sid: str) -> None:
    desk.switchboard.leave(desk.call, Role.CALLER)


async def _star(desk: Desk, _sid: str) -> None:
    desk.press("*")


@pytest.mark.parametrize("end", [_cancel, _capture, _hang_up, _star])
def test_whatever_ends_the_question_ends_the_prompt(end: Script) -> None:
    """
    Nothing more is said, and no buffer that held it holds it any more.
    """

    async def script(desk: Desk, sid: str) -> None:
        await _pass(2.0)
        held = desk.call.session._prompter._octets
        assert held == PROMPT
        await end(desk, sid)
        n_said = len(desk.caller.played)
        assert n_said < len(PROMPT) / 2
        await _pass(PROMPT_S)
        assert len(desk.caller.played) == n_said
        assert held == bytes(len(PROMPT))

    _asked(script)


def test_star_says_it_again_where_it_clears() -> None:
    """
    From its begin; what was left of the first is not heard.
    """

    async def script(desk: Desk, _sid: str) -> None:
        await _pass(2.0)
        n_said = len(desk.caller.played)
        desk.press("*")
        assert desk.caller.n_cleared == 1
        await _pass(PROMPT_S + 1.0)
        again = bytes(desk.caller.played[n_said:])
        assert again == _whole(PROMPT)

    _asked(script, settings=PaySettings(star=StarPolicy.CLEAR))


def test_time_to_answer_begins_with_the_end_of_the_prompt() -> None:
    """
    A second is enough, however long the prompt; after that nothing was charged,
    and the caller can be asked again.
    """

    async def script(desk: Desk, sid: str) -> None:
        await _pass(PROMPT_S + 0.5)
        assert "ErrorType" not in desk.writer.forms[-1]
        await _pass(1.0)
        assert desk.writer.forms[-1]["ErrorType"] == "input-timeout"
        desk.caller.played.clear()
        await desk.update(sid, COMPLETE, "again")
        await _pass(PROMPT_S)
        assert desk.caller.played == _whole(PROMPT)
        desk.press("1")
        assert (await desk.settled())["Result"] == "success"

    _asked(script, settings=PaySettings(confirmation_timeout_s=1.0))


def test_stall_leaves_nothing_of_the_prompt_out() -> None:
    """
    A process that was busy for two seconds goes on where it was.
    """

    async def script(desk: Desk, _sid: str) -> None:
        await _pass(1.0)
        put_forward(2.0)
        await _pass(PROMPT_S)
        assert desk.caller.played == _whole(PROMPT)
        assert desk.caller.n_cleared == 0

    _asked(script)


def test_log_tells_that_he_is_asked_and_not_what_with() -> None:
    """
    Neither the digits nor how long they take to say.
    """

    async def script(_desk: Desk, _sid: str) -> None:
        await _pass(PROMPT_S + 1.0)

    lines = _asked(script)
    (line,) = [line for line in lines if line["event"] == "prompt played"]
    assert set(line) == {"event", "log_level", "payment", "call", "prompt"}
    assert line["prompt"] == "confirm-card"
    assert VISA[-4:] not in str([{**line, "payment": ""} for line in lines])


def test_field_that_ends_by_its_length_is_not_asked_about() -> None:
    """
    Only who is to confirm hears anything.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start()
        for wanted in CARD_FIELDS:
            await desk.update(view.sid, wanted)
            desk.press(KEYS[wanted])
        await desk.update(view.sid, COMPLETE)
        assert (await desk.settled())["Result"] == "success"
        await _pass(1.0)
        assert desk.caller.played == b""

    at_desk(script)
