"""
A call's feed, from a bridge that is a process of its own, read from a bare socket.
"""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from twilio.rest import Client

from bridge.api.feed_token import make_feed_token
from tests.support.canaries import Canary, canaries, runs_in
from tests.support.crowd import (
    Bank,
    Caller,
    Desk,
    Inbox,
    Reply,
    answering,
    caller,
    desk,
    sequences,
)
from tests.support.feeds import FeedReader, SseEvent, feed
from tests.support.processes import ACCOUNT_SID, AUTH_TOKEN, Served, serving


pytestmark = pytest.mark.e2e

CARD, DATE, CODE = "payment-card-number", "expiration-date", "security-code"
OTHER_SID, OTHER_TOKEN = "AC" + "b" * 32, "the-other-account-s-token"

ACCOUNTS = f"""
[[account]]
sid = "{OTHER_SID}"
auth_token = "{OTHER_TOKEN}"
"""

Script = Callable[[Desk, Caller], Awaitable[None]]


class _Slow(Bank):
    """
    A gateway that takes its time.
    """

    def take(self, path: str, body: bytes) -> Reply:
        """
        Answer when the caller has gone.
        """
        return replace(super().take(path, body), after_s=1.0)


def _on_a_call(folder: Path, script: Script, bank: Bank | None = None) -> Served:
    """
    Run a script on a call of a bridge that stops afterwards.
    """
    (folder / "accounts.toml").write_text(ACCOUNTS)
    accounts_file = str(folder / "accounts.toml")

    async def main() -> Served:
        # Cards that are nobody's: no sandbox of ours would take them.
        async with answering((bank or Bank()).take) as url:
            with serving(
                folder, sandbox_url=url, accounts_file=accounts_file
            ) as served:
                async with desk(served, Inbox()) as agents:
                    async with caller(agents) as who:
                        await _get(agents, f"{who.call_sid}.json")
                        await script(agents, who)
                    assert await asyncio.to_thread(served.terminate) == 0
                return served

    return asyncio.run(main())


async def _get(agents: Desk, path: str) -> Any:
    url = f"{agents.served.api_url}/2010-04-01/Accounts/{ACCOUNT_SID}/Calls/{path}"
    for _ in range(500):
        answer = await agents.client.get(url)
        if answer.status_code == 200:
            return answer.json()
        await asyncio.sleep(0.01)
    raise AssertionError(answer.text)


async def _token(agents: Desk, who: Caller, **form: str) -> str:
    answer = await agents.ask(f"{who.call_sid}/FeedTokens.json", **form)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


async def _fill(who: Caller, card: Canary) -> None:
    await who.capture(CARD, card.number)
    await who.capture(DATE, "1239")
    await who.capture(CODE, card.security_code)


async def _pay(who: Caller, card: Canary) -> None:
    await who.start(ChargeAmount="9.99", PostalCode="false")
    await _fill(who, card)
    await who.update(Status="complete")
    assert await who.result() == "success"


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
        tokens.append(await _token(agents, who))
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
            await _pay(who, card)
            await who.hang_up()
            for reader in (one, two):
                await reader.until("end")
                assert await reader.next() is None
            readers.extend((one, two))
            forms.extend(agents.inbox.forms[who.sid])
            fetched = await _get(agents, f"{who.call_sid}/Payments/{who.sid}.json")
            listed = await _get(agents, f"{who.call_sid}/Payments.json")
            assert fetched == one.payments()[-1]
            assert listed["payments"] == [fetched]

    served = _on_a_call(tmp_path, script)
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
        token = await _token(agents, who, Ttl="600")
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
            last = (await _get(agents, path))["sequence_number"]
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

    _on_a_call(tmp_path, script)
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


def test_feed_is_shown_to_nobody_else(tmp_path: Path) -> None:
    """
    Tokens of other calls, other accounts and other times, and other credentials.
    """

    async def script(agents: Desk, who: Caller) -> None:
        api_url, later = agents.served.api_url, 4_000_000_000
        call = who.call_sid
        token = await _token(agents, who)
        async with caller(agents) as other:
            await _get(agents, f"{other.call_sid}.json")
            others = await _token(agents, other)
            refused = {
                others: 20101,
                token[:-1] + ("A" if token[-1] != "A" else "B"): 20101,
                f"9{token}": 20101,
                make_feed_token(OTHER_TOKEN, ACCOUNT_SID, call, later): 20101,
                make_feed_token(OTHER_TOKEN, OTHER_SID, call, later): 20101,
                make_feed_token(AUTH_TOKEN, ACCOUNT_SID, call, 1_000_000_000): 20104,
                AUTH_TOKEN: 20101,
            }
            for wrong, code in refused.items():
                async with feed(api_url, call, token=wrong) as reader:
                    assert reader.status == 401, wrong
                    assert "basic" not in reader.headers["www-authenticate"].lower()
                    body = await reader.body()
                    assert body["code"] == code
                    assert wrong not in str(body)
        # Another account's own proofs are good, and the call is not its.
        theirs = make_feed_token(OTHER_TOKEN, OTHER_SID, call, later)
        for proof in (theirs, None):
            async with feed(
                *(api_url, call),
                token=proof,
                account_sid=OTHER_SID,
                password=OTHER_TOKEN,
            ) as reader:
                assert reader.status == 404
        async with feed(api_url, call, password="wrong-password-0123") as reader:
            assert (reader.status, (await reader.body())["code"]) == (401, 20003)
        await _assert_no_use_elsewhere(agents, who, token)
        await who.start(PostalCode="false")
        async with httpx.AsyncClient(
            auth=(OTHER_SID, OTHER_TOKEN), trust_env=False
        ) as stranger:
            for account in (ACCOUNT_SID, OTHER_SID):
                base = f"{api_url}/2010-04-01/Accounts/{account}/Calls/{call}"
                for path in ("Payments.json", f"Payments/{who.sid}.json"):
                    answer = await stranger.get(f"{base}/{path}")
                    expected = 404 if account == OTHER_SID else 401
                    assert answer.status_code == expected

    _on_a_call(tmp_path, script)


