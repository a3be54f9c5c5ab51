"""
Looks: what a close look at the audio before a hop finds, as records.

A look has two windows, the last 20 and the last 40 ms; measures of both have them
as their first axis. Ratios are energies or variances over that of the pair.
"""

from typing import Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from dtmf_engine.arrays import Complex128, Float64, Index
from dtmf_engine.goertzel import N_TONES


SHORT_HOPS: Final = 8
"""20 ms: the longest look into a tone that must be reported 20 ms after its onset."""

LONG_HOPS: Final = 16
"""40 ms: the shortest tone that must be accepted."""

SHORT: Final = 0
LONG: Final = 1
EARLY: Final = 2
"""Windows, and the score that asks the short one early."""

N_WINDOWS: Final = 2
N_SCORES: Final = 3


class Look(Protocol):
    """
    One record of `Looks`.
    """

    leg: int
    """Row of its leg."""
    hop: int
    """Hop at which it ends."""
    is_filtered: bool
    """Whether it listened through the high-pass."""
    is_worth: bool
    """Whether the first look asked for it, or only somebody who watches."""
    is_for_detector: bool
    """Whether the detector is to see it; what it is not to see is not judged."""

    # The pair.

    row: int
    """Low-group tone, 0 to 3."""
    column: int
    """High-group tone, 0 to 3."""
    tone_power: Float64
    """[shape=(8,)] mean-square power of all tones over the last 4 hops."""
    share: float
    """Part of the energy of the last 4 hops that the pair holds; a little more than 1
    at times, because 10 ms do not keep two tones apart."""

    # Of both windows.

    offset_hz: Float64
    """[shape=(2, 2)] of the two tones from their nominal frequencies."""
    power: Float64
    """[shape=(2, 2)] mean-square power of the two tones."""
    rest: Float64
    """[shape=(2,)] what the pair does not explain."""
    rest_trimmed: Float64
    """[shape=(2,)] the same without the worst quarter of the hops."""
    wander: Float64
    """[shape=(2, 2)] variance of each track from hop to hop."""
    wander_trimmed: Float64
    """[shape=(2, 2)] the same without the worst quarter of the hops."""
    drift: Float64
    """[shape=(2, 2)] variance of each track between quarters of the window."""
    outside: Float64
    """[shape=(2,)] share of the rest that no pair could explain in any hop."""
    rival: Float64
    """[shape=(2, 2)] strongest other tone of each group, over the best."""

    # Of the short window.

    whiteness: float
    """Slope of the rest over its energy: 2 for white noise."""
    before: float
    """Power of the pair in the 8 hops before the window, over that inside."""
    size: float
    """Power of the pair in the best hops."""
    filled: Float64
    """[shape=(16,)] how much of the pair is in each of the last 16 hops: 1 is all of
    it, in amplitude and phase."""
    other: Float64
    """[shape=(16,)] energy in each hop that no pair explains, over the pair's."""

    # How much it is like a key, and what a profile makes of that.

    score: Float64
    """[shape=(3,)] over 20 and 40 ms, and early: the higher, the more like a key."""
    margin: float
    """By how much the better score of the two windows passes the profile's minimum."""
    judged_offset: Float64
    """[shape=(2,)] of the window that scored better, relative to nominal."""
    judged_power: Float64
    """[shape=(2,)] of that window."""
    reason: int
    """The first limit that the pair breaks, as an index of `sights.REASONS`."""
    is_near: bool
    """Whether this could be a press, or a part of one."""
    is_possible: bool
    """Whether it may begin something."""


_WINDOWS = (N_WINDOWS,)
_TONES_OF_WINDOWS = (N_WINDOWS, 2)

LOOK = np.dtype(
    [
        ("leg", np.int64),
        ("hop", np.int64),
        ("is_filtered", np.bool_),
        ("is_worth", np.bool_),
        ("is_for_detector", np.bool_),
        ("row", np.int64),
        ("column", np.int64),
        ("tone_power", np.float64, (N_TONES,)),
        ("share", np.float64),
        ("offset_hz", np.float64, _TONES_OF_WINDOWS),
        ("power", np.float64, _TONES_OF_WINDOWS),
        ("rest", np.float64, _WINDOWS),
        ("rest_trimmed", np.float64, _WINDOWS),
        ("wander", np.float64, _TONES_OF_WINDOWS),
        ("wander_trimmed", np.float64, _TONES_OF_WINDOWS),
        ("drift", np.float64, _TONES_OF_WINDOWS),
        ("outside", np.float64, _WINDOWS),
        ("rival", np.float64, _TONES_OF_WINDOWS),
        ("whiteness", np.float64),
        ("before", np.float64),
        ("size", np.float64),
        ("filled", np.float64, (LONG_HOPS,)),
        ("other", np.float64, (LONG_HOPS,)),
        ("score", np.float64, (N_SCORES,)),
        ("margin", np.float64),
        ("judged_offset", np.float64, (2,)),
        ("judged_power", np.float64, (2,)),
        ("reason", np.int64),
        ("is_near", np.bool_),
        ("is_possible", np.bool_),
    ],
    align=True,
)

Looks: TypeAlias = npt.NDArray[np.void]
"""Any number of looks, of dtype `LOOK`."""


class Room(Protocol):
    """
    Room for what a look computes on its way: one record of dtype `ROOM`.

    To allocate each array anew would cost a look a third of its time.
    """

    order: Index
    """[shape=(16,)] where the look's hops are, the oldest first."""
    quads: Float64
    """[shape=(4, 18)] sums over each four hops: real and imaginary parts of the eight
    tones, energy and slope."""
    powers: Float64
    """[shape=(3, 8)] of the tones, over the last 4, 8 and 16 hops."""
    track: Complex128
    """[shape=(2, 16)] amplitude of each tone in each hop."""
    straight: Complex128
    """[shape=(2, 16)] the same, turned back by a tone's offset."""
    misfit: Float64
    """[shape=(16,)] energy that no pair explains in each hop."""
    rest: Float64
    """[shape=(16,)] energy that the window's pair leaves in each hop."""
    kept: Float64
    """[shape=(16,)] 1 for hops that count, 0 for others."""
    at_offsets: Float64
    """[shape=(2, 32)] parts of a track's sum at each offset of half a grid."""
    features: Float64
    """[shape=(15,)] what a network is given."""
    first: Float64
    """[shape=(24,)] what its first layer makes of that."""
    second: Float64
    """[shape=(16,)] and its second."""


N_FEATURES: Final = 15
N_FIRST: Final = 24
N_SECOND: Final = 16
"""Sizes of the networks in `scoring`, filled up to whole groups of eight."""

ROOM = np.dtype(
    [
        ("order", np.int64, (LONG_HOPS,)),
        ("quads", np.float64, (4, 2 * N_TONES + 2)),
        ("powers", np.float64, (3, N_TONES)),
        ("track", np.complex128, (2, LONG_HOPS)),
        ("straight", np.complex128, (2, LONG_HOPS)),
        ("misfit", np.float64, (LONG_HOPS,)),
        ("rest", np.float64, (LONG_HOPS,)),
        ("kept", np.float64, (LONG_HOPS,)),
        ("at_offsets", np.float64, (2, 32)),
        ("features", np.float64, (N_FEATURES,)),
        ("first", np.float64, (N_FIRST,)),
        ("second", np.float64, (N_SECOND,)),
    ],
    align=True,
)
