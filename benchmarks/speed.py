"""
Speed: an hour in one call, and the 20 ms tick of many legs, beside libspandsp.

Contenders take turns in one process on the same audio, so that a slow moment of
the machine meets all of them; the figure is the median of the rounds.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from benchmarks import voices
from benchmarks.channels import (
    KEYS,
    RATE,
    Int16,
    Random,
    Tone,
    dial,
    to_int16,
    white_noise,
)
from benchmarks.engines import SPANDSP, installed_peers
from benchmarks.peers import SpandspStream
from benchmarks.results import SpeedRow
from dtmf_engine import LegBank, decode


FRAME = 160
ROUNDS = 5
TICKS = {1: 400, 10: 250, 100: 150, 1000: 50}
"""Ticks a round, by number of legs."""

KEYING_LEGS = (1, 10, 100)
"""Numbers of legs that are measured with every leg keying as well."""

TONE_EVERY = 10
"""Of the legs of a mixed bank, one in so many has a caller keying."""

DETECTION = "detection"
MASKING = "detection + masking"
FLOOR = "floor of numpy"
"""
The least that a detector in numpy could do with every block of 10 ms: samples made
floats, one product with eight tones, the block's energy. It decides nothing.
"""

MIXED = "speech, 1 leg in 10 keying"
KEYING = "every leg keying"

Tick = Callable[[int], object]
"""Work off one tick of all legs."""


@dataclass(frozen=True)
class Timing:
    """
    Of one contender: the median round's mean tick, and the slowest ticks.
    """

    mean_s: float
    p99_s: float


def detector_bank(n_legs: int) -> Callable[[Int16], object] | None:
    """
    Give the engine's bank that detects and does not mask, where there is one.
    """
    try:
        module = importlib.import_module("dtmf_engine.detector_bank")
    except ImportError:
        return None
    process: Callable[[Int16], object] = module.DetectorBank(n_legs).process
    return process


def missing() -> list[str]:
    """
    Say what cannot be compared, a line each.
    """
    if detector_bank(1) is None:
        return ["dtmf_engine.detector_bank: absent, detection alone is not timed"]
    return []


# --- audio ----------------------------------------------------------------------


def _speech() -> Int16:
    for source in (voices.prompts, voices.spoken):
        if len(source()):
            return source()
    # Better than nothing: noise, in syllables.
    random = np.random.default_rng(0)
    n = 600 * RATE
    wave = white_noise(n, -20, random) * (np.sin(np.arange(n) * np.pi / 2000) > 0)
    return to_int16(np.asarray(wave))


def _keying(n: int, random: Random) -> Int16:
    tones = [
        Tone(KEYS[i], on_ms=100, off_ms=100, low_dbm0=-12)
        for i in random.integers(0, 16, n // 1600 + 2)
    ]
    wave = dial(tones, random, lead_ms=random.uniform(0, 180)).audio
    # Without its silent beginning: a leg's first tick may be anywhere in a tone.
    wave = wave[:n] if len(wave) >= n else np.pad(wave, (0, n - len(wave)))
    return to_int16(wave + white_noise(n, -55, random))


def frames(n_legs: int, n_ticks: int, audio: str, seed: int = 2) -> Int16:
    """
    Give [tick, leg, 160] of audio.
    """
    random = np.random.default_rng([seed, n_legs])
    speech, n = _speech(), n_ticks * FRAME
    legs = []
    for leg in range(n_legs):
        if audio == KEYING or leg % TONE_EVERY == TONE_EVERY // 2:
            legs.append(_keying(n, random))
        else:
            start = int(random.integers(0, len(speech) - n))
            legs.append(speech[start : start + n])
    stacked = np.stack(legs).reshape(n_legs, n_ticks, FRAME)
    return np.ascontiguousarray(stacked.transpose(1, 0, 2))


def hour(seed: int = 2) -> Int16:
    """
    Give an hour of speech in which a card number is keyed every five minutes.
    """
    random = np.random.default_rng(seed)
    speech = _speech()
    audio = np.tile(speech, 3600 * RATE // len(speech) + 1)[: 3600 * RATE].copy()
    for start in range(150 * RATE, len(audio), 300 * RATE):
        card = _keying(16 * 1600, random)
        audio[start : start + len(card)] = card
    return audio


# --- contenders -----------------------------------------------------------------


def floor(audio: Int16) -> object:
    """
    Do the least; see `FLOOR`.

    Args:
        audio: [shape=(m, n)] int16, n whole blocks of 80.
    """
    flat = audio.reshape(-1, _BLOCK)
    powers = []
    for start in range(0, len(flat), _FLOOR_BLOCKS):
        samples = flat[start : start + _FLOOR_BLOCKS].astype(np.float32)
        powers.append((samples @ _TONES, np.einsum("ij,ij->i", samples, samples)))
    return powers


_BLOCK = 80
_FLOOR_BLOCKS = 2048
_TONES = np.random.default_rng(0).standard_normal((_BLOCK, 16)).astype(np.float32)


def spandsp_tick(audio: Int16) -> Tick:
    """
    One persistent state a leg, called in a Python loop. The digits are not fetched,
    which would be a second call a leg: the comparison favours libspandsp there.
    """
    streams = [SpandspStream() for _ in range(audio.shape[1])]
    receive = streams[0].receive
    base = audio.ctypes.data
    step = FRAME * audio.itemsize
    legs = [(stream.state, number * step) for number, stream in enumerate(streams)]
    row = step * len(legs)

    def tick(number: int) -> None:
        start = base + number * row
        for state, offset in legs:
            receive(state, start + offset, FRAME)

    return tick


def contenders(audio: Int16) -> dict[str, Tick]:
    """
    Give a tick for each contender that can run here.
    """
    n_legs = audio.shape[1]
    masking = LegBank(n_legs).process
    found: dict[str, Tick] = {MASKING: lambda number: masking(audio[number])}
    found[FLOOR] = lambda number: floor(audio[number])
    detecting = detector_bank(n_legs)
    if detecting is not None:
        detect = detecting
        found[DETECTION] = lambda number: detect(audio[number])
    if SPANDSP in installed_peers():
        found[SPANDSP] = spandsp_tick(audio)
    return found


def time_ticks(ticks: dict[str, Tick], n_ticks: int) -> dict[str, Timing]:
    """
    Let contenders take turns, after one round that does not count.
    """
    means: dict[str, list[float]] = {name: [] for name in ticks}
    single: dict[str, list[float]] = {name: [] for name in ticks}
    for turn in range(ROUNDS + 1):
        for name, tick in ticks.items():
            took = []
            for number in range(n_ticks):
                before = perf_counter()
                tick(number)
                took.append(perf_counter() - before)
            if turn:
                means[name].append(float(np.mean(took)))
                single[name] += took
    return {
        name: Timing(float(np.median(means[name])), float(np.percentile(all_, 99)))
        for name, all_ in single.items()
    }


def measure_ticks(n_legs: int, audio: str) -> list[SpeedRow]:
    """
    Measure the tick of a number of legs.
    """
    heard = frames(n_legs, TICKS[n_legs], audio)
    timings = time_ticks(contenders(heard), TICKS[n_legs])
    return [
        SpeedRow(
            work="tick",
            engine=name,
            legs=n_legs,
            audio=audio if n_legs > 1 or audio == KEYING else "speech",
            us=round(timing.mean_s * 1e6 / n_legs, 3),
            p99_us=round(timing.p99_s * 1e6, 1),
            ratio=_ratio(timing.mean_s, timings),
        )
        for name, timing in timings.items()
    ]


def measure_hour() -> list[SpeedRow]:
    """
    Measure an hour of audio in one call.
    """
    audio = hour()
    ticks: dict[str, Tick] = {
        DETECTION: lambda _: decode(audio),
        FLOOR: lambda _: floor(audio),
    }
    if SPANDSP in installed_peers():
        stream = SpandspStream()
        address, n = audio.ctypes.data, len(audio)
        ticks[SPANDSP] = lambda _: stream.receive(stream.state, address, n)
    timings = time_ticks(ticks, 1)
    return [
        SpeedRow(
            work="hour",
            engine=name,
            legs=1,
            audio="speech, 12 card numbers",
            us=round(timing.mean_s * 1e6),
            p99_us=None,
            ratio=_ratio(timing.mean_s, timings),
        )
        for name, timing in timings.items()
    ]


def _ratio(mean_s: float, timings: dict[str, Timing]) -> float | None:
    if SPANDSP not in timings:
        return None
    return round(mean_s / timings[SPANDSP].mean_s, 3)
