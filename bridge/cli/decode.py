"""
`dtmf-engine decode`.
"""

import json
from pathlib import Path

import click

from bridge.cli.files import load
from dtmf_engine.detector import decode as find_digits
from dtmf_engine.events import ToneEnded
from dtmf_engine.profiles import PROFILES
from dtmf_engine.recording import Recording


@click.command(
    epilog="Example: dtmf-engine decode --json call.wav",
    short_help="Digits of recordings, with their times.",
)
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option(
    "--profile",
    type=click.Choice(sorted(PROFILES)),
    default="default",
    show_default=True,
    help="Detector limits.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw spectrogram and digits of one file to a PNG.",
)
def decode(
    files: tuple[Path, ...], *, as_json: bool, profile: str, plot: Path | None
) -> None:
    """
    Find the digits in recordings: WAV, FLAC, OGG or MP3, any rate, every channel.

    With --json each digit is one object with `digit`, `start_ms`, `end_ms`,
    `channel` (0 is left), `level_dbm0` and `twist_db`; with more than one file
    also `file`.
    """
    if plot is not None and len(files) != 1:
        raise click.UsageError("--plot: expected exactly one file")
    for path in files:
        recording = load(path)
        found = [
            find_digits(channel, recording.sample_rate_hz, profile=profile)
            for channel in recording.channels
        ]
        if as_json:
            _print_json(recording, found, path if len(files) > 1 else None)
        else:
            _print_text(recording, found, path)
        if plot is not None:
            # matplotlib is an extra, and slow to import.
            from bridge.cli.pictures import draw_digits  # noqa: PLC0415

            plot.write_bytes(draw_digits(recording, found))


def _print_json(
    recording: Recording, found: list[list[ToneEnded]], path: Path | None
) -> None:
    rate = recording.sample_rate_hz
    rows = [
        (tone.start_sample, number, tone)
        for number, tones in enumerate(found)
        for tone in tones
    ]
    for _, number, tone in sorted(rows, key=lambda row: row[:2]):
        row: dict[str, str | int | float] = {} if path is None else {"file": str(path)}
        row |= {
            "digit": tone.digit,
            "start_ms": round(tone.start_sample * 1000 / rate, 2),
            "end_ms": round(tone.end_sample * 1000 / rate, 2),
            "channel": number,
            "level_dbm0": round(tone.level_dbm0, 2),
            "twist_db": round(tone.twist_db, 2),
        }
        click.echo(json.dumps(row))


def _print_text(recording: Recording, found: list[list[ToneEnded]], path: Path) -> None:
    rate = recording.sample_rate_hz
    click.echo(f"{path}: {recording.duration_s:.2f} s at {rate} Hz")
    for number, tones in enumerate(found):
        digits = "".join(tone.digit for tone in tones)
        click.echo(f"channel {number}: {digits or 'no digits'}")
        for tone in tones:
            click.echo(
                f"  {tone.digit}  {tone.start_sample / rate:9.3f} s"
                f"  {(tone.end_sample - tone.start_sample) * 1000 / rate:6.0f} ms"
                f"  {tone.level_dbm0:6.1f} dBm0  twist {tone.twist_db:+.1f} dB"
            )
