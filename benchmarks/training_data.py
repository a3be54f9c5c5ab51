"""
What the engine's networks learn from: looks at keys, looks at speech and music.

Keys go through channels much wider than any mask, drawn from odd seeds; those
that the agent must not hear, through channels wider still (`unheard`). Speech
and music are the first halves of the recordings; the second halves are for
`benchmarks.train` to report on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import channels, codecs, corpus, voices
from benchmarks.channels import KEYS, Int16, Random, Wave, to_int16
from dtmf_engine.arrays import Bool, Float32, Index
from dtmf_engine.detector_bank import DetectorBank, Hearing
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.keypad import TONES_HZ
from dtmf_engine.looks import LONG, N_FEATURES, SHORT, Looks
from dtmf_engine.profiles import SENSITIVE
from dtmf_engine.scoring import features
from dtmf_engine.units import power_from_dbm0, ratio_from_db


SPEEDS = (1.0, 0.80, 0.85, 0.88, 0.92, 0.96, 1.04, 1.08, 1.12, 1.16, 1.20, 1.25)


@dataclass(frozen=True)
class Examples:
    """
    Looks as networks see them, one a row.
    """

    end: Index
    """[shape=(g,)] one past the last sample of each look."""
    pair: Index
    """[shape=(g,)] the pair it saw, an index of the keypad."""
    short: Float32
    """[shape=(g, 15)]"""
    long: Float32
    """[shape=(g, 15)]"""
    short_inside: Bool
    """[shape=(g,)] whether the pair is inside the widest profile's limits."""
    long_inside: Bool


class _Collector(DetectorBank):
    """
    A detector that keeps what it looked at.
    """

    def __init__(self) -> None:
        super().__init__(1, profile=SENSITIVE)
        self.parts: list[Examples] = []

    def commit(self, hearing: Hearing) -> None:
        """
        Keep the looks of a hearing, too.
        """
        super().commit(hearing)
        looks = hearing.looks
        first_end = (int(hearing.before[0]) // HOP_SAMPLES + 1) * HOP_SAMPLES
        short, long = features(looks).astype(np.float32).swapaxes(0, 1)
        self.parts.append(
            Examples(
                first_end + looks["hop"] * HOP_SAMPLES,
                np.asarray(looks["row"] * 4 + looks["column"]),
                short,
                long,
                _inside(looks, SHORT),
                _inside(looks, LONG),
            )
        )


_TONES = np.array(TONES_HZ)


def _inside(looks: Looks, window: int) -> Bool:
    low, high = looks["power"][:, window].T
    nominal = _TONES[np.stack([looks["row"], 4 + looks["column"]], axis=1)]
    offset = np.abs(looks["offset_hz"][:, window] / nominal).max(axis=1)
    return np.asarray(
        (np.minimum(low, high) > power_from_dbm0(SENSITIVE.min_tone_dbm0))
        & (low < high * ratio_from_db(SENSITIVE.max_low_over_high_db))
        & (high < low * ratio_from_db(SENSITIVE.max_high_over_low_db))
        & (offset < SENSITIVE.max_offset_percent / 100)
    )


def examples(audio: Int16) -> Examples:
    """
    Look at audio as the engine does.
    """
    collector = _Collector()
    collector.process(audio[None, :])
    return joined(collector.parts)


def joined(parts: list[Examples]) -> Examples:
    """
    Put examples behind each other.
    """
    if not parts:
        parts = [_NONE]
    names = Examples.__dataclass_fields__
    return Examples(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))


_NO_FEATURES = np.zeros((0, N_FEATURES), dtype=np.float32)
_NO_INDEX = np.zeros(0, dtype=np.intp)
_NO_FLAGS = np.zeros(0, dtype=np.bool_)
_NONE = Examples(_NO_INDEX, _NO_INDEX, _NO_FEATURES, _NO_FEATURES, _NO_FLAGS, _NO_FLAGS)


# --- keys -----------------------------------------------------------------------


FIRST_SEEN = 104
"""
13 ms: what the early network must have seen of a key. A hop later the mask must
begin, to be there in time.
"""


def key_looks(call: corpus.Call) -> tuple[Examples, Index, Index]:
    """
    Give the looks of a call that end inside a press and saw its pair.

    Returns:
        The looks, how many samples of its press each had seen, and the number
        of its press.
    """
    seen = examples(call.audio)
    chosen: list[int] = []
    length: list[int] = []
    press: list[int] = []
    for number, (key, start, end) in enumerate(
        zip(call.keys, call.starts, call.ends, strict=True)
    ):
        inside = (seen.end <= end + 4) & (seen.end - start >= FIRST_SEEN)
        found = np.flatnonzero(inside & (seen.pair == KEYS.index(key)))
        chosen += found.tolist()
        length += (seen.end[found] - start).tolist()
        press += [number] * len(found)
    rows = np.array(chosen, dtype=np.intp)
    kept = Examples(*(getattr(seen, n)[rows] for n in Examples.__dataclass_fields__))
    return kept, np.array(length, np.intp), np.array(press, np.intp)


