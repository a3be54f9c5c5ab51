"""
Talk-off: every piece of material is played, as it is and changed.
"""

import numpy as np
import pytest

from benchmarks import talkoff
from benchmarks.channels import Int16
from benchmarks.results import TalkoffRow


SPEECH: Int16 = np.random.default_rng(1).integers(-900, 900, 1000).astype(np.int16)


@pytest.fixture(autouse=True)
def short_material(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A thousand samples in pieces of 400, played twice.
    """
    monkeypatch.setattr(talkoff, "MATERIALS", {"human speech": (lambda: SPEECH, "")})
    monkeypatch.setattr(talkoff, "PIECE_SAMPLES", 400)
    monkeypatch.setattr(talkoff, "PASSES", {"quick": {"human speech": 2}})
    monkeypatch.setattr(talkoff, "SLOW_PEER_PASSES", {"quick": 1})


@pytest.mark.parametrize(("seed", "half"), [(1, SPEECH[:500]), (2, SPEECH[500:])])
def test_the_first_pass_is_half_the_material_as_it_is(seed: int, half: Int16) -> None:
    """
    The pieces of pass 0, one after the other, are the half that belongs to the seed:
    the first for tuning, the second for reporting.
    """
    jobs = talkoff.jobs("quick", seed, ("default",))
    pieces = [talkoff.piece(job) for job in jobs if job.number == 0]
    assert np.array_equal(np.concatenate(pieces), half)


def test_later_passes_are_changed_by_their_seed_alone() -> None:
    """
    A changed piece is the same each time it is made, and is not the original.
    """
    job = next(j for j in talkoff.jobs("quick", 2, ("default",)) if j.number == 1)
    once, again = talkoff.piece(job), talkoff.piece(job)
    assert np.array_equal(once, again)
    assert not np.array_equal(once, SPEECH[: len(once)])


def test_slow_peers_hear_the_first_passes_only() -> None:
    """
    A program is given a part of the material, this engine all of it.
    """
    jobs = talkoff.jobs("quick", 2, ("default", "multimon-ng"))
    assert {job.number for job in jobs if "multimon-ng" in job.engines} == {0}
    assert {job.number for job in jobs if "default" in job.engines} == {0, 1}


def test_hours_and_hits_are_added_by_material_and_engine() -> None:
    """
    Rows of the same material and engine become one.
    """
    row = TalkoffRow(material="music", engine="default", hours=0.5, hits=2)
    merged = talkoff.merge([[row], [row]])
    assert merged == [TalkoffRow(material="music", engine="default", hours=1.0, hits=4)]
