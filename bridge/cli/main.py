"""
The program `dtmf-engine`.
"""

import sys
from typing import NoReturn

import click

from bridge.cli.audit import audit
from bridge.cli.call import call
from bridge.cli.decode import decode
from bridge.cli.demo import demo
from bridge.cli.generate import generate
from bridge.cli.serve import serve
from bridge.cli.token import token
from bridge.errors import ConfigError
from bridge.server.provider import ProviderError
from dtmf_engine.errors import DtmfEngineError


_EXPECTED = (DtmfEngineError, ProviderError, ConfigError, OSError)
"""What bad input and a bad environment raise; all else is a bug."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dtmf-engine")
def cli() -> None:
    """
    Take card payments on a phone call without the agent hearing a digit.
    """


for command in (serve, demo, call, decode, generate, audit, token):
    cli.add_command(command)


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
