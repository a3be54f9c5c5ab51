"""
Results: the rows that the runner writes and the report reads, as JSON.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from benchmarks.scoring import Score


HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """
    What was run, and with what.
    """

    size: str
    seed: int
    python: str
    numpy: str
    cores: int
    peers: list[str]
    missing: list[str]


class CardRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    One mix of card entries through one engine; the engine `ceiling` knows the
    timing.
    """

    mix: str
    engine: str
    calls: int
    exact: int
    score: Score


class ConditionRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    One condition through one engine. Where nothing was keyed all that was heard is
    inserted.
    """

    condition: str
    group: str
    must: str
    engine: str
    score: Score
    heard: int


class LabelledRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    The labelled recordings through one engine.
    """

    engine: str
    files: int
    exact: int
    score: Score


class MaskRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    One limit of one engine, found by steps; no value where no step passed.
    """

    measure: str
    engine: str
    value: float | None


class TalkoffRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    False digits of one engine on one material.
    """

    material: str
    engine: str
    hours: float
    hits: int


class LatencyRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    From a tone's first sample to its report, in ms of audio.
    """

    engine: str
    feed_ms: int
    presses: int
    missed: int
    min_ms: float
    median_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


class SpeedRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    Time of one work, of an engine and of libspandsp in turns in one process.
    """

    work: str
    engine: str
    legs: int
    audio: str
    us: float
    """Of an hour in one call, or of one leg in one tick."""
    p99_us: float | None
    """Of a whole tick."""
    ratio: float | None
    """To libspandsp on the same audio."""


class LeakRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    Presses of one line through one policy of ours, or one rule of another system.
    """

    line: str
    group: str
    engine: str
    presses: int
    right: int
    """Guessed by the attacker."""
    sure: int
    """Guessed right with odds of 10,000 to 1."""
    masked_mean_ms: float
    """Of the caller's audio around one press, false alarms after it included."""
    masked_p95_ms: float
    masked_max_ms: float
    mask_median_ms: float
    """Of the mask over the press itself."""
    mask_p95_ms: float
    mask_max_ms: float
    leaked_mean_samples: float
    """Of a press, as they came in."""
    leaking: int
    """Presses of which a sample or more came through."""
    delay_ms: float


class TelltaleRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    What masks of equal presses say about the key they hide.
    """

    engine: str
    presses: int
    right: int
    """Keys guessed from masks alone."""
    p_values: dict[str, float]
    """Of an analysis of variance, by what was looked at."""


class SpeechRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    What masking does to a material in which nobody keys.
    """

    material: str
    engine: str
    hours: float
    masks: int
    masked_ms: float
    differing: int
    """Samples outside the masks that are not what came in."""
    segments: int
    """Of eight seconds, scored below; all in which something was masked are there."""
    pesq_mean: float | None
    pesq_min: float | None
    stoi_mean: float | None
    stoi_min: float | None


class DelayRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    How late the agent hears the caller, by correlation, piece by piece.
    """

    engine: str
    pieces: int
    min_ms: float
    max_ms: float


class Results(msgspec.Struct, kw_only=True):
    """
    All of it.
    """

    about: About
    cards: list[CardRow] = []
    conditions: list[ConditionRow] = []
    labelled: list[LabelledRow] = []
    masks: list[MaskRow] = []
    talkoff: list[TalkoffRow] = []
    latency: list[LatencyRow] = []
    speed: list[SpeedRow] = []
    leaks: list[LeakRow] = []
    telltale: list[TelltaleRow] = []
    speech: list[SpeechRow] = []
    delays: list[DelayRow] = []
    seconds: dict[str, float] = {}


def read(path: Path) -> Results:
    """
    Read results.

    Raises:
        msgspec.ValidationError: this is not a results file.
    """
    return msgspec.json.decode(path.read_bytes(), type=Results)


Row = TypeVar("Row", bound=msgspec.Struct)


def write(results: Results, path: Path) -> None:
    """
    Write results, a row a line, so that two runs can be compared as text.
    """
    fields = []
    for name in Results.__struct_fields__:
        value = getattr(results, name)
        if isinstance(value, list):
            text = _lines(value)
        else:
            text = msgspec.json.encode(value).decode()
        fields.append(f'"{name}": {text}')
    path.write_text("{\n" + ",\n".join(fields) + "\n}\n")


def _lines(rows: Sequence[msgspec.Struct]) -> str:
    lines = ",\n".join("  " + msgspec.json.encode(row).decode() for row in rows)
    return f"[\n{lines}\n]" if rows else "[]"
