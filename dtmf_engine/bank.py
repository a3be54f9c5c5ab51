"""
The bank: detection and masking for many legs in one call.

One `process` call takes the audio that arrived for some of the legs. The
expensive part, correlating every hop with eight tones, is one matrix product
over all of them. Only legs where something is going on, a pair of tones in
the air or a mask not yet closed, are then walked through hop by hop.

`Detector` and `Suppressor` are banks of one leg.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dtmf_engine.arrays import Bool, Float64, Index, Int16
from dtmf_engine.comfort_noise import NoiseModel
from dtmf_engine.decision import Limits, ToneTracker
from dtmf_engine.errors import ParameterError
from dtmf_engine.events import Event
from dtmf_engine.goertzel import HOP_SAMPLES, N_TONES, hop_sums
from dtmf_engine.leg import BACKGROUND_SAMPLES, UNWATCHED_SAMPLES, Leg
from dtmf_engine.masker import (
    FADE_SAMPLES,
    Masker,
    Policy,
    Span,
    get_policy,
    render,
)
from dtmf_engine.profiles import DEFAULT, Profile, get_profile
from dtmf_engine.units import samples_from_ms
from dtmf_engine.windows import MEMORY_HOPS, Windows


DELAY_SAMPLES = samples_from_ms(20)
"""The look-ahead: one frame of the telephone network, and no more."""

_HISTORY_SAMPLES = BACKGROUND_SAMPLES + 4 * DELAY_SAMPLES
_SLICE_SAMPLES = 160 * 128
"""Longer input is worked off in slices that fit a processor's cache."""

_MIN_SLICE_SAMPLES = 160
"""But never in less than a frame, however many legs there are."""


@dataclass(frozen=True, slots=True, eq=False)
class BankOutput:
    """
    What one call of `LegBank.process` gives, a row for each leg it was given.
    """

    audio: Int16
    """[shape=(m, n)] the agent leg: the input `delay_samples` later, masked."""
    masked: Bool
    """[shape=(m, n)] which samples of `audio` were replaced or faded."""
    events: list[list[Event]]
    """For each row, in stream order."""


