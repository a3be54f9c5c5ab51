"""
The Goertzel bank: how much of each of the eight tones is in a stretch of audio.

Goertzel's recursion gives the discrete Fourier transform of a block at one
frequency. Its value equals the inner product of the block with a cosine and a
sine, and a matrix product computes that for eight tones, many blocks and many
legs at once; that form is used here (a test compares it with the recursion).

Audio is cut into hops of 20 samples (2.5 ms) on a grid that starts with the
stream. Each hop gives one partial sum per tone. A longer window is the sum of
its hops' partial sums, once each is turned to the phase the tone has at that
hop, so windows of any length and any overlap share the same products.

Why chunks cannot matter: samples are integers, the tables are rounded to
integers of 15 bits, and sums stay below 2**53, so every partial sum is exact
in double precision, whatever order a BLAS adds in. All that follows is
elementwise arithmetic. Audio fed whole, sample by sample or in any cuts gives
bit-identical results.
"""

from typing import NamedTuple

import numpy as np

from dtmf_engine.arrays import Float64, Index, read_only
from dtmf_engine.keypad import TONES_HZ
from dtmf_engine.units import SAMPLE_RATE_HZ


HOP_SAMPLES = 20
"""2.5 ms: divides a 20 ms frame, and is short against any tone."""

N_TONES = len(TONES_HZ)

KERNEL_SCALE = 2.0**14


PHASE_PERIOD_HOPS = SAMPLE_RATE_HZ // HOP_SAMPLES
"""All tones are whole Hertz, so their phases repeat every second: 400 hops."""


def _tables() -> tuple[Float64, Float64, Float64]:
    omega = 2 * np.pi * np.array(TONES_HZ) / SAMPLE_RATE_HZ
    inside = np.outer(np.arange(HOP_SAMPLES), omega)
    kernel = np.concatenate([np.cos(inside), np.sin(inside)], axis=1)
    turn = np.outer(omega * HOP_SAMPLES, np.arange(PHASE_PERIOD_HOPS))
    return (
        read_only(np.rint(kernel * KERNEL_SCALE)),
        read_only(np.cos(turn)),
        read_only(np.sin(turn)),
    )


KERNEL, TURN_COS, TURN_SIN = _tables()
"""
Cosines and sines over one hop, scaled to integers, [shape=(20, 16)]; and the
phase of each tone at the start of each hop, [shape=(8, 400)].
"""

_TURN_RE, _TURN_IM = TURN_COS.T, -TURN_SIN.T


class HopSums(NamedTuple):
    """
    What each hop holds: per tone a complex sum, and its energy.

    Shapes are [shape=(m, k, 8)] for `re` and `im`, [shape=(m, k)] for
    `energy`, for m legs and k hops. Sums are in samples, turned to the phase of
    a tone that started with the stream.
    """

    re: Float64
    im: Float64
    energy: Float64


def hop_sums(hops: Float64, first_hop: Index) -> HopSums:
    """
    Correlate hops with the eight tones.

    Args:
        hops: [shape=(m, k, 20)] integer-valued samples of m legs.
        first_hop: [shape=(m,)] index of each leg's first hop in its stream.
    """
    m, k, _ = hops.shape
    partial = hops.reshape(m * k, HOP_SAMPLES) @ KERNEL
    partial = partial.reshape(m, k, 2 * N_TONES)
    # Real and imaginary parts are multiplied out by hand: complex multiplies
    # may be fused differently at the end of an array than inside it.
    place = (first_hop[:, None] + np.arange(k)) % PHASE_PERIOD_HOPS
    turn_re, turn_im = _TURN_RE[place], _TURN_IM[place]
    re, im = partial[..., :N_TONES], -partial[..., N_TONES:]
    return HopSums(
        (re * turn_re - im * turn_im) / KERNEL_SCALE,
        (re * turn_im + im * turn_re) / KERNEL_SCALE,
        (hops * hops).sum(axis=-1),
    )


def window_sums(values: Float64, n_hops: int) -> Float64:
    """
    Add each run of `n_hops` neighbours along axis 1.

    Args:
        values: [shape=(m, k + n_hops - 1, ...)].
        n_hops: hops in a window.

    Returns:
        [shape=(m, k, ...)]: element j covers hops j to j + n_hops − 1.
    """
    k = values.shape[1] - n_hops + 1
    total = values[:, :k].copy()
    for offset in range(1, n_hops):
        total += values[:, offset : offset + k]
    return total


def tone_power(re: Float64, im: Float64, n_samples: int) -> Float64:
    """
    Convert window sums to the mean-square power of each tone.

    A sine of amplitude a that fills the window sums to a * n / 2; its power is
    a**2 / 2.
    """
    return (re * re + im * im) * (2.0 / n_samples**2)


class PairFit:
    """
    Least-squares fit of one pair of tones to one window.

    Windows of 10 ms are too short for two tones to be orthogonal to each other
    and to their own mirror images; the fit accounts for that, so that a pure
    pair holds all of a window's energy at every phase.
    """

    def __init__(self, n_hops: int) -> None:
        self.n_samples = n_hops * HOP_SAMPLES
        n = np.arange(self.n_samples)
        omega = 2 * np.pi * np.array(TONES_HZ) / SAMPLE_RATE_HZ
        self._inverse: list[list[list[float]]] = []
        for low in range(4):
            for high in range(4, 8):
                basis = np.stack(
                    [
                        np.cos(omega[low] * n),
                        -np.sin(omega[low] * n),
                        np.cos(omega[high] * n),
                        -np.sin(omega[high] * n),
                    ]
                )
                self._inverse.append(np.linalg.inv(basis @ basis.T).tolist())

    def energy(
        self, re: list[float], im: list[float], first_hop: int, row: int, column: int
    ) -> float:
        """
        Give the energy that a pair explains.

        Args:
            re: eight window sums, real parts, as `hop_sums` turned them.
            im: the imaginary parts.
            first_hop: index of the window's first hop in the stream.
            row: low-group index, 0 to 3.
            column: high-group index, 0 to 3.

        Returns:
            A sum of squares, comparable to the window's energy.
        """
        place = first_hop % PHASE_PERIOD_HOPS
        b: list[float] = []
        for tone in (row, 4 + column):
            cos, sin = float(_TURN_RE[place, tone]), -float(_TURN_IM[place, tone])
            b.append(re[tone] * cos - im[tone] * sin)
            b.append(re[tone] * sin + im[tone] * cos)
        inverse = self._inverse[4 * row + column]
        return sum(b[i] * sum(inverse[i][j] * b[j] for j in range(4)) for i in range(4))
