"""
Scoring: what was heard, laid beside what was keyed.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """
    Digits keyed, of them right and lost, and digits that nobody keyed.
    """

    keyed: int = 0
    right: int = 0
    inserted: int = 0
    lost: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.keyed + other.keyed,
            self.right + other.right,
            self.inserted + other.inserted,
            self.lost + other.lost,
        )


def score(keyed: str, heard: str) -> Score:
    """
    Align two strings so that as few digits as possible are lost and inserted.

    A digit taken for another one is one lost and one inserted.
    """
    right = _most_in_order(keyed, heard)
    return Score(len(keyed), right, len(heard) - right, len(keyed) - right)


def total(scores: Iterable[Score]) -> Score:
    """
    Add scores up.
    """
    return sum(scores, Score())


def _most_in_order(keyed: str, heard: str) -> int:
    """
    Count the digits of the longest common subsequence.
    """
    if keyed == heard:
        return len(keyed)
    row = [0] * (len(heard) + 1)
    for key in keyed:
        before = 0
        for place, digit in enumerate(heard, start=1):
            above = row[place]
            row[place] = before + 1 if key == digit else max(above, row[place - 1])
            before = above
    return row[-1]
