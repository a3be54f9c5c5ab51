"""
One leg: what it remembers, and the walk through its hops.

At every hop that matters the leg asks two questions. The detector's: is the
block a digit? The masker's: may a tone be in the air? The second is asked
with a shorter window and wider limits, because what the agent must not hear is
more than what the session should count.
"""

from copy import copy
from dataclasses import dataclass, field, replace

import numpy as np

from dtmf_engine.arrays import Bool, Int16
from dtmf_engine.comfort_noise import model_background
from dtmf_engine.decision import Decision, Hit, ToneTracker, decide
from dtmf_engine.events import Event, MissReason
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.masker import Masker, clean_samples
from dtmf_engine.units import samples_from_ms
from dtmf_engine.windows import BLOCK_SAMPLES, TRIGGER_HOPS, TRIGGER_SAMPLES, Windows


BACKGROUND_SAMPLES = samples_from_ms(256)
"""How far back the background is heard for comfort noise."""

UNWATCHED_SAMPLES = TRIGGER_SAMPLES + HOP_SAMPLES
"""
A press that has this much of the stream or less on one side of a gap, or before
the end, fills no trigger window: nobody would see it.
"""


@dataclass(slots=True)
class Leg:
    """
    Detector and masker of one leg.
    """

    tracker: ToneTracker
    masker: Masker
    seed: int
    lost: list[tuple[int, int]] = field(default_factory=list)
    """Stretches of the stream that never came: first sample, one past the last."""

    def copy(self) -> "Leg":
        """
        Give a leg that can go on while this one stays as it is.
        """
        return replace(
            self,
            tracker=copy(self.tracker),
            masker=self.masker.copy(),
            lost=list(self.lost),
        )

    def forget(self, before_sample: int) -> None:
        """
        Drop masks and gaps that ended before a sample.
        """
        self.masker.forget(before_sample)
        self.lost = [gap for gap in self.lost if gap[1] > before_sample]

    def is_idle(self, at_sample: int) -> bool:
        """
        Whether nothing is in the air and no mask reaches beyond a sample.
        """
        return (
            self.tracker.is_idle
            and not self.masker.everything
            and not self.masker.covers(at_sample)
        )

    def walk(
        self,
        windows: Windows,
        i: int,
        interesting: Bool,
        recent: Int16,
        first_sample: int,
    ) -> list[Event]:
        """
        Go through the hops of one batch, skipping those where nothing can happen.

        Args:
            windows: of the batch.
            i: this leg's row in them.
            interesting: [shape=(k,)] which hops are.
            recent: [shape=(n,)] audio that ends with the batch's last whole hop
                and reaches back over look-ahead and background.
            first_sample: place of the batch's first hop in the stream.
        """
        places = np.flatnonzero(interesting)
        n_hops = len(interesting)
        end_of_recent = first_sample + n_hops * HOP_SAMPLES
        events: list[Event] = []
        k = 0
        while k < n_hops:
            end = first_sample + (k + 1) * HOP_SAMPLES
            if not interesting[k] and self.is_idle(end):
                later = places[np.searchsorted(places, k) :]
                if not later.size:
                    break
                k = int(later[0])
                continue
            decision = self._decide(
                windows, i, k, end, is_interesting=bool(interesting[k])
            )
            events += self.tracker.step(decision, end)
            if isinstance(decision, Hit) or self._wants_mask(windows, i, k, end):
                self.mask(end, recent[: len(recent) - (end_of_recent - end)])
            k += 1
        return events

    def mask(self, at_sample: int, recent: Int16) -> None:
        """
        Mask the look-ahead and go on masking.

        Args:
            at_sample: how much of the stream has been heard.
            recent: audio up to there.
        """
        masker = self.masker
        if masker.needs_noise(at_sample):
            self._hear_background(at_sample, recent)
        masker.mask(at_sample, at_sample + masker.sensitivity.hang_samples)

    def lose(self, start_sample: int, end_sample: int, recent: Int16) -> None:
        """
        Take note that a stretch of the stream will never come.

        The agent gets noise for it, and for what next to it cannot be watched.

        Args:
            start_sample: its first sample, the next one that was due.
            end_sample: one past its last.
            recent: audio up to there.
        """
        self.lost.append((start_sample, end_sample))
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

    def _is_lost(self, start_sample: int, end_sample: int) -> bool:
        return any(a < end_sample and b > start_sample for a, b in self.lost)

    def _decide(
        self, windows: Windows, i: int, k: int, end: int, *, is_interesting: bool
    ) -> Decision | None:
        if self.lost and self._is_lost(end - BLOCK_SAMPLES, end):
            return None
        if not is_interesting:
            # The walk comes by only because of a mask; what it says of the
            # stream must not depend on that.
            return MissReason.QUIET
        powers = windows.power[i, k].tolist()
        return decide(powers, float(windows.total[i, k]), self.tracker.limits)

    def _wants_mask(self, windows: Windows, i: int, k: int, end: int) -> bool:
        masker = self.masker
        if masker.everything:
            return True
        if self.lost and self._is_lost(end - TRIGGER_SAMPLES, end):
            # `lose` has seen to what such a window would tell.
            return False
        limits = masker.sensitivity
        first_hop = end // HOP_SAMPLES - TRIGGER_HOPS
        share, low, high = windows.trigger(i, k, first_hop)
        on = masker.covers(end)
        if share < (limits.hold_share if on else limits.start_share):
            return False
        weaker, stronger = min(low, high), max(low, high)
        return weaker >= limits.min_power and stronger <= weaker * limits.max_twist
