"""
A call's feed, from a bridge that is a process of its own, read from a bare socket:
what it tells, and when it ends.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from twilio.rest import Client

from tests.support.canaries import canaries, runs_in
from tests.support.crowd import Bank, Caller, Desk, Reply, sequences
from tests.support.feeds import FeedReader, SseEvent, feed
from tests.support.one_call import CARD, CODE, DATE, fill, get, on_a_call, pay, token_of
from tests.support.processes import ACCOUNT_SID, AUTH_TOKEN, Served, serving


pytestmark = pytest.mark.e2e


class _Slow(Bank):
    """
    A gateway that takes its time.
    """

    def take(self, path: str, body: bytes) -> Reply:
        """
        Answer when the caller has gone.
        """
        return replace(super().take(path, body), after_s=1.0)


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _assert_same(payment: Mapping[str, Any], form: Mapping[str, str]) -> None:
    """
    Compare an event with the callback that it tells of, field by field.
    """
    dates = {"DateCreated", "DateUpdated"}
    for name, value in form.items():
        if name == "PartialResult":
            assert payment["partial_result"] is (value == "true")
        elif name == "Sid":
            assert payment["sid"] == value
        elif name not in dates:
            assert str(payment[_snake_case(name)]) == value, name
    told = {_snake_case(name) for name in form}
    always = {
        *("account_sid", "call_sid", "sid", "uri", "date_created", "date_updated"),
        *("status", "sequence_number", "currency", "partial_result"),
        *("connector_parameters", "payment_connector", "charge_amount"),
    }
    more = {name for name, value in payment.items() if value is not None}
    assert more - told <= always


def test_feed_tells_the_same_as_the_callbacks(tmp_path: Path) -> None:
    """
    A whole payment: every callback is an event, in order and masked alike, by token
    and by credentials; no digit beyond the masks is in its bytes, and no token in
    any log.
    """
    (card,) = canaries(1, seed=5)
    readers: list[FeedReader] = []
    forms: list[Mapping[str, str]] = []
    tokens: list[str] = []

    async def script(agents: Desk, who: Caller) -> None:
        api_url = agents.served.api_url
        tokens.append(await token_of(agents, who))
        async with (
            feed(api_url, who.call_sid) as one,
            feed(api_url, who.call_sid, token=tokens[0]) as two,
        ):
            for reader in (one, two):
                assert reader.status == 200
                assert reader.headers["content-type"].startswith("text/event-stream")
                first = await reader.next()
                assert first == SseEvent(
                    "snapshot",
                    None,
                    {
                        "account_sid": ACCOUNT_SID,
                        "call_sid": who.call_sid,
                        "payments": [],
                    },
                )
            await pay(who, card)
            await who.hang_up()
            for reader in (one, two):
                await reader.until("end")
                assert await reader.next() is None
            readers.extend((one, two))
            forms.extend(agents.inbox.forms[who.sid])
            fetched = await get(agents, f"{who.call_sid}/Payments/{who.sid}.json")
            listed = await get(agents, f"{who.call_sid}/Payments.json")
            assert fetched == one.payments()[-1]
            assert listed["payments"] == [fetched]

    served = on_a_call(tmp_path, script)
    assert sequences(forms) == list(range(1, len(forms) + 1))
    for reader in readers:
        assert reader.events == readers[0].events
        assert reader.events[-1] == SseEvent("end", "over", {"reason": "call-ended"})
        told = reader.payments()
        assert len(told) == len(forms)
        for event, payment, form in zip(
            [e for e in reader.events if e.name == "payment"], told, forms, strict=True
        ):
            assert event.id == f"{form['Sid']}.{form['SequenceNumber']}"
            _assert_same(payment, form)
        shown = [p["payment_card_number"] for p in told if p["capture"] == CARD]
        assert shown == [
            *(None if n == 0 else "x" * n for n in range(16)),
            "x" * 12 + card.number[12:],
        ]
        states = [e.data["status"] for e in reader.events if e.name == "status"]
        assert states == ["processing"]
        assert told[-1]["result"] == "success"
        assert runs_in(reader.raw.decode(), [card]) == []
        assert card.security_code not in {p["security_code"] for p in told}
    logged = served.log + (served.folder / "data" / "audit.jsonl").read_text()
    assert tokens[0] not in logged
    assert tokens[0].partition(".")[2] not in logged
    actions = [json.loads(line) for line in logged.splitlines() if "feed " in line]
    assert {a.get("by") for a in actions if a.get("action") == "feed opened"} == {
        ACCOUNT_SID,
        "feed token",
    }


def test_feed_that_breaks_off_is_resumed(tmp_path: Path) -> None:
    """
    With the last id a reader goes on where he was, as often as he likes, also in
    the next process, which has the token of the first.
    """
    (card,) = canaries(1, seed=6)
    numbers: list[int] = []
    left: dict[str, str] = {}

    async def script(agents: Desk, who: Caller) -> None:
        api_url, last_id = agents.served.api_url, ""
        token = await token_of(agents, who, Ttl="600")
        await who.start(ChargeAmount="9.99", PostalCode="false")
        steps = [
            ("", ""),
            (CARD, card.number),
            (DATE, "1239"),
            (CODE, card.security_code),
        ]
        for capture, keys in steps:
            if capture:
                # While nobody reads.
                await who.capture(capture, keys)
            path = f"{who.call_sid}/Payments/{who.sid}.json"
            last = (await get(agents, path))["sequence_number"]
            async with feed(
                api_url, who.call_sid, token=token, last_id=last_id
            ) as reader:
                while not reader.last_id.endswith(f".{last}"):
                    await reader.next()
                if last_id:
                    numbers.extend(p["sequence_number"] for p in reader.payments())
                    assert "snapshot" not in [e.name for e in reader.events]
                else:
                    assert [e.name for e in reader.events] == ["snapshot"]
                last_id = reader.last_id
        async with feed(api_url, who.call_sid, token=token, last_id=last_id) as reader:
            event = await reader.next()
            assert event is not None
            assert (event.name, event.data["status"]) == ("status", "ready")
            assert event.data["required"] == ""
        left.update(call=who.call_sid, token=token, last_id=last_id, sid=who.sid)

    on_a_call(tmp_path, script)
    assert numbers == list(range(2, numbers[-1] + 1))

    async def afterwards(served: Served) -> None:
        async with feed(
            served.api_url, left["call"], token=left["token"], last_id=left["last_id"]
        ) as reader:
            await reader.until("end")
            assert await reader.next() is None
            (last,) = reader.payments()
            assert last["sid"] == left["sid"]
            assert last["sequence_number"] == numbers[-1] + 1
            # The bridge was stopped, and with it the call.
            assert last["result"] == "caller-hung-up"
        async with feed(
            served.api_url, left["call"], token=left["token"], last_id=reader.last_id
        ) as reader:
            # A browser would come back for ever.
            assert reader.status == 204
        client = Client(ACCOUNT_SID, AUTH_TOKEN)
        uri = f"{served.api_url}/2010-04-01/Accounts/{ACCOUNT_SID}/Calls/{left['call']}"
        answer = await asyncio.to_thread(client.request, "GET", f"{uri}/Payments.json")
        (payment,) = json.loads(answer.text)["payments"]
        assert payment == last

    with serving(tmp_path) as served:
        asyncio.run(afterwards(served))


def test_feed_ends_when_the_bridge_is_drained(tmp_path: Path) -> None:
    """
    The last callback is told first; the bridge does not wait for readers.
    """
    readers: list[FeedReader] = []

    async def script(agents: Desk, who: Caller) -> None:
        await who.start(ChargeAmount="9.99")
        await who.update(Capture=CARD)
        async with feed(agents.served.api_url, who.call_sid) as reader:
            await reader.next()
            agents.served.process.terminate()
            await reader.until("end")
            assert await reader.next() is None
            readers.append(reader)

    served = on_a_call(tmp_path, script)
    assert served.process.returncode == 0
    *_, last, end = readers[0].events
    assert last.data["result"] == "caller-hung-up"
    assert end.data == {"reason": "call-ended"}
    errors = [line for line in served.log.splitlines() if '"level": "error"' in line]
    assert errors == []


def test_feed_of_a_payment_whose_gateway_is_slow_outlives_the_call(
    tmp_path: Path,
) -> None:
    """
    The caller hangs up while the gateway thinks; the reader hears the result.
    """
    (card,) = canaries(1, seed=7)

    async def script(agents: Desk, who: Caller) -> None:
        async with feed(agents.served.api_url, who.call_sid) as reader:
            await who.start(ChargeAmount="9.99", PostalCode="false")
            await fill(who, card)
            await who.update(Status="complete")
            await who.hang_up()
            await reader.until("end")
            assert reader.payments()[-1]["result"] == "success"

    on_a_call(tmp_path, script, bank=_Slow())
