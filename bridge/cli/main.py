"""
The program `dtmf-engine`.
"""

import sys
from importlib import import_module
from typing import NoReturn

import click

from bridge.errors import ConfigError, LedgerError, ProviderError
from dtmf_engine.errors import DtmfEngineError


COMMANDS = (
    *("serve", "demo", "call", "decode", "redact", "generate", "audit", "token"),
    *("callbacks", "attempts", "sandbox"),
)
"""Each is a module of this room with a command of its own name."""

_EXPECTED = (DtmfEngineError, ProviderError, ConfigError, LedgerError, OSError)
"""What bad input and a bad environment raise; all else is a bug."""


class _Commands(click.Group):
    """
    Commands that are imported when they are used: `decode` needs no web server.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"bridge.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)  # by the rule of COMMANDS
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dtmf-engine")
def cli() -> None:
    """
    Take card payments on a phone call without the agent hearing a digit.
    """


def main() -> None:
    """
    Run the command line; bad input is one line, never a traceback.
    """
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        _fail([error.format_message()], error.exit_code)
    except click.Abort:
        _fail(["interrupted"], 130)
    except ExceptionGroup as group:
        # Tasks that ran together fail together; one of them says why.
        known, rest = group.split(_EXPECTED)
        if known is None or rest is not None:
            raise
        _fail(_lines(_first(known)))
    except _EXPECTED as error:
        _fail(_lines(error))


def _first(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _lines(error: Exception) -> list[str]:
    if isinstance(error, ConfigError):
        return list(error.problems)
    if isinstance(error, OSError):
        reason = (error.strerror or "failed").lower()
        return [f"{error.filename or 'input'}: {reason}"]
    return [str(error)]


def _fail(lines: list[str], exit_code: int = 1) -> NoReturn:
    for line in lines:
        click.echo(f"error: {line}", err=True)
    sys.exit(exit_code)
