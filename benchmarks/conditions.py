"""
The conditions: what must be accepted, what must be rejected, what lies between.

Each has an id that never changes its meaning. `draw` makes its trials from a seed:
odd seeds are for tuning, even ones report.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from benchmarks import codecs, needs, trials
from benchmarks.channels import HIGH_HZ, LOW_HZ, Random, Wave, lost_frames
from benchmarks.trials import Effect, Errors, Press, Trial, trial_random


class Must(StrEnum):
    """
    What is asked of a detector under a condition.
    """

    ACCEPT = "accept"
    REJECT = "reject"
    BETWEEN = "between"
    """Nothing is asked: neither a standard nor the target says what is right."""


@dataclass(frozen=True)
class Condition:
    """
    One condition and how to make its trials.
    """

    id: str
    group: str
    must: Must
    press: Press = trials.PRESS
    effects: tuple[Effect, ...] = ()
    keyless: Callable[[Random], Wave] | None = None
    """Audio in which no key is pressed, in place of presses."""
    lost_share: float = 0.0
    """Frames lost whose loss the detector is told of instead of concealing it."""
    needs: str = ""
    """What must be installed: `ffmpeg`, `voices`, `music`, or nothing."""

    def draw(self, seed: int, number: int) -> Trial:
        """
        Make one trial.
        """
        random = trial_random(seed, self.id, number)
        if self.keyless is not None:
            return Trial(trials.finish(self.keyless(random), random), "")
        entry = trials.press_keys(self.press, random)
        wave = entry.audio
        for effect in self.effects:
            wave = effect(entry, wave, random)
        audio = trials.finish(wave, random)
        if not self.lost_share:
            return Trial(audio, entry.keys)
        return Trial(
            audio, entry.keys, lost_frames(len(audio), self.lost_share, random)
        )


def missing(condition: Condition) -> str:
    """
    Say why a condition cannot be made here; nothing if it can.
    """
    return needs.missing(condition.needs)


def _steps(
    group: str,
    must: Must,
    values: tuple[float, ...],
    press: Callable[[float], Press] = lambda _: trials.PRESS,
    effect: Callable[[float], Effect] | None = None,
    needs: str = "",
) -> Iterator[Condition]:
    """
    Give a condition for each value of one thing.
    """
    for value in values:
        effects = () if effect is None else (effect(value),)
        yield Condition(
            f"{group} {value:g}", group, must, press(value), effects, needs=needs
        )


# --- what the telephone does ----------------------------------------------------


def _levels() -> Iterator[Condition]:
    def press(level: float) -> Press:
        return Press(low_dbm0=level)

    yield from _steps("level dBm0", Must.ACCEPT, (0, -10, -20, -30, -40, -45), press)
    yield from _steps("level dBm0", Must.BETWEEN, (3, -47, -49, -51), press)


def _twists() -> Iterator[Condition]:
    def press(twist: float) -> Press:
        return Press(twist_db=twist)

    yield from _steps("twist dB", Must.ACCEPT, (-10, -8, -4, 4, 6), press)
    yield from _steps("twist dB", Must.BETWEEN, (-14, -12, -11, 7, 8, 10), press)


def _fixed(low: float, high: float) -> Errors:
    return lambda _: (low / 100, high / 100)


def _corners(percent: float) -> Errors:
    """
    Any combination of two tones at either edge or inside.
    """

    def draw(random: Random) -> tuple[float, float]:
        low, high = random.choice([-1.0, 0.0, 1.0], 2) * percent / 100
        return float(low), float(high)

    return draw


def _frequencies() -> Iterator[Condition]:
    group = "frequency %"

    def of(must: Must, low: float, high: float, press: Press) -> Condition:
        return Condition(f"{group} {low:+g} {high:+g}", group, must, press)

    for percent, must in (
        *((1.0, Must.ACCEPT), (1.5, Must.ACCEPT), (1.75, Must.ACCEPT)),
        *((2.0, Must.BETWEEN), (2.5, Must.BETWEEN), (3.0, Must.BETWEEN)),
        *((3.5, Must.REJECT), (4.0, Must.REJECT), (5.0, Must.REJECT)),
    ):
        on = (50.0, 100.0) if must is Must.REJECT else (50.0, 50.0)
        for low, high in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
            a, b = low * percent, high * percent
            yield of(must, a, b, Press(on_ms=on, errors=_fixed(a, b)))
        if must is Must.BETWEEN:
            continue
        for low, high in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            a, b = low * percent, high * percent
            yield of(must, a, b, Press(on_ms=on, errors=_fixed(a, b)))
    any_of = Press(errors=_corners(1.75))
    yield Condition(f"{group} any of 1.75", group, Must.ACCEPT, any_of)


def _times() -> Iterator[Condition]:
    def tone(on: float) -> Press:
        return Press(on_ms=(on, on))

    def short(on: float) -> Press:
        return Press(on_ms=(on, on), off_ms=(50, 100))

    def pause(off: float) -> Press:
        return Press(off_ms=(off, off), keys="other")

    def same(off: float) -> Press:
        return Press(off_ms=(off, off), keys="same")

    yield from _steps("tone ms", Must.ACCEPT, (40, 45, 60, 100, 500), tone)
    yield from _steps("tone ms", Must.BETWEEN, (22, 24, 26, 28, 30, 34, 38), tone)
    yield from _steps("tone ms", Must.REJECT, (10, 15, 18, 19), short)
    yield from _steps("pause ms", Must.ACCEPT, (20, 25, 30, 40, 100), pause)
    yield from _steps("pause ms", Must.BETWEEN, (5, 10, 15), pause)
    yield from _steps("same key, pause ms", Must.ACCEPT, (30, 35, 40, 100), same)
    yield from _steps("same key, pause ms", Must.BETWEEN, (15, 20, 25), same)
    brief = Press(on_ms=(40, 40), off_ms=(20, 20), keys="other")
    yield Condition("tone ms 40, pause 20", "tone ms", Must.ACCEPT, brief)
    brief = Press(on_ms=(40, 40), off_ms=(40, 40))
    yield Condition("tone ms 40, pause 40", "tone ms", Must.ACCEPT, brief)


# --- what the line does ---------------------------------------------------------


def _noises() -> Iterator[Condition]:
    def quieter(_: float) -> Press:
        return Press(low_dbm0=-12)

    group = "S/N dB, both tones"
    yield from _steps(group, Must.ACCEPT, (20, 15, 10, 8, 6, 5), effect=trials.noise)
    yield from _steps(group, Must.BETWEEN, (4, 3, 1, -1, -3), effect=trials.noise)
    group = "impulses a second"
    yield from _steps(group, Must.ACCEPT, (5, 10, 20), quieter, trials.clicks)
    yield from _steps(group, Must.BETWEEN, (40,), quieter, trials.clicks)


def _echoes() -> Iterator[Condition]:
    group = "echo"
    for loss in (10, 6):
        for delay in (5, 10, 20, 30, 50):
            # An echo as long as the pause fills it: the same key twice would be
            # one tone that falls by 6 dB, so keys differ there.
            keys = "any" if delay <= 20 else "other"
            effects = (trials.echo(delay, loss),)
            name = f"echo {delay} ms -{loss} dB"
            yield Condition(name, group, Must.ACCEPT, Press(keys=keys), effects)
    slow = Press(on_ms=(80, 80), off_ms=(80, 80))
    effects = (trials.echo(50, 6),)
    yield Condition("echo 50 ms -6 dB, 80/80", group, Must.ACCEPT, slow, effects)
    any_key = Press()
    yield Condition("echo 50 ms -6 dB, any", group, Must.BETWEEN, any_key, effects)
    yield Condition(
        "echo 50 ms -3 dB", group, Must.BETWEEN, slow, (trials.echo(50, 3),)
    )


def _steady() -> Iterator[Condition]:
    def press(_: float) -> Press:
        return Press(low_dbm0=-15)

    def american(relative: float) -> Effect:
        return trials.tones(-15 + relative, 350, 440)

    def european(relative: float) -> Effect:
        return trials.tones(-15 + relative, 425)

    group = "dial tone 350+440 dB"
    yield from _steps(group, Must.ACCEPT, (-10, -6, 0, 6), press, american)
    yield from _steps(group, Must.BETWEEN, (-1, 8, 10, 12), press, american)
    group = "dial tone 425 dB"
    yield from _steps(group, Must.BETWEEN, (-6, 0, 6), press, european)
    for hz in (50, 60):
        for level, must in (
            *((-20, Must.ACCEPT), (-10, Must.ACCEPT)),
            *((-5, Must.BETWEEN),),
        ):
            effects = (trials.tones(level, hz),)
            yield Condition(f"hum {hz} Hz {level} dBm0", "hum", must, press(0), effects)


def _damage() -> Iterator[Condition]:
    def dropout(on: float) -> Callable[[float], Press]:
        return lambda ms: Press(on_ms=(on, on), dropout_ms=ms)

    yield from _steps("clipping dB", Must.ACCEPT, (3, 6, 9, 12), effect=trials.clip)
    yield from _steps("clipping dB", Must.BETWEEN, (15, 20), effect=trials.clip)
    group = "dropout ms in 100"
    yield from _steps(group, Must.ACCEPT, (2, 5, 8, 10), dropout(100))
    yield from _steps(group, Must.BETWEEN, (12, 15, 20), dropout(100))
    yield from _steps("dropout ms in 50", Must.ACCEPT, (2, 5, 8, 10), dropout(50))


def _losses() -> Iterator[Condition]:
    group = "frames lost %"
    press = Press(on_ms=(60, 120), off_ms=(60, 120))
    for percent in (1, 3, 5, 8):
        must = Must.ACCEPT if percent <= 5 else Must.BETWEEN
        for how in ("zeros", "repeat", "pitch"):
            effects = (trials.loss(percent / 100, how),)
            yield Condition(f"{group} {percent} {how}", group, must, press, effects)
        name = f"{group} {percent} fill_in"
        yield Condition(name, group, must, press, lost_share=percent / 100)


def _company() -> Iterator[Condition]:
    def press(_: float) -> Press:
        return Press(on_ms=(80, 80), off_ms=(80, 80))

    steps = (15.0, 10.0, 6.0, 3.0)
    talker, band = trials.talker, trials.band
    group = "speech dB below"
    yield from _steps(group, Must.ACCEPT, steps, press, talker, "voices")
    yield from _steps(group, Must.BETWEEN, (0,), press, talker, "voices")
    group = "music dB below"
    yield from _steps(group, Must.BETWEEN, steps, press, band, "music")


def _codecs() -> Iterator[Condition]:
    for names, must in (
        *((("mulaw",), Must.ACCEPT), (("alaw",), Must.ACCEPT)),
        *(((name,), Must.ACCEPT) for name in codecs.FFMPEG_CODECS),
        (("mulaw", "g726-32", "alaw"), Must.ACCEPT),
        (("gsm", "gsm"), Must.BETWEEN),
        (("opus-24k", "gsm"), Must.BETWEEN),
    ):
        needs = "" if set(names) <= {"mulaw", "alaw"} else "ffmpeg"
        effects = (trials.coded(*names),)
        name = f"codec {' '.join(names)}"
        yield Condition(name, "codec", must, effects=effects, needs=needs)


# --- no key at all --------------------------------------------------------------


def _keyless() -> Iterator[Condition]:
    for level in (-40, -20, -10, 0):
        make = trials.hiss(level)
        name = f"white noise {level} dBm0"
        yield Condition(name, "noise alone", Must.REJECT, keyless=make)
    make = trials.hiss(-15, pink=True)
    yield Condition("pink noise -15 dBm0", "noise alone", Must.REJECT, keyless=make)
    lone: tuple[tuple[str, Must, tuple[tuple[float, ...], ...]], ...] = (
        ("one low tone", Must.REJECT, (LOW_HZ,)),
        ("one high tone", Must.REJECT, (HIGH_HZ,)),
        ("two low tones", Must.BETWEEN, (LOW_HZ[:2], LOW_HZ[2:])),
        ("two high tones", Must.BETWEEN, (HIGH_HZ[:2], HIGH_HZ[2:])),
    )
    for name, must, groups in lone:
        make = trials.lone_tones(*groups)
        yield Condition(name, "single tones", must, keyless=make)


def _all() -> dict[str, Condition]:
    makers = (
        *(_levels, _twists, _frequencies, _times, _noises, _echoes, _steady),
        *(_damage, _losses, _company, _codecs, _keyless),
    )
    conditions = [condition for maker in makers for condition in maker()]
    by_id = {condition.id: condition for condition in conditions}
    assert len(by_id) == len(conditions)  # an id names one condition
    return by_id


CONDITIONS = _all()
"""Every condition by its id."""


def draw(condition_id: str, n_trials: int, seed: int) -> list[Trial]:
    """
    Make trials of a condition, of 40 digits each.
    """
    condition = CONDITIONS[condition_id]
    return [condition.draw(seed, number) for number in range(n_trials)]


__all__ = ["CONDITIONS", "Condition", "Must", "draw", "missing"]
