"""
The tracker: one leg's looks, hop by hop, turned into events.

A press is accepted by what one look saw (`scoring`), and then followed by the
power of its two tones. Written as hops, 2.5 ms apart, with `D` a look that
accepts digit d, `d` one where its tones are in the air, `E` one that accepts
another digit, `.` one where nothing is, and `?` audio that was lost:

    hops                        meaning
    d … d D                     ToneStarted, DigitDetected: once a press
    D d d . . . . d d           a break inside the press, if not longer than
                                the profile's `max_break_ms`
    D d d . . … .               longer: ToneEnded
    D d d . E                   ToneEnded, and the next press
    D d d ? ? ? d               lost audio neither ends nor lengthens a press
    D d d . … . D, 4 dB weaker  the echo of the press: no digit

Every press is compared with the last one: a telephone keeps its levels and its
small errors of frequency, so a look that fits the telephone already heard is
believed with less evidence.
"""

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from dtmf_engine.events import (
    DigitDetected,
    Event,
    MissReason,
    NearMiss,
    ToneEnded,
    ToneStarted,
)
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.keypad import digit_at
from dtmf_engine.looks import LONG_HOPS, SHORT_HOPS
from dtmf_engine.profiles import Profile
from dtmf_engine.units import (
    dbm0_from_power,
    ratio_from_db,
    samples_from_ms,
)


class Sight(NamedTuple):
    """
    What one look saw, for one leg.
    """

    row: int
    column: int
    reason: MissReason | None
    """The profile's limit that the pair breaks, or `None`."""
    size: float
    """Power of the pair by which `filled` is measured."""
    margin: float
    """By how much the better score passed the profile's minimum."""
    is_near: bool
    """Whether this could be a press, or a part of one."""
    offset_low: float
    """Relative to the nominal frequency."""
    offset_high: float
    judged_low: float
    """Mean-square power of the pair's tones in the window that scored better."""
    judged_high: float
    low_power: float
    """The same over the last 20 ms."""
    high_power: float
    tone_power: list[float]
    """Mean-square power of all tones in the last 10 ms."""
    filled: list[float]
    """How much of the pair was in each of the last 16 hops."""
    other: list[float]
    """Energy of other sound in each of them, over that of the pair."""
    late_samples: int
    """How far what was seen lies back, by a filter."""


@dataclass(frozen=True, slots=True)
class Telephone:
    """
    What every press of one telephone has in common.
    """

    offset_low: float
    offset_high: float
    low_power: float
    high_power: float
    at_sample: int


@dataclass(frozen=True, slots=True)
class _Pending:
    """
    A pair that is certain to be a digit once it is long enough.
    """

    pair: tuple[int, int]
    until_sample: int
    size: float
    """Largest power by which its length has been measured."""


_SAME_OFFSET = 0.008
_SAME_LEVEL = ratio_from_db(4.0)
_KNOWN_SAMPLES = samples_from_ms(60_000)
"""
How alike two presses of one telephone are, and how long it is remembered. Chosen,
not swept: what being known is worth, the profile's bonus, was tuned on odd seeds.
"""

_PRESENT = 0.33
"""
Power over that of the accepted look above which the press goes on: −4.8 dB,
above an echo at −6 dB and below what noise at an S/N of 0 dB takes away.
"""

_BOTH_PRESENT = 0.12
"""Power of each of the two tones, likewise: −9 dB."""

_ECHO_LEVEL = ratio_from_db(-3.5)
_ECHO_SAMPLES = samples_from_ms(150)
"""The longest echo of a speaking path that no canceller has taken (G.131)."""

_TOLERANCE_HOPS = 0.15
_UNCERTAIN_HOPS = 0.4
"""
How far the measured length of a tone may fall short of the limit: a third of a
millisecond, if what was seen is clean; if not, it must be that much longer.
"""

_CLEAN_OTHER = 0.01
"""A hop that the tone does not fill has at least this part that no pair explains."""

_HIDING = 0.5
"""Other sound, over the pair, above which nobody can say that a tone has ended."""

_FULL_HOPS = 7.2
"""A window of eight hops with less tone than this does not tell its level."""

_FILL_RANGE = (-0.25, 1.1)
_TONE_END = 0.5


