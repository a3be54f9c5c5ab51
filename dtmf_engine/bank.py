"""
The bank: detection and masking for many legs in one call.

One `process` call takes the audio that arrived for some of the legs. The
detector bank hears it; the masker makes use of the same looks, and wants more
of them only for legs where a press is expected or a mask goes on.

`Suppressor` is a bank of one leg.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from dtmf_engine.arrays import Bool, Index, Int16
from dtmf_engine.batches import check_samples, slices
from dtmf_engine.comfort_noise import NoiseModel
from dtmf_engine.detector_bank import DetectorBank, Hearing
from dtmf_engine.errors import ParameterError
from dtmf_engine.events import DigitDetected, Event
from dtmf_engine.glances import by_leg, loud_legs
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.leg import (
    BACKGROUND_SAMPLES,
    KEYING_SAMPLES,
    SHORTEST_DELAY_SAMPLES,
    UNWATCHED_SAMPLES,
    Leg,
    Watch,
)
from dtmf_engine.masker import (
    ALWAYS,
    Masker,
    Policy,
    Span,
    get_policy,
    render,
)
from dtmf_engine.profiles import DEFAULT, Profile
from dtmf_engine.units import SAMPLE_RATE_HZ, samples_from_ms


DELAY_SAMPLES = samples_from_ms(20)
"""The look-ahead: one frame of the telephone network, and no more."""

_HISTORY_SAMPLES = BACKGROUND_SAMPLES + 4 * DELAY_SAMPLES


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

    The first bank of a process has everything compiled, so that no tick waits for
    it: a fifth of a second, and half a minute the first time on a machine.

    Args:
        n_legs: how many legs there is room for.
        profile: detector limits, by name or value, for every leg; an armed one
            is judged by profile `sensitive`.
        policy: what becomes of the caller's audio, by name or value.
        delay_samples: the constant look-ahead of the audio given back.
        seed: of the comfort noise; each leg gets its own from it.

    Raises:
        ParameterError: an argument is out of range.
    """

    _is_rehearsed: ClassVar = False

    def __init__(
        self,
        n_legs: int,
        *,
        profile: str | Profile = DEFAULT,
        policy: str | Policy = Policy.TONES,
        delay_samples: int = DELAY_SAMPLES,
        seed: int = 0,
    ) -> None:
        shortest = SHORTEST_DELAY_SAMPLES
        if not shortest <= delay_samples <= 4 * DELAY_SAMPLES:
            raise ParameterError(
                f"delay_samples: expected {shortest} to {4 * DELAY_SAMPLES}, "
                f"got {delay_samples!r}"
            )
        self.n_legs = n_legs
        self.delay_samples = delay_samples
        self.policy = get_policy(policy)
        self._seed = seed
        self._detector = DetectorBank(
            n_legs, profile=profile, history_samples=_HISTORY_SAMPLES
        )
        self._legs = [self._new_leg(leg) for leg in range(n_legs)]
        self._awake: set[int] = set()
        """Rows of legs that may not be at rest."""
        if not LegBank._is_rehearsed:
            LegBank._is_rehearsed = True
            _rehearse()

    def _new_leg(self, leg: int) -> Leg:
        masker = Masker(self.delay_samples, marks=self.policy is Policy.MARKER)
        return Leg(masker, seed=self._seed * 65_537 + leg)

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
        rows = self._detector.rows(legs)
        array = check_samples(samples, len(rows))
        output = BankOutput(
            np.empty(array.shape, dtype=np.int16),
            np.zeros(array.shape, dtype=np.bool_),
            [[] for _ in rows],
        )
        for part in slices(len(rows), array.shape[1]):
            self._process_slice(rows, array, part, output)
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
        row = self._detector.row(leg)
        if n_samples:
            start = self.position(leg)
            self._detector.lose(leg, n_samples)
            history = self._detector.history(leg)
            self._wake(row).lose(start, start + n_samples, history)
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
        row = self._detector.row(leg)
        state, end = self._legs[row], self.position(leg)
        state.masker.blank(end - UNWATCHED_SAMPLES, end, end)
        audio, masked = render(
            self._detector.history(leg)[-self.delay_samples :],
            end - self.delay_samples,
            state.masker.overlays,
            state.seed,
        )
        events = self._detector.finish(leg)
        self._renew(row)
        return BankOutput(audio[None, :], masked[None, :], [events])

    def reset(self, leg: int) -> None:
        """
        Make a leg new: position nought, nothing heard, not armed.

        Raises:
            ParameterError: the leg is unknown.
        """
        row = self._detector.row(leg)
        self._detector.reset(leg)
        self._renew(row)

    def position(self, leg: int) -> int:
        """
        Tell how many samples of a leg have been heard.

        Raises:
            ParameterError: the leg is unknown.
        """
        return self._detector.position(leg)

    def spans(self, leg: int) -> list[Span]:
        """
        Give a leg's masks that still matter, in samples of its stream.

        Raises:
            ParameterError: the leg is unknown.
        """
        return self._legs[self._detector.row(leg)].masker.overlays

    def noise(self, leg: int) -> NoiseModel:
        """
        Give the model of a leg's background that a mask would use now.

        Raises:
            ParameterError: the leg is unknown.
        """
        return self._legs[self._detector.row(leg)].masker.noise

    # Public methods: arming.

    def mask(self, leg: int, n_samples: int = DELAY_SAMPLES) -> None:
        """
        Mask what is in the look-ahead, and go on: a press was reported by others.

        Args:
            leg: which.
            n_samples: how much of what comes next to mask at least.

        Raises:
            ParameterError: the leg is unknown or the number negative.
        """
        if n_samples < 0:
            raise ParameterError(f"n_samples: expected 0 or more, got {n_samples!r}")
        state, position = self._wake(self._detector.row(leg)), self.position(leg)
        state.keying_until = position + KEYING_SAMPLES
        state.mask(position, self._detector.history(leg), n_samples)

    def arm(self, leg: int) -> None:
        """
        A capture begins: hear and mask more readily; everything is masked by `strict`.

        Raises:
            ParameterError: the leg is unknown.
        """
        row = self._detector.row(leg)
        state = self._wake(row)
        state.masker.armed = True
        self._detector.arm(leg)
        if self.policy is Policy.STRICT:
            state.masker.everything = True
            state.mask(self.position(leg), self._detector.history(leg))

    def disarm(self, leg: int) -> None:
        """
        The capture is over.

        What is in the look-ahead now came under the capture: a mask that lies
        on it stays to its end.

        Raises:
            ParameterError: the leg is unknown.
        """
        state = self._wake(self._detector.row(leg))
        if state.masker.everything:
            # A hop that is not whole yet, and what a resampler has not given up,
            # came under the capture, too.
            history = self._detector.history(leg)
            state.mask(self.position(leg), history, 2 * HOP_SAMPLES)
        self._detector.arm(leg, armed=False)
        state.masker.armed = False
        state.masker.everything = False

    # Private methods.

    def _renew(self, row: int) -> None:
        self._legs[row] = self._new_leg(row)
        self._awake.discard(row)

    def _wake(self, row: int) -> Leg:
        """
        Give a leg that is about to be told something.
        """
        self._awake.add(row)
        return self._legs[row]

    def _process_slice(
        self, rows: Index, samples: Int16, part: slice, output: BankOutput
    ) -> None:
        staged = []
        for chosen in self._detector.groups(rows):
            stage = self._stage(rows[chosen], samples[chosen, part])
            staged.append((chosen, stage))
        # Nothing has changed up to here: if a leg made all this fail, the legs
        # can be tried again one by one.
        for chosen, stage in staged:
            self._commit(stage)
            output.audio[chosen, part] = stage.audio
            output.masked[chosen, part] = stage.masked
            for i, events in stage.hearing.events.items():
                output.events[chosen[i]].extend(events)

    def _stage(self, rows: Index, audio: Int16) -> "_Stage":
        """
        Work off samples of legs that stand at the same place inside a block.
        """
        positions = self._detector.positions(rows)
        n_hops = (int(positions[0]) % HOP_SAMPLES + audio.shape[1]) // HOP_SAMPLES
        awake = [i for i, row in enumerate(rows.tolist()) if row in self._awake]
        legs = {i: self._legs[int(rows[i])] for i in awake}
        watched = np.zeros(len(rows), dtype=np.intp)
        for i, leg in legs.items():
            watched[i] = leg.watched_hops(int(positions[i]), n_hops)
        stage = _Stage(self._detector.hear(rows, audio, watched), legs)
        if n_hops:
            self._watch(stage, n_hops, {i for i in awake if watched[i]})
        self._emit(stage)
        return stage

    def _watch(self, stage: "_Stage", n_hops: int, watching: set[int]) -> None:
        """
        Walk through the hops of the legs where something may be going on.
        """
        hearing = stage.hearing
        carry = int(hearing.before[0] % HOP_SAMPLES)
        stop = n_hops * HOP_SAMPLES - carry
        awake = {*watching, *hearing.sounding}
        if len(hearing.looks):
            awake |= loud_legs(hearing.looks, ALWAYS.min_alarm)
        if not awake:
            return
        glances = by_leg(hearing.looks)
        for i in sorted(awake):
            leg = stage.legs[i] = self._legs[int(hearing.rows[i])].copy()
            leg.walk(
                Watch(
                    glances=glances.get(i, {}),
                    look=partial(self._detector.glance, hearing, i),
                    sounding=hearing.sounding.get(i, ()),
                    reported=[
                        event.reported_at_sample
                        for event in hearing.events.get(i, ())
                        if isinstance(event, DigitDetected)
                    ],
                    recent=hearing.heard.of_leg(i, _HISTORY_SAMPLES, stop),
                    first_sample=int(hearing.before[i]) - carry,
                    n_hops=n_hops,
                )
            )

    def _emit(self, stage: "_Stage") -> None:
        before = stage.hearing.before
        stage.audio = stage.hearing.heard.cut(self.delay_samples)
        stage.masked = np.zeros(stage.audio.shape, dtype=np.bool_)
        for i, leg in stage.legs.items():
            overlays = leg.masker.overlays
            if overlays:
                first = int(before[i]) - self.delay_samples
                stage.audio[i], stage.masked[i] = render(
                    stage.audio[i], first, overlays, leg.seed
                )

    def _commit(self, stage: "_Stage") -> None:
        self._detector.commit(stage.hearing)
        rows = stage.hearing.rows
        positions = self._detector.positions(rows)
        for i, leg in stage.legs.items():
            row, position = int(rows[i]), int(positions[i])
            self._legs[row] = leg
            leg.masker.forget(position - self.delay_samples - BACKGROUND_SAMPLES)
            (self._awake.discard if leg.is_at_rest(position) else self._awake.add)(row)


@dataclass(slots=True, eq=False)
class _Stage:
    """
    What some legs will be once a slice is committed.
    """

    hearing: Hearing
    legs: dict[int, Leg]
    """Those that are awake, by their rows in the hearing."""
    audio: Int16 = field(init=False)
    masked: Bool = field(init=False)


def _rehearse() -> None:
    """
    Go once through all that a leg may need, and have it compiled.
    """
    place = np.arange(4 * DELAY_SAMPLES)
    tones = sum(np.sin(2 * np.pi * hz * place / SAMPLE_RATE_HZ) for hz in (697, 1209))
    bank = LegBank(1, policy=Policy.MARKER)
    bank.arm(0)
    # A faint background first: that of a mask is modelled.
    bank.process((place % 7).astype(np.int16)[None, :])
    bank.process(np.rint(4000 * tones).astype(np.int16)[None, :])
    bank.process(np.zeros((1, place.size), dtype=np.int16))
    bank.fill_in(0, DELAY_SAMPLES)
    bank.flush(0)
