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

Exact sums as everywhere (see `goertzel`); the rest is done for each window alone.
"""

from typing import NamedTuple

import numpy as np

from dtmf_engine.arrays import Bool, Float64, Int16, read_only
from dtmf_engine.compiled import compiled
from dtmf_engine.fours import products
from dtmf_engine.goertzel import (
    HOP_SAMPLES,
    N_TONES,
    correlate,
    inverse_grams,
    kernel,
    turned_over,
)
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


_WINDOWS = (
    _Window(samples_from_ms(2.0), 0.90),
    _Window(samples_from_ms(2.5), 0.94),
    _Window(samples_from_ms(4.0), 0.90),
    _Window(samples_from_ms(6.0), 0.85),
    _Window(samples_from_ms(8.0), 0.80),
)
"""See `benchmarks/README.md`, carrier fragments, for what they hear and mask."""

_LONGEST_SAMPLES = max(window.n_samples for window in _WINDOWS)

_WAVES = turned_over(kernel(_LONGEST_SAMPLES))
"""[shape=(16, 64)]: of a shorter window as many samples as it has."""

_INVERSES = np.stack([inverse_grams(n).swapaxes(1, 2) for n, _ in _WINDOWS])
_INVERSES = read_only(np.ascontiguousarray(_INVERSES))
"""[shape=(5, 16, 4, 4)] by window and pair."""

_N_ROWS = _N_COLUMNS = 4
_N_SUMS = 2 * N_TONES

REACH_SAMPLES = _LONGEST_SAMPLES + BEFORE_SAMPLES
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


@compiled
def find_fragments(samples: Int16) -> Fragments:
    """
    Look for fragments and breaks.

    Args:
        samples: [shape=(144 + k * 20,)] the audio of k hops with `REACH_SAMPLES`
            before the first.
    """
    n_hops = (len(samples) - REACH_SAMPLES) // HOP_SAMPLES
    found = np.zeros(n_hops, dtype=np.bool_)
    begins = np.zeros(n_hops, dtype=np.bool_)
    until = _energy_until(samples)
    sums = np.empty(_N_SUMS)
    for hop in range(n_hops):
        start = REACH_SAMPLES + hop * HOP_SAMPLES
        found[hop] = _breaks_off(until, start) or _has_fragment(
            samples, until, start, sums
        )
        begins[hop] = _begins(until, start)
    return Fragments(found, begins)


@compiled
def _energy_until(samples: Int16) -> Float64:
    """
    Give the energy of all samples before each, and of all, [shape=(n + 1,)].
    """
    until = np.zeros(len(samples) + 1)
    for place in range(len(samples)):
        sample = float(samples[place])
        until[place + 1] = until[place] + sample * sample
    return until


@compiled
def _power(until: Float64, start: int, n_samples: int) -> float:
    """
    Give the mean square of some samples.
    """
    return float(until[start + n_samples] - until[start]) / n_samples


@compiled
def _breaks_off(until: Float64, start: int) -> bool:
    """
    Tell whether a hop begins a digital silence.

    The break may lie anywhere in the hop before, so that a sample or two of sound
    stand alone there.
    """
    before = _power(until, start - HOP_SAMPLES, HOP_SAMPLES)
    earlier = _power(until, start - 2 * HOP_SAMPLES, HOP_SAMPLES)
    is_silent = _power(until, start, HOP_SAMPLES) == 0
    return is_silent and before > 0 and max(before, earlier) > _MIN_POWER


@compiled
def _begins(until: Float64, start: int) -> bool:
    """
    Tell whether a hop ends a digital silence, or the one before did so faintly.
    """
    before = _power(until, start - HOP_SAMPLES, HOP_SAMPLES)
    earlier = _power(until, start - 2 * HOP_SAMPLES, HOP_SAMPLES)
    was_silent = before == 0 or (earlier == 0 and before <= _MIN_POWER)
    return was_silent and _power(until, start, HOP_SAMPLES) > _MIN_POWER


@compiled
def _has_fragment(samples: Int16, until: Float64, start: int, sums: Float64) -> bool:
    """
    Tell whether any window that ends in a hop holds a pair and little else.

    Args:
        samples: [shape=(n,)]
        until: [shape=(n + 1,)] energy before each.
        start: of the hop.
        sums: [shape=(16,)] is written over.
    """
    for end in range(start + STEP_SAMPLES, start + HOP_SAMPLES + 1, STEP_SAMPLES):
        for number in range(len(_WINDOWS)):
            n_samples, min_share = _WINDOWS[number]
            first = end - n_samples
            energy = until[end] - until[first]
            # What is faint, or no louder than before, is cheaper to tell than what
            # is a pair.
            if not _stands_out(until, first, n_samples):
                continue
            correlate(samples[first:end], _WAVES, sums)
            if _best_fit(sums, number) / max(energy, 1.0) >= min_share:
                return True
    return False


@compiled
def _stands_out(until: Float64, first: int, n_samples: int) -> bool:
    """
    Tell whether a window is loud, and much louder than what was before it.
    """
    energy = until[first + n_samples] - until[first]
    before = until[first] - until[first - BEFORE_SAMPLES]
    is_loud: bool = energy > _MIN_POWER * n_samples
    return is_loud and energy * BEFORE_SAMPLES > before * (CONTRAST * n_samples)


@compiled
def _best_fit(sums: Float64, number: int) -> float:
    """
    Give the energy of the pair that holds the most of a window.

    So short a window does not tell which tone of a group is the strongest: all
    sixteen pairs are tried.

    Args:
        sums: [shape=(16,)] as `correlate` gives them.
        number: which of the windows.
    """
    best = 0.0
    for row in range(_N_ROWS):
        for column in range(_N_COLUMNS):
            low, high = row, _N_ROWS + column
            chosen = (sums[low], sums[high], sums[N_TONES + low], sums[N_TONES + high])
            fit = products(_INVERSES[number, row * _N_COLUMNS + column], chosen)
            fitted = 0.0
            for i in range(4):
                fitted += fit[i] * chosen[i]
            best = max(best, fitted)
    return best
