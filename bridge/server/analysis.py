"""
The tick: audio of all calls that arrived lately, through one bank, in one call.

Audio that arrives opens a window of a few milliseconds; what else arrives in it
is analysed together. If analysis fails, the legs are tried one at a time, and
the one that fails is silenced for that stretch: its far end hears comfort noise.
So is a leg that cannot be armed, disarmed or masked as it was told to. With its
next audio it is begun anew; until that succeeds it stays silent.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import structlog

from bridge.call.line import Analysed
from bridge.call.session import AnalyseGap
from bridge.server.metrics import Metrics
from dtmf_engine.arrays import Bool, Int16
from dtmf_engine.bank import BankOutput, LegBank
from dtmf_engine.batches import slices
from dtmf_engine.comfort_noise import DEFAULT_NOISE
from dtmf_engine.events import DigitDetected, Event, NearMiss, ToneEnded, ToneStarted
from dtmf_engine.g711 import decode_mulaw
from dtmf_engine.leg import UNWATCHED_SAMPLES
from dtmf_engine.units import SILENCE_DBM0


@dataclass(slots=True, eq=False)
class _Slot:
    number: int
    deliver: Callable[[Analysed], None]
    heard: int = 0
    """Samples of the leg so far."""
    offset: int = 0
    """Samples that the bank has not counted, because it failed on them."""
    armed: bool = False
    open_digit: str | None = None
    """A digit that was reported and whose tone has not ended."""
    broken_digit: str | None = None
    """One that a failure broke off: what of it comes after is no other press."""
    owed: list[Event] = field(default_factory=list)
    """Events that go with the next audio."""
    mask_until: int = 0
    """How far a reported press masks."""
    failed: bool = False
    """Whether the bank's leg must begin anew before it is heard again."""


@dataclass(frozen=True, slots=True)
class _Disarm:
    """
    A capture ended here, between two pieces of audio.
    """


@dataclass(frozen=True, slots=True)
class _Mask:
    """
    A press was reported here.
    """

    n_samples: int


_Told: TypeAlias = AnalyseGap | _Disarm | _Mask
_Item: TypeAlias = bytes | _Told
_Piece: TypeAlias = tuple[_Slot, bytes]


