"""
The call: two legs, one of which must not hear all of the other.

A machine. The caller's audio goes out for analysis and comes back with what the
agent may hear; the agent's audio goes to the caller as it is. Analysis happens
outside, many calls at a time; what has not come back is not heard, so a stall
or a failure there can only ever make the agent leg silent.

The agent leg is put together from octets, not from samples: wherever nothing
was masked the agent gets the very octets the caller's provider sent, one
look-ahead later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from bridge.call.playout import PLAYOUT_LIMIT_S, PlayoutMeter
from bridge.call.presses import PressLog
from bridge.stream.events import Role
from dtmf_engine.arrays import Bool, Int16
from dtmf_engine.events import DigitDetected, Event, ToneEnded
from dtmf_engine.g711 import MULAW_SILENCE, encode_mulaw


@dataclass(frozen=True, slots=True)
class Analyse:
    """
    Hear these octets of the caller, in order.
    """

    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AnalyseGap:
    """
    Audio of the caller is missing here.
    """

    n_samples: int


@dataclass(frozen=True, slots=True, eq=False)
class Analysed:
    """
    What analysis made of the caller's next samples.
    """

    audio: Int16
    """[shape=(n,)] what the agent may hear, one look-ahead behind."""
    masked: Bool
    """[shape=(n,)] where it differs from what the caller sent."""
    events: Sequence[Event]
    position: int
    """How many samples of the caller have been heard with these."""


@dataclass(frozen=True, slots=True)
class SendAudio:
    """
    Play octets to a leg.
    """

    role: Role
    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClearAudio:
    """
    Have a leg's provider throw away what it has not played.
    """

    role: Role


@dataclass(frozen=True, slots=True)
class SetArmed:
    """
    Arm or disarm the masking of the caller.
    """

    armed: bool


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """
    The caller pressed a key, after the capture was armed.
    """

    digit: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CallEnded:
    """
    The caller leg is gone. The last output.
    """


Output: TypeAlias = (
    Analyse | AnalyseGap | SendAudio | ClearAudio | SetArmed | DigitPressed | CallEnded
)


class CallSession:
    """
    One call.

    Args:
        delay_samples: the look-ahead of the analysis.
        playout_limit_s: see `PlayoutMeter`.
    """

    def __init__(
        self, *, delay_samples: int, playout_limit_s: float = PLAYOUT_LIMIT_S
    ) -> None:
        self._present: set[Role] = set()
        self._line = bytes([MULAW_SILENCE]) * delay_samples
        self._unheard = bytearray()
        self._presses = PressLog()
        self._position = 0
        self._armed_at: int | None = None
        self._playout_limit_s = playout_limit_s
        self._meters = {role: PlayoutMeter(playout_limit_s) for role in Role}
        self._ended = False
        self._outputs: list[Output] = []

    # What can be asked.

    def is_present(self, role: Role) -> bool:
        """
        Tell whether a leg is there.
        """
        return role in self._present

    @property
    def is_armed(self) -> bool:
        """
        Whether a capture is armed.
        """
        return self._armed_at is not None

    @property
    def has_ended(self) -> bool:
        """
        Whether the caller has been there and is gone.
        """
        return self._ended

    # Legs.

    def join(self, role: Role, *, now: float) -> bool:
        """
        Let a leg in.

        Returns:
            Whether there was room: a role is taken once. Whoever comes second
            is turned away, so that nobody can take over a live leg.
        """
        del now
        if self._ended or role in self._present:
            return False
        self._present.add(role)
        return True

    def receive_leave(self, role: Role, *, now: float) -> None:
        """
        A leg is gone. Without its caller a call is over.
        """
        del now
        self._present.discard(role)
        self._meters[role] = PlayoutMeter(self._playout_limit_s)
        if role is Role.CALLER and not self._ended:
            self._ended = True
            # What is still in the look-ahead is dropped, not drained: nobody
            # can say any more what would have followed it.
            self._line = b""
            self._unheard.clear()
            self._outputs.append(CallEnded())

    # Audio.

    def receive_audio(self, role: Role, octets: bytes, *, now: float) -> None:
        """
        A leg sent audio.
        """
        if self._ended or role not in self._present:
            return
        if role is Role.CALLER:
            self._unheard += octets
            self._outputs.append(Analyse(octets))
        else:
            self._send(Role.CALLER, octets, now)

    def receive_gap(self, role: Role, n_samples: int, *, now: float) -> None:
        """
        Audio of a leg went missing.
        """
        del now
        if self._ended or role is not Role.CALLER or role not in self._present:
            return
        self._unheard += bytes([MULAW_SILENCE]) * n_samples
        self._outputs.append(AnalyseGap(n_samples))

    def receive_analysis(self, analysed: Analysed, *, now: float) -> None:
        """
        Analysis gave back the caller's oldest audio that was out.
        """
        if self._ended:
            return
        n = len(analysed.audio)
        line = self._line + bytes(self._unheard[:n])
        del self._unheard[:n]
        self._line = line[n:]
        self._position = analysed.position
        for event in analysed.events:
            self._hear(event)
        self._send(Role.AGENT, _masked(line[:n], analysed), now)

    # Digits.

    def receive_digit_event(self, digit: str, *, now: float) -> None:
        """
        The caller's provider recognised a key press.
        """
        del now  # the press is placed in the caller's audio instead
        if self._ended:
            return
        at_sample = self._position + len(self._unheard)
        self._press(digit, self._presses.event(digit, at_sample))

    def arm(self, *, now: float) -> None:
        """
        A capture begins: presses count from here on.
        """
        del now
        if not self._ended:
            self._armed_at = self._position + len(self._unheard)
            self._outputs.append(SetArmed(armed=True))

    def disarm(self, *, now: float) -> None:
        """
        The capture is over.
        """
        del now
        if self._armed_at is not None:
            self._armed_at = None
            self._outputs.append(SetArmed(armed=False))

    # Time: a call has no deadline of its own.

    def deadline(self) -> float | None:
        """
        Tell when `handle_deadline` is due: never.
        """
        return None

    def handle_deadline(self, *, now: float) -> None:
        """
        Do nothing.
        """

    def poll(self) -> list[Output]:
        """
        Take the outputs that have gathered.
        """
        outputs, self._outputs = self._outputs, []
        return outputs

    # Private.

    def _hear(self, event: Event) -> None:
        if isinstance(event, DigitDetected):
            start = self._presses.tone(event.digit, event.start_sample, self._position)
            self._press(event.digit, start)
        elif isinstance(event, ToneEnded):
            self._presses.tone_ended(event.digit, event.end_sample)

    def _press(self, digit: str, start_sample: int | None) -> None:
        # A key that was down before the capture was armed is not for it.
        if start_sample is None or self._armed_at is None:
            return
        if start_sample >= self._armed_at:
            self._outputs.append(DigitPressed(digit))

    def _send(self, role: Role, octets: bytes, now: float) -> None:
        if role not in self._present or not octets:
            return
        if self._meters[role].add(len(octets), now):
            self._outputs.append(ClearAudio(role))
        self._outputs.append(SendAudio(role, octets))


def _masked(octets: bytes, analysed: Analysed) -> bytes:
    if not analysed.masked.any():
        return octets
    replaced = np.frombuffer(encode_mulaw(analysed.audio), dtype=np.uint8)
    original = np.frombuffer(octets, dtype=np.uint8)
    return np.where(analysed.masked, replaced, original).astype(np.uint8).tobytes()
