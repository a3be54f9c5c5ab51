"""
The tape: pulses as the procedures describe them, and what is heard of them.

Pulses are `tests.support.tones.Press`es laid out with random phases at random
samples, so that no procedure depends on how an engine cuts time into blocks.
Nothing comes from the package's own generator.
"""

import audioop
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from dtmf_engine import DEFAULT, Profile, ToneEnded, decode
from tests.support.tones import (
    KEYPAD,
    Audio,
    Press,
    Wave,
    line,
    sine,
    through_mulaw,
    to_int16,
    white_noise,
)


RATE_HZ = 8000

MITEL_KEYS = "159D"
"""The diagonal of the keypad: every one of the eight tones once."""

Channel: TypeAlias = Callable[[Wave], Audio]
"""What the line makes of a wave before the receiver hears it."""


def samples(duration_ms: float) -> int:
    """
    Give a duration as whole samples.
    """
    return round(duration_ms * RATE_HZ / 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """
    One pulse of a tape, before it has a place.
    """

    digit: str
    on_ms: float = 50.0
    off_ms: float = 50.0
    low_dbm0: float = -10.0
    high_dbm0: float = -10.0
    low_error: float = 0.0
    """Part by which the low-group tone is off: 0.015 is +1.5 %."""
    high_error: float = 0.0
    break_ms: float = 0.0
    break_at: float = 0.5
    """Place of the break's middle, as a part of the pulse."""


@dataclass(frozen=True, slots=True)
class Tape:
    """
    Audio whose truth is known.
    """

    wave: Wave
    presses: tuple[Press, ...]


def record(pulses: Iterable[Pulse], *, seed: int = 0) -> Tape:
    """
    Lay pulses out one after the other.

    A pause is exactly as long as its pulse says. What makes places random is an
    uneven beginning, and lengths that are no multiple of a block.
    """
    random = np.random.default_rng(seed)
    place = samples(150.0) + int(random.integers(0, 160))
    presses: list[Press] = []
    breaks: list[tuple[int, int]] = []
    for pulse in pulses:
        press = _placed(pulse, place, random)
        presses.append(press)
        middle = press.start_sample + round(press.n_samples * pulse.break_at)
        breaks.append((middle, samples(pulse.break_ms)))
        place = press.end_sample + samples(pulse.off_ms)
    wave = line(presses, n_samples=place + samples(150.0))
    for middle, width in breaks:
        wave[middle - width // 2 : middle - width // 2 + width] = 0.0
    return Tape(wave, tuple(presses))


def _placed(pulse: Pulse, place: int, random: np.random.Generator) -> Press:
    return Press(
        digit=pulse.digit,
        start_sample=place,
        end_sample=place + samples(pulse.on_ms),
        low_dbm0=pulse.low_dbm0,
        high_dbm0=pulse.high_dbm0,
        low_error=pulse.low_error,
        high_error=pulse.high_error,
        low_phase=random.uniform(0, 2 * np.pi),
        high_phase=random.uniform(0, 2 * np.pi),
    )


def at_any_place(pulses: Iterable[Pulse], *, seed: int = 0) -> list[Pulse]:
    """
    Lengthen each pause by up to 5 ms, so that pulses begin at any sample.
    """
    random = np.random.default_rng(seed)
    return [
        replace(pulse, off_ms=pulse.off_ms + int(random.integers(0, 41)) / 8)
        for pulse in pulses
    ]


@dataclass(frozen=True, slots=True)
class Heard:
    """
    What a receiver made of a tape.
    """

    digits: tuple[str, ...]
    """For each press, all digits reported for it: "" is a miss, "11" a split."""
    strays: int
    """Digits reported where no press was."""

    right: tuple[bool, ...]
    """For each press, whether it was reported once and as what it is."""

    @property
    def n_right(self) -> int:
        """
        How many presses were right.
        """
        return sum(self.right)

    @property
    def all_right(self) -> bool:
        """
        Whether every press was right and nothing else was reported.
        """
        return all(self.right) and self.strays == 0

    @property
    def nothing(self) -> bool:
        """
        Whether no digit at all was reported.
        """
        return not any(self.digits) and self.strays == 0


def judge(presses: Sequence[Press], events: Iterable[ToneEnded]) -> Heard:
    """
    Give each reported digit to the press it shares most time with.
    """
    starts = np.array([press.start_sample for press in presses])
    ends = np.array([press.end_sample for press in presses])
    digits = [""] * len(presses)
    strays = 0
    for event in events:
        shared = np.minimum(ends, event.end_sample)
        shared -= np.maximum(starts, event.start_sample)
        best = int(np.argmax(shared))
        if shared[best] > 0:
            digits[best] += event.digit
        else:
            strays += 1
    pairs = zip(digits, presses, strict=True)
    right = tuple(reported == press.digit for reported, press in pairs)
    return Heard(tuple(digits), strays, right)


def hear(
    pulses: Sequence[Pulse],
    channel: Channel,
    *,
    profile: Profile = DEFAULT,
    seed: int = 0,
) -> Heard:
    """
    Record pulses at any place, send them through a channel and listen.
    """
    tape = record(at_any_place(pulses, seed=seed), seed=seed)
    return judge(tape.presses, decode(channel(tape.wave), RATE_HZ, profile=profile))


def refused(
    pulses: Sequence[Pulse], channel: Channel, *, profile: Profile = DEFAULT
) -> bool:
    """
    Tell whether no pulse is reported, by a receiver that is listening.

    A plain digit follows the pulses; a receiver that is deaf to it refuses nothing.
    """
    heard = hear([*pulses, Pulse(digit="5")], channel, profile=profile)
    return heard.right[-1] and not any(heard.digits[:-1]) and heard.strays == 0


# --- sweeps -----------------------------------------------------------------------


def steps(first: float, last: float, step: float) -> list[float]:
    """
    Give all steps of a sweep, the last one with it; `step` may be negative.
    """
    n = round((last - first) / step)
    return [round(first + index * step, 6) for index in range(n + 1)]


def reach(sweep: Iterable[float], holds: Callable[[float], bool]) -> float:
    """
    Walk a sweep from its easy end for as long as something holds.

    Returns:
        The last step at which it held; NaN, which meets no bound, if it did
        not even hold at the first.
    """
    last = float("nan")
    for step in sweep:
        if not holds(step):
            break
        last = step
    return last


def shown(value: float, form: str, unit: str) -> str:
    """
    Write a measured value, or that a sweep held nowhere.
    """
    if math.isnan(value):
        return "nowhere in the sweep"
    return f"{value:{form}} {unit}".replace("-", "−")


# --- channels ---------------------------------------------------------------------


def a_law(wave: Wave) -> Audio:
    """
    Through an A-law line.
    """
    octets = audioop.lin2alaw(to_int16(wave).tobytes(), 2)
    return np.frombuffer(audioop.alaw2lin(octets, 2), dtype=np.int16)


def mu_law(wave: Wave) -> Audio:
    """
    Through a µ-law line.
    """
    return through_mulaw(to_int16(wave))


def under(*tones: tuple[float, float]) -> Channel:
    """
    Steady tones of (Hz, dBm0) under everything, through A-law.
    """

    def channel(wave: Wave) -> Audio:
        tones_only = [sine(hz, len(wave), level) for hz, level in tones]
        return a_law(wave + np.sum(tones_only, axis=0))

    return channel


def in_noise(noise_dbm0: float, *, seed: int = 0) -> Channel:
    """
    White noise over 0 to 4 kHz over everything, through A-law.
    """
    return lambda wave: a_law(wave + white_noise(len(wave), noise_dbm0, seed=seed))


def echoing(delay_ms: float, loss_db: float) -> Channel:
    """
    One echo, through µ-law.
    """

    def channel(wave: Wave) -> Audio:
        delay = samples(delay_ms)
        late = np.concatenate([np.zeros(delay), wave])[: len(wave)]
        return mu_law(wave + late * 10.0 ** (-loss_db / 20))

    return channel


def hertz_off(digit: str, *, group: int, part: float, extra_hz: float) -> float:
    """
    Give "±1.5 % + 2 Hz" as one part of a digit's frequency, signed like `part`.
    """
    frequency = KEYPAD[digit][group]
    return float(part + np.copysign(extra_hz / frequency, part))
