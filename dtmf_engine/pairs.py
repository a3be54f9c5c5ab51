"""
Pairs: the audio before a hop, looked at closely as one pair of tones.

The last 16 hops (40 ms) are examined, and the last 8 (20 ms) among them. The best
pair is fitted to each hop of 2.5 ms by least squares, which gives the two tones'
complex amplitudes from hop to hop: a track. All measures come from those tracks.

    a key held down        speech that resembles it
    tracks turn evenly     tracks wander: harmonics glide
    the pair is all there  harmonics of the pitch remain
    what remains is white  what remains is coloured
    nothing before it      the same tones were there before

A burst or a break spoils a few hops, not the track: measures are also taken
without the worst quarter of the hops.
"""

from typing import Final, NamedTuple

import numpy as np

from dtmf_engine.arrays import Complex128, Float64, read_only
from dtmf_engine.compiled import compiled
from dtmf_engine.fours import products
from dtmf_engine.goertzel import (
    HOP_SAMPLES,
    N_TONES,
    OMEGA,
    TURN_COS,
    TURN_SIN,
    inverse_grams,
)
from dtmf_engine.hops import Hop, Hops
from dtmf_engine.looks import LONG, LONG_HOPS, SHORT, SHORT_HOPS, Look, Room
from dtmf_engine.offsets import MAX_OFFSET, OFFSET_STEP_HZ, find_offset, turn_back


_HALF: Final = HOP_SAMPLES / 2
"""Energy of a unit sine in a hop."""

_QUAD: Final = 4
"""Hops that are added up first: 10 ms."""

_ENERGY: Final = 2 * N_TONES
_SLOPE: Final = 2 * N_TONES + 1
_N_SUMS: Final = 2 * N_TONES + 2

_TINY_POWER: Final = 1e-9
_TINY_ENERGY: Final = 1.0
"""What is divided by is at least this: samples are whole numbers."""


@compiled
def measure_pair(hops: Hops, look: Look, room: Room) -> None:
    """
    Look at 16 hops.

    Args:
        hops: records of `hops.HOP`.
        look: a record of `looks.LOOK`, where to write.
        room: to compute in; its `order` says where the look's hops are.
    """
    _add_quads(hops, room)
    _find_pair(look, room)
    for i in range(LONG_HOPS):
        fit = _fit(hops[room.order[i]], look.row, look.column)
        room.track[0, i], room.track[1, i], room.misfit[i] = fit
    for window in (LONG, SHORT):
        _measure_window(window, look, room)
    look.whiteness = _whiteness(room.quads, look)


# --- which pair -----------------------------------------------------------------


