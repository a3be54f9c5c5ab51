"""
Hardening: what the process asks of its kernel before it takes a call.
"""

import ctypes
import os
import resource
import sys


_PR_SET_DUMPABLE = 4
"""`prctl(2)`, linux/prctl.h."""


def harden() -> dict[str, bool]:
    """
    Have no memory of this process end up in a file.

    Core dumps hold whatever was keyed in. With `PR_SET_DUMPABLE` off, none is
    made even by a pipe handler, which a limit of 0 does not stop; and /proc/PID
    with its memory and environment is root's alone. Files made from now on, the
    database among them, are their owner's alone.

    Returns:
        What was done, for the log.
    """
    os.umask(0o077)
    return {"core_limit": _limit_cores(), "not_dumpable": _forbid_dumps()}


def _limit_cores() -> bool:
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):
        return False
    return True


def _forbid_dumps() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return False
    return int(prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)) == 0
