"""
A look as its definitions say, in plain NumPy, to judge the compiled one by.

It is written from what `looks.Look` documents: whole arrays, complex numbers and a
general solver, with nothing of the package but what its fields are called.
"""

import numpy as np
import numpy.typing as npt
from scipy.signal import firwin

from tests.support.tones import Audio


Array = npt.NDArray[np.float64]
_Complex = npt.NDArray[np.complex128]

_TONES_HZ = np.array([697, 770, 852, 941, 1209, 1336, 1477, 1633])
_HOP = 20
_SHORT, _LONG = 8, 16
_STEP_HZ, _MOST_HZ = 1.25, 60.0
_COARSE_HZ = {_SHORT: 10.0, _LONG: 5.0}
"""Steps of the grid on which an offset is looked for first."""


def _rounded(values: Array) -> Array:
    return np.asarray(np.rint(values * 2**14) / 2**14)


def heard_of(audio: Audio, *, highpass: bool) -> Array:
    """
    Give the last 320 samples as they are heard, with one before: [shape=(321,)].
    """
    if not highpass:
        return audio[-321:].astype(np.float64)
    taps = firwin(89, 563.0, window=("kaiser", 4.0), pass_zero=False, fs=8000)
    return np.convolve(audio[-409:].astype(np.float64), _rounded(taps), mode="valid")


def plain_look(heard: Array, first_hop: int) -> dict[str, Array]:
    """
    Measure 40 ms.

    Args:
        heard: [shape=(321,)] as `heard_of` gives it.
        first_hop: index of the first of the sixteen hops in the stream.

    Returns:
        Fields of `looks.Look`.
    """
    hops = heard[1:].reshape(_LONG, _HOP)
    waves = np.exp(2j * np.pi * np.outer(np.arange(_HOP), _TONES_HZ) / 8000)
    table = _rounded(waves.real) + 1j * _rounded(waves.imag)
    start = (first_hop + np.arange(_LONG))[:, None] * _HOP
    turn = np.exp(-2j * np.pi * (start * _TONES_HZ % 8000) / 8000)
    turned = hops @ table.conj() * turn
    power = {
        n: 2 * np.abs(turned[-n:].sum(axis=0) / (n * _HOP)) ** 2
        for n in (4, _SHORT, _LONG)
    }
    low, high = int(power[_SHORT][:4].argmax()), 4 + int(power[_SHORT][4:].argmax())
    track, misfit = _fitted(hops, table[:, [low, high]], waves[:, [low, high]])
    track *= turn[:, [low, high]]
    windows = [_window(track, misfit, n) for n in (_SHORT, _LONG)]
    found = {name: np.array([of[name] for of in windows]) for name in windows[0]}
    straight, best = windows[0]["straight"], windows[0]["best"]
    size = (np.abs(best) ** 2).sum()
    centre = straight[-_SHORT:].mean(axis=0)
    before = straight[:-_SHORT].mean(axis=0)
    last_energy = (hops[-4:] ** 2).sum()
    energy = (hops[-_SHORT:] ** 2).sum()
    slope = (np.diff(heard)[-_SHORT * _HOP :] ** 2).sum()
    pair = found["power"][0] * _SHORT * _HOP
    steepness = 4 * np.sin(np.pi * _TONES_HZ[[low, high]] / 8000) ** 2
    rest = max(energy - pair.sum(), 0.02 * energy + 1)
    return {
        **{name: found[name].real for name in _OF_WINDOWS},
        "row": np.array(low),
        "column": np.array(high - 4),
        "tone_power": power[4],
        "share": power[4][[low, high]].sum() * 4 * _HOP / last_energy,
        "rival": np.array([_rivals(power[n], low, high) for n in (_SHORT, _LONG)]),
        "whiteness": (slope - (pair * steepness).sum()) / rest,
        "before": (np.abs(before) ** 2).sum() / (np.abs(centre) ** 2).sum(),
        "size": size,
        "filled": (straight * best.conj()).real.sum(axis=1) / size,
        "other": misfit / (size * _HOP / 2),
    }


