"""
`dtmf-engine serve`.
"""

import asyncio
import sys

import click
import structlog

from bridge.errors import ConfigError
from bridge.server.bridge import Bridge
from bridge.server.hardening import harden
from bridge.server.log import configure_logging
from bridge.server.settings import Settings, load_settings


@click.command(
    epilog="Example: DTMF_ACCOUNT_SID=AC… DTMF_AUTH_TOKEN=… dtmf-engine serve",
    short_help="The bridge: media streams in, payments out.",
)
@click.option("--check", is_flag=True, help="Check the settings and exit.")
def serve(*, check: bool) -> None:
    """
    Run the bridge until SIGTERM, then let calls end, then stop.

    Settings are environment variables named DTMF_…, see bridge/server/README.md.
    SIGHUP reads accounts and certificate again and reopens the audit log.
    Once it listens, one line on standard output says where; logs are JSON on
    standard error.
    """
    try:
        settings = load_settings()
    except ConfigError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        sys.exit(1)
    if check:
        click.echo("settings are good")
        return
    configure_logging(settings.log_level)
    structlog.get_logger().info("hardened", **harden())
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    bridge = Bridge(settings)
    with bridge.stopped_by_signals():
        await bridge.run(_say_where)


def _say_where(bridge: Bridge) -> None:
    host = bridge.settings.host
    place = f"[{host}]" if ":" in host else host
    s = "s" if bridge.settings.tls_cert else ""
    click.echo(
        f"listening media=ws{s}://{place}:{bridge.media_port} "
        f"api=http{s}://{place}:{bridge.api_port}"
    )
    sys.stdout.flush()
