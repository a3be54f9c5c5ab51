"""
The mask: which samples of one leg are replaced, and the replacing.

Everything here counts samples of the input stream. The audio leaves `delay`
samples after it came in, so a trigger at input sample t may still change any
sample from t − delay on, and nothing before: `Masker` keeps to that, whatever
the size of the chunks.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import numpy as np

from dtmf_engine.arrays import Bool, Float64, Int16
from dtmf_engine.comfort_noise import DEFAULT_NOISE, NoiseModel
from dtmf_engine.compiled import compiled
from dtmf_engine.errors import ParameterError
from dtmf_engine.glances import Glance
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.marker import BEEP_SAMPLES, Beep, next_place
from dtmf_engine.units import (
    FULL_SCALE,
    power_from_dbm0,
    ratio_from_db,
    samples_from_ms,
)


class Policy(StrEnum):
    """
    What the agent leg does with the caller's audio.
    """

    TONES = "tones"
    """Tones are replaced, always; more sensitively while a capture is armed."""
    STRICT = "strict"
    """As `tones`, and all of the caller's audio is replaced while armed."""
    MARKER = "marker"
    """As `tones`, and each press is told by one beep, always the same."""


def get_policy(policy: str | Policy) -> Policy:
    """
    Give a policy by its name.

    Raises:
        ParameterError: no policy has that name.
    """
    try:
        return Policy(policy)
    except ValueError:
        raise ParameterError(
            f"policy: expected one of {', '.join(Policy)}, got {policy!r}"
        ) from None


