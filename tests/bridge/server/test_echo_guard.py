"""
The other direction: what is on the agent's leg is no digit of the caller, and
with the echo guard no tone of it reaches the caller.
"""

import pytest

from bridge.server.switchboard import Call
from bridge.stream.events import Started
from bridge.stream.handshake import Claim
from dtmf_engine.bank import LegBank
from tests.bridge.server.rig import (
    AGENT,
    CALLER,
    DELAY,
    INAUDIBLE,
    ONSET,
    FaultyBank,
    Port,
    Rig,
    hum,
    silent_line,
    with_rig,
)
from tests.support import media as wire
from tests.support.media import ACCOUNT_SID, QUIET
from tests.support.tones import dial, line, to_int16


KEYED = silent_line(dial("5*", tone=600, pause=500, lead=1000), 4000)


@pytest.mark.parametrize("is_guarded", [False, True])
def test_keys_of_the_agent_are_no_digits_of_the_caller(*, is_guarded: bool) -> None:
    """
    Tones on the agent's leg, his own or an echo, and his events never enter the
    capture.
    """

    def script(rig: Rig) -> None:
        rig.arm()
        for _ in range(2):
            rig.play(KEYED, role=AGENT)
            rig.switchboard.receive_digit_event(rig.call, AGENT, "7")
            rig.play(QUIET * 4000)
        assert rig.digits == []
        rig.play(KEYED)
        rig.play(QUIET * 8000)
        assert "".join(rig.digits) == "5*"

    with_rig(script, guard=LegBank(1) if is_guarded else None)


def test_agent_reaches_the_caller_at_once_without_the_guard() -> None:
    """
    His audio is the caller's to the last bit, tones and all, with no delay.
    """

    def script(rig: Rig) -> None:
        said = KEYED + hum(1600)
        for place in range(0, len(said), DELAY):
            rig.say(said[place : place + DELAY], role=AGENT)
        assert rig.caller.played == said

    with_rig(script)


@pytest.mark.parametrize("armed", [False, True])
def test_guard_masks_the_echo_of_a_press(*, armed: bool) -> None:
    """
    An echo 12 dB down and 60 ms late, under the agent's breath or not: the caller
    hears none of it, and everything else bit for bit, one look-ahead late.
    """
    presses = dial("159D", tone=600, pause=500, lead=4000, low_dbm0=-22, high_dbm0=-24)
    echo = silent_line(presses, 12_000)
    before, after = hum(4000, seed=1), hum(4000, seed=2)

    def script(rig: Rig) -> None:
        if armed:
            rig.arm()
        rig.play(before, role=AGENT)
        rig.play(QUIET * 4000, role=AGENT)
        assert rig.caller.played[DELAY + ONSET : 4000] == before[ONSET:-DELAY]
        rig.caller.played.clear()
        rig.play(echo, role=AGENT)
        assert rig.caller.loudest <= INAUDIBLE
        rig.caller.played.clear()
        rig.play(after, role=AGENT)
        assert rig.caller.has_played(after)

    with_rig(script, guard=LegBank(1))


def test_guarded_leg_fails_closed() -> None:
    """
    An exception in the bank of the agents' legs silences the agent for the caller,
    not the caller for the agent, and passes.
    """
    bank = FaultyBank(1)
    press = dial("5", tone=800, lead=960)[0]
    octets = wire.encode(to_int16(line([press], n_samples=4000)))

    def script(rig: Rig) -> None:
        rig.play(QUIET * 4000)
        for number, place in enumerate(range(0, 4000, DELAY)):
            bank.faults = {"process": {0}} if number in {7, 9} else {}
            rig.say(octets[place : place + DELAY], role=AGENT)
            rig.say(QUIET * DELAY)
            rig.tick()
        assert rig.caller.loudest <= INAUDIBLE
        assert len(rig.caller.played) == 4000
        assert rig.n_failures == 2
        rig.caller.played.clear()
        said = hum(1600)
        rig.play(said, role=AGENT)
        assert rig.caller.has_played(said)

    lines = with_rig(script, guard=bank)
    assert [line["event"] for line in lines] == ["analysis failed, leg silenced"]


def test_guard_fills_the_agents_gaps() -> None:
    """
    Lost audio of the agent keeps its place, and what surrounds it is unheard.
    """

    def script(rig: Rig) -> None:
        rig.play(QUIET * 1600, role=AGENT)
        rig.say(QUIET * DELAY, role=AGENT, lost=3 * DELAY)
        rig.tick()
        assert len(rig.caller.played) == 1600 + 4 * DELAY

    with_rig(script, guard=LegBank(1))


def test_next_agent_begins_with_nothing_of_the_last() -> None:
    """
    What was in the look-ahead when an agent left is dropped; whoever follows is
    guarded anew, and armed if a capture is.
    """
    guard = FaultyBank(1)

    def script(rig: Rig) -> None:
        rig.arm()
        rig.play(hum(1600), role=AGENT)
        rig.say(hum(DELAY), role=AGENT)
        rig.switchboard.leave(rig.call, AGENT)
        rig.caller.played.clear()
        rig.tick()
        assert rig.caller.played == b""
        guard.faults = {"arm": {0}}
        started = Started(stream_sid="MZ2", call_sid="x", account_sid=ACCOUNT_SID)
        call = rig.switchboard.join(Claim("c1", AGENT), started, Port())
        assert call is rig.call
        # The guard's bank was told of the capture: it has failed on it.
        assert rig.n_failures == 1
        guard.faults.clear()
        rig.play(QUIET * 1600, role=AGENT)
        rig.caller.played.clear()
        said = hum(1600, seed=4)
        rig.play(said, role=AGENT)
        assert rig.caller.played[:DELAY] == QUIET * DELAY
        assert rig.caller.has_played(said)

    with_rig(script, guard=guard)


def test_guard_is_given_back_with_its_call() -> None:
    """
    One leg of the bank is enough for one call after another.
    """

    def script(rig: Rig) -> None:
        rig.switchboard.leave(rig.call, CALLER)
        for n in range(3):
            ports = []
            for role in (CALLER, AGENT):
                started = Started(
                    stream_sid="MZ2", call_sid=f"{n}{role}", account_sid=ACCOUNT_SID
                )
                ports.append(Port())
                call = rig.switchboard.join(Claim(f"d{n}", role), started, ports[-1])
            assert isinstance(call, Call)
            rig.switchboard.leave(call, CALLER)
            assert [port.is_closed for port in ports] == [False, True]

    with_rig(script, bank=LegBank(1), guard=LegBank(1))


def test_strict_policy_does_not_mute_the_agent() -> None:
    """
    The agent must be heard while the caller keys.
    """

    def script(rig: Rig) -> None:
        rig.arm()
        said = hum(4000)
        rig.play(said, role=AGENT)
        assert rig.caller.has_played(said)

    with_rig(script, bank=LegBank(1, policy="strict"), guard=LegBank(1))
