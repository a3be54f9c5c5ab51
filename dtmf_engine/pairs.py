"""
Pairs: a close look at the audio before a hop, as one pair of tones.

For every hop of interest the last 16 hops (40 ms) are examined, and the last
8 (20 ms) among them. The best pair is fitted to each hop of 2.5 ms by least
squares, which gives the two tones' complex amplitudes from hop to hop: a
track. All measures come from those tracks.

    a key held down        speech that resembles it
    tracks turn evenly     tracks wander: harmonics glide
    the pair is all there  harmonics of the pitch remain
    what remains is white  what remains is coloured
    nothing before it      the same tones were there before

A burst or a break spoils a few hops, not the track: every measure is also
taken without the worst quarter of the hops.

Why chunks cannot matter: the sums over samples are exact integers (see
`goertzel`); all that follows is elementwise arithmetic and square roots, and
sums over hops are exact or added in a fixed order.
"""

from typing import NamedTuple

import numpy as np

from dtmf_engine.arrays import Float64, Index, added, read_only
from dtmf_engine.goertzel import (
    HOP_SAMPLES,
    N_TONES,
    OMEGA,
    PHASE_PERIOD_HOPS,
    TURN_COS,
    TURN_SIN,
    inverse_grams,
)
from dtmf_engine.hops import Hops, sum_quads
from dtmf_engine.offsets import (
    LONG_HOPS,
    MAX_OFFSET,
    OFFSET_STEP_HZ,
    ROTATE_IMAG,
    ROTATE_REAL,
    SHORT_HOPS,
    find_offsets,
)


_INVERSE = read_only(
    np.ascontiguousarray(inverse_grams(HOP_SAMPLES).transpose(1, 2, 0))
)

_HALF = HOP_SAMPLES / 2
"""Energy of a unit sine in a hop."""


# --- looks ----------------------------------------------------------------------


class Window(NamedTuple):
    """
    Measures of the pair over the last 8 or 16 hops, for g looks.

    Ratios are energies or variances over that of the pair.
    """

    offset_hz: Float64
    """[shape=(2, g)] of the two tones from their nominal frequencies."""
    power: Float64
    """[shape=(2, g)] mean-square power of the two tones."""
    rest: Float64
    """[shape=(g,)] what the pair does not explain."""
    rest_trimmed: Float64
    """[shape=(g,)] the same without the worst quarter of the hops."""
    wander: Float64
    """[shape=(2, g)] variance of each track from hop to hop."""
    wander_trimmed: Float64
    """[shape=(2, g)] the same without the worst quarter of the hops."""
    drift: Float64
    """[shape=(2, g)] variance of each track between quarters of the window."""
    outside: Float64
    """[shape=(g,)] share of the rest that no pair could explain in any hop."""
    rival: Float64
    """[shape=(2, g)] strongest other tone of each group, over the best."""


class Looks(NamedTuple):
    """
    What g looks found.
    """

    row: Index
    """[shape=(g,)] low-group tone, 0 to 3."""
    column: Index
    """[shape=(g,)] high-group tone, 0 to 3."""
    tone_power: Float64
    """[shape=(8, g)] mean-square power of all tones over the last 4 hops."""
    share: Float64
    """[shape=(g,)] part of the energy of the last 4 hops that the pair holds; a
    little more than 1 at times, because 10 ms do not keep two tones apart."""
    windows: Window
    """The short and the long window; each measure has one more axis, first."""
    whiteness: Float64
    """[shape=(g,)] slope of the rest over its energy: 2 for white noise."""
    before: Float64
    """[shape=(g,)] power of the pair in the 8 hops before the short window,
    over that inside."""
    size: Float64
    """[shape=(g,)] power of the pair in the best hops of the short window."""
    filled: Float64
    """[shape=(16, g)] how much of the pair is in each of the last 16 hops: 1 is
    all of it, in amplitude and phase."""
    other: Float64
    """[shape=(16, g)] energy in each hop that no pair explains, over the pair's."""

    def some(self, chosen: Index) -> "Looks":
        """
        Give some of the looks.
        """
        windows = Window(*(measure[..., chosen] for measure in self.windows))
        taken = {
            name: getattr(self, name)[..., chosen]
            for name in self._fields
            if name != "windows"
        }
        return Looks(**taken, windows=windows)

    @property
    def short(self) -> Window:
        """
        Give the measures of the last 8 hops.
        """
        return Window(*(measure[0] for measure in self.windows))

    @property
    def long(self) -> Window:
        """
        Give the measures of the last 16 hops.
        """
        return Window(*(measure[1] for measure in self.windows))


