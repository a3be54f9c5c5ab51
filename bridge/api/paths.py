"""
Paths as errors show them.
"""

import re


_SHOWN = re.compile(
    r"(20[0-9]{2}-[0-9]{2}-[0-9]{2}|[A-Za-z]{1,40}|[A-Z]{2}[0-9a-fA-F]{32})(\.json)?|"
)
"""A version, a name, a sid, or nothing."""


def shown_path(path: str) -> str:
    """
    Leave out what could not be ours of a path.

    What was sent by mistake does not come back in an error, and from there into
    somebody's log.
    """
    return "/".join(p if _SHOWN.fullmatch(p) else "…" for p in path.split("/"))
