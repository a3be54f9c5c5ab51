"""
The decision: from the energies of blocks to hits and misses, and to events.

A block is 5 hops, 100 samples, 12.5 ms; blocks overlap by 80 samples. `decide`
judges one block by itself. `ToneTracker` watches the run of judgements and
says what the caller did. Written as runs of blocks, 2.5 ms apart, with `d` a
hit of one digit, `e` a hit of another, `.` a miss and `?` audio that was lost:

    run                          meaning
    d                            perhaps a tone: wait for the next block
    d d                          ToneStarted
    d … d for the minimum tone   DigitDetected, once
    d d . . d d                  a break inside the press, if shorter than the
                                 profile's `max_break_ms`; the press goes on
    d d . . . .                  over: ToneEnded if it was a digit, else
                                 NearMiss(too-short)
    d d . e e                    over at the second e, which is the new tone
    d d e d d                    one odd block inside a press changes nothing
    d d ? ? d d                  lost audio neither ends nor lengthens a press
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

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
from dtmf_engine.profiles import Profile
from dtmf_engine.units import (
    dbm0_from_power,
    power_from_dbm0,
    ratio_from_db,
    samples_from_ms,
)
from dtmf_engine.windows import BLOCK_HOPS, BLOCK_SAMPLES


@dataclass(frozen=True, slots=True)
class Hit:
    """
    A block that looks like a digit.
    """

    digit: str
    low_power: float
    high_power: float
    total: float
    """Mean-square power of the whole block, to tell how full of tone it is."""


@dataclass(frozen=True, slots=True)
class Limits:
    """
    A profile's limits in linear form, computed once.
    """

    min_power: float
    max_low_over_high: float
    max_high_over_low: float
    min_peak: float
    min_share: float
    min_hits: int
    max_misses: int

    @classmethod
    def of(cls, profile: Profile) -> "Limits":
        """
        Convert a profile.
        """
        # A tone of n samples fills (n − 100) / 20 + 1 blocks, and at each end
        # one more block is full enough to hit.
        hops = samples_from_ms(profile.min_tone_ms) // HOP_SAMPLES
        # A break of b samples empties every block that touches more than a
        # fifth of it: (b + 100 − 2 · 20) / 20 blocks.
        gap = samples_from_ms(profile.max_break_ms) + BLOCK_SAMPLES - 2 * HOP_SAMPLES
        return cls(
            min_power=power_from_dbm0(profile.min_tone_dbm0),
            max_low_over_high=ratio_from_db(profile.max_low_over_high_db),
            max_high_over_low=ratio_from_db(profile.max_high_over_low_db),
            min_peak=ratio_from_db(profile.min_peak_db),
            min_share=profile.min_energy_share,
            min_hits=max(2, hops - BLOCK_HOPS + 2),
            max_misses=gap // HOP_SAMPLES + 1,
        )


Decision: TypeAlias = Hit | MissReason


def decide(powers: Sequence[float], total: float, limits: Limits) -> Decision:
    """
    Judge one block.

    Args:
        powers: mean-square power of the eight tones, low group first.
        total: mean-square power of the block.
        limits: what to judge by.
    """
    low = max(range(4), key=powers.__getitem__)
    high = max(range(4, 8), key=powers.__getitem__)
    low_power, high_power = powers[low], powers[high]
    if min(low_power, high_power) < limits.min_power:
        return MissReason.QUIET
    if low_power > high_power * limits.max_low_over_high:
        return MissReason.LOW_OVER_HIGH
    if high_power > low_power * limits.max_high_over_low:
        return MissReason.HIGH_OVER_LOW
    if any(powers[t] * limits.min_peak > low_power for t in range(4) if t != low):
        return MissReason.LOW_PEAK
    if any(powers[t] * limits.min_peak > high_power for t in range(4, 8) if t != high):
        return MissReason.HIGH_PEAK
    if low_power + high_power < total * limits.min_share:
        return MissReason.ENERGY_SHARE
    return Hit(digit_at(low, high - 4), low_power, high_power, total)


_TELLING = frozenset(
    {MissReason.LOW_PEAK, MissReason.HIGH_PEAK, MissReason.ENERGY_SHARE}
)
"""Misses worth an event: level and twist were right, something else was not."""


class ToneTracker:
    """
    One leg's run of decisions, turned into events.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._digit: str | None = None
        self._first = self._last = (0, 0.0)
        self._full_power = 0.0
        self._hits = 0
        self._misses = 0
        self._reported = False
        self._low_power = 0.0
        self._high_power = 0.0
        self._rival: str | None = None
        self._near = False

    @property
    def is_idle(self) -> bool:
        """
        Whether nothing is going on, so that blocks of no interest may be skipped.
        """
        return self._digit is None and not self._near

    def step(self, decision: Decision | None, end_sample: int) -> list[Event]:
        """
        Take the decision on the block that ends before `end_sample`.

        Args:
            decision: hit, miss, or `None` where audio was lost.
            end_sample: one past the block's last sample.
        """
        if decision is None:
            return []
        if isinstance(decision, Hit):
            self._near = False
            return self._hit(decision, end_sample)
        return self._miss(decision, end_sample)

    def finish(self) -> list[Event]:
        """
        End the stream: whatever is open is over.
        """
        return self._end()

    def _hit(self, hit: Hit, end_sample: int) -> list[Event]:
        events: list[Event] = []
        if self._digit is not None and hit.digit != self._digit:
            if self._rival != hit.digit:
                self._rival = hit.digit
                return self._count_miss()
            events += self._end()
        if self._digit is None:
            self._begin(hit, end_sample)
            return events
        self._rival = None
        self._misses = 0
        self._hits += 1
        self._last = (end_sample, hit.total)
        self._full_power = max(self._full_power, hit.low_power + hit.high_power)
        self._low_power += hit.low_power
        self._high_power += hit.high_power
        if self._hits == 2:
            events.append(ToneStarted(self._digit, self._start()))
        if self._hits >= self.limits.min_hits and not self._reported:
            self._reported = True
            events.append(DigitDetected(self._digit, self._start(), end_sample))
        return events

    def _begin(self, hit: Hit, end_sample: int) -> None:
        self._digit = hit.digit
        self._first = self._last = (end_sample, hit.total)
        self._full_power = hit.low_power + hit.high_power
        self._hits = 1
        self._misses = 0
        self._low_power = hit.low_power
        self._high_power = hit.high_power

    def _start(self) -> int:
        """
        Place the onset in the first block that hit.
        """
        end_sample, total = self._first
        return max(0, end_sample - self._filled(total))

    def _stop(self) -> int:
        """
        Place the end in the last block that hit.
        """
        end_sample, total = self._last
        return end_sample - BLOCK_SAMPLES + self._filled(total)

    def _filled(self, total: float) -> int:
        """
        Tell how many samples of a block are tone, by its power.
        """
        return round(min(1.0, total / self._full_power) * BLOCK_SAMPLES)

    def _miss(self, reason: MissReason, end_sample: int) -> list[Event]:
        if self._digit is not None:
            return self._count_miss()
        was_near, self._near = self._near, reason in _TELLING
        if self._near and not was_near:
            return [NearMiss(reason, max(0, end_sample - BLOCK_SAMPLES))]
        return []

    def _count_miss(self) -> list[Event]:
        self._misses += 1
        limit = self.limits.max_misses if self._hits > 1 else 1
        return self._end() if self._misses > limit else []

    def _end(self) -> list[Event]:
        if self._digit is None:
            return []
        digit, self._digit, self._rival = self._digit, None, None
        hits, reported, self._reported = self._hits, self._reported, False
        if reported:
            return [
                ToneEnded(
                    digit=digit,
                    start_sample=self._start(),
                    end_sample=self._stop(),
                    low_dbm0=dbm0_from_power(self._low_power / hits),
                    high_dbm0=dbm0_from_power(self._high_power / hits),
                )
            ]
        if hits > 1:
            return [NearMiss(MissReason.TOO_SHORT, self._start())]
        return []
