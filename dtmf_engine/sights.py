"""
Sights: what looks saw, judged by a profile, and handed out leg by leg.

Judging is done for all looks at once; a `Sight` is made only for a leg that
has something to follow.
"""

from dataclasses import dataclass

import numpy as np

from dtmf_engine.arrays import Bool, Float64, Index
from dtmf_engine.events import MissReason
from dtmf_engine.pairs import HIGHPASS_DELAY_SAMPLES, Looks
from dtmf_engine.profiles import Profile
from dtmf_engine.scoring import relative_offset, scores
from dtmf_engine.tracker import Sight
from dtmf_engine.units import power_from_dbm0, ratio_from_db


_NEAR_REST = 0.15
"""
A window that is this clean where it is cleanest may hold a tone, or part of
one: what is left is 8 dB below the pair.
"""

_NEAR_MARGIN = -1.0

_MAX_RIVAL = ratio_from_db(-3.0)
"""A chord of three tones of the eight is no digit, however steady."""

_ROOM = ratio_from_db(0.6)
"""
A pair at a profile's limit of twist is inside: what a fit in noise and in
G.711 measures is within this of the truth.
"""

_REASONS = (
    None,
    MissReason.QUIET,
    MissReason.LOW_OVER_HIGH,
    MissReason.HIGH_OVER_LOW,
    MissReason.FREQUENCY,
    MissReason.NOT_CLEAN,
)


@dataclass(frozen=True, slots=True, eq=False)
class Sights:
    """
    The sights of g looks at m legs.
    """

    leg: Index
    """[shape=(g,)] row of each look's leg, ascending."""
    hop: Index
    """[shape=(g,)] hop of each look."""
    is_near: Bool
    columns: tuple[list[object], ...]
    legs: frozenset[int]
    """Rows of legs with a look that may begin something."""

    @classmethod
    def of(
        cls, looks: Looks, leg: Index, hop: Index, profile: Profile, *, filtered: bool
    ) -> "Sights":
        """
        Judge looks.
        """
        short, long = scores(looks)
        short, long = short - profile.min_short_score, long - profile.min_long_score
        by_short = short >= long
        margin = np.where(by_short, short, long)
        power = np.where(by_short, looks.short.power, looks.long.power)
        offset = np.where(
            by_short,
            relative_offset(looks.short, looks),
            relative_offset(looks.long, looks),
        )
        rival = np.where(by_short, looks.short.rival, looks.long.rival)
        reason = _reasons(power, offset, rival, profile)
        near = (looks.short.rest_trimmed < _NEAR_REST) | (margin > _NEAR_MARGIN)
        possible = near | (margin >= -profile.known_telephone_bonus)
        late = HIGHPASS_DELAY_SAMPLES if filtered else 0
        columns = (
            looks.row.tolist(),
            looks.column.tolist(),
            [_REASONS[r] for r in reason.tolist()],
            looks.size.tolist(),
            margin.tolist(),
            near.tolist(),
            *offset.tolist(),
            *power.tolist(),
            looks.tone_power.T.tolist(),
            looks.filled.T.tolist(),
            looks.other.T.tolist(),
            [late] * len(margin),
        )
        legs = frozenset(leg[possible].tolist())
        return cls(leg, hop, near, columns, legs)

    def merged(self, other: "Sights") -> "Sights":
        """
        Give the sights of both.
        """
        order = np.lexsort(
            (
                np.concatenate([self.hop, other.hop]),
                np.concatenate([self.leg, other.leg]),
            )
        )
        columns = []
        for mine, theirs in zip(self.columns, other.columns, strict=True):
            both = [*mine, *theirs]
            columns.append([both[i] for i in order.tolist()])
        return Sights(
            np.concatenate([self.leg, other.leg])[order],
            np.concatenate([self.hop, other.hop])[order],
            np.concatenate([self.is_near, other.is_near])[order],
            tuple(columns),
            self.legs | other.legs,
        )

    def of_leg(self, leg: int) -> dict[int, Sight]:
        """
        Give the sights of one leg by their hop.
        """
        start, stop = np.searchsorted(self.leg, [leg, leg + 1]).tolist()
        return {
            int(self.hop[j]): Sight(*(column[j] for column in self.columns))  # type: ignore[arg-type]
            for j in range(start, stop)
        }


def _reasons(
    power: Float64, offset: Float64, rival: Float64, profile: Profile
) -> Index:
    """
    Give the first limit that each pair breaks, as an index of `_REASONS`.
    """
    low, high = power
    limits = [
        np.minimum(low, high) < power_from_dbm0(profile.min_tone_dbm0),
        low > high * ratio_from_db(profile.max_low_over_high_db) * _ROOM,
        high > low * ratio_from_db(profile.max_high_over_low_db) * _ROOM,
        np.abs(offset).max(axis=0) > profile.max_offset_percent / 100,
        rival.max(axis=0) > _MAX_RIVAL,
    ]
    broken = np.zeros(low.shape, dtype=np.intp)
    for number in range(len(limits), 0, -1):
        broken[limits[number - 1]] = number
    return broken
