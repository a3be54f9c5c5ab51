"""
Files of `dtmf-engine redact`: which, read how often, written where.

A file is written under another name beside its place and takes its place only
when it has been read again and verified. Whatever breaks off leaves nothing.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from dtmf_engine.ears import Frames
from dtmf_engine.errors import DtmfEngineError, ParameterError
from dtmf_engine.infill import Infill
from dtmf_engine.recording import (
    ENDINGS,
    RecordingFormat,
    RecordingReader,
    RecordingWriter,
)
from dtmf_engine.redaction import ATTEMPTS, Redaction, RedactionReport


Step = Callable[[float], None]
"""Told how much of a file is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Job:
    """
    One file to redact.
    """

    source: Path
    target: Path | None
    """`None`: only look."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What became of one file. No digit is in it.
    """

    job: Job
    error: str | None = None
    """What was wrong with the file; everything else is then unset."""
    report: RedactionReport | None = None
    format: RecordingFormat | None = None
    channels: tuple[int, ...] = ()
    duration_s: float = 0.0
    is_lossless: bool = False
    is_exact: bool | None = None
    """Whether all that was not replaced is the same; `None` if it cannot be."""
    is_written: bool = False

    @property
    def is_good(self) -> bool:
        """
        Whether all that was to be done was done, and verified.
        """
        if self.error is not None or self.report is None:
            return False
        if self.job.target is None:
            return True
        return self.report.is_verified and self.is_exact is not False

    def as_object(self) -> dict[str, object]:
        """
        Give the outcome as JSON values.
        """
        row: dict[str, object] = {"file": str(self.job.source)}
        if self.error is not None or self.report is None or self.format is None:
            return row | {"error": self.error}
        row |= {
            "sample_rate_hz": self.format.sample_rate_hz,
            "duration_s": round(self.duration_s, 3),
            "channels": list(self.channels),
            "presses": self.report.n_presses,
            "fragments": self.report.n_fragments,
        }
        verdict = self.report.verdict
        if self.job.target is None or verdict is None:
            return row
        return row | {
            "out": str(self.job.target) if self.is_written else None,
            "replaced_ms": [round(ms, 1) for ms in self.report.replaced_ms],
            "attempts": self.report.n_attempts,
            "verified": self.is_good,
            "attacker": {
                "attacked": verdict.n_attacked,
                "guessed_right": verdict.n_right,
                "up_to_by_luck": verdict.chance_bound,
                "read_for_certain": verdict.n_read,
            },
            "detected": verdict.n_detected,
            "lossless": self.is_lossless,
            "exact_elsewhere": self.is_exact,
        }


def plan_jobs(
    source: Path, target: Path | None, *, force: bool
) -> tuple[list[Job], int]:
    """
    List the files to redact.

    Args:
        source: a file or a folder.
        target: where to; `None` to look only.
        force: whether files that exist may be overwritten.

    Returns:
        The jobs in order of their names, and how many other files a folder has.

    Raises:
        ParameterError: the two cannot be what they are said to be, or something
            would be overwritten.
    """
    if not source.exists():
        raise ParameterError(f"IN: {source}: no such file or directory")
    if not source.is_dir():
        jobs, n_others = [Job(source, target)], 0
    else:
        jobs, n_others = _tree(source, target)
    for job in jobs:
        _check_target(job, force=force)
    return jobs, n_others


def _tree(source: Path, target: Path | None) -> tuple[list[Job], int]:
    if target is not None:
        inside, outside = source.resolve(), target.resolve()
        if inside == outside:
            raise ParameterError(f"OUT: expected another folder than IN, got {target}")
        if inside in outside.parents or outside in inside.parents:
            raise ParameterError(
                f"OUT: expected a folder neither inside IN nor around it, got {target}"
            )
        if target.exists() and not target.is_dir():
            raise ParameterError(f"OUT: expected a folder, as IN is one, got {target}")
    files = sorted(path for path in source.rglob("*") if path.is_file())
    audio = [path for path in files if path.suffix.lower() in ENDINGS]
    if not audio:
        raise ParameterError(
            f"IN: expected a folder with files ending in {', '.join(ENDINGS)}, "
            f"got {source}"
        )
    return [
        Job(path, None if target is None else target / path.relative_to(source))
        for path in audio
    ], len(files) - len(audio)


def _check_target(job: Job, *, force: bool) -> None:
    target = job.target
    if target is None:
        return
    if target.suffix.lower() not in ENDINGS:
        raise ParameterError(
            f"OUT: expected a name ending in {', '.join(ENDINGS)}, got {target}"
        )
    if target.is_dir():
        raise ParameterError(f"OUT: expected a file, as IN is one, got {target}")
    if target.exists() and target.samefile(job.source):
        raise ParameterError(f"OUT: expected another file than IN, got {target}")
    if target.exists() and not force:
        raise ParameterError(
            f"OUT: {target} exists already; --force would overwrite it"
        )


