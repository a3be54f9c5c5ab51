"""
Known levels: compiled loops against the same in NumPy, and what they find.
"""

import numpy as np
import pytest

from dtmf_engine.fours import four, product, products
from dtmf_engine.keypad import DIGITS, HIGH_GROUP_HZ, LOW_GROUP_HZ
from dtmf_engine.known_level import (
    LONGEST_SAMPLES,
    _bank,
    _bend,
    _bend_of_both,
    _Case,
    _lowest,
    _score_all,
    _settle,
    _Settled,
    _try_grid,
    _weigh,
    _within,
    score_known,
)
from tests.support.tones import Wave


AMPLITUDES = (3000.0, 2500.0)
PRIOR = 20.0
LENGTHS = [6, 8, 12, LONGEST_SAMPLES]

_PHASES = 2 * np.pi * np.arange(16) / 16


def _waves(length: int, digit: int) -> Wave:
    """
    Give cosine and sine of both tones, [shape=(4, n)].
    """
    place = (np.arange(length) - (length - 1) / 2) / 8000
    tones = (LOW_GROUP_HZ[digit // 4], HIGH_GROUP_HZ[digit % 4])
    turns = [2 * np.pi * hz * place for hz in tones]
    return np.array([f(turn) for turn in turns for f in (np.cos, np.sin)])


def _values(low: float, high: float) -> Wave:
    """
    Give the amplitudes of a pair's four waves at phases.
    """
    first, second = AMPLITUDES
    return np.array(
        [
            first * np.cos(low),
            first * np.sin(low),
            second * np.cos(high),
            second * np.sin(high),
        ]
    )


def _slopes(low: float, high: float) -> Wave:
    """
    Say how they change with each phase, [shape=(2, 4)].
    """
    first, second = AMPLITUDES
    return np.array(
        [
            [-first * np.sin(low), first * np.cos(low), 0.0, 0.0],
            [0.0, 0.0, -second * np.sin(high), second * np.cos(high)],
        ]
    )


def _settled(
    phases: Wave, window: Wave, waves: Wave, noise: float
) -> tuple[float, Wave]:
    """
    Take four steps of Gauss and Newton, none longer than 0.3.

    Returns:
        The energy that is left, and the curvature there, [shape=(2, 2)].
    """
    for _ in range(4):
        slopes = _slopes(*phases) @ waves
        left = window - _values(*phases) @ waves
        bend = slopes @ slopes.T + noise * np.eye(2)
        phases = phases + np.clip(np.linalg.solve(bend, slopes @ left), -0.3, 0.3)
    slopes = _slopes(*phases) @ waves
    left = window - _values(*phases) @ waves
    return float(left @ left), slopes @ slopes.T


def _score(window: Wave, floor: float, digit: int) -> float:
    """
    Score a window for one digit, from the four best phases of a grid.
    """
    n = len(window)
    waves = _waves(n, digit)
    grid = np.array([(low, high) for low in _PHASES for high in _PHASES])
    left = [np.square(window - _values(*phases) @ waves).sum() for phases in grid]
    # 1.5 % off leave a thousandth in 1 ms, more with the square of time.
    noise = floor + 1e-3 * (n / 8) ** 2 * np.square(AMPLITUDES).sum() / 2
    scores = []
    for start in np.argsort(left)[:4]:
        misfit, bend = _settled(grid[start], window, waves, noise)
        total = misfit + PRIOR * noise
        power = total / (n + PRIOR)
        energy = np.square(window).sum()
        gain = -(n + PRIOR) / 2 * np.log(total / (energy + PRIOR * floor))
        gain += PRIOR / 2 * np.log(noise / floor)
        volume = np.linalg.det(bend / power + np.eye(2))
        scores.append(gain - 0.5 * np.log(volume) - np.log(2 * np.pi))
    return float(max(scores))


def _windows(length: int) -> tuple[Wave, Wave]:
    """
    Make windows with and without a pair, and the power under each.
    """
    random = np.random.default_rng(length)
    windows = random.normal(0.0, 100.0, (12, length))
    windows[:6] *= 20.0
    for row in range(6, 12):
        phases = random.uniform(0.0, 2 * np.pi, 2)
        windows[row] += _values(*phases) @ _waves(length, row)
    return windows, random.uniform(1e3, 1e5, 12)


@pytest.mark.parametrize("length", LENGTHS)
def test_scores_are_integrals_over_phases(length: int) -> None:
    """
    For each window and digit, the same from a grid and steps in NumPy.
    """
    windows, floor = _windows(length)
    found = score_known(windows, floor, AMPLITUDES, PRIOR)
    expected = [
        [_score(window, power, digit) for digit in range(len(DIGITS))]
        for window, power in zip(windows, floor, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_pair_of_known_level_is_found_and_told(length: int) -> None:
    """
    In next to no noise, whatever its phases.
    """
    random = np.random.default_rng(7)
    for digit in range(len(DIGITS)):
        phases = random.uniform(0.0, 2 * np.pi, 2)
        window = _values(*phases) @ _waves(length, digit)
        scores = score_known(window[None], np.array([25.0]), AMPLITUDES, PRIOR)[0]
        assert scores.argmax() == digit


@pytest.mark.parametrize("digit", [0, 6, 15])
def test_grid_holds_what_is_left_at_all_phases(digit: int) -> None:
    """
    Less the energy of the window.
    """
    bank, waves = _bank(12), _waves(12, digit)
    window = np.random.default_rng(digit).normal(0.0, 1000.0, 12)
    left = np.empty(256)
    along = four(waves @ window)
    _try_grid(along, bank.own[digit], bank.shared[digit], AMPLITUDES, left)
    expected = [
        np.square(window - _values(low, high) @ waves).sum() - window @ window
        for low in _PHASES
        for high in _PHASES
    ]
    np.testing.assert_allclose(left, expected, rtol=1e-9)


def test_lowest_are_the_first_in_order() -> None:
    """
    Wherever in the table they stand; of equal ones the first is taken.
    """
    random = np.random.default_rng(2)
    for _ in range(50):
        values = random.permutation(256).astype(np.float64)
        assert _lowest(values) == tuple(np.argsort(values)[:4])
    assert sorted(_lowest(np.zeros(256))) == [0, 1, 2, 3]


@pytest.mark.parametrize("noise", [1.0, 1e5])
@pytest.mark.parametrize("start", [0, 100, 255])
def test_settle_takes_steps_of_gauss_and_newton(start: int, noise: float) -> None:
    """
    To the same place, with the same curvature there.
    """
    waves = _waves(12, 5)
    window = np.random.default_rng(start).normal(0.0, 1000.0, 12)
    along = four(waves @ window)
    found = _settle(start, along, _bank(12).gram[5], AMPLITUDES, noise)
    phases = np.array([_PHASES[start // 16], _PHASES[start % 16]])
    misfit, bend = _settled(phases, window, waves, noise)
    assert found.misfit + window @ window == pytest.approx(misfit)
    assert found.low == pytest.approx(bend[0, 0])
    assert found.both == pytest.approx(bend[0, 1])
    assert found.high == pytest.approx(bend[1, 1])


def test_products_and_bends_are_those_of_the_waves() -> None:
    """
    Each from the samples of the waves themselves.
    """
    waves, gram = _waves(8, 9), _bank(8).gram[9]
    values, slopes = _values(0.4, 2.0), _slopes(0.4, 2.0) @ waves
    pair = four(values)
    np.testing.assert_allclose(products(gram, pair), waves @ (values @ waves))
    assert product(gram[1], pair) == pytest.approx(waves[1] @ (values @ waves))
    assert _bend(gram, pair, 0) == pytest.approx(slopes[0] @ slopes[0])
    assert _bend(gram, pair, 2) == pytest.approx(slopes[1] @ slopes[1])
    assert _bend_of_both(gram, pair) == pytest.approx(slopes[0] @ slopes[1])


def test_steps_are_bounded() -> None:
    """
    Beyond 0.3 radians the curvature at the start says nothing.
    """
    assert [_within(step) for step in (-2.0, -0.1, 0.2, 9.0)] == [-0.3, -0.1, 0.2, 0.3]


def test_weigh_takes_the_volume_of_the_curve() -> None:
    """
    The determinant of its curvature; and what is left is never less than nothing.
    """
    case = _Case(AMPLITUDES, 12, PRIOR)
    bend = np.array([[5e6, 2e6], [2e6, 7e6]])
    settled = _Settled(-3e6, bend[0, 0], bend[0, 1], bend[1, 1])
    for energy, left in ((4e6, 1e6), (2e6, 0.0)):
        total = left + PRIOR * 1e4
        volume = np.linalg.det(bend / (total / 32) + np.eye(2))
        expected = -16 * np.log(total) - 0.5 * np.log(volume)
        assert _weigh(settled, energy, 1e4, case) == pytest.approx(expected)


def test_every_window_is_scored_for_every_digit() -> None:
    """
    What a window scores does not depend on those beside it.
    """
    windows, floor = _windows(8)
    known = np.stack([np.square(windows).sum(axis=1), floor, 1.1 * floor], axis=1)
    along, bank = windows @ _bank(8).waves, _bank(8)
    together, alone = np.empty((12, 16)), np.empty((12, 16))
    case = _Case(AMPLITUDES, 8, PRIOR)
    _score_all(along, known, bank, case, together)
    for i in range(12):
        one = slice(i, i + 1)
        _score_all(along[one], known[one], bank, case, alone[one])
    np.testing.assert_array_equal(together, alone)