class ToneTracker:
    """
    One leg's presses.
    """

    def __init__(self, profile: Profile) -> None:
        self.use(profile)
        self._press: _Press | None = None
        self._telephone: Telephone | None = None
        self._last_end: tuple[str, int, float, float] | None = None
        self._near: tuple[int, NearMiss] | None = None
        self._pending: _Pending | None = None

    def use(self, profile: Profile) -> None:
        """
        Judge by another profile from now on.
        """
        self._bonus = profile.known_telephone_bonus
        self._min_fill = samples_from_ms(profile.min_tone_ms) / HOP_SAMPLES
        self._max_misses = _max_misses(profile)

    @property
    def is_idle(self) -> bool:
        """
        Whether nothing is going on, so that hops of no interest may be skipped.
        """
        return self._press is None and self._near is None and self._pending is None

    @property
    def is_sounding(self) -> bool:
        """
        Whether a press was heard at the last hop.
        """
        return self._press is not None and self._press.misses == 0

    def copy(self) -> "ToneTracker":
        """
        Give a tracker that can go on while this one stays as it is.
        """
        twin = object.__new__(ToneTracker)
        twin.__dict__.update(self.__dict__)
        if self._press is not None:
            twin._press = self._press.copy()
        return twin

    def step(self, end_sample: int, sight: Sight | None) -> list[Event]:
        """
        Take one hop.

        Args:
            end_sample: one past the hop's last sample.
            sight: what a look at it saw; `None` if nothing called for one.
        """
        if self._pending is not None and self._pending.until_sample < end_sample:
            self._pending = None
        if sight is not None and self._accepts(sight, end_sample):
            return self._accept(sight, end_sample)
        events: list[Event] = []
        if self._press is not None:
            self._press.follow(sight, end_sample)
            if self._press.misses > self._max_misses:
                events += self._end()
        elif sight is not None and sight.is_near:
            self._note(sight, end_sample)
        elif self._near is not None and end_sample > self._near[0]:
            events, self._near = [self._near[1]], None
        return events

    def finish(self) -> list[Event]:
        """
        End the stream: whatever is open is over.
        """
        if self._press is not None:
            return self._end()
        near, self._near = self._near, None
        return [] if near is None else [near[1]]

    def _accepts(self, sight: Sight, end_sample: int) -> bool:
        press = self._press
        if sight.reason is not None or (
            press is not None
            and (
                (press.row, press.column) == (sight.row, sight.column)
                or press.is_present(sight)
            )
        ):
            return False
        needed = -self._bonus if self._is_known(sight, end_sample) else 0.0
        pair = sight.row, sight.column
        if sight.margin >= needed and not self._is_echo(sight, end_sample):
            size = sight.size
            if self._pending is not None and self._pending.pair == pair:
                size = max(size, self._pending.size)
            until = end_sample + LONG_HOPS * HOP_SAMPLES
            self._pending = _Pending(pair, until, size)
        # What was certain before it was long enough is certain when it is.
        pending = self._pending
        return (
            pending is not None
            and pending.pair == pair
            and self._is_long_enough(sight, pending.size)
        )

    def _is_long_enough(self, sight: Sight, size: float = 0.0) -> bool:
        # A window that the tone has partly left makes its hops look fuller.
        scale = 1.0 if sight.size >= size else (sight.size / size) ** 0.5
        low, high = _FILL_RANGE
        energy = scale**2
        hops = [
            1.0 if other * energy >= _HIDING else min(max(f * scale, low), high)
            for f, other in zip(sight.filled, sight.other, strict=True)
        ]
        newest = slice(-ceil(self._min_fill), None)
        is_clean = max(sight.other[newest]) < _CLEAN_OTHER
        if is_clean and sum(hops[newest]) >= self._min_fill - _TOLERANCE_HOPS:
            return True
        return sum(hops) >= self._min_fill + _UNCERTAIN_HOPS

    def _is_known(self, sight: Sight, end_sample: int) -> bool:
        known = self._telephone
        return (
            known is not None
            and end_sample - known.at_sample < _KNOWN_SAMPLES
            and abs(sight.offset_low - known.offset_low) < _SAME_OFFSET
            and abs(sight.offset_high - known.offset_high) < _SAME_OFFSET
            and _are_alike(sight.judged_low, known.low_power)
            and _are_alike(sight.judged_high, known.high_power)
        )

    def _is_echo(self, sight: Sight, end_sample: int) -> bool:
        if self._last_end is None:
            return False
        digit, ended, low, high = self._last_end
        return (
            digit == digit_at(sight.row, sight.column)
            and end_sample - ended < _ECHO_SAMPLES + LONG_HOPS * HOP_SAMPLES
            and sight.low_power < low * _ECHO_LEVEL
            and sight.high_power < high * _ECHO_LEVEL
        )

    def _accept(self, sight: Sight, end_sample: int) -> list[Event]:
        events = self._end() if self._press is not None else []
        self._near = self._pending = None
        press = self._press = _Press(sight, end_sample)
        self._telephone = Telephone(
            sight.offset_low,
            sight.offset_high,
            sight.judged_low,
            sight.judged_high,
            end_sample,
        )
        return [
            *events,
            ToneStarted(press.digit, press.start_sample),
            DigitDetected(press.digit, press.start_sample, end_sample),
        ]

    def _end(self) -> list[Event]:
        press, self._press = self._press, None
        assert press is not None  # callers checked
        self._last_end = (
            press.digit,
            press.end_sample,
            *press.peak,
        )
        return [
            ToneEnded(
                digit=press.digit,
                start_sample=press.start_sample,
                end_sample=press.end_sample,
                low_dbm0=dbm0_from_power(press.low_power),
                high_dbm0=dbm0_from_power(press.high_power),
            )
        ]

    def _note(self, sight: Sight, end_sample: int) -> None:
        """
        Remember what came close, to tell of it when it is over.
        """
        over = end_sample + LONG_HOPS * HOP_SAMPLES
        if self._near is not None:
            self._near = (over, self._near[1])
            return
        reason = sight.reason
        if reason is None:
            enough = self._is_long_enough(sight)
            reason = MissReason.NOT_CLEAN if enough else MissReason.TOO_SHORT
        self._near = (over, NearMiss(reason, _onset(sight, end_sample)))


