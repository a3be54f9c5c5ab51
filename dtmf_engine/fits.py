"""
Fits: pairs of tones laid over whole recordings, windows of many lengths.

Where a live look decides on the last 20 ms and must be cheap, this has all the
audio on both sides and all the time there is: exact least-squares fits of every
pair, its frequencies searched where the window is long enough to tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dtmf_engine.arrays import Bool, Float64, Index, read_only
from dtmf_engine.keypad import DIGITS, HIGH_GROUP_HZ, LOW_GROUP_HZ
from dtmf_engine.units import (
    SAMPLE_RATE_HZ,
    power_from_dbm0,
    ratio_from_db,
    samples_from_ms,
)


_BODY_SAMPLES = samples_from_ms(20)
"""The shortest tone that a network may send as a digit and a detector may hear."""

_BODY_STEP = 10

_OFFSETS = (-0.03, -0.015, 0.0, 0.015, 0.03)
"""
Parts by which each tone may be off. Over 20 ms a tone half a step away from the
nearest loses a sixth of its power at most.
"""

_EDGE_SAMPLES = samples_from_ms(5)
"""Tells the end of a tone from what follows, at any frequency within 3 %."""

_EDGE_SHARE = 0.5
_EDGE_POWER = ratio_from_db(-30.0)
"""
A tone is followed outwards while a pair holds this part of the sound, and is not
further below the tone than this.
"""

_EDGE_REACH = samples_from_ms(150)

_CONTEXT_SAMPLES = samples_from_ms(20)
_CONTEXT_GAP = samples_from_ms(2)

_MIN_POWER = power_from_dbm0(-60.0)
"""Quietest tone of a pair that matters: as the masker, armed."""

_ROUNDING = 1.0
"""Power, at least, of what no tone explains: samples are whole numbers."""


_BATCH = 20_000
"""Windows fitted at a time."""


@dataclass(frozen=True, slots=True)
class Body:
    """
    The pair that is most like a key in a stretch, and how far it reaches.
    """

    digit: str
    share: float
    """Part of the best 20 ms that the pair holds, 0 to 1."""
    contrast: float
    """Power of the tone over that of the louder side, before or after it."""
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class Burst:
    """
    A short pair of tones that stands alone.
    """

    digit: str
    start_sample: int
    end_sample: int


def _bases(n_samples: int, offsets: Sequence[float]) -> Float64:
    """
    Give orthonormal bases of pairs, [shape=(n_samples, 16 * k * 4)].

    For each digit in the order of `DIGITS`, k = len(offsets)² of them.
    """
    place = (np.arange(n_samples) - (n_samples - 1) / 2) / SAMPLE_RATE_HZ
    columns = [
        np.linalg.qr(
            np.stack(
                [
                    wave(2 * np.pi * hz * place)
                    for hz in (low * (1 + a), high * (1 + b))
                    for wave in (np.cos, np.sin)
                ],
                axis=1,
            )
        )[0]
        for low in LOW_GROUP_HZ
        for high in HIGH_GROUP_HZ
        for a in offsets
        for b in offsets
    ]
    return read_only(np.concatenate(columns, axis=1))


_BODY_BASES = _bases(_BODY_SAMPLES, _OFFSETS)
_EDGE_BASES = _bases(_EDGE_SAMPLES, (0.0,))


def _windows(audio: Float64, length: int, step: int = 1) -> Float64:
    return np.lib.stride_tricks.sliding_window_view(audio, length)[::step]


def _explained(windows: Float64, bases: Float64) -> Float64:
    """
    Give the energy that each pair explains of each window, [shape=(w, pairs)].
    """
    fitted = (windows @ bases).reshape(len(windows), bases.shape[1] // 4, 4)
    return np.asarray(np.einsum("wpi,wpi->wp", fitted, fitted))


_STEADY_STEP = 20
_STEADY_SHARE = 0.7
_STEADY_WINDOWS = 6
"""6 windows of 5 ms, 2.5 ms apart: 17.5 ms, so that 20 ms hold them at any phase."""


def find_steady(
    audio: Float64, min_windows: int = _STEADY_WINDOWS
) -> list[tuple[int, int]]:
    """
    Find where pairs prevail for nearly 20 ms or longer.

    Windows of 5 ms do not care whether a telephone is off by 3 %; nor, where it is
    off by more, whose pair it is.

    Args:
        audio: [shape=(n,)] at 8 kHz, in samples of 16 bits.
        min_windows: how many in a row, 2.5 ms apart, must hold a pair.

    Returns:
        Start and end of each such stretch, in order.
    """
    if len(audio) < _EDGE_SAMPLES:
        return []
    windows = _windows(audio, _EDGE_SAMPLES, _STEADY_STEP)
    on = np.zeros(len(windows) + 2, dtype=np.int8)
    for first in range(0, len(windows), _BATCH):
        batch = windows[first : first + _BATCH]
        energy = np.einsum("wn,wn->w", batch, batch)
        at = np.flatnonzero(energy >= 2 * _MIN_POWER * _EDGE_SAMPLES)
        explained = _explained(batch[at], _EDGE_BASES)
        good = explained.max(axis=1, initial=0.0) >= _STEADY_SHARE * energy[at]
        on[1 + first + at[good]] = 1
    changes = np.flatnonzero(np.diff(on)) + 1
    return [
        (int(a - 1) * _STEADY_STEP, int(b - 2) * _STEADY_STEP + _EDGE_SAMPLES)
        for a, b in zip(changes[::2], changes[1::2], strict=True)
        if b - a >= min_windows
    ]


def find_body(audio: Float64, start_sample: int, end_sample: int) -> Body | None:
    """
    Look for the best pair in a stretch, and for its true ends.

    Args:
        audio: [shape=(n,)] at 8 kHz, in samples of 16 bits.
        start_sample: of the stretch.
        end_sample: one past its last.

    Returns:
        `None` if the stretch is shorter than 20 ms, or silent.
    """
    stretch = audio[start_sample:end_sample]
    if len(stretch) < _BODY_SAMPLES or not stretch.any():
        return None
    windows = _windows(stretch, _BODY_SAMPLES, _BODY_STEP)
    energy = np.einsum("wn,wn->w", windows, windows) + _ROUNDING * _BODY_SAMPLES
    explained = _explained(windows, _BODY_BASES) / energy[:, None]
    at, pair = np.unravel_index(int(explained.argmax()), explained.shape)
    digit = DIGITS[int(pair) // len(_OFFSETS) ** 2]
    first = start_sample + int(at) * _BODY_STEP
    start, end = extend(audio, digit, first, first + _BODY_SAMPLES)
    return Body(
        digit,
        float(explained[at, pair]),
        _contrast(audio, start, end),
        start,
        end,
    )


def extend(
    audio: Float64, digit: str, start_sample: int, end_sample: int
) -> tuple[int, int]:
    """
    Follow a digit's pair outwards from where it is known to be.

    Args:
        audio: [shape=(n,)] at 8 kHz, in samples of 16 bits.
        digit: which.
        start_sample: of what is known.
        end_sample: one past its last.

    Returns:
        Start and end of the tone; never inside of what is known.
    """
    first = max(0, start_sample - _EDGE_REACH)
    stretch = audio[first : end_sample + _EDGE_REACH]
    if len(stretch) < _EDGE_SAMPLES:
        return start_sample, end_sample
    at = 4 * DIGITS.index(digit)
    windows = _windows(stretch, _EDGE_SAMPLES)
    energy = np.einsum("wn,wn->w", windows, windows)
    pair = _explained(windows, _EDGE_BASES[:, at : at + 4])[:, 0]
    inside = pair[start_sample - first : max(end_sample - first - _EDGE_SAMPLES, 1)]
    level = float(np.median(inside)) if len(inside) else 0.0
    floor = max(level * _EDGE_POWER, _EDGE_SAMPLES * _MIN_POWER)
    # A window is as loud as the tone in any part of it: the walk ends where not
    # even the far end of one is reached.
    on = (pair >= _EDGE_SHARE * energy) & (pair >= floor)
    start = start_sample - first
    while 0 < start <= len(on) and on[start - 1]:
        start -= 1
    last = end_sample - first - _EDGE_SAMPLES
    while 0 <= last + 1 < len(on) and on[last + 1]:
        last += 1
    return first + start, max(end_sample, first + last + _EDGE_SAMPLES)


def _contrast(audio: Float64, start: int, end: int) -> float:
    before = audio[max(0, start - _CONTEXT_GAP - _CONTEXT_SAMPLES) : start][
        : -_CONTEXT_GAP or None
    ]
    after = audio[end : end + _CONTEXT_GAP + _CONTEXT_SAMPLES][_CONTEXT_GAP:]
    inside = _power(audio[start:end])
    return inside / (max(_power(before), _power(after)) + _ROUNDING)


def _power(audio: Float64) -> float:
    return float(np.mean(audio * audio)) if len(audio) else 0.0


@dataclass(frozen=True, slots=True)
class _Scale:
    """
    One length of fragment looked for.
    """

    bases: Float64
    min_share: float
    step: int

    @property
    def n_samples(self) -> int:
        return len(self.bases)


# Of short windows of noise a free choice among pairs explains much: 4 of 24
# dimensions, and the best of sixteen twice that.
_SCALES = (
    _Scale(_bases(samples_from_ms(3), (0.0,)), 0.85, 2),
    _Scale(_bases(samples_from_ms(6), (0.0,)), 0.85, 4),
    _Scale(_bases(samples_from_ms(10), (0.0,)), 0.75, 8),
)

_BURST_CONTRAST = 4.0
"""A fragment stands 6 dB above both sides, or the masker hears it without help."""
_BURST_GAP = samples_from_ms(3)
_BURST_SIDE = samples_from_ms(10)


def find_bursts(audio: Float64) -> list[Burst]:
    """
    Find pairs of 3 to 12 ms that stand out from what is around them.

    Args:
        audio: [shape=(n,)] at 8 kHz, in samples of 16 bits; what is known to be
            a tone already, silent.
    """
    places: list[tuple[int, int, int]] = []
    for scale in _SCALES:
        n = len(audio) - scale.n_samples + 1
        for first in range(0, max(0, n), _BATCH):
            part = audio[first : first + _BATCH + scale.n_samples - 1]
            stands = _stands_out(audio, first, min(_BATCH, n - first), scale)
            at = np.flatnonzero(stands)
            if not at.size:
                continue
            windows = _windows(part, scale.n_samples, scale.step)[at]
            energy = np.einsum("wn,wn->w", windows, windows)
            explained = _explained(windows, scale.bases)
            pair = explained.argmax(axis=1)
            good = explained.max(axis=1) >= scale.min_share * energy
            start = first + at * scale.step
            places += [
                (int(start[i]), int(start[i]) + scale.n_samples, int(pair[i]))
                for i in np.flatnonzero(good)
            ]
    return _merged(places)


def _stands_out(audio: Float64, first: int, n: int, scale: _Scale) -> Bool:
    """
    Tell which windows from a place on are louder than both their sides.
    """
    margin = _BURST_GAP + _BURST_SIDE
    start = first + np.arange(0, n, scale.step)
    stop = start + scale.n_samples
    low = max(0, first - margin)
    part = audio[low : first + n + scale.n_samples + margin]
    total = np.concatenate([[0.0], np.cumsum(part * part)])

    def power(a: Index, b: Index) -> Float64:
        a = np.clip(a - low, 0, len(part))
        b = np.clip(b - low, 0, len(part))
        return np.asarray((total[b] - total[a]) / np.maximum(b - a, 1))

    inside = power(start, stop)
    before = power(start - margin, start - _BURST_GAP)
    after = power(stop + _BURST_GAP, stop + margin)
    around = np.maximum(before, after) + _ROUNDING
    return np.asarray((inside >= 2 * _MIN_POWER) & (inside >= _BURST_CONTRAST * around))


def _merged(places: list[tuple[int, int, int]]) -> list[Burst]:
    bursts: list[Burst] = []
    for start, end, pair in sorted(places):
        last = bursts[-1] if bursts else None
        if last is not None and start <= last.end_sample:
            whole = max(end, last.end_sample)
            bursts[-1] = Burst(last.digit, last.start_sample, whole)
        else:
            bursts.append(Burst(DIGITS[pair], start, end))
    return bursts
