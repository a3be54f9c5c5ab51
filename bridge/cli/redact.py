"""
`dtmf-engine redact`.
"""

import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.progress import Progress

from bridge.cli.redact_files import Job, Outcome, plan_jobs, run_job
from dtmf_engine.errors import DtmfEngineError


@click.command(
    epilog="Example: dtmf-engine redact recordings/ redacted/ --json",
    short_help="Remove every keyed digit from recordings, and prove it.",
)
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument(
    "target", metavar="[OUT]", required=False, type=click.Path(path_type=Path)
)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    type=click.IntRange(0),
    help="Redact only this channel, 0 is left; may be repeated.  [default: all]",
)
@click.option("--dry-run", is_flag=True, help="Count presses, write nothing.")
@click.option(
    "--force",
    is_flag=True,
    help="Overwrite OUT, and keep it even if it could not be verified.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
def redact(
    source: Path,
    target: Path | None,
    channels: tuple[int, ...],
    *,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """
    Write IN to OUT without any keyed digit: WAV, FLAC, OGG or MP3, any rate.

    IN may be a folder; OUT is then a folder of the same tree. What is written was
    read again and attacked by a listener who knows when each key was down; what he
    can still read is never left behind. Lossless formats stay as they were, bit
    for bit, wherever nothing was replaced. No digit is ever printed.

    Exit code 0 means that all is clean and verified, 1 that something could not
    be verified, 2 bad input.
    """
    try:
        jobs, n_others = plan_jobs(source, None if dry_run else target, force=force)
    except DtmfEngineError as error:
        raise click.UsageError(str(error)) from None
    if not dry_run and target is None:
        raise click.UsageError("OUT: expected a name to write to, or --dry-run")
    with _ending_on_sigterm():
        outcomes = _run(jobs, channels, force=force, as_json=as_json)
    if not as_json and source.is_dir():
        click.echo(_summary(outcomes, n_others))
    sys.exit(_exit_code(outcomes))


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """
    End in order on SIGTERM, so that no temporary file is left.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(
    jobs: Sequence[Job], channels: Sequence[int], *, force: bool, as_json: bool
) -> list[Outcome]:
    console = Console(stderr=True)
    outcomes = []
    with Progress(
        console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("", total=len(jobs))
        for number, job in enumerate(jobs):

            def step(part: float, number: int = number) -> None:
                progress.update(task, completed=number + part)

            progress.update(task, description=job.source.name, completed=number)
            outcome = run_job(job, channels or None, force=force, step=step)
            outcomes.append(outcome)
            if as_json:
                click.echo(json.dumps(outcome.as_object()))
            elif outcome.error is None:
                click.echo(describe(outcome))
    for outcome in outcomes:
        if outcome.error is not None:
            click.echo(f"error: {outcome.error}", err=True)
    return outcomes


def describe(outcome: Outcome) -> str:
    """
    Say in a line what became of a file.
    """
    report = outcome.report
    assert report is not None  # callers checked: there was no error
    found = f"{outcome.job.source}: {_count(report.n_presses, 'press', 'presses')}"
    if report.n_fragments:
        found += f", {_count(report.n_fragments, 'fragment', 'fragments')}"
    if outcome.job.target is None:
        return found
    verdict = report.verdict
    assert verdict is not None  # whatever was written was checked
    line = f"{found}, {sum(report.replaced_ms):.0f} ms replaced; "
    if report.is_verified and outcome.is_exact is not False:
        line += "verified: "
    else:
        line += "NOT VERIFIED: "
    line += (
        f"attacker guessed {verdict.n_right} of {verdict.n_attacked} "
        f"(up to {verdict.chance_bound} by luck), sure of {verdict.n_read}, "
        f"detector finds {verdict.n_detected}"
    )
    if not outcome.is_lossless:
        line += "; encoded anew, as the format is lossy"
    elif outcome.is_exact is False:
        line += "; differs where nothing was replaced"
    return line if outcome.is_written else f"{line}; nothing written"


def _count(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def _summary(outcomes: Sequence[Outcome], n_others: int) -> str:
    reports = [o.report for o in outcomes if o.report is not None]
    presses = sum(report.n_presses for report in reports)
    parts = [_count(len(reports), "file", "files"), _count(presses, "press", "presses")]
    unverified = sum(not o.is_good for o in outcomes if o.error is None)
    if unverified:
        parts.append(f"{unverified} NOT VERIFIED")
    bad = sum(o.error is not None for o in outcomes)
    if bad:
        parts.append(f"{bad} could not be read or written")
    if n_others:
        parts.append(f"{_count(n_others, 'other file', 'other files')} left alone")
    return ", ".join(parts)


def _exit_code(outcomes: Sequence[Outcome]) -> int:
    if any(o.error is None and not o.is_good for o in outcomes):
        return 1
    return 2 if any(o.error is not None for o in outcomes) else 0
