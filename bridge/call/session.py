"""
The call: two legs, one of which must not hear all of the other.

A machine. The caller's audio goes out for analysis and comes back with what the
agent may hear; analysis happens outside, many calls at a time; what has not
come back is not heard, so a stall or a failure there can only ever make the
agent leg silent. The agent's audio goes to the caller as it is, or, with the
echo guard, the same way; while a prompt is said, the caller hears that instead.
What is keyed or echoed on the agent's leg is never a digit of the caller.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from bridge.call.line import Analysed, DelayLine
from bridge.call.playout import PLAYOUT_LIMIT_S, PlayoutMeter
from bridge.call.presses import TOLERANCE_SAMPLES, PressLog
from bridge.call.prompter import LEAD_S, Prompter
from bridge.secret import wipe
from bridge.stream.events import Role
from dtmf_engine.events import DigitDetected, Event, ToneEnded
from dtmf_engine.units import samples_from_ms


ARMED_EVENT_MASK_SAMPLES = samples_from_ms(300)
"""
How long an event masks while a capture is armed. A gateway that turns tones
into events leaves a few milliseconds of them in the audio, which may come as
much later than the event as a jitter buffer holds.
"""

EVENT_MASK_SAMPLES = samples_from_ms(20)
"""
With no capture armed: callers key before they are asked to, but also talk on,
and whole tones are found without their events.
"""


@dataclass(frozen=True, slots=True)
class Analyse:
    """
    Hear these octets of a leg, in order.
    """

    octets: bytes = field(repr=False)
    role: Role = Role.CALLER


@dataclass(frozen=True, slots=True)
class AnalyseGap:
    """
    Audio of a leg is missing here.
    """

    n_samples: int
    role: Role = Role.CALLER


@dataclass(frozen=True, slots=True)
class MaskPress:
    """
    The caller's provider reported a press.

    What is in the look-ahead is to be masked, and what comes after it for so
    long, whatever is heard.
    """

    n_samples: int


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
    is_backlog: bool = True
    """Whether too much had gathered there; else a prompt begins or breaks off."""


@dataclass(frozen=True, slots=True)
class SetArmed:
    """
    Arm or disarm the masking of all legs that are analysed.
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
    Analyse
    | AnalyseGap
    | MaskPress
    | SendAudio
    | ClearAudio
    | SetArmed
    | DigitPressed
    | CallEnded
)


