"""
Triggers: short windows that say early that a pair of tones may be in the air.

Every hop of 2.5 ms ends one window of 10 ms. The masker asks about them; what
is a digit is not decided here.
"""

import numpy as np
import numpy.typing as npt

from dtmf_engine.arrays import Bool, Int16
from dtmf_engine.goertzel import (
    HOP_SAMPLES,
    N_TONES,
    PHASE_PERIOD_HOPS,
    PairFit,
    add_fours,
    hop_sums,
    turn,
)
from dtmf_engine.units import power_from_dbm0


TRIGGER_HOPS = 4
"""
10 ms: sees a pair 10 ms after its onset, which with a hop of 2.5 ms leaves
7.5 ms of a 20 ms look-ahead.
"""

TRIGGER_SAMPLES = TRIGGER_HOPS * HOP_SAMPLES

_LOOK_SHARE = 0.5
"""A window whose two best tones hold less than this interests nobody."""

_LOOK_POWER = power_from_dbm0(-60.0)
"""Nor does one whose tones are quieter than any limit."""

_FIT = PairFit(TRIGGER_HOPS)
_SCALE = 2.0 / TRIGGER_SAMPLES**2


class Triggers:
    """
    The windows that end at each of k hops of m legs.

    Args:
        samples: [shape=(m, (3 + k) * 20)] whole hops, with the three before
            the first.
        first_hop: [shape=(m,)] index of each leg's first hop, of the k, in its
            stream.
    """

    def __init__(self, samples: Int16, first_hop: npt.NDArray[np.int64]) -> None:
        m = samples.shape[0]
        cut = samples.astype(np.float64).reshape(-1, HOP_SAMPLES)
        sums = hop_sums(cut).reshape(2 * N_TONES, m, -1)
        n_hops = sums.shape[2]
        self._hop = first_hop[:, None] - (TRIGGER_HOPS - 1) + np.arange(n_hops)
        values = np.empty((2 * N_TONES + 1, m, n_hops))
        turn(sums, self._hop % PHASE_PERIOD_HOPS, values[:-1])
        values[-1] = np.einsum("ij,ij->i", cut, cut).reshape(m, n_hops)
        windows = add_fours(values)
        self._re, self._im = windows[:N_TONES], windows[N_TONES:-1]
        self._energy = windows[-1]

    def interesting(self) -> Bool:
        """
        Tell which hops end a window that may matter, [shape=(m, k)].
        """
        power = self._re * self._re + self._im * self._im
        low, high = power.reshape(2, N_TONES // 2, *power.shape[1:]).max(axis=1)
        quiet = _LOOK_POWER / _SCALE
        enough = low + high >= self._energy * (_LOOK_SHARE / (_SCALE * TRIGGER_SAMPLES))
        return np.asarray(enough & (np.minimum(low, high) > quiet))

    def fit(self, i: int, k: int) -> tuple[float, float, float]:
        """
        Fit the best pair to the window that ends at hop k of leg i.

        Returns:
            The share of the window's energy that the pair holds, 0 to 1, and
            the mean-square powers of its low-group and high-group tone.
        """
        energy = float(self._energy[i, k])
        if energy == 0:
            return 0.0, 0.0, 0.0
        re, im = self._re[:, i, k].tolist(), self._im[:, i, k].tolist()
        power = [(a * a + b * b) * _SCALE for a, b in zip(re, im, strict=True)]
        row = max(range(4), key=power.__getitem__)
        column = max(range(4, N_TONES), key=power.__getitem__) - 4
        fitted = _FIT.energy(re, im, int(self._hop[i, k]), row, column)
        return fitted / energy, power[row], power[4 + column]
