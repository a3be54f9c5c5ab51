"""
The switchboard: streams joined into calls, and what each call says carried out.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol, assert_never

import structlog

from bridge.call.line import Analysed
from bridge.call.session import (
    Analyse,
    AnalyseGap,
    CallEnded,
    CallSession,
    ClearAudio,
    DigitPressed,
    MaskPress,
    Output,
    SendAudio,
    SetArmed,
)
from bridge.server.accounts import is_sid
from bridge.server.analysis import Analyser
from bridge.server.clock import utc_now
from bridge.server.ids import new_id
from bridge.server.metrics import Metrics
from bridge.server.runner import Runner
from bridge.stream.events import NORMAL, Audio, Role, Started
from bridge.stream.handshake import Claim


ENDED_CALLS_KEPT = 1000
"""So that a late request gets the right answer: the call was there."""


class Port(Protocol):
    """
    A leg's connection, as a call uses it.
    """

    def play(self, octets: bytes) -> None:
        """
        Send audio to the leg.
        """

    def clear(self) -> None:
        """
        Have the leg's provider throw away what it has not played.
        """

    def close(self, code: int, reason: str) -> None:
        """
        End the connection.
        """


class Listener(Protocol):
    """
    Whoever takes a call's digits.
    """

    def receive_digit(self, digit: str) -> None:
        """
        The caller pressed a key.
        """

    def receive_hang_up(self) -> None:
        """
        The caller is gone.
        """

    def receive_agent_gone(self) -> None:
        """
        The agent leg is gone.
        """

    def receive_agent_back(self) -> None:
        """
        The agent leg is there again.
        """


@dataclass(slots=True, eq=False)
class Call:
    """
    One call that is, or was lately, in progress.
    """

    name: str
    """What its legs are joined by."""
    account_sid: str
    session: CallSession
    started_at: datetime
    runner: Runner[Output] = field(init=False)
    slots: dict[Role, int] = field(default_factory=dict)
    """Of the analysers, by leg."""
    call_sid: str | None = None
    """`CallSid` of the REST API: the caller leg's own, or one we made."""
    provider_call_sid: str | None = None
    ended_at: datetime | None = None
    ports: dict[Role, Port] = field(default_factory=dict)
    listener: Listener | None = None

    @property
    def key(self) -> tuple[str, str]:
        """
        What tells it from all other calls in progress.
        """
        return self.account_sid, self.name


