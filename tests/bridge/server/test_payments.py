"""
Commands carried out: repetitions, races, refusals, and what a call's legs do.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from bridge.api.errors import ApiError
from bridge.api.params import StatusCommand
from bridge.pay.fields import CARD_FIELDS
from bridge.pay.request import PaymentRequest
from bridge.pay.session import PaySession
from bridge.pay.settings import PaySettings, Reading
from bridge.stream.events import Role, Started
from bridge.stream.handshake import Claim
from tests.bridge.server.desk import Desk, Port, at_desk
from tests.support.media import ACCOUNT_SID, CALL_SID
from tests.support.pay import CHARGE, KEYS, URL


CARD, DATE, CODE, POSTAL = CARD_FIELDS
COMPLETE, CANCEL = StatusCommand


async def _refused(work: Coroutine[Any, Any, object]) -> tuple[int, int]:
    with pytest.raises(ApiError) as caught:
        await work
    return caught.value.status, caught.value.code


# Repetitions.


def test_start_that_is_repeated_gets_the_first_answer() -> None:
    """
    The same key with the same parameters starts nothing, however the payment has
    gone on; the dates are those of the first answer.
    """

    async def script(desk: Desk) -> None:
        first = await desk.start()
        await desk.update(first.sid, CARD)
        desk.press("4242")
        assert await desk.start() == first
        assert [form["SequenceNumber"] for form in desk.writer.forms[:1]] == ["1"]
        assert len({form["Sid"] for form in desk.writer.forms}) == 1

    at_desk(script)


@pytest.mark.parametrize(
    ("key", "request_"),
    [("other", CHARGE), ("k", replace(CHARGE, description="Tea"))],
)
def test_start_of_another_payment_is_refused_while_one_runs(
    key: str, request_: PaymentRequest
) -> None:
    """
    Another key or other parameters are another payment: 64021.
    """

    async def script(desk: Desk) -> None:
        await desk.start()
        assert await _refused(desk.start(key, request_)) == (400, 64021)
        assert len(desk.writer.forms) == 1

    at_desk(script)


def test_start_of_another_payment_is_told_by_callback_where_read_so() -> None:
    """
    The second one's address hears of it, as `session-in-progress`.
    """

    async def script(desk: Desk) -> None:
        await desk.start()
        other = replace(CHARGE, status_callback="https://other.example/")
        assert await _refused(desk.start("other", other)) == (400, 64021)
        assert desk.writer.urls == [URL, "https://other.example/"]
        assert desk.writer.forms[-1]["ErrorType"] == "session-in-progress"

    at_desk(script, PaySettings(readings=frozenset({Reading.BUSY_BY_CALLBACK})))


def test_one_key_for_everything_on_a_call_breaks_nothing() -> None:
    """
    Clients use the call's sid for every request, and pay twice on one call.
    """

    async def script(desk: Desk) -> None:
        for n_payments in (1, 2):
            view = await desk.start(CALL_SID)
            for wanted in CARD_FIELDS:
                await desk.update(view.sid, wanted, CALL_SID)
                desk.press(KEYS[wanted])
            await desk.update(view.sid, COMPLETE, CALL_SID)
            assert (await desk.settled())["Result"] == "success"
            assert len(desk.gateway.transactions) == n_payments
            desk.writer.forms.clear()

    at_desk(script)


def test_key_that_starts_again_from_one_breaks_nothing() -> None:
    """
    A counter restarts when the agent reloads his page; the command is another one.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start("1")
        await desk.update(view.sid, CARD, "2")
        desk.press(KEYS[CARD])
        await desk.update(view.sid, DATE, "2")
        desk.press(KEYS[DATE])
        assert desk.writer.forms[-1]["ExpirationDate"] == "1230"

    at_desk(script)