class LegBank:
    """
    Detection and masking for a fixed number of legs of 8 kHz audio.

    Args:
        n_legs: how many legs there is room for.
        profile: detector limits, by name or value, for every leg.
        policy: what becomes of the caller's audio, by name or value.
        delay_samples: the constant look-ahead of the audio given back.
        seed: of the comfort noise; each leg gets its own from it.

    Raises:
        ParameterError: an argument is out of range.
    """

    def __init__(
        self,
        n_legs: int,
        *,
        profile: str | Profile = DEFAULT,
        policy: str | Policy = Policy.TONES,
        delay_samples: int = DELAY_SAMPLES,
        seed: int = 0,
    ) -> None:
        if n_legs < 1:
            raise ParameterError(f"n_legs: expected at least 1, got {n_legs!r}")
        shortest = UNWATCHED_SAMPLES + FADE_SAMPLES + HOP_SAMPLES
        if not shortest <= delay_samples <= 4 * DELAY_SAMPLES:
            raise ParameterError(
                f"delay_samples: expected {shortest} to {4 * DELAY_SAMPLES}, "
                f"got {delay_samples!r}"
            )
        self.n_legs = n_legs
        self.delay_samples = delay_samples
        self.policy = get_policy(policy)
        self._seed = seed
        self._limits = Limits.of(get_profile(profile))
        self._position = np.zeros(n_legs, dtype=np.int64)
        self._history = np.zeros((n_legs, _HISTORY_SAMPLES), dtype=np.int16)
        self._re = np.zeros((n_legs, MEMORY_HOPS, N_TONES))
        self._im = np.zeros((n_legs, MEMORY_HOPS, N_TONES))
        self._energy = np.zeros((n_legs, MEMORY_HOPS))
        self._active = np.zeros(n_legs, dtype=np.bool_)
        self._legs = [self._new_leg(leg) for leg in range(n_legs)]

    def _new_leg(self, leg: int) -> Leg:
        return Leg(
            ToneTracker(self._limits),
            Masker(self.delay_samples),
            seed=self._seed * 65_537 + leg,
        )

    # Public methods: audio.

    def process(
        self, samples: npt.ArrayLike, legs: Sequence[int] | None = None
    ) -> BankOutput:
        """
        Take the next samples of some legs.

        Args:
            samples: [shape=(m, n)] int16; all rows have the same length.
            legs: the m legs the rows belong to, each at most once; all of them
                in order if left out.

        Raises:
            ParameterError: shapes do not fit, a leg is unknown or named twice.
        """
        array = np.asarray(samples)
        rows = self._rows(legs)
        if array.ndim != 2 or array.shape[0] != len(rows) or array.dtype != np.int16:
            raise ParameterError(
                f"samples: expected int16 of shape ({len(rows)}, n), "
                f"got {array.dtype} of shape {array.shape}"
            )
        output = BankOutput(
            np.empty(array.shape, dtype=np.int16),
            np.zeros(array.shape, dtype=np.bool_),
            [[] for _ in rows],
        )
        step = max(_MIN_SLICE_SAMPLES, _SLICE_SAMPLES // max(1, len(rows)))
        for start in range(0, array.shape[1], step):
            self._process_slice(rows, array, slice(start, start + step), output)
        return output

    def fill_in(self, leg: int, n_samples: int) -> BankOutput:
        """
        Say that `n_samples` of a leg were lost, in place of `process`.

        The detector neither ends nor lengthens a press for it, and the agent
        leg gets comfort noise in their place.

        Raises:
            ParameterError: the leg is unknown or the number negative.
        """
        if n_samples < 0:
            raise ParameterError(f"n_samples: expected 0 or more, got {n_samples!r}")
        row = self._row(leg)
        if n_samples:
            start = self.position(leg)
            self._legs[row].lose(start, start + n_samples, self._history[row])
            self._active[row] = True
        return self.process(np.zeros((1, n_samples), dtype=np.int16), [leg])

    def flush(self, leg: int) -> BankOutput:
        """
        End a leg's stream and give what is still in the look-ahead.

        The newest part of the look-ahead has not been watched long enough to
        be sure that no press begins in it, so it leaves as comfort noise.
        The leg is new afterwards.

        Raises:
            ParameterError: the leg is unknown.
        """
        row = self._row(leg)
        state, end = self._legs[row], self.position(leg)
        state.masker.blank(end - UNWATCHED_SAMPLES, end, end)
        events = state.tracker.finish()
        audio, masked = render(
            self._history[row, -self.delay_samples :],
            end - self.delay_samples,
            state.masker.spans,
            state.seed,
        )
        self.reset(leg)
        return BankOutput(audio[None, :], masked[None, :], [events])

    def reset(self, leg: int) -> None:
        """
        Make a leg new: position nought, nothing heard, not armed.

        Raises:
            ParameterError: the leg is unknown.
        """
        row = self._row(leg)
        self._position[row] = 0
        self._history[row] = 0
        self._active[row] = False
        self._re[row] = self._im[row] = 0.0
        self._energy[row] = 0.0
        self._legs[row] = self._new_leg(row)

    def position(self, leg: int) -> int:
        """
        Tell how many samples of a leg have been heard.

        Raises:
            ParameterError: the leg is unknown.
        """
        return int(self._position[self._row(leg)])

    def spans(self, leg: int) -> list[Span]:
        """
        Give a leg's masks that still matter, in samples of its stream.

        Raises:
            ParameterError: the leg is unknown.
        """
        return list(self._legs[self._row(leg)].masker.spans)

    def noise(self, leg: int) -> NoiseModel:
        """
        Give the model of a leg's background that a mask would use now.

        Raises:
            ParameterError: the leg is unknown.
        """
        return self._legs[self._row(leg)].masker.noise

    # Public methods: arming.

    def arm(self, leg: int) -> None:
        """
        A capture begins: mask more readily, and everything under policy `strict`.

        Raises:
            ParameterError: the leg is unknown.
        """
        row = self._row(leg)
        state = self._legs[row]
        state.masker.armed = True
        if self.policy is Policy.STRICT:
            state.masker.everything = True
            state.mask(self.position(leg), self._history[row])
            self._active[row] = True

    def disarm(self, leg: int) -> None:
        """
        The capture is over.

        What is in the look-ahead now came under the capture: a mask that lies
        on it stays to its end.

        Raises:
            ParameterError: the leg is unknown.
        """
        masker = self._legs[self._row(leg)].masker
        masker.armed = False
        masker.everything = False

    # Private methods.

    def _row(self, leg: int) -> int:
        return int(self._rows([leg])[0])

    def _rows(self, legs: Sequence[int] | None) -> Index:
        if legs is None:
            return np.arange(self.n_legs)
        rows = np.asarray(legs, dtype=np.intp)
        if rows.ndim != 1 or len(set(rows.tolist())) != rows.size:
            raise ParameterError("legs: expected a flat list without repeats")
        if rows.size and not (rows.min() >= 0 and rows.max() < self.n_legs):
            raise ParameterError(f"legs: expected numbers from 0 to {self.n_legs - 1}")
        return rows

    def _process_slice(
        self, rows: Index, samples: Int16, part: slice, output: BankOutput
    ) -> None:
        # Legs that stand at the same place inside a hop are worked off together;
        # with frames of whole hops that is all of them.
        carried = self._position[rows] % HOP_SAMPLES
        staged = []
        for carry in np.unique(carried):
            chosen = np.flatnonzero(carried == carry)
            stage = self._stage(rows[chosen], samples[chosen, part], int(carry))
            staged.append((chosen, stage))
        # Nothing has changed up to here: if a leg made all this fail, the legs
        # can be tried again one by one.
        for chosen, stage in staged:
            self._commit(stage)
            output.audio[chosen, part] = stage.audio
            output.masked[chosen, part] = stage.masked
            for i, events in stage.events.items():
                output.events[chosen[i]].extend(events)

    def _stage(self, rows: Index, audio: Int16, carry: int) -> "_Stage":
        """
        Work off samples of legs that stand `carry` samples into a hop.
        """
        before = self._position[rows]
        stage = _Stage(
            rows=rows,
            position=before + audio.shape[1],
            recent=np.concatenate([self._history[rows], audio], axis=1),
            legs={row: self._legs[row] for row in rows.tolist()},
        )
        start = _HISTORY_SAMPLES - carry
        n_hops = (stage.recent.shape[1] - start) // HOP_SAMPLES
        if n_hops:
            self._judge(
                stage, slice(start, start + n_hops * HOP_SAMPLES), before - carry
            )
        self._emit(stage, before)
        return stage

    def _judge(
        self, stage: "_Stage", hops: slice, first: npt.NDArray[np.int64]
    ) -> None:
        """
        Look at whole hops, `first` being the place of each leg's first sample.
        """
        rows = stage.rows
        audio = stage.recent[:, hops].astype(np.float64)
        cut = audio.reshape(len(rows), -1, HOP_SAMPLES)
        sums = hop_sums(cut, first // HOP_SAMPLES)
        re = np.concatenate([self._re[rows], sums.re], axis=1)
        im = np.concatenate([self._im[rows], sums.im], axis=1)
        energy = np.concatenate([self._energy[rows], sums.energy], axis=1)
        windows = Windows(re, im, energy)
        interesting = windows.interesting()
        active = self._active[rows]
        for i in np.flatnonzero(interesting.any(axis=1) | active).tolist():
            row, first_sample = int(rows[i]), int(first[i])
            leg = stage.legs[row] = self._legs[row].copy()
            recent = stage.recent[i, : hops.stop]
            stage.events[i] = leg.walk(windows, i, interesting[i], recent, first_sample)
            active[i] = not leg.is_idle(first_sample + audio.shape[1])
        stage.memory = (
            re[:, -MEMORY_HOPS:],
            im[:, -MEMORY_HOPS:],
            energy[:, -MEMORY_HOPS:],
            active,
        )

    def _emit(self, stage: "_Stage", before: npt.NDArray[np.int64]) -> None:
        n = stage.recent.shape[1] - _HISTORY_SAMPLES
        start = _HISTORY_SAMPLES - self.delay_samples
        stage.audio = stage.recent[:, start : start + n].copy()
        stage.masked = np.zeros(stage.audio.shape, dtype=np.bool_)
        for i, row in enumerate(stage.rows.tolist()):
            leg = stage.legs[row]
            if leg.masker.spans:
                first = int(before[i]) - self.delay_samples
                stage.audio[i], stage.masked[i] = render(
                    stage.audio[i], first, leg.masker.spans, leg.seed
                )

    def _commit(self, stage: "_Stage") -> None:
        rows = stage.rows
        self._position[rows] = stage.position
        self._history[rows] = stage.recent[:, -_HISTORY_SAMPLES:]
        if stage.memory is not None:
            self._re[rows], self._im[rows] = stage.memory[0], stage.memory[1]
            self._energy[rows], self._active[rows] = stage.memory[2], stage.memory[3]
        oldest = stage.position - self.delay_samples - BACKGROUND_SAMPLES
        for row, before in zip(rows.tolist(), oldest.tolist(), strict=True):
            leg = self._legs[row] = stage.legs[row]
            if leg.masker.spans:
                leg.forget(before)


@dataclass(slots=True, eq=False)
class _Stage:
    """
    What some legs will be once a slice is committed.
    """

    rows: Index
    position: npt.NDArray[np.int64]
    recent: Int16
    legs: dict[int, Leg]
    audio: Int16 = field(init=False)
    masked: Bool = field(init=False)
    events: dict[int, list[Event]] = field(default_factory=dict)
    memory: tuple[Float64, Float64, Float64, Bool] | None = None
