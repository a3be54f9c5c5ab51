"""
Two workers for what may run side by side, and a bar that says how far they are.
"""

import multiprocessing
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn


WORKERS = 2

Job = TypeVar("Job")
Done = TypeVar("Done")


def run(
    title: str,
    work: Callable[[Job], Done],
    jobs: Sequence[Job],
    *,
    workers: int = WORKERS,
) -> list[Done]:
    """
    Do every job; results come in the order of the jobs.

    With one worker all happens in this process. More are forked, so that what this
    process has read already (hours of speech) is not read again.
    """
    console = Console(stderr=True)
    columns = ("{task.description:<12}", BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(title, total=len(jobs))
        done = []
        if workers == 1:
            for job in jobs:
                done.append(work(job))
                progress.advance(task)
            return done
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            for result in pool.imap(work, jobs):
                done.append(result)
                progress.advance(task)
        return done


def note(line: str) -> None:
    """
    Say something beside the results.
    """
    print(line, file=sys.stderr, flush=True)
