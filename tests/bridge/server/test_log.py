"""
Logs: one JSON object a line, and no card number in any of them.
"""

import json
import re
import subprocess
import sys
from typing import Any

import pytest


CARDS = [
    "4111111111111111",
    "378282246310005",
    "36227206271667",
    "6200000000000005",
    "4222222222222",
]
"""Published test numbers of 16, 15, 14, 16 and 13 digits."""


TEXTS = {
    **dict.fromkeys(CARDS, "[digits]"),
    "4111 1111 1111 1111": "[digits]",
    "4111-1111-1111-1111": "[digits]",
    "3782 822463 10005": "[digits]",
    "card=4111111111111111;": "card=[digits];",
    "x4111111111111111x": "x[digits]x",
    "4111111111111111, 378282246310005": "[digits], [digits]",
    '{"n": "4111111111111111"}': '{"n": "[digits]"}',
    # No card number.
    "0669074391500080": "0669074391500080",
    "7577104656341483960": "7577104656341483960",
    "41111111111": "41111111111",
    "2026-10-01T12:00:00.123456Z": "2026-10-01T12:00:00.123456Z",
    "CA" + "f" * 32: "CA" + "f" * 32,
    # A sid stays whole; a number with a letter or two in front does not.
    "CA4111111111111111" + "0" * 16: "CA4111111111111111" + "0" * 16,
    "CA4111111111111111": "CA[digits]",
}
"""What is logged, and how it is to be seen."""

BESIDE_OTHERS = [
    "leg 3 4111111111111111",
    "4111111111111111 7",
    "1 4111-1111-1111-1111 22",
    "4111111111111111 1227 123",
    "04111111111111111",
]
"""Card numbers with other digits at their sides."""

PROGRAM = """
import logging
import json
import sys

import structlog
from bridge.server.log import configure_logging

configure_logging(sys.argv[1])
log = structlog.get_logger().bind(call="c1")
CARD = "4111111111111111"
log.debug("hidden")
log.info("told", text="card " + CARD)
log.warning("card " + CARD, digits=int(CARD))
log.info("inside", form={"number": CARD, "list": [CARD, (CARD,)]})
logging.getLogger("library").debug("hidden")
logging.getLogger("library").warning("got %s", CARD)
try:
    raise ValueError("card " + CARD)
except ValueError:
    log.exception("failed")
for text in json.loads(sys.argv[2]):
    log.info("text", text=text)
"""


def _lines(level: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, level, json.dumps([*TEXTS, *BESIDE_OTHERS])],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    """
    Give what a program logged at level `info`.
    """
    return _lines("info")


def test_log_is_one_object_a_line(lines: list[dict[str, Any]]) -> None:
    """
    Every record has its event, its level, its time and its fields; libraries are
    heard from warnings on.
    """
    assert [(line["level"], line["event"]) for line in lines[:5]] == [
        ("info", "told"),
        ("warning", "card [digits]"),
        ("info", "inside"),
        ("warning", "library"),
        ("error", "failed"),
    ]
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert lines[0]["call"] == "c1"
    assert lines[0]["text"] == "card [digits]"
    assert lines[3]["text"] == "got [digits]"
    assert lines[3]["logger"] == "library"
    assert lines[4]["exception"].endswith("ValueError: card [digits]")


@pytest.mark.parametrize("number", range(5))
def test_log_shows_no_card_number(lines: list[dict[str, Any]], number: int) -> None:
    """
    A card number is seen nowhere in a record: not in its text, not as a number,
    not inside a field, not in an exception.
    """
    assert "4111111111111111" not in json.dumps(lines[number])


def test_log_takes_out_what_could_be_a_card_number(lines: list[dict[str, Any]]) -> None:
    """
    A run of 12 to 19 digits that passes the Luhn check is not seen, however it is
    grouped; all else is left as it is.
    """
    shown = [line["text"] for line in lines[5:]]
    assert dict(zip(TEXTS, shown, strict=False)) == TEXTS


@pytest.mark.parametrize("number", range(len(BESIDE_OTHERS)))
def test_log_shows_no_card_number_beside_other_digits(
    lines: list[dict[str, Any]], number: int
) -> None:
    """
    Digits that stand beside a card number are no cover for it.
    """
    shown = lines[5 + len(TEXTS) + number]["text"]
    assert "4111111111111111" not in re.sub("[ -]", "", shown)


def test_log_begins_at_its_level() -> None:
    """
    What is less severe than the level is not written.
    """
    assert [line["level"] for line in _lines("error")] == ["error"]
