"""
What the agent hears through real sockets: frames in disorder, tones beside
events, a bank that fails, calls that end inside a press.
"""

from collections.abc import Sequence

import numpy as np
import pytest
from structlog.testing import capture_logs

from bridge.stream.events import GOING_AWAY
from tests.bridge.server.calls import bystander, call_of, two_legs
from tests.bridge.server.rig import DELAY, INAUDIBLE, Digits, FaultyBank, silent_line
from tests.support.media import (
    QUIET,
    Peer,
    decode,
    dtmf,
    house,
    media,
    run,
    stop,
    wait_until,
)
from tests.support.tones import dial


KEYS = dial("5*0", tone=640, pause=520, lead=1000)

KEYED = silent_line(KEYS, 4800)


def _loudest(octets: bytes) -> int:
    return int(np.abs(decode(octets).astype(np.int32)).max()) if octets else 0


async def _say_in_order(peer: Peer, octets: bytes, order: Sequence[int]) -> None:
    """
    Send frames by their numbers, in any order, some twice, some never.
    """
    for number in order:
        part = octets[number * DELAY : (number + 1) * DELAY]
        await peer.send(media(part, number + 1))


def test_agent_hears_no_press_of_frames_in_disorder() -> None:
    """
    Frames that are lost, late, doubled and swapped, wherever in a press.
    """

    async def main() -> None:
        for seed in range(6):
            random = np.random.default_rng(seed)
            order: list[int] = []
            for number in range(len(KEYED) // DELAY):
                chance = random.random()
                if chance < 0.1:
                    continue
                order += [number] * (2 if chance < 0.2 else 1)
                if chance > 0.85 and len(order) > 1:
                    order[-2], order[-1] = order[-1], order[-2]
            n_frames = len(KEYED) // DELAY
            order.append(n_frames)
            async with house() as home, two_legs(home) as (caller, agent):
                await _say_in_order(caller, KEYED + QUIET * DELAY, order)
                heard = await agent.hear(DELAY * n_frames)
                assert _loudest(heard) <= INAUDIBLE, f"seed {seed}"

    run(main())


@pytest.mark.parametrize("n_before", [0, 3, 6])
def test_agent_hears_no_tone_where_events_tell_of_it(n_before: int) -> None:
    """
    The tone is in the audio although events come too, before it or after: it is
    masked, and each press is one digit.
    """

    async def main() -> None:
        async with house() as home, two_legs(home) as (caller, agent):
            call = call_of(home)
            call.listener = digits = Digits()
            await caller.say(QUIET * 8000)
            await agent.hear(8000)
            home.switchboard.set_armed(call, armed=True)
            # Longer ago than an event may be late.
            await caller.say(QUIET * 4800)
            frames = [KEYED[p : p + DELAY] for p in range(0, len(KEYED), DELAY)]
            events = {press.end_sample // DELAY - n_before: press for press in KEYS}
            for number, frame in enumerate(frames):
                await caller.say(frame)
                if number in events:
                    await caller.send(dtmf(events[number].digit))
            await wait_until(lambda: len(digits) == 3)
            await caller.say(QUIET * 4800)
            heard = await agent.hear(8000 + 4800 + len(KEYED) + 4800)
            assert _loudest(heard) <= INAUDIBLE
            assert "".join(digits) == "5*0"

    run(main())


def test_agent_hears_no_press_while_its_bank_fails() -> None:
    """
    A leg whose analysis raises now and then is silent where it must be; a call
    beside it gets every octet.
    """
    bank = FaultyBank(4)

    async def main() -> None:
        async with house(bank=bank) as home, two_legs(home) as (caller, agent):
            call = call_of(home)
            (slot,) = call.slots.values()
            async with bystander(home) as other:
                for number, place in enumerate(range(0, len(KEYED), DELAY)):
                    faults = {8: "process", 9: "afterwards", 16: "mask"}
                    where = faults.get(number)
                    bank.faults = {where: {slot}} if where else {}
                    if number == 16:
                        await caller.send(dtmf("*"))
                    await caller.say(KEYED[place : place + DELAY])
                    heard = await agent.hear(place + DELAY)
                    if number == 12:
                        await other.talk()
                assert _loudest(heard) <= INAUDIBLE
            assert home.count("dtmf_analysis_failures_total") >= 3

    with capture_logs() as lines:
        run(main())
    failed = [line for line in lines if line["log_level"] == "error"]
    assert [line["event"] for line in failed] == ["analysis failed, leg silenced"]


@pytest.mark.parametrize("how", ["stop", "cut", "shutdown"])
def test_agent_hears_no_press_that_a_call_ends_in(how: str) -> None:
    """
    The caller hangs up, or the server closes, at any place of a press: what was
    in the look-ahead is not drained.
    """

    async def main() -> None:
        for end in range(1040, 1760, 120):
            async with house() as home, two_legs(home) as (caller, agent):
                await caller.say(KEYED[:end])
                match how:
                    case "stop":
                        await caller.send(stop())
                    case "cut":
                        await caller.socket.close()
                    case _:
                        home.switchboard.close_all(GOING_AWAY, "shutting down")
                await agent.closed()
                assert _loudest(bytes(agent.heard)) <= INAUDIBLE, f"at {end}"

    run(main())
