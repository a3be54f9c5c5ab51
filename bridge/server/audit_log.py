"""
The audit log: who did what, when and from where, without a digit.

One JSON object a line in `audit.jsonl` in the data folder, readable by its owner
only and never rewritten; the same goes to the log under the event `audit`. A line
is with the kernel before the command it tells of is answered, and on the disk
(fsync) within a second: killing the process loses none, a power cut the last
second. Rotation is the operator's: rename the file, then send SIGHUP.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import structlog

from bridge.api.guard import Requester
from bridge.scrub import hide_in_value
from bridge.server.clock import utc_now


FILE_NAME = "audit.jsonl"

SYNC_DELAY_S = 1.0
"""Longest time between a line and its fsync."""

BRIDGE = "bridge"
"""Who acts when nobody asked: a timer, a hang-up, the caller's own keys."""


class AuditLog:
    """
    Writes the audit log.

    Args:
        path: of the file; without one, the log alone is told.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._file = _open(path)
        self._actor: Requester | None = None
        self._sync: asyncio.TimerHandle | None = None
        self._log = structlog.get_logger()

    @contextlib.contextmanager
    def acting(self, requester: Requester | None) -> Iterator[None]:
        """
        Have what is recorded inside be this requester's doing.

        It must not await inside: whatever else runs would be his doing, too.
        """
        before, self._actor = self._actor, requester
        try:
            yield
        finally:
            self._actor = before

    def record(self, action: str, **facts: str | None) -> None:
        """
        Record that something was done.

        Args:
            action: a command (`start`, `capture`, `complete`, `cancel`), or what
                happened (`armed`, `disarmed`, `ended`, …).
            facts: names and sids; nothing that a caller keyed in.
        """
        actor = self._actor
        entry: dict[str, str | None] = {"action": action}
        if actor is None:
            entry |= {"by": BRIDGE}
        else:
            entry |= {
                "by": actor.key_sid,
                "account": actor.account_sid,
                "address": actor.address,
            }
        entry |= facts
        shown = {
            name: hide_in_value(value)
            for name, value in entry.items()
            if value is not None
        }
        self._log.info("audit", **shown)
        self._write({"at": utc_now().isoformat(timespec="microseconds"), **shown})

    def reopen(self) -> None:
        """
        Go on in a new file, if the old one was renamed.

        Raises:
            OSError: it cannot be opened; the old one is still written to.
        """
        fresh = _open(self._path)
        old, self._file = self._file, fresh
        _close(old)

    def close(self) -> None:
        """
        Have everything on the disk, and let go of the file.
        """
        if self._sync is not None:
            self._sync.cancel()
        old, self._file = self._file, None
        _close(old)

    def _write(self, entry: dict[str, str]) -> None:
        if self._file is None:
            return
        try:
            # One write of a file opened for appending: lines never mix.
            os.write(self._file, (json.dumps(entry) + "\n").encode())
        except OSError as error:
            # A payment under way is not given up for it; the log has the line.
            self._log.error(
                "audit line not written", error=os.strerror(error.errno or 0)
            )
            return
        if self._sync is None:
            loop = asyncio.get_running_loop()
            self._sync = loop.call_later(SYNC_DELAY_S, self._sync_now)

    def _sync_now(self) -> None:
        self._sync = None
        if self._file is not None:
            # A copy of the descriptor: the file may be closed meanwhile.
            copy = os.dup(self._file)
            asyncio.get_running_loop().run_in_executor(None, _close, copy)


def _open(path: Path | None) -> int | None:
    if path is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _close(file: int | None) -> None:
    if file is None:
        return
    try:
        os.fsync(file)
    except OSError as error:
        structlog.get_logger().error(
            "audit log not synced", error=os.strerror(error.errno or 0)
        )
    finally:
        os.close(file)