class Switchboard:
    """
    All calls of a process.

    Args:
        analyser: the bank.
        account_sid: of the account that calls belong to if nothing else is said.
        playout_limit_s: see `PlayoutMeter`.
        metrics: of the bridge.
        guard: the bank of the agents' legs; without one their audio goes to the
            caller as it is.
        over: called when a call is over, once its listener knows.
    """

    def __init__(
        self,
        analyser: Analyser,
        *,
        account_sid: str,
        playout_limit_s: float,
        metrics: Metrics,
        guard: Analyser | None = None,
        over: Callable[[Call], None] = lambda _call: None,
    ) -> None:
        self._over = over
        self._analysers = {Role.CALLER: analyser}
        if guard is not None:
            self._analysers[Role.AGENT] = guard
        self._account_sid = account_sid
        self._playout_limit_s = playout_limit_s
        self._metrics = metrics
        # Accounts do not meet: neither by a call's name nor by its sids.
        self._by_name: dict[tuple[str, str], Call] = {}
        self._by_sid: dict[tuple[str, str], Call] = {}
        self._ended: deque[Call] = deque()
        self._log = structlog.get_logger()

    @property
    def n_calls(self) -> int:
        """
        Calls in progress.
        """
        return len(self._by_name)

    def find(self, call_sid: str, account_sid: str | None = None) -> Call | None:
        """
        Look a call up by either of its sids; ended ones are found for a while.

        Args:
            call_sid: one of them.
            account_sid: whose call; the default account's if left out.
        """
        return self._by_sid.get((account_sid or self._account_sid, call_sid))

    # Legs.

    def join(
        self,
        claim: Claim,
        started: Started,
        port: Port,
        account_sid: str | None = None,
    ) -> Call | str:
        """
        Let a stream take a leg of a call.

        Args:
            claim: which leg it is.
            started: what it says of itself.
            port: its connection.
            account_sid: whose it is; the default account's if left out.

        Returns:
            The call, or why not.
        """
        account_sid = account_sid or self._account_sid
        call = self._by_name.get((account_sid, claim.call))
        sid = (account_sid, started.call_sid)
        if claim.role is Role.CALLER and self._is_taken(sid, call):
            return "another call in progress has this call sid"
        if call is None:
            call = self._open(claim.call, account_sid)
            if call is None:
                return "no room for another call"
        if not call.runner.step(lambda now: call.session.join(claim.role, now=now)):
            return f"the {claim.role} leg of this call is taken"
        if claim.role is Role.AGENT:
            self._guard(call)
        call.ports[claim.role] = port
        if claim.role is Role.CALLER:
            self._name_caller(call, started)
        elif call.listener is not None:
            call.listener.receive_agent_back()
        self._log.info(
            "leg joined", call=call.name, leg=str(claim.role), call_sid=call.call_sid
        )
        return call

    def leave(self, call: Call, role: Role) -> None:
        """
        A leg's connection is gone.
        """
        call.ports.pop(role, None)
        self._log.info("leg left", call=call.name, leg=str(role))
        call.runner.step(lambda now: call.session.receive_leave(role, now=now))
        if role is Role.AGENT:
            self._release(call, role)
            if call.listener is not None:
                call.listener.receive_agent_gone()
        if self._by_name.get(call.key) is call and not call.ports:
            # It was an agent whose caller never came.
            self._forget(call)

    def receive_audio(self, call: Call, role: Role, audio: Audio) -> None:
        """
        A leg sent audio.
        """

        def mutate(now: float) -> None:
            if audio.n_lost_samples:
                call.session.receive_gap(role, audio.n_lost_samples, now=now)
            call.session.receive_audio(role, audio.octets, now=now)

        call.runner.step(mutate)

    def receive_digit_event(self, call: Call, role: Role, digit: str) -> None:
        """
        A leg's provider recognised a key press; the agent's are not for us.
        """
        if role is Role.CALLER:
            call.runner.step(
                lambda now: call.session.receive_digit_event(digit, now=now)
            )

    # Captures.

    def set_armed(self, call: Call, *, armed: bool) -> None:
        """
        A capture begins or is over.
        """
        verb = call.session.arm if armed else call.session.disarm
        call.runner.step(lambda now: verb(now=now))

    def play_prompt(self, call: Call, octets: bytearray) -> None:
        """
        Have the caller hear a prompt, until it or the capture is over.

        Args:
            call: whose.
            octets: µ-law at 8 kHz; taken over, and wiped in the end.
        """
        call.runner.step(lambda now: call.session.play_prompt(octets, now=now))

    # The end.

    def close_all(self, code: int, reason: str) -> None:
        """
        End every connection.
        """
        for call in list(self._by_name.values()):
            for port in list(call.ports.values()):
                port.close(code, reason)

    # Private.

    def _is_taken(self, sid: tuple[str, str], call: Call | None) -> bool:
        other = self._by_sid.get(sid)
        return other is not None and other is not call and not other.session.has_ended

    def _open(self, name: str, account_sid: str) -> Call | None:
        caller = self._analysers[Role.CALLER]
        session = CallSession(
            delay_samples=caller.delay_samples,
            playout_limit_s=self._playout_limit_s,
            echo_guard=Role.AGENT in self._analysers,
        )
        call = Call(name, account_sid, session, utc_now())
        call.runner = Runner(session, partial(self._handle, call))
        if not self._acquire(call, Role.CALLER):
            return None
        self._by_name[call.key] = call
        self._metrics.calls.inc()
        return call

    def _acquire(self, call: Call, role: Role) -> bool:
        """
        Take a leg of a bank for a leg of a call.
        """

        def deliver(analysed: Analysed) -> None:
            call.runner.step(
                lambda now: call.session.receive_analysis(analysed, role=role, now=now)
            )

        slot = self._analysers[role].acquire(deliver)
        if slot is None:
            return False
        call.slots[role] = slot
        return True

    def _guard(self, call: Call) -> None:
        """
        Have the agent's audio analysed, if that is wanted.
        """
        if Role.AGENT not in self._analysers:
            return
        # As many legs as calls: there is one for every agent.
        taken = self._acquire(call, Role.AGENT)
        assert taken
        if call.session.is_armed:
            self._analysers[Role.AGENT].set_armed(call.slots[Role.AGENT], armed=True)

    def _release(self, call: Call, role: Role) -> None:
        slot = call.slots.pop(role, None)
        if slot is not None:
            self._analysers[role].release(slot)

    def _name_caller(self, call: Call, started: Started) -> None:
        sid = started.call_sid
        call.provider_call_sid = sid
        call.call_sid = sid if is_sid(sid, "CA") else new_id("CA", 16)
        for name in (sid, call.call_sid):
            self._by_sid[call.account_sid, name] = call

    def _handle(self, call: Call, output: Output) -> None:
        match output:
            case Analyse(role=role) | AnalyseGap(role=role):
                item = output.octets if isinstance(output, Analyse) else output
                self._analysers[role].submit(call.slots[role], item)
            case MaskPress() | SetArmed():
                self._mask(call, output)
            case SendAudio(role=role, octets=octets):
                call.ports[role].play(octets)
            case ClearAudio(role=role, is_backlog=is_backlog):
                if is_backlog:
                    self._log.info("queue cleared", call=call.name, leg=str(role))
                call.ports[role].clear()
            case DigitPressed(digit=digit):
                self._metrics.digits.inc()
                if call.listener is not None:
                    call.listener.receive_digit(digit)
            case CallEnded():
                self._end(call)
            case _:
                assert_never(output)

    def _mask(self, call: Call, output: MaskPress | SetArmed) -> None:
        if isinstance(output, MaskPress):
            caller = self._analysers[Role.CALLER]
            caller.mask(call.slots[Role.CALLER], output.n_samples)
            return
        for role, slot in call.slots.items():
            self._analysers[role].set_armed(slot, armed=output.armed)

    def _end(self, call: Call) -> None:
        call.ended_at = utc_now()
        if call.listener is not None:
            call.listener.receive_hang_up()
        for port in list(call.ports.values()):
            port.close(NORMAL, "the caller has left")
        self._forget(call)

    def _forget(self, call: Call) -> None:
        """
        Make room; what is asked about a lately ended call is still answered.
        """
        del self._by_name[call.key]
        call.runner.stop()
        for role in [*call.slots]:
            self._release(call, role)
        self._metrics.calls.dec()
        self._log.info("call over", call=call.name, call_sid=call.call_sid)
        self._ended.append(call)
        self._over(call)
        if len(self._ended) > ENDED_CALLS_KEPT:
            oldest = self._ended.popleft()
            for sid in (oldest.call_sid, oldest.provider_call_sid):
                key = (oldest.account_sid, sid or "")
                if self._by_sid.get(key) is oldest:
                    del self._by_sid[key]
