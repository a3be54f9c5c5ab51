"""
The card: what was measured beside its bound, printed after the tests.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pytest


@dataclass(frozen=True, slots=True)
class CardLine:
    """
    What one test measured.
    """

    test: str
    """Node of the test, to find out how it ended."""
    name: str
    bound: str
    measured: str


class Card(Protocol):
    """
    Puts a test's line on the card; called before the test asserts.
    """

    def __call__(self, name: str, *, bound: str, measured: str) -> None:
        """
        Note one line.
        """


_LINES = pytest.StashKey[list[CardLine]]()


@pytest.fixture
def card(request: pytest.FixtureRequest) -> Card:
    """
    The card of this run.
    """
    lines = request.config.stash.setdefault(_LINES, [])

    def note(name: str, *, bound: str, measured: str) -> None:
        lines.append(CardLine(request.node.nodeid, name, bound, measured))

    return note


def _rows(lines: Sequence[CardLine], failed: set[str]) -> list[str]:
    heading = CardLine("", "line", "bound", "measured")
    table = [heading, *lines]
    name_width = max(len(line.name) for line in table)
    bound_width = max(len(line.bound) for line in table)
    return [
        f"{line.name:{name_width}} | {line.bound:{bound_width}} | {line.measured}"
        + ("  <- MISSED" if line.test in failed else "")
        for line in table
    ]


def pytest_terminal_summary(
    terminalreporter: "pytest.TerminalReporter", config: pytest.Config
) -> None:
    """
    Print the card, however quiet the run.
    """
    lines = config.stash.get(_LINES, [])
    if not lines:
        return
    failed = {report.nodeid for report in terminalreporter.stats.get("failed", [])}
    terminalreporter.section("conformance card")
    for row in _rows(lines, failed):
        terminalreporter.write_line(row)
