"""
The memory of another process, read as a forensic tool reads it.
"""

from collections.abc import Iterator
from io import RawIOBase
from pathlib import Path


_CHUNK = 1 << 22


def count_in_memory(pid: int, needle: bytes) -> int:
    """
    Count the places in a process's writable memory where some octets stand.

    Raises:
        OSError: it is not allowed (another user's process).
    """
    return sum(part.count(needle) for part in parts_of(pid, len(needle) - 1))


def parts_of(pid: int, overlap: int) -> Iterator[bytes]:
    """
    Give all of a process's writable memory, part by part.

    Args:
        pid: of the process.
        overlap: how many octets of a part are in the one before it, too.

    Raises:
        OSError: it is not allowed (another user's process).
    """
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            if "w" in rights and "[vvar" not in line:
                start, stop = (int(place, 16) for place in span.split("-"))
                yield from _parts_of_span(memory, start, stop, overlap)


def _parts_of_span(
    memory: RawIOBase, start: int, stop: int, overlap: int
) -> Iterator[bytes]:
    tail = b""
    while start < stop:
        try:
            memory.seek(start)
            part = memory.read(min(_CHUNK, stop - start))
        except OSError:
            # A page of the span that nobody may read.
            break
        if not part:
            break
        whole = tail + part
        yield whole
        tail = whole[-overlap:] if overlap else b""
        start += len(part)
