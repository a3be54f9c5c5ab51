"""
Short windows: compiled loops against the same in NumPy, written as it is explained.
"""

import numpy as np
import pytest
from scipy.linalg import cholesky
from scipy.signal import lfilter

from dtmf_engine.background import (
    PRIOR_SAMPLES,
    WHITE,
    Colour,
    covariance,
    floor_under,
    measure_background,
    predictor,
)
from dtmf_engine.fours import four
from dtmf_engine.keypad import HIGH_GROUP_HZ, LOW_GROUP_HZ
from dtmf_engine.short_windows import (
    LONGEST_SHORT_SAMPLES,
    SEARCH_FROM_MS,
    TOLERANCE,
    Bank,
    Stretch,
    _add,
    _add_each,
    _charge,
    _cut,
    _explain,
    _measure,
    _of_pair,
    _raise,
    _squared,
    bank_of,
    likelihoods,
    step_of,
)
from tests.support.tones import Wave, dial, line, to_int16, white_noise


def _hum() -> Wave:
    """
    Make a background with a colour: noise that falls by 6 dB an octave.
    """
    noise = white_noise(8000, -50.0, seed=5)
    return to_int16(np.asarray(lfilter([1.0], [1.0, -0.9], noise))).astype(np.float64)


COLOURS = {"white": WHITE, "coloured": measure_background(_hum()).colour}
LENGTHS = [6, 8, 12, 32, 48, LONGEST_SHORT_SAMPLES]
NOISE = 900.0
TWIST_DB = 3.0


def _stretch(colour: Colour) -> Stretch:
    """
    Make a part of a press in a background.
    """
    heard = line(dial("5", tone=30, lead=200), noise_dbm0=-45.0)[:600]
    taps, left = predictor(colour)
    return Stretch(
        np.ascontiguousarray(heard), lfilter(taps / np.sqrt(left), [1.0], heard)
    )


def _white(stretch: Stretch, length: int, colour: Colour) -> Wave:
    """
    Make each window white by itself, from the covariance of its samples.
    """
    windows = np.lib.stride_tricks.sliding_window_view(stretch.heard, length)
    factor = cholesky(covariance(colour, length), lower=True)
    white = np.linalg.solve(factor, windows[:: step_of(length)].T).T
    return np.asarray(white)


def _pairs(length: int, colour: Colour) -> Wave:
    """
    Give white waves of all pairs of each digit, [shape=(16, g, n, 4)].
    """
    searched = length >= SEARCH_FROM_MS * 8
    offsets = np.array([-2, 0, 2]) / 3 * TOLERANCE if searched else np.zeros(1)
    place = (np.arange(length) - (length - 1) / 2) / 8000
    factor = cholesky(covariance(colour, length), lower=True)
    pairs = []
    for low in LOW_GROUP_HZ:
        for high in HIGH_GROUP_HZ:
            for low_hz in low * (1 + offsets):
                for high_hz in high * (1 + offsets):
                    turns = [2 * np.pi * hz * place for hz in (low_hz, high_hz)]
                    waves = np.array([f(t) for t in turns for f in (np.cos, np.sin)])
                    waves[:2] *= 10 ** (-TWIST_DB / 40)
                    waves[2:] *= 10 ** (TWIST_DB / 40)
                    pairs.append(np.linalg.solve(factor, waves.T))
    return np.array(pairs).reshape(16, -1, length, 4)


def _ratios(white: Wave, pairs: Wave, power: float) -> Wave:
    """
    Give likelihood ratios as `attacker` explains them, [shape=(16, g, w)].
    """
    n = white.shape[1]
    energy = np.square(white).sum(axis=1)
    floor = floor_under(energy, NOISE, n)
    left, values, _ = np.linalg.svd(pairs, full_matrices=False)
    kappa = power / floor * np.square(values)[..., None]
    along = np.square(np.einsum("wn,dgni->dgiw", white, left))
    rest = energy - (along * kappa / (1 + kappa)).sum(axis=2)
    prior = PRIOR_SAMPLES * floor
    logs = -(n + PRIOR_SAMPLES) / 2 * np.log((rest + prior) / (energy + prior))
    return np.asarray(np.exp(logs - 0.5 * np.log(1 + kappa).sum(axis=2)))


@pytest.mark.parametrize("colour", COLOURS.values(), ids=COLOURS)
@pytest.mark.parametrize("length", LENGTHS)
def test_likelihoods_are_what_the_attacker_explains(
    length: int, colour: Colour
) -> None:
    """
    Means over frequencies and powers of ratios, each from a window made white alone.
    """
    stretch, powers = _stretch(colour), [1e6, 1e4]
    found = likelihoods(stretch, bank_of(length, colour, TWIST_DB), NOISE, powers)
    white, pairs = _white(stretch, length, colour), _pairs(length, colour)
    expected = np.mean([_ratios(white, pairs, power) for power in powers], axis=0)
    np.testing.assert_allclose(found, expected.mean(axis=1), rtol=1e-8)


@pytest.mark.parametrize("colour", COLOURS.values(), ids=COLOURS)
@pytest.mark.parametrize("length", LENGTHS)
def test_axes_of_a_pair_have_nothing_in_common(length: int, colour: Colour) -> None:
    """
    Combined along an axis, its waves have the energy that goes with it, and none
    that another axis has.
    """
    bank = bank_of(length, colour, TWIST_DB)
    pairs = _pairs(length, colour).reshape(-1, length, 4)
    along = pairs @ bank.axes.swapaxes(1, 2)
    products = along.swapaxes(1, 2) @ along
    expected = bank.sizes[:, :, None] * np.eye(4)
    np.testing.assert_allclose(products, expected, atol=1e-10)
    np.testing.assert_allclose(bank.waves[bank.rows], pairs.swapaxes(1, 2), atol=1e-10)


