"""
Presses told by a file, for recordings in which they cannot be found.
"""

import json
from pathlib import Path

from dtmf_engine.audit import Press
from dtmf_engine.errors import ParameterError
from dtmf_engine.keypad import DIGITS
from dtmf_engine.units import samples_from_ms


def read_presses(path: Path, channel: int) -> list[Press]:
    """
    Read presses as `decode --json` writes them: an object a line.

    Args:
        path: of the file.
        channel: presses of others are left out; a line without one is of any.

    Raises:
        ParameterError: a line is not a press. The message names line and field,
            and never holds the digit.
        OSError: the file cannot be read.
    """
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{path}: line {number}"
        row = _row(line, where)
        if row.get("channel", channel) != channel:
            continue
        start, end = (_ms(row, name, where) for name in ("start_ms", "end_ms"))
        digit = row.get("digit")
        if not isinstance(digit, str) or len(digit) != 1 or digit not in DIGITS:
            raise ParameterError(f"{where}: digit: expected one of {DIGITS}")
        if not start < end:
            raise ParameterError(
                f"{where}: end_ms: expected more than start_ms, {start:g}, got {end:g}"
            )
        found.append(Press(digit, samples_from_ms(start), samples_from_ms(end)))
    return found


def _row(line: str, where: str) -> dict[str, object]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise ParameterError(f"{where}: expected one JSON object")
    return row


def _ms(row: dict[str, object], name: str, where: str) -> float:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ParameterError(f"{where}: {name}: expected a number of milliseconds")
    if not 0 <= value < 1e9:
        raise ParameterError(f"{where}: {name}: expected 0 to 1e9, got {value:g}")
    return float(value)
