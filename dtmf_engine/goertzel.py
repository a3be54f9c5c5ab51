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

import numpy as np

from dtmf_engine.arrays import Float64, Index, read_only
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


_KERNEL = kernel(HOP_SAMPLES)
_TURNS = np.outer(OMEGA * HOP_SAMPLES, np.arange(PHASE_PERIOD_HOPS))
TURN_COS, TURN_SIN = read_only(np.cos(_TURNS)), read_only(np.sin(_TURNS))
"""Phase of each tone at the start of each hop, [shape=(8, 400)]."""


def hop_sums(hops: Float64) -> Float64:
    """
    Correlate hops with the eight tones.

    Args:
        hops: [shape=(c, 20)] samples, whole or of few more bits.

    Returns:
        [shape=(16, c)]: correlation with eight cosines, then eight sines, each
        in the phase of a tone that starts with the hop.
    """
    # Tones first: what follows then runs over long rows.
    return np.ascontiguousarray((hops @ _KERNEL).T)


def turn(sums: Float64, place: Index, out: Float64) -> None:
    """
    Turn hop sums to the phase of tones that started with the stream.

    Real and imaginary parts are multiplied out by hand: complex multiplies may be
    fused differently at the end of an array than inside it.

    Args:
        sums: [shape=(16, …)] as `hop_sums` gives them.
        place: [shape=(…)] index of each hop in its stream, modulo
            `PHASE_PERIOD_HOPS`.
        out: [shape=(16, …)] for the real parts of the eight tones' Fourier sums,
            then their imaginary parts.
    """
    cos, sin = TURN_COS.take(place, axis=1), TURN_SIN.take(place, axis=1)
    real, imag = sums[:N_TONES], sums[N_TONES:]
    np.subtract(real * cos, imag * sin, out=out[:N_TONES])
    np.negative(real * sin + imag * cos, out=out[N_TONES:])


def add_fours(values: Float64) -> Float64:
    """
    Add each run of four neighbours along the last axis.
    """
    pairs = values[..., 1:] + values[..., :-1]
    return np.asarray(pairs[..., 2:] + pairs[..., :-2])


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
