"""
Sights: what looks saw, judged by a profile, and handed out leg by leg.

All looks are judged at once; a `Sight` is made only for a leg that has something
to follow.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dtmf_engine.arrays import Bool, Float64, Index
from dtmf_engine.events import MissReason
from dtmf_engine.hops import HIGHPASS_DELAY_SAMPLES
from dtmf_engine.pairs import Looks
from dtmf_engine.profiles import Profile
from dtmf_engine.scoring import relative_offset
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
    What g looks at m legs come to.
    """

    looks: Looks
    leg: Index
    """[shape=(g,)] row of each look's leg, ascending."""
    hop: Index
    """[shape=(g,)] hop of each look."""
    margin: Float64
    """[shape=(2, g)] by how much the scores of both windows pass their minimum."""
    is_near: Bool
    profile: Profile
    late_samples: int
    legs: frozenset[int]
    """Rows of legs with a look that may begin something."""

    @classmethod
    def of(
        cls,
        looks: Looks,
        leg: Index,
        hop: Index,
        score: Float64,
        profile: Profile,
        *,
        filtered: bool,
    ) -> "Sights":
        """
        Judge looks by their scores over 20 and 40 ms, [shape=(2, g)], and limits.
        """
        minimum = np.array([[profile.min_short_score], [profile.min_long_score]])
        margin = score - minimum
        better = np.maximum(margin[0], margin[1])
        rest = looks.windows.rest_trimmed[0]
        near = (rest < _NEAR_REST) | (better > _NEAR_MARGIN)
        possible = near | (better >= -profile.known_telephone_bonus)
        late = HIGHPASS_DELAY_SAMPLES if filtered else 0
        legs = frozenset(leg[possible].tolist())
        return cls(looks, leg, hop, margin, near, profile, late, legs)

    def of_legs(self, legs: Collection[int]) -> dict[int, dict[int, Sight]]:
        """
        Give the sights of some legs, by leg and hop.
        """
        chosen = [j for j, leg in enumerate(self.leg.tolist()) if leg in legs]
        sights: dict[int, dict[int, Sight]] = {}
        if not chosen:
            return sights
        made = [Sight(*values) for values in zip(*self._columns(chosen), strict=True)]
        where = zip(self.leg[chosen].tolist(), self.hop[chosen].tolist(), strict=True)
        for (leg, hop), sight in zip(where, made, strict=True):
            sights.setdefault(leg, {})[hop] = sight
        return sights

    def _columns(self, chosen: list[int]) -> Iterator[list[Any]]:
        """
        Give the fields of `Sight`, each for all chosen looks.
        """
        looks, (short, long) = self.looks, self.margin[:, chosen]
        windows, by_short = looks.windows, short >= long
        power, offset, rival = (
            np.where(by_short, value[0][:, chosen], value[1][:, chosen])
            for value in (windows.power, relative_offset(windows, looks), windows.rival)
        )
        yield looks.row[chosen].tolist()
        yield looks.column[chosen].tolist()
        yield [_REASONS[r] for r in _reasons(power, offset, rival, self.profile)]
        yield looks.size[chosen].tolist()
        yield np.maximum(short, long).tolist()
        yield self.is_near[chosen].tolist()
        yield from offset.tolist()
        yield from power.tolist()
        yield from windows.power[0][:, chosen].tolist()
        yield looks.tone_power[:, chosen].T.tolist()
        yield looks.filled[:, chosen].T.tolist()
        yield looks.other[:, chosen].T.tolist()
        yield [self.late_samples] * len(chosen)


def _reasons(
    power: Float64, offset: Float64, rival: Float64, profile: Profile
) -> list[int]:
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
    numbers: list[int] = broken.tolist()
    return numbers