def hops_of_quiet(profile: Profile) -> int:
    """
    Give the hops without a sight after which a tracker certainly is idle.
    """
    return max(LONG_HOPS, _max_misses(profile)) + 1


def _max_misses(profile: Profile) -> int:
    return samples_from_ms(profile.max_break_ms) // HOP_SAMPLES


def _are_alike(power: float, other: float) -> bool:
    return power < other * _SAME_LEVEL and other < power * _SAME_LEVEL


def _onset(sight: Sight, end_sample: int) -> int:
    """
    Place the beginning of what a look saw.
    """
    filled = sight.filled
    hop = LONG_HOPS - 1
    while hop > 0 and max(filled[max(0, hop - 4) : hop]) >= _TONE_END:
        hop -= 1
    part = min(1.0, max(0.0, filled[hop]))
    hops = LONG_HOPS - hop - 1 + part
    return max(0, round(end_sample - sight.late_samples - hops * HOP_SAMPLES))


class _Press:
    """
    A key that is down.
    """

    __slots__ = (
        "column",
        "digit",
        "end_sample",
        "high_power",
        "low_power",
        "misses",
        "n_looks",
        "peak",
        "reference",
        "row",
        "start_sample",
    )

    def __init__(self, sight: Sight, end_sample: int) -> None:
        self.row, self.column = sight.row, sight.column
        self.digit = digit_at(sight.row, sight.column)
        self.start_sample = _onset(sight, end_sample)
        self.end_sample = end_sample - sight.late_samples
        self.low_power, self.high_power = sight.low_power, sight.high_power
        self.peak = sight.low_power, sight.high_power
        low, high = self._powers(sight)
        # Seen late, the tone may be half out of the last 10 ms already.
        self.reference = (
            max(low, 0.7 * self.low_power),
            max(high, 0.7 * self.high_power),
        )
        self.misses = 0
        self.n_looks = 1

    def copy(self) -> "_Press":
        twin = object.__new__(_Press)
        for name in self.__slots__:
            setattr(twin, name, getattr(self, name))
        return twin

    def _powers(self, sight: Sight) -> tuple[float, float]:
        return sight.tone_power[self.row], sight.tone_power[4 + self.column]

    def share(self, sight: Sight) -> float:
        """
        Give the power of the press's tones now, over what it was at first.
        """
        low, high = self._powers(sight)
        low, high = low / self.reference[0], high / self.reference[1]
        # The next key may share one tone with this one.
        return (low + high) / 2 if min(low, high) >= _BOTH_PRESENT else 0.0

    def is_present(self, sight: Sight) -> bool:
        return self.share(sight) >= _PRESENT

    def follow(self, sight: Sight | None, end_sample: int) -> None:
        if sight is None or not self.is_present(sight):
            self.misses += 1
            return
        self.misses = 0
        # A 10 ms window that the tone has partly left tells where it ended.
        filled = min(1.0, self.share(sight)) ** 0.5
        empty = round((1 - filled) * 4 * HOP_SAMPLES)
        self.end_sample = max(
            self.start_sample, end_sample - sight.late_samples - empty
        )
        if (sight.row, sight.column) != (self.row, self.column):
            return
        low, high = self.peak
        self.peak = max(low, sight.low_power), max(high, sight.high_power)
        if sum(sight.filled[-SHORT_HOPS:]) >= _FULL_HOPS:
            self._weigh(sight)

    def _weigh(self, sight: Sight) -> None:
        """
        Let one more look have its part in the mean levels.
        """
        self.n_looks += 1
        self.low_power += (sight.low_power - self.low_power) / self.n_looks
        self.high_power += (sight.high_power - self.high_power) / self.n_looks