def measure_pairs(hops: Hops, last: Index) -> Looks:
    """
    Look at the 16 hops up to each of g hops.

    Few looks at a time are the rule, and the number of calls is what they cost:
    real and imaginary parts, both windows and both tones are axes of the same
    arrays, hops come first and looks last.

    Args:
        hops: sums over hops; the 16 of every look stand next to each other.
        last: [shape=(g,)] where in `hops` each look's last hop stands.
    """
    quads = sum_quads(hops).take(last - _QUAD_ENDS, axis=1)
    powers = _tone_powers(quads)
    groups = powers.reshape(3, 2, 4, len(last))
    best = groups[1].argmax(axis=1)
    tone = best + _FIRST_OF_GROUP
    track, misfit = _tracks(hops, last - _HOP_ENDS, tone)
    return _looks(track, misfit, tone, _Heard(powers[0], _rivals(groups, best), quads))


class _Heard(NamedTuple):
    """
    What is known of looks before a pair is fitted.
    """

    tone_power: Float64
    """[shape=(8, g)] over the last 4 hops."""
    rival: Float64
    """[shape=(2, 2, g)] by window and group."""
    quads: Float64
    """[shape=(18, 4, g)] sums over the last four times four hops."""


_HOP_ENDS = np.arange(LONG_HOPS - 1, -1, -1)[:, None]
_QUAD_ENDS = np.arange(LONG_HOPS - 4, -1, -4)[:, None]
_FIRST_OF_GROUP = np.array([[0], [4]])


def _tone_powers(quads: Float64) -> Float64:
    """
    Give the power of all tones over the last 4, 8 and 16 hops, [shape=(3, 8, g)].
    """
    sums = np.empty((3, 2 * N_TONES, quads.shape[2]))
    tones = quads[:-2]
    sums[0] = tones[:, 3]
    np.add(tones[:, 2], tones[:, 3], out=sums[1])
    np.add(tones[:, 0] + tones[:, 1], sums[1], out=sums[2])
    sums *= sums
    return (sums[:, :N_TONES] + sums[:, N_TONES:]) * _POWER_SCALES


_POWER_SCALES = 2.0 / (np.array([4, SHORT_HOPS, LONG_HOPS]) * HOP_SAMPLES) ** 2
_POWER_SCALES = read_only(_POWER_SCALES[:, None, None])


def _rivals(groups: Float64, best: Index) -> Float64:
    """
    Compare the best tone of each group with the strongest other one.

    Args:
        groups: [shape=(3, 2, 4, g)] power over 4, 8 and 16 hops.
        best: [shape=(2, g)] the best tone of each group.

    Returns:
        [shape=(2, 2, g)] over the last 8 and the last 16 hops.
    """
    is_best = best[:, None] == np.arange(4)[:, None]
    windows = groups[1:]
    others = np.where(is_best, 0.0, windows).max(axis=2)
    return np.asarray(others / np.where(is_best, windows, 1e-9).max(axis=2))


# --- tracks ---------------------------------------------------------------------