@compiled
def _add_quads(hops: Hops, room: Room) -> None:
    for i in range(LONG_HOPS // _QUAD):
        quad = room.quads[i]
        for wave in range(_N_SUMS):
            quad[wave] = 0.0
        for j in range(_QUAD):
            hop = hops[room.order[i * _QUAD + j]]
            turned = hop.turned
            for wave in range(2 * N_TONES):
                quad[wave] += turned[wave]
            quad[_ENERGY] += hop.energy
            quad[_SLOPE] += hop.slope


@compiled
def _find_pair(look: Look, room: Room) -> None:
    """
    Find the strongest tone of each group over 20 ms, and how it stands to the others.
    """
    quads = room.quads
    last, short, long = room.powers[0], room.powers[1], room.powers[2]
    for tone in range(N_TONES):
        real, imag = quads[3, tone], quads[3, N_TONES + tone]
        last[tone] = _power(real, imag, _QUAD)
        real += quads[2, tone]
        imag += quads[2, N_TONES + tone]
        short[tone] = _power(real, imag, SHORT_HOPS)
        real += quads[0, tone] + quads[1, tone]
        imag += quads[0, N_TONES + tone] + quads[1, N_TONES + tone]
        long[tone] = _power(real, imag, LONG_HOPS)
        look.tone_power[tone] = last[tone]
    low, high = _loudest(short, 0), _loudest(short, N_TONES // 2)
    look.row, look.column = low, high - N_TONES // 2
    for window, power in ((SHORT, short), (LONG, long)):
        look.rival[window, 0] = _rival(power, 0, low)
        look.rival[window, 1] = _rival(power, N_TONES // 2, high)
    pair = (last[low] + last[high]) * (_QUAD * HOP_SAMPLES)
    look.share = pair / max(quads[3, _ENERGY], _TINY_ENERGY)


@compiled
def _power(real: float, imag: float, n_hops: int) -> float:
    """
    Give the mean-square power of a tone from its Fourier sum over hops.
    """
    n = n_hops * HOP_SAMPLES
    return (real * real + imag * imag) * (2.0 / (n * n))


@compiled
def _loudest(power: Float64, first: int) -> int:
    loudest = first
    for tone in range(first + 1, first + N_TONES // 2):
        if power[tone] > power[loudest]:
            loudest = tone
    return loudest


@compiled
def _rival(power: Float64, first: int, best: int) -> float:
    """
    Compare a group's strongest other tone with the best.
    """
    rival = 0.0
    for tone in range(first, first + N_TONES // 2):
        if tone != best:
            rival = max(rival, power[tone])
    return float(rival / max(power[best], _TINY_POWER))


# --- tracks ---------------------------------------------------------------------

_INVERSE = read_only(
    np.ascontiguousarray(inverse_grams(HOP_SAMPLES).reshape(4, 4, 4, 4))
)
"""By row, column, and wave: cosines of both tones, then their sines."""


@compiled
def _fit(hop: Hop, row: int, column: int) -> tuple[complex, complex, float]:
    """
    Fit a pair to one hop.

    Returns:
        The complex amplitudes of both tones, in the phase of tones that started with
        the stream, and the energy that the fit leaves.
    """
    inverse, sums = _INVERSE[row, column], hop.sums
    low, high = row, N_TONES // 2 + column
    along = sums[low], sums[high], sums[N_TONES + low], sums[N_TONES + high]
    low_cos, high_cos, low_sin, high_sin = products(inverse, along)
    fitted = (
        low_cos * along[0]
        + high_cos * along[1]
        + low_sin * along[2]
        + high_sin * along[3]
    )
    return (
        complex(low_cos, -low_sin) * _turn_of(hop.place, low),
        complex(high_cos, -high_sin) * _turn_of(hop.place, high),
        max(hop.energy - fitted, 0.0),
    )


@compiled
def _turn_of(place: int, tone: int) -> complex:
    return complex(TURN_COS[place, tone], -TURN_SIN[place, tone])


# --- measures -------------------------------------------------------------------


@compiled
def _measure_window(window: int, look: Look, room: Room) -> None:
    """
    Measure the tracks of one window.
    """
    first = LONG_HOPS - SHORT_HOPS if window == SHORT else 0
    track, straight, kept = room.track, room.straight, room.kept
    for tone in range(2):
        offset = find_offset(track[tone], window, room)
        turn_back(track[tone], offset, straight[tone])
        look.offset_hz[window, tone] = (offset - MAX_OFFSET) * OFFSET_STEP_HZ
    low, low_drift = _centre(straight[0], first)
    high, high_drift = _centre(straight[1], first)
    for tone, centre, drift in ((0, low, low_drift), (1, high, high_drift)):
        look.power[window, tone] = _square(centre) * 0.5
        look.drift[window, tone] = drift / max(_square(centre), _TINY_POWER)
    for i in range(LONG_HOPS):
        kept[i] = 1.0 if i >= first else 0.0
    whole = _spread(room, (low, high), look.wander[window])
    look.rest[window] = whole.left / max(whole.pair, _TINY_ENERGY)
    look.outside[window] = whole.outside / max(whole.left, _TINY_ENERGY)
    _drop_worst(room, (low, high), first)
    best = _mean(straight[0], kept), _mean(straight[1], kept)
    trimmed = _spread(room, best, look.wander_trimmed[window])
    look.rest_trimmed[window] = trimmed.left / max(trimmed.pair, _TINY_ENERGY)
    if window == SHORT:
        look.before = _before(straight, (low, high))
        _fill(room, best, look)


@compiled
def _square(amplitude: complex) -> float:
    return amplitude.real * amplitude.real + amplitude.imag * amplitude.imag


@compiled
def _centre(straight: Complex128, first: int) -> tuple[complex, float]:
    """
    Average a track over a window, and measure how its quarters differ.
    """
    size = (LONG_HOPS - first) // 4
    quarters = (
        _average(straight, first, size),
        _average(straight, first + size, size),
        _average(straight, first + 2 * size, size),
        _average(straight, first + 3 * size, size),
    )
    centre = (quarters[0] + quarters[1] + quarters[2] + quarters[3]) * 0.25
    drift = 0.0
    for quarter in quarters:
        drift += _square(quarter - centre)
    return centre, drift * 0.25


@compiled
def _average(straight: Complex128, first: int, n: int) -> complex:
    total = 0j
    for i in range(first, first + n):
        total += straight[i]
    return total * (1.0 / n)


@compiled
def _mean(straight: Complex128, kept: Float64) -> complex:
    """
    Average a track over the hops that are kept.
    """
    real, imag, n = 0.0, 0.0, 0.0
    for i in range(LONG_HOPS):
        real += straight[i].real * kept[i]
        imag += straight[i].imag * kept[i]
        n += kept[i]
    return complex(real / n, imag / n)


@compiled
def _drop_worst(room: Room, centre: tuple[complex, complex], first: int) -> None:
    """
    Drop the worst quarter of a window's hops from those that are kept.

    The worst are those where the window's pair leaves most energy, and of equal ones
    the last.
    """
    straight, rest, kept = room.straight, room.rest, room.kept
    for i in range(first, LONG_HOPS):
        away = _square(straight[0, i] - centre[0]) + _square(straight[1, i] - centre[1])
        rest[i] = room.misfit[i] + _HALF * away
    for _ in range((LONG_HOPS - first) // 4):
        worst = -1
        for i in range(first, LONG_HOPS):
            if kept[i] > 0 and (worst < 0 or rest[i] >= rest[worst]):
                worst = i
        kept[worst] = 0.0


class _Energies(NamedTuple):
    """
    Of some hops.
    """

    left: float
    """By the pair."""
    pair: float
    outside: float
    """Any pair."""


@compiled
def _spread(room: Room, mean: tuple[complex, complex], wander: Float64) -> _Energies:
    """
    Measure what a pair leaves of the hops that are kept.

    Args:
        room: with tracks, misfit and hops.
        mean: of both tracks, turned back, over them.
        wander: [shape=(2,)] where to write each track's variance over its power.
    """
    track, misfit, kept = room.track, room.misfit, room.kept
    n, outside = 0.0, 0.0
    for i in range(LONG_HOPS):
        outside += misfit[i] * kept[i]
        n += kept[i]
    left, pair = outside, 0.0
    for tone in range(2):
        energy = 0.0
        for i in range(LONG_HOPS):
            energy += _square(track[tone, i]) * kept[i]
        power = _square(mean[tone])
        # The mean square less the square of the mean.
        variance = max(energy / n - power, 0.0)
        wander[tone] = variance / max(power, _TINY_POWER)
        left += variance * (_HALF * n)
        pair += power * (_HALF * n)
    return _Energies(left, pair, outside)


@compiled
def _before(straight: Complex128, centre: tuple[complex, complex]) -> float:
    """
    Compare the pair in the hops before the short window with that inside.
    """
    n = LONG_HOPS - SHORT_HOPS
    low, high = _average(straight[0], 0, n), _average(straight[1], 0, n)
    inside = _square(centre[0]) + _square(centre[1])
    return (_square(low) + _square(high)) / max(inside, _TINY_POWER)


@compiled
def _fill(room: Room, best: tuple[complex, complex], look: Look) -> None:
    """
    Measure how much of the short window's pair is in each of the 16 hops.

    Args:
        room: with tracks, turned back, and misfit.
        best: mean of both over the best hops of the window.
        look: where to write.
    """
    straight, misfit = room.straight, room.misfit
    look.size = _square(best[0]) + _square(best[1])
    size, energy = max(look.size, _TINY_POWER), max(look.size * _HALF, _TINY_POWER)
    for i in range(LONG_HOPS):
        inside = 0.0
        for tone in range(2):
            here, there = straight[tone, i], best[tone]
            inside += here.real * there.real + here.imag * there.imag
        look.filled[i] = inside / size
        look.other[i] = misfit[i] / energy


@compiled
def _whiteness(quads: Float64, look: Look) -> float:
    n = SHORT_HOPS * HOP_SAMPLES
    energy = quads[2, _ENERGY] + quads[3, _ENERGY]
    slope = quads[2, _SLOPE] + quads[3, _SLOPE]
    low, high = look.power[SHORT, 0] * n, look.power[SHORT, 1] * n
    rest = max(energy - (low + high), energy * 0.02 + 1.0)
    steps = low * _STEEPNESS[look.row] + high * _STEEPNESS[4 + look.column]
    return float((slope - steps) / rest)


_STEEPNESS = read_only(4 * np.sin(OMEGA / 2) ** 2)
"""Slope of each tone over its energy."""
