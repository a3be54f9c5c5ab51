"""
The house rules that a machine can check.
"""

import re
from pathlib import Path

import pytest

from tests.support.diagram import README as PAY_README
from tests.support.diagram import with_diagram


ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("dtmf_engine", "bridge")
ROOMS = ("api", "callbacks", "call", "cli", "connectors", "ledger", "pay")
MORE_ROOMS = ("server", "stream")


def _modules() -> list[Path]:
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def _texts() -> list[Path]:
    suffixes = {".py", ".md", ".toml", ".txt", ".json", ".jsonl", ""}
    skipped = {".git", ".venv", ".venv-3.13", ".hypothesis", "demo-out", "dist"}
    skipped |= {".mypy_cache", ".ruff_cache", "LICENSE", ".import_linter_cache"}
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file()
        and path.suffix in suffixes
        and not skipped & set(path.relative_to(ROOT).parts)
    ]


def test_no_module_is_above_500_lines() -> None:
    """
    A module that grows beyond 500 lines has more than one idea.
    """
    sizes = {path: len(path.read_text().splitlines()) for path in _modules()}
    assert {path: n for path, n in sizes.items() if n > 500} == {}


@pytest.mark.parametrize("room", [*ROOMS, *MORE_ROOMS])
def test_each_room_has_a_page(room: str) -> None:
    """
    A stranger finds one page in each room.
    """
    assert (ROOT / "bridge" / room / "README.md").read_text().startswith("# ")


def test_state_diagram_is_that_of_the_table() -> None:
    """
    The picture in the pay room's page is made from the table (make diagram).
    """
    text = PAY_README.read_text()
    assert text == with_diagram(text)


def test_no_file_names_an_index_or_a_machine() -> None:
    """
    Lock files carry no registry's address, and no text a path of one machine.
    """
    bad = re.compile(
        r"--(extra-)?index-url|(^|[^A-Za-z0-9_.])/(ro" + r"ot|wo" + r"rk)/",
        re.MULTILINE,
    )
    assert [path for path in _texts() if bad.search(path.read_text())] == []


def test_every_pinned_package_has_one_exact_version() -> None:
    """
    Each line of constraints.txt pins one version, and nothing else.
    """
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*(; .+)?", line), line
