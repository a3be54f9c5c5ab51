"""
Glances: what close looks tell a masker.

A masker does not ask whether there is a digit. It asks whether a pair of tones
may have begun, earlier than anybody could be sure, and whether one that began
may still be there.
"""

from typing import NamedTuple

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


def by_leg(looks: Looks) -> dict[int, dict[int, Glance]]:
    """
    Give the glances of each leg by hop, by the leg's row.
    """
    direct = looks[~looks["is_filtered"]]
    made = map(
        Glance,
        direct["score"][:, EARLY].tolist(),
        direct["row"].tolist(),
        direct["column"].tolist(),
        direct["tone_power"].tolist(),
        direct["share"].tolist(),
        direct["is_worth"].tolist(),
    )
    found: dict[int, dict[int, Glance]] = {}
    where = direct["leg"].tolist(), direct["hop"].tolist()
    for leg, hop, glance in zip(*where, made, strict=True):
        found.setdefault(leg, {})[hop] = glance
    return found
