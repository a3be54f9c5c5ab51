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

from dtmf_engine.arrays import Float64, Int16, read_only
from dtmf_engine.compiled import compiled_in_any_order
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


@compiled_in_any_order
def correlate(samples: Float64 | Int16, waves: Float64, sums: Float64) -> None:
    """
    Correlate samples with the eight tones.

    Args:
        samples: [shape=(n,)] whole, or of few more bits: sums are exact.
        waves: [shape=(16, n)] the `kernel` of so many or more, turned over.
        sums: [shape=(16,)] where to write.
    """
    # Four waves share what is read of the samples.
    for wave in range(0, 2 * N_TONES, 4):
        first, second = waves[wave], waves[wave + 1]
        third, fourth = waves[wave + 2], waves[wave + 3]
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for i in range(len(samples)):
            sample = float(samples[i])
            a += sample * first[i]
            b += sample * second[i]
            c += sample * third[i]
            d += sample * fourth[i]
        sums[wave], sums[wave + 1], sums[wave + 2], sums[wave + 3] = a, b, c, d


def turned_over(table: Float64) -> Float64:
    """
    Give a table with rows for columns.
    """
    return read_only(np.ascontiguousarray(table.T))


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
