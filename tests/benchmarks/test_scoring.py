"""
Scoring: digits right, inserted and lost.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scoring import Score, score, total


@pytest.mark.parametrize(
    ("keyed", "heard", "right", "inserted", "lost"),
    [
        ("", "", 0, 0, 0),
        ("123", "123", 3, 0, 0),
        ("123", "13", 2, 0, 1),
        ("123", "1223", 3, 1, 0),
        ("123", "173", 2, 1, 1),
        ("", "59", 0, 2, 0),
        ("123", "", 0, 0, 3),
        ("1234", "2345", 3, 1, 1),
    ],
)
def test_a_heard_string_is_aligned_with_what_was_keyed(
    keyed: str, heard: str, right: int, inserted: int, lost: int
) -> None:
    """
    A digit taken for another one is one lost and one inserted.
    """
    assert score(keyed, heard) == Score(len(keyed), right, inserted, lost)


@given(st.text("0123", max_size=12), st.text("0123", max_size=12))
def test_digits_add_up(keyed: str, heard: str) -> None:
    """
    Every keyed digit is right or lost, every heard one right or inserted.
    """
    found = score(keyed, heard)
    assert found.right + found.lost == len(keyed) == found.keyed
    assert found.right + found.inserted == len(heard)


@given(st.text("0123", max_size=12), st.lists(st.integers(0, 11), max_size=4))
def test_losing_digits_inserts_none(keyed: str, lost: list[int]) -> None:
    """
    Whichever digits are left out, nothing counts as inserted.
    """
    heard = "".join(key for i, key in enumerate(keyed) if i not in lost)
    assert score(keyed, heard).inserted == 0


def test_scores_are_added_field_by_field() -> None:
    """
    The total of a condition is that of its trials.
    """
    parts = [score("12", "12"), score("12", "1"), score("", "7")]
    assert total(parts) == Score(keyed=4, right=3, inserted=1, lost=1)
    assert total([]) == Score()
