"""
Trials: presses of one kind, sent through what a condition does to them.

Unless a condition says otherwise a trial has tones and pauses of 50 ms at −10 dBm0
a tone, nominal frequencies, no twist, any phases, any sample to begin at, and goes
through µ-law or A-law at the end.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks import channels, codecs, voices
from benchmarks.channels import KEYS, RATE, Entry, Int16, Random, Tone, Wave
from benchmarks.corpus import noise_at, talker_at


DIGITS_PER_TRIAL = 40

Range = tuple[float, float]
Effect = Callable[[Entry, Wave, Random], Wave]
"""What a line adds: the entry as keyed, the wave so far, where to draw from."""

Errors = Callable[[Random], tuple[float, float]]
"""Draw the relative errors of the two tones of one press."""


@dataclass(frozen=True)
class Trial:
    """
    Audio with the keys in it, and which 20 ms frames the receiver knows are lost.
    """

    audio: Int16
    keys: str
    lost: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Press:
    """
    How keys are pressed: each value from a range, drawn anew for each press.
    """

    on_ms: Range = (50, 50)
    off_ms: Range = (50, 50)
    low_dbm0: float = -10.0
    twist_db: float = 0.0
    errors: Errors = lambda _: (0.0, 0.0)
    dropout_ms: float = 0.0
    keys: str = "any"
    """`any`; `other`: never the same twice in a row; `same`: one key all along."""


PRESS = Press()
"""A press of which nothing is unusual."""


def draw_keys(how: str, n: int, random: Random) -> str:
    """
    Draw keys of all sixteen.
    """
    if how == "same":
        return KEYS[int(random.integers(16))] * n
    numbers = random.integers(0, 16, n)
    if how == "other":
        # Steps of 1 to 15 round the sixteen never come back to the same key.
        numbers = np.cumsum(random.integers(1, 16, n)) % 16
    return "".join(KEYS[int(number)] for number in numbers)


def press_keys(press: Press, random: Random, n: int = DIGITS_PER_TRIAL) -> Entry:
    """
    Press keys, nothing else being on the line.
    """
    tones = []
    for key in draw_keys(press.keys, n, random):
        low_error, high_error = press.errors(random)
        tones.append(
            Tone(
                key,
                on_ms=random.uniform(*press.on_ms),
                off_ms=random.uniform(*press.off_ms),
                low_dbm0=press.low_dbm0,
                twist_db=press.twist_db,
                low_error=low_error,
                high_error=high_error,
                dropout_ms=press.dropout_ms,
                dropout_at=random.uniform(0.3, 0.7),
            )
        )
    return channels.dial(tones, random)


def finish(wave: Wave, random: Random) -> Int16:
    """
    Digitise as a telephone exchange does, by either law.
    """
    law = codecs.mulaw if random.random() < 0.5 else codecs.alaw
    return law(channels.to_int16(wave))


def trial_random(seed: int, name: str, number: int) -> Random:
    """
    Give a condition's own random numbers, whatever other conditions there are.
    """
    return np.random.default_rng([seed, zlib.crc32(name.encode()), number])


# --- effects --------------------------------------------------------------------


def noise(snr_db: float) -> Effect:
    """
    White noise at a ratio of both tones together to all of it.
    """
    return lambda entry, wave, random: wave + noise_at(entry, snr_db, random)


def clicks(per_second: float) -> Effect:
    """
    Impulses of 1 ms at 0 dBm0.
    """
    return lambda _, wave, random: (
        wave + channels.impulses(len(wave), per_second, 0.0, random)
    )


def echo(delay_ms: float, loss_db: float) -> Effect:
    """
    One echo.
    """
    return lambda _entry, wave, _random: channels.echo(wave, delay_ms, loss_db)


def tones(level_dbm0: float, *hertz: float) -> Effect:
    """
    Steady tones, each at a level: dial tone or hum.
    """

    def add(_: Entry, wave: Wave, random: Random) -> Wave:
        for hz in hertz:
            wave = wave + channels.sine(len(wave), hz, level_dbm0, random)
        return wave

    return add


def clip(by_db: float) -> Effect:
    """
    Clip to full scale what would reach `by_db` above it.
    """

    def drive(_entry: Entry, wave: Wave, _random: Random) -> Wave:
        to_full_scale = 20 * np.log10(32767 / np.max(np.abs(wave)))
        return channels.overdrive(wave, float(to_full_scale) + by_db)

    return drive


def talker(below_db: float) -> Effect:
    """
    Running speech underneath.
    """
    return lambda entry, wave, random: wave + talker_at(entry, below_db, random)


def band(below_db: float) -> Effect:
    """
    Music underneath.
    """

    def add(entry: Entry, wave: Wave, random: Random) -> Wave:
        music = voices.music()
        start = int(random.integers(0, len(music) - len(wave)))
        part = music[start : start + len(wave)].astype(np.float64)
        keyed = [
            float(np.mean(entry.audio[a:b] ** 2))
            for a, b in zip(entry.starts, entry.ends, strict=True)
        ]
        wanted = float(np.mean(keyed)) / 10 ** (below_db / 10)
        return np.asarray(wave + part * np.sqrt(wanted / (np.mean(part**2) + 1.0)))

    return add


def loss(share: float, how: str) -> Effect:
    """
    Lost 20 ms frames, concealed by the receiver.
    """
    return lambda _, wave, random: channels.conceal(
        wave, channels.lost_frames(len(wave), share, random), how
    )


def coded(*names: str) -> Effect:
    """
    Codecs, one after the other.
    """
    laws = {"mulaw": codecs.mulaw, "alaw": codecs.alaw}

    def send(_entry: Entry, wave: Wave, _random: Random) -> Wave:
        audio = channels.to_int16(wave)
        for name in names:
            law = laws.get(name)
            audio = law(audio) if law else codecs.through(audio, name)
        return audio.astype(np.float64)

    return send


# --- audio without a key --------------------------------------------------------


def hiss(level_dbm0: float, *, pink: bool = False) -> Callable[[Random], Wave]:
    """
    Half a minute of noise.
    """

    def make(random: Random) -> Wave:
        wave = channels.white_noise(30 * RATE, level_dbm0, random)
        if not pink:
            return wave
        spectrum = np.fft.rfft(wave)
        hz = np.fft.rfftfreq(len(wave), 1 / RATE)
        pinked = np.fft.irfft(spectrum / np.sqrt(np.maximum(hz, 50.0)), len(wave))
        scale = channels.rms(level_dbm0) / np.sqrt(np.mean(pinked**2))
        return np.asarray(pinked * scale)

    return make


def lone_tones(*groups: tuple[float, ...]) -> Callable[[Random], Wave]:
    """
    Bursts of 50 ms to 1 s, each of one frequency out of each group, a little off.
    """

    def make(random: Random) -> Wave:
        parts = []
        for _ in range(DIGITS_PER_TRIAL):
            n = int(random.uniform(0.05, 1.0) * RATE)
            chosen = [float(random.choice(group)) for group in groups]
            wave = np.zeros(n)
            for hz in chosen:
                off = hz * (1 + random.uniform(-0.02, 0.02))
                wave += channels.sine(n, off, random.uniform(-25, 0), random)
            parts += [wave, np.zeros(int(random.uniform(0.03, 0.2) * RATE))]
        return np.concatenate(parts)

    return make
