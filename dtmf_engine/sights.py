"""
Sights: looks judged by a profile, and handed out one by one.

All looks are judged; a `Sight` is made only where there may be something to follow.
"""

from collections.abc import Iterator
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from dtmf_engine.arrays import Bool, Index
from dtmf_engine.compiled import compiled
from dtmf_engine.events import MissReason
from dtmf_engine.hops import HIGHPASS_DELAY_SAMPLES
from dtmf_engine.looks import LONG, SHORT, Look, Looks
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

REASONS = (
    None,
    MissReason.QUIET,
    MissReason.LOW_OVER_HIGH,
    MissReason.HIGH_OVER_LOW,
    MissReason.FREQUENCY,
    MissReason.NOT_CLEAN,
)
"""By number, in the order in which they are asked."""


class Limits(Protocol):
    """
    What a look is judged by: one record of dtype `LIMITS`.
    """

    min_short_score: float
    min_long_score: float
    bonus: float
    """By how much a score may be lower for a telephone already heard."""
    min_power: float
    """Of each tone, mean square."""
    max_low_over_high: float
    max_high_over_low: float
    """Ratios of power."""
    max_offset: float
    """Relative to the nominal frequency."""


LIMITS = np.dtype([(name, np.float64) for name in Limits.__annotations__])

AllLimits: TypeAlias = npt.NDArray[np.void]
"""Any number of limits, of dtype `LIMITS`."""


def limits_of(profile: Profile) -> tuple[float, ...]:
    """
    Give a profile's limits in the order of `LIMITS`.
    """
    return (
        profile.min_short_score,
        profile.min_long_score,
        profile.known_telephone_bonus,
        power_from_dbm0(profile.min_tone_dbm0),
        ratio_from_db(profile.max_low_over_high_db) * _ROOM,
        ratio_from_db(profile.max_high_over_low_db) * _ROOM,
        profile.max_offset_percent / 100,
    )


@compiled
def judge(look: Look, limits: Limits) -> None:
    """
    Judge a look by its scores over 20 and 40 ms, and by limits.
    """
    short = look.score[SHORT] - limits.min_short_score
    long = look.score[LONG] - limits.min_long_score
    window = SHORT if short >= long else LONG
    look.margin = max(short, long)
    for tone in range(2):
        look.judged_offset[tone] = relative_offset(look, window, tone)
        look.judged_power[tone] = look.power[window, tone]
    look.reason = _first_broken(look, window, limits)
    is_clean = look.rest_trimmed[SHORT] < _NEAR_REST
    look.is_near = is_clean or look.margin > _NEAR_MARGIN
    look.is_possible = look.is_near or look.margin >= -limits.bonus


@compiled
def _first_broken(look: Look, window: int, limits: Limits) -> int:
    """
    Give the first limit that a look's pair breaks, as an index of `REASONS`.
    """
    low, high = look.judged_power
    if min(low, high) < limits.min_power:
        return 1
    if low > high * limits.max_low_over_high:
        return 2
    if high > low * limits.max_high_over_low:
        return 3
    if max(abs(look.judged_offset[0]), abs(look.judged_offset[1])) > limits.max_offset:
        return 4
    if max(look.rival[window, 0], look.rival[window, 1]) > _MAX_RIVAL:
        return 5
    return 0


@compiled
def that_matter(looks: Looks, always: Bool, reach: int) -> Index:
    """
    Choose the looks that somebody who follows a leg needs to see.

    Runs of looks in which none may begin anything change nothing for a leg that
    has nothing going on.

    Args:
        looks: in order of their legs and hops.
        always: [shape=(m,)] legs of which all looks are needed.
        reach: hops without a look after which what was going on is over.

    Returns:
        The numbers of the looks.
    """
    chosen = np.zeros(len(looks), dtype=np.bool_)
    first, last = 0, -1
    is_needed = False
    for i in range(len(looks)):
        look = looks[i]
        if not look.is_for_detector:
            continue
        goes_on = (
            last >= 0
            and looks[last].leg == look.leg
            and look.hop - looks[last].hop <= reach
        )
        if not goes_on:
            first, is_needed = i, always[look.leg]
        if not is_needed and look.is_possible:
            is_needed = True
            for earlier in range(first, i):
                chosen[earlier] = looks[earlier].is_for_detector
        chosen[i] = is_needed
        last = i
    return np.flatnonzero(chosen)


def sights(looks: Looks) -> Iterator[tuple[int, int, Sight]]:
    """
    Give looks one by one, each after its leg and its hop.
    """
    late = looks["is_filtered"] * HIGHPASS_DELAY_SAMPLES
    columns = zip(
        looks["row"].tolist(),
        looks["column"].tolist(),
        [REASONS[number] for number in looks["reason"].tolist()],
        looks["size"].tolist(),
        looks["margin"].tolist(),
        looks["is_near"].tolist(),
        *looks["judged_offset"].T.tolist(),
        *looks["judged_power"].T.tolist(),
        *looks["power"][:, SHORT].T.tolist(),
        looks["tone_power"].tolist(),
        looks["filled"].tolist(),
        looks["other"].tolist(),
        late.tolist(),
        strict=True,
    )
    where = looks["leg"].tolist(), looks["hop"].tolist()
    return zip(*where, map(Sight._make, columns), strict=True)
