"""
Windows: the overlapping stretches of audio that decisions look through.

Every hop ends one block of 5 hops, which says what a tone is, and one trigger
window of 4 hops, which says early that there is one. Both are computed for
all legs and hops at once.
"""

import numpy as np

from dtmf_engine.arrays import Bool, Float64
from dtmf_engine.goertzel import (
    HOP_SAMPLES,
    N_TONES,
    PairFit,
    tone_power,
    window_sums,
)
from dtmf_engine.units import power_from_dbm0


BLOCK_HOPS = 5
"""
12.5 ms: the shortest block that tells 697 from 770 Hz (80 Hz apart), as in
spandsp and Asterisk, whose blocks are 12.75 ms.
"""

TRIGGER_HOPS = 4
"""
10 ms: sees a pair 10 ms after its onset, which with a hop of 2.5 ms leaves
7.5 ms of a 20 ms look-ahead.
"""

BLOCK_SAMPLES = BLOCK_HOPS * HOP_SAMPLES
TRIGGER_SAMPLES = TRIGGER_HOPS * HOP_SAMPLES

MEMORY_HOPS = max(BLOCK_HOPS, TRIGGER_HOPS) - 1
"""How many hops before the first new one the windows reach back."""

_LOOK_SHARE = 0.5
"""A window whose two best tones hold less than this interests nobody."""

_LOOK_POWER = power_from_dbm0(-60.0)
"""Nor does one whose tones are quieter than any limit."""

_TRIGGER_FIT = PairFit(TRIGGER_HOPS)


class Windows:
    """
    The windows that end at each of k hops of m legs.

    Args:
        re: [shape=(m, MEMORY_HOPS + k, 8)] hop sums, with those of the hops
            before the first.
        im: the imaginary parts.
        energy: [shape=(m, MEMORY_HOPS + k)].
    """

    def __init__(self, re: Float64, im: Float64, energy: Float64) -> None:
        skip = MEMORY_HOPS + 1 - TRIGGER_HOPS
        self._trigger_re = window_sums(re[:, skip:], TRIGGER_HOPS)
        self._trigger_im = window_sums(im[:, skip:], TRIGGER_HOPS)
        self._trigger_energy = window_sums(energy[:, skip:], TRIGGER_HOPS)
        self.power = tone_power(
            window_sums(re, BLOCK_HOPS), window_sums(im, BLOCK_HOPS), BLOCK_SAMPLES
        )
        """[shape=(m, k, 8)] mean-square power of each tone in each block."""
        self.total = window_sums(energy, BLOCK_HOPS) / BLOCK_SAMPLES
        """[shape=(m, k)] mean-square power of each block."""

    def interesting(self) -> Bool:
        """
        Tell which hops end a window that may matter, [shape=(m, k)].
        """
        trigger_power = tone_power(self._trigger_re, self._trigger_im, TRIGGER_SAMPLES)
        return _look(self.power, self.total) | _look(
            trigger_power, self._trigger_energy / TRIGGER_SAMPLES
        )

    def trigger(self, i: int, k: int, first_hop: int) -> tuple[float, float, float]:
        """
        Fit the best pair to the trigger window that ends at hop k of leg i.

        Args:
            i: row of the leg.
            k: row of the hop.
            first_hop: index of the window's first hop in the leg's stream.

        Returns:
            The share of the window's energy that the pair holds, 0 to 1, and
            the mean-square powers of its low-group and high-group tone.
        """
        energy = float(self._trigger_energy[i, k])
        if energy == 0:
            return 0.0, 0.0, 0.0
        re = self._trigger_re[i, k].tolist()
        im = self._trigger_im[i, k].tolist()
        scale = 2.0 / TRIGGER_SAMPLES**2
        power = [(a * a + b * b) * scale for a, b in zip(re, im, strict=True)]
        row = max(range(4), key=power.__getitem__)
        column = max(range(4, N_TONES), key=power.__getitem__) - 4
        fitted = _TRIGGER_FIT.energy(re, im, first_hop, row, column)
        return fitted / energy, power[row], power[4 + column]


def _look(power: Float64, total: Float64) -> Bool:
    low = power[..., :4].max(axis=-1)
    high = power[..., 4:].max(axis=-1)
    return np.asarray(
        (low + high >= total * _LOOK_SHARE) & (low > _LOOK_POWER) & (high > _LOOK_POWER)
    )
