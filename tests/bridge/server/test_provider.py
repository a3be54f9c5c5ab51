"""
A provider's side of a call, against a media server.
"""

import asyncio
import re

import pytest

from bridge.errors import ProviderError
from bridge.server.provider import (
    FRAME_S,
    Leg,
    Playback,
    frames_of,
    play,
)
from bridge.stream.twilio_provider import FRAME_SAMPLES
from tests.bridge.server.receiver import closed_port
from tests.support.media import (
    AUTH_TOKEN,
    CALL_SID,
    QUIET,
    House,
    house,
    noise,
    run,
    wait_until,
)


pytestmark = pytest.mark.e2e

AGENT_SID = "CA" + "9" * 32
SAID = noise(8000).replace(b"\xff", b"\x00")
"""A second in which nothing sounds like a queue that has run dry."""


def _leg(port: int, role: str, octets: bytes = SAID, **others: str) -> Leg:
    return Leg(
        url=f"ws://127.0.0.1:{port}/media/twilio",
        source=frames_of(octets),
        call_sid=CALL_SID if role == "caller" else AGENT_SID,
        stream_sid="MZ01",
        parameters={"call": "c1", "leg": role},
        speed=20.0,
        auth_token=others.get("auth_token"),
        signed_url=others.get("signed_url"),
    )


async def _call(home: House, caller: Leg, agent: Leg) -> tuple[Playback, Playback]:
    """
    Play a call whose agent is there first and stays to the end.
    """
    ears = Playback(), Playback()
    waiting = asyncio.create_task(play(agent, ears[1]))
    await wait_until(lambda: home.switchboard.n_calls)
    await play(caller, ears[0])
    await waiting
    return ears


def test_provider_plays_both_legs_of_a_call() -> None:
    """
    Every frame is sent, and what is heard is what the bridge sent: the caller, one
    look-ahead late, and the agent as he is.
    """

    async def main() -> None:
        async with house() as home:
            caller, agent = await _call(
                home, _leg(home.port, "caller"), _leg(home.port, "agent", SAID * 4)
            )
        assert len(caller.sent_at) == len(SAID) // FRAME_SAMPLES
        assert len(caller.heard) == len(SAID)
        assert caller.n_cleared == agent.n_cleared == 0
        # Where the queue ran dry there is silence, and nothing else is added.
        for ear in (caller, agent):
            heard = ear.heard.replace(b"\xff", b"")
            assert len(heard) > 1000
            assert heard in SAID * 4
        # What was not analysed yet when the caller left is heard by nobody.
        assert len(SAID) - 1600 <= agent.received[-1][1] <= len(SAID)
        assert len(agent.arrivals()) == agent.received[-1][1] // FRAME_SAMPLES
        assert agent.arrivals() == sorted(agent.arrivals())

    run(main())


def test_frames_fill_the_last_one_up() -> None:
    """
    A recording that is no whole number of frames ends with silence.
    """
    source = frames_of(SAID[:1000])
    frames = [source(number) for number in range(9)]
    assert frames[6:] == [SAID[960:1000] + QUIET * 120, None, None]
    assert b"".join(frame for frame in frames if frame) == SAID[:1000] + QUIET * 120
    assert frames_of(b"")(0) is None


def test_provider_keeps_real_time() -> None:
    """
    A frame leaves when its last sample has been spoken, never before.
    """

    async def main() -> None:
        ear = Playback()
        begun: list[float] = []
        now = asyncio.get_running_loop().time
        async with house() as home:
            leg = _leg(home.port, "caller", SAID[:3200])
            await play(leg, ear, on_start=lambda: begun.append(now()))
        assert ear.started_at is not None
        assert begun[0] <= ear.started_at
        for number, sent_at in enumerate(ear.sent_at):
            assert sent_at >= ear.started_at + (number + 1) * FRAME_S / leg.speed

    run(main())


def test_provider_stops_when_it_is_told_to() -> None:
    """
    The leg ends after the frame at which somebody said so.
    """

    async def main() -> None:
        ear = Playback()
        async with house() as home:
            leg = _leg(home.port, "caller")
            await play(leg, ear, until=lambda: len(ear.sent_at) == 5)
            assert home.switchboard.n_calls == 0
        assert len(ear.heard) == 5 * FRAME_SAMPLES

    run(main())


def test_provider_signs_what_it_is_told_to_sign() -> None:
    """
    With the account's token a stream is let in, over the URL the bridge is known
    by.
    """
    url = "wss://bridge.example.com/media/twilio"

    async def main() -> None:
        async with house(public_url=url, development=False) as home:
            good = _leg(home.port, "caller", SAID[:320], auth_token=AUTH_TOKEN)
            with pytest.raises(ProviderError, match=r"^no stream to .* HTTP 403$"):
                await play(good, Playback())
            leg = _leg(
                home.port,
                "caller",
                SAID[:320],
                auth_token=AUTH_TOKEN,
                signed_url=url,
            )
            await play(leg, Playback())
            assert home.count("dtmf_streams_total", outcome="started") == 1

    run(main())


def test_provider_says_why_its_stream_was_closed() -> None:
    """
    A bridge that refuses the leg is an error with the bridge's reason.
    """

    async def main() -> None:
        async with house(development=False) as home:
            expected = re.escape("unauthenticated: no signature and no token")
            with pytest.raises(
                ProviderError,
                match=rf"^the bridge closed the stream: .*{expected}.*$",
            ):
                await play(_leg(home.port, "caller"), Playback())

    run(main())


def test_provider_says_that_nobody_is_there() -> None:
    """
    Where nothing listens, the place is named.
    """
    port = closed_port()
    with pytest.raises(ProviderError, match=rf"^no stream to 127\.0\.0\.1:{port}: .+$"):
        run(play(_leg(port, "caller"), Playback()))
