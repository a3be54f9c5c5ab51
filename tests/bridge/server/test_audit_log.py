"""
The audit log: who did what, when and from where, without a digit.
"""

import asyncio
import json
import os
import stat
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.api.guard import Requester
from bridge.server.audit_log import SYNC_DELAY_S, AuditLog
from tests.support.media import put_forward, run, wait_until


SOMEBODY = Requester(
    account_sid="AC" + "a" * 32, key_sid="SK" + "b" * 32, address="192.0.2.1"
)
PAYMENT = "PK" + "c" * 32


def _entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_line_says_who_did_what_when_and_from_where(tmp_path: Path) -> None:
    """
    A command is its sender's doing, anything else the bridge's; the log says the
    same as the file.
    """
    path = tmp_path / "new" / "audit.jsonl"

    async def main() -> None:
        log = AuditLog(path)
        with log.acting(SOMEBODY):
            log.record("start", payment=PAYMENT, field=None)
        log.record("ended", payment=PAYMENT, result="success")
        log.close()

    with capture_logs() as lines:
        run(main())
    first, second = _entries(path)
    at = datetime.fromisoformat(first.pop("at"))
    assert at.utcoffset() == timedelta(0)
    assert at <= datetime.fromisoformat(second.pop("at"))
    assert first == {
        "action": "start",
        "by": SOMEBODY.key_sid,
        "account": SOMEBODY.account_sid,
        "address": "192.0.2.1",
        "payment": PAYMENT,
    }
    assert second == {
        "action": "ended",
        "by": "bridge",
        "payment": PAYMENT,
        "result": "success",
    }
    assert lines == [
        {"event": "audit", "log_level": "info", **entry} for entry in (first, second)
    ]


def test_doing_is_not_attributed_beyond_its_command(tmp_path: Path) -> None:
    """
    One command inside another is its own sender's, and after an error nobody acts.
    """
    path = tmp_path / "audit.jsonl"

    async def main() -> None:
        log = AuditLog(path)
        with log.acting(SOMEBODY):
            with log.acting(None):
                log.record("inner")
            log.record("outer")
        with pytest.raises(RuntimeError), log.acting(SOMEBODY):
            raise RuntimeError
        log.record("after")
        log.close()

    run(main())
    assert [(e["action"], e["by"]) for e in _entries(path)] == [
        ("inner", "bridge"),
        ("outer", SOMEBODY.key_sid),
        ("after", "bridge"),
    ]


def test_file_is_the_owner_s_and_only_grows(tmp_path: Path) -> None:
    """
    Nobody else reads it, and what was there stays.
    """
    path = tmp_path / "audit.jsonl"

    async def write(action: str) -> None:
        log = AuditLog(path)
        log.record(action)
        log.close()

    run(write("first"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    run(write("second"))
    assert [entry["action"] for entry in _entries(path)] == ["first", "second"]


def test_line_is_in_the_file_before_anybody_waits(tmp_path: Path) -> None:
    """
    A process that is killed right after has lost no line.
    """
    path = tmp_path / "audit.jsonl"

    async def main() -> None:
        log = AuditLog(path)
        log.record("start")
        assert [entry["action"] for entry in _entries(path)] == ["start"]
        log.close()

    run(main())


def test_lines_are_synced_within_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    One fsync for all lines of a second, not on the event loop, and one at the end.
    """
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)

    async def main() -> None:
        log = AuditLog(tmp_path / "audit.jsonl")
        log.record("one")
        log.record("two")
        await asyncio.sleep(0)
        assert synced == []
        put_forward(SYNC_DELAY_S)
        await wait_until(lambda: len(synced) == 1)
        log.record("three")
        log.close()
        assert len(synced) == 2
        put_forward(SYNC_DELAY_S)
        await asyncio.get_running_loop().shutdown_default_executor()
        assert len(synced) == 2

    run(main())


def test_file_is_rotated_by_renaming_it(tmp_path: Path) -> None:
    """
    After `reopen` lines go to a new file; the old one has lost none.
    """
    path, old = tmp_path / "audit.jsonl", tmp_path / "audit.jsonl.1"

    async def main() -> None:
        log = AuditLog(path)
        log.record("one")
        path.rename(old)
        log.record("two")
        log.reopen()
        log.record("three")
        log.close()

    run(main())
    assert [entry["action"] for entry in _entries(old)] == ["one", "two"]
    assert [entry["action"] for entry in _entries(path)] == ["three"]


def test_full_disk_stops_no_payment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The line is in the log, and so is the reason why it is not in the file.
    """

    def full(_file: int, _octets: bytes) -> int:
        raise OSError(28, "No space left on device")

    async def main() -> None:
        log = AuditLog(tmp_path / "audit.jsonl")
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", full)
            log.record("start")
        log.close()

    with capture_logs() as lines:
        run(main())
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("audit", "info"),
        ("audit line not written", "error"),
    ]
    assert lines[1]["error"] == "No space left on device"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("4111111111111111", "[digits]"),
        ("call 4111 1111 1111 1111", "call [digits]"),
        # A sid is a sid, even if it looks like a card number in part.
        ("PK4111111111111111" + "0" * 16, "PK4111111111111111" + "0" * 16),
        ("two\nlines", "two\nlines"),
    ],
)
def test_line_shows_no_card_number(tmp_path: Path, value: str, expected: str) -> None:
    """
    Nothing of the kind is recorded; this is the net under that. A line stays one.
    """
    path = tmp_path / "audit.jsonl"

    async def main() -> None:
        log = AuditLog(path)
        log.record("start", call=value)
        log.close()

    run(main())
    (entry,) = _entries(path)
    assert entry["call"] == expected
