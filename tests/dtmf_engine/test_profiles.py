"""
Profiles: limits that mean something.
"""

import dataclasses
import re

import pytest

from dtmf_engine import DEFAULT, SENSITIVE, STRICT, ParameterError, Profile
from dtmf_engine.profiles import PROFILES, get_profile


def test_profiles_are_known_by_their_names() -> None:
    """
    Three profiles, each under its own name.
    """
    assert PROFILES == {"default": DEFAULT, "strict": STRICT, "sensitive": SENSITIVE}
    for name, profile in PROFILES.items():
        assert get_profile(name) is profile
        assert profile.name == name


def test_get_profile_gives_a_profile_back() -> None:
    """
    A profile of one's own is as good as a name.
    """
    own = dataclasses.replace(DEFAULT, name="own", min_tone_ms=35.0)
    assert get_profile(own) is own


@pytest.mark.parametrize("name", ["", "Default", "lax"])
def test_get_profile_refuses_an_unknown_name(name: str) -> None:
    """
    The message lists the profiles there are.
    """
    with pytest.raises(
        ParameterError,
        match=rf"^profile: expected one of default, strict, sensitive, got '{name}'$",
    ):
        get_profile(name)


def test_profiles_are_in_the_order_of_what_they_take() -> None:
    """
    What strict takes default takes, and what default takes sensitive takes.
    """
    for tighter, wider in ((STRICT, DEFAULT), (DEFAULT, SENSITIVE)):
        assert tighter.min_tone_dbm0 >= wider.min_tone_dbm0
        assert tighter.max_low_over_high_db <= wider.max_low_over_high_db
        assert tighter.max_high_over_low_db <= wider.max_high_over_low_db
        assert tighter.max_offset_percent <= wider.max_offset_percent
        assert tighter.min_short_score >= wider.min_short_score
        assert tighter.min_long_score >= wider.min_long_score
        assert tighter.min_tone_ms >= wider.min_tone_ms


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda p: p.name)
def test_profiles_take_what_a_network_must(profile: Profile) -> None:
    """
    Every profile takes what ITU-T Q.24 says must be taken: −25 dBm a tone, −8 to +4
    dB of twist, 40 ms of tone, and breaks of 10 ms.
    """
    assert profile.min_tone_dbm0 <= -25
    assert profile.max_low_over_high_db >= 8
    assert profile.max_high_over_low_db >= 4
    assert profile.min_tone_ms <= 40
    assert profile.max_break_ms >= 10


def test_profile_cannot_be_changed() -> None:
    """
    A profile is a value.
    """
    with pytest.raises(
        dataclasses.FrozenInstanceError, match=r"^cannot assign to field 'name'$"
    ):
        DEFAULT.name = "mine"  # type: ignore[misc]  # what is tried


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("min_tone_dbm0", -56.0, "-55 to 0"),
        ("min_tone_dbm0", 1.0, "-55 to 0"),
        ("max_low_over_high_db", -1.0, "0 to 13"),
        ("max_high_over_low_db", 10.5, "0 to 10"),
        ("max_offset_percent", 3.6, "0.5 to 3.5"),
        ("min_tone_ms", 19.0, "20 to 40"),
        ("max_break_ms", 101.0, "10 to 100"),
        ("min_short_score", float("nan"), "-20 to 50"),
        ("min_long_score", 51.0, "-20 to 50"),
        ("known_telephone_bonus", -0.5, "0 to 20"),
    ],
)
def test_profile_refuses_a_limit_out_of_range(
    name: str, value: float, expected: str
) -> None:
    """
    Each limit is named with the range in which it means anything.
    """
    message = re.escape(f"{name}: expected {expected}, got {value!r}")
    with pytest.raises(ParameterError, match=f"^{message}$"):
        dataclasses.replace(DEFAULT, **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("min_tone_dbm0", (-55.0, 0.0)),
        ("max_offset_percent", (0.5, 3.5)),
        ("min_tone_ms", (20.0, 40.0)),
        ("max_break_ms", (10.0, 100.0)),
    ],
)
def test_profile_takes_the_ends_of_a_range(
    name: str, values: tuple[float, float]
) -> None:
    """
    Both ends belong to the range.
    """
    for value in values:
        profile = dataclasses.replace(DEFAULT, **{name: value})  # type: ignore[arg-type]
        assert getattr(profile, name) == value
