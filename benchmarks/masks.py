"""
Limits found by steps, as the procedure of the MITEL CM7291 test card finds them.

Tones and pauses of 50 ms, A-law, every step with fresh phases. A step passes if
exactly what was keyed is heard. Levels and ratios are per tone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks import channels, codecs, engines
from benchmarks.channels import KEYS, Entry, Random, Tone, Wave
from benchmarks.results import MaskRow


@dataclass(frozen=True)
class Mask:
    """
    One limit: what a step is, and which steps are tried.
    """

    keys: str
    steps: tuple[float, ...]
    """In the order in which they get harder."""
    tone: Callable[[float], Tone]
    add: Callable[[float, Entry, Random], Wave] | None
    value: Callable[[list[float]], float | None]
    """What the steps that passed amount to."""
    goes_on: bool = False
    """Try the steps after the first failure as well."""


def _last(passed: list[float]) -> float | None:
    return passed[-1] if passed else None


def _count(passed: list[float]) -> float | None:
    return float(len(passed)) if passed else None


def _noise(snr_db: float, entry: Entry, random: Random) -> Wave:
    level = NOISE_TONE_DBM0 - snr_db
    return channels.white_noise(len(entry.audio), level, random)


def _dial_tone(relative_db: float, entry: Entry, random: Random) -> Wave:
    level = DIAL_TONE_DBM0 + relative_db
    low, high = (
        channels.sine(len(entry.audio), hz, level, random) for hz in (350, 440)
    )
    return np.asarray(low + high)


def _steps(first: float, last: float, step: float) -> tuple[float, ...]:
    n = round((last - first) / step) + 1
    return tuple(float(first + i * step) for i in range(n))


NOISE_TONE_DBM0 = -12.0
DIAL_TONE_DBM0 = -18.0
"""Leaves 12 dB for a dial tone before four tones together reach full scale."""

MASKS: dict[str, Mask] = {
    "lowest S/N with 1000 of 1000, dB per tone": Mask(
        keys=(KEYS * 63)[:1000],
        steps=_steps(26, -8, -1),
        tone=lambda _: Tone("1", low_dbm0=NOISE_TONE_DBM0),
        add=_noise,
        value=_last,
    ),
    "dynamic range, steps of 1 dB from +3 dBm0": Mask(
        keys=KEYS,
        steps=_steps(3, -62, -1),
        tone=lambda level: Tone("1", low_dbm0=level),
        add=None,
        value=_count,
        goes_on=True,
    ),
    "dial tone 350+440 Hz, dB above DTMF": Mask(
        keys=KEYS * 4,
        steps=_steps(-20, 16, 1),
        tone=lambda _: Tone("1", low_dbm0=DIAL_TONE_DBM0),
        add=_dial_tone,
        value=_last,
    ),
    "high group louder, dB": Mask(
        keys=KEYS * 4,
        steps=_steps(0, 20, 0.5),
        tone=lambda twist: Tone("1", low_dbm0=-10 - twist, twist_db=twist),
        add=None,
        value=_last,
    ),
    "low group louder, dB": Mask(
        keys=KEYS * 4,
        steps=_steps(0, 20, 0.5),
        tone=lambda twist: Tone("1", low_dbm0=-10, twist_db=-twist),
        add=None,
        value=_last,
    ),
}


def measure(job: tuple[str, str, int]) -> MaskRow:
    """
    Find one limit of one engine.
    """
    name, engine, seed = job
    mask = MASKS[name]
    passed: list[float] = []
    for number, step in enumerate(mask.steps):
        random = np.random.default_rng([seed, list(MASKS).index(name), number])
        if _passes(mask, step, engine, random):
            passed.append(step)
        elif not mask.goes_on:
            break
    return MaskRow(measure=name, engine=engine, value=mask.value(passed))


def _passes(mask: Mask, step: float, engine: str, random: Random) -> bool:
    one = mask.tone(step)
    tones = [
        Tone(key, low_dbm0=one.low_dbm0, twist_db=one.twist_db) for key in mask.keys
    ]
    entry = channels.dial(tones, random)
    wave = entry.audio
    if mask.add is not None:
        wave = wave + mask.add(step, entry, random)
    audio = codecs.alaw(channels.to_int16(wave))
    return engines.hear(engine, audio) == entry.keys