@pytest.mark.parametrize("colour", COLOURS.values(), ids=COLOURS)
@pytest.mark.parametrize("length", LENGTHS)
def test_cut_makes_each_window_white(length: int, colour: Colour) -> None:
    """
    As if nothing were known of what is before it, which the filter has heard.
    """
    stretch = _stretch(colour)
    expected = _white(stretch, length, colour)
    white = np.empty(expected.T.shape)
    _cut(stretch, bank_of(length, colour, TWIST_DB).head, step_of(length), white)
    np.testing.assert_allclose(white.T, expected, atol=1e-7)


def test_sums_of_samples_and_squares() -> None:
    """
    Samples are added a step apart, squares by window.
    """
    random = np.random.default_rng(1)
    samples, sums = random.normal(size=60), random.normal(size=20)
    expected = sums + 0.7 * samples[::3]
    _add_each(samples, 3, 0.7, sums)
    np.testing.assert_allclose(sums, expected)
    white, energy = random.normal(size=(6, 50)), np.empty(50)
    _measure(white, energy)
    np.testing.assert_allclose(energy, np.square(white).sum(axis=0))


def _measured() -> tuple[Bank, Wave, Wave]:
    """
    Give a bank, and of 300 windows what is left of them, how strong a pair would be
    in each, and their products with the bank's waves.
    """
    random = np.random.default_rng(2)
    bank = bank_of(48, WHITE, TWIST_DB)
    known = np.stack([random.uniform(1e6, 1e8, 300), random.uniform(0.1, 1e4, 300)])
    return bank, known, random.normal(0.0, 100.0, (len(bank.waves), 300))


@pytest.mark.parametrize("pair", [0, 77, 143])
def test_explain_and_charge_by_the_axes_of_a_pair(pair: int) -> None:
    """
    By how much less is left, and what four amplitudes cost.
    """
    bank, (left, strength), along = _measured()
    rows, axes, sizes = bank.rows[pair], bank.axes[pair], bank.sizes[pair]
    size = strength * sizes[:, None]
    explained = strength * (np.square(axes @ along[rows]) / (1 + size)).sum(axis=0)
    ratio, likely = np.empty(300), np.empty(300)
    _explain(_of_pair(along, rows, 0, 300), left, strength, axes, sizes, ratio)
    np.testing.assert_allclose(ratio, left / (left - explained))
    _charge(strength, sizes, likely)
    np.testing.assert_allclose(likely, 1 / np.sqrt(np.prod(1 + size, axis=0)))


def test_parts_of_a_pair() -> None:
    """
    Rows of a table from one window to another, four numbers, and a window's energy
    along an axis.
    """
    bank, _, along = _measured()
    parts = _of_pair(along, bank.rows[5], 10, 30)
    np.testing.assert_array_equal(parts, along[bank.rows[5], 10:30])
    axis, window = four(bank.axes[5, 0]), four(along[:4, 0].copy())
    assert axis == tuple(bank.axes[5, 0])
    expected = np.dot(bank.axes[5, 0], along[:4, 0]) ** 2
    assert _squared(axis, window) == pytest.approx(expected)


@pytest.mark.parametrize("exponent", [0, 1, 13, 34, 58])
def test_raise_multiplies_by_a_power(exponent: int) -> None:
    """
    Whole exponents, as NumPy has them.
    """
    random = np.random.default_rng(3)
    ratio, likely = random.uniform(1.0, 3.0, 40), random.uniform(0.1, 1.0, 40)
    expected = likely * ratio**exponent
    _raise(ratio, exponent, likely)
    np.testing.assert_allclose(likely, expected)


def test_add_sums_over_pairs_and_batches() -> None:
    """
    Each digit has the sum over its own pairs, in every window: also in the second,
    shorter batch.
    """
    bank, known, along = _measured()
    left, strength = known
    found = np.ones((16, 300))
    _add(known, along, bank, found)
    expected = np.ones((16, 300))
    for pair in range(len(bank.rows)):
        size = strength * bank.sizes[pair][:, None]
        squares = np.square(bank.axes[pair] @ along[bank.rows[pair]])
        rest = left - strength * (squares / (1 + size)).sum(axis=0)
        cost = np.sqrt(np.prod(1 + size, axis=0))
        expected[pair // 9] += (left / rest) ** 34 / cost
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("colour", COLOURS.values(), ids=COLOURS)
@pytest.mark.parametrize("length", LENGTHS)
def test_nothing_is_likelier_than_a_number_can_say(length: int, colour: Colour) -> None:
    """
    A pair alone, as loud as can be, where nothing else is: the greatest ratio there
    is, still finite, and silence has the same for all windows.
    """
    press = line(dial("5", lead=0, low_dbm0=-3.0, high_dbm0=-3.0))[:800]
    taps, left = predictor(colour)
    loud = Stretch(press, lfilter(taps / np.sqrt(left), [1.0], press))
    bank = bank_of(length, colour, 0.0)
    for power in (1.0, 1e9):
        found = likelihoods(loud, bank, 1e-6, [power])
        assert np.isfinite(found).all()
    silent = Stretch(np.zeros(800), np.zeros(800))
    found = likelihoods(silent, bank, 1.0, [1e6])
    assert np.isfinite(found).all()
    assert (found > 0).all()
    np.testing.assert_allclose(found, found[:, :1].repeat(found.shape[1], axis=1))
