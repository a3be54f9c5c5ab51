"""
The attacker: what a listener with a computer could read from a stretch of audio.

It knows when the key was down and for how long, how loud the telephone's tones
are, and the level and colour of the background. It lays windows of many lengths
over the stretch and around it, fits each of the sixteen pairs of tones to every
window, and believes the pair that explains best what it hears. Where a Goertzel
detector is blind below a block of about 12.75 ms, this reads 1.5 ms of leaked
tone.

The score of a digit is the logarithm of a likelihood ratio: its pair in the
background, against the background alone. The four amplitudes of a pair are normal
with the power of the telephone's tones, the background is normal with about the
power it has elsewhere, a belief worth ν samples. In a window of n samples, made
white, with energy E and background power s², where a pair's direction i has
energy eᵢ in the window and would have κᵢ s² on average, that is

    −½ Σ ln(1 + κᵢ) − (n + ν)/2 · ln((E − Σ eᵢ κᵢ/(1 + κᵢ) + ν s²) / (E + ν s²))

Windows, and within them frequencies, are alternatives: a digit's score is the
logarithm of the mean over them. Looking in more places therefore costs what it
should, and noise alone does not make the attacker certain.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from dtmf_engine.arrays import Float64, Index, read_only
from dtmf_engine.background import (
    PRIOR_SAMPLES,
    WHITE,
    Colour,
    floor_under,
    predictor,
)
from dtmf_engine.compiled import compiled
from dtmf_engine.keypad import DIGITS
from dtmf_engine.known_level import LONGEST_SAMPLES, score_known
from dtmf_engine.long_windows import energies, score_long
from dtmf_engine.short_windows import Stretch, bank_of, likelihoods, step_of
from dtmf_engine.units import (
    amplitude_from_dbm0,
    dbm0_from_power,
    power_from_dbm0,
    samples_from_ms,
)


SHORT_MS = (0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
"""Windows in which both tones of a pair are fitted together."""

LONG_MS = (20.0, 40.0, 80.0, 160.0)
"""Windows long enough for the tones to be fitted one by one: cosines 194 Hz apart,
the least there is between the groups, have nothing in common over 20 ms."""

TONE_DBM0 = -10.0
"""How loud a tone is taken to be if nothing is known of the telephone."""

_WEAKER_DB = 20.0
"""Leaks are looked for at the telephone's level and this much below it."""

_MIN_POWER = 1.0
"""Rounding to 16 bits alone leaves a twelfth; codecs leave more."""

BEFORE_SAMPLES = samples_from_ms(20)
AFTER_SAMPLES = samples_from_ms(60)
"""Leaks are looked for around a press, too: tails, echoes, an alignment not exact."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """
    What the attacker makes of one press.
    """

    guess: str
    """A digit, or nothing where all are equally likely, as in digital silence."""
    margin: float
    """How much more likely than the next best: another digit, or none at all; in
    nats."""
    scores: Float64
    """[shape=(16,)] per digit, in the order of `keypad.DIGITS`."""


_NO_IDEA = Reading("", 0.0, read_only(np.zeros(len(DIGITS))))


@dataclass(frozen=True, slots=True)
class Knowledge:
    """
    What the attacker knows beside the time of a press.

    The telephone's own frequencies are not part of it: they help in long windows,
    where nothing is left to be helped.
    """

    low_dbm0: float = TONE_DBM0
    """Level at which low-group tones would arrive if they leaked whole."""
    high_dbm0: float = TONE_DBM0
    colour: Colour = WHITE
    """Colour of the background."""
    levels_are_known: bool = False
    """Whether the levels are those of the caller's recording, to a few percent."""


_NOTHING = Knowledge()


def read_press(
    audio: Float64,
    start_sample: int,
    end_sample: int,
    noise_power: float,
    *,
    knowledge: Knowledge = _NOTHING,
) -> Reading:
    """
    Guess the digit of one press.

    Args:
        audio: [shape=(n,)] the agent's recording at 8 kHz, in samples of 16
            bits, aligned with the caller's.
        start_sample: where the key went down.
        end_sample: where it came up.
        noise_power: mean-square power of the background.
        knowledge: of the telephone and of the background.
    """
    first = max(0, start_sample - BEFORE_SAMPLES)
    stretch = audio[first : max(0, end_sample + AFTER_SAMPLES)]
    if not stretch.any():
        return _NO_IDEA
    longest = end_sample - start_sample + BEFORE_SAMPLES
    noise = max(noise_power, _MIN_POWER)
    scores = list(_by_length(stretch, longest, noise, knowledge))
    if not scores:
        return _NO_IDEA
    score = _log_mean_exp(np.array(scores))
    order = np.argsort(score)
    best = float(score[order[-1]])
    margin = best - max(float(score[order[-2]]), 0.0)
    if score[order[0]] == best:
        return _NO_IDEA
    return Reading(DIGITS[int(order[-1])], max(0.0, margin), score)


