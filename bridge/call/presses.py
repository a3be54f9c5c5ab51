"""
Presses: a key press may come as a tone, as an event, or as both. It is one.

The two carriages are two tellings of one story. Each keeps the order of the
keys, either may leave some out, and they are not told in time: a tone has a
place in the caller's audio, an event only the moment of its arrival, up to
`TOLERANCE_SAMPLES` early or late. So tones and events stand in two queues and
are aligned as two sequences are: in order, the same digit beside the same
digit where their times allow it, as many side by side as possible. Every pair
and everything that is left single is one press.

    tones      events     one after the other in time        presses
    5          -                                             5
    -          5                                             5
    5          5          either first, or while 5 is down   5
    5 5        5 5        any interleaving: 5 5 5 5, 5(5)5…  5 5
    5 5        5          whichever of them was not told     5 5
    5          5 5        the same                           5 5
    5 6 5      6 5        5 before the pair of sixes         5 6 5
    6          5 6        the 5's tone was lost              5 6
    5 7        6          by place: arrival less lateness    5 6 7
    5 long     5          at its start, its end, or between  5
    5 long     5 5        the second is the next press       5 5
    5 5 5      5 5 5      all the events at once             5 5 5

When a press is reported:

    told by both, all before it reported                     at once
    told by one, the other carriage not in use               at once
    told by one, the other carriage in use                   after `HOLD_S`
    the same, and a press that the other told of behind it   `HOLD_S` later
    the same, and one that only the other told of            with the last of them

In use is what told of any press within the last minute. What is still on its
way on the other carriage can belong in front, so a press told once waits; the
event of a press that both tell of ends the wait, whatever its lateness. On a
line with tones only, or events only, nothing ever waits.

What cannot be known, and what is chosen:

    5 by tone only, then 5 by event only, closer than the tolerance: one press.
    Two keys of which each carriage lost another one are far rarer than one key
    that both told of, and either mistake spoils a number.

    5 by tone only and 6 by event only, closer than the lateness varies: in the
    order of their places, the event's being its arrival less the median
    lateness of the last pairs.

    The first presses of a call: until both carriages have told of one, nobody
    waits, and a press that one of them lost may be reported behind its
    neighbour.

    A tone that was clipped by more than the tolerance before its event, which
    came without a duration: two presses.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import TypeAlias

from dtmf_engine.units import samples_from_ms


TOLERANCE_SAMPLES = samples_from_ms(400)
"""
How far an event may stray from its tone. RFC 4733 senders report at the start
or the end of a press and jitter buffers hold up to 200 ms, 300 ms in all; an
event falls between two frames of audio, which may have 100 ms.
"""

HOLD_S = 0.45
"""
How long a press that was told once waits for what may belong in front of it: an
event 300 ms early is followed by its tone 300 ms later, which is detected 40 ms
after that, in a frame of 100 ms.
"""

MAX_WAIT_S = 5.0
"""How much longer, if keys are held down while the order is in doubt."""

IN_USE_SAMPLES = samples_from_ms(60_000)
"""How long a carriage that told of a press is taken to tell of the next."""

MAX_DURATION_SAMPLES = samples_from_ms(5000)
"""Longest press that is believed of an event."""

MAX_OPEN = 128
"""Tones and events not yet forgotten; more is no caller, and is not waited for."""

_LATE_DETECTION_SAMPLES = samples_from_ms(500)
"""A tone that began this long ago has been detected, whatever the frames."""

_N_LATENESSES = 9


@dataclass(frozen=True, slots=True)
class Press:
    """
    The caller pressed a key.
    """

    digit: str = field(repr=False)
    start_sample: int
    """Where it is first known of in the caller's audio."""


@dataclass(slots=True, eq=False)
class _Tone:
    digit: str
    start: int
    end: int | None
    """`None` while the tone goes on."""
    due: float
    """When it is reported, paired or not."""
    told_by: float = inf
    """When its event has come, if there is one."""
    reported: bool = False
    partner: "_Event | None" = None
    """The event it was reported with."""


@dataclass(slots=True, eq=False)
class _Event:
    digit: str
    start: int
    end: int
    """Its arrival."""
    due: float
    reported: bool = False


_Pairing: TypeAlias = tuple[_Tone | None, _Event | None]


