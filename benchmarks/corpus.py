"""
The corpora: card entries in four mixes, single conditions, and their truth.

Everything is drawn from a seed. Odd seeds tuned the engine, even seeds report.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import channels, codecs, voices
from benchmarks.channels import (
    KEYS,
    RATE,
    Entry,
    Int16,
    Random,
    Tone,
    Wave,
    conceal,
    dial,
    lost_frames,
    to_int16,
    white_noise,
)


@dataclass(frozen=True)
class Call:
    """
    Audio with the keys in it.
    """

    audio: Int16
    keys: str
    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()


def draw_keys(n: int, random: Random) -> str:
    """
    Draw digits of a card number.
    """
    return "".join(str(d) for d in random.integers(0, 10, n))


def level_of(wave: Wave, keys: Entry) -> float:
    """
    Mean power of the presses of an entry.
    """
    power = [
        float(np.mean(wave[a:b] ** 2))
        for a, b in zip(keys.starts, keys.ends, strict=True)
    ]
    return float(np.mean(power))


def noise_at(entry: Entry, snr_db: float, random: Random) -> Wave:
    """
    White noise at a ratio of all its power to that of both tones together.
    """
    power = level_of(entry.audio, entry) / 10 ** (snr_db / 10)
    return np.asarray(random.standard_normal(len(entry.audio)) * np.sqrt(power))


def talker_at(entry: Entry, below_db: float, random: Random) -> Wave:
    """
    A talker underneath: running speech at a ratio of mean powers.
    """
    speech = voices.prompts() if len(voices.prompts()) else voices.spoken()
    n = len(entry.audio)
    for _ in range(50):
        start = int(random.integers(0, len(speech) - n))
        part = speech[start : start + n].astype(np.float64)
        power = float(np.mean(part**2))
        if power > 1e4:
            break
    wanted = level_of(entry.audio, entry) / 10 ** (below_db / 10)
    return np.asarray(part * np.sqrt(wanted / power))


# --- card entries ---------------------------------------------------------------


def draw_tones(
    keys: str,
    random: Random,
    *,
    on: tuple[float, float] = (40, 120),
    off: tuple[float, float] = (40, 120),
    level: tuple[float, float] = (-25, -5),
    twist: tuple[float, float] = (-8, 4),
    error: float = 0.015,
    dropouts: float = 0.0,
) -> list[Tone]:
    """
    Draw one channel: its level, twist and errors are those of one telephone.
    """
    low_error, high_error = random.uniform(-error, error, 2)
    tone = Tone(
        "1",
        low_dbm0=random.uniform(*level),
        twist_db=random.uniform(*twist),
        low_error=low_error,
        high_error=high_error,
    )
    return [
        replace(
            tone,
            key=key,
            on_ms=random.uniform(*on),
            off_ms=random.uniform(*off),
            dropout_ms=random.uniform(1, 10) if random.random() < dropouts else 0.0,
            dropout_at=random.uniform(0.3, 0.7),
        )
        for key in keys
    ]


def finished(entry: Entry, wave: Wave, random: Random) -> Call:
    law = codecs.mulaw if random.random() < 0.5 else codecs.alaw
    return Call(law(to_int16(wave)), entry.keys, entry.starts, entry.ends)


def in_spec(random: Random, *, dropouts: float = 0.0) -> Call:
    """
    Inside every must-accept mask: 40 to 120 ms on and off, twist −8 to +4 dB, each
    tone within ±1.5 %, S/N from 15 dB, G.711.
    """
    entry = dial(draw_tones(draw_keys(16, random), random, dropouts=dropouts), random)
    noise = noise_at(entry, random.uniform(15, 40), random)
    return finished(entry, entry.audio + noise, random)


def in_spec_dropouts(random: Random) -> Call:
    """
    The same with a dropout of up to 10 ms in a fifth of the digits.
    """
    return in_spec(random, dropouts=0.2)


def voip(random: Random) -> Call:
    """
    Over VoIP: a codec, then loss to 3 % with any concealment.
    """
    tones = draw_tones(draw_keys(16, random), random, on=(60, 120), off=(60, 120))
    entry = dial(tones, random)
    wave = entry.audio + noise_at(entry, random.uniform(20, 40), random)
    audio = to_int16(wave)
    names = codecs.FFMPEG_CODECS if codecs.has_ffmpeg() else ()
    chosen = int(random.integers(0, len(names) + 1))
    audio = (
        codecs.mulaw(audio) if chosen == len(names) else _coded(audio, names[chosen])
    )
    heard = audio.astype(np.float64)
    lost = lost_frames(len(heard), random.uniform(0, 0.03), random)
    how = str(random.choice(["zeros", "repeat", "pitch"]))
    return finished(entry, conceal(heard, lost, how), random)


def hard(random: Random) -> Call:
    """
    S/N 4 to 15 dB or a talker 0 to 12 dB below, twist −10 to +6 dB, ±2 %, loss to
    5 %.
    """
    tones = draw_tones(draw_keys(16, random), random, twist=(-10, 6), error=0.02)
    entry = dial(tones, random)
    if random.random() < 0.5:
        wave = entry.audio + noise_at(entry, random.uniform(4, 15), random)
    else:
        wave = entry.audio + talker_at(entry, random.uniform(0, 12), random)
    lost = lost_frames(len(wave), random.uniform(0, 0.05), random)
    how = str(random.choice(["zeros", "repeat", "pitch"]))
    return finished(entry, conceal(wave, lost, how), random)


def _coded(audio: Int16, codec: str) -> Int16:
    return codecs.through(audio, codec)


MIXES: dict[str, Callable[[Random], Call]] = {
    "in spec": in_spec,
    "with dropouts": in_spec_dropouts,
    "voip": voip,
    "hard": hard,
}


def draw_call(mix: str, seed: int, number: int) -> Call:
    """
    Draw one call of a mix.
    """
    return MIXES[mix](np.random.default_rng([seed, list(MIXES).index(mix), number]))


__all__ = ["KEYS", "MIXES", "RATE", "Call", "channels", "draw_call", "white_noise"]