def wide(random: Random) -> corpus.Call:
    """
    Draw a card entry through a channel wider than any mask.
    """
    level = (-38.0, -5.0) if random.random() < 0.3 else (-25.0, -5.0)
    tones = corpus.draw_tones(
        corpus.draw_keys(16, random), random, twist=(-10, 6), error=0.0205, level=level
    )
    entry = channels.dial(tones, random)
    low = tones[0].low_dbm0
    kind = random.random()
    if kind < 0.25:
        entry = replace(
            entry, audio=channels.overdrive(entry.audio, random.uniform(3, 14))
        )
    elif kind < 0.45:
        delay = float(random.choice([5, 10, 20, 50]))
        late = channels.echo(entry.audio, delay, random.uniform(6, 14))
        entry = replace(entry, audio=late)
    bursts = random.random() < 0.16
    wave = _with_bursts(entry, low, random) if bursts else entry.audio
    if random.random() < 0.3:
        clicks = random.uniform(5, 25), low + random.uniform(-3, 12)
        wave = wave + channels.impulses(len(wave), *clicks, random)
    if not (bursts and random.random() < 0.8):
        wave = _with_noise(entry, wave, random)
    wave = _with_dial_tone(wave, low, random)
    if random.random() < 0.3 and codecs.has_ffmpeg():
        name = str(random.choice(list(codecs.FFMPEG_CODECS)))
        wave = codecs.through(to_int16(wave), name).astype(np.float64)
    return corpus.finished(entry, wave, random)


def unheard(random: Random) -> corpus.Call:
    """
    Draw a card entry that is to be kept from the agent though no standard asks
    anybody to detect it: frequencies off by 3 %, quiet, short, or talked over.
    """
    kind = random.choice(["snr", "talker", "talker", "error", "quiet", "plain"])
    level = (-45.0, -28.0) if kind == "quiet" else (-30.0, -5.0)
    tones = corpus.draw_tones(
        corpus.draw_keys(16, random),
        random,
        on=(25, 90),
        off=(50, 150),
        level=level,
        twist=(-10, 10),
        error=0.032 if kind == "error" else 0.018,
    )
    entry = channels.dial(tones, random)
    snr = random.uniform(5, 20) if kind == "snr" else random.uniform(18, 40)
    wave = entry.audio + corpus.noise_at(entry, snr, random)
    if kind == "talker":
        wave = wave + corpus.talker_at(entry, random.uniform(2, 11), random)
    if random.random() < 0.15 and codecs.has_ffmpeg():
        name = str(random.choice(["gsm", "opus-12k", "opus-24k"]))
        wave = codecs.through(to_int16(wave), name).astype(np.float64)
    if random.random() < 0.15:
        lost = channels.lost_frames(len(wave), 0.05, random)
        how = str(random.choice(["zeros", "repeat", "pitch"]))
        wave = channels.conceal(wave, lost, how)
    return corpus.finished(entry, wave, random)


def _with_bursts(entry: channels.Entry, level: float, random: Random) -> Wave:
    wave = entry.audio.copy()
    for start, end in zip(entry.starts, entry.ends, strict=True):
        n = int(random.uniform(30, 165))
        at = int(random.integers(start - 20, max(start - 19, end - n // 2)))
        n = min(n, len(wave) - at)
        wave[at : at + n] += channels.white_noise(
            n, level + random.uniform(-2, 7), random
        )
    return wave


def _with_noise(entry: channels.Entry, wave: Wave, random: Random) -> Wave:
    kind = random.random()
    if kind < 0.35:
        return wave + corpus.noise_at(entry, random.uniform(-2, 12), random)
    if kind < 0.7:
        return wave + corpus.noise_at(entry, random.uniform(12, 40), random)
    if kind < 0.85:
        return wave + corpus.talker_at(entry, random.uniform(0, 15), random)
    return wave


def _with_dial_tone(wave: Wave, level: float, random: Random) -> Wave:
    kind = random.random()
    if kind > 0.16:
        return wave
    pitches = (350.0, 440.0) if kind < 0.06 else (425.0,) if kind < 0.12 else (50.0,)
    tone_level = level + random.uniform(-10, 8)
    for hz in pitches:
        wave = wave + channels.sine(len(wave), hz, tone_level, random)
    return wave


# --- speech and music -----------------------------------------------------------


def sound(half: int, seed: int, *, quick: bool = False) -> Iterator[Int16]:
    """
    Give speech and music without keys, at many speeds, some of it disturbed.

    Args:
        half: 0 for the halves to learn from, 1 for the others.
        seed: of the disturbances.
        quick: two speeds instead of twelve.
    """
    random = np.random.default_rng(seed)
    sources = [voices.prompts(), voices.spoken(), voices.music()]
    for speed in SPEEDS[:: 6 if quick else 1]:
        for source in sources:
            middle = len(source) // 2
            part = source[middle:] if half else source[:middle]
            if not len(part):
                continue
            audio = voices.at_speed(part, speed) if speed != 1 else part
            for shift in (0, 7, 13):
                yield _disturbed(audio[shift:], random)


def _disturbed(audio: Int16, random: Random) -> Int16:
    n, kind = len(audio), random.random()
    wave = audio.astype(np.float64)
    if kind < 0.15 and n > 24_000:
        other = np.roll(wave, int(random.integers(8000, n - 8000)))
        return to_int16(0.7 * (wave + other))
    if kind < 0.25:
        pitches = (425.0,) if kind < 0.2 else (350.0, 440.0)
        for hz in pitches:
            wave = wave + channels.sine(n, hz, -20.0, random)
        return to_int16(wave)
    if kind < 0.35:
        return to_int16(
            wave + channels.white_noise(n, random.uniform(-45, -25), random)
        )
    if kind < 0.45:
        return codecs.mulaw(to_int16(wave * random.uniform(0.1, 2)))
    return audio
