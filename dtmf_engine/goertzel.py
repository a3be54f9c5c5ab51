"""
The Goertzel bank: how much of each of the eight tones is in a stretch of audio.

Goertzel's recursion gives the discrete Fourier transform of a block at one
frequency. Its value equals the inner product of the block with a cosine and a
sine, and sixteen such sums can be added side by side, sample by sample; that
form is used here (a test compares it with the recursion).

Audio is cut into hops of 20 samples (2.5 ms) on a grid that starts with the
stream. Each hop gives one partial sum per tone. A longer window is the sum of
its hops' partial sums, once each is turned to the phase the tone has at that
hop, so windows of any length and any overlap share the same products.

Why chunks cannot matter: samples are integers, the tables are rounded to
integers of 15 bits, and sums stay below 2**53, so every partial sum is exact
in double precision. All that follows is computed for each look by itself, in the
order in which it is written (`compiled`). Audio fed whole, sample by sample or in
any cuts gives bit-identical results.
"""

import numpy as np

from dtmf_engine.arrays import Float64, read_only
from dtmf_engine.compiled import compiled
from dtmf_engine.keypad import TONES_HZ
from dtmf_engine.units import SAMPLE_RATE_HZ


HOP_SAMPLES = 20
"""2.5 ms: divides a 20 ms frame, and is short against any tone."""

N_TONES = len(TONES_HZ)

PHASE_PERIOD_HOPS = SAMPLE_RATE_HZ // HOP_SAMPLES
"""All tones are whole Hertz, so their phases repeat every second: 400 hops."""

OMEGA = read_only(2 * np.pi * np.array(TONES_HZ) / SAMPLE_RATE_HZ)
"""Radians a sample, [shape=(8,)]."""


def kernel(n_samples: int) -> Float64:
    """
    Give the eight cosines and the eight sines, [shape=(n_samples, 16)].

    Rounded to 15 bits and scaled by a power of two: whole samples give exact sums.
    """
    turns = np.outer(np.arange(n_samples), OMEGA)
    waves = np.concatenate([np.cos(turns), np.sin(turns)], axis=1)
    return read_only(np.rint(waves * 2.0**14) / 2.0**14)


@compiled
def correlate(samples: Float64, table: Float64, sums: Float64) -> None:
    """
    Correlate samples with the eight tones.

    Args:
        samples: [shape=(n,)], n a multiple of four.
        table: [shape=(n, 16)] the `kernel` of so many.
        sums: [shape=(16,)] where to write.
    """
    n = len(sums)
    for j in range(n):
        sums[j] = 0.0
    # Four samples at a time, because each addition waits for the one before it.
    for i in range(0, len(samples), 4):
        a, b, c, d = samples[i], samples[i + 1], samples[i + 2], samples[i + 3]
        of_a, of_b, of_c, of_d = table[i], table[i + 1], table[i + 2], table[i + 3]
        for j in range(n):
            sums[j] += (a * of_a[j] + b * of_b[j]) + (c * of_c[j] + d * of_d[j])


_TURNS = np.outer(np.arange(PHASE_PERIOD_HOPS), OMEGA * HOP_SAMPLES)
TURN_COS, TURN_SIN = read_only(np.cos(_TURNS)), read_only(np.sin(_TURNS))
"""Phase of each tone at the start of each hop, [shape=(400, 8)]."""


def inverse_grams(n_samples: int) -> Float64:
    """
    Give the inverse Gram matrix of every pair, [shape=(16, 4, 4)].

    Row and column: the cosines of both tones, then their sines.
    """
    n = np.arange(n_samples)
    tables = []
    for low in range(4):
        for high in range(4, N_TONES):
            turns = np.outer(OMEGA[[low, high]], n)
            basis = np.concatenate([np.cos(turns), np.sin(turns)])
            tables.append(np.linalg.inv(basis @ basis.T))
    return read_only(np.array(tables))