class PressLog:
    """
    The recent presses of one leg. A machine.
    """

    def __init__(self) -> None:
        self._tones: list[_Tone] = []
        self._events: list[_Event] = []
        self._last_tone: int | None = None
        self._last_event: int | None = None
        self._latenesses: deque[int] = deque(maxlen=_N_LATENESSES)
        self._deadline: float | None = None
        self._outputs: list[Press] = []

    # What comes in.

    def receive_tone(
        self, digit: str, start_sample: int, *, at_sample: int, now: float
    ) -> None:
        """
        A digit was detected in the audio.

        Args:
            digit: which.
            start_sample: where its tone began.
            at_sample: how much of the leg has been heard.
            now: the time.
        """
        due = self._due(self._last_event, at_sample, now)
        self._last_tone = at_sample
        for tone in self._tones:
            if tone.end is None:
                # Its end was not told; no two keys sound at once.
                tone.end = max(tone.start, start_sample)
                tone.told_by = now + HOLD_S
        self._tones.append(_Tone(digit, start_sample, None, due))
        self._settle(at_sample, now)

    def receive_tone_end(
        self, digit: str, end_sample: int, *, at_sample: int, now: float
    ) -> None:
        """
        The tone of a detected digit is over.
        """
        for tone in reversed(self._tones):
            if tone.digit == digit and tone.end is None:
                tone.end = end_sample
                tone.told_by = now + HOLD_S
                self._settle(at_sample, now)
                return

    def receive_event(
        self,
        digit: str,
        at_sample: int,
        duration_samples: int = 0,
        *,
        patient: bool = False,
        now: float,
    ) -> None:
        """
        The provider reported a digit.

        Args:
            digit: which.
            at_sample: where in the leg's audio the report came.
            duration_samples: how long the key had been down, if it was told.
            patient: wait for a tone although none has been heard on this leg.
            now: the time.
        """
        due = self._due(at_sample if patient else self._last_tone, at_sample, now)
        self._last_event = at_sample
        duration = max(0, min(duration_samples, MAX_DURATION_SAMPLES))
        self._events.append(_Event(digit, at_sample - duration, at_sample, due))
        self._settle(at_sample, now)

    # Time.

    def deadline(self) -> float | None:
        """
        Tell when the next press is to be reported that waits.
        """
        return self._deadline

    def handle_deadline(self, *, at_sample: int, now: float) -> None:
        """
        Report what has waited long enough.
        """
        if self._deadline is not None and now >= self._deadline:
            self._settle(at_sample, now)

    def poll(self) -> list[Press]:
        """
        Take the presses that have become known, in the order of the keys.
        """
        outputs, self._outputs = self._outputs, []
        return outputs

    # Private.

    @staticmethod
    def _due(last_of_other: int | None, at_sample: int, now: float) -> float:
        """
        Tell until when a press waits for what the other carriage may still tell.
        """
        if last_of_other is None or at_sample - last_of_other > IN_USE_SAMPLES:
            return now
        return now + HOLD_S

    def _settle(self, at_sample: int, now: float) -> None:
        """
        Align anew; report what is certain or due; forget what is over.
        """
        pairings = _align(self._tones, self._events, self._lateness(), at_sample)
        crowded = len(self._tones) + len(self._events) > MAX_OPEN
        due = [k for k, at in enumerate(_dues(pairings)) if crowded or at <= now]
        n_due = due[-1] + 1 if due else 0
        n_certain = _n_certain(pairings, n_due)
        for pairing in pairings[:n_certain]:
            self._report(pairing)
        n_over = len(pairings) if crowded else _n_over(pairings, at_sample)
        for pairing in pairings[:n_over]:
            self._forget(pairing)
        deadline = min(_dues(pairings[n_over:]), default=inf)
        self._deadline = None if deadline == inf else deadline

    def _report(self, pairing: _Pairing) -> None:
        if _is_reported(pairing):
            return
        tone, event = pairing
        # One of the two carries the mark: should a later alignment part them,
        # the other one is a press of its own.
        first = tone or event
        assert first is not None  # a pairing is never empty
        first.reported = True
        if tone is not None:
            tone.partner = event
        start = min(item.start for item in pairing if item is not None)
        self._outputs.append(Press(first.digit, start))

    def _forget(self, pairing: _Pairing) -> None:
        tone, event = pairing
        if tone is not None:
            self._tones.remove(tone)
        if event is not None:
            self._events.remove(event)
        if tone is not None and event is not None:
            self._latenesses.append(_lateness(tone, event))

    def _lateness(self) -> int:
        if not self._latenesses:
            return 0
        return sorted(self._latenesses)[len(self._latenesses) // 2]


def _align(
    tones: Sequence[_Tone], events: Sequence[_Event], lateness: int, at_sample: int
) -> list[_Pairing]:
    """
    Lay two tellings side by side.

    The longest common subsequence, with one short cut that makes it safe to
    decide as the audio goes on: if the heads of both queues fit they are a
    pair, because a best alignment that has them apart leaves one of them
    single and stays as good if it is paired with the other. Among equally long
    ones, the one that keeps what was reported as pairs; then the one that leaves
    the later ones single, for which more may come; then the one whose events
    stray least.
    """
    n, m = len(tones), len(events)
    best = [[(0, 0, 0, 0)] * (m + 1) for _ in range(n + 1)]
    for i in reversed(range(n)):
        for j in reversed(range(m)):
            if _fits(tones[i], events[j]):
                n_pairs, kept, early, near = best[i + 1][j + 1]
                kept += tones[i].partner is events[j]
                off = abs(_lateness(tones[i], events[j]) - lateness)
                best[i][j] = n_pairs + 1, kept, early - i - j, near - off
            else:
                best[i][j] = max(best[i + 1][j], best[i][j + 1])
    pairings: list[_Pairing] = []
    i = j = 0
    while i < n and j < m:
        tone, event = tones[i], events[j]
        if _fits(tone, event):
            pairings.append((tone, event))
            i, j = i + 1, j + 1
        elif best[i + 1][j] > best[i][j + 1] or (
            best[i + 1][j] == best[i][j + 1]
            and _middle(tone, at_sample) < event.end - lateness
        ):
            pairings.append((tone, None))
            i += 1
        else:
            pairings.append((None, event))
            j += 1
    pairings += [(tone, None) for tone in tones[i:]]
    pairings += [(None, event) for event in events[j:]]
    return pairings


def _fits(tone: _Tone, event: _Event) -> bool:
    return (
        tone.digit == event.digit
        and tone.start - event.end <= TOLERANCE_SAMPLES
        and (tone.end is None or event.start - tone.end <= TOLERANCE_SAMPLES)
    )


def _lateness(tone: _Tone, event: _Event) -> int:
    """
    Tell how far an event came from the tone's stretch; negative if early.
    """
    if event.end < tone.start:
        return event.end - tone.start
    return 0 if tone.end is None else max(0, event.end - tone.end)


def _middle(tone: _Tone, at_sample: int) -> int:
    """
    Place a tone; an event of before it would be as late as one of after it early.
    """
    return (tone.start + (at_sample if tone.end is None else tone.end)) // 2


def _n_certain(pairings: Sequence[_Pairing], n_due: int) -> int:
    """
    Count the presses that can be reported.

    Up to the last one that is due, and from there on pairs, up to the first
    single one that waits.
    """
    for k, pairing in enumerate(pairings):
        if k >= n_due and None in pairing and not _is_reported(pairing):
            return k
    return len(pairings)


def _n_over(pairings: Sequence[_Pairing], at_sample: int) -> int:
    """
    Count the presses, from the oldest, of which nothing more can come.
    """
    for k, (tone, event) in enumerate(pairings):
        if tone is not None and event is not None:
            continue
        if tone is not None and (
            not tone.reported
            or tone.end is None
            or at_sample - tone.end <= TOLERANCE_SAMPLES + MAX_DURATION_SAMPLES
        ):
            return k
        if event is not None and (
            not event.reported
            or at_sample - event.end <= TOLERANCE_SAMPLES + _LATE_DETECTION_SAMPLES
        ):
            return k
    return len(pairings)


def _dues(pairings: Sequence[_Pairing]) -> list[float]:
    """
    Tell when each press is to be reported, never if it has been.

    Where something that the other carriage told of stands behind a press that
    was told once, the alignment is in doubt: what comes next may make other
    pairs. All of these wait for the last of them; if each carriage has told of
    a press that the other has not, also for a key that is down.
    """
    dues = [_due(pairing) for pairing in pairings]
    waiting = [k for k, due in enumerate(dues) if due < inf]
    singles = [k for k in waiting if None in pairings[k]]
    if not singles:
        return dues
    first = pairings[singles[0]]
    other = 1 if first[1] is None else 0
    doubtful = [k for k in waiting if k > singles[0] and pairings[k][other] is not None]
    if not doubtful:
        return dues
    contested = range(singles[0], doubtful[-1] + 1)
    both = any(pairings[k][1 - other] is None for k in doubtful)
    until = max(_told_by(pairings[k]) for k in waiting if k in contested)
    until = min(until, dues[singles[0]] + (MAX_WAIT_S if both else HOLD_S))
    return [max(at, until) if k in contested else at for k, at in enumerate(dues)]


def _told_by(pairing: _Pairing) -> float:
    """
    Tell when the other carriage has told of this press too, if it ever will.
    """
    tone, event = pairing
    return max(tone.told_by if tone else 0.0, event.due if event else 0.0)


def _is_reported(pairing: _Pairing) -> bool:
    return any(item is not None and item.reported for item in pairing)


def _due(pairing: _Pairing) -> float:
    if _is_reported(pairing):
        return inf
    return min(item.due for item in pairing if item is not None)
