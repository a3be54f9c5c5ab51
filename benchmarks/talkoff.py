"""
Talk-off: digits heard in speech and music, where nobody pressed a key.

The material is played once as it is, then again and again changed: at another
speed and pitch, level and tone colour, sometimes with a second talker, and from
another sample on, so that it falls otherwise into every detector's blocks.

The engine has learnt from the first half of each material (`training_data.py`);
even seeds play the second half, odd ones the first.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfilt

from benchmarks import engines, voices
from benchmarks.channels import RATE, Int16, Random, Wave
from benchmarks.results import TalkoffRow
from benchmarks.trials import finish


PIECE_SAMPLES = 600 * RATE

MATERIALS: dict[str, tuple[Callable[[], Int16], str]] = {
    "human speech": (
        voices.prompts,
        " ".join(f"asterisk-core-sounds-{lang}-wav" for lang in ("en", "es", "fr")),
    ),
    "music": (voices.music, "asterisk-moh-opsound-wav"),
    "synthetic speech": (voices.spoken, "espeak-ng"),
}

PASSES = {
    "quick": {"human speech": 2, "music": 2, "synthetic speech": 2},
    "usual": {"human speech": 32, "music": 20, "synthetic speech": 16},
    "full": {"human speech": 280, "music": 120, "synthetic speech": 120},
}
"""How often each material is played: `full` comes to more than 200 hours."""

SLOW_PEER_PASSES = {"quick": 2, "usual": 4, "full": 12}
"""How often for peers that are programs, a small part: they are much slower."""


@dataclass(frozen=True)
class TalkoffJob:
    """
    Ten minutes of a material, in one of its versions.
    """

    material: str
    seed: int
    number: int
    """Of the pass; the first, 0, is the material as it is."""
    start: int
    engines: tuple[str, ...]


def missing() -> list[str]:
    """
    Say which materials are absent, a line each.
    """
    return [
        f"{name}: none installed (apt-get install {packages})"
        for name, (audio, packages) in MATERIALS.items()
        if not len(audio())
    ]


def jobs(size: str, seed: int, names: tuple[str, ...]) -> list[TalkoffJob]:
    """
    Cut the work into jobs.
    """
    found = []
    for material in MATERIALS:
        n_samples = len(half(material, seed))
        for number in range(PASSES[size][material]):
            slow = number < SLOW_PEER_PASSES[size]
            chosen = tuple(e for e in names if slow or e not in engines.SLOW_PEERS)
            found += [
                TalkoffJob(material, seed, number, start, chosen)
                for start in range(0, n_samples, PIECE_SAMPLES)
            ]
    return found


def half(material: str, seed: int) -> Int16:
    """
    Give the half of a material that belongs to a seed.
    """
    audio = MATERIALS[material][0]()
    middle = len(audio) // 2
    return audio[:middle] if seed % 2 else audio[middle:]


def work(job: TalkoffJob) -> list[TalkoffRow]:
    """
    Play a piece to each engine and count what it hears.
    """
    audio = piece(job)
    hours = len(audio) / RATE / 3600
    return [
        TalkoffRow(
            material=job.material,
            engine=engine,
            hours=hours,
            hits=len(engines.hear(engine, audio)),
        )
        for engine in job.engines
    ]


def piece(job: TalkoffJob) -> Int16:
    """
    Make the audio of a job.
    """
    source = half(job.material, job.seed)
    audio = source[job.start : job.start + PIECE_SAMPLES]
    if job.number == 0:
        return audio
    which = list(MATERIALS).index(job.material)
    random = np.random.default_rng([job.seed, which, job.number, job.start])
    return _changed(audio, source, random)


def _changed(audio: Int16, source: Int16, random: Random) -> Int16:
    audio = voices.at_speed(audio, float(random.uniform(0.8, 1.25)))
    wave = audio[int(random.integers(0, 160)) :].astype(np.float64)
    if random.random() < 0.2:
        other = int(random.integers(0, max(1, len(source) - len(wave))))
        second = source[other : other + len(wave)]
        wave[: len(second)] += second * random.uniform(0.3, 1.0)
    wave = _coloured(wave, random) * 10 ** (random.uniform(-10, 6) / 20)
    return finish(wave, random)


def _coloured(wave: Wave, random: Random) -> Wave:
    """
    A telephone's band, a dull one, a thin one, or none.
    """
    band, dull, thin = (
        butter(2, [300, 3400], "bandpass", fs=RATE, output="sos"),
        butter(2, 2500, "lowpass", fs=RATE, output="sos"),
        butter(2, 500, "highpass", fs=RATE, output="sos"),
    )
    chosen = (band, dull, thin, None)[int(random.integers(4))]
    return wave if chosen is None else np.asarray(sosfilt(chosen, wave))


def merge(parts: list[list[TalkoffRow]]) -> list[TalkoffRow]:
    """
    Add up the rows of jobs.
    """
    merged: dict[tuple[str, str], TalkoffRow] = {}
    for row in (row for part in parts for row in part):
        key = (row.material, row.engine)
        before = merged.get(key)
        merged[key] = TalkoffRow(
            material=row.material,
            engine=row.engine,
            hours=row.hours + (before.hours if before else 0.0),
            hits=row.hits + (before.hits if before else 0),
        )
    return list(merged.values())


__all__ = ["MATERIALS", "TalkoffJob", "jobs", "merge", "missing", "work"]
