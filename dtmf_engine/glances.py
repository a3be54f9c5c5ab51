"""
Glances: what close looks tell a masker.

A masker does not ask whether there is a digit. It asks whether a pair of tones
may have begun, earlier than anybody could be sure, and whether one that began
may still be there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dtmf_engine.arrays import Bool, Float64, Index
from dtmf_engine.pairs import Looks


class Glance(NamedTuple):
    """
    What one look tells, for one leg.
    """

    score: float
    """The early score: the higher, the more like a press that has just begun."""
    row: int
    column: int
    tone_power: list[float]
    """Mean-square power of all eight tones over the last 10 ms."""
    share: float
    """Part of the energy of the last 10 ms that the pair holds, 0 to about 1."""
    is_worth: bool
    """Whether the first look asked for it, or only somebody who watches."""

    @property
    def powers(self) -> tuple[float, float]:
        """
        The mean-square powers of the pair's low and high tone.
        """
        return self.tone_power[self.row], self.tone_power[4 + self.column]


@dataclass(frozen=True, slots=True, eq=False)
class Glances:
    """
    Those of g looks at several legs.
    """

    leg: Index
    """[shape=(g,)] row of each look's leg."""
    hop: Index
    """[shape=(g,)] its hop in the batch."""
    score: Float64
    looks: Looks
    is_worth: Bool

    def loudest(self, n_legs: int) -> Float64:
        """
        Give each leg's highest score, −∞ without a look, [shape=(n_legs,)].
        """
        best = np.full(n_legs, -np.inf)
        np.maximum.at(best, self.leg, self.score)
        return best


def of_leg(parts: Iterable[Glances], leg: int) -> dict[int, Glance]:
    """
    Give one leg's glances by hop.
    """
    found: dict[int, Glance] = {}
    for part in parts:
        chosen = np.flatnonzero(part.leg == leg)
        if not chosen.size:
            continue
        looks = part.looks
        columns = zip(
            part.hop[chosen].tolist(),
            part.score[chosen].tolist(),
            looks.row[chosen].tolist(),
            looks.column[chosen].tolist(),
            looks.tone_power[:, chosen].T.tolist(),
            looks.share[chosen].tolist(),
            part.is_worth[chosen].tolist(),
            strict=True,
        )
        for hop, *values in columns:
            found[hop] = Glance(*values)
    return found
