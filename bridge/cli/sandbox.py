"""
`dtmf-engine sandbox`.
"""

import asyncio
import sys

import click

from bridge.server.sandbox_server import SandboxServer


@click.command(
    epilog="Example: dtmf-engine sandbox --port 8089; then, for the bridge, "
    "DTMF_SANDBOX_URL=http://127.0.0.1:8089/",
    short_help="The sandbox gateway, as a process of its own.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8089,
    show_default=True,
    help="On the loopback; 0 takes a free one.",
)
def sandbox(port: int) -> None:
    """
    Run a payment gateway that moves no money, until SIGTERM.

    It remembers what it was asked while it runs, longer than a bridge that is
    killed. GET /transactions lists that: no card data is in it.
    """
    asyncio.run(SandboxServer(port).run(_say_where))


def _say_where(port: int) -> None:
    click.echo(f"listening gateway=http://127.0.0.1:{port}/")
    sys.stdout.flush()
