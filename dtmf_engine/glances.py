"""
Glances: what close looks tell a masker.

A masker does not ask whether there is a digit. It asks whether a pair of tones
may have begun, earlier than anybody could be sure, and whether one that began
may still be there.
"""

from typing import NamedTuple

import numpy as np

from dtmf_engine.looks import EARLY, Looks


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


def loud_legs(looks: Looks, min_score: float) -> set[int]:
    """
    Give the rows of legs of which a direct look scores so much.
    """
    loud = (looks["score"][:, EARLY] >= min_score) & ~looks["is_filtered"]
    return set(looks["leg"][loud].tolist())


def of_leg(looks: Looks, leg: int) -> dict[int, Glance]:
    """
    Give one leg's glances by hop.

    Args:
        looks: of several legs, in their order.
        leg: its row.
    """
    start, stop = np.searchsorted(looks["leg"], (leg, leg + 1))
    some = looks[start:stop]
    some = some[~some["is_filtered"]]
    made = map(
        Glance,
        some["score"][:, EARLY].tolist(),
        some["row"].tolist(),
        some["column"].tolist(),
        some["tone_power"].tolist(),
        some["share"].tolist(),
        some["is_worth"].tolist(),
    )
    return dict(zip(some["hop"].tolist(), made, strict=True))
