"""
Conditions: what is asked of a detector, and audio that is what its name says.
"""

from itertools import pairwise

import numpy as np
import pytest

from benchmarks import conditions, engines, trials
from benchmarks.conditions import CONDITIONS, Must


def test_a_trial_is_made_by_its_seed_alone() -> None:
    """
    The same seed gives the same audio, another seed other audio.
    """
    name = "S/N dB, both tones 5"
    once, again = (conditions.draw(name, 1, seed=2)[0] for _ in range(2))
    other = conditions.draw(name, 1, seed=4)[0]
    assert np.array_equal(once.audio, again.audio)
    assert once.keys == again.keys != other.keys


def test_each_kind_of_demand_has_conditions() -> None:
    """
    Something must be accepted, something rejected, and something lies between.
    """
    assert {condition.must for condition in CONDITIONS.values()} == set(Must)


@pytest.mark.parametrize(
    ("name", "edge"),
    [
        *(("level dBm0 -45", Must.ACCEPT), ("level dBm0 -47", Must.BETWEEN)),
        *(("twist dB 6", Must.ACCEPT), ("twist dB 7", Must.BETWEEN)),
        *(("twist dB -10", Must.ACCEPT), ("twist dB -11", Must.BETWEEN)),
        *(("tone ms 40", Must.ACCEPT), ("tone ms 38", Must.BETWEEN)),
        ("tone ms 19", Must.REJECT),
        ("frequency % any of 1.75", Must.ACCEPT),
        ("frequency % +3.5 +0", Must.REJECT),
        ("dial tone 350+440 dB 6", Must.ACCEPT),
        ("same key, pause ms 30", Must.ACCEPT),
        ("one low tone", Must.REJECT),
    ],
)
def test_edges_of_the_demands_are_conditions(name: str, edge: Must) -> None:
    """
    Ids on both sides of each edge exist and ask what the page says.
    """
    assert CONDITIONS[name].must is edge


def test_keys_can_be_kept_apart_or_the_same() -> None:
    """
    A pause of 20 ms is asked for between different keys only.
    """
    random = np.random.default_rng(1)
    other = trials.draw_keys("other", 200, random)
    assert all(a != b for a, b in pairwise(other))
    assert len(set(trials.draw_keys("same", 200, random))) == 1
    assert len(set(trials.draw_keys("any", 200, random))) == 16


def test_clipping_reaches_full_scale() -> None:
    """
    A wave driven 12 dB above full scale stands at it a good part of the time.
    """
    trial = conditions.draw("clipping dB 12", 1, seed=1)[0]
    loudest = np.max(np.abs(trial.audio.astype(np.int32)))
    at_the_top = np.mean(np.abs(trial.audio.astype(np.int32)) > 0.95 * loudest)
    assert at_the_top > 0.25


@pytest.mark.parametrize(
    "name", ["tone ms 60", "level dBm0 -20", "frequency % +1 -1", "codec mulaw"]
)
def test_easy_conditions_are_heard_whole(name: str) -> None:
    """
    Far inside the mask the default profile hears exactly what was keyed.
    """
    trial = conditions.draw(name, 1, seed=1)[0]
    assert engines.hear_trial("default", trial) == trial.keys


def test_losses_are_told_to_this_engine_only() -> None:
    """
    A trial with known losses is heard by our profiles; no peer can be told.
    """
    trial = conditions.draw("frames lost % 1 fill_in", 1, seed=1)[0]
    assert trial.lost is not None
    assert len(trial.lost) == -(-len(trial.audio) // 160)
    assert engines.hear_trial("default", trial) is not None
    assert engines.hear_trial(engines.SPANDSP, trial) is None