class Analyser:
    """
    The bank of all calls of a process.

    Args:
        bank: with one leg for every call there may be.
        tick_s: how long audio waits for company.
        metrics: of the bridge.
    """

    def __init__(self, bank: LegBank, *, tick_s: float, metrics: Metrics) -> None:
        self._bank = bank
        self._tick_s = tick_s
        self._metrics = metrics
        self._free = list(range(bank.n_legs))[::-1]
        self._slots: dict[int, _Slot] = {}
        self._waiting: dict[int, deque[_Item]] = defaultdict(deque)
        self._timer: asyncio.TimerHandle | None = None
        self._failing: set[int] = set()
        self._soiled: set[int] = set()
        self._log = structlog.get_logger()

    @property
    def delay_samples(self) -> int:
        """
        The look-ahead of what is given back.
        """
        return self._bank.delay_samples

    def acquire(self, deliver: Callable[[Analysed], None]) -> int | None:
        """
        Take a leg of the bank.

        Args:
            deliver: gets what analysis makes of the leg, in order.

        Returns:
            Its number, or `None` if all are taken.
        """
        if not self._free:
            return None
        slot = self._free.pop()
        self._slots[slot] = _Slot(slot, deliver, failed=slot in self._soiled)
        return slot

    def release(self, slot: int) -> None:
        """
        Give a leg back; what waits of it is dropped.
        """
        self._waiting.pop(slot, None)
        self._failing.discard(slot)
        del self._slots[slot]
        self._soiled.discard(slot)
        try:
            self._bank.reset(slot)
        except Exception:  # noqa: BLE001 - any failure must silence, none may spread
            # Whoever gets the leg next has it begun anew, or is silent.
            self._soiled.add(slot)
            self._metrics.analysis_failures.inc()
            self._log.exception("leg not reset", slot=slot)
        self._free.append(slot)

    def submit(self, slot: int, item: bytes | AnalyseGap) -> None:
        """
        Have µ-law octets, or a gap, analysed with the next tick.
        """
        self._waiting[slot].append(item)
        self._wake()

    def set_armed(self, slot: int, *, armed: bool) -> None:
        """
        Arm or disarm a leg.

        Arming is for all audio that has not been given back yet, disarming for
        all that has not come yet.
        """
        waiting = self._waiting.get(slot)
        if not armed and waiting:
            # What waits came under the capture, however long it has to wait.
            waiting.append(_Disarm())
            return
        if waiting:
            kept = (item for item in waiting if not isinstance(item, _Disarm))
            self._waiting[slot] = deque(kept)
        self._switch(self._slots[slot], armed=armed)

    def mask(self, slot: int, n_samples: int) -> None:
        """
        Take a report of a press.

        What will be in the look-ahead behind all audio that has come is masked,
        and what comes after it for so long.
        """
        self._waiting[slot].append(_Mask(n_samples))
        self._wake()

    def stop(self) -> None:
        """
        Analyse what waits, and leave no timer behind.
        """
        if self._timer is not None:
            self._timer.cancel()
            self.tick()

    def tick(self) -> None:
        """
        Analyse everything that waits.
        """
        self._timer = None
        with self._metrics.tick.time():
            while self._waiting:
                self._round()

    def _wake(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._tick_s, self.tick)

    def _round(self) -> None:
        """
        Take the audio of every leg up to the first thing that is none, or that.
        """
        batches: dict[int, list[_Piece]] = defaultdict(list)
        others: list[tuple[_Slot, _Told]] = []
        for slot, items in list(self._waiting.items()):
            state = self._slots[slot]
            octets = _take_octets(items)
            if octets:
                batches[len(octets)].append((state, octets))
            else:
                others.append((state, _take_other(items)))
            if not items:
                del self._waiting[slot]
        for n_samples, batch in batches.items():
            # One call of the bank is one slice, which it takes whole or not at all.
            for part in slices(len(batch), n_samples):
                self._analyse([(state, octets[part]) for state, octets in batch])
        for state, item in others:
            if self._slots.get(state.number) is state:
                self._tell(state, item)

    def _tell(self, state: _Slot, item: _Told) -> None:
        match item:
            case AnalyseGap(n_samples=n_samples):
                self._fill_in(state, n_samples)
            case _Mask(n_samples=n_samples):
                self._mask(state, n_samples)
            case _Disarm():
                self._switch(state, armed=False)

    def _analyse(self, batch: Sequence[_Piece]) -> None:
        batch = [(s, octets) for s, octets in batch if self._is_ready(s, len(octets))]
        if not batch:
            return
        slots = [state.number for state, _ in batch]
        linear = decode_mulaw(b"".join(octets for _, octets in batch))
        samples = linear.reshape(len(slots), -1)
        try:
            output = self._bank.process(samples, slots)
        except Exception:  # noqa: BLE001 - any failure must silence, none may spread
            if len(batch) > 1:
                # Some leg is at fault; all but that one go on.
                for piece in batch:
                    self._analyse([piece])
                return
            self._fail(batch[0][0])
            self._silence(batch[0][0], samples.shape[1])
            return
        self._deliver([state for state, _ in batch], output)

    def _fill_in(self, state: _Slot, n_samples: int) -> None:
        if not self._is_ready(state, n_samples):
            return
        try:
            output = self._bank.fill_in(state.number, n_samples)
        except Exception:  # noqa: BLE001 - same
            self._fail(state)
            self._silence(state, n_samples)
            return
        self._deliver([state], output)

    # What a leg is told, and failures.

    def _switch(self, state: _Slot, *, armed: bool) -> None:
        state.armed = armed
        verb = self._bank.arm if armed else self._bank.disarm
        try:
            verb(state.number)
        except Exception:  # noqa: BLE001 - same
            self._fail(state)

    def _mask(self, state: _Slot, n_samples: int) -> None:
        state.mask_until = max(state.mask_until, state.heard + n_samples)
        try:
            self._bank.mask(state.number, n_samples)
        except Exception:  # noqa: BLE001 - same
            self._fail(state)

    def _is_ready(self, state: _Slot, n_samples: int) -> bool:
        """
        Tell whether a leg's audio can be given to the bank; if not, silence it.
        """
        if self._slots.get(state.number) is not state:
            # Delivering to one leg may end the call of another.
            return False
        try:
            position = self._bank.position(state.number) + state.offset
        except Exception:  # noqa: BLE001 - same
            self._fail(state)
        else:
            if not state.failed and position != state.heard:
                # A failure left the bank with part of a batch.
                self._fail(state)
        if state.failed and not self._begin_anew(state):
            self._silence(state, n_samples)
            return False
        return True

    def _begin_anew(self, state: _Slot) -> bool:
        """
        Make a leg that failed new, as far as that can be done.
        """
        state.offset = state.heard
        try:
            self._bank.reset(state.number)
            if state.armed:
                self._bank.arm(state.number)
            # The rest of a press that is too short to be seen must not pass for
            # the line's background either.
            left = max(UNWATCHED_SAMPLES, state.mask_until - state.heard)
            self._bank.mask(state.number, left)
        except Exception:  # noqa: BLE001 - same
            self._fail(state)
            return False
        state.failed = False
        return True

    def _fail(self, state: _Slot) -> None:
        """
        Have a leg begin anew with its next audio.
        """
        if state.number not in self._failing:
            self._failing.add(state.number)
            self._log.exception("analysis failed, leg silenced", slot=state.number)
        self._metrics.analysis_failures.inc()
        state.failed = True
        if state.open_digit is not None:
            state.owed.append(_broken_off(state.open_digit, state.heard))
            state.broken_digit, state.open_digit = state.open_digit, None

    def _silence(self, state: _Slot, n_samples: int) -> None:
        """
        Fail closed: noise for the far end.
        """
        first = state.heard
        state.heard += n_samples
        everything = np.ones(n_samples, dtype=np.bool_)
        noise = _noise(state.number, first, n_samples)
        self._hand_over(state, noise, everything, [])

    def _deliver(self, states: Sequence[_Slot], output: BankOutput) -> None:
        n_samples = output.audio.shape[1]
        for i, state in enumerate(states):
            # Delivering to one leg may end the call of another.
            if self._slots.get(state.number) is not state:
                continue
            first = state.heard
            state.heard += n_samples
            events = [_moved(event, state.offset) for event in output.events[i]]
            audio, masked = output.audio[i], output.masked[i]
            reach = state.offset + self.delay_samples + UNWATCHED_SAMPLES
            if state.offset and first < reach:
                unwatched = self._unwatched(state, first, n_samples)
                noise = _noise(state.number, first, n_samples)
                audio = np.where(unwatched, noise, audio)
                masked = masked | unwatched
            events = [event for event in events if _counts(event, state)]
            self._hand_over(state, audio, masked, events)

    def _unwatched(self, state: _Slot, first: int, n_samples: int) -> Bool:
        """
        Tell which samples a failure took out of the bank's sight.

        All before it, and after it those of which no window is whole.
        """
        place = np.arange(first, first + n_samples) - self.delay_samples
        return place < state.offset + UNWATCHED_SAMPLES

    def _hand_over(
        self, state: _Slot, audio: Int16, masked: Bool, events: list[Event]
    ) -> None:
        owed, state.owed = state.owed, []
        try:
            state.deliver(Analysed(audio, masked, [*owed, *events], state.heard))
        except Exception:  # noqa: BLE001 - same
            # A bug in the handling of one call is not the others' problem; that
            # stretch of audio is lost to its far end, which is the safe side.
            self._metrics.analysis_failures.inc()
            self._log.exception("analysis not taken", slot=state.number)