def test_capture_that_is_repeated_goes_on_with_what_was_keyed() -> None:
    """
    A client whose answer was lost asks again; the caller need not begin again.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start()
        first = await desk.update(view.sid, CARD)
        desk.press("4242")
        n_before = len(desk.writer.forms)
        assert await desk.update(view.sid, CARD) == first
        assert len(desk.writer.forms) == n_before
        desk.press("424242424242")
        assert desk.writer.forms[-1]["PaymentCardNumber"] == "xxxxxxxxxxxx4242"

    at_desk(script)


@pytest.mark.parametrize(
    ("key", "url"), [("other", URL), ("k", "https://other.example/")]
)
def test_capture_with_another_key_or_address_is_another_capture(
    key: str, url: str
) -> None:
    """
    The agent asks again: what was keyed is forgotten.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start()
        await desk.update(view.sid, CARD)
        desk.press("4242")
        await desk.update(view.sid, CARD, key, url)
        assert "PaymentCardNumber" not in desk.writer.forms[-1]
        assert desk.writer.urls[-1] == url

    at_desk(script)


def test_capture_that_failed_is_asked_for_again_with_the_same_key() -> None:
    """
    A repetition after its end is a new capture: clients that use one key mean it.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start()
        for n_failures in (1, 2):
            await desk.update(view.sid, CARD)
            assert desk.call.session.is_armed
            desk.press("4242#")
            errors = [form.get("ErrorType") for form in desk.writer.forms]
            assert errors.count("invalid-card-number") == n_failures

    at_desk(script)


def test_complete_that_is_repeated_charges_once() -> None:
    """
    While the gateway is asked, after its answer, again and again: the first answer.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start()
        await desk.fill(view.sid)
        first = await desk.update(view.sid, COMPLETE)
        assert await desk.update(view.sid, COMPLETE) == first
        await desk.settled()
        assert await desk.update(view.sid, COMPLETE) == first
        assert len(desk.gateway.transactions) == 1
        assert await _refused(desk.update(view.sid, COMPLETE, "other")) == (409, 20409)
        assert await _refused(desk.update(view.sid, CANCEL)) == (409, 20409)

    at_desk(script)


def test_complete_that_is_repeated_asks_the_caller_once() -> None:
    """
    While the caller is being asked to confirm it gets the first answer, too.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start(request=replace(CHARGE, confirmation=True))
        await desk.fill(view.sid)
        first = await desk.update(view.sid, COMPLETE)
        assert await desk.update(view.sid, COMPLETE) == first
        assert len(desk.gateway.transactions) == 0
        desk.press("1")
        assert (await desk.settled())["Result"] == "success"
        assert len(desk.gateway.transactions) == 1

    at_desk(script)


def test_command_that_was_refused_is_judged_anew() -> None:
    """
    A refusal is no answer to keep: what was missing may be there now.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start()
        assert await _refused(desk.update(view.sid, COMPLETE)) == (400, 64019)
        await desk.fill(view.sid)
        assert (await desk.update(view.sid, COMPLETE)).sid == view.sid
        assert (await desk.settled())["Result"] == "success"

    at_desk(script)


# Races.


