"""
Ids: nobody guesses them, and no log hides them.
"""

import secrets

import pytest

from bridge.scrub import hide_card_numbers
from bridge.server.ids import new_id


def test_ids_have_their_prefix_and_their_length() -> None:
    """
    And are all different.
    """
    made = {new_id("PK", 16) for _ in range(100)}
    assert len(made) == 100
    assert all(len(i) == 34 and i.startswith("PK") for i in made)
    assert all(set(i[2:]) <= set("0123456789abcdef") for i in made)


def test_ids_are_never_taken_for_a_card_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    One that could be is thrown away.
    """
    drawn = iter(["4242424242424242", "x4111111111111111", "a1b2"])
    monkeypatch.setattr(secrets, "token_hex", lambda _n: next(drawn))
    made = new_id("ch_", 8)
    assert made == "ch_a1b2"
    assert hide_card_numbers(made) == made
