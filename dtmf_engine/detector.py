"""
The detector: samples of one channel in, digits out.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from dtmf_engine.arrays import Float64, Int16, as_samples, to_float64, to_int16
from dtmf_engine.detector_bank import DetectorBank
from dtmf_engine.errors import ParameterError
from dtmf_engine.events import (
    DigitDetected,
    Event,
    NearMiss,
    ToneEnded,
    ToneStarted,
)
from dtmf_engine.filters import Resampler
from dtmf_engine.profiles import DEFAULT, Profile
from dtmf_engine.units import SAMPLE_RATE_HZ, require_sample_rate


class Detector:
    """
    Detect digits in a stream.

    Args:
        sample_rate_hz: rate of the stream, 4000 to 384000 Hz.
        profile: detector limits, by name or value.

    Raises:
        ParameterError: the rate or the profile is out of range.
    """

    def __init__(
        self,
        sample_rate_hz: int = SAMPLE_RATE_HZ,
        *,
        profile: str | Profile = DEFAULT,
    ) -> None:
        self.sample_rate_hz = require_sample_rate(sample_rate_hz)
        self._bank = DetectorBank(1, profile=profile)
        self._resampler: Resampler | None = None
        if self.sample_rate_hz != SAMPLE_RATE_HZ:
            self._resampler = Resampler(self.sample_rate_hz)

    def process(self, samples: npt.ArrayLike) -> list[Event]:
        """
        Take the next samples.

        Args:
            samples: [shape=(n,)] int16, or float in [−1, 1].

        Returns:
            What became known by them, in stream order. However the stream is
            cut, the same events come out.

        Raises:
            AudioFormatError: the samples are not audio.
        """
        return self._listen(as_samples(samples))

    def fill_in(self, n_samples: int) -> list[Event]:
        """
        Say that `n_samples` were lost, in place of `process`.

        Raises:
            ParameterError: the number is negative.
        """
        if n_samples < 0:
            raise ParameterError(f"n_samples: expected 0 or more, got {n_samples!r}")
        n = n_samples
        if self._resampler is not None:
            n = len(self._resampler.process(np.zeros(n_samples)))
        self._bank.lose(0, n)
        return self._at_own_rate(self._bank.process(np.zeros((1, n), np.int16))[0])

    def flush(self) -> list[Event]:
        """
        End the stream: report what is open. The detector is new afterwards.
        """
        events: list[Event] = []
        if self._resampler is not None:
            # The end of the stream is still inside the resampler's filter.
            tail = np.zeros(int(self._resampler.delay_samples) + 1)
            events += self._listen(tail)
        events += self._at_own_rate(self._bank.finish(0))
        if self._resampler is not None:
            self._resampler = Resampler(self.sample_rate_hz)
        return events

    def _listen(self, samples: Int16 | Float64) -> list[Event]:
        if self._resampler is not None:
            samples = self._resampler.process(to_float64(samples))
        audio = to_int16(samples)[None, :]
        return self._at_own_rate(self._bank.process(audio)[0])

    def _at_own_rate(self, events: list[Event]) -> list[Event]:
        if self._resampler is None:
            return events
        return [self._converted(event) for event in events]

    def _own_sample(self, sample: int) -> int:
        assert self._resampler is not None  # callers checked: rates differ
        ratio = self.sample_rate_hz / SAMPLE_RATE_HZ
        return max(0, round(sample * ratio - self._resampler.delay_samples))

    def _converted(self, event: Event) -> Event:
        own = self._own_sample
        match event:
            case ToneStarted() | NearMiss():
                return replace(event, at_sample=own(event.at_sample))
            case DigitDetected():
                # The report needed the audio inside the filter as well: the last
                # sample at 8 kHz could be made once this much had been heard.
                last = event.reported_at_sample - 1
                reported = last * self.sample_rate_hz // SAMPLE_RATE_HZ + 1
                return DigitDetected(event.digit, own(event.start_sample), reported)
            case ToneEnded():
                return replace(
                    event,
                    start_sample=own(event.start_sample),
                    end_sample=own(event.end_sample),
                )


def decode(
    samples: npt.ArrayLike,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
    *,
    profile: str | Profile = DEFAULT,
) -> list[ToneEnded]:
    """
    Find every digit in a recording of one channel.

    Args:
        samples: [shape=(n,)] int16, or float in [−1, 1].
        sample_rate_hz: their rate.
        profile: detector limits, by name or value.

    Returns:
        One `ToneEnded` a digit, in order, with start, end and levels.

    Raises:
        AudioFormatError: the samples are not audio.
        ParameterError: the rate or the profile is out of range.
    """
    detector = Detector(sample_rate_hz, profile=profile)
    events = detector.process(samples) + detector.flush()
    return [event for event in events if isinstance(event, ToneEnded)]
