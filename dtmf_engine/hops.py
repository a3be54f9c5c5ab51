"""
Hops: sums over 2.5 ms of audio, heard directly or through a high-pass.

A closer look (`pairs`) is made of such sums. The high-pass takes away what lies
below the tones, where it was there all the time: a dial tone or mains hum.
"""

from typing import Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.signal import firwin

from dtmf_engine.arrays import Float64, Int16, read_only
from dtmf_engine.compiled import compiled
from dtmf_engine.goertzel import (
    HOP_SAMPLES,
    N_TONES,
    PHASE_PERIOD_HOPS,
    TURN_COS,
    TURN_SIN,
    correlate,
    kernel,
    turned_over,
)
from dtmf_engine.units import SAMPLE_RATE_HZ


HIGHPASS_TAPS: Final = 89
HIGHPASS_DELAY_SAMPLES: Final = (HIGHPASS_TAPS - 1) // 2
"""The high-pass is of linear phase: all it hears is this late."""

MARGIN_SAMPLES: Final = HIGHPASS_TAPS
"""Samples needed before a hop; one would do without the high-pass."""


class Hop(Protocol):
    """
    One record of `Hops`.
    """

    place: int
    """Index of the hop in its stream, modulo the phase period."""
    sums: Float64
    """[shape=(16,)] correlation with eight cosines, then eight sines, each in the
    phase of a tone that starts with the hop."""
    turned: Float64
    """[shape=(16,)] Fourier sums in the phase of tones that started with the stream:
    eight real parts, then eight imaginary ones."""
    energy: float
    slope: float
    """Energy of the differences between neighbouring samples."""


HOP = np.dtype(
    [
        ("place", np.int64),
        ("sums", np.float64, (2 * N_TONES,)),
        ("turned", np.float64, (2 * N_TONES,)),
        ("energy", np.float64),
        ("slope", np.float64),
    ]
)

Hops: TypeAlias = npt.NDArray[np.void]
"""Any number of hops, of dtype `HOP`."""


def _highpass() -> Float64:
    """
    Give the taps of the high-pass, the last one first, [shape=(89,)].

    45 dB down from 445 Hz, flat from 681 Hz: below 697 Hz − 2.3 %, above the
    dial tones of E.180 (to 440 Hz). Rounded to 15 bits: what is heard is exact.
    """
    taps = firwin(
        HIGHPASS_TAPS,
        563.0,
        window=("kaiser", 4.0),
        pass_zero=False,
        fs=SAMPLE_RATE_HZ,
    )
    return read_only(np.rint(taps[::-1] * 2.0**14) * 2.0**-14)


_HIGHPASS = _highpass()
_WAVES = turned_over(kernel(HOP_SAMPLES))
_N_HEARD: Final = HOP_SAMPLES + 1


@compiled
def measure_hop(audio: Int16, start: int, place: int, hop: Hop) -> None:
    """
    Sum over one hop.

    Args:
        audio: [shape=(n,)]
        start: where the hop begins in it, with a sample before.
        place: index of the hop in its stream.
        hop: where to write.
    """
    heard = np.empty(_N_HEARD)
    for i in range(_N_HEARD):
        heard[i] = audio[start - 1 + i]
    _measure(heard, place, hop)


@compiled
def measure_filtered_hop(audio: Int16, start: int, place: int, hop: Hop) -> None:
    """
    Sum over what the high-pass lets through of one hop.

    Args:
        audio: [shape=(n,)]
        start: where the hop begins in it, with `MARGIN_SAMPLES` before.
        place: index of the hop in its stream.
        hop: where to write.
    """
    heard = np.zeros(_N_HEARD)
    first = start - HIGHPASS_TAPS
    for tap in range(HIGHPASS_TAPS):
        weight = _HIGHPASS[tap]
        for i in range(_N_HEARD):
            heard[i] += weight * audio[first + tap + i]
    _measure(heard, place, hop)


@compiled
def _measure(heard: Float64, place: int, hop: Hop) -> None:
    """
    Sum over what is heard of a hop, [shape=(21,)] with the sample before it.
    """
    hop.place = place % PHASE_PERIOD_HOPS
    correlate(heard[1:], _WAVES, hop.sums)
    energy, slope = 0.0, 0.0
    for i in range(1, _N_HEARD):
        step = heard[i] - heard[i - 1]
        energy += heard[i] * heard[i]
        slope += step * step
    hop.energy, hop.slope = energy, slope
    _turn(hop)


@compiled
def _turn(hop: Hop) -> None:
    """
    Turn sums to the phase of tones that started with the stream.
    """
    sums, turned = hop.sums, hop.turned
    for tone in range(N_TONES):
        cos, sin = TURN_COS[hop.place, tone], TURN_SIN[hop.place, tone]
        real, imag = sums[tone], sums[N_TONES + tone]
        turned[tone] = real * cos - imag * sin
        turned[N_TONES + tone] = -(real * sin + imag * cos)