def run_job(
    job: Job, channels: Sequence[int] | None, *, force: bool, step: Step
) -> Outcome:
    """
    Redact one file; whatever is wrong with it is in the outcome.
    """
    try:
        with job.source.open("rb") as file:
            return _redact(job, file, channels, force=force, step=step)
    except DtmfEngineError as error:
        message = str(error)
        name = str(job.source)
        return Outcome(job, message if name in message else f"{name}: {message}")
    except OSError as error:
        reason = (error.strerror or "failed").lower()
        return Outcome(job, f"{error.filename or job.source}: {reason}")


def _redact(
    job: Job,
    file: BinaryIO,
    channels: Sequence[int] | None,
    *,
    force: bool,
    step: Step,
) -> Outcome:
    name = str(job.source)
    with RecordingReader(file, name) as reader:
        format_, tags = reader.format, reader.tags()
        redaction = Redaction(
            format_.sample_rate_hz,
            format_.n_channels,
            channels=channels,
            seed=secrets.randbits(31),
        )
        n_frames = 0
        for block in _blocks(reader):
            redaction.hear(block)
            n_frames += len(block)
            step(0.3 * n_frames / max(reader.n_frames, n_frames))
    redaction.find()
    step(0.5)
    outcome = Outcome(
        job,
        report=redaction.report,
        format=format_,
        channels=tuple(redaction.channels),
        duration_s=n_frames / format_.sample_rate_hz,
        is_lossless=format_.is_lossless,
    )
    if job.target is None:
        return outcome
    out = format_.for_ending(job.target.suffix)
    with _beside(job.target) as draft:
        shutil.copymode(job.source, draft.name)
        is_exact: bool | None = None
        for attempt in range(ATTEMPTS):
            draft.seek(0)
            draft.truncate()
            with (
                RecordingReader(_rewound(file), name) as reader,
                RecordingWriter(draft, out, tags=tags, name=str(job.target)) as writer,
            ):
                for block in redaction.fill(_blocks(reader)):
                    writer.write(block)
            draft.flush()
            step(0.5 + 0.5 * (attempt + 0.5) / ATTEMPTS)
            is_exact = _check(redaction, file, draft, name, format_)
            if redaction.report.is_verified:
                break
        report = redaction.report
        is_good = report.is_verified and is_exact is not False
        if is_good or force:
            draft.flush()
            os.fsync(draft.fileno())
            Path(draft.name).replace(job.target)
    return Outcome(
        job,
        report=report,
        format=format_,
        channels=outcome.channels,
        duration_s=outcome.duration_s,
        is_lossless=format_.is_lossless and out.is_lossless,
        is_exact=is_exact,
        is_written=is_good or force,
    )


def _check(
    redaction: Redaction,
    file: BinaryIO,
    draft: BinaryIO,
    name: str,
    format_: RecordingFormat,
) -> bool | None:
    """
    Read what was written, attack it and compare it.

    Returns:
        Whether all that was not replaced is the same, bit for bit; `None` if the
        formats do not allow that.
    """
    infill = redaction.infill()
    with RecordingReader(_rewound(draft), "what was written") as written:
        same = written.format.subtype in {format_.subtype, "PCM_16"}
        if not (
            same
            and format_.is_lossless
            and written.format.is_lossless
            and written.format.dtype == format_.dtype
        ):
            redaction.check(_blocks(written))
            return None
        with RecordingReader(_rewound(file), name) as reader:
            comparison = _Comparison(infill)
            redaction.check(comparison.run(_blocks(written), _blocks(reader)))
            return comparison.is_exact


class _Comparison:
    """
    Compares two recordings on the way, wherever nothing was replaced.
    """

    def __init__(self, infill: Infill) -> None:
        self.is_exact = True
        self._infill = infill

    def run(
        self, written: Iterator[Frames], original: Iterator[Frames]
    ) -> Iterator[Frames]:
        first = 0
        for block in written:
            before = next(original, block[:0])
            if before.shape != block.shape:
                self.is_exact = False
            else:
                for channel in range(block.shape[1]):
                    touched = self._infill.touched(channel, first, len(block))
                    different = before[:, channel] != block[:, channel]
                    if np.any(different & ~touched):
                        self.is_exact = False
            first += len(block)
            yield block
        if next(original, None) is not None:
            self.is_exact = False


def _blocks(reader: RecordingReader) -> Iterator[Frames]:
    return cast("Iterator[Frames]", reader.blocks())


def _rewound(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


@contextmanager
def _beside(target: Path) -> Iterator[BinaryIO]:
    """
    Open a temporary file beside a target; it is gone afterwards unless renamed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(
        prefix=f".{target.name}.", suffix=".part", dir=target.parent
    )
    os.close(number)
    try:
        with Path(name).open("w+b") as file:
            yield file
    finally:
        Path(name).unlink(missing_ok=True)
