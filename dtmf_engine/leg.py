"""
One leg's masking: what it remembers, and the walk through its hops.

At every hop that matters the masker asks whether a pair of tones may have begun
or may still be there. It asks earlier and with wider limits than the detector,
because what the agent must not hear is more than what the session should count.

    alarm    the early score of a look is high enough: a mask begins
    hold     a mask is on, or was a look-ahead ago, and the pair may still be there
    alert    a capture is armed, or a key was pressed lately: who keys one digit
             keys more. Every hop is looked at, alarms are raised more readily, and
             fragments are looked for.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from dtmf_engine.arrays import Int16
from dtmf_engine.comfort_noise import model_background
from dtmf_engine.edges import hops_since_begin, hops_since_end
from dtmf_engine.fragments import REACH_SAMPLES, Fragments, find_fragments
from dtmf_engine.glances import Glance
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.masker import FADE_SAMPLES, Masker, clean_samples
from dtmf_engine.units import samples_from_ms


BACKGROUND_SAMPLES = samples_from_ms(256)
"""How far back the background is heard for comfort noise."""

FIRST_ALARM_SAMPLES = samples_from_ms(12.5)
"""
What of a press a look must have seen to raise an alarm: half a millisecond less
than the early network was taught (`benchmarks/training_data.py`).
"""

UNWATCHED_SAMPLES = samples_from_ms(18)
"""
A press that has this much of the stream or less on one side of a gap, or before
the end, may raise no alarm in time: nobody would see it.
"""

SHORTEST_DELAY_SAMPLES = FIRST_ALARM_SAMPLES + HOP_SAMPLES + FADE_SAMPLES
"""Look-ahead below which a press is heard before a mask covers it."""

KEYING_SAMPLES = samples_from_ms(10_000)
"""How long after a press the next one is waited for: twice the default timeout."""

TAIL_HOPS = 2
"""For how many quiet hops a mask goes on after what it covers: in one of them looks
still see half of some keys."""

WATCH_HOPS = 16
"""At how many hops at a time a mask that goes on is looked at."""


@dataclass(frozen=True, slots=True)
class Watch:
    """
    What a walk may ask of a batch of audio.
    """

    glances: dict[int, Glance]
    """What is known of its hops."""
    look: Callable[[int, int], Mapping[int, Glance]]
    """Looks at more of them: from the first, up to but not including the last."""
    sounding: Collection[int]
    """Ends of the hops at which the detector heard a press."""
    reported: Collection[int]
    """Those at which it reported a digit."""
    recent: Int16
    """[shape=(n,)] audio that ends with the batch's last whole hop and reaches
    back over look-ahead and background."""
    first_sample: int
    """Place of the batch's first hop in the stream."""
    n_hops: int

    def until(self, k: int) -> Int16:
        """
        Give the audio up to the end of a hop.
        """
        return self.recent[: len(self.recent) - (self.n_hops - 1 - k) * HOP_SAMPLES]

    def fragments(self) -> Fragments:
        """
        Look for fragments in all hops.
        """
        n = self.n_hops * HOP_SAMPLES + REACH_SAMPLES
        return find_fragments(self.recent[-n:])


