"""
The detector bank: digits of many legs in one call.

One call takes the audio that arrived for some of the legs. Every 10 ms of it
get a cheap look (`blocks`); the few that may hold a digit get a close one
(`close_look`); and legs where something is going on are followed hop by hop
(`tracker`).

`hear` only computes and `commit` only stores, so that a slice of audio changes
either all its legs or, if anything fails, none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dtmf_engine.arrays import Bool, Float64, Index, Int16
from dtmf_engine.batches import SLICE_SAMPLES, check_samples, slices
from dtmf_engine.blocks import BLOCK_HOPS, BLOCK_SAMPLES, STEADY_BLOCKS, look
from dtmf_engine.close_look import REACH_SAMPLES, Wanted, look_closely
from dtmf_engine.errors import ParameterError
from dtmf_engine.events import Event
from dtmf_engine.glances import Glance, by_leg
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.looks import LOOK, Looks
from dtmf_engine.profiles import DEFAULT, SENSITIVE, Profile, get_profile
from dtmf_engine.recent import Heard, Recent
from dtmf_engine.sights import LIMITS, limits_of, sights, that_matter
from dtmf_engine.tracker import Sight, ToneTracker, hops_of_quiet


_SLICE_SAMPLES = 16 * SLICE_SAMPLES
"""
Two minutes. Close looks are few in speech, and it takes this much of it for the
number of calls not to count.
"""

_PRESENCE_SAMPLES = 4 * HOP_SAMPLES
_NO_LOOKS = np.zeros(0, dtype=LOOK)
Positions = npt.NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Hearing:
    """
    What some legs will be once they have heard their next samples.
    """

    rows: Index
    before: Positions
    """Where each leg stood."""
    heard: Heard
    low_energy: Float64
    worth: Bool
    highpass: Bool
    trackers: dict[int, ToneTracker] = field(default_factory=dict)
    """By leg: those that moved."""
    events: dict[int, list[Event]] = field(default_factory=dict)
    """By row of `rows`."""
    sounding: dict[int, list[int]] = field(default_factory=dict)
    """By row of `rows`: ends of the hops at which a press was heard."""
    looks: Looks = field(default_factory=lambda: _NO_LOOKS)
    """All that were taken, in order of legs and hops."""


class DetectorBank:
    """
    Detection for a fixed number of legs of 8 kHz audio.

    Args:
        n_legs: how many legs there is room for.
        profile: detector limits, by name or value, for every leg.
        armed_profile: those of a leg while it is armed.
        history_samples: how much of the past to keep for others.

    Raises:
        ParameterError: an argument is out of range.
    """

    def __init__(
        self,
        n_legs: int,
        *,
        profile: str | Profile = DEFAULT,
        armed_profile: str | Profile = SENSITIVE,
        history_samples: int = REACH_SAMPLES,
    ) -> None:
        if n_legs < 1:
            raise ParameterError(f"n_legs: expected at least 1, got {n_legs!r}")
        self.n_legs = n_legs
        self.profile = get_profile(profile)
        self.armed_profile = get_profile(armed_profile)
        self._reach_hops = max(
            hops_of_quiet(p) for p in (self.profile, self.armed_profile)
        )
        self._limits = np.array(
            [limits_of(self.profile), limits_of(self.armed_profile)], dtype=LIMITS
        )
        self._position = np.zeros(n_legs, dtype=np.int64)
        self._recent = Recent(n_legs, max(history_samples, REACH_SAMPLES))
        self._low_energy = np.zeros((n_legs, STEADY_BLOCKS))
        self._worth = np.zeros(n_legs, dtype=np.bool_)
        self._highpass = np.zeros(n_legs, dtype=np.bool_)
        self._armed = np.zeros(n_legs, dtype=np.bool_)
        self._trackers = [ToneTracker(self.profile) for _ in range(n_legs)]
        self._busy: set[int] = set()
        self._lost: dict[int, list[tuple[int, int]]] = {}

    def process(
        self, samples: npt.ArrayLike, legs: Sequence[int] | None = None
    ) -> list[list[Event]]:
        """
        Take the next samples of some legs.

        Args:
            samples: [shape=(m, n)] int16; all rows have the same length.
            legs: the m legs the rows belong to, each at most once; all of them
                in order if left out.

        Returns:
            For each row its events, in stream order.

        Raises:
            ParameterError: shapes do not fit, a leg is unknown or named twice.
        """
        rows = self.rows(legs)
        array = check_samples(samples, len(rows))
        events: list[list[Event]] = [[] for _ in rows]
        for part in slices(len(rows), array.shape[1], _SLICE_SAMPLES):
            hearings = [
                (chosen, self.hear(rows[chosen], array[chosen, part]))
                for chosen in self.groups(rows)
            ]
            for chosen, hearing in hearings:
                self.commit(hearing)
                for i, heard in hearing.events.items():
                    events[chosen[i]].extend(heard)
        return events

    def lose(self, leg: int, n_samples: int) -> None:
        """
        Say that the next samples of a leg were lost; zeros are then given for them.

        Raises:
            ParameterError: the leg is unknown.
        """
        row = self.row(leg)
        gaps = self._lost.get(row, [])
        start = max([int(self._position[row]), *(end for _, end in gaps)])
        if n_samples:
            self._lost[row] = [*gaps, (start, start + n_samples)]

    def arm(self, leg: int, *, armed: bool = True) -> None:
        """
        Judge a leg by the profile for captures from now on, or no longer.

        Raises:
            ParameterError: the leg is unknown.
        """
        row = self.row(leg)
        self._armed[row] = armed
        self._trackers[row].use(self.armed_profile if armed else self.profile)

    def finish(self, leg: int) -> list[Event]:
        """
        End a leg's stream: report what is open. The leg is new afterwards.

        Raises:
            ParameterError: the leg is unknown.
        """
        row = self.row(leg)
        events = self._trackers[row].finish()
        self.reset(leg)
        return events

    def reset(self, leg: int) -> None:
        """
        Make a leg new: position nought, nothing heard.

        Raises:
            ParameterError: the leg is unknown.
        """
        row = self.row(leg)
        self._position[row] = 0
        self._recent.clear(row)
        self._low_energy[row] = 0.0
        self._worth[row] = self._highpass[row] = False
        self._armed[row] = False
        self._trackers[row] = ToneTracker(self.profile)
        self._busy.discard(row)
        self._lost.pop(row, None)

    def position(self, leg: int) -> int:
        """
        Tell how many samples of a leg have been heard.

        Raises:
            ParameterError: the leg is unknown.
        """
        return int(self._position[self.row(leg)])

    def positions(self, rows: Index) -> Positions:
        """
        Tell the same of some legs, [shape=(m,)].
        """
        return np.asarray(self._position[rows])

    def history(self, leg: int) -> Int16:
        """
        Give the newest samples of a leg, [shape=(n,)].

        Raises:
            ParameterError: the leg is unknown.
        """
        return self._recent.newest(self.row(leg))

    def rows(self, legs: Sequence[int] | None) -> Index:
        """
        Check the numbers of legs.

        Raises:
            ParameterError: a leg is unknown or named twice.
        """
        if legs is None:
            return np.arange(self.n_legs)
        rows = np.array(legs, dtype=np.intp) if len(legs) else np.zeros(0, np.intp)
        if rows.ndim != 1 or len(set(rows.tolist())) != rows.size:
            raise ParameterError("legs: expected a flat list without repeats")
        if rows.size and not (rows.min() >= 0 and rows.max() < self.n_legs):
            raise ParameterError(f"legs: expected numbers from 0 to {self.n_legs - 1}")
        return rows

    def row(self, leg: int) -> int:
        """
        Check the number of a leg.

        Raises:
            ParameterError: the leg is unknown.
        """
        return int(self.rows([leg])[0])

    def is_lost(self, row: int, end_sample: int) -> bool:
        """
        Tell whether the 10 ms before a sample touch audio that never came.
        """
        start = end_sample - _PRESENCE_SAMPLES
        gaps = self._lost.get(row, ())
        return any(a < end_sample and b > start for a, b in gaps)

    def groups(self, rows: Index) -> list[Index]:
        """
        Sort legs by their place inside a block; each group can be heard at once.

        With frames of whole blocks that is one group.
        """
        if not rows.size:
            return []
        place = self._position[rows] % BLOCK_SAMPLES
        if rows.size == 1 or (place == place[0]).all():
            return [np.arange(len(rows))]
        return [np.flatnonzero(place == p) for p in np.unique(place)]

    def hear(
        self, rows: Index, audio: Int16, watched_hops: Index | None = None
    ) -> Hearing:
        """
        Work off samples of legs that stand at the same place inside a block.

        Nothing changes before `commit`.

        Args:
            rows: the m legs.
            audio: [shape=(m, n)] their next samples.
            watched_hops: [shape=(m,)] at how many hops, from the first, somebody
                wants a look whatever there is.
        """
        before = self._position[rows]
        carry = int(before[0] % BLOCK_SAMPLES)
        n_blocks = (carry + audio.shape[1]) // BLOCK_SAMPLES
        hearing = Hearing(
            rows,
            before,
            self._recent.write(rows, audio),
            self._low_energy[rows],
            self._worth[rows],
            self._highpass[rows],
        )
        worth, highpass = hearing.worth[:, None], hearing.highpass[:, None]
        if n_blocks:
            first = before // BLOCK_SAMPLES
            seen = look(hearing.heard, carry, hearing.low_energy, first)
            worth = np.concatenate([worth, seen.worth], axis=1)
            highpass = np.concatenate([highpass, seen.highpass], axis=1)
            hearing.low_energy = seen.low_energy
            hearing.worth, hearing.highpass = worth[:, -1], highpass[:, -1]
        n_hops = (carry % HOP_SAMPLES + audio.shape[1]) // HOP_SAMPLES
        if watched_hops is None:
            watched_hops = np.zeros(len(rows), dtype=np.intp)
        busy = watched_hops.any() or not self._busy.isdisjoint(rows.tolist())
        if n_hops and (busy or worth.any()):
            # Hops up to the end of the first block still obey the one before.
            block = (carry // HOP_SAMPLES + 1 + np.arange(n_hops)) // BLOCK_HOPS
            watched = np.arange(n_hops) < watched_hops[:, None]
            worth, highpass = worth.take(block, axis=1), highpass.take(block, axis=1)
            wanted = Wanted(worth, highpass, watched)
            self._look_closely(hearing, wanted)
        return hearing

    def glance(
        self, hearing: Hearing, i: int, first_hop: int, last_hop: int
    ) -> dict[int, Glance]:
        """
        Look at hops of one leg that nobody has looked at yet.

        Args:
            hearing: of the batch.
            i: the leg's row in it.
            first_hop: of the batch, the first to look at.
            last_hop: one past the last.

        Returns:
            What was seen, by hop.
        """
        watched = np.zeros((len(hearing.rows), last_hop), dtype=np.bool_)
        watched[i, first_hop:] = True
        nothing = np.zeros_like(watched)
        looks = self._look(hearing, Wanted(nothing, nothing, watched))
        return by_leg(looks)[i]

    def commit(self, hearing: Hearing) -> None:
        """
        Make a hearing the state of its legs.
        """
        rows = hearing.rows
        self._position[rows] = hearing.before + hearing.heard.n
        self._recent.keep(rows, hearing.heard)
        self._low_energy[rows] = hearing.low_energy
        self._worth[rows], self._highpass[rows] = hearing.worth, hearing.highpass
        for row, tracker in hearing.trackers.items():
            self._trackers[row] = tracker
            (self._busy.discard if tracker.is_idle else self._busy.add)(row)
        if self._lost:
            self._forget_losses(rows)

    def _forget_losses(self, rows: Index) -> None:
        """
        Drop what was lost too long ago to matter.
        """
        for row in self._lost.keys() & set(rows.tolist()):
            still = int(self._position[row]) - _PRESENCE_SAMPLES - HOP_SAMPLES
            self._lost[row] = [gap for gap in self._lost[row] if gap[1] > still]
            if not self._lost[row]:
                del self._lost[row]

    def _look(self, hearing: Hearing, wanted: Wanted) -> Looks:
        """
        Look at the hops that are wanted.
        """
        which = self._armed[hearing.rows].astype(np.intp)
        return look_closely(hearing.heard, hearing.before, wanted, self._limits, which)

    def _look_closely(self, hearing: Hearing, wanted: Wanted) -> None:
        """
        Look at the hops that are worth it, and follow what is going on.
        """
        looks = hearing.looks = self._look(hearing, wanted)
        rows = hearing.rows.tolist()
        busy = [i for i, row in enumerate(rows) if row in self._busy]
        always = np.zeros(len(rows), dtype=np.bool_)
        always[busy] = True
        # Audio that was lost stops a tracker's clock.
        always[[i for i, row in enumerate(rows) if row in self._lost]] = True
        seen: dict[int, dict[int, Sight]] = {i: {} for i in busy}
        for i, k, sight in sights(looks[that_matter(looks, always, self._reach_hops)]):
            seen.setdefault(i, {})[k] = sight
        for i, of_hops in sorted(seen.items()):
            self._follow(hearing, i, wanted.worth.shape[1], of_hops)

    def _follow(
        self, hearing: Hearing, i: int, n_hops: int, sights: Mapping[int, Sight]
    ) -> None:
        """
        Walk through the hops of one leg, skipping those where nothing can happen.
        """
        row = int(hearing.rows[i])
        tracker = hearing.trackers[row] = self._trackers[row].copy()
        first_end = (int(hearing.before[i]) // HOP_SAMPLES + 1) * HOP_SAMPLES
        events: list[Event] = []
        sounding: list[int] = []
        may_be_lost = row in self._lost
        for k in _steps(tracker, sights, n_hops):
            end = first_end + k * HOP_SAMPLES
            if may_be_lost and self.is_lost(row, end):
                continue
            events += tracker.step(end, sights.get(k))
            if tracker.is_sounding:
                sounding.append(end)
        if events:
            hearing.events[i] = events
        if sounding:
            hearing.sounding[i] = sounding


def _steps(tracker: ToneTracker, sights: Mapping[int, Sight], n: int) -> Iterator[int]:
    """
    Give the hops to walk through: those with a sight, and all while not idle.
    """
    wanted = iter(sorted(sights))
    k = 0
    while k < n:
        if tracker.is_idle and k not in sights:
            later = next((w for w in wanted if w > k), None)
            if later is None:
                return
            k = later
        yield k
        k += 1
