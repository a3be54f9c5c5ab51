"""
Profiles: named sets of detector limits.
"""

from dataclasses import dataclass, fields

from dtmf_engine.errors import ParameterError


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """
    The limits a detector decides by.

    Twist is always `high − low`; its two limits are named by the louder group,
    because "normal twist" means opposite things in different engines.
    """

    name: str
    min_tone_dbm0: float
    """Quietest tone of a pair."""
    max_low_over_high_db: float
    """How much louder the low group may be."""
    max_high_over_low_db: float
    """How much louder the high group may be."""
    max_offset_percent: float
    """How far each tone may be from its nominal frequency."""
    min_tone_ms: float
    """Shortest tone that is a digit."""
    max_break_ms: float
    """Longest break inside one press: a longer one ends it."""
    min_short_score: float
    """How much the last 20 ms must resemble a key: see `scoring`."""
    min_long_score: float
    """How much the last 40 ms must, where the last 20 ms do not."""
    known_telephone_bonus: float
    """By how much either score may be lower for a telephone already heard."""

    def __post_init__(self) -> None:
        """
        Check every limit.

        Raises:
            ParameterError: a limit is outside the range in which it means
                anything.
        """
        ranges = {
            "min_tone_dbm0": (-55.0, 0.0),
            "max_low_over_high_db": (0.0, 13.0),
            "max_high_over_low_db": (0.0, 10.0),
            "max_offset_percent": (0.5, 3.5),
            "min_tone_ms": (20.0, 40.0),
            "max_break_ms": (10.0, 100.0),
            "min_short_score": (-20.0, 50.0),
            "min_long_score": (-20.0, 50.0),
            "known_telephone_bonus": (0.0, 20.0),
        }
        for field in fields(self):
            if field.name not in ranges:
                continue
            low, high = ranges[field.name]
            value = getattr(self, field.name)
            if not low <= value <= high:
                raise ParameterError(
                    f"{field.name}: expected {low:g} to {high:g}, got {value!r}"
                )


DEFAULT = Profile(
    name="default",
    # A dynamic range of 55 dB from +3 dBm0 (MITEL tape, test 5).
    min_tone_dbm0=-52.5,
    # AT&T mask in the Q.24 table: −8 to +4 dB. An echo 6 dB down and 5 ms late
    # alone can add 9.5 dB either way.
    max_low_over_high_db=12.0,
    max_high_over_low_db=9.5,
    # Q.24: ±1.5 % + 2 Hz (1.8 % of 697 Hz) must be accepted, ±3.5 % must not.
    max_offset_percent=2.6,
    # Q.24 (AT&T): 40 ms must be accepted, 23 ms must not; the faster a digit is
    # known, the better.
    min_tone_ms=20.0,
    # A break up to 10 ms must not split a digit (Q.24), nor should one lost
    # frame of 20 ms; a pause of 30 ms must.
    max_break_ms=25.0,
    min_short_score=7.0,
    min_long_score=7.6,
    known_telephone_bonus=4.0,
)
"""For any telephone line."""

STRICT = Profile(
    name="strict",
    min_tone_dbm0=-42.0,
    max_low_over_high_db=8.0,
    max_high_over_low_db=4.0,
    max_offset_percent=2.3,
    min_tone_ms=30.0,
    max_break_ms=25.0,
    min_short_score=7.3,
    min_long_score=8.2,
    known_telephone_bonus=3.0,
)
"""For lines of mostly speech, where a false digit costs more than a lost one."""

SENSITIVE = Profile(
    name="sensitive",
    min_tone_dbm0=-54.0,
    max_low_over_high_db=13.0,
    max_high_over_low_db=10.0,
    max_offset_percent=2.8,
    min_tone_ms=20.0,
    max_break_ms=25.0,
    min_short_score=2.2,
    min_long_score=2.0,
    known_telephone_bonus=5.0,
)
"""For the time a capture is armed, where a lost digit costs more than a false one."""

PROFILES = {profile.name: profile for profile in (DEFAULT, STRICT, SENSITIVE)}
"""Every profile by its name."""


def get_profile(profile: str | Profile) -> Profile:
    """
    Give a profile by its name, or the profile itself.

    Raises:
        ParameterError: no profile has that name.
    """
    if isinstance(profile, Profile):
        return profile
    try:
        return PROFILES[profile]
    except KeyError:
        raise ParameterError(
            f"profile: expected one of {', '.join(PROFILES)}, got {profile!r}"
        ) from None
