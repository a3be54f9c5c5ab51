"""
Calls over real sockets: what tests of the media server share.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bridge.server.switchboard import Call
from tests.support.media import (
    CALL_SID,
    OTHER_CALL_SID,
    QUIET,
    House,
    Peer,
    noise,
    stream,
    wait_until,
)


@asynccontextmanager
async def two_legs(
    home: House, name: str = "c1", call_sid: str = CALL_SID
) -> AsyncIterator[tuple[Peer, Peer]]:
    """
    Connect a caller and an agent.
    """
    async with stream(home.port) as caller, stream(home.port) as agent:
        await agent.start("CA" + "9" * 32, call=name, leg="agent")
        await caller.start(call_sid, call=name, leg="caller")
        await wait_until(lambda: n_legs(home, call_sid) == 2)
        yield caller, agent


@dataclass(slots=True)
class Bystander:
    """
    A call that has nothing to do with what happens to another one.
    """

    caller: Peer
    agent: Peer
    n_rounds: int = 0
    from_caller: bytearray = field(default_factory=bytearray)
    from_agent: bytearray = field(default_factory=bytearray)

    async def talk(self) -> None:
        """
        Let both say something, and see that both are heard, to the last bit.
        """
        self.n_rounds += 1
        said, answered = noise(1600, seed=self.n_rounds), noise(800, seed=99)
        self.from_caller += said
        self.from_agent += answered
        await self.caller.say(said)
        await self.agent.say(answered)
        n_octets = len(self.from_caller)
        heard = await self.agent.hear(n_octets)
        assert heard == (QUIET * 160 + self.from_caller)[:n_octets]
        assert await self.caller.hear(len(self.from_agent)) == self.from_agent


@asynccontextmanager
async def bystander(home: House) -> AsyncIterator[Bystander]:
    """
    Have another call that talks before and after whatever happens.
    """
    async with two_legs(home, "other", OTHER_CALL_SID) as (caller, agent):
        other = Bystander(caller, agent)
        await other.talk()
        yield other
        await other.talk()


def complaints(lines: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """
    Give the warnings and worse, without the peers' addresses.
    """
    return [
        {name: value for name, value in line.items() if name != "peer"}
        for line in lines
        if line["log_level"] in {"warning", "error", "critical"}
    ]


def n_legs(home: House, call_sid: str = CALL_SID) -> int:
    """
    Tell how many legs of a call are there.
    """
    call = home.switchboard.find(call_sid)
    return len(call.ports) if call else 0


def call_of(home: House, call_sid: str = CALL_SID) -> Call:
    """
    Give a call that must be there.
    """
    call = home.switchboard.find(call_sid)
    assert call is not None
    return call