async def _assert_no_use_elsewhere(agents: Desk, who: Caller, token: str) -> None:
    base = f"{agents.served.api_url}/2010-04-01/Accounts/{ACCOUNT_SID}/Calls"
    form = {"IdempotencyKey": "k", "StatusCallback": agents.inbox_url}
    async with httpx.AsyncClient(trust_env=False) as bare:
        for auth in (("", ""), (ACCOUNT_SID, token)):
            for path in ("Payments.json", "FeedTokens.json"):
                answer = await bare.post(
                    f"{base}/{who.call_sid}/{path}?token={token}", data=form, auth=auth
                )
                assert answer.status_code == 401
            answer = await bare.get(
                f"{base}/{who.call_sid}.json", params={"token": token}, auth=auth
            )
            assert answer.status_code == 401


def test_feed_ends_with_its_token(tmp_path: Path) -> None:
    """
    One that lasts a second says why it ends; a browser is refused when it comes
    back, and comes no more.
    """

    async def script(agents: Desk, who: Caller) -> None:
        api_url = agents.served.api_url
        token = await _token(agents, who, Ttl="1")
        async with feed(api_url, who.call_sid, token=token) as reader:
            if reader.status == 200:
                events = await reader.until("end")
                assert events[-1] == SseEvent("end", None, {"reason": "token-expired"})
                assert await reader.next() is None
        async with feed(api_url, who.call_sid, token=token) as reader:
            assert (reader.status, (await reader.body())["code"]) == (401, 20104)

    _on_a_call(tmp_path, script)


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

    served = _on_a_call(tmp_path, script)
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
            await _fill(who, card)
            await who.update(Status="complete")
            await who.hang_up()
            await reader.until("end")
            assert reader.payments()[-1]["result"] == "success"

    _on_a_call(tmp_path, script, bank=_Slow())


def test_feeds_of_a_call_are_limited(tmp_path: Path) -> None:
    """
    Ten at a time; one that goes makes room for another.
    """

    async def script(agents: Desk, who: Caller) -> None:
        async def status() -> int:
            async with feed(agents.served.api_url, who.call_sid) as reader:
                return reader.status

        held = [feed(agents.served.api_url, who.call_sid) for _ in range(10)]
        for one in held:
            assert (await one.__aenter__()).status == 200
        assert await status() == 429
        await held.pop().__aexit__(None, None, None)
        for _ in range(500):
            if await status() == 200:
                break
            await asyncio.sleep(0.01)
        else:
            raise AssertionError("no room was made")
        for one in held:
            await one.__aexit__(None, None, None)

    _on_a_call(tmp_path, script)


_BROWSER = """
const feed = new EventSource(process.argv[1]);
for (const name of ["snapshot", "payment", "status", "end"])
  feed.addEventListener(name, (e) =>
    console.log(JSON.stringify([name, e.lastEventId, JSON.parse(e.data)])));
feed.onerror = () => {
  if (feed.readyState === EventSource.CLOSED) process.exit(0);
};
"""


def _has_event_source() -> bool:
    if shutil.which("node") is None:
        return False
    done = subprocess.run(
        [*_NODE, "process.exit(typeof EventSource === 'function' ? 0 : 1)"],
        check=False,
        capture_output=True,
    )
    return done.returncode == 0


_NODE = ("node", "--experimental-eventsource", "-e")


@pytest.mark.peer
def test_event_source_reads_a_feed_and_stops_when_it_is_over(tmp_path: Path) -> None:
    """
    The standard's own client, which comes back by itself until it is told not to.
    """
    if not _has_event_source():
        pytest.skip("needs a node that has EventSource")
    (card,) = canaries(1, seed=8)
    lines: list[list[Any]] = []
    numbers: list[int] = []

    async def script(agents: Desk, who: Caller) -> None:
        token = await _token(agents, who)
        path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls/{who.call_sid}/Payments/Feed"
        node = await asyncio.create_subprocess_exec(
            *(*_NODE, _BROWSER, f"{agents.served.api_url}{path}?token={token}"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert node.stdout is not None  # it is a pipe
        try:
            async with asyncio.timeout(60):
                lines.append(json.loads(await node.stdout.readline()))
                await _pay(who, card)
                await who.hang_up()
                async for line in node.stdout:
                    lines.append(json.loads(line))  # noqa: PERF401 - all before the end
                assert await node.wait() == 0
        finally:
            if node.returncode is None:
                node.kill()
                await node.wait()
        numbers.extend(sequences(agents.inbox.forms[who.sid]))

    _on_a_call(tmp_path, script)
    assert [name for name, _, _ in lines].count("snapshot") == 1
    assert lines[-1] == ["end", "over", {"reason": "call-ended"}]
    told = [(id_, data) for name, id_, data in lines if name == "payment"]
    assert [data["sequence_number"] for _, data in told] == numbers
    assert [id_ for id_, _ in told] == [f"{told[0][1]['sid']}.{n}" for n in numbers]
