"""
The clocks of the shell: the only place that asks what time it is.

`now` for machines is the event loop's own time; see `runner`.
"""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """
    Give the wall time, aware, in UTC.
    """
    return datetime.now(UTC)


def unix_now() -> float:
    """
    Give the wall time in seconds since 1970.
    """
    return time.time()
