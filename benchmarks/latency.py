"""
Latency: from the first sample of a tone to the call that says which digit it is.

Counted in audio, not in computing time: how much had to be heard. Tones of 100 ms
at −10 dBm0, noise at −50 dBm0. Twenty of them, 207 ms apart, begin at every
millisecond of a frame in turn: where in its frame a tone begins decides most of what
is measured, and is not left to luck.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks import engines
from benchmarks.channels import (
    KEYS,
    RATE,
    Entry,
    Int16,
    Tone,
    dial,
    to_int16,
    white_noise,
)
from benchmarks.codecs import mulaw
from benchmarks.peers import SpandspStream
from benchmarks.results import LatencyRow
from dtmf_engine import Detector, DigitDetected


FEEDS_MS = (20, 1)
"""A frame of the network, and as good as sample by sample."""

PRESSES = {"quick": 50, "usual": 600, "full": 4000}
SLOW_PEER_PRESSES = {"quick": 8, "usual": 60, "full": 400}

ENTRY_PRESSES = 20
PAUSE_MS = 107
LATEST_MS = 180
"""What is said later belongs to no press: a tone and most of a pause."""


def entries(presses: int, seed: int) -> Iterator[tuple[Int16, Entry]]:
    """
    Give entries of twenty presses, with their truth.
    """
    for number in range(-(-presses // ENTRY_PRESSES)):
        random = np.random.default_rng([seed, 77, number])
        tones = [
            Tone(KEYS[i], on_ms=100, off_ms=PAUSE_MS, low_dbm0=-10)
            for i in random.integers(0, 16, ENTRY_PRESSES)
        ]
        entry = dial(tones, random)
        wave = entry.audio + white_noise(len(entry.audio), -50, random)
        yield mulaw(to_int16(wave)), entry


def reports(engine: str, audio: Int16, chunk: int) -> list[tuple[str, int]]:
    """
    Feed a stream in chunks; give each digit and how many samples had been fed.
    """
    told: list[tuple[str, int]] = []
    detector = Detector(RATE, profile=engine) if engine in engines.PROFILES else None
    stream = None if detector else SpandspStream()
    for start in range(0, len(audio), chunk):
        part = audio[start : start + chunk]
        fed = start + len(part)
        if detector is not None:
            told += [
                (event.digit, fed)
                for event in detector.process(part)
                if isinstance(event, DigitDetected)
            ]
        elif stream is not None:
            told += [(digit, fed) for digit in stream.process(part)]
    if stream is not None:
        stream.close()
    return told


def delays(entry: Entry, told: list[tuple[str, int]]) -> list[float | None]:
    """
    Give each press's delay in ms; nothing for one that was not reported.
    """
    latest = LATEST_MS * RATE // 1000
    found: list[float | None] = []
    for key, start in zip(entry.keys, entry.starts, strict=True):
        after = [
            fed - start
            for digit, fed in told
            if digit == key and 0 < fed - start < latest
        ]
        found.append(min(after) * 1000 / RATE if after else None)
    return found


def by_prefix(engine: str, audio: Int16, entry: Entry) -> list[float | None]:
    """
    Give the delays of a program that reads files: the shortest beginning of a file
    with one press in it that is enough, to 1 ms.
    """
    found: list[float | None] = []
    for key, start in zip(entry.keys, entry.starts, strict=True):
        # Any number of samples before the tone, as programs cut files into blocks;
        # less than the shortest pause, or the press before would be heard again.
        onset = min(start, 400 + start % 300)
        part = audio[start - onset : start + LATEST_MS * 8]
        too_short, enough = onset // 8, len(part) // 8
        if key not in engines.hear(engine, part):
            found.append(None)
            continue
        while enough - too_short > 1:
            middle = (enough + too_short) // 2
            if key in engines.hear(engine, part[: middle * 8]):
                enough = middle
            else:
                too_short = middle
        found.append(enough - onset / 8)
    return found


def measure(engine: str, size: str, seed: int) -> list[LatencyRow]:
    """
    Measure an engine at each feed.
    """
    rows = []
    if engine in engines.SLOW_PEERS:
        fine: list[float | None] = []
        coarse: list[float | None] = []
        for audio, entry in entries(SLOW_PEER_PRESSES[size], seed):
            once = by_prefix(engine, audio, entry)
            fine += once
            coarse += [
                _at_frame(ms, start)
                for ms, start in zip(once, entry.starts, strict=True)
            ]
        return [_row(engine, 20, coarse), _row(engine, 1, fine)]
    for feed_ms in FEEDS_MS:
        all_delays = [
            delay
            for audio, entry in entries(PRESSES[size], seed)
            for delay in delays(entry, reports(engine, audio, feed_ms * RATE // 1000))
        ]
        rows.append(_row(engine, feed_ms, all_delays))
    return rows


def _at_frame(ms: float | None, start: int) -> float | None:
    """
    Put a delay off to the end of the 20 ms frame in which it would be known.
    """
    if ms is None:
        return None
    known = start + ms * RATE / 1000
    return float(-(-known // 160) * 160 - start) * 1000 / RATE


def _row(engine: str, feed_ms: int, found: list[float | None]) -> LatencyRow:
    ms = np.array([delay for delay in found if delay is not None] or [np.nan])
    low, median, p95, p99, high = np.percentile(ms, [0, 50, 95, 99, 100])
    return LatencyRow(
        engine=engine,
        feed_ms=feed_ms,
        presses=len(found),
        missed=sum(delay is None for delay in found),
        min_ms=round(float(low), 2),
        median_ms=round(float(median), 2),
        p95_ms=round(float(p95), 2),
        p99_ms=round(float(p99), 2),
        max_ms=round(float(high), 2),
    )
