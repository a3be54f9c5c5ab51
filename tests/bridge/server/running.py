"""
A bridge that runs in this process.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from pydantic import SecretStr

from bridge.ledger.store import Ledger
from bridge.server.bridge import Bridge
from bridge.server.settings import Settings
from tests.support.media import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    CALL_SID,
    put_forward,
    wait_until,
)


def settings_of(folder: Path, **others: object) -> Settings:
    """
    Give settings for a bridge on free ports of the loopback, in development.
    """
    values: dict[str, object] = {
        "media_port": 0,
        "api_port": 0,
        "data_dir": folder / "data",
        "account_sid": ACCOUNT_SID,
        "auth_token": SecretStr(AUTH_TOKEN),
        "development": True,
    }
    return Settings(**(values | others))  # type: ignore[arg-type]  # checked by pydantic


@dataclass(slots=True)
class Running:
    """
    A bridge that runs.
    """

    bridge: Bridge
    task: asyncio.Task[None]
    n_commands: int = 0

    async def ask(
        self, path: str, form: Mapping[str, str] | None = None, **others: str
    ) -> httpx.Response:
        """
        Send one command to the API, or ask it for something.
        """
        base = f"http://127.0.0.1:{self.bridge.api_port}"
        login = (ACCOUNT_SID, AUTH_TOKEN)
        async with httpx.AsyncClient(trust_env=False, auth=login) as client:
            if form is None:
                return await client.get(base + path)
            self.n_commands += 1
            key = {"IdempotencyKey": f"key-{self.n_commands}"}
            account = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls/"
            return await client.post(
                base + account + path, data={**key, **form, **others}
            )

    async def start_payment(self, url: str, call_sid: str = CALL_SID) -> str:
        """
        Start a payment, and give its sid.
        """
        form = {"StatusCallback": url, "ChargeAmount": "49.90", "Currency": "USD"}
        reply = await self.ask(f"{call_sid}/Payments.json", form)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["sid"])


def is_done(task: asyncio.Task[None]) -> bool:
    """
    Tell whether a bridge has stopped, and let a little time pass if not.
    """
    put_forward(0.1)
    return task.done()


@asynccontextmanager
async def run_bridge(
    settings: Settings, ledger_of: Callable[[str], Ledger] = Ledger
) -> AsyncIterator[Running]:
    """
    Run a bridge; it is stopped in a hurry if nobody has stopped it.
    """
    bridge, ready = Bridge(settings, ledger_of=ledger_of), asyncio.Event()
    task = asyncio.create_task(bridge.run(lambda _: ready.set()))
    await wait_until(lambda: ready.is_set() or task.done())
    try:
        yield Running(bridge, task)
    finally:
        bridge.stop()
        bridge.stop()
        # It may wait for receivers that never answer.
        await wait_until(partial(is_done, task))
        await task
