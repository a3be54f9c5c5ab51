"""
The memory of another process, read as a forensic tool reads it.
"""

from io import RawIOBase
from pathlib import Path


_CHUNK = 1 << 22


def count_in_memory(pid: int, needle: bytes) -> int:
    """
    Count the places in a process's writable memory where some octets stand.

    Raises:
        OSError: it is not allowed (another user's process).
    """
    count = 0
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            if "w" in rights and "[vvar" not in line:
                start, stop = (int(place, 16) for place in span.split("-"))
                count += _count_in_span(memory, start, stop, needle)
    return count


def _count_in_span(memory: RawIOBase, start: int, stop: int, needle: bytes) -> int:
    count, tail = 0, b""
    while start < stop:
        try:
            memory.seek(start)
            part = memory.read(min(_CHUNK, stop - start))
        except OSError:
            # A page of the span that nobody may read.
            break
        if not part:
            break
        count += (tail + part).count(needle)
        tail = (tail + part)[-(len(needle) - 1) :]
        start += len(part)
    return count
