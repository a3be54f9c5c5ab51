"""
`dtmf-engine call`.
"""

import asyncio
import secrets
from pathlib import Path

import click
from rich.progress import Progress

from bridge.cli.files import load_mono, mulaw_octets, mulaw_wav
from bridge.server.provider import Leg, Playback, frames_of, play
from dtmf_engine.errors import ParameterError
from dtmf_engine.units import SAMPLE_RATE_HZ


@click.command(
    epilog="Example: dtmf-engine call caller.wav --url ws://127.0.0.1:8080/media/twilio",
    short_help="Play a recording into a bridge as a provider would.",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--url", required=True, help="ws:// or wss:// URL of the media stream.")
@click.option(
    "--dialect", type=click.Choice(["twilio"]), default="twilio", show_default=True
)
@click.option("--out", type=click.Path(path_type=Path), help="Save what comes back.")
@click.option("--call-sid", help="The leg's call sid; a new one if left out.")
@click.option(
    "--param",
    "params",
    multiple=True,
    metavar="NAME=VALUE",
    help="Custom parameter of the stream: call, leg, token…",
)
@click.option(
    "--auth-token",
    envvar="DTMF_AUTH_TOKEN",
    help="Sign the handshake with it.  [env var: DTMF_AUTH_TOKEN]",
)
@click.option("--signed-url", help="What is signed, if another URL than --url.")
@click.option("--channel", default=0, show_default=True, help="Of FILE; 0 is left.")
@click.option(
    "--speed",
    type=click.FloatRange(0.1, 100),
    default=1.0,
    show_default=True,
    help="Faster than real time, for tests.",
)
def call(
    file: Path,
    url: str,
    dialect: str,
    out: Path | None,
    call_sid: str | None,
    params: tuple[str, ...],
    auth_token: str | None,
    signed_url: str | None,
    channel: int,
    speed: float,
) -> None:
    """
    Play FILE as one leg of a call and save what the leg hears meanwhile.

    Messages of 20 ms are sent at real time, as Twilio does.
    With a speed other than 1 the bridge should run with
    DTMF_PLAYOUT_LIMIT_MS=60000, or it takes the hurry for a backlog.
    """
    del dialect  # one so far
    recording = load_mono(file, channel)
    octets = mulaw_octets(recording)
    leg = Leg(
        url=url,
        source=frames_of(octets),
        call_sid=call_sid or "CA" + secrets.token_hex(16),
        stream_sid="MZ" + secrets.token_hex(16),
        parameters=_parameters(params),
        auth_token=auth_token,
        signed_url=signed_url,
        speed=speed,
    )
    playback = Playback()
    asyncio.run(_play(leg, playback, len(octets)))
    if out is not None:
        out.write_bytes(mulaw_wav(bytes(playback.heard)))
    click.echo(f"call {leg.call_sid}: {len(octets) / SAMPLE_RATE_HZ:.2f} s played")


async def _play(leg: Leg, playback: Playback, n_octets: int) -> None:
    with Progress(transient=True) as progress:
        bar = progress.add_task("playing", total=n_octets)

        def advance() -> bool:
            progress.update(bar, completed=len(playback.heard))
            return False

        await play(leg, playback, until=advance)


def _parameters(pairs: tuple[str, ...]) -> dict[str, str]:
    parameters = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ParameterError("--param: expected NAME=VALUE")
        parameters[name] = value
    return parameters