@pytest.mark.parametrize("n_repetitions", [1, 5])
def test_repetition_that_races_the_first_waits_for_it(n_repetitions: int) -> None:
    """
    Nobody is answered before the first command is safe; then all alike.
    """

    async def script(desk: Desk) -> None:
        desk.writer.is_slow = True
        racing = [asyncio.create_task(desk.start()) for _ in range(1 + n_repetitions)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert not any(task.done() for task in racing)
        desk.writer.write()
        views = await asyncio.gather(*racing)
        assert len({view.sid for view in views}) == 1
        assert views == [views[0]] * len(views)
        sid = views[0].sid
        racing = [
            asyncio.create_task(desk.update(sid, CARD))
            for _ in range(1 + n_repetitions)
        ]
        for _ in range(10):
            await asyncio.sleep(0)
        assert not any(task.done() for task in racing)
        desk.writer.write()
        views = await asyncio.gather(*racing)
        assert views == [views[0]] * len(views)
        await asyncio.sleep(0)
        assert [form.get("Capture") for form in desk.writer.forms] == [None, CARD]

    at_desk(script)


def test_repetition_is_answered_when_the_first_client_has_gone() -> None:
    """
    A client that hangs up while it waits takes nothing with it.
    """

    async def script(desk: Desk) -> None:
        desk.writer.is_slow = True
        first = asyncio.create_task(desk.start())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        second = asyncio.create_task(desk.start())
        await asyncio.sleep(0)
        desk.writer.write()
        view = await second
        desk.writer.is_slow = False
        assert (await desk.update(view.sid, CANCEL)).sid == view.sid

    at_desk(script)


def test_two_that_start_at_once_get_one_payment() -> None:
    """
    One of two different ones starts, the other hears that it came too late.
    """

    async def script(desk: Desk) -> None:
        desk.writer.is_slow = True
        one = asyncio.create_task(desk.start("one"))
        two = asyncio.create_task(desk.start("two"))
        for _ in range(10):
            await asyncio.sleep(0)
        with pytest.raises(ApiError):
            await two
        desk.writer.write()
        assert (await one).sid.startswith("PK")

    at_desk(script)


# What refuses.


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"payment_connector": "Nobody"}, 64004),
        ({"charge_amount": None, "parameters": {"sandbox": "64005"}}, 64005),
        ({"parameters": {"sandbox": "64024"}}, 64024),
        ({"status_callback": "http://agent.example/"}, 21609),
    ],
)
def test_start_that_cannot_be_carried_out_leaves_nothing_behind(
    change: dict[str, object], code: int
) -> None:
    """
    The call is free for another one.
    """

    async def script(desk: Desk) -> None:
        request = replace(CHARGE, **change)  # type: ignore[arg-type]  # the table's
        assert await _refused(desk.start(request=request)) == (400, code)
        assert (desk.writer.forms, desk.service.n_active) == ([], 0)
        await desk.start()
        assert desk.service.n_active == 1

    at_desk(script)


def test_payment_that_is_not_there_is_not_found() -> None:
    """
    Neither on another call, nor under another sid.
    """

    async def script(desk: Desk) -> None:
        await desk.start()
        missing = "PK" + "0" * 32
        assert await _refused(desk.update(missing, CANCEL)) == (404, 20404)

    at_desk(script)


# The call.


def test_agent_who_goes_ends_nothing_and_one_who_stays_away_does() -> None:
    """
    The legs of the call are those of the payment.
    """

    async def script(desk: Desk) -> None:
        board = desk.switchboard
        started = Started(stream_sid="MZ2", call_sid="CA2", account_sid=ACCOUNT_SID)
        board.join(Claim("c1", Role.AGENT), started, Port())
        view = await desk.start()
        await desk.update(view.sid, CARD)
        board.leave(desk.call, Role.AGENT)
        board.join(Claim("c1", Role.AGENT), started, Port())
        desk.press(KEYS[CARD])
        assert desk.writer.forms[-1]["PaymentCardNumber"] == "xxxxxxxxxxxx4242"
        board.leave(desk.call, Role.AGENT)
        assert (await desk.settled())["Result"] == "transaction-cancelled"

    at_desk(script, PaySettings(agent_timeout_s=0.01))


def test_capture_ends_as_internal_error_when_a_digit_cannot_be_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    A bug in the session costs a field, not the call; the field is asked for again.
    """

    async def script(desk: Desk) -> None:
        view = await desk.start()
        await desk.update(view.sid, CARD)
        with monkeypatch.context() as patch:

            def broken(*_: object, **__: object) -> None:
                raise RuntimeError("4242424242424242")

            patch.setattr(PaySession, "receive_digit", broken)
            desk.press("4")
        form = desk.writer.forms[-1]
        assert (form["Capture"], form["ErrorType"]) == (CARD, "internal-error")
        await desk.fill(view.sid)
        await desk.update(view.sid, COMPLETE)
        assert (await desk.settled())["Result"] == "success"

    at_desk(script)
