"""
The marker: one beep for each press, always the same, never quite when it was.

An agent who hears nothing at all wonders whether the caller has stopped. A beep
tells that a key was pressed; which one, how long and when to the millisecond it
does not tell.
"""

from dataclasses import dataclass

import numpy as np

from dtmf_engine.arrays import Float64
from dtmf_engine.units import (
    SAMPLE_RATE_HZ,
    power_from_dbm0,
    samples_from_ms,
)


BEEP_HZ = 425.0
"""The pitch of telephone signals (ITU-T E.180), below every tone of a key."""

BEEP_DBM0 = -20.0
"""As loud as speech."""

BEEP_SAMPLES = samples_from_ms(100)

BEEP_GRID_SAMPLES = samples_from_ms(250)
"""
Beeps begin at whole multiples of this: the times between keys alone help to guess
digits, and are known no better than this. Who keys faster is told of later.
"""


@dataclass(frozen=True, slots=True)
class Beep:
    """
    A beep, as a sound that begins at a place in a stream.
    """

    first_sample: int
    sample_rate_hz: int = SAMPLE_RATE_HZ

    def render(self, seed: int, first_sample: int, n_samples: int) -> Float64:
        """
        Give the sound at a place in the stream, [shape=(n_samples,)] in 16 bits.
        """
        del seed  # nothing about a beep is random
        place = np.arange(n_samples) + (first_sample - self.first_sample)
        turns = place * (BEEP_HZ / self.sample_rate_hz)
        peak = np.sqrt(2 * power_from_dbm0(BEEP_DBM0))
        return np.asarray(peak * np.sin(2 * np.pi * turns))


def next_place(at_sample: int) -> int:
    """
    Give the first place of the grid that is not before a sample.
    """
    return -(-at_sample // BEEP_GRID_SAMPLES) * BEEP_GRID_SAMPLES