class CallSession:
    """
    One call.

    Args:
        delay_samples: the look-ahead of the analysis.
        playout_limit_s: see `PlayoutMeter`.
        echo_guard: have the agent's audio analysed too, on its way to the caller.
    """

    def __init__(
        self,
        *,
        delay_samples: int,
        playout_limit_s: float = PLAYOUT_LIMIT_S,
        echo_guard: bool = False,
    ) -> None:
        self._present: set[Role] = set()
        self._delay_samples = delay_samples
        analysed = [*Role] if echo_guard else [Role.CALLER]
        self._lines = {role: DelayLine(delay_samples) for role in analysed}
        self._presses = PressLog()
        # More ahead than the meter leaves alone would be thrown away.
        self._prompter = Prompter(min(LEAD_S, playout_limit_s))
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
        # What is still in the look-ahead is dropped, not drained.
        if role in self._lines:
            self._lines[role] = DelayLine(self._delay_samples)
        if role is Role.CALLER and not self._ended:
            self._ended = True
            self._prompter.stop()
            for line in self._lines.values():
                line.clear()
            self._outputs.append(CallEnded())

    # Audio.

    def receive_audio(self, role: Role, octets: bytes, *, now: float) -> None:
        """
        A leg sent audio.
        """
        if self._ended or role not in self._present:
            return
        if role in self._lines:
            self._lines[role].put(octets)
            self._outputs.append(Analyse(octets, role))
        else:
            self._relay(role, octets, now)

    def receive_gap(self, role: Role, n_samples: int, *, now: float) -> None:
        """
        Audio of a leg went missing.
        """
        del now
        if self._ended or role not in self._present or role not in self._lines:
            return
        self._lines[role].put_gap(n_samples)
        self._outputs.append(AnalyseGap(n_samples, role))

    def receive_analysis(
        self, analysed: Analysed, *, role: Role = Role.CALLER, now: float
    ) -> None:
        """
        Analysis gave back a leg's oldest audio that was out.
        """
        if self._ended:
            return
        octets = self._lines[role].take(analysed)
        if role is Role.CALLER:
            for event in analysed.events:
                self._hear(event, analysed.position, now)
            self._take_presses()
        self._relay(role, octets, now)

    # Digits.

    def receive_digit_event(
        self, digit: str, *, duration_samples: int = 0, now: float
    ) -> None:
        """
        The caller's provider recognised a key press.

        Args:
            digit: which.
            duration_samples: how long the key had been down, where the provider
                tells.
            now: the time.
        """
        if self._ended:
            return
        armed_at, at_sample = self._armed_at, self._n_received
        self._outputs.append(
            MaskPress(
                EVENT_MASK_SAMPLES if armed_at is None else ARMED_EVENT_MASK_SAMPLES
            )
        )
        self._presses.receive_event(
            digit,
            at_sample,
            duration_samples,
            # Its tone, not detected yet, may have begun before the arming.
            patient=armed_at is not None and at_sample - armed_at <= TOLERANCE_SAMPLES,
            now=now,
        )
        self._take_presses()

    def arm(self, *, now: float) -> None:
        """
        A capture begins: presses count that begin from here on.
        """
        del now
        if not self._ended:
            self._armed_at = self._n_received
            self._outputs.append(SetArmed(armed=True))

    def disarm(self, *, now: float) -> None:
        """
        The capture is over, and so is the prompt that asked for it.
        """
        if self._armed_at is not None:
            self._armed_at = None
            self._outputs.append(SetArmed(armed=False))
        if self._prompter.is_playing:
            self._prompter.stop()
            self._clear_caller(now)

    # Prompts.

    def play_prompt(self, octets: bytearray, *, now: float) -> None:
        """
        Have the caller, and nobody else, hear something in place of the agent.

        It begins at once, instead of whatever waits at the caller's provider, and
        of a prompt that is being said.

        Args:
            octets: µ-law at 8 kHz; taken over, and wiped when the prompt is over,
                whatever ends it.
            now: the time.
        """
        if Role.CALLER not in self._present:
            wipe(octets)
            return
        self._clear_caller(now)
        self._prompter.start(octets, now=now)
        self._take_prompt(now)

    # Time.

    def deadline(self) -> float | None:
        """
        Tell when a press is due that waits for what may belong in front of it.

        Or the next frame of a prompt, whichever comes first.
        """
        if self._ended:
            return None
        dues = (self._presses.deadline(), self._prompter.deadline())
        return min((due for due in dues if due is not None), default=None)

    def handle_deadline(self, *, now: float) -> None:
        """
        Let presses wait no longer, and say what is due of a prompt.
        """
        if not self._ended:
            self._presses.handle_deadline(at_sample=self._n_received, now=now)
            self._take_presses()
            self._prompter.handle_deadline(now=now)
            self._take_prompt(now)

    def poll(self) -> list[Output]:
        """
        Take the outputs that have gathered.
        """
        outputs, self._outputs = self._outputs, []
        return outputs

    # Private.

    @property
    def _n_received(self) -> int:
        return self._lines[Role.CALLER].n_received

    def _hear(self, event: Event, at_sample: int, now: float) -> None:
        if isinstance(event, DigitDetected):
            self._presses.receive_tone(
                event.digit, event.start_sample, at_sample=at_sample, now=now
            )
        elif isinstance(event, ToneEnded):
            self._presses.receive_tone_end(
                event.digit, event.end_sample, at_sample=at_sample, now=now
            )

    def _take_presses(self) -> None:
        for press in self._presses.poll():
            # A key that was down before the capture was armed is not for it.
            if self._armed_at is not None and press.start_sample >= self._armed_at:
                self._outputs.append(DigitPressed(press.digit))

    def _take_prompt(self, now: float) -> None:
        for frame in self._prompter.poll():
            # It is paced: there is no backlog to be thrown away, whatever the limit.
            self._meters[Role.CALLER].add(len(frame), now)
            self._outputs.append(SendAudio(Role.CALLER, frame))

    def _clear_caller(self, now: float) -> None:
        meter = self._meters[Role.CALLER]
        if not meter.is_empty(now):
            meter.clear()
            self._outputs.append(ClearAudio(Role.CALLER, is_backlog=False))

    def _relay(self, role: Role, octets: bytes, now: float) -> None:
        """
        Send what a leg said to the other one.
        """
        if not (role is Role.AGENT and self._prompter.is_playing):
            self._send(_OTHER[role], octets, now)

    def _send(self, role: Role, octets: bytes, now: float) -> None:
        if role not in self._present or not octets:
            return
        if self._meters[role].add(len(octets), now):
            self._outputs.append(ClearAudio(role))
        self._outputs.append(SendAudio(role, octets))


_OTHER = {Role.CALLER: Role.AGENT, Role.AGENT: Role.CALLER}
