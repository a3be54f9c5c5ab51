"""
Sights: what looks saw, judged by a profile, and handed out leg by leg.

All looks are judged at once; a `Sight` is made only where there may be something
to follow.
"""

from collections.abc import Collection, Iterator, Sequence
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
    possible: Bool
    """Which looks may begin something."""

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
        return cls(looks, leg, hop, margin, near, profile, late, possible)

    def some(self, chosen: Index) -> Iterator[tuple[int, int, Sight]]:
        """
        Give the sights of some looks, each after its leg and its hop.
        """
        where = self.leg[chosen].tolist(), self.hop[chosen].tolist()
        if chosen.size:
            made = (Sight(*of) for of in zip(*self._columns(chosen), strict=True))
            yield from zip(*where, made, strict=True)

    def _columns(self, chosen: Index) -> Iterator[list[Any]]:
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


def that_matter(
    parts: Sequence[Sights], always: Collection[int], reach: int
) -> list[Index]:
    """
    Choose the looks that somebody who follows a leg needs to see.

    Runs of looks in which none may begin anything change nothing for a leg that
    has nothing going on.

    Args:
        parts: of the same legs and hops.
        always: rows of legs of which all looks are needed.
        reach: hops without a look after which what was going on is over.

    Returns:
        The numbers of the looks, for each part.
    """
    if not parts:
        return []
    leg, hop, possible = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("leg", "hop", "possible")
    )
    order = np.lexsort((hop, leg))
    begins = np.ones(len(order), dtype=np.bool_)
    begins[1:] = (np.diff(leg[order]) != 0) | (np.diff(hop[order]) > reach)
    starts = np.flatnonzero(begins)
    needed = np.logical_or.reduceat(possible[order], starts)
    needed |= np.isin(leg[order[starts]], list(always))
    chosen = np.empty(len(order), dtype=np.bool_)
    chosen[order] = needed.repeat(np.diff(starts, append=len(order)))
    ends = np.cumsum([len(part.leg) for part in parts])
    return [np.flatnonzero(some) for some in np.split(chosen, ends[:-1])]


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
