"""
The suppressor: samples of the caller in, samples for the agent out.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

from dtmf_engine.arrays import Bool, Float64, Int16, as_samples, to_float64, to_int16
from dtmf_engine.bank import DELAY_SAMPLES, LegBank
from dtmf_engine.comfort_noise import NoiseModel
from dtmf_engine.errors import ParameterError
from dtmf_engine.filters import Resampler
from dtmf_engine.marker import Beep
from dtmf_engine.masker import Policy, Span, render
from dtmf_engine.units import FULL_SCALE, SAMPLE_RATE_HZ, require_sample_rate


class Suppressor:
    """
    Replace every tone in a stream by comfort noise.

    The output is the input `delay_samples` later, bit-exact wherever nothing
    was replaced. Tones are looked for from the first sample on, armed or not.

    Args:
        sample_rate_hz: rate of the stream, 4000 to 384000 Hz.
        policy: `tones`; `strict` to replace all audio while armed; or `marker` to
            tell of each press by one beep.
        seed: of the comfort noise.

    Raises:
        ParameterError: the rate or the policy is out of range.
    """

    def __init__(
        self,
        sample_rate_hz: int = SAMPLE_RATE_HZ,
        *,
        policy: str | Policy = Policy.TONES,
        seed: int = 0,
    ) -> None:
        self.sample_rate_hz = require_sample_rate(sample_rate_hz)
        self._stage = _Stage(self.sample_rate_hz, policy, seed)
        self.delay_samples = self._stage.delay_samples
        """The constant delay of the output, in samples of the stream: 20 ms."""
        self._held = np.zeros(self.delay_samples)
        self._is_float: bool | None = None
        self._n_masked = 0

    @property
    def n_masked_samples(self) -> int:
        """
        How many samples of the output were replaced or faded, over all streams.
        """
        return self._n_masked

    def process(self, samples: npt.ArrayLike) -> Int16 | Float64:
        """
        Take the next samples of the caller and give as many to the agent.

        Args:
            samples: [shape=(n,)] int16, or float in [−1, 1].

        Returns:
            [shape=(n,)] int16 for int16, float64 for float.

        Raises:
            AudioFormatError: the samples are not audio.
        """
        audio = as_samples(samples)
        self._is_float = audio.dtype != np.int16
        out, masked = self._stage.process(to_int16(audio))
        return self._finish(audio, out, masked)

    def fill_in(self, n_samples: int) -> Int16 | Float64:
        """
        Say that `n_samples` were lost, in place of `process`.

        Returns:
            [shape=(n_samples,)] what the agent hears meanwhile; the gap itself
            follows one delay later, as comfort noise.

        Raises:
            ParameterError: the number is negative.
        """
        if n_samples < 0:
            raise ParameterError(f"n_samples: expected 0 or more, got {n_samples!r}")
        out, masked = self._stage.fill_in(n_samples)
        return self._finish(np.zeros(n_samples), out, masked)

    def arm(self) -> None:
        """
        A capture begins: mask more readily.
        """
        self._stage.bank.arm(0)

    def disarm(self) -> None:
        """
        The capture is over; masks that were begun run to their end.
        """
        self._stage.bank.disarm(0)

    def flush(self) -> Int16 | Float64:
        """
        End the stream.

        Returns:
            [shape=(delay_samples,)] what is still in the look-ahead. Its newest
            part leaves as comfort noise, because a press may begin in it.
            The suppressor is new afterwards, and not armed.
        """
        out, masked = self._stage.flush()
        tail = self._finish(np.zeros(self.delay_samples), out, masked)
        self._held = np.zeros(self.delay_samples)
        self._is_float = None
        return tail

    def _finish(
        self, audio: Int16 | Float64, out: Int16, masked: Bool
    ) -> Int16 | Float64:
        self._n_masked += int(np.count_nonzero(masked))
        if self._is_float is None:
            # A stream that begins with a loss may become one of floats: silence
            # is the one thing that is the same in both.
            return np.zeros_like(out)
        if not self._is_float:
            return out
        # Floats go round the 16 bits of the analysis wherever they were not masked.
        line = np.concatenate([self._held, to_float64(audio)])
        self._held = line[len(line) - self.delay_samples :]
        return np.where(masked, out / FULL_SCALE, line[: len(out)])


class _Stage:
    """
    A bank of one leg behind a stream of any rate.

    The bank listens to the stream at 8 kHz. At that rate its own output is
    used; at any other, the masks it decided on are laid over the stream itself.
    """

    def __init__(self, sample_rate_hz: int, policy: str | Policy, seed: int) -> None:
        self._ratio = sample_rate_hz / SAMPLE_RATE_HZ
        self._rate = sample_rate_hz
        self._seed = seed
        self.delay_samples = math.ceil(DELAY_SAMPLES * self._ratio)
        self._resampler: Resampler | None = None
        look_ahead = DELAY_SAMPLES
        if sample_rate_hz != SAMPLE_RATE_HZ:
            self._resampler = Resampler(sample_rate_hz)
            # What the resampler holds back is lost to the look-ahead.
            held = self._resampler.delay_samples / self._ratio
            look_ahead -= math.ceil(held) + 2
        self.bank = LegBank(1, policy=policy, delay_samples=look_ahead, seed=seed)
        self._held = np.zeros(self.delay_samples, dtype=np.int16)
        self._first = -self.delay_samples
        self._noises: dict[NoiseModel, NoiseModel] = {}

    def process(self, audio: Int16) -> tuple[Int16, Bool]:
        if self._resampler is None:
            output = self.bank.process(audio[None, :])
            return output.audio[0], output.masked[0]
        # The bank forgets old masks; they are applied while they are fresh.
        step = self._rate // 10
        parts = [
            self._overlay(audio[start : start + step], lost=False)
            for start in range(0, max(1, len(audio)), step)
        ]
        return _joined(parts)

    def fill_in(self, n_samples: int) -> tuple[Int16, Bool]:
        if self._resampler is None:
            output = self.bank.fill_in(0, n_samples)
            return output.audio[0], output.masked[0]
        silence = np.zeros(n_samples, dtype=np.int16)
        step = self._rate // 10
        parts = [
            self._overlay(silence[start : start + step], lost=True)
            for start in range(0, max(1, n_samples), step)
        ]
        return _joined(parts)

    def flush(self) -> tuple[Int16, Bool]:
        if self._resampler is None:
            output = self.bank.flush(0)
            return output.audio[0], output.masked[0]
        # At 8 kHz the bank leaves the newest 18 ms as noise; here it has not
        # even heard what is in the resampler, so all that is held is noise.
        n = self.delay_samples
        end = self._first + n
        noise = self._at_own_rate(self.bank.noise(0))
        span = Span(self._first, self._first, end, end + 1, noise)
        out = render(self._held, self._first, [span], self._seed)
        self.bank.reset(0)
        self._resampler = Resampler(self._rate)
        self._held = np.zeros(n, dtype=np.int16)
        self._first = -n
        return out

    def _overlay(self, audio: Int16, *, lost: bool) -> tuple[Int16, Bool]:
        assert self._resampler is not None  # callers checked: rates differ
        heard = to_int16(self._resampler.process(to_float64(audio)))
        if lost:
            self.bank.fill_in(0, len(heard))
        else:
            self.bank.process(heard[None, :])
        line = np.concatenate([self._held, audio])
        out = render(line[: len(audio)], self._first, self._spans(), self._seed)
        self._held = line[len(audio) :]
        self._first += len(audio)
        return out

    def _spans(self) -> list[Span]:
        """
        Give the bank's masks in samples of the stream.
        """
        assert self._resampler is not None  # callers checked: rates differ
        shift = self._resampler.delay_samples

        def place(sample: int) -> int:
            return round(sample * self._ratio - shift)

        return [
            Span(
                place(span.fade_from),
                place(span.full_from),
                place(span.full_until),
                place(span.fade_until),
                self._sound(span.sound, place(span.full_from)),
            )
            for span in self.bank.spans(0)
        ]

    def _sound(self, sound: NoiseModel | Beep, first_sample: int) -> NoiseModel | Beep:
        if isinstance(sound, Beep):
            return Beep(first_sample, self._rate)
        return self._at_own_rate(sound)

    def _at_own_rate(self, noise: NoiseModel) -> NoiseModel:
        """
        Stretch a noise model: same power, same spectrum below 4 kHz, none above.
        """
        if noise not in self._noises:
            taps = np.asarray(resample_poly(noise.taps, self._rate, SAMPLE_RATE_HZ))
            wanted = float((noise.taps * noise.taps).sum())
            power = float((taps * taps).sum())
            scale = math.sqrt(wanted / power) if power else 0.0
            self._noises = {noise: NoiseModel(taps * scale)}
        return self._noises[noise]


def _joined(parts: list[tuple[Int16, Bool]]) -> tuple[Int16, Bool]:
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
