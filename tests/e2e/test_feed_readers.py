"""
Who may read a call's feed, how long, how many at a time, and a browser's own client.
"""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.api.feed_token import make_feed_token
from tests.support.canaries import canaries
from tests.support.crowd import Caller, Desk, caller, sequences
from tests.support.feeds import SseEvent, feed
from tests.support.one_call import (
    OTHER_SID,
    OTHER_TOKEN,
    get,
    on_a_call,
    pay,
    token_of,
)
from tests.support.processes import ACCOUNT_SID, AUTH_TOKEN


pytestmark = pytest.mark.e2e


def test_feed_is_shown_to_nobody_else(tmp_path: Path) -> None:
    """
    Tokens of other calls, other accounts and other times, and other credentials.
    """

    async def script(agents: Desk, who: Caller) -> None:
        api_url, later = agents.served.api_url, 4_000_000_000
        call = who.call_sid
        token = await token_of(agents, who)
        async with caller(agents) as other:
            await get(agents, f"{other.call_sid}.json")
            others = await token_of(agents, other)
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

    on_a_call(tmp_path, script)


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
        token = await token_of(agents, who, Ttl="1")
        async with feed(api_url, who.call_sid, token=token) as reader:
            if reader.status == 200:
                events = await reader.until("end")
                assert events[-1] == SseEvent("end", None, {"reason": "token-expired"})
                assert await reader.next() is None
        async with feed(api_url, who.call_sid, token=token) as reader:
            assert (reader.status, (await reader.body())["code"]) == (401, 20104)

    on_a_call(tmp_path, script)


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

    on_a_call(tmp_path, script)


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
        pytest.skip("node is not installed, or is older than 20.18: no EventSource")
    (card,) = canaries(1, seed=8)
    lines: list[list[Any]] = []
    numbers: list[int] = []

    async def script(agents: Desk, who: Caller) -> None:
        token = await token_of(agents, who)
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
                await pay(who, card)
                await who.hang_up()
                async for line in node.stdout:
                    lines.append(json.loads(line))  # noqa: PERF401 - all before the end
                assert await node.wait() == 0
        finally:
            if node.returncode is None:
                node.kill()
                await node.wait()
        numbers.extend(sequences(agents.inbox.forms[who.sid]))

    on_a_call(tmp_path, script)
    assert [name for name, _, _ in lines].count("snapshot") == 1
    assert lines[-1] == ["end", "over", {"reason": "call-ended"}]
    told = [(id_, data) for name, id_, data in lines if name == "payment"]
    assert [data["sequence_number"] for _, data in told] == numbers
    assert [id_ for id_, _ in told] == [f"{told[0][1]['sid']}.{n}" for n in numbers]
