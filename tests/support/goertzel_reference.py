"""
Goertzel's recursion as textbooks print it, to judge faster forms by.

G. Goertzel, "An Algorithm for the Evaluation of Finite Trigonometric Series",
American Mathematical Monthly 65 (1958).
"""

import math
from collections.abc import Iterable


def goertzel(samples: Iterable[float], hz: float, sample_rate_hz: float) -> complex:
    """
    Give the Fourier sum of samples at one frequency, for a phase of nought at the
    first sample.
    """
    omega = 2 * math.pi * hz / sample_rate_hz
    before = last = 0.0
    n = 0
    for sample in samples:
        before, last = last, sample + 2 * math.cos(omega) * last - before
        n += 1
    # The recursion leaves the sum turned by the phase of the last sample.
    left = complex(last - before * math.cos(omega), before * math.sin(omega))
    angle = -omega * (n - 1)
    return left * complex(math.cos(angle), math.sin(angle))
