"""
Glances: each leg gets its own looks, and no other's.
"""

import numpy as np
import pytest

from dtmf_engine.glances import Glance, by_leg, loud_legs
from dtmf_engine.looks import EARLY, LOOK, Looks


def _looks(*where: tuple[int, int], first: float, is_worth: bool = True) -> Looks:
    """
    Make direct looks at legs and hops, each with values of its own, from `first` on.
    """
    g = len(where)
    value = first + np.arange(g, dtype=np.float64)
    looks = np.zeros(g, dtype=LOOK)
    looks["leg"], looks["hop"] = np.array(where, dtype=np.intp).reshape(g, 2).T
    looks["row"], looks["column"] = np.arange(g) % 4, np.arange(g)[::-1] % 4
    looks["tone_power"] = value[:, None] * 10.0 ** np.arange(8)
    looks["share"] = value / 1000
    looks["score"] = -99.0
    looks["score"][:, EARLY] = value
    looks["is_worth"] = is_worth
    return looks


def test_each_leg_has_its_own_glances() -> None:
    """
    By hop, with the values of each, whatever was seen of other legs.
    """
    looks = _looks((0, 3), (0, 9), (1, 3), (1, 5), (1, 9), (2, 5), first=10.0)
    looks["is_worth"][4] = False
    glances = by_leg(looks)
    assert glances[1] == {
        3: Glance(12.0, 2, 3, [12.0 * 10.0**i for i in range(8)], 0.012, True),
        5: Glance(13.0, 3, 2, [13.0 * 10.0**i for i in range(8)], 0.013, True),
        9: Glance(14.0, 0, 1, [14.0 * 10.0**i for i in range(8)], 0.014, False),
    }
    assert sorted(glances[0]) == [3, 9]
    assert sorted(glances[2]) == [5]


def test_legs_without_a_look_have_no_glances() -> None:
    """
    Neither amid others, nor where there was no look at all.
    """
    assert sorted(by_leg(_looks((0, 3), (2, 3), first=1.0))) == [0, 2]
    assert by_leg(_looks(first=0.0)) == {}


def test_what_was_filtered_gives_no_glance() -> None:
    """
    The high-pass comes too late for a masker: of a hop that was looked at in both
    ways it is told what was seen directly.
    """
    looks = _looks((0, 3), (0, 3), (0, 4), (1, 4), first=1.0)
    looks["is_filtered"] = [False, True, True, True]
    scores = {
        leg: {hop: glance.score for hop, glance in found.items()}
        for leg, found in by_leg(looks).items()
    }
    assert scores == {0: {3: 1.0}}


@pytest.mark.parametrize("is_worth", [True, False])
def test_glances_say_who_asked_for_a_look(*, is_worth: bool) -> None:
    """
    The first look, or only somebody who watches.
    """
    found = by_leg(_looks((0, 3), (0, 4), first=1.0, is_worth=is_worth))[0]
    assert [glance.is_worth for glance in found.values()] == [is_worth, is_worth]


def test_glance_knows_the_powers_of_its_pair() -> None:
    """
    The low tone is one of the first four, the high tone one of the last.
    """
    powers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    pairs = {
        (row, column): Glance(0.0, row, column, powers, 1.0, True).powers
        for row in range(4)
        for column in range(4)
    }
    assert pairs == {
        (row, column): (row + 1.0, column + 5.0)
        for row in range(4)
        for column in range(4)
    }


def test_legs_are_loud_that_have_one_look_of_such_a_score() -> None:
    """
    Whatever the order of the looks, and the score itself is enough; none is without
    a look.
    """
    looks = _looks((0, 1), (0, 3), (2, 0), (2, 2), (3, 0), first=-2.0)
    assert looks["score"][:, EARLY].tolist() == [-2.0, -1.0, 0.0, 1.0, 2.0]
    assert loud_legs(looks, -1.0) == loud_legs(looks[::-1], -1.0) == {0, 2, 3}
    assert loud_legs(looks, 1.0) == {2, 3}
    assert loud_legs(looks, 2.5) == set()
    assert loud_legs(_looks(first=0.0), -99.0) == set()


def test_what_was_filtered_is_not_loud() -> None:
    """
    A masker does not hear it.
    """
    looks = _looks((0, 1), (1, 1), first=5.0)
    looks["is_filtered"] = [False, True]
    assert loud_legs(looks, 0.0) == {0}
