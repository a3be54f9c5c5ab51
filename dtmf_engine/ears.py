"""
Ears: a recording of any length and format, heard in blocks, kept at 8 kHz.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dtmf_engine.arrays import Int16, to_int16
from dtmf_engine.filters import Resampler
from dtmf_engine.units import FULL_SCALE, SAMPLE_RATE_HZ


Frames: TypeAlias = (
    npt.NDArray[np.int16] | npt.NDArray[np.int32] | npt.NDArray[np.float64]
)
"""[shape=(n, channels)] int16, int32 in full range, or float64 in [−1, 1]."""


def units_of(frames: Frames) -> float:
    """
    Tell what one unit of 16-bit samples is in the frames' own format.
    """
    if frames.dtype == np.int16:
        return 1.0
    return 65_536.0 if frames.dtype == np.int32 else 1 / FULL_SCALE


class Ears:
    """
    Some channels of a recording in blocks, kept at 8 kHz.
    """

    def __init__(self, sample_rate_hz: int, channels: Sequence[int]) -> None:
        self.n_frames = 0
        self._rate = sample_rate_hz
        self._resamplers: dict[int, Resampler] = {}
        if sample_rate_hz != SAMPLE_RATE_HZ:
            self._resamplers = {c: Resampler(sample_rate_hz) for c in channels}
        # Bytes grow in place; joining arrays would need the memory twice.
        self._lines = {channel: bytearray() for channel in channels}

    def hear(self, frames: Frames) -> None:
        """
        Take the next block, [shape=(n, channels)].
        """
        self.n_frames += len(frames)
        for channel, kept in self._lines.items():
            line = frames[:, channel]
            if line.dtype == np.int16 and not self._resamplers:
                kept.extend(line.astype(np.int16).tobytes())
                continue
            floats = line / (units_of(line) * FULL_SCALE)
            if self._resamplers:
                floats = self._resamplers[channel].process(floats)
            kept.extend(to_int16(floats).tobytes())

    def finish(self) -> dict[int, Int16]:
        """
        Give the channels, [shape=(n,)] each, without the delay of resampling.
        """
        lines: dict[int, Int16] = {}
        for channel, kept in self._lines.items():
            skip = 0
            if self._resamplers:
                resampler = self._resamplers[channel]
                delay = resampler.delay_samples
                tail = resampler.process(np.zeros(math.ceil(delay)))
                kept.extend(to_int16(tail).tobytes())
                skip = round(delay * SAMPLE_RATE_HZ / self._rate)
            lines[channel] = np.frombuffer(kept, dtype=np.int16)[skip:]
        self._lines = {}
        return lines