def _tracks(hops: Hops, index: Index, tone: Index) -> tuple[Float64, Float64]:
    """
    Fit the pair to every hop.

    Args:
        hops: sums over hops.
        index: [shape=(16, g)] where the hops of each look stand.
        tone: [shape=(2, g)] the pair.

    Returns:
        The tracks, [shape=(16, 2, 2, g)] with real and imaginary part of both
        tones, in the phase of tones that started with the stream; and the
        energy that the fit leaves of each hop, [shape=(16, g)].
    """
    rows = np.concatenate([tone, N_TONES + tone]) * hops.sums.shape[1]
    sums = hops.sums.take(rows[:, None] + index)
    inverse = _INVERSE.take(4 * tone[0] + tone[1] - 4, axis=2)
    fit = added(sums[:, :, None] * inverse[:, None])
    fitted = fit * sums.swapaxes(0, 1)
    fitted = fitted[:, :2] + fitted[:, 2:]
    misfit = hops.energy.take(index) - (fitted[:, 0] + fitted[:, 1])
    turn = tone * PHASE_PERIOD_HOPS + hops.place.take(index)[:, None]
    turn = turn[:, None] + _BOTH_PARTS
    track = fit[:, None, :2] * _TURN_COSINE.take(turn)
    track += fit[:, None, 2:] * _TURN_SINE.take(turn)
    return track, np.maximum(misfit, 0.0)


_TURN_COSINE = read_only(np.concatenate([TURN_COS.ravel(), -TURN_SIN.ravel()]))
_TURN_SINE = read_only(np.concatenate([-TURN_SIN.ravel(), -TURN_COS.ravel()]))
_BOTH_PARTS = np.array([0, TURN_COS.size])[:, None, None]
"""What a cosine and a sine in a hop give to the real and the imaginary part."""


# --- measures -------------------------------------------------------------------