@dataclass(slots=True)
class Leg:
    """
    The masker of one leg.
    """

    masker: Masker
    seed: int
    keying_until: int = 0
    """Place in the stream up to which more presses are to be expected."""

    def copy(self) -> "Leg":
        """
        Give a leg that can go on while this one stays as it is.
        """
        return Leg(self.masker.copy(), self.seed, self.keying_until)

    def is_alert(self, at_sample: int) -> bool:
        """
        Whether presses are to be expected.
        """
        return self.masker.armed or at_sample < self.keying_until

    def is_watching(self, at_sample: int) -> bool:
        """
        Whether every hop matters, because of what is expected or goes on.
        """
        masker = self.masker
        return (
            masker.everything
            or self.is_alert(at_sample)
            or masker.covers(at_sample - masker.delay_samples)
        )

    def is_at_rest(self, at_sample: int) -> bool:
        """
        Whether there is nothing of which a next sample could need to know.
        """
        masker = self.masker
        has_masks = bool(masker.spans or masker.beeps)
        return not (has_masks or masker.everything or self.is_alert(at_sample))

    def watched_hops(self, at_sample: int, n_hops: int) -> int:
        """
        Tell at how many of the next hops a look is wanted whatever there is.
        """
        if self.is_alert(at_sample):
            return n_hops
        return min(n_hops, WATCH_HOPS) if self.is_watching(at_sample) else 0

    def walk(self, watch: Watch) -> None:
        """
        Go through the hops of one batch, skipping those where nothing can happen.
        """
        masker = self.masker
        found: list[bool] | None = None
        begins: list[bool] = []
        k = 0
        marked = sorted(
            {k for k, glance in watch.glances.items() if glance.is_worth}
            | {(end - watch.first_sample) // HOP_SAMPLES - 1 for end in watch.sounding}
        )
        while k < watch.n_hops:
            start = watch.first_sample + k * HOP_SAMPLES
            alert = self.is_alert(start)
            if not alert and not self.is_watching(start):
                # Nor is anything expected further on: what is marked is next.
                following = bisect_left(marked, k)
                if following == len(marked):
                    return
                k = marked[following]
                start = watch.first_sample + k * HOP_SAMPLES
            elif k not in watch.glances:
                watch.glances.update(watch.look(k, min(k + WATCH_HOPS, watch.n_hops)))
            end = start + HOP_SAMPLES
            if alert and found is None:
                fragments = watch.fragments()
                found, begins = fragments.found.tolist(), fragments.begins.tolist()
            sounds = end in watch.sounding
            if sounds:
                self.keying_until = end + KEYING_SAMPLES
                if masker.marks and end in watch.reported:
                    masker.beep(end)
            if alert and begins[k]:
                # What comes next may be a part of it too short for an alarm.
                self.mask(end, watch.until(k), UNWATCHED_SAMPLES)
            elif (
                sounds
                or masker.everything
                or (alert and found is not None and found[k])
                or masker.wants(watch.glances.get(k), end, alert=alert)
                or self._is_in_tail(end, watch, k)
            ):
                self._mask_hop(end, watch, k, alert=alert)
            k += 1

    def _mask_hop(self, at_sample: int, watch: Watch, k: int, *, alert: bool) -> None:
        """
        Mask the look-ahead from a hop on; a new mask begins where sound began.
        """
        if not self.masker.needs_noise(at_sample):
            # It goes on: nothing asks where it began.
            self._go_on(at_sample)
            return
        recent = watch.until(k)
        late = self.masker.late_samples(hops_since_begin(recent), alert=alert)
        self.mask(at_sample, recent, late_samples=late)

    def mask(
        self, at_sample: int, recent: Int16, n_samples: int = 0, late_samples: int = 0
    ) -> None:
        """
        Mask the look-ahead and go on masking.

        Args:
            at_sample: how much of the stream has been heard.
            recent: audio up to there.
            n_samples: how long to go on at least.
            late_samples: how much of the look-ahead a new mask leaves as it came.
        """
        if self.masker.needs_noise(at_sample):
            self._hear_background(at_sample, recent)
        self._go_on(at_sample, n_samples, late_samples)

    def _go_on(self, at_sample: int, n_samples: int = 0, late_samples: int = 0) -> None:
        hang = self.masker.hang_samples(alert=self.is_alert(at_sample))
        until_sample = at_sample + max(hang, n_samples)
        self.masker.mask(at_sample, until_sample, late_samples)

    def _is_in_tail(self, at_sample: int, watch: Watch, k: int) -> bool:
        """
        Tell whether what a mask covered has only just ended.
        """
        if not self.masker.covers(at_sample - 1):
            return False
        return 1 <= hops_since_end(watch.until(k)) <= TAIL_HOPS

    def lose(self, start_sample: int, end_sample: int, recent: Int16) -> None:
        """
        Give the agent noise for a stretch of the stream that will never come.

        What lies next to it cannot be watched, and becomes noise as well.

        Args:
            start_sample: its first sample, the next one that was due.
            end_sample: one past its last.
            recent: audio up to there.
        """
        if self.masker.needs_noise(start_sample):
            self._hear_background(start_sample, recent)
        self.masker.blank(
            start_sample - UNWATCHED_SAMPLES,
            end_sample + UNWATCHED_SAMPLES,
            start_sample,
        )

    def _hear_background(self, at_sample: int, recent: Int16) -> None:
        until = at_sample - self.masker.delay_samples
        n = min(BACKGROUND_SAMPLES, max(0, until))
        stop = len(recent) - self.masker.delay_samples
        history = recent[stop - n : stop]
        clean = clean_samples(self.masker.spans, until - n, n)
        model = model_background(history, clean)
        if model is not None:
            self.masker.noise = model
