"""
`dtmf-engine attempts`.
"""

import click

from bridge.cli.books import Row, moment, open_books, show
from bridge.ledger.reads import StoredAttempt


@click.command(
    epilog="Example: dtmf-engine attempts --unknown",
    short_help="What gateways were asked, and what became of it.",
)
@click.option(
    "--unknown", is_flag=True, help="Those alone of which nobody knows what became."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def attempts(*, unknown: bool, as_json: bool) -> None:
    """
    List requests to payment gateways, oldest first.

    An attempt without an outcome is under way, or will be looked up when the
    bridge starts. One whose outcome is `unknown` was looked up in vain: the money
    may have moved. Find it at the gateway by its number, and settle it there.
    """
    with open_books() as ledger:
        rows = [_row(stored) for stored in ledger.attempts(only_open=unknown)]
    nothing = "every outcome is known" if unknown else "no gateway was asked"
    show(rows, as_json=as_json, nothing=nothing)


def _row(stored: StoredAttempt) -> Row:
    return {
        "attempt": stored.attempt,
        "payment": stored.session_sid,
        "connector": stored.connector,
        "amount": stored.charge_amount,
        "currency": stored.currency if stored.charge_amount else None,
        "outcome": stored.outcome,
        "reference": stored.reference,
        "sent_at": moment(stored.sent_at),
        "settled_at": moment(stored.settled_at),
    }
