"""
`dtmf-engine callbacks`.
"""

from urllib.parse import urldefrag, urlsplit, urlunsplit

import click

from bridge.cli.books import Row, moment, open_books, show
from bridge.ledger.reads import StoredCallback


@click.group(short_help="The outbox: what was not delivered, and once more.")
def callbacks() -> None:
    """
    Status callbacks that are waiting, and dead letters.

    A callback becomes a dead letter when it has been tried as often as its
    schedule allows, or when its receiver refused it.
    """


@callbacks.command(
    "list",
    epilog="Example: dtmf-engine callbacks list --dead --json",
    short_help="What is not delivered.",
)
@click.option("--dead", is_flag=True, help="Dead letters alone.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_callbacks(*, dead: bool, as_json: bool) -> None:
    """
    List the callbacks that are not delivered, oldest first.

    `pending` waits for its turn or its next try, `dead` was given up, `replay`
    was asked for again. Of URLs, what stands behind `?` is not shown.
    """
    with open_books() as ledger:
        rows = [_row(stored) for stored in ledger.callbacks(only_dead=dead)]
    nothing = "no dead letters" if dead else "everything is delivered"
    show(rows, as_json=as_json, nothing=nothing)


@callbacks.command(
    "retry",
    epilog="Example: dtmf-engine callbacks retry --all-dead",
    short_help="Have dead letters delivered.",
)
@click.argument("ids", nargs=-1, type=click.IntRange(min=1), metavar="[ID]...")
@click.option("--all-dead", is_flag=True, help="Every dead letter.")
def retry(*, ids: tuple[int, ...], all_dead: bool) -> None:
    """
    Have dead letters delivered once more, on a new schedule.

    ID is the number that `list` shows. The bridge that serves sends them within
    seconds; if none serves, the next one does.
    """
    if bool(ids) is all_dead:
        raise click.UsageError("expected either numbers of callbacks or --all-dead")
    with open_books() as ledger:
        replayed = ledger.replay(None if all_dead else ids)
    click.echo(f"to be delivered: {len(replayed)}")
    missing = sorted(set(ids) - set(replayed))
    if missing:
        numbers = ", ".join(str(number) for number in missing)
        raise click.ClickException(
            f"ID: expected numbers of dead letters, and there are none with {numbers}"
        )


def _row(stored: StoredCallback) -> Row:
    return {
        "id": stored.callback_id,
        "payment": stored.session_sid,
        "sequence": stored.sequence,
        "state": stored.state,
        "attempts": stored.attempts,
        "fault": stored.fault,
        "created_at": moment(stored.created_at),
        "url": _bare(stored.url),
    }


def _bare(url: str) -> str:
    # Clients put tokens of their own into the query.
    parts = urlsplit(urldefrag(url).url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
