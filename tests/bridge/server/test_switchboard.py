"""
The switchboard: legs joined into calls.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from bridge.server.analysis import Analyser
from bridge.server.metrics import Metrics
from bridge.server.switchboard import ENDED_CALLS_KEPT, Call, Switchboard
from bridge.stream.events import Audio, Role, Started
from bridge.stream.handshake import Claim
from dtmf_engine.bank import LegBank
from tests.support import media as wire
from tests.support.media import ACCOUNT_SID, CALL_SID, QUIET, put_forward, run


OTHER_ACCOUNT = "AC" + "1" * 32

CALLER, AGENT = Role.CALLER, Role.AGENT


@dataclass(slots=True)
class Port:
    """
    A leg's connection that remembers what it is told.
    """

    played: bytearray = field(default_factory=bytearray)
    n_cleared: int = 0
    closed: list[tuple[int, str]] = field(default_factory=list)

    def play(self, octets: bytes) -> None:
        """
        Take audio.
        """
        self.played += octets

    def clear(self) -> None:
        """
        Count.
        """
        self.n_cleared += 1

    def close(self, code: int, reason: str) -> None:
        """
        Remember.
        """
        self.closed.append((code, reason))


@dataclass(slots=True)
class Listener:
    """
    Whoever takes a call's digits.
    """

    digits: list[str] = field(default_factory=list)
    n_hang_ups: int = 0
    agent: list[str] = field(default_factory=list)

    def receive_digit(self, digit: str) -> None:
        """
        Remember.
        """
        self.digits.append(digit)

    def receive_hang_up(self) -> None:
        """
        Count.
        """
        self.n_hang_ups += 1

    def receive_agent_gone(self) -> None:
        """
        Remember.
        """
        self.agent.append("gone")

    def receive_agent_back(self) -> None:
        """
        Remember.
        """
        self.agent.append("back")


@dataclass(slots=True)
class Office:
    """
    A switchboard and what is behind it.
    """

    switchboard: Switchboard
    analyser: Analyser
    metrics: Metrics

    def join(self, name: str, role: Role, sid: str = CALL_SID) -> tuple[Call, Port]:
        """
        Let a leg in that must find room.
        """
        port = Port()
        call = self.try_to_join(name, role, sid, port)
        assert isinstance(call, Call)
        return call, port

    def try_to_join(
        self, name: str, role: Role, sid: str = CALL_SID, port: Port | None = None
    ) -> Call | str:
        """
        Let a leg in, or hear why not.
        """
        started = Started(stream_sid="MZ01", call_sid=sid, account_sid="AC99")
        return self.switchboard.join(Claim(name, role), started, port or Port())

    @property
    def n_calls(self) -> float | None:
        """
        Read the metric.
        """
        return self.metrics.registry.get_sample_value("dtmf_calls")


def _office(script: Callable[[Office], None], n_legs: int = 2) -> None:
    """
    Run a script that waits for nothing.
    """

    async def main() -> None:
        metrics = Metrics()
        analyser = Analyser(LegBank(n_legs), tick_s=0.0, metrics=metrics)
        switchboard = Switchboard(
            analyser, account_sid=ACCOUNT_SID, playout_limit_s=0.2, metrics=metrics
        )
        script(Office(switchboard, analyser, metrics))
        analyser.stop()

    run(main())


def test_accounts_do_not_meet() -> None:
    """
    One name and one call sid in two accounts are two calls; neither hears the
    other, finds the other or ends the other.
    """

    def script(office: Office) -> None:
        board = office.switchboard
        ours, our_ear = office.join("c1", CALLER)
        _, our_agent = office.join("c1", AGENT)
        started = Started(stream_sid="MZ01", call_sid=CALL_SID, account_sid="AC99")
        their_ear, their_agent = Port(), Port()
        theirs = board.join(Claim("c1", CALLER), started, their_ear, OTHER_ACCOUNT)
        assert isinstance(theirs, Call)
        assert theirs is not ours
        assert (
            board.join(Claim("c1", AGENT), started, their_agent, OTHER_ACCOUNT)
            is theirs
        )
        assert board.find(CALL_SID) is board.find(CALL_SID, ACCOUNT_SID) is ours
        assert board.find(CALL_SID, OTHER_ACCOUNT) is theirs
        assert (ours.account_sid, theirs.account_sid) == (ACCOUNT_SID, OTHER_ACCOUNT)
        board.receive_audio(theirs, AGENT, Audio(b"\x01" * 160))
        assert their_ear.played == b"\x01" * 160
        assert our_ear.played == our_agent.played == b""
        board.leave(theirs, CALLER)
        assert theirs.session.has_ended
        assert not ours.session.has_ended
        assert board.find(CALL_SID, OTHER_ACCOUNT) is theirs
        assert board.find("CA" + "0" * 32, OTHER_ACCOUNT) is None

    _office(script)


@pytest.mark.parametrize("first", Role)
def test_legs_of_one_name_are_one_call(first: Role) -> None:
    """
    Whoever is first, two legs of one name hear each other: the caller as analysis
    gives him back, the agent as he is.
    """

    def script(office: Office) -> None:
        second = AGENT if first is CALLER else CALLER
        ports = {}
        call, ports[first] = office.join("c1", first)
        other, ports[second] = office.join("c1", second)
        assert call is other
        assert (office.switchboard.n_calls, office.n_calls) == (1, 1)
        octets = wire.noise(320)
        office.switchboard.receive_audio(call, AGENT, Audio(octets))
        assert ports[CALLER].played == octets
        for part in (octets[:160], octets[160:]):
            office.switchboard.receive_audio(call, CALLER, Audio(part))
        assert ports[AGENT].played == b""
        office.analyser.tick()
        assert ports[AGENT].played == QUIET * 160 + octets[:160]
        assert ports[CALLER].played == octets

    _office(script)


def test_gap_of_the_caller_takes_its_place() -> None:
    """
    What went missing is noise for the agent, and what follows is not moved.
    """

    def script(office: Office) -> None:
        call, _ = office.join("c1", CALLER)
        _, agent = office.join("c1", AGENT)
        octets = wire.noise(2400)
        office.switchboard.receive_audio(call, CALLER, Audio(octets[:800]))
        office.switchboard.receive_audio(call, CALLER, Audio(octets[840:], 40))
        office.analyser.tick()
        assert len(agent.played) == 2400
        assert agent.played[1800:] == octets[1640:2240]
        assert agent.played[:800] == (QUIET * 160 + octets)[:800]
        assert len(set(agent.played[960:1000])) > 10

    _office(script)


def test_calls_of_other_names_hear_nothing_of_each_other() -> None:
    """
    Two calls are two.
    """

    def script(office: Office) -> None:
        calls = {name: office.join(name, CALLER, f"sid-{name}") for name in "ab"}
        agents = {name: office.join(name, AGENT) for name in "ab"}
        office.switchboard.receive_audio(agents["a"][0], AGENT, Audio(b"\x01" * 160))
        office.switchboard.receive_audio(calls["b"][0], CALLER, Audio(b"\x02" * 320))
        office.analyser.tick()
        assert calls["a"][1].played == b"\x01" * 160
        assert calls["b"][1].played == b""
        assert agents["a"][1].played == b""
        assert agents["b"][1].played == QUIET * 160 + b"\x02" * 160

    _office(script)


@pytest.mark.parametrize("role", Role)
def test_leg_that_is_taken_is_refused(role: Role) -> None:
    """
    Nobody takes over a live leg, and the first one notices nothing.
    """

    def script(office: Office) -> None:
        call, port = office.join("c1", role)
        refused = Port()
        expected = f"the {role} leg of this call is taken"
        assert office.try_to_join("c1", role, "sid-2", refused) == expected
        assert office.switchboard.find("sid-2") is None
        assert call.ports == {role: port}
        assert port.closed == []
        assert office.n_calls == 1

    _office(script)


@pytest.mark.parametrize("sid", [CALL_SID, "CA" + "aF" * 16])
def test_call_is_found_by_the_callers_sid(sid: str) -> None:
    """
    The caller's call sid is the call's, whatever its legs are joined by; the
    agent's own call is no call of ours.
    """

    def script(office: Office) -> None:
        call, _ = office.join("order-1", CALLER, sid)
        office.join("order-1", AGENT, "CA" + "9" * 32)
        assert office.switchboard.find(sid) is call
        assert call.call_sid == call.provider_call_sid == sid
        assert call.account_sid == ACCOUNT_SID
        assert office.switchboard.find("order-1") is None
        assert office.switchboard.find("CA" + "9" * 32) is None

    _office(script)


@pytest.mark.parametrize("sid", ["v3:abc", "CA123", "CA" + "g" * 32, "XX" + "0" * 32])
def test_call_of_another_providers_id_gets_a_sid(sid: str) -> None:
    """
    An id that is no call sid is accepted in its place, and a call sid is made.
    """

    def script(office: Office) -> None:
        call, _ = office.join("order-1", CALLER, sid)
        made = call.call_sid
        assert made is not None
        assert (made[:2], len(made), set(made[2:]) <= set("0123456789abcdef")) == (
            "CA",
            34,
            True,
        )
        assert call.provider_call_sid == sid
        assert office.switchboard.find(made) is call
        assert office.switchboard.find(sid) is call

    _office(script)


def test_call_does_not_take_the_sid_of_another_one() -> None:
    """
    A caller who comes under another name with the sid of a live call does not get
    that call's payments.
    """

    def script(office: Office) -> None:
        call, _ = office.join("order-1", CALLER, CALL_SID)
        office.try_to_join("order-2", CALLER, CALL_SID)
        assert office.switchboard.find(CALL_SID) is call

    _office(script)


def test_digits_go_to_the_listener_of_an_armed_call() -> None:
    """
    Presses of the caller count while a capture is armed; the agent's never do.
    """

    def script(office: Office) -> None:
        call, _ = office.join("c1", CALLER)
        office.join("c1", AGENT)
        call.listener = listener = Listener()
        board = office.switchboard
        board.receive_digit_event(call, CALLER, "1")
        board.set_armed(call, armed=True)
        board.receive_digit_event(call, CALLER, "2")
        board.receive_digit_event(call, AGENT, "3")
        # So soon after the arming an event waits for its tone.
        put_forward(1.0)
        call.runner.step(lambda now: call.session.handle_deadline(now=now))
        board.set_armed(call, armed=False)
        board.receive_digit_event(call, CALLER, "4")
        assert listener.digits == ["2"]
        assert office.metrics.registry.get_sample_value("dtmf_digits_total") == 1
        # Nobody listens: nothing goes wrong.
        call.listener = None
        board.set_armed(call, armed=True)
        board.receive_digit_event(call, CALLER, "5")

    _office(script)


def test_listener_is_told_when_the_agent_goes_and_comes_back() -> None:
    """
    An agent who reconnects goes and comes; at the end of the call nothing is said.
    """

    def script(office: Office) -> None:
        call, _ = office.join("c1", CALLER)
        call.listener = listener = Listener()
        office.join("c1", AGENT)
        assert listener.agent == ["back"]
        office.switchboard.leave(call, AGENT)
        assert listener.agent == ["back", "gone"]
        office.join("c1", AGENT)
        office.switchboard.leave(call, CALLER)
        assert listener.agent == ["back", "gone", "back"]
        call.listener = None
        office.switchboard.leave(call, AGENT)

    _office(script)


def test_call_is_over_when_the_caller_leaves() -> None:
    """
    The listener is told once, the agent is closed, and the slot is free.
    """

    def script(office: Office) -> None:
        call, _ = office.join("c1", CALLER)
        _, agent = office.join("c1", AGENT)
        call.listener = listener = Listener()
        office.switchboard.receive_audio(call, CALLER, Audio(b"\x01" * 160))
        office.switchboard.leave(call, CALLER)
        assert listener.n_hang_ups == 1
        assert agent.closed == [(1000, "the caller has left")]
        assert (office.switchboard.n_calls, office.n_calls) == (0, 0)
        assert call.ended_at is not None
        assert call.session.has_ended
        # What still waited is analysed for nobody.
        office.analyser.tick()
        assert agent.played == b""
        # The agent's connection ends a moment later.
        office.switchboard.leave(call, AGENT)
        assert office.n_calls == 0
        # An ended call is still found, and its name may be used again.
        assert office.switchboard.find(CALL_SID) is call
        again, _ = office.join("c1", CALLER)
        assert again is not call
        assert office.switchboard.find(CALL_SID) is again

    _office(script)


def test_agent_who_leaves_ends_nothing_while_the_caller_is_there() -> None:
    """
    Another agent may come.
    """

    def script(office: Office) -> None:
        call, caller = office.join("c1", CALLER)
        office.join("c1", AGENT)
        office.switchboard.leave(call, AGENT)
        assert caller.closed == []
        assert office.n_calls == 1
        again, agent = office.join("c1", AGENT)
        assert again is call
        office.switchboard.receive_audio(call, CALLER, Audio(b"\x01" * 160))
        office.analyser.tick()
        assert agent.played == QUIET * 160

    _office(script)


def test_agent_who_waited_in_vain_leaves_no_call_behind() -> None:
    """
    A call whose caller never came is forgotten with its agent.
    """

    def script(office: Office) -> None:
        for _ in range(3):
            call, _ = office.join("c1", AGENT)
            office.switchboard.leave(call, AGENT)
        assert (office.switchboard.n_calls, office.n_calls) == (0, 0)

    _office(script, n_legs=1)


def test_switchboard_has_room_for_so_many_calls() -> None:
    """
    When the bank is full another call is refused, and nothing of it stays; a
    second leg of a call that is there needs no room.
    """

    def script(office: Office) -> None:
        call, _ = office.join("c1", CALLER, "sid-1")
        office.join("c2", AGENT)
        assert office.try_to_join("c3", CALLER, "sid-3") == "no room for another call"
        assert office.switchboard.find("sid-3") is None
        office.join("c1", AGENT)
        assert office.n_calls == 2
        office.switchboard.leave(call, CALLER)
        office.join("c3", CALLER, "sid-3")

    _office(script)


def test_switchboard_clears_a_far_end_that_has_a_backlog() -> None:
    """
    More than the limit at once is cleared before it is played.
    """

    def script(office: Office) -> None:
        call, caller = office.join("c1", CALLER)
        office.join("c1", AGENT)
        for _ in range(2):
            office.switchboard.receive_audio(call, AGENT, Audio(b"\x01" * 2000))
        assert caller.n_cleared == 1
        assert len(caller.played) == 4000

    _office(script)


def test_switchboard_closes_every_leg() -> None:
    """
    At the end each connection is told the same.
    """

    def script(office: Office) -> None:
        ports = [office.join("c1", role)[1] for role in Role]
        ports.append(office.join("c2", AGENT)[1])
        office.switchboard.close_all(1001, "going")
        assert [port.closed for port in ports] == [[(1001, "going")]] * 3

    _office(script)


def test_switchboard_forgets_calls_that_ended_long_ago() -> None:
    """
    The last thousand are kept, and nothing of those before them.
    """

    def script(office: Office) -> None:
        for number in range(ENDED_CALLS_KEPT + 2):
            call, _ = office.join("c1", CALLER, f"sid-{number}")
            if not number:
                oldest = call
            office.switchboard.leave(call, CALLER)
        assert oldest.call_sid is not None
        for sid in ("sid-0", "sid-1", oldest.call_sid):
            assert office.switchboard.find(sid) is None
        for sid in ("sid-2", f"sid-{number}"):
            assert office.switchboard.find(sid) is not None

    _office(script)


def test_switchboard_says_when_a_call_is_over() -> None:
    """
    Once, after its listener has heard of it; also of one whose caller never came.
    """
    told: list[tuple[str, int]] = []

    def script(office: Office) -> None:
        board = office.switchboard
        call, _ = office.join("c1", CALLER)
        office.join("c1", AGENT)
        listener = Listener()
        call.listener = listener
        board._over = lambda over: told.append((over.name, listener.n_hang_ups))
        board.leave(call, AGENT)
        assert told == []
        board.leave(call, CALLER)
        assert told == [("c1", 1)]
        lonely, _ = office.join("c2", AGENT)
        board.leave(lonely, AGENT)
        assert [name for name, _ in told] == ["c1", "c2"]

    _office(script)
