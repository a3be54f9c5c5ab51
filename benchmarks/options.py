"""
Options that the runners have in common.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path


def add_common(
    parser: argparse.ArgumentParser, *, full: str, quick: str, json: str, tune: str
) -> None:
    """
    Add sizes, where results go, and which seeds are played.

    Args:
        parser: of the runner.
        full: what is said of `--full`.
        quick: of `--quick`.
        json: of `--json`.
        tune: of `--tune`.
    """
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help=full)
    size.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", type=Path, metavar="OUT", help=json)
    parser.add_argument("--tune", action="store_true", help=tune)


def parse(
    parser: argparse.ArgumentParser, parts: Iterable[str] = ()
) -> argparse.Namespace:
    """
    Read the command line; what is wrong with it is one line.

    Args:
        parser: with the common options.
        parts: those that `--only` may name, if there is such an option.
    """
    arguments = parser.parse_args()
    known, only = list(parts), getattr(arguments, "only", None)
    unknown = sorted(set(only.split(",") if only else ()) - set(known))
    if unknown:
        parser.error(f"--only: expected {', '.join(known)}, got {', '.join(unknown)}")
    if arguments.tune and arguments.json:
        parser.error("--json: what was tuned on is not reported; leave out --tune")
    return arguments


def size_of(arguments: argparse.Namespace) -> str:
    """
    Give the size that was asked for: `full`, `quick` or `usual`.
    """
    return "full" if arguments.full else "quick" if arguments.quick else "usual"