_N_HOPS = np.array([[SHORT_HOPS, LONG_HOPS], [SHORT_HOPS * 3 // 4, LONG_HOPS * 3 // 4]])
"""Hops of both windows, whole and without the worst quarter."""

_IS_INSIDE = read_only((np.arange(LONG_HOPS)[:, None] >= LONG_HOPS - _N_HOPS[0]) * 1.0)
_IS_KEPT = read_only((np.arange(LONG_HOPS)[:, None] < _N_HOPS[1]) * 1.0)
"""[shape=(16, 2)] hops in their order, and from the best to the worst."""


def _looks(track: Float64, misfit: Float64, tone: Index, heard: _Heard) -> Looks:
    """
    Measure tracks.
    """
    offset = find_offsets(track)
    # Hops, parts, windows, tones, looks.
    straight = track[:, :1, None] * ROTATE_REAL.take(offset, axis=2)
    straight += track[:, 1:, None] * ROTATE_IMAG.take(offset, axis=2)
    centre, before, drift = _centres(straight)
    away = _squares((straight - centre).swapaxes(0, 1))
    rest = misfit[:, None] + _HALF * (away[:, :, 0] + away[:, :, 1])
    weights = _weights(rest)
    main = added(straight * weights[:, 1, None, :, None]) / _N_HOPS[1][:, None, None]
    power = np.stack([_squares(centre), _squares(main)])
    wander, left, total = _left(track, misfit, weights, power)
    pair = power[0, 0, 0] + power[0, 0, 1]
    size = power[1, 0, 0] + power[1, 0, 1]
    filled = _both((straight[:, :, 0] * main[:, 0]).swapaxes(0, 1))
    windows = Window(
        offset_hz=np.asarray((offset - MAX_OFFSET) * OFFSET_STEP_HZ, np.float64),
        power=power[0] * 0.5,
        rest=left[0],
        rest_trimmed=left[1],
        wander=wander[0],
        wander_trimmed=wander[1],
        drift=drift / np.maximum(power[0], 1e-9),
        outside=total,
        rival=heard.rival,
    )
    return Looks(
        row=tone[0],
        column=tone[1] - 4,
        tone_power=heard.tone_power,
        share=_share(heard, tone),
        windows=windows,
        whiteness=_whiteness(heard.quads, windows.power[0], tone),
        before=_both(_squares(before)) / np.maximum(pair, 1e-9),
        size=size,
        filled=(filled[:, 0] + filled[:, 1]) / np.maximum(size, 1e-9),
        other=misfit / np.maximum(size * _HALF, 1e-9),
    )


def _share(heard: _Heard, tone: Index) -> Float64:
    of_pair = _both(np.take_along_axis(heard.tone_power, tone, axis=0))
    return np.asarray(of_pair * (4 * HOP_SAMPLES) / np.maximum(heard.quads[-2, 3], 1.0))


def _both(values: Float64) -> Float64:
    return np.asarray(values[0] + values[1])


def _squares(parts: Float64) -> Float64:
    """
    Give squared lengths, from real and imaginary parts along the first axis.
    """
    squares = parts * parts
    return np.asarray(squares[0] + squares[1])


def _centres(straight: Float64) -> tuple[Float64, Float64, Float64]:
    """
    Average straightened tracks.

    Returns:
        Of both windows, [shape=(2, 2, 2, g)]; of the short window's tracks over
        the eight hops before it, [shape=(2, 2, g)]; and the variance between
        quarters of each window, [shape=(2, 2, g)].
    """
    pairs = straight[0::2] + straight[1::2]
    quarters = pairs[0::2] + pairs[1::2]
    eights = quarters[0::2] + quarters[1::2]
    centre = eights[1] * (1 / SHORT_HOPS)
    centre[:, 1] = (eights[0, :, 1] + eights[1, :, 1]) * (1 / LONG_HOPS)
    quarters *= 4 / LONG_HOPS
    quarters[:, :, 0] = pairs[4:, :, 0] * (4 / SHORT_HOPS)
    drift = added(_squares((quarters - centre).swapaxes(0, 1))) * (1 / 4)
    return centre, eights[0, :, 0] * (1 / 8), drift


def _weights(rest: Float64) -> Float64:
    """
    Tell which hops count, 1 or 0.

    Args:
        rest: [shape=(16, 2, g)] energy that the windows' pairs leave of hops.

    Returns:
        [shape=(16, 2, 2, g)]: in the windows, and in them without the worst
        quarter.
    """
    rest[:-SHORT_HOPS, 0] = np.inf
    order = rest.argsort(axis=0, kind="stable")
    weights = np.empty((LONG_HOPS, 2, *rest.shape[1:]))
    weights[:, 0] = _IS_INSIDE[:, :, None]
    np.put_along_axis(weights[:, 1], order, _IS_KEPT[:, :, None], axis=0)
    return weights


def _left(
    track: Float64, misfit: Float64, weights: Float64, power: Float64
) -> tuple[Float64, Float64, Float64]:
    """
    Measure what pairs leave, in windows whole and trimmed.

    Args:
        track: [shape=(16, 2, 2, g)]
        misfit: [shape=(16, g)]
        weights: [shape=(16, 2, 2, g)] which hops count.
        power: [shape=(2, 2, 2, g)] squared lengths of the tracks' centres.

    Returns:
        Variance over power, by tone; what is left over the pair; and for whole
        windows the share of that which is outside any pair.
    """
    energies = np.empty((LONG_HOPS, 3, misfit.shape[1]))
    energies[:, :2] = _squares(track.swapaxes(0, 1))
    energies[:, 2] = misfit
    n = _N_HOPS[:, :, None]
    sums = added(energies[:, None, None] * weights[:, :, :, None])
    # The mean square less the square of the mean.
    spread = np.maximum(sums[:, :, :2] / n[..., None] - power, 0.0)
    total = sums[:, :, 2] + (spread[:, :, 0] + spread[:, :, 1]) * (_HALF * n)
    pair = (power[:, :, 0] + power[:, :, 1]) * (_HALF * n)
    return (
        spread / np.maximum(power, 1e-9),
        total / np.maximum(pair, 1.0),
        sums[0, :, 2] / np.maximum(total[0], 1.0),
    )


def _whiteness(quads: Float64, power: Float64, tone: Index) -> Float64:
    n = SHORT_HOPS * HOP_SAMPLES
    energy, slope = quads[-2:, 2] + quads[-2:, 3]
    pair = power * n
    rest = np.maximum(energy - _both(pair), energy * 0.02 + 1.0)
    return np.asarray((slope - _both(pair * _SLOPE[tone])) / rest)


_SLOPE = read_only(4 * np.sin(OMEGA / 2) ** 2)
"""Slope of each tone over its energy."""
