"""
The media server, over real sockets: who hears whom, and until when.
"""

import asyncio
from contextlib import AsyncExitStack

import numpy as np
import pytest
from structlog.testing import capture_logs

from bridge.stream.events import Role
from dtmf_engine import decode
from dtmf_engine.bank import LegBank
from tests.bridge.server.calls import (
    Bystander,
    call_of,
    complaints,
    n_legs,
    two_legs,
)
from tests.support import media as wire
from tests.support.media import (
    CALL_SID,
    OTHER_CALL_SID,
    QUIET,
    house,
    keyed,
    noise,
    run,
    stream,
    wait_until,
)


pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("joined_by", ["parameters", "path"])
def test_agent_hears_the_caller_without_his_digits(joined_by: str) -> None:
    """
    The caller's tones are noise for the agent and everything else is his, bit for
    bit, 20 ms later; the agent reaches the caller as he is.
    """
    said, answered = keyed("4929#"), noise(1600)

    async def main() -> None:
        async with AsyncExitStack() as stack:
            home = await stack.enter_async_context(house())
            if joined_by == "parameters":
                legs = two_legs(home)
                caller, agent = await stack.enter_async_context(legs)
            else:
                paths = (f"/media/twilio/c1/{role}" for role in Role)
                caller, agent = [
                    await stack.enter_async_context(stream(home.port, path))
                    for path in paths
                ]
                await caller.start()
                await agent.start("CA" + "9" * 32)
                await wait_until(lambda: n_legs(home) == 2)
            await caller.say(said)
            await agent.say(answered, frame=200)
            heard = await agent.hear(len(said))
            assert await caller.hear(len(answered)) == answered
        delayed = (QUIET * 160 + said)[: len(said)]
        expected = LegBank(4).process(wire.decode(said)[None, :], [0])
        masked = expected.masked[0]
        assert [e.digit for e in decode(wire.decode(said), 8000)] == list("4929#")
        codes = np.frombuffer(heard, dtype=np.uint8)
        assert np.array_equal(
            codes[~masked], np.frombuffer(delayed, dtype=np.uint8)[~masked]
        )
        assert decode(wire.decode(heard), 8000) == []
        # All five of them, whole: the loudest noise is far below a tone.
        assert np.abs(wire.decode(heard)).max() < 1000
        assert masked.sum() > 5 * 800

    run(main())


def test_caller_alone_is_heard() -> None:
    """
    Digits are detected in a call that has no agent, by tone and by event, and the
    caller hears nothing.
    """

    class Listener:
        def __init__(self) -> None:
            self.digits = ""

        def receive_digit(self, digit: str) -> None:
            self.digits += digit

        def receive_hang_up(self) -> None:
            self.digits += "."

        def receive_agent_gone(self) -> None:
            self.digits += "-"

        def receive_agent_back(self) -> None:
            self.digits += "+"

    async def main() -> None:
        listener = Listener()
        async with house() as home, stream(home.port) as caller:
            await caller.start()
            await wait_until(lambda: home.switchboard.find(CALL_SID))
            call_of(home).listener = listener
            home.switchboard.set_armed(call_of(home), armed=True)
            await caller.say(keyed("159"))
            await wait_until(lambda: listener.digits == "159")
            await caller.send(wire.dtmf("*"), wire.mark("p42"))
            await wait_until(lambda: listener.digits == "159*")
            await caller.send(wire.stop())
            assert await caller.closed() == (1000, "stream stopped")
            assert listener.digits == "159*."
            assert caller.heard == b""

    run(main())


def test_agent_alone_waits_for_his_caller() -> None:
    """
    An agent who is first hears nothing, says nothing to anybody, and is joined.
    """

    async def main() -> None:
        async with house() as home, stream(home.port) as agent:
            await agent.start("CA" + "9" * 32, call="c1", leg="agent")
            await agent.say(noise(800))
            await wait_until(lambda: home.switchboard.n_calls)
            async with stream(home.port) as caller:
                await caller.start(call="c1")
                await wait_until(lambda: home.switchboard.find(CALL_SID))
                said = noise(480)
                await caller.say(said)
                assert await agent.hear(480) == QUIET * 160 + said[:320]
                assert caller.heard == b""

    run(main())