def tone_levels(
    audio: Float64, start_sample: int, end_sample: int, digit: str
) -> tuple[float, float] | None:
    """
    Measure the two tones of a press in the caller's recording.

    Args:
        audio: [shape=(n,)] at 8 kHz, in samples of 16 bits.
        start_sample: where the key went down.
        end_sample: where it came up.
        digit: which key.

    Returns:
        Level of the low-group and of the high-group tone, in dBm0; nothing if the
        press is shorter than 20 ms.
    """
    fitting = _fitting(LONG_MS, end_sample - start_sample)
    if not fitting or end_sample > len(audio):
        return None
    length = fitting[-1]
    first = (start_sample + end_sample - length) // 2
    window = audio[first : first + length]
    along = energies(window[None])[0]
    index = DIGITS.index(digit)
    peaks = (_peak(along[index // 4]), _peak(along[4 + index % 4]))
    low, high = (dbm0_from_power(peak / length) for peak in peaks)
    return low, high


def _peak(energies: Float64) -> float:
    """
    Give the top of the parabola through the largest of energies along a grid.
    """
    best = int(np.clip(np.argmax(energies), 1, len(energies) - 2))
    left, middle, right = energies[best - 1 : best + 2]
    bend = left - 2 * middle + right
    if bend >= 0:
        return float(energies.max())
    return max(float(energies.max()), float(middle - (left - right) ** 2 / (8 * bend)))


def _by_length(
    heard: Float64, longest: int, noise: float, knowledge: Knowledge
) -> Iterator[Float64]:
    """
    Score windows, one length after the other: each [shape=(16,)].
    """
    twist_db = _step(knowledge.high_dbm0 - knowledge.low_dbm0)
    mean = (knowledge.high_dbm0 + knowledge.low_dbm0) / 2
    powers = [power_from_dbm0(level) for level in (mean, mean - _WEAKER_DB)]
    taps, left = predictor(knowledge.colour)
    filtered = np.asarray(lfilter(taps / np.sqrt(left), np.ones(1), heard))
    stretch = Stretch(np.array(heard), filtered)
    longest = min(longest, len(heard))
    for length in _fitting(SHORT_MS, longest):
        # In longer windows all that a level does is to cost a little.
        tried = powers if length < LONGEST_SAMPLES else powers[:1]
        bank = bank_of(length, knowledge.colour, twist_db)
        found = likelihoods(stretch, bank, noise, tried)
        if knowledge.levels_are_known and length <= LONGEST_SAMPLES:
            _tell_by_level(heard, length, found, noise, knowledge)
        yield np.log(found.mean(axis=1))
    for length in _fitting(LONG_MS, longest):
        windows = np.lib.stride_tricks.sliding_window_view(filtered, length)
        logs = score_long(windows[:: step_of(length)], noise, powers)
        yield _log_mean_exp(logs)


def _fitting(table_ms: tuple[float, ...], longest: int) -> list[int]:
    """
    Give the lengths of windows, in samples, that are not too long.
    """
    lengths = [samples_from_ms(ms) for ms in table_ms]
    return [length for length in lengths if length <= longest]


def _step(twist_db: float) -> float:
    """
    Give a twist in steps of 3 dB: tables are kept by it.
    """
    return float(min(12, max(-12, 3 * round(twist_db / 3))))


def _tell_by_level(
    heard: Float64, length: int, found: Float64, noise: float, knowledge: Knowledge
) -> None:
    """
    Look again at the most promising windows, now knowing the levels.

    Args:
        heard: [shape=(n,)]
        length: of the windows.
        found: [shape=(16, w)] likelihoods, changed where there is more to know.
        noise: mean-square power of the background.
        knowledge: of the telephone.
    """
    places = _largest(found.max(axis=0), _PROMISING)
    chosen = heard[places[:, None] * step_of(length) + np.arange(length)]
    floor = floor_under(np.einsum("wn,wn->w", chosen, chosen), noise, length)
    levels = (knowledge.low_dbm0, knowledge.high_dbm0)
    low, high = (amplitude_from_dbm0(level) for level in levels)
    told = score_known(chosen, floor, (low, high), PRIOR_SAMPLES)
    found[:, places] = (found[:, places] + np.exp(told.T)) / 2


@compiled
def _largest(values: Float64, n_largest: int) -> Index:
    """
    Give the places of the largest values, the largest first; all, if there are few.
    """
    places = np.empty(min(n_largest, len(values)), dtype=np.intp)
    n = 0
    for place in range(len(values)):
        if n == len(places) and values[place] <= values[places[-1]]:
            continue
        n = min(n + 1, len(places))
        at = n - 1
        while at > 0 and values[place] > values[places[at - 1]]:
            places[at] = places[at - 1]
            at -= 1
        places[at] = place
    return places


_PROMISING = 6


def _log_mean_exp(logs: Float64) -> Float64:
    """
    Take the logarithm of the mean of exponentials along the first axis.
    """
    peak = logs.max(axis=0)
    return np.asarray(peak + np.log(np.exp(logs - peak).mean(axis=0)))
