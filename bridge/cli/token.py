"""
`dtmf-engine token`.
"""

import click

from bridge.server.clock import unix_now
from bridge.server.settings import load_settings
from bridge.stream.events import Role
from bridge.stream.handshake import Claim, make_token


@click.command(
    epilog="Example: dtmf-engine token order-1234 --leg agent",
    short_help="A token that lets one leg of one call in.",
)
@click.argument("call")
@click.option(
    "--leg",
    type=click.Choice([str(role) for role in Role]),
    default="caller",
    show_default=True,
)
@click.option(
    "--minutes",
    type=click.IntRange(1, 1440),
    default=10,
    show_default=True,
    help="How long it may be used.",
)
@click.option(
    "--account",
    metavar="SID",
    help="Whose leg it is, where there are several.  [default: DTMF_ACCOUNT_SID]",
)
def token(call: str, leg: str, minutes: int, account: str | None) -> None:
    """
    Print the value for a stream's custom parameter `token`.

    CALL is what its legs are joined by: the parameter `call`, or the caller's
    call sid.
    """
    accounts = {a.sid: a for a in load_settings().read_accounts()}
    owner = accounts.get(account or next(iter(accounts)))
    if owner is None:
        raise click.BadParameter("no account has this sid", param_hint="--account")
    secret = owner.auth_token.get_secret_value()
    expires = int(unix_now()) + 60 * minutes
    click.echo(make_token(secret, Claim(call, Role(leg)), expires))