@pytest.mark.parametrize("how", ["stop", "close", "cut"])
def test_agent_is_closed_when_the_caller_leaves(how: str) -> None:
    """
    However the caller goes, the agent's stream ends, and nothing of the call is
    left but its memory.
    """

    async def main() -> None:
        async with house() as home, two_legs(home) as (caller, agent):
            await caller.say(noise(320))
            await agent.hear(320)
            if how == "stop":
                await caller.send(wire.stop())
            elif how == "close":
                await caller.socket.close()
            else:
                caller.socket.transport.abort()
            assert await agent.closed() == (1000, "the caller has left")
            assert len(agent.heard) == 320
            assert home.switchboard.n_calls == 0
            assert call_of(home).ended_at is not None

    run(main())


def test_leg_that_is_taken_is_refused() -> None:
    """
    A second caller of a call is turned away before anything of him is heard, and
    the first one notices nothing.
    """

    async def main() -> None:
        async with house() as home, two_legs(home) as (caller, agent):
            said = noise(800)
            await caller.say(said)
            await agent.hear(800)
            async with stream(home.port) as second:
                await second.start(OTHER_CALL_SID, call="c1", leg="caller")
                await second.say(b"\x00" * 160)
                assert await second.closed() == (
                    1008,
                    "the caller leg of this call is taken",
                )
            await caller.say(said)
            heard = await agent.hear(1600)
            assert heard == (QUIET * 160 + said * 2)[:1600]
            assert home.count("dtmf_streams_total", outcome="failed") == 1

    with capture_logs() as lines:
        run(main())
    assert complaints(lines) == [
        {
            "event": "stream closed",
            "code": 1008,
            "reason": "the caller leg of this call is taken",
            "log_level": "warning",
        }
    ]


def test_server_that_is_full_says_so() -> None:
    """
    Where there is no room for another call its stream is closed to try again, and
    there is room again when a call has ended.
    """

    async def main() -> None:
        async with house(bank=LegBank(1)) as home:
            async with stream(home.port) as first, stream(home.port) as second:
                await first.start()
                await wait_until(lambda: home.switchboard.n_calls)
                await second.start(OTHER_CALL_SID)
                assert await second.closed() == (1013, "no room for another call")
                await first.send(wire.stop())
                assert (await first.closed())[0] == 1000
            async with stream(home.port) as third:
                await third.start(OTHER_CALL_SID)
                await wait_until(lambda: home.switchboard.find(OTHER_CALL_SID))

    run(main())


def test_server_closes_what_is_left() -> None:
    """
    A stop ends every stream with 1001, those that never started among them, and
    waits for all of them.
    """

    async def main() -> None:
        async with AsyncExitStack() as stack:
            home = await stack.enter_async_context(house())
            legs = await stack.enter_async_context(two_legs(home))
            idle = await stack.enter_async_context(stream(home.port))
            stopping = asyncio.create_task(home.server.stop())
            for peer in (*legs, idle):
                assert (await peer.closed())[0] == 1001
            await stopping
            assert home.switchboard.n_calls == 0

    run(main())


def test_server_that_drains_takes_no_more_streams() -> None:
    """
    Streams that are there go on after it stopped listening; no other one comes,
    and a stop then ends those that are left, whether or not they started.
    """

    async def main() -> None:
        async with AsyncExitStack() as stack:
            home = await stack.enter_async_context(house())
            legs = await stack.enter_async_context(two_legs(home))
            other = Bystander(*legs)
            await other.talk()
            idle = await stack.enter_async_context(stream(home.port))
            home.server.stop_listening()
            with pytest.raises(OSError, match=r"Connect"):
                async with stream(home.port):
                    pass
            await other.talk()
            stopping = asyncio.create_task(home.server.stop())
            assert (await idle.closed())[0] == 1001
            assert (await other.agent.closed())[0] == 1001
            await stopping

    run(main())
