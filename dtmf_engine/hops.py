"""
Hops: sums over 2.5 ms of audio, heard directly or through a high-pass.

A closer look (`pairs`) is made of such sums. The high-pass takes away what lies
below the tones, where it was there all the time: a dial tone or mains hum.
"""

from typing import NamedTuple

import numpy as np
from scipy.signal import firwin

from dtmf_engine.arrays import Float64, Index, added, read_only
from dtmf_engine.goertzel import (
    HOP_SAMPLES,
    N_TONES,
    PHASE_PERIOD_HOPS,
    add_fours,
    hop_sums,
    turn,
)
from dtmf_engine.units import SAMPLE_RATE_HZ


HIGHPASS_TAPS = 89
HIGHPASS_DELAY_SAMPLES = (HIGHPASS_TAPS - 1) // 2
"""The high-pass is of linear phase: all it hears is this late."""

MARGIN_SAMPLES = HIGHPASS_TAPS
"""Samples needed before the first hop of a look."""


def _highpass() -> Float64:
    """
    Give the high-pass as a matrix from 109 samples to 21, [shape=(109, 21)].

    45 dB down from 445 Hz, flat from 681 Hz: below 697 Hz − 2.3 %, above the
    dial tones of E.180 (to 440 Hz).
    """
    taps = firwin(
        HIGHPASS_TAPS,
        563.0,
        window=("kaiser", 4.0),
        pass_zero=False,
        fs=SAMPLE_RATE_HZ,
    )
    whole = np.rint(taps[::-1] * 2.0**14)
    matrix = np.zeros((HOP_SAMPLES + HIGHPASS_TAPS, HOP_SAMPLES + 1))
    for i in range(HOP_SAMPLES + 1):
        matrix[i : i + HIGHPASS_TAPS, i] = whole
    return read_only(matrix)


_HIGHPASS = _highpass()


class Hops(NamedTuple):
    """
    Sums over single hops, gathered from anywhere: c hops in all.
    """

    sums: Float64
    """[shape=(16, c)] correlation with eight cosines, then eight sines."""
    energy: Float64
    """[shape=(c,)]"""
    slope: Float64
    """[shape=(c,)] energy of the differences between neighbouring samples."""
    place: Index
    """[shape=(c,)] index of the hop in its stream, modulo the phase period."""


def measure_hops(samples: Float64, place: Index, *, highpass: bool) -> Hops:
    """
    Sum over hops.

    Args:
        samples: [shape=(c, n)] integer-valued: each hop's 20 samples with those
            before them, 89 for the high-pass and 1 without.
        place: [shape=(c,)] index of each hop in its stream.
        highpass: whether to listen through the high-pass.
    """
    if highpass:
        heard = (samples @ _HIGHPASS) * (1.0 / 2**14)
    else:
        heard = samples[:, -HOP_SAMPLES - 1 :]
    hop = np.ascontiguousarray(heard[:, 1:])
    step = hop - heard[:, :-1]
    energy, slope = (_energies(v, exact=not highpass) for v in (hop, step))
    return Hops(
        hop_sums(hop),
        energy,
        slope,
        place % PHASE_PERIOD_HOPS,
    )


def _energies(values: Float64, *, exact: bool) -> Float64:
    if exact:
        # Sums of whole numbers, the same in any order.
        return np.asarray(np.einsum("ij,ij->i", values, values))
    return added((values * values).T)


def sum_quads(hops: Hops) -> Float64:
    """
    Sum over each hop and the three before it.

    Returns:
        [shape=(18, c)]: real parts of the eight tones, in the phase of tones
        that started with the stream, imaginary parts, energy and slope.
    """
    values = np.zeros((2 * N_TONES + 2, len(hops.place) + 3))
    inside = values[:, 3:]
    turn(hops.sums, hops.place, inside[:-2])
    inside[-2], inside[-1] = hops.energy, hops.slope
    return add_fours(values)
