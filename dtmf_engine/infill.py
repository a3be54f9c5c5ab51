"""
Infill: comfort noise laid over stretches of a recording, at the recording's rate.

As `masker.render` for the live leg, but with both sides known: the noise glides
from the background before a stretch to that after it, over the whole band of the
recording. What is not covered passes untouched, whatever its sample format.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from dtmf_engine.arrays import Bool, Float64
from dtmf_engine.comfort_noise import DEFAULT_NOISE, NoiseModel, shaped
from dtmf_engine.ears import Frames, units_of
from dtmf_engine.hindsight import Stretch, any_touches
from dtmf_engine.units import FULL_SCALE, SAMPLE_RATE_HZ, samples_from_ms


FADE_MS = 2.0
"""Cross-fade outside either end: long enough not to click."""

_FRAME_MS = 20.0
_CONTEXT_MS = 2000.0
"""How far the background is looked for on either side."""
_ENOUGH_FRAMES = 50
"""The nearest second of clean audio has pauses between words, if any has."""
_QUIET_PART = 4
"""A quarter of the frames, the quietest, is background."""


def model_background(frames: Float64, rate: int) -> NoiseModel | None:
    """
    Model a background at any rate.

    Its spectrum is as coarse as that of the live leg's noise, so that no tone can
    leave its shape in it.

    Args:
        frames: [shape=(k, n)] clean stretches of 20 ms, in samples of 16 bits.
        rate: their rate in Hz.

    Returns:
        A model of the quietest quarter, or `None` if there are no frames.
    """
    if not len(frames):
        return None
    energy = np.einsum("kn,kn->k", frames, frames)
    order = np.argsort(energy, kind="stable")
    quiet = frames[order[: -(-len(frames) // _QUIET_PART)]]
    power = float(np.mean(quiet * quiet))
    if power == 0:
        return NoiseModel(np.zeros(1))
    return shaped(quiet, power, max(1, round(rate / SAMPLE_RATE_HZ)))


@dataclass(slots=True)
class _Patch:
    """
    One stretch to be covered, with its fades, at the recording's rate.
    """

    place: Stretch
    before: NoiseModel | None = None
    after: NoiseModel | None = None

    def noise(self, seed: int, first: int, n: int) -> Float64:
        """
        Give the noise, gliding from one background to the other.
        """
        before = self.before or self.after or DEFAULT_NOISE
        after = self.after or self.before or DEFAULT_NOISE
        length = self.place.end_sample - self.place.start_sample
        part = (first + np.arange(n) - self.place.start_sample) / max(1, length)
        part = np.clip(part, 0.0, 1.0)
        return np.asarray(
            np.sqrt(1 - part) * before.render(seed, first, n)
            + np.sqrt(part) * after.render(seed + 1, first, n)
        )


@dataclass(slots=True)
class Infill:
    """
    Covers stretches of a recording that comes in blocks.

    Args:
        sample_rate_hz: rate of the recording.
        covers: for each channel its stretches, in samples of the recording; in
            order, with more than two fades between them.
        seed: of the noise.
        plain: for each channel, where the noise is to be white.
    """

    sample_rate_hz: int
    covers: Sequence[Sequence[Stretch]]
    seed: int = 0
    plain: Sequence[Sequence[Stretch]] = ()
    _patches: list[list[_Patch]] = field(init=False)

    def __post_init__(self) -> None:
        """
        Lay out the patches.
        """
        self._patches = [
            [_Patch(place) for place in channel] for channel in self.covers
        ]

    @property
    def fade_samples(self) -> int:
        """
        Length of each cross-fade.
        """
        return samples_from_ms(FADE_MS, self.sample_rate_hz)

    def touched(self, channel: int, first_sample: int, n_samples: int) -> Bool:
        """
        Tell which samples are replaced or faded, [shape=(n_samples,)].
        """
        touched = np.zeros(n_samples, dtype=np.bool_)
        for place in self.covers[channel]:
            whole = place.widened(self.fade_samples, self.fade_samples)
            start = max(0, whole.start_sample - first_sample)
            touched[start : max(0, whole.end_sample - first_sample)] = True
        return touched

    def n_touched(self, channel: int, n_samples: int) -> int:
        """
        Count the samples of a channel of `n_samples` that are replaced or faded.
        """
        fade = self.fade_samples
        return sum(
            min(n_samples, place.end_sample + fade) - max(0, place.start_sample - fade)
            for place in self.covers[channel]
        )

    def run(self, blocks: Iterable[Frames]) -> Iterator[Frames]:
        """
        Cover the stretches of a recording.

        Args:
            blocks: the recording from its start, [shape=(n, channels)] each.

        Yields:
            The same samples in other blocks.
        """
        context = samples_from_ms(_CONTEXT_MS, self.sample_rate_hz)
        held: Frames | None = None
        first = done = 0
        for block in blocks:
            held = block if held is None else np.concatenate([held, block])
            ready = self._ready(first + len(held) - context)
            if ready > done:
                yield self._covered(held, first, done, ready)
                done = ready
                keep = max(first, done - context)
                held, first = held[keep - first :], keep
        if held is not None and first + len(held) > done:
            yield self._covered(held, first, done, first + len(held))

    def _ready(self, limit: int) -> int:
        """
        Tell how far audio may go out when what follows is known up to `limit`.

        A stretch goes out whole, so that both its sides are known, unless it is
        longer than anyone holds a key.
        """
        longest = samples_from_ms(10_000, self.sample_rate_hz)
        for channel in self.covers:
            for place in channel:
                start = place.start_sample - self.fade_samples
                end = place.end_sample + self.fade_samples
                if start < limit < end and end - start <= longest:
                    limit = start
        return limit

    def _covered(self, held: Frames, first: int, start: int, stop: int) -> Frames:
        out: Frames = held[start - first : stop - first].copy()
        for channel, patches in enumerate(self._patches):
            for patch in patches:
                whole = patch.place.widened(self.fade_samples, self.fade_samples)
                a, b = max(start, whole.start_sample), min(stop, whole.end_sample)
                if a < b:
                    self._hear_sides(patch, channel, held[:, channel], first)
                    part = out[a - start : b - start, channel]
                    part[:] = self._mixed(patch, channel, part, a)
        return out

    def _mixed(self, patch: _Patch, channel: int, part: Frames, first: int) -> Frames:
        unit = units_of(part)
        place, fade = patch.place, self.fade_samples
        at = first + np.arange(len(part), dtype=np.float64)
        rise = (at - place.start_sample + fade + 1) / (fade + 1)
        fall = (place.end_sample + fade - at) / (fade + 1)
        weight = np.clip(np.minimum(rise, fall), 0.0, 1.0)
        noise = patch.noise(self.seed + 1000 * channel, first, len(part)) * unit
        # Nothing of the tone may pass as a product with nought.
        heard = np.where(weight < 1.0, part, 0.0)
        mixed = heard * (1.0 - weight) + noise * weight
        if part.dtype.kind == "f":
            return np.asarray(mixed)
        top = unit * FULL_SCALE
        rounded = np.clip(np.rint(mixed), -top, top - 1)
        return cast("Frames", rounded.astype(part.dtype))

    def _hear_sides(
        self, patch: _Patch, channel: int, line: Frames, first: int
    ) -> None:
        if patch.before is not None or patch.after is not None:
            return
        clean = ~self.touched(channel, first, len(line))
        before = max(0, patch.place.start_sample - first)
        after = max(0, patch.place.end_sample - first)
        unit, rate = units_of(line), self.sample_rate_hz
        frames = _clean_frames(line[:before][::-1], clean[:before][::-1], rate)
        patch.before = model_background(frames[:, ::-1] / unit, rate)
        frames = _clean_frames(line[after:], clean[after:], rate)
        patch.after = model_background(frames / unit, rate)
        if self.plain and any_touches(patch.place, self.plain[channel]):
            patch.before = _whitened(patch.before)
            patch.after = _whitened(patch.after)


def _whitened(model: NoiseModel | None) -> NoiseModel | None:
    if model is None:
        return None
    return NoiseModel(np.sqrt(np.sum(model.taps**2, keepdims=True)))


def _clean_frames(line: Frames, clean: Bool, rate: int) -> Float64:
    """
    Cut the nearest clean audio into frames, [shape=(k, n)].

    Args:
        line: [shape=(n,)] from the patch outwards.
        clean: [shape=(n,)] which samples are not covered themselves.
        rate: in Hz.
    """
    n = samples_from_ms(_FRAME_MS, rate)
    context = samples_from_ms(_CONTEXT_MS, rate)
    line, clean = line[:context], clean[:context]
    frames: list[Float64] = []
    at = 0
    while at + n <= len(line) and len(frames) < _ENOUGH_FRAMES:
        covered = np.flatnonzero(~clean[at : at + n])
        if covered.size:
            at += int(covered[-1]) + 1
        else:
            frames.append(line[at : at + n].astype(np.float64))
            at += n
    return np.stack(frames) if frames else np.zeros((0, n))