_OF_WINDOWS = (
    *("offset_hz", "power", "rest", "rest_trimmed", "wander", "wander_trimmed"),
    *("drift", "outside"),
)


def _rivals(power: Array, low: int, high: int) -> tuple[float, float]:
    groups = (power[:4], low), (power[4:], high - 4)
    low_rival, high_rival = (
        float(np.delete(group, best).max() / group[best]) for group, best in groups
    )
    return low_rival, high_rival


def _fitted(hops: Array, table: _Complex, waves: _Complex) -> tuple[_Complex, Array]:
    """
    Fit two tones to every hop by least squares.

    Returns:
        Their complex amplitudes, [shape=(16, 2)], and the energy that is left of each
        hop, [shape=(16,)].
    """
    # Correlations come from the table of 15 bits, what they are of from true waves.
    basis = np.concatenate([waves.real, waves.imag], axis=1)
    sums = hops @ np.concatenate([table.real, table.imag], axis=1)
    fit = np.linalg.lstsq(basis.T @ basis, sums.T)[0].T
    left = (hops**2).sum(axis=1) - (fit * sums).sum(axis=1)
    return fit[:, :2] - 1j * fit[:, 2:], np.maximum(left, 0.0)


def _window(track: _Complex, misfit: Array, n: int) -> dict[str, Array]:
    """
    Measure the last n hops, and turn the whole track by what they are off.
    """
    offset = np.array([_offset(track[-n:, tone], n) for tone in range(2)])
    hop = np.arange(_LONG)[:, None] - (_LONG - 1) / 2
    straight = track * np.exp(-2j * np.pi * hop * offset * _HOP / 8000)
    inside, left = straight[-n:], misfit[-n:]
    centre = inside.mean(axis=0)
    power = np.abs(centre) ** 2
    quarters = inside.reshape(4, n // 4, 2).mean(axis=1)
    away = left + _HOP / 2 * (np.abs(inside - centre) ** 2).sum(axis=1)
    kept = np.sort(np.argsort(away, kind="stable")[: n * 3 // 4])
    rest, wander = _rest(inside, left)
    rest_trimmed, wander_trimmed = _rest(inside[kept], left[kept])
    return {
        "offset_hz": offset,
        "power": power / 2,
        "rest": rest,
        "rest_trimmed": rest_trimmed,
        "wander": wander,
        "wander_trimmed": wander_trimmed,
        "drift": (np.abs(quarters - centre) ** 2).mean(axis=0) / power,
        "outside": left.sum() / (left.sum() + wander @ power * n * _HOP / 2),
        "straight": straight,
        "best": inside[kept].mean(axis=0),
    }


def _rest(straight: _Complex, misfit: Array) -> tuple[Array, Array]:
    """
    Give what a steady pair leaves of some hops, over it, and each track's variance.
    """
    mean = straight.mean(axis=0)
    variance = (np.abs(straight - mean) ** 2).mean(axis=0)
    power = np.abs(mean) ** 2
    left = misfit.sum() + variance.sum() * len(misfit) * _HOP / 2
    # Samples are whole numbers: less than 1 is no energy to compare with.
    pair = max(power.sum() * len(misfit) * _HOP / 2, 1.0)
    return left / pair, variance / power


def _offset(track: _Complex, n: int) -> float:
    """
    Find where a track is strongest: on a coarse grid, then between by a parabola.
    """
    step = _COARSE_HZ[n]
    grid = np.arange(-_MOST_HZ, _MOST_HZ + step / 2, step)
    turns = np.outer(grid, np.arange(n)) * _HOP / 8000
    power = np.abs(np.exp(-2j * np.pi * turns) @ track) ** 2
    best = int(np.clip(power.argmax(), 1, len(grid) - 2))
    left, middle, right = power[best - 1 : best + 2]
    bend = left - 2 * middle + right
    shift = np.clip((left - right) / bend / 2, -1, 1) if bend < 0 else 0.0
    fine = np.rint((grid[best] + shift * step) / _STEP_HZ) * _STEP_HZ
    return float(np.clip(fine, -_MOST_HZ, _MOST_HZ))
