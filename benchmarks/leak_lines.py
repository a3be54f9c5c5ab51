"""
Lines of the leak benchmark: what a caller keys, and what the telephone makes of it.

Each line has an id that never changes its meaning. All are heard as µ-law at 8 kHz,
as a provider sends it. Presses begin at every sample of a 20 ms frame in turn, with
any phases; all sixteen keys are equally likely, so that blind guessing is right in
6.25 % of them. Odd seeds are for tuning, even ones report.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks import channels, codecs, needs
from benchmarks.channels import KEYS, LOSS_FRAME, RATE, Entry, Int16, Random, Tone, Wave
from benchmarks.corpus import noise_at, talker_at
from benchmarks.trials import Effect, Range, coded, trial_random
from dtmf_engine.arrays import Bool


PRESSES_PER_CALL = 10
LOST_SHARE = 0.05

_OFFSET_STEP = 67
"""Prime to the 160 samples of a frame: 160 presses begin at each of them once."""

_LEAD_MS = 300.0
_CUT_MS = (40.0, 110.0)
"""What a gateway cuts out of a press, beside the fragment that it leaves."""


@dataclass(frozen=True)
class Line:
    """
    One kind of line, and how keys are pressed on it.
    """

    id: str
    group: str
    on_ms: Range = (40, 400)
    off_ms: Range = (100, 300)
    level_dbm0: Range = (-30, -3)
    """Of the louder tone of the pair; one value a call, as a telephone has it."""
    twist_db: Range = (-4, 2)
    either_twist: bool = False
    """Whether the twist may as well be of the other sign."""
    error: Range = (0, 0.005)
    """How far each tone is off, relative, either way; one value a call."""
    snr_db: Range = (20, 40)
    """All noise to both tones together."""
    effects: tuple[Effect, ...] = ()
    loss: str = ""
    """
    What is done about lost frames, a twentieth of all: `zeros`, `repeat`, or
    `fill_in`, where the receiver is told of them.
    """
    fragment: bool = False
    """Whether a gateway has cut presses down to what is keyed here."""
    beside: bool = False
    """Whether each press counted stands between two whole ones that are not."""
    needs: str = ""
    """What must be installed: `ffmpeg`, `voices`, or nothing."""


@dataclass(frozen=True)
class LeakCall:
    """
    One call as the receiver gets it, with its truth.
    """

    audio: Int16
    keys: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    low_dbm0: float
    """Level of the low-group tone of every press."""
    high_dbm0: float
    counted: tuple[bool, ...]
    """Which presses are asked about; the others are there as neighbours."""
    lost: Bool
    """[shape=(n_frames,)] 20 ms frames whose loss the receiver is told of."""
    gone: Bool = field(repr=False)
    """[shape=(n,)] samples that hold nothing of what was sent."""


def _talker(entry: Entry, wave: Wave, random: Random) -> Wave:
    return np.asarray(wave + talker_at(entry, random.uniform(3, 10), random))


def _hard() -> Iterator[Line]:
    for line in _hard_lines("hard"):
        short = line.on_ms == Line.on_ms
        yield replace(line, on_ms=(40, 120)) if short else line


def _hard_lines(group: str) -> Iterator[Line]:
    yield Line("S/N 6 to 20 dB", group, snr_db=(6, 20))
    yield Line(
        "twist 6 to 10 dB, either way", group, twist_db=(6, 10), either_twist=True
    )
    yield Line("each tone 2 to 3 % off", group, error=(0.02, 0.03))
    yield Line(
        "twist -8 to +4 dB, 1 to 1.5 % off",
        group,
        twist_db=(-8, 4),
        error=(0.01, 0.015),
    )
    yield Line("level -45 to -30 dBm0", group, level_dbm0=(-45, -30))
    yield Line("tones of 25 ms", group, on_ms=(25, 25))
    yield Line("speech 3 to 10 dB below", group, effects=(_talker,), needs="voices")
    for how in ("zeros", "repeat", "fill_in"):
        yield Line(f"5 % of frames lost, {how}", group, loss=how)
    for name in ("gsm", "opus-24k"):
        yield Line(f"{name} in front", group, effects=(coded(name),), needs="ffmpeg")


def _fragments() -> Iterator[Line]:
    for ms in (3.0, 5.0, 8.0, 12.0):
        alone = Line(
            f"fragment of {ms:g} ms, alone",
            "fragments",
            on_ms=(ms, ms),
            off_ms=(300, 500),
            fragment=True,
        )
        yield alone
        yield replace(
            alone,
            id=f"fragment of {ms:g} ms, between presses",
            off_ms=(40, 100),
            fragment=False,
            beside=True,
        )


def _all() -> dict[str, Line]:
    lines = [
        Line("nominal", "nominal"),
        *_hard(),
        *_fragments(),
        Line("tones of 60 ms", "mask", on_ms=(60, 60), off_ms=(300, 400)),
        # Presses that differ in nothing but the key.
        Line(
            "equal presses",
            "alike",
            on_ms=(60, 60),
            off_ms=(300, 400),
            level_dbm0=(-10, -10),
            twist_db=(0, 0),
            error=(0, 0),
            snr_db=(40, 40),
        ),
    ]
    by_id = {line.id: line for line in lines}
    assert len(by_id) == len(lines)  # an id names one line
    return by_id


LINES = _all()
"""Every line by its id."""

GROUPS = tuple(dict.fromkeys(line.group for line in LINES.values()))


def missing(line: Line) -> str:
    """
    Say why a line cannot be made here; nothing if it can.
    """
    return needs.missing(line.needs)


def draw(line: Line, seed: int, number: int) -> LeakCall:
    """
    Make one call of a line; `number` also says at which samples presses begin.
    """
    random = trial_random(seed, line.id, number)
    tones = _tones(line, random)
    counted = tuple(not line.beside or i % 2 == 1 for i in range(len(tones)))
    first = number * PRESSES_PER_CALL
    entry = _lay(tones, range(first, first + len(tones)), random)
    wave = entry.audio + noise_at(entry, random.uniform(*line.snr_db), random)
    if line.fragment:
        wave = _cut(entry, wave, random)
    for effect in line.effects:
        wave = effect(entry, wave, random)
    lost = np.zeros(-(-len(wave) // LOSS_FRAME), dtype=np.bool_)
    if line.loss:
        lost = channels.lost_frames(len(wave), LOST_SHARE, random)
        if line.loss != "fill_in":
            wave = channels.conceal(wave, lost, line.loss)
    return LeakCall(
        audio=codecs.mulaw(channels.to_int16(wave)),
        keys=entry.keys,
        starts=entry.starts,
        ends=entry.ends,
        low_dbm0=tones[0].low_dbm0,
        high_dbm0=tones[0].low_dbm0 + tones[0].twist_db,
        counted=counted,
        lost=lost & (line.loss == "fill_in"),
        gone=np.repeat(lost & (line.loss != "repeat"), LOSS_FRAME)[: len(wave)],
    )


def _tones(line: Line, random: Random) -> list[Tone]:
    twist = random.uniform(*line.twist_db)
    if line.either_twist:
        twist *= random.choice([-1.0, 1.0])
    low_error, high_error = random.uniform(*line.error, 2) * random.choice(
        [-1.0, 1.0], 2
    )
    phone = Tone(
        "1",
        low_dbm0=random.uniform(*line.level_dbm0) - max(0.0, twist),
        twist_db=twist,
        low_error=low_error,
        high_error=high_error,
    )
    tones = []
    for i in range(2 * PRESSES_PER_CALL + 1 if line.beside else PRESSES_PER_CALL):
        whole = line.beside and i % 2 == 0
        tones.append(
            replace(
                phone,
                key=KEYS[int(random.integers(16))],
                on_ms=random.uniform(50, 100) if whole else random.uniform(*line.on_ms),
                off_ms=random.uniform(*line.off_ms),
            )
        )
    return tones


def _lay(tones: list[Tone], numbers: range, random: Random) -> Entry:
    """
    Dial so that press i begins at sample 67 i of a frame, modulo 160.
    """
    wanted = [number * _OFFSET_STEP % LOSS_FRAME for number in numbers]
    laid = []
    for tone, here, there in zip(tones, wanted, [*wanted[1:], 0], strict=True):
        # Whole samples, so that nothing is rounded on the way.
        on, off = (round(ms * RATE / 1000) for ms in (tone.on_ms, tone.off_ms))
        off += (there - here - on - off) % LOSS_FRAME
        laid.append(replace(tone, on_ms=on * 1000 / RATE, off_ms=off * 1000 / RATE))
    entry = channels.dial(laid, random, lead_ms=_LEAD_MS)
    shift = (wanted[0] - entry.starts[0]) % LOSS_FRAME
    return Entry(
        np.concatenate([np.zeros(shift), entry.audio]),
        entry.keys,
        tuple(start + shift for start in entry.starts),
        tuple(end + shift for end in entry.ends),
    )


def _cut(entry: Entry, wave: Wave, random: Random) -> Wave:
    """
    Silence what a gateway took out of each press, before or after what it left.
    """
    out = wave.copy()
    for start, end in zip(entry.starts, entry.ends, strict=True):
        n = round(random.uniform(*_CUT_MS) * RATE / 1000)
        if random.random() < 0.5:
            out[end : end + n] = 0.0
        else:
            out[max(0, start - n) : start] = 0.0
    return out
