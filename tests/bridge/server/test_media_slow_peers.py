"""
The media server, over real sockets: peers that say nothing, or do not listen.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest
from structlog.testing import capture_logs

from bridge.server.media import MAX_QUEUED_CHARACTERS
from bridge.stream.events import Role
from tests.bridge.server.calls import bystander, call_of, complaints, n_legs, two_legs
from tests.support import media as wire
from tests.support.media import (
    House,
    Peer,
    house,
    noise,
    put_forward,
    run,
    stream,
    wait_until,
)


pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("messages", [(), (wire.connected(),)])
def test_stream_that_never_starts_is_closed(messages: Sequence[str]) -> None:
    """
    Ten seconds after it was opened a stream without a start is gone, and not
    before.
    """

    async def main() -> None:
        async with house() as home, stream(home.port) as peer:
            await peer.send(*messages)
            await (await peer.socket.ping())
            put_forward(9.5)
            await (await peer.socket.ping())
            put_forward(0.6)
            assert await peer.closed() == (1008, "no start message in time")
            assert home.count("dtmf_streams_total", outcome="failed") == 1

    with capture_logs() as lines:
        run(main())
    assert [line["reason"] for line in complaints(lines)] == [
        "no start message in time"
    ]


@asynccontextmanager
async def _deaf_agent(home: House) -> AsyncIterator[tuple[Peer, Peer]]:
    """
    Connect a caller, and an agent who does not read.
    """
    async with stream(home.port) as caller:
        await caller.start(call="c1")
        async with stream(home.port, reads=False) as agent:
            await agent.start("CA" + "9" * 32, call="c1", leg="agent")
            await wait_until(lambda: n_legs(home) == 2)
            yield caller, agent


def test_peer_that_does_not_read_loses_its_oldest_audio_and_then_its_stream() -> None:
    """
    What waits for an agent who does not read is bounded; his caller hears him and
    is heard on, other calls notice nothing, and when he has not read for ten
    seconds he is cut off.
    """

    async def main() -> None:
        async with AsyncExitStack() as stack:
            home = await stack.enter_async_context(house())
            other = await stack.enter_async_context(bystander(home))
            legs = await stack.enter_async_context(_deaf_agent(home))
            caller, agent = legs
            port = call_of(home).ports[Role.AGENT]
            for _ in range(1000):
                n_ticks = home.count("dtmf_tick_seconds_count")
                await caller.say(noise(16_000), frame=16_000)
                await wait_until(partial(_has_ticked, home, n_ticks))
                if home.count("dtmf_frames_dropped_total") >= 5:
                    break
            assert home.count("dtmf_frames_dropped_total") >= 5
            queue = port._queue  # type: ignore[attr-defined]
            assert 0 < sum(map(len, queue)) <= MAX_QUEUED_CHARACTERS
            transport = port._socket.transport  # type: ignore[attr-defined]
            assert transport.get_write_buffer_size() < 64 * 1024
            await agent.say(noise(480))
            assert await caller.hear(480) == noise(480)
            await other.talk()
            put_forward(10.5)
            await caller.say(noise(16_000), frame=16_000)
            await wait_until(lambda: Role.AGENT not in call_of(home).ports)
            assert not queue
            # The closing handshake is not waited for for ever.
            put_forward(4)
            connections = home.server._server.connections  # type: ignore[union-attr]
            await wait_until(lambda: len(connections) == 3)
            await other.talk()
            another = await stack.enter_async_context(stream(home.port))
            await another.start("CA" + "8" * 32, call="c1", leg="agent")
            await wait_until(lambda: n_legs(home) == 2)
            await caller.say(b"\x01" * 320)
            assert (await another.hear(320))[160:320] == b"\x01" * 160

    with capture_logs() as lines:
        run(main())
    assert [(c["event"], c.get("reason")) for c in complaints(lines)] == [
        ("peer does not read, dropping its oldest audio", None),
        ("stream closed", "peer does not read"),
    ]


def _has_ticked(home: House, n_ticks: float) -> bool:
    return home.count("dtmf_tick_seconds_count") > n_ticks


def test_peer_that_does_not_read_costs_little_memory() -> None:
    """
    However much its caller sends at once, what waits for a peer that does not read
    is no megabyte.
    """

    async def main() -> None:
        async with house() as home, _deaf_agent(home) as (caller, _):
            for _ in range(40):
                await caller.say(noise(160_000), frame=16_000)
                await (await caller.socket.ping())
            queue = call_of(home).ports[Role.AGENT]._queue  # type: ignore[attr-defined]
            assert sum(len(text) for text in queue) < 1_000_000

    run(main())


def test_backlog_of_a_far_end_is_cleared() -> None:
    """
    Whoever gets more at once than the limit is told to throw it away first.
    """

    async def main() -> None:
        async with house(playout_limit_s=0.2) as home, two_legs(home) as legs:
            caller, agent = legs
            await agent.say(noise(16_000), frame=4000)
            await caller.until(lambda: caller.others)
            assert caller.others[0] == {"event": "clear", "streamSid": "MZ01"}

    run(main())
