"""
Telephone channels: what happens to a tone between a key and a detector.

Everything here is NumPy and public-domain arithmetic of our own, independent of
`dtmf_engine.generator`, so that the engine is not judged by its own tone maker.
Waves are float64 in 16-bit units.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt


RATE = 8000
LOW_HZ = (697.0, 770.0, 852.0, 941.0)
HIGH_HZ = (1209.0, 1336.0, 1477.0, 1633.0)
KEYS = "123A456B789C*0#D"

Wave = npt.NDArray[np.float64]
Int16 = npt.NDArray[np.int16]
Random = np.random.Generator


def amplitude(level_dbm0: float) -> float:
    """
    Peak amplitude of a sine of a level; full scale is +3.14 dBm0 (G.711).
    """
    return float(32768 * 10 ** ((level_dbm0 - 3.14) / 20))


def rms(level_dbm0: float) -> float:
    """
    RMS of any signal of a level.
    """
    return amplitude(level_dbm0) / 2**0.5


@dataclass(frozen=True)
class Tone:
    """
    One press as the telephone sends it.
    """

    key: str
    on_ms: float = 50.0
    off_ms: float = 50.0
    low_dbm0: float = -10.0
    twist_db: float = 0.0
    low_error: float = 0.0
    high_error: float = 0.0
    dropout_ms: float = 0.0
    dropout_at: float = 0.5
    """Place of a dropout's middle, as a part of the tone."""


@dataclass(frozen=True)
class Entry:
    """
    A run of presses as audio, with its truth.
    """

    audio: Wave
    keys: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]


def dial(tones: list[Tone], random: Random, lead_ms: float = 120.0) -> Entry:
    """
    Make the audio of presses, each with random phases, at any sample.
    """
    pieces = [np.zeros(int(lead_ms * RATE / 1000 + random.integers(0, 160)))]
    starts, ends = [], []
    place = len(pieces[0])
    for tone in tones:
        index = KEYS.index(tone.key)
        n = np.arange(round(tone.on_ms * RATE / 1000))
        low = amplitude(tone.low_dbm0)
        high = amplitude(tone.low_dbm0 + tone.twist_db)
        f_low = LOW_HZ[index // 4] * (1 + tone.low_error)
        f_high = HIGH_HZ[index % 4] * (1 + tone.high_error)
        wave = low * np.sin(2 * np.pi * (f_low * n / RATE + random.random()))
        wave += high * np.sin(2 * np.pi * (f_high * n / RATE + random.random()))
        if tone.dropout_ms:
            width = round(tone.dropout_ms * RATE / 1000)
            start = round(len(n) * tone.dropout_at - width / 2)
            wave[max(0, start) : max(0, start) + width] = 0.0
        pause = np.zeros(round(tone.off_ms * RATE / 1000))
        starts.append(place)
        ends.append(place + len(n))
        pieces += [wave, pause]
        place += len(n) + len(pause)
    pieces.append(np.zeros(1200))
    keys = "".join(tone.key for tone in tones)
    return Entry(np.concatenate(pieces), keys, tuple(starts), tuple(ends))


def with_audio(entry: Entry, audio: Wave) -> Entry:
    """
    The same presses, heard through something.
    """
    return replace(entry, audio=audio)


def to_int16(wave: Wave) -> Int16:
    """
    Round and clip.
    """
    return np.clip(np.rint(wave), -32768, 32767).astype(np.int16)


def white_noise(n: int, level_dbm0: float, random: Random) -> Wave:
    """
    Gaussian noise of a level over 4 kHz.
    """
    return random.standard_normal(n) * rms(level_dbm0)


def sine(n: int, hz: float, level_dbm0: float, random: Random) -> Wave:
    """
    A steady tone.
    """
    turns = hz * np.arange(n) / RATE + random.random()
    return np.asarray(amplitude(level_dbm0) * np.sin(2 * np.pi * turns))


def impulses(n: int, per_second: float, level_dbm0: float, random: Random) -> Wave:
    """
    Clicks of 1 ms, as lightning and relays make them, at random times.
    """
    wave = np.zeros(n)
    for _ in range(random.poisson(per_second * n / RATE)):
        start = int(random.integers(0, max(1, n - 8)))
        wave[start : start + 8] += amplitude(level_dbm0) * random.choice([-1.0, 1.0])
    return wave


def echo(wave: Wave, delay_ms: float, loss_db: float) -> Wave:
    """
    Add an echo.
    """
    delay = round(delay_ms * RATE / 1000)
    late = np.concatenate([np.zeros(delay), wave])[: len(wave)]
    return np.asarray(wave + late * 10 ** (-loss_db / 20))


def overdrive(wave: Wave, gain_db: float) -> Wave:
    """
    Amplify beyond full scale and clip.
    """
    return np.clip(wave * 10 ** (gain_db / 20), -32768.0, 32767.0)


LOSS_FRAME = 160


def lost_frames(n: int, share: float, random: Random) -> npt.NDArray[np.bool_]:
    """
    Draw which 20 ms frames are lost, independently.
    """
    return np.asarray(random.random(-(-n // LOSS_FRAME)) < share)


def conceal(wave: Wave, lost: npt.NDArray[np.bool_], how: str) -> Wave:
    """
    Conceal lost frames as receivers do.

    Args:
        wave: what was sent.
        lost: which frames never came.
        how: `zeros`; `repeat` the last frame; or `pitch`: continue the last
            20 ms at the lag that repeats it best, fading (G.711 appendix I).
    """
    out = wave.copy()
    for index in np.flatnonzero(lost):
        start = int(index) * LOSS_FRAME
        stop = min(len(out), start + LOSS_FRAME)
        n = stop - start
        if how == "zeros" or start < 2 * LOSS_FRAME:
            out[start:stop] = 0.0
        elif how == "repeat":
            out[start:stop] = out[start - LOSS_FRAME : start - LOSS_FRAME + n]
        else:
            out[start:stop] = _pitch_fill(out[:start], n)
    return out


def _pitch_fill(before: Wave, n: int) -> Wave:
    recent = before[-160:]
    best_lag, best = 40, -np.inf
    for lag in range(40, 121):
        earlier = before[-160 - lag : -lag]
        energy = float(earlier @ earlier) + 1.0
        score = float(recent @ earlier) / np.sqrt(energy)
        if score > best:
            best_lag, best = lag, score
    cycle = before[-best_lag:]
    filled = np.tile(cycle, n // best_lag + 1)[:n]
    fade = np.linspace(1.0, 0.8, n)
    return np.asarray(filled * fade)
