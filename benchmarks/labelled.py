"""
Labelled recordings: short files of another project, each with 5 to 20 digits.

They are not part of this repository: put the folder `recordings` beside it, in
`shared/`, or name it in DTMF_RECORDINGS. Files of even number are to tune on, odd
ones report.
"""

import csv
import os
import wave
from pathlib import Path

import numpy as np

from benchmarks import engines
from benchmarks.channels import Int16
from benchmarks.results import HERE, LabelledRow
from benchmarks.scoring import score, total


def folder() -> Path:
    """
    Tell where the recordings are, or would be.
    """
    beside = HERE.parent.parent / "shared" / "recordings"
    return Path(os.environ.get("DTMF_RECORDINGS", beside))


def missing() -> str:
    """
    Say that there are none; nothing if there are.
    """
    if (folder() / "labels.csv").exists():
        return ""
    return "labelled recordings: none (name their folder in DTMF_RECORDINGS)"


def recordings(*, odd: bool) -> list[tuple[Int16, str]]:
    """
    Give the audio and the digits of each file of odd, or of even, number.
    """
    found = []
    with (folder() / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if int(row["file"][3:7]) % 2 == odd:
                path = folder() / "labelled" / row["file"]
                found.append((_read(path), row["digits"]))
    return found


def _read(path: Path) -> Int16:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)


def measure(job: tuple[str, bool]) -> LabelledRow:
    """
    Run one engine over the files of odd, or of even, number.
    """
    engine, odd = job
    files = recordings(odd=odd)
    heard = [engines.hear(engine, audio) for audio, _ in files]
    scores = [score(files[i][1], digits) for i, digits in enumerate(heard)]
    return LabelledRow(
        engine=engine,
        files=len(files),
        exact=sum(files[i][1] == digits for i, digits in enumerate(heard)),
        score=total(scores),
    )
