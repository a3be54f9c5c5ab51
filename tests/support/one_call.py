"""
One call of a bridge that is a process of its own, and whoever drives payments on it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.support.canaries import Canary
from tests.support.crowd import Bank, Caller, Desk, Inbox, answering, caller, desk
from tests.support.processes import ACCOUNT_SID, Served, serving


CARD, DATE, CODE = "payment-card-number", "expiration-date", "security-code"
OTHER_SID, OTHER_TOKEN = "AC" + "b" * 32, "the-other-account-s-token"

ACCOUNTS = f"""
[[account]]
sid = "{OTHER_SID}"
auth_token = "{OTHER_TOKEN}"
"""

Script = Callable[[Desk, Caller], Awaitable[None]]


def on_a_call(folder: Path, script: Script, bank: Bank | None = None) -> Served:
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
                        await get(agents, f"{who.call_sid}.json")
                        await script(agents, who)
                    assert await asyncio.to_thread(served.terminate) == 0
                return served

    return asyncio.run(main())


async def get(agents: Desk, path: str) -> Any:
    """
    Get something of the account's calls; it may take a moment to be there.
    """
    url = f"{agents.served.api_url}/2010-04-01/Accounts/{ACCOUNT_SID}/Calls/{path}"
    for _ in range(500):
        answer = await agents.client.get(url)
        if answer.status_code == 200:
            return answer.json()
        await asyncio.sleep(0.01)
    raise AssertionError(answer.text)


async def token_of(agents: Desk, who: Caller, **form: str) -> str:
    """
    Have a token made for a call's feed.
    """
    answer = await agents.ask(f"{who.call_sid}/FeedTokens.json", **form)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


async def fill(who: Caller, card: Canary) -> None:
    """
    Have everything captured.
    """
    await who.capture(CARD, card.number)
    await who.capture(DATE, "1239")
    await who.capture(CODE, card.security_code)


async def pay(who: Caller, card: Canary) -> None:
    """
    Take a whole payment.
    """
    await who.start(ChargeAmount="9.99", PostalCode="false")
    await fill(who, card)
    await who.update(Status="complete")
    assert await who.result() == "success"