def _take_octets(items: deque[_Item]) -> bytes:
    octets = bytearray()
    while items and isinstance(items[0], bytes):
        octets += items[0]
        items.popleft()
    return bytes(octets)


def _take_other(items: deque[_Item]) -> _Told:
    item = items.popleft()
    assert not isinstance(item, bytes)  # all octets are taken
    return item


def _noise(slot: int, first_sample: int, n_samples: int) -> Int16:
    noise = DEFAULT_NOISE.render(slot, first_sample, n_samples)
    return np.asarray(np.rint(noise).astype(np.int16))


def _broken_off(digit: str, at_sample: int) -> ToneEnded:
    return ToneEnded(
        digit=digit,
        start_sample=at_sample,
        end_sample=at_sample,
        low_dbm0=SILENCE_DBM0,
        high_dbm0=SILENCE_DBM0,
    )


def _counts(event: Event, state: _Slot) -> bool:
    """
    Follow which digit is open, and tell whether an event is one to hand on.
    """
    match event:
        case DigitDetected(digit=digit, start_sample=start):
            broken, state.broken_digit = state.broken_digit, None
            if digit == broken and start <= state.offset + UNWATCHED_SAMPLES:
                # The rest of a press that was reported before the failure.
                state.open_digit = None
                return False
            state.open_digit = digit
        case ToneEnded():
            was_open, state.open_digit = state.open_digit, None
            return was_open is not None
        case ToneStarted() | NearMiss():
            pass
    return True


def _moved(event: Event, offset: int) -> Event:
    if not offset:
        return event
    match event:
        case ToneStarted() | NearMiss():
            return replace(event, at_sample=event.at_sample + offset)
        case DigitDetected():
            return replace(
                event,
                start_sample=event.start_sample + offset,
                reported_at_sample=event.reported_at_sample + offset,
            )
        case ToneEnded():
            return replace(
                event,
                start_sample=event.start_sample + offset,
                end_sample=event.end_sample + offset,
            )
