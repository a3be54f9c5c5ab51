"""
A caller confirms: what is said to him, over real sockets, from complete to charge.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from bridge.call.voice import PIECES
from bridge.pay.outputs import Prompt
from bridge.secret import Secret
from bridge.server.prompts import read_voice
from tests.bridge.server.rig import INAUDIBLE
from tests.support.crowd import Bank, Caller, Inbox, answering, caller, desk
from tests.support.media import QUIET, Peer, decode, stream
from tests.support.pay import VISA
from tests.support.processes import Served, serving
from tests.support.tones import sine, to_int16


pytestmark = pytest.mark.e2e

FIELDS = {
    "payment-card-number": VISA,
    "expiration-date": "1239",
    "security-code": "123",
}
AGENT = b"\x22"
"""All that the agent says is this; no prompt here begins or ends with it."""


@dataclass(slots=True)
class Scene:
    """
    A call of two legs, whose caller has keyed all there is to key.
    """

    served: Served
    who: Caller
    agent: Peer
    bank: Bank

    @property
    def prompt(self) -> bytes:
        """
        What the caller has heard, without the agent before and after it.
        """
        return bytes(self.who.peer.heard).strip(AGENT)

    async def hear(self, n_octets: int) -> None:
        """
        Listen as the caller until so much of a prompt has come.
        """
        while len(self.prompt) < n_octets:
            await self.who.peer.hear(len(self.who.peer.heard) + 1)

    @property
    def n_cleared(self) -> int:
        """
        How often the caller's provider was to throw away what it had.
        """
        return [m["event"] for m in self.who.peer.others].count("clear")


def _played(
    folder: Path, script: Callable[[Scene], Coroutine[Any, Any, None]], **settings: str
) -> None:
    async def main() -> None:
        inbox, bank = Inbox(), Bank()
        async with answering(bank.take) as url:
            with serving(folder, sandbox_url=url, **settings) as served:
                async with (
                    desk(served, inbox) as agents,
                    caller(agents) as who,
                    _agent(served, who) as agent,
                ):
                    asked = {"Confirmation": "true", "ChargeAmount": "9.99"}
                    await who.start(PostalCode="false", **asked)
                    for name, keys in FIELDS.items():
                        await who.capture(name, keys)
                    await script(Scene(served, who, agent, bank))

    asyncio.run(main())


@asynccontextmanager
async def _agent(served: Served, who: Caller) -> AsyncIterator[Peer]:
    async with stream(int(served.media_url.rpartition(":")[2])) as peer:
        await peer.start("CA" + "9" * 32, call=who.call_sid, leg="agent")
        # Once the caller hears him he is there.
        await _talk(peer, who.peer)
        yield peer


async def _talk(agent: Peer, caller: Peer) -> None:
    """
    Have the agent talk until the caller hears him.
    """
    n_before = len(caller.heard)
    while len(caller.heard) == n_before:
        await agent.say(AGENT * 160)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await caller.hear(n_before + 1)


def _whole(folder: Path | None = None) -> bytes:
    """
    Give all that is said to the caller, in whole frames.
    """
    voice, end = read_voice(folder), Secret(VISA[-4:].encode())
    said = bytes(voice.say(Prompt.CONFIRM_CARD, end))
    assert said == said.strip(AGENT)
    return said + QUIET * (-len(said) % 160)


def test_caller_hears_all_of_the_prompt_and_the_agent_none(tmp_path: Path) -> None:
    """
    The default voice, to the last bit, and nothing of the agent meanwhile, who is
    heard again afterwards; a 1 has the payment made.
    """
    whole = _whole()

    async def script(scene: Scene) -> None:
        await scene.who.update(Status="complete")
        await scene.hear(8000)
        await scene.agent.say(AGENT * 4000)
        n_agent = len(scene.agent.heard)
        await scene.who.peer.say(QUIET * 4000)
        await scene.hear(len(whole))
        await _talk(scene.agent, scene.who.peer)
        assert scene.prompt == whole
        await scene.agent.hear(n_agent + 4000)
        loudest = np.abs(decode(bytes(scene.agent.heard)).astype(np.int32)).max()
        assert loudest <= INAUDIBLE
        assert scene.bank.charges == {}
        await scene.who.press("1")
        assert await scene.who.result() == "success"
        assert [*scene.bank.charges.values()] == [[VISA]]
        log = scene.served.log
        assert log.count('"event": "prompt played"') == 1
        assert '"level": "error"' not in log

    _played(tmp_path, script)


@pytest.mark.parametrize(
    ("key", "result", "n_charges"),
    [("1", "success", 1), ("2", "transaction-cancelled", 0)],
)
def test_caller_may_answer_into_the_prompt(
    tmp_path: Path, key: str, result: str, n_charges: int
) -> None:
    """
    The operator's own voice breaks off, what his provider has of it is thrown
    away, and the agent is heard.
    """
    folder = tmp_path / "own"
    folder.mkdir()
    for place, name in enumerate(PIECES):
        audio = to_int16(sine(300.0 + 7 * place, 32_000, -20.0))
        soundfile.write(folder / f"{name}.wav", audio, 8000)
    whole = _whole(folder)

    async def script(scene: Scene) -> None:
        await scene.who.update(Status="complete")
        await scene.hear(8000)
        n_cleared = scene.n_cleared
        await scene.who.think()
        await scene.who.press(key)
        assert await scene.who.result() == result
        assert len(scene.bank.charges) == n_charges
        await scene.who.peer.until(lambda: scene.n_cleared == n_cleared + 1)
        said = scene.prompt
        assert whole.startswith(said)
        assert said != whole
        await _talk(scene.agent, scene.who.peer)
        assert scene.prompt == said

    _played(tmp_path, script, prompts_dir=str(folder))
