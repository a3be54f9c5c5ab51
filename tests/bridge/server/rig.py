"""
A call by hand: the real switchboard, analysis and engine, with no socket and no
clock of its own. Ticks run when a test says so, and a bank may be made to fail.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from structlog.testing import capture_logs
from structlog.typing import EventDict

from bridge.server.analysis import Analyser
from bridge.server.metrics import Metrics
from bridge.server.switchboard import Call, Switchboard
from bridge.stream.events import Audio, Role, Started
from bridge.stream.handshake import Claim
from dtmf_engine.bank import BankOutput, LegBank
from tests.support import media as wire
from tests.support.media import ACCOUNT_SID, put_forward, run
from tests.support.tones import Press, line, sine, to_int16


CALLER, AGENT = Role.CALLER, Role.AGENT

DELAY = 160

ONSET = 800
"""
An engine that waits for the next press may take the begin of any sound out of
dead silence for one. How long it does is not for the tests of a call.
"""

INAUDIBLE = 64
"""Comfort noise at −65 dBm0 stays below this; the presses here are 10,000."""


class FaultyBank(LegBank):
    """
    A bank that raises where a test says so.
    """

    def __init__(self, n_legs: int = 2, *, policy: str = "tones") -> None:
        self.faults: dict[str, set[int]] = {}
        super().__init__(n_legs, policy=policy)

    def process(
        self, samples: npt.ArrayLike, legs: Sequence[int] | None = None
    ) -> BankOutput:
        """
        Process, or fail.
        """
        self._fail("process", *(legs or []))
        output = super().process(samples, legs)
        self._fail("afterwards", *(legs or []))
        return output

    def fill_in(self, leg: int, n_samples: int) -> BankOutput:
        """
        Fill in, or fail.
        """
        self._fail("fill_in", leg)
        return super().fill_in(leg, n_samples)

    def mask(self, leg: int, n_samples: int = DELAY) -> None:
        """
        Mask, or fail.
        """
        self._fail("mask", leg)
        super().mask(leg, n_samples)

    def arm(self, leg: int) -> None:
        """
        Arm, or fail.
        """
        self._fail("arm", leg)
        super().arm(leg)

    def disarm(self, leg: int) -> None:
        """
        Disarm, or fail.
        """
        self._fail("disarm", leg)
        super().disarm(leg)

    def reset(self, leg: int) -> None:
        """
        Make new, or fail.
        """
        self._fail("reset", leg)
        super().reset(leg)

    def _fail(self, where: str, *legs: int) -> None:
        if self.faults.get(where, set()).intersection(legs):
            raise ArithmeticError("a bug in the bank")


@dataclass(slots=True)
class Port:
    """
    A leg's connection that remembers what it was told.
    """

    played: bytearray = field(default_factory=bytearray)
    cleared: list[int] = field(default_factory=list)
    """How much had been played at each clear."""
    is_closed: bool = False

    def play(self, octets: bytes) -> None:
        """
        Take audio.
        """
        self.played += octets

    def clear(self) -> None:
        """
        Remember.
        """
        self.cleared.append(len(self.played))

    def close(self, _code: int, _reason: str) -> None:
        """
        Remember.
        """
        self.is_closed = True

    def has_played(self, said: bytes) -> bool:
        """
        Tell whether all that was played is what was said, one look-ahead late.

        To the last bit, but for its onset.
        """
        expected = said[: len(said) - DELAY]
        return bytes(self.played[DELAY + ONSET :]) == expected[ONSET:]

    @property
    def loudest(self) -> int:
        """
        Largest sample that was played.
        """
        if not self.played:
            return 0
        return int(np.abs(wire.decode(bytes(self.played)).astype(np.int32)).max())


class Digits(list[str]):
    """
    A listener that remembers.
    """

    def receive_digit(self, digit: str) -> None:
        """
        Remember.
        """
        self.append(digit)

    def receive_hang_up(self) -> None:
        """
        Nothing is to be done.
        """

    def receive_agent_gone(self) -> None:
        """
        The agent is gone.
        """

    def receive_agent_back(self) -> None:
        """
        The agent is there again.
        """


@dataclass(slots=True)
class Rig:
    """
    One call with both legs.
    """

    switchboard: Switchboard
    analyser: Analyser
    guard: Analyser | None
    metrics: Metrics
    call: Call
    caller: Port
    agent: Port
    digits: Digits = field(default_factory=Digits)

    def arm(self, *, armed: bool = True) -> None:
        """
        Begin or end a capture.
        """
        self.switchboard.set_armed(self.call, armed=armed)

    def event(self, digit: str) -> None:
        """
        Have the caller's provider report a press.
        """
        self.switchboard.receive_digit_event(self.call, CALLER, digit)

    def say(self, octets: bytes, *, role: Role = CALLER, lost: int = 0) -> None:
        """
        Have a leg send a frame, without a tick.
        """
        self.switchboard.receive_audio(self.call, role, Audio(octets, lost))

    def tick(self) -> None:
        """
        Analyse what waits.
        """
        self.analyser.tick()
        if self.guard is not None:
            self.guard.tick()

    def play(self, octets: bytes, *, frame: int = DELAY, role: Role = CALLER) -> None:
        """
        Have a leg send audio in frames, each in its time, with a tick after each.
        """
        for place in range(0, len(octets), frame):
            part = octets[place : place + frame]
            put_forward(len(part) / 8000)
            self.call.runner.step(
                lambda now: self.call.session.handle_deadline(now=now)
            )
            self.say(part, role=role)
            self.tick()

    @property
    def n_failures(self) -> float | None:
        """
        Read the metric.
        """
        return self.metrics.registry.get_sample_value("dtmf_analysis_failures_total")


def with_rig(
    script: Callable[[Rig], None],
    *,
    bank: LegBank | None = None,
    guard: LegBank | None = None,
    playout_limit_s: float = 3600.0,
) -> list[EventDict]:
    """
    Run a script on a call.

    Returns:
        What was logged as a warning or worse.
    """

    async def main() -> None:
        metrics = Metrics()
        analyser = Analyser(bank or LegBank(2), tick_s=1e6, metrics=metrics)
        guarding = None
        if guard is not None:
            guarding = Analyser(guard, tick_s=1e6, metrics=metrics)
        switchboard = Switchboard(
            analyser,
            account_sid=ACCOUNT_SID,
            playout_limit_s=playout_limit_s,
            metrics=metrics,
            guard=guarding,
        )
        ports = {CALLER: Port(), AGENT: Port()}
        for role, port in ports.items():
            started = Started(stream_sid="MZ01", call_sid=f"x{role}", account_sid="AC9")
            call = switchboard.join(Claim("c1", role), started, port)
        assert isinstance(call, Call)
        rig = Rig(
            *(switchboard, analyser, guarding, metrics, call),
            *(ports[CALLER], ports[AGENT]),
        )
        call.listener = rig.digits
        script(rig)
        call.runner.stop()
        analyser.stop()
        if guarding is not None:
            guarding.stop()

    with capture_logs() as lines:
        run(main())
    return [line for line in lines if line["log_level"] not in {"info", "debug"}]


def silent_line(presses: Sequence[Press], n_samples: int) -> bytes:
    """
    Give a caller who is heard only while a key is down: whatever the agent hears
    above `INAUDIBLE` is a part of a press.
    """
    return wire.encode(to_int16(line(presses, n_samples=n_samples)))


def hum(n_samples: int, *, seed: int = 1) -> bytes:
    """
    Give a loud hum that nobody takes for a press, whatever was keyed before: it
    swells, and has one tone of no group.
    """
    place = np.arange(n_samples)
    swell = 0.6 + 0.4 * np.sin(place / 900 + seed)
    edges = np.minimum(1.0, np.minimum(place, n_samples - 1 - place) / 400)
    wave = sine(290.0 + 7 * seed, n_samples, -15.0) * swell * edges
    return wire.encode(to_int16(wave))
