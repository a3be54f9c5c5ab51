"""
Tokens that expire: made, read and compared.
"""

from bridge.expiring_token import expiry_of, is_same_token, make_token


def test_a_token_is_worth_what_it_was_made_for() -> None:
    """
    Another account, purpose or moment makes another one.
    """
    made = make_token("secret", "feed\ncall", 1_900_000_000)
    assert made == make_token("secret", "feed\ncall", 1_900_000_000)
    others = {
        make_token("other", "feed\ncall", 1_900_000_000),
        make_token("secret", "feed\nother", 1_900_000_000),
        make_token("secret", "feed\ncall", 1_900_000_001),
    }
    assert len(others - {made}) == 3


def test_expiry_is_read_of_a_token_alone() -> None:
    """
    Anything else has none.
    """
    assert expiry_of(make_token("secret", "feed", 1_900_000_005)) == 1_900_000_005
    for text in ("", ".", "x.y", "-1.x", "1" * 13, "²."):
        assert expiry_of(text) is None
    assert is_same_token("ü\udcff", "ü\udcff")
    assert not is_same_token("a", "b")
