"""
Long windows: compiled loops against the same in NumPy, written as it is explained.
"""

import numpy as np
import pytest

from dtmf_engine.background import PRIOR_SAMPLES, floor_under
from dtmf_engine.keypad import TONES_HZ
from dtmf_engine.long_windows import (
    _over_frequencies,
    _score,
    _strongest,
    energies,
    score_long,
)
from dtmf_engine.short_windows import TOLERANCE
from tests.support.tones import Wave, dial, line


LENGTHS = [160, 320, 640, 1280]
NOISE = 400.0
POWERS = [1e6, 1e4]


def _windows(length: int) -> Wave:
    """
    Lay windows over a press in noise; they overlap, as they do when it is attacked.
    """
    heard = line(dial("A", tone=700, lead=600), noise_dbm0=-40.0)[:1800]
    windows = np.lib.stride_tricks.sliding_window_view(heard, length)
    return windows[:: length // 6]


def _log_mean_exp(values: Wave, axis: int) -> Wave:
    peak = values.max(axis=axis, keepdims=True)
    mean = np.exp(values - peak).mean(axis=axis)
    return np.asarray(np.squeeze(peak, axis) + np.log(mean))


@pytest.mark.parametrize("length", LENGTHS)
def test_energies_are_those_of_whole_waves(length: int) -> None:
    """
    Half of each wave, seen in a mirror, is all of it.
    """
    windows = _windows(length)
    found = energies(windows)
    assert found.shape[:2] == (len(windows), 8)
    offsets = np.linspace(-TOLERANCE, TOLERANCE, found.shape[2])
    # Half of what a window resolves.
    assert TONES_HZ[-1] * (offsets[1] - offsets[0]) <= 8000 / length / 2
    place = (np.arange(length) - (length - 1) / 2) / 8000
    turns = 2 * np.pi * np.outer(np.outer(TONES_HZ, 1 + offsets), place)
    expected = 0.0
    for wave in (np.cos(turns), np.sin(turns)):
        size = np.square(wave).sum(axis=1)
        expected = expected + np.square(windows @ wave.T) / size
    np.testing.assert_allclose(found, np.reshape(expected, found.shape), rtol=1e-8)


@pytest.mark.parametrize("length", LENGTHS)
def test_scores_are_log_likelihood_ratios(length: int) -> None:
    """
    Frequencies by how sure they are, tones of both groups together, four amplitudes'
    cost, and a mean over powers.
    """
    windows = _windows(length)
    energy, along = np.square(windows).sum(axis=1), energies(windows)
    floor = floor_under(energy, NOISE, length)
    prior, weight = PRIOR_SAMPLES * floor, (length + PRIOR_SAMPLES) / 2
    groups = along.reshape(len(windows), 2, -1)
    best = groups.max(axis=2).sum(axis=1)
    scale = ((np.maximum(energy - best, 0) + prior) / weight)[:, None]
    tones = scale * _log_mean_exp(along / scale[..., None], 2)
    both = tones[:, :4, None] + tones[:, None, 4:]
    rest = np.maximum(energy[:, None] - both.reshape(-1, 16), 0) + prior[:, None]
    gain = -weight * np.log(rest / (energy + prior)[:, None])
    costs = [2 * np.log(1 + power / floor * length / 2) for power in POWERS]
    logs = np.array([gain - cost[:, None] for cost in costs])
    found = score_long(windows, NOISE, POWERS)
    np.testing.assert_allclose(found, _log_mean_exp(logs, 0), rtol=1e-9)


def test_the_strongest_of_a_group_and_what_a_tone_explains() -> None:
    """
    A maximum, and a logarithm of a mean of exponentials, for numbers of any size.
    """
    random = np.random.default_rng(1)
    along = random.uniform(0.0, 1e9, (8, 11))
    assert _strongest(along, 0) == along[:4].max()
    assert _strongest(along, 4) == along[4:].max()
    for scale in (1.0, 1e8):
        expected = scale * float(_log_mean_exp(along[2] / scale, 0))
        assert _over_frequencies(along[2], scale) == pytest.approx(expected)


def test_a_window_that_tones_explain_whole_is_scored() -> None:
    """
    What is left is never less than nothing, and no logarithm is infinite.
    """
    along = np.full((1, 8, 7), 5e6)
    scores = np.empty((1, 16))
    _score(along, np.array([[9e6, 100.0, -20.0]]), 180.0, scores)
    assert scores == pytest.approx(-90 * np.log(100 / (9e6 + 100)) - 20)
