"""
The tick: audio of all calls that arrived lately, through one bank, in one call.

Audio that arrives opens a window of a few milliseconds; what else arrives in it
is analysed together. If analysis fails, the legs are tried one at a time, and
the one that fails is silenced for that stretch: its agent hears comfort noise.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import structlog

from bridge.call.session import Analysed, AnalyseGap
from bridge.server.metrics import Metrics
from dtmf_engine.arrays import Bool, Int16
from dtmf_engine.bank import BankOutput, LegBank
from dtmf_engine.comfort_noise import DEFAULT_NOISE
from dtmf_engine.events import DigitDetected, Event, NearMiss, ToneEnded, ToneStarted
from dtmf_engine.g711 import decode_mulaw
from dtmf_engine.leg import UNWATCHED_SAMPLES
from dtmf_engine.units import SILENCE_DBM0


@dataclass(slots=True)
class _Slot:
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
        self._waiting: dict[int, list[bytes | AnalyseGap]] = defaultdict(list)
        self._timer: asyncio.TimerHandle | None = None
        self._failing: set[int] = set()
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
        self._slots[slot] = _Slot(deliver)
        return slot

    def release(self, slot: int) -> None:
        """
        Give a leg back; what waits of it is dropped.
        """
        self._waiting.pop(slot, None)
        self._failing.discard(slot)
        del self._slots[slot]
        self._bank.reset(slot)
        self._free.append(slot)

    def submit(self, slot: int, item: bytes | AnalyseGap) -> None:
        """
        Have µ-law octets, or a gap, analysed with the next tick.
        """
        self._waiting[slot].append(item)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._tick_s, self.tick)

    def set_armed(self, slot: int, *, armed: bool) -> None:
        """
        Arm or disarm a leg, for all audio that has not been given back yet.
        """
        self._slots[slot].armed = armed
        if armed:
            self._bank.arm(slot)
        else:
            self._bank.disarm(slot)

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

    def _round(self) -> None:
        """
        Analyse the audio up to the first gap of every leg, or that gap.
        """
        batches: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
        gaps: list[tuple[int, int]] = []
        for slot, items in list(self._waiting.items()):
            octets = bytearray()
            while items and isinstance(items[0], bytes):
                octets += items.pop(0)  # type: ignore[arg-type]  # just checked
            if octets:
                batches[len(octets)].append((slot, bytes(octets)))
            elif isinstance(items[0], AnalyseGap):
                gaps.append((slot, items[0].n_samples))
                items.pop(0)
            if not items:
                del self._waiting[slot]
        for batch in batches.values():
            self._analyse(batch)
        for slot, n_samples in gaps:
            if slot in self._slots:
                self._fill_in(slot, n_samples)

    def _analyse(self, batch: Sequence[tuple[int, bytes]]) -> None:
        slots = [slot for slot, _ in batch]
        linear = decode_mulaw(b"".join(octets for _, octets in batch))
        samples = linear.reshape(len(slots), -1)
        try:
            output = self._bank.process(samples, slots)
        except Exception:  # noqa: BLE001 - any failure must silence, none may spread
            if len(batch) > 1:
                # Some leg is at fault; all but that one go on.
                for one in batch:
                    self._analyse([one])
                return
            self._silence(slots[0], samples.shape[1])
            return
        self._deliver(slots, output)

    def _fill_in(self, slot: int, n_samples: int) -> None:
        try:
            output = self._bank.fill_in(slot, n_samples)
        except Exception:  # noqa: BLE001 - same
            self._silence(slot, n_samples)
            return
        self._deliver([slot], output)

    def _silence(self, slot: int, n_samples: int) -> None:
        """
        Fail closed: noise for the agent, and the leg begins anew.
        """
        if slot not in self._failing:
            self._failing.add(slot)
            self._log.exception("analysis failed, leg silenced", slot=slot)
        self._metrics.analysis_failures.inc()
        state = self._slots[slot]
        first = state.heard
        state.heard += n_samples
        state.offset = state.heard
        self._bank.reset(slot)
        if state.armed:
            self._bank.arm(slot)
        events: list[Event] = []
        if state.open_digit is not None:
            events.append(_broken_off(state.open_digit, first))
            state.broken_digit, state.open_digit = state.open_digit, None
        everything = np.ones(n_samples, dtype=np.bool_)
        self._hand_over(slot, _noise(slot, first, n_samples), everything, events)

    def _deliver(self, slots: Sequence[int], output: BankOutput) -> None:
        n_samples = output.audio.shape[1]
        for i, slot in enumerate(slots):
            state = self._slots.get(slot)
            # Delivering to one leg may end the call of another.
            if state is None:
                continue
            first = state.heard
            state.heard += n_samples
            events = [_moved(event, state.offset) for event in output.events[i]]
            audio, masked = output.audio[i], output.masked[i]
            reach = state.offset + self.delay_samples + UNWATCHED_SAMPLES
            if state.offset and first < reach:
                unwatched = self._unwatched(state, first, n_samples)
                audio = np.where(unwatched, _noise(slot, first, n_samples), audio)
                masked = masked | unwatched
            events = [event for event in events if _counts(event, state)]
            self._hand_over(slot, audio, masked, events)

    def _unwatched(self, state: _Slot, first: int, n_samples: int) -> Bool:
        """
        Tell which samples a failure took out of the bank's sight.

        All before it, and after it those of which no window is whole.
        """
        place = np.arange(first, first + n_samples) - self.delay_samples
        return place < state.offset + UNWATCHED_SAMPLES

    def _hand_over(
        self, slot: int, audio: Int16, masked: Bool, events: list[Event]
    ) -> None:
        state = self._slots[slot]
        try:
            state.deliver(Analysed(audio, masked, events, state.heard))
        except Exception:  # noqa: BLE001 - same
            # A bug in the handling of one call is not the others' problem; that
            # stretch of audio is lost to its agent, which is the safe side.
            self._metrics.analysis_failures.inc()
            self._log.exception("analysis not taken", slot=slot)


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
