"""
`dtmf-engine generate`.
"""

from pathlib import Path

import click

from dtmf_engine.errors import ParameterError
from dtmf_engine.generator import generate as make_tones
from dtmf_engine.recording import write_recording


_CONTAINERS = {".wav": "WAV", ".flac": "FLAC"}


@click.command(
    epilog="Example: dtmf-engine generate 4111111111111111# card.wav --noise -50",
    short_help="Digits to an audio file.",
)
@click.argument("digits")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--tone-ms", default=100.0, show_default=True, help="Length of a tone.")
@click.option("--pause-ms", default=100.0, show_default=True, help="Silence between.")
@click.option(
    "--level", default=-10.0, show_default=True, help="dBm0, both tones together."
)
@click.option(
    "--twist", default=0.0, show_default=True, help="dB, high group minus low group."
)
@click.option("--noise", type=float, help="dBm0 of white noise over everything.")
@click.option(
    "--frequency-error", default=0.0, show_default=True, help="Percent, both tones."
)
@click.option("--rate", default=8000, show_default=True, help="Sample rate in Hz.")
@click.option(
    "--encoding",
    type=click.Choice(["pcm16", "mulaw", "alaw", "float"]),
    default="pcm16",
    show_default=True,
    help="Of a WAV file.",
)
@click.option("--seed", default=0, show_default=True, help="Of noise and phases.")
def generate(
    digits: str,
    out: Path,
    tone_ms: float,
    pause_ms: float,
    level: float,
    twist: float,
    noise: float | None,
    frequency_error: float,
    rate: int,
    encoding: str,
    seed: int,
) -> None:
    """
    Write the tones of DIGITS (0-9, A-D, *, #) to OUT, a .wav or .flac file.
    """
    container = _CONTAINERS.get(out.suffix.lower())
    if container is None:
        raise ParameterError(f"OUT: expected a name ending in .wav or .flac, got {out}")
    if not 0 <= seed < 2**32:
        raise ParameterError(f"seed: expected 0 to {2**32 - 1}, got {seed}")
    audio = make_tones(
        digits,
        sample_rate_hz=rate,
        tone_ms=tone_ms,
        pause_ms=pause_ms,
        level_dbm0=level,
        twist_db=twist,
        frequency_error=frequency_error / 100,
        noise_dbm0=noise,
        seed=seed,
    )
    data = write_recording(audio, rate, container=container, encoding=encoding)
    out.write_bytes(data)
    click.echo(f"{out}: {len(audio) / rate:.2f} s")
