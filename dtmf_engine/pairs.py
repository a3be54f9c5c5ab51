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
sums over hops are added in a fixed order.
"""

from typing import NamedTuple

import numpy as np
from scipy.signal import firwin

from dtmf_engine.arrays import Float64, Index, added, read_only
from dtmf_engine.goertzel import (
    HOP_SAMPLES,
    KERNEL,
    KERNEL_SCALE,
    N_TONES,
    PHASE_PERIOD_HOPS,
    TURN_COS,
    TURN_SIN,
)
from dtmf_engine.keypad import TONES_HZ
from dtmf_engine.units import SAMPLE_RATE_HZ


SHORT_HOPS = 8
"""20 ms: the longest look into a tone that must be reported 20 ms after its onset."""

LONG_HOPS = 16
"""40 ms: the shortest tone that must be accepted."""

HIGHPASS_TAPS = 89
HIGHPASS_DELAY_SAMPLES = (HIGHPASS_TAPS - 1) // 2
"""The high-pass is of linear phase: all it hears is this late."""

MARGIN_SAMPLES = HIGHPASS_TAPS
"""Samples needed before the first hop of a look."""

_OMEGA = 2 * np.pi * np.array(TONES_HZ) / SAMPLE_RATE_HZ
_HALF = HOP_SAMPLES / 2
"""Energy of a unit sine in a hop."""


# --- tables ---------------------------------------------------------------------


def _inverse_grams() -> Float64:
    """
    Give the inverse Gram matrix of every pair over one hop, [shape=(4, 4, 16)].
    """
    n = np.arange(HOP_SAMPLES)
    tables = []
    for low in range(4):
        for high in range(4, 8):
            basis = np.stack(
                [
                    np.cos(_OMEGA[low] * n),
                    np.sin(_OMEGA[low] * n),
                    np.cos(_OMEGA[high] * n),
                    np.sin(_OMEGA[high] * n),
                ]
            )
            tables.append(np.linalg.inv(basis @ basis.T))
    return read_only(np.ascontiguousarray(np.array(tables).transpose(1, 2, 0)))


_INVERSE = _inverse_grams()

OFFSET_STEP_HZ = 1.25
_MAX_OFFSET = 48
"""Offsets from −60 to +60 Hz: 3.7 % of the highest tone."""

_SHORT_GRID = np.arange(0, 2 * _MAX_OFFSET + 1, 8)
_LONG_GRID = np.arange(0, 2 * _MAX_OFFSET + 1, 4)
"""Steps of 10 and 5 Hz: a fifth of the resolution of 20 and 40 ms."""


def _rotations() -> tuple[Float64, Float64]:
    hop = np.arange(LONG_HOPS) - (LONG_HOPS - 1) / 2
    offset = np.arange(-_MAX_OFFSET, _MAX_OFFSET + 1) * OFFSET_STEP_HZ
    turn = 2 * np.pi * np.outer(hop, offset) * HOP_SAMPLES / SAMPLE_RATE_HZ
    return read_only(np.cos(turn)), read_only(np.sin(turn))


_ROTATE_COS, _ROTATE_SIN = _rotations()


def _highpass() -> Float64:
    """
    Give the high-pass as a matrix from 109 samples to 21, [shape=(109, 21)].

    45 dB down from 445 Hz, flat from 681 Hz: below 697 Hz − 2.3 %, above the
    dial tones of E.180 (to 440 Hz).
    """
    taps = firwin(
        HIGHPASS_TAPS,
        563.0,
        window=("kaiser", 4.0),
        pass_zero=False,
        fs=SAMPLE_RATE_HZ,
    )
    whole = np.rint(taps[::-1] * 2.0**14)
    matrix = np.zeros((HOP_SAMPLES + HIGHPASS_TAPS, HOP_SAMPLES + 1))
    for i in range(HOP_SAMPLES + 1):
        matrix[i : i + HIGHPASS_TAPS, i] = whole
    return read_only(matrix)


_HIGHPASS = _highpass()


# --- sums over hops -------------------------------------------------------------


class Hops(NamedTuple):
    """
    Sums over single hops, gathered from anywhere: c hops in all.
    """

    sums: Float64
    """[shape=(16, c)] correlation with eight cosines, then eight sines."""
    energy: Float64
    """[shape=(c,)]"""
    slope: Float64
    """[shape=(c,)] energy of the differences between neighbouring samples."""
    place: Index
    """[shape=(c,)] index of the hop in its stream, modulo the phase period."""


def measure_hops(samples: Float64, place: Index, *, highpass: bool) -> Hops:
    """
    Sum over hops.

    Args:
        samples: [shape=(c, 109)] integer-valued: each hop's 20 samples with
            the 89 before them.
        place: [shape=(c,)] index of each hop in its stream.
        highpass: whether to listen through the high-pass.
    """
    if highpass:
        heard = (samples @ _HIGHPASS) * (1.0 / 2**14)
    else:
        heard = samples[:, -HOP_SAMPLES - 1 :]
    hop = np.ascontiguousarray(heard[:, 1:])
    step = hop - heard[:, :-1]
    return Hops(
        np.ascontiguousarray((hop @ KERNEL).T) * (1.0 / KERNEL_SCALE),
        added((hop * hop).T),
        added((step * step).T),
        place % PHASE_PERIOD_HOPS,
    )


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
    short: Window
    long: Window
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


def measure_pairs(hops: Hops, last: Index) -> Looks:
    """
    Look at the 16 hops up to each of g hops.

    Args:
        hops: sums over hops; the 16 of every look stand next to each other.
        last: [shape=(g,)] where in `hops` each look's last hop stands.
    """
    index = last - np.arange(LONG_HOPS - 1, -1, -1)[:, None]
    sums, place = hops.sums[:, index], hops.place[index]
    powers = _tone_powers(sums, place)
    row, column = powers[8][:4].argmax(axis=0), powers[8][4:].argmax(axis=0)
    tone = np.stack([row, 4 + column])
    re, im, misfit = _tracks(sums, place, tone, hops.energy[index])
    rivals = {n: _rivals(powers[n], tone) for n in (SHORT_HOPS, LONG_HOPS)}
    short, track = _window(re, im, misfit, SHORT_HOPS, rivals[SHORT_HOPS])
    long, _ = _window(re, im, misfit, LONG_HOPS, rivals[LONG_HOPS])
    before = added(track.re[:8]) / 8, added(track.im[:8]) / 8
    amplitude = _both(short.power) * 2
    return Looks(
        row=row,
        column=column,
        tone_power=powers[4],
        short=short,
        long=long,
        whiteness=_whiteness(hops.energy[index], hops.slope[index], short, tone),
        before=_both(before[0] * before[0] + before[1] * before[1])
        / np.maximum(amplitude, 1e-9),
        size=track.size,
        filled=track.filled,
        other=misfit / np.maximum(track.size * _HALF, 1e-9),
    )


def _both(values: Float64) -> Float64:
    return np.asarray(values[0] + values[1])


def _tone_powers(sums: Float64, place: Index) -> dict[int, Float64]:
    """
    Give the power of all tones over the last 4, 8 and 16 hops, [shape=(8, g)].
    """
    cos, sin = TURN_COS[:, place], TURN_SIN[:, place]
    real, imag = sums[:N_TONES], sums[N_TONES:]
    re = np.moveaxis(real * cos - imag * sin, 1, 0)
    im = np.moveaxis(real * sin + imag * cos, 1, 0)
    powers = {}
    re4, im4 = added(re[12:]), added(im[12:])
    re8, im8 = added(re[8:12]) + re4, added(im[8:12]) + im4
    re16, im16 = added(re[:8]) + re8, added(im[:8]) + im8
    for n, a, b in ((4, re4, im4), (8, re8, im8), (16, re16, im16)):
        powers[n] = (a * a + b * b) * (2.0 / (n * HOP_SAMPLES) ** 2)
    return powers


def _rivals(power: Float64, tone: Index) -> Float64:
    """
    Compare the best tone of each group with the strongest other one.
    """
    others = power.copy()
    best = np.take_along_axis(power, tone, axis=0)
    np.put_along_axis(others, tone, 0.0, axis=0)
    second = np.stack([others[:4].max(axis=0), others[4:].max(axis=0)])
    return np.asarray(second / np.maximum(best, 1e-9))


def _tracks(
    sums: Float64, place: Index, tone: Index, energy: Float64
) -> tuple[Float64, Float64, Float64]:
    """
    Fit the pair to every hop.

    Returns:
        Real and imaginary parts of the tracks, [shape=(16, 2, g)], in the
        phase of tones that started with the stream; and the energy that the
        fit leaves of each hop, [shape=(16, g)].
    """
    g = np.arange(tone.shape[1])
    pair = 4 * tone[0] + tone[1] - 4
    hop = np.arange(LONG_HOPS)[:, None]
    b = [
        sums[tone[0], hop, g],
        sums[8 + tone[0], hop, g],
        sums[tone[1], hop, g],
        sums[8 + tone[1], hop, g],
    ]
    inverse = _INVERSE[:, :, pair]
    a = [
        (b[0] * inverse[i, 0] + b[1] * inverse[i, 1])
        + (b[2] * inverse[i, 2] + b[3] * inverse[i, 3])
        for i in range(4)
    ]
    fitted = (a[0] * b[0] + a[1] * b[1]) + (a[2] * b[2] + a[3] * b[3])
    cosine, sine = np.stack([a[0], a[2]], axis=1), np.stack([a[1], a[3]], axis=1)
    where = place[:, None, :]
    cos, sin = TURN_COS[tone, where], TURN_SIN[tone, where]
    return (
        cosine * cos - sine * sin,
        -(sine * cos + cosine * sin),
        np.maximum(energy - fitted, 0.0),
    )


class _Track(NamedTuple):
    """
    Tracks with their offset taken out, over all 16 hops.
    """

    re: Float64
    im: Float64
    size: Float64
    filled: Float64


def _window(
    re: Float64, im: Float64, misfit: Float64, n: int, rival: Float64
) -> tuple[Window, _Track]:
    """
    Measure the last n hops.
    """
    skip = LONG_HOPS - n
    offset = _offset(re[skip:], im[skip:], n)
    cos, sin = _ROTATE_COS[:, offset], _ROTATE_SIN[:, offset]
    straight_re, straight_im = re * cos + im * sin, im * cos - re * sin
    inside = straight_re[skip:], straight_im[skip:]
    centre, spread, power = _spread(*inside)
    whole = np.maximum(power, 1e-9)
    rest = misfit[skip:] + _HALF * (spread[:, 0] + spread[:, 1])
    total = added(rest)
    trimmed = _trimmed(*inside, misfit[skip:], rest)
    quarter = [
        added(np.moveaxis(v.reshape(4, n // 4, *v.shape[1:]), 1, 0)) / (n // 4)
        for v in inside
    ]
    drift = (quarter[0] - centre[0]) ** 2 + (quarter[1] - centre[1]) ** 2
    window = Window(
        offset_hz=(offset - _MAX_OFFSET).astype(np.float64) * OFFSET_STEP_HZ,
        power=power / 2,
        rest=total / np.maximum(_both(power) * (_HALF * n), 1.0),
        rest_trimmed=trimmed.rest,
        wander=added(spread) / n / whole,
        wander_trimmed=trimmed.wander,
        drift=added(drift) / 4 / whole,
        outside=added(misfit[skip:]) / np.maximum(total, 1.0),
        rival=rival,
    )
    main = trimmed.centre
    filled = straight_re * main[0] + straight_im * main[1]
    size = _both(trimmed.power)
    filled = (filled[:, 0] + filled[:, 1]) / np.maximum(size, 1e-9)
    return window, _Track(straight_re, straight_im, size, filled)


def _offset(re: Float64, im: Float64, n: int) -> Index:
    """
    Find the offset at which a track is strongest, as an index of the tables.
    """
    grid = _SHORT_GRID if n == SHORT_HOPS else _LONG_GRID
    cos = _ROTATE_COS[LONG_HOPS - n :, grid][:, :, None, None]
    sin = _ROTATE_SIN[LONG_HOPS - n :, grid][:, :, None, None]
    x, y = re[:, None], im[:, None]
    a, b = added(x * cos + y * sin), added(y * cos - x * sin)
    power = a * a + b * b
    best = np.clip(power.argmax(axis=0), 1, len(grid) - 2)[None]
    left, middle, right = (
        np.take_along_axis(power, best + d, axis=0)[0] for d in (-1, 0, 1)
    )
    bend = left - 2 * middle + right
    shift = np.where(bend < 0, 0.5 * (left - right) / np.minimum(bend, -1e-9), 0.0)
    step = int(grid[1] - grid[0])
    found = grid[best[0]] + np.rint(np.clip(shift, -1, 1) * step).astype(np.intp)
    return np.asarray(np.clip(found, 0, 2 * _MAX_OFFSET))


def _spread(
    re: Float64, im: Float64
) -> tuple[tuple[Float64, Float64], Float64, Float64]:
    """
    Give a track's centre, its squared distances from it, and its squared length.
    """
    n = len(re)
    centre = added(re) / n, added(im) / n
    spread = (re - centre[0]) ** 2 + (im - centre[1]) ** 2
    return centre, spread, centre[0] * centre[0] + centre[1] * centre[1]


class _Trimmed(NamedTuple):
    centre: tuple[Float64, Float64]
    power: Float64
    rest: Float64
    wander: Float64


def _trimmed(re: Float64, im: Float64, misfit: Float64, rest: Float64) -> _Trimmed:
    """
    Measure once more without the worst quarter of the hops.
    """
    keep = len(re) * 3 // 4
    order = np.argsort(rest, axis=0, kind="stable")[:keep]
    best = order[:, None, :]
    centre, spread, power = _spread(
        np.take_along_axis(re, best, axis=0), np.take_along_axis(im, best, axis=0)
    )
    spread = added(spread)
    left = added(np.take_along_axis(misfit, order, axis=0)) + _HALF * _both(spread)
    return _Trimmed(
        centre,
        power,
        left / np.maximum(_both(power) * (_HALF * keep), 1.0),
        spread / keep / np.maximum(power, 1e-9),
    )


def _whiteness(energy: Float64, slope: Float64, window: Window, tone: Index) -> Float64:
    n = SHORT_HOPS * HOP_SAMPLES
    pair = window.power * n
    steep = _both(pair * _SLOPE[tone])
    total = added(energy[-SHORT_HOPS:])
    rest = np.maximum(total - _both(pair), total * 0.02 + 1.0)
    return np.asarray((added(slope[-SHORT_HOPS:]) - steep) / rest)


_SLOPE = read_only(4 * np.sin(_OMEGA / 2) ** 2)
"""Slope of each tone over its energy."""
