"""
The attacker's own table: how much of a leak it needs.

    python -m benchmarks.attacker_table [--presses 320] [--json]

Tones of 100 ms at −10 dBm0 each, random phases, both frequencies off by up to
±1.5 %, through µ-law. Part of each press leaks, at its start, its middle or its
end, into noise of a level. The attacker knows when the key was down, the levels of
the telephone's tones and the power of the noise; not where the leak is, nor phases
or frequencies. Cells are shares of digits guessed right; chance is 6.25 %.

The second table has no leak at all: backgrounds in which nothing is to be found, and
how often the attacker was certain of a digit all the same.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from scipy.signal import lfilter
from scipy.stats import beta

from benchmarks import channels, codecs, voices, workers
from benchmarks.channels import HIGH_HZ, KEYS, LOW_HZ, RATE, Random, Wave
from dtmf_engine.attacker import Knowledge, read_press
from dtmf_engine.background import Background, measure_background
from dtmf_engine.decoys import (
    CERTAIN_NATS,
    N_DECOYS,
    Baseline,
    Decoy,
    loudness,
    places_without,
)


LEAKS_MS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
NOISES_DBM0 = (-20.0, -30.0, -40.0, -50.0, None)
"""None is digital silence."""

PLACES = ("start", "middle", "end")
TONE_DBM0 = -10.0
PRESS_SAMPLES = 800
KNOWLEDGE = Knowledge(TONE_DBM0, TONE_DBM0, levels_are_known=True)


@dataclass(frozen=True)
class Cell:
    """
    One condition.
    """

    leak_ms: float
    noise_dbm0: float | None
    presses: int
    right: int
    certain_and_right: int
    certain_and_wrong: int

    @property
    def share(self) -> float:
        """
        Share guessed right.
        """
        return self.right / self.presses

    @property
    def at_least(self) -> float:
        """
        Lower bound of Clopper and Pearson for the share, wrong once in 1000 times.
        """
        if not self.right:
            return 0.0
        return float(beta.ppf(0.001, self.right, self.presses - self.right + 1))


def press(
    key: str, leak_ms: float, place: str, noise_dbm0: float | None, random: Random
) -> tuple[Wave, int]:
    """
    Make what an agent hears of a press, and tell where the key went down.
    """
    index = KEYS.index(key)
    n = np.arange(PRESS_SAMPLES)
    tone = np.zeros(PRESS_SAMPLES)
    for hz in (LOW_HZ[index // 4], HIGH_HZ[index % 4]):
        turns = hz * (1 + random.uniform(-0.015, 0.015)) * n / RATE + random.random()
        tone += channels.amplitude(TONE_DBM0) * np.sin(2 * np.pi * turns)
    start = int(random.integers(400, 560))
    wave = np.zeros(start + PRESS_SAMPLES + 800)
    leaked = round(leak_ms * RATE / 1000)
    first = {
        "start": 0,
        "middle": int(random.integers(leaked, PRESS_SAMPLES - 2 * leaked)),
        "end": PRESS_SAMPLES - leaked,
    }[place]
    part = slice(first, first + leaked)
    wave[start : start + PRESS_SAMPLES][part] = tone[part]
    if noise_dbm0 is not None:
        wave += channels.white_noise(len(wave), noise_dbm0, random)
    heard = codecs.mulaw(channels.to_int16(wave))
    return heard.astype(np.float64), start


def measure(job: tuple[float, float | None, int, int]) -> Cell:
    """
    Measure one condition: leak, noise, how many presses, seed.
    """
    leak_ms, noise_dbm0, n_presses, seed = job
    random = np.random.default_rng([seed, round(100 * leak_ms)])
    power = 0.0 if noise_dbm0 is None else channels.rms(noise_dbm0) ** 2
    right = sure = wrong = 0
    for number in range(n_presses):
        key = KEYS[number % len(KEYS)]
        place = PLACES[number // len(KEYS) % len(PLACES)]
        audio, start = press(key, leak_ms, place, noise_dbm0, random)
        end = start + PRESS_SAMPLES
        reading = read_press(audio, start, end, power, knowledge=KNOWLEDGE)
        is_right = reading.guess == key
        is_certain = reading.margin >= CERTAIN_NATS
        right += is_right
        sure += is_right and is_certain
        wrong += is_certain and not is_right
    return Cell(leak_ms, noise_dbm0, n_presses, right, sure, wrong)


# --- nothing to be found ------------------------------------------------------------


@dataclass(frozen=True)
class Quiet:
    """
    One background without any leak.
    """

    background: str
    presses: int
    right: int
    certain: int


def _backgrounds(random: Random) -> Iterator[tuple[str, Wave]]:
    """
    Give half a minute of each background.
    """
    n = 30 * RATE
    white = channels.white_noise(n, -40.0, random)
    yield "white noise, −40 dBm0", white
    yield "noise falling by 6 dB an octave", _filtered(white, [1.0, -0.95])
    yield "noise with a resonance at 1336 Hz", _resonance(white, 1336.0)
    yield "white noise and mains hum, −20 dBm0", white + _hum(n, random)
    yield "vowels, 120 Hz", _vowels(n, random)
    for name, audio in (
        ("human prompts", voices.prompts()),
        ("music on hold", voices.music()),
    ):
        if len(audio) >= n:
            first = int(random.integers(0, len(audio) - n + 1))
            yield name, audio[first : first + n].astype(np.float64)


def _filtered(wave: Wave, poles: list[float]) -> Wave:
    heard = np.asarray(lfilter(np.ones(1), np.array(poles), wave))
    return np.asarray(heard * np.sqrt(np.mean(wave**2) / np.mean(heard**2)))


def _resonance(wave: Wave, hz: float) -> Wave:
    turn = 2 * np.cos(2 * np.pi * hz / RATE)
    return _filtered(wave, [1.0, -0.9 * turn, 0.81])


def _hum(n: int, random: Random) -> Wave:
    return sum(
        (channels.sine(n, hz, level, random) for hz, level in ((50, -20), (150, -30))),
        np.zeros(n),
    )


def _vowels(n: int, random: Random) -> Wave:
    """
    Make a gliding pitch with all its harmonics, louder and softer by turns.
    """
    time = np.arange(n) / RATE
    glide = 120 * (1 + 0.1 * np.sin(2 * np.pi * 1.7 * time))
    phase = 2 * np.pi * np.cumsum(glide) / RATE
    wave = np.zeros(n)
    for harmonic in range(1, 26):
        wave += np.sin(harmonic * phase + random.uniform(0, 2 * np.pi)) / harmonic
    wave *= channels.rms(-18.0) * (0.6 + 0.4 * np.sin(2 * np.pi * 3.1 * time))
    return np.asarray(wave + channels.white_noise(n, -45.0, random))


def measure_quiet(n_presses: int, seed: int) -> list[Quiet]:
    """
    Attack presses that left no trace, as `audit` does: with decoys elsewhere.
    """
    random = np.random.default_rng([seed, 1])
    rows = []
    for name, audio in _backgrounds(random):
        heard = codecs.mulaw(channels.to_int16(audio)).astype(np.float64)
        background = measure_background(heard)
        knowledge = Knowledge(
            TONE_DBM0, TONE_DBM0, colour=background.colour, levels_are_known=True
        )
        baseline = _baseline(heard, background, knowledge)
        last = len(heard) - PRESS_SAMPLES - 800
        right = certain = 0
        for start in random.integers(400, last, n_presses):
            place = (int(start), int(start) + PRESS_SAMPLES)
            reading = read_press(heard, *place, background.power, knowledge=knowledge)
            power = loudness(heard, *place)
            certain += reading.margin >= baseline.certain_nats(power)
            # Nothing was keyed: any key is as true as any other.
            right += baseline.guess(reading, power) == KEYS[random.integers(len(KEYS))]
        rows.append(Quiet(name, n_presses, right, certain))
    return rows


def _baseline(audio: Wave, background: Background, knowledge: Knowledge) -> Baseline:
    decoys = []
    for start in places_without([], len(audio), PRESS_SAMPLES)[:N_DECOYS]:
        end = start + PRESS_SAMPLES
        reading = read_press(audio, start, end, background.power, knowledge=knowledge)
        decoys.append(Decoy(loudness(audio, start, end), reading))
    return Baseline(decoys, background.power)


# --- tables -------------------------------------------------------------------------


def tables(cells: list[Cell], quiet: list[Quiet]) -> str:
    """
    Give both tables in Markdown.
    """
    by_place = {(cell.leak_ms, cell.noise_dbm0): cell for cell in cells}
    head = [f"{leak:g} ms" for leak in LEAKS_MS]
    lines = [f"| noise | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    for noise in NOISES_DBM0:
        name = "µ-law silence" if noise is None else f"{noise:.0f} dBm0"
        row = [_percent(by_place[leak, noise]) for leak in LEAKS_MS]
        lines.append(f"| {name} | {' | '.join(row)} |")
    lines += ["", "In brackets: certain, and right. Certain and wrong: "]
    lines[-1] += f"{sum(cell.certain_and_wrong for cell in cells)} of "
    lines[-1] += f"{sum(cell.presses for cell in cells)}."
    lines += [
        "",
        "| no leak at all | presses | right % | certain |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row.background} | {row.presses} | {100 * row.right / row.presses:.1f} "
        f"| {row.certain} |"
        for row in quiet
    ]
    return "\n".join(lines)


def _percent(cell: Cell) -> str:
    share, certain = (
        f"{100 * part / cell.presses:.0f}"
        for part in (cell.right, cell.certain_and_right)
    )
    return f"{share} ({certain})"


def main() -> None:
    """
    Print the tables, or everything as JSON.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=320, help="per cell")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    jobs = [
        (leak, noise, asked.presses, asked.seed)
        for noise in NOISES_DBM0
        for leak in LEAKS_MS
    ]
    cells = [measure(job) for job in jobs]
    quiet = measure_quiet(asked.presses, asked.seed)
    if asked.json:
        found = {
            "cells": [asdict(cell) for cell in cells],
            "quiet": [asdict(row) for row in quiet],
        }
        print(json.dumps(found))
    else:
        print(tables(cells, quiet))
    if voices.prompts().size == 0:
        workers.note("note: prompts: not installed, no human speech in the table")


if __name__ == "__main__":
    main()
