"""
Filters: streams of any sample rate to the 8 kHz that analysis runs at.
"""

import math

import numpy as np
from scipy.signal import firwin, upfirdn

from dtmf_engine.arrays import Float64, read_only
from dtmf_engine.units import SAMPLE_RATE_HZ, require_sample_rate


_LOBES = 10
"""
Zero crossings on either side of the low-pass, the default of
`scipy.signal.resample_poly`: a transition band of about 700 Hz below 4 kHz.
"""


class Resampler:
    """
    A streaming polyphase resampler to 8 kHz.

    Every output is the same sum in the same order whatever the chunks were, so
    chunks change nothing, not even the last bit.

    Args:
        sample_rate_hz: rate of the input.

    Raises:
        ParameterError: the rate is out of range.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        rate = require_sample_rate(sample_rate_hz)
        common = math.gcd(rate, SAMPLE_RATE_HZ)
        self._up = SAMPLE_RATE_HZ // common
        self._down = rate // common
        widest = max(self._up, self._down)
        half, taps = 0, np.ones(1)
        if widest > 1:
            half = _LOBES * widest
            taps = firwin(2 * half + 1, 1 / widest, window=("kaiser", 5.0)) * self._up
        self._taps: Float64 = read_only(np.asarray(taps))
        self.delay_samples = half / self._up
        """Group delay in input samples."""
        self._reach = math.ceil((2 * half + 1) / self._up)
        self._buffer = np.zeros(0)
        self._base = 0
        self._n_out = 0

    def process(self, samples: Float64) -> Float64:
        """
        Take input samples of shape (n,) and give the output they complete.
        """
        self._buffer = np.concatenate([self._buffer, samples])
        heard = self._base + len(self._buffer)
        n_ready = -(-heard * self._up // self._down)
        if n_ready == self._n_out:
            return np.zeros(0)
        offset = self._base * self._up // self._down
        whole = upfirdn(self._taps, self._buffer, self._up, self._down)
        out = np.array(whole[self._n_out - offset : n_ready - offset])
        self._n_out = n_ready
        self._drop(heard)
        return out

    def _drop(self, heard: int) -> None:
        # The buffer starts at a multiple of `down`, where the phases begin anew.
        needed = max(0, heard - self._reach - self._down)
        base = needed // self._down * self._down
        self._buffer = self._buffer[base - self._base :]
        self._base = base


def resample_to_8k(samples: Float64, sample_rate_hz: int) -> Float64:
    """
    Convert a whole recording to 8 kHz, without a delay.

    Args:
        samples: [shape=(n,)].
        sample_rate_hz: their rate.

    Raises:
        ParameterError: the rate is out of range.
    """
    rate = require_sample_rate(sample_rate_hz)
    if rate == SAMPLE_RATE_HZ:
        return samples
    resampler = Resampler(rate)
    tail = np.zeros(math.ceil(resampler.delay_samples))
    skip = round(resampler.delay_samples * SAMPLE_RATE_HZ / rate)
    return resampler.process(np.concatenate([samples, tail]))[skip:]
