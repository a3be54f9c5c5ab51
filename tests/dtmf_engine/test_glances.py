"""
Glances: each leg gets its own looks, and no other's.
"""

import numpy as np
import pytest

from dtmf_engine.glances import Glance, Glances, of_leg
from dtmf_engine.pairs import Looks, Window


def _glances(*where: tuple[int, int], first: float, is_worth: bool = True) -> Glances:
    """
    Make glances at legs and hops, each with values of its own, from `first` on.
    """
    g = len(where)
    leg, hop = np.array(where, dtype=np.intp).reshape(g, 2).T
    value = np.array([first + i for i in range(g)], dtype=np.float64)
    window = Window(
        offset_hz=np.zeros((2, 2, g)),
        power=np.zeros((2, 2, g)),
        rest=np.zeros((2, g)),
        rest_trimmed=np.zeros((2, g)),
        wander=np.zeros((2, 2, g)),
        wander_trimmed=np.zeros((2, 2, g)),
        drift=np.zeros((2, 2, g)),
        outside=np.zeros((2, g)),
        rival=np.zeros((2, 2, g)),
    )
    looks = Looks(
        row=np.arange(g, dtype=np.intp) % 4,
        column=np.arange(g, dtype=np.intp)[::-1] % 4,
        tone_power=value * 10.0 ** np.arange(8)[:, None],
        share=value / 1000,
        windows=window,
        whiteness=np.zeros(g),
        before=np.zeros(g),
        size=np.zeros(g),
        filled=np.zeros((16, g)),
        other=np.zeros((16, g)),
    )
    return Glances(leg, hop, value, looks, np.full(g, is_worth, dtype=np.bool_))


def test_of_leg_picks_one_leg_out_of_several_parts() -> None:
    """
    Its hops, and no other leg's, from every part, with the values of each.
    """
    one = _glances((0, 3), (1, 3), (1, 5), (2, 5), first=10.0)
    other = _glances((1, 9), (0, 9), first=50.0, is_worth=False)
    found = of_leg([one, other], 1)
    assert found == {
        3: Glance(11.0, 1, 2, [11.0 * 10.0**i for i in range(8)], 0.011, True),
        5: Glance(12.0, 2, 1, [12.0 * 10.0**i for i in range(8)], 0.012, True),
        9: Glance(50.0, 0, 1, [50.0 * 10.0**i for i in range(8)], 0.050, False),
    }
    assert sorted(of_leg([one, other], 0)) == [3, 9]
    assert sorted(of_leg([one, other], 2)) == [5]


def test_of_leg_gives_nothing_without_a_look() -> None:
    """
    A leg that nobody looked at has no glances, and neither has one without parts.
    """
    assert of_leg([_glances((0, 3), first=1.0)], 1) == {}
    assert of_leg([], 0) == {}


@pytest.mark.parametrize("is_worth", [True, False])
def test_of_leg_says_who_asked_for_a_look(*, is_worth: bool) -> None:
    """
    The first look, or only somebody who watches.
    """
    found = of_leg([_glances((0, 3), (0, 4), first=1.0, is_worth=is_worth)], 0)
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


def test_loudest_is_each_leg_s_highest_score() -> None:
    """
    Whatever the order of the looks; minus infinity without any.
    """
    glances = _glances((2, 0), (0, 1), (2, 2), (0, 3), (3, 0), first=-2.0)
    assert glances.loudest(5).tolist() == [1.0, -np.inf, 0.0, 2.0, -np.inf]


def test_loudest_of_no_looks_is_minus_infinity() -> None:
    """
    For every leg there is.
    """
    assert _glances(first=0.0).loudest(2).tolist() == [-np.inf, -np.inf]
