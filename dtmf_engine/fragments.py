"""
Fragments: the few milliseconds that a carrier leaves of a press.

A gateway that turns tones into events often clips the tone after 3 to 12 ms. No
detector hears that, an attacker reads it. Wherever a capture is under way, short
windows are asked every half millisecond whether one pair of tones holds nearly
all they contain, and whether it was much quieter before: a voice that goes on
is no fragment.

A lost packet that was filled up with zeros leaves fragments too, shorter ones
still: where sound breaks off into digital silence, or begins out of it, no
window need agree.

Exact sums as everywhere (see `goertzel`); all else is elementwise.
"""

from typing import NamedTuple

import numpy as np

from dtmf_engine.arrays import Bool, Float64, Int16, added, read_only
from dtmf_engine.goertzel import HOP_SAMPLES, N_TONES, inverse_grams, kernel
from dtmf_engine.units import power_from_dbm0, ratio_from_db, samples_from_ms


STEP_SAMPLES = 4
"""Half a millisecond: a window of 3 ms misses at most a twelfth of a fragment."""

BEFORE_SAMPLES = samples_from_ms(10)
"""What a window is compared with: a pitch period of any voice is shorter."""

CONTRAST = ratio_from_db(8.0)

_MIN_POWER = power_from_dbm0(-50.0)


class _Window(NamedTuple):
    """
    One length of window.
    """

    n_samples: int
    min_share: float
    """Part of its energy that a pair must hold: four parameters alone explain a
    fifth of 20 samples of noise."""
    kernel: Float64
    inverse: Float64
    """[shape=(4, 4, 16)]"""


def _window(ms: float, min_share: float) -> _Window:
    n = samples_from_ms(ms)
    inverse = read_only(np.ascontiguousarray(inverse_grams(n).transpose(1, 2, 0)))
    return _Window(n, min_share, kernel(n), inverse)


_WINDOWS = (
    _window(2.0, 0.90),
    _window(2.5, 0.94),
    _window(4.0, 0.90),
    _window(6.0, 0.85),
    _window(8.0, 0.80),
)
"""See `benchmarks/README.md`, carrier fragments, for what they hear and mask."""

_ROWS, _COLUMNS = np.divmod(np.arange(16), 4)
_PAIR_SUMS = np.stack([_ROWS, _COLUMNS + 4, _ROWS + N_TONES, _COLUMNS + 4 + N_TONES])
"""[shape=(4, 16)] where the cosines and the sines of each pair's tones stand."""

REACH_SAMPLES = max(window.n_samples for window in _WINDOWS) + BEFORE_SAMPLES
"""How far before its end a window with what it is compared with reaches back."""


class Fragments(NamedTuple):
    """
    Which of k hops matter, [shape=(k,)].
    """

    found: Bool
    """A fragment ends here, or sound breaks off into digital silence."""
    begins: Bool
    """Sound begins out of digital silence: what comes next may be the rest of a
    press."""


def find_fragments(samples: Int16) -> Fragments:
    """
    Look for fragments and breaks.

    Args:
        samples: [shape=(144 + k * 20,)] the audio of k hops with `REACH_SAMPLES`
            before the first.
    """
    n_hops = (len(samples) - REACH_SAMPLES) // HOP_SAMPLES
    per_hop = HOP_SAMPLES // STEP_SAMPLES
    ends = REACH_SAMPLES + STEP_SAMPLES * (1 + np.arange(n_hops * per_hop))
    audio = samples.astype(np.float64)
    until = np.concatenate([[0.0], np.cumsum(audio * audio)])
    found = np.zeros(len(ends), dtype=np.bool_)
    for window in _WINDOWS:
        starts = ends - window.n_samples
        energy = until[ends] - until[starts]
        before = until[starts] - until[starts - BEFORE_SAMPLES]
        loud = energy * BEFORE_SAMPLES > before * (CONTRAST * window.n_samples)
        loud &= energy > _MIN_POWER * window.n_samples
        at = np.flatnonzero(loud & ~found)
        if at.size:
            place = starts[at][:, None] + np.arange(window.n_samples)
            found[at] = _shares(audio[place], window) >= window.min_share
    broken, begins = _breaks(audio)
    return Fragments(found.reshape(n_hops, per_hop).any(axis=1) | broken, begins)


def _breaks(audio: Float64) -> tuple[Bool, Bool]:
    """
    Tell which hops begin a digital silence, and which end one, [shape=(k,)].

    A break may lie anywhere in a hop, so that a sample or two of sound stand alone.
    """
    hops = audio[REACH_SAMPLES % HOP_SAMPLES :].reshape(-1, HOP_SAMPLES)
    power = np.einsum("ij,ij->i", hops, hops) / HOP_SAMPLES
    first = REACH_SAMPLES // HOP_SAMPLES
    now, before, earlier = power[first:], power[first - 1 : -1], power[first - 2 : -2]
    broken = (now == 0) & (before > 0) & (np.maximum(before, earlier) > _MIN_POWER)
    out_of_nothing = (before == 0) | ((earlier == 0) & (before <= _MIN_POWER))
    return np.asarray(broken), np.asarray((now > _MIN_POWER) & out_of_nothing)


def _shares(cut: Float64, window: _Window) -> Float64:
    """
    Give the part of each window's energy that its best pair holds.
    """
    sums = np.ascontiguousarray((cut @ window.kernel).T)
    # So short a window does not tell which tone of a group is the strongest: all
    # sixteen pairs are tried.
    chosen = sums[_PAIR_SUMS]
    fitted = added(added(window.inverse[..., None] * chosen[:, None]) * chosen)
    best = fitted.max(axis=0)
    energy = np.einsum("ij,ij->i", cut, cut)
    return np.asarray(best / np.maximum(energy, 1.0))