FADE_SAMPLES = samples_from_ms(2)
"""Cross-fade at both ends of a mask: long enough not to click."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """
    When a mask begins and how long it lasts.
    """

    min_power: float
    """Quietest tone of a pair that is masked, mean square."""
    max_twist: float
    """Largest ratio between the two tones of a pair, either way."""
    min_alarm: float
    """Early score that begins a mask."""
    share_weight: float
    """
    What the part of the last 10 ms that a pair holds adds to that score.

    The network was taught with sound of every kind around a press; a pair that holds
    most of what there is is one whatever it says.
    """
    min_share: float
    """
    Part that a pair must hold to begin a mask or to keep one going by its score.

    The best of sixteen pairs holds a tenth of noise, a quarter once in thousands of
    looks.
    """
    min_hold: float
    """Early score that keeps one going."""
    hold_share: float
    """Part of the last 10 ms that a pair must hold to keep it going as well."""
    hang_samples: int
    """How long a mask outlasts the last look that kept it going."""
    alarm_hops: int
    """
    In which hop of a press the last alarms come: a mask begins as if all of them did.

    Some keys are heard a hop or two sooner than others, which is not to be seen
    (`python -m benchmarks.leaks --only alike`).
    """


ALWAYS = Sensitivity(
    # Masking is wider than detection on every side: what is no digit by the
    # detector's limits can be one to an attacker.
    min_power=power_from_dbm0(-55.0),
    max_twist=ratio_from_db(15.0),
    min_alarm=3.5,
    share_weight=0.0,
    min_share=0.0,
    min_hold=-1.0,
    hold_share=0.5,
    hang_samples=samples_from_ms(2.5),
    alarm_hops=6,
)
"""With no press to be expected."""

ALERT = Sensitivity(
    min_power=power_from_dbm0(-60.0),
    max_twist=ratio_from_db(20.0),
    min_alarm=-1.5,
    share_weight=8.0,
    min_share=0.25,
    min_hold=-3.5,
    hold_share=0.5,
    hang_samples=samples_from_ms(2.5),
    alarm_hops=2,
)
"""
While a capture is armed, and after a press: clipped speech costs little, a leak
costs all.
"""

_CERTAIN = 0.0
"""Early score of an alarm that was for a press more often than not."""

_PRESENT = 0.1
"""Power over that at the alarm above which each tone of a mask's pair is still
there, in spite of all other sound: −10 dB."""

_PRESENT_SAMPLES = samples_from_ms(100)
"""
How long that is believed without a look that saw the pair alone. Noise always has
some of every pair; a talker pauses more often than this.
"""


Edges: TypeAlias = tuple[int, int, int, int]
"""Where a fade begins, the sound is full, is so no more, and the fade is over."""


class Span(NamedTuple):
    """
    One stretch of replaced audio, with its fades, in samples of the stream.
    """

    fade_from: int
    full_from: int
    full_until: int
    fade_until: int
    sound: NoiseModel | Beep

    @property
    def edges(self) -> Edges:
        """
        Its four places, without its sound.
        """
        return self[:4]

    def until(self, full_until: int) -> "Span":
        """
        Give a span that begins as this one and ends elsewhere.
        """
        fade_until = full_until + FADE_SAMPLES
        return Span(self.fade_from, self.full_from, full_until, fade_until, self.sound)


@dataclass(slots=True)
class Masker:
    """
    One leg's masks.
    """

    delay_samples: int
    spans: list[Span] = field(default_factory=list)
    beeps: list[Span] = field(default_factory=list)
    """Laid over the masks."""
    noise: NoiseModel = DEFAULT_NOISE
    marks: bool = False
    """Whether presses are told by beeps."""
    armed: bool = False
    everything: bool = False
    """Whether all audio is being replaced, tone or not."""
    pair: Glance | None = None
    """What raised the surest of the last alarms."""
    present_until: int = 0
    """How long its tones keep a mask going that are not alone."""

    def copy(self) -> "Masker":
        """
        Give a masker that can go on while this one stays as it is.
        """
        return Masker(
            self.delay_samples,
            spans=self.spans.copy(),
            beeps=self.beeps.copy(),
            noise=self.noise,
            marks=self.marks,
            armed=self.armed,
            everything=self.everything,
            pair=self.pair,
            present_until=self.present_until,
        )

    @property
    def overlays(self) -> list[Span]:
        """
        All that is laid over the audio, in the order in which it is.
        """
        return [*self.spans, *self.beeps]

    def hang_samples(self, *, alert: bool) -> int:
        """
        How long a mask outlasts what it is for.
        """
        return (ALERT if alert else ALWAYS).hang_samples

    def late_samples(self, hops: int, *, alert: bool) -> int:
        """
        Tell how much of the look-ahead a new mask leaves as it came.

        Args:
            hops: since sound began out of quiet, the first included; 0 if it did not.
            alert: whether presses are to be expected.
        """
        limits = ALERT if alert else ALWAYS
        return max(0, limits.alarm_hops - hops) * HOP_SAMPLES if hops else 0

    def wants(self, glance: Glance | None, at_sample: int, *, alert: bool) -> bool:
        """
        Tell whether what was seen at a hop is to be masked.

        Args:
            glance: what was seen.
            at_sample: end of the hop.
            alert: whether presses are to be expected.
        """
        if glance is None:
            return False
        limits = ALERT if alert else ALWAYS
        low, high = glance.powers
        weaker, stronger = min(low, high), max(low, high)
        inside = weaker >= limits.min_power and stronger <= weaker * limits.max_twist
        is_on = self.covers(at_sample - self.delay_samples)
        is_much = glance.share >= limits.min_share or glance.score >= _CERTAIN
        alarm = glance.score + limits.share_weight * glance.share
        if inside and is_much and alarm >= limits.min_alarm:
            if not is_on or self._is_surer(glance):
                self.pair = glance
                self.present_until = at_sample + _PRESENT_SAMPLES
            return True
        if not is_on:
            return False
        is_alone = glance.share >= limits.hold_share
        if is_alone and self._is_same(glance):
            self.present_until = at_sample + _PRESENT_SAMPLES
        holds = is_alone or (is_much and glance.score >= limits.min_hold)
        return (inside and holds) or (
            at_sample < self.present_until and self._is_present(glance)
        )

    def _is_same(self, glance: Glance) -> bool:
        last = self.pair
        return last is not None and (glance.row, glance.column) == (
            last.row,
            last.column,
        )

    def _is_surer(self, glance: Glance) -> bool:
        """
        Tell whether an alarm takes the place of the last one.

        The early score falls as a tone goes on: what it was at first counts, until
        another key is certain.
        """
        last = self.pair
        if last is None or glance.score >= last.score:
            return True
        return not self._is_same(glance) and glance.score >= _CERTAIN

    def _is_present(self, glance: Glance) -> bool:
        if self.pair is None or self.pair.score < _CERTAIN:
            return False
        tones = self.pair.row, 4 + self.pair.column
        return all(
            glance.tone_power[tone] >= self.pair.tone_power[tone] * _PRESENT
            for tone in tones
        )

    def covers(self, at_sample: int) -> bool:
        """
        Whether a mask reaches beyond a sample of the input.
        """
        return bool(self.spans) and self.spans[-1].full_until > at_sample

    def needs_noise(self, at_sample: int) -> bool:
        """
        Whether a mask begun now would be a new one, so that the noise is due.
        """
        return not self.spans or self.spans[-1].full_until <= (
            at_sample - self.delay_samples
        )

    def mask(self, at_sample: int, until_sample: int, late_samples: int = 0) -> None:
        """
        Replace all that is still in the look-ahead, and on to `until_sample`.

        Args:
            at_sample: how much of the input has been heard.
            until_sample: end of the mask, before its fade.
            late_samples: how much of the look-ahead a new mask leaves as it came.
        """
        earliest = at_sample - self.delay_samples
        last = self.spans[-1] if self.spans else None
        if last is not None and last.full_until > earliest:
            if until_sample > last.full_until:
                self.spans[-1] = last.until(until_sample)
            return
        # Audio that has left cannot be faded; a mask that follows close on the
        # fade of the one before it begins at once.
        begin = earliest + late_samples
        fade = 0 if last is not None and last.fade_until > begin else FADE_SAMPLES
        self.spans.append(
            Span(
                fade_from=begin,
                full_from=begin + fade,
                full_until=until_sample,
                fade_until=until_sample + FADE_SAMPLES,
                sound=self.noise,
            )
        )

    def blank(self, from_sample: int, until_sample: int, at_sample: int) -> None:
        """
        Replace a stretch whatever is in it, as far as it has not left yet.

        Args:
            from_sample: its first sample, after the fade.
            until_sample: its end, before the fade.
            at_sample: how much of the input has been heard.
        """
        earliest = at_sample - self.delay_samples
        full_from = max(earliest, from_sample)
        self.spans.append(
            Span(
                fade_from=max(earliest, full_from - FADE_SAMPLES),
                full_from=full_from,
                full_until=until_sample,
                fade_until=until_sample + FADE_SAMPLES,
                sound=self.noise,
            )
        )

    def beep(self, at_sample: int) -> None:
        """
        Tell the agent of a press, at the next free place.

        Args:
            at_sample: how much of the input has been heard.
        """
        free = self.beeps[-1].fade_until if self.beeps else 0
        start = next_place(max(at_sample + FADE_SAMPLES, free + FADE_SAMPLES))
        end = start + BEEP_SAMPLES
        self.beeps.append(
            Span(start - FADE_SAMPLES, start, end, end + FADE_SAMPLES, Beep(start))
        )

    def forget(self, before_sample: int) -> None:
        """
        Drop masks that ended before a sample.
        """
        if self.spans and self.spans[0].fade_until <= before_sample:
            self.spans = [s for s in self.spans if s.fade_until > before_sample]
        if self.beeps and self.beeps[0].fade_until <= before_sample:
            self.beeps = [s for s in self.beeps if s.fade_until > before_sample]


def clean_samples(spans: list[Span], first_sample: int, n_samples: int) -> Bool:
    """
    Tell which samples no mask touches.

    Returns:
        [shape=(n_samples,)], counted from `first_sample`.
    """
    clean = np.ones(n_samples, dtype=np.bool_)
    for span in spans:
        start = max(0, span.fade_from - first_sample)
        stop = max(0, span.fade_until - first_sample)
        clean[start:stop] = False
    return clean


def render(
    audio: Int16, first_sample: int, spans: list[Span], seed: int
) -> tuple[Int16, Bool]:
    """
    Apply masks to a stretch of a stream.

    Args:
        audio: [shape=(n,)] the stretch as it came in.
        first_sample: its place in the stream.
        spans: the leg's masks.
        seed: of the leg's noise.

    Returns:
        The audio as it goes out, and which samples differ from what came in
        (all samples under a mask or a fade), both [shape=(n,)].
    """
    n = len(audio)
    out = audio
    masked = np.zeros(n, dtype=np.bool_)
    for span in spans:
        start = max(0, span.fade_from - first_sample)
        stop = min(n, span.fade_until - first_sample)
        if start >= stop:
            continue
        if out is audio:
            out = audio.copy()
        place = first_sample + start
        sound = span.sound.render(seed, place, stop - start)
        _lay_over(out[start:stop], masked[start:stop], place, span.edges, sound)
    return out, masked


@compiled
def weight_at(place: int, edges: Edges) -> float:
    """
    Give the share that a span's sound has at a place, 0 to 1.
    """
    fade_from, full_from, full_until, fade_until = edges
    rise = (place - fade_from + 1) / (full_from - fade_from + 1)
    fall = (fade_until - place) / (fade_until - full_until + 1)
    return min(max(min(rise, fall), 0.0), 1.0)


@compiled
def _lay_over(
    audio: Int16, masked: Bool, first_sample: int, edges: Edges, sound: Float64
) -> None:
    """
    Lay a sound over the audio of a span, in place.

    Args:
        audio: [shape=(n,)] is replaced.
        masked: [shape=(n,)] becomes true.
        first_sample: place of the first of them in the stream.
        edges: of the span.
        sound: [shape=(n,)] in samples of 16 bits.
    """
    for number in range(len(audio)):
        weight = weight_at(first_sample + number, edges)
        mixed = float(audio[number]) * (1.0 - weight) + sound[number] * weight
        audio[number] = min(max(np.rint(mixed), -FULL_SCALE), FULL_SCALE - 1)
        masked[number] = True
