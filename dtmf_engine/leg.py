"""
One leg's masking: what it remembers, and the walk through its hops.

At every hop that matters the masker asks whether a tone may be in the air. It
asks with a shorter window and wider limits than the detector, because what the
agent must not hear is more than what the session should count.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from dtmf_engine.arrays import Bool, Int16
from dtmf_engine.comfort_noise import model_background
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.masker import Masker, clean_samples
from dtmf_engine.triggers import TRIGGER_SAMPLES, Triggers
from dtmf_engine.units import samples_from_ms


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
    The masker of one leg.
    """

    masker: Masker
    seed: int

    def copy(self) -> "Leg":
        """
        Give a leg that can go on while this one stays as it is.
        """
        return replace(self, masker=self.masker.copy())

    def is_idle(self, at_sample: int) -> bool:
        """
        Whether no mask reaches beyond a sample.
        """
        return not self.masker.everything and not self.masker.covers(at_sample)

    def walk(
        self,
        triggers: Triggers,
        i: int,
        interesting: Bool,
        sounding: Collection[int],
        is_lost: Callable[[int], bool],
        recent: Int16,
        first_sample: int,
    ) -> None:
        """
        Go through the hops of one batch, skipping those where nothing can happen.

        Args:
            triggers: of the batch.
            i: this leg's row in them.
            interesting: [shape=(k,)] which hops are.
            sounding: ends of the hops at which the detector heard a press.
            is_lost: tells whether the 10 ms before a sample touch a gap.
            recent: [shape=(n,)] audio that ends with the batch's last whole hop
                and reaches back over look-ahead and background.
            first_sample: place of the batch's first hop in the stream.
        """
        n_hops = len(interesting)
        end_of_recent = first_sample + n_hops * HOP_SAMPLES
        for k in range(n_hops):
            end = first_sample + (k + 1) * HOP_SAMPLES
            if end in sounding or (
                (interesting[k] or not self.is_idle(end))
                and self._wants_mask(triggers, i, k, end, is_lost)
            ):
                self.mask(end, recent[: len(recent) - (end_of_recent - end)])

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

    def _wants_mask(
        self,
        triggers: Triggers,
        i: int,
        k: int,
        end: int,
        is_lost: Callable[[int], bool],
    ) -> bool:
        masker = self.masker
        if masker.everything:
            return True
        if is_lost(end):
            # `lose` has seen to what such a window would tell.
            return False
        limits = masker.sensitivity
        share, low, high = triggers.fit(i, k)
        on = masker.covers(end)
        if share < (limits.hold_share if on else limits.start_share):
            return False
        weaker, stronger = min(low, high), max(low, high)
        return weaker >= limits.min_power and stronger <= weaker * limits.max_twist
