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
    min_peak_db: float
    """How far the best tone must stand above the others of its group."""
    min_energy_share: float
    """Part of a block's energy that the pair must hold, 0 to 1."""
    min_tone_ms: float
    """Shortest tone that is a digit."""
    max_break_ms: float
    """Longest break inside one press."""

    def __post_init__(self) -> None:
        """
        Check every limit.

        Raises:
            ParameterError: a limit is outside the range in which it means
                anything.
        """
        ranges = {
            "min_tone_dbm0": (-60.0, 0.0),
            "max_low_over_high_db": (0.0, 20.0),
            "max_high_over_low_db": (0.0, 20.0),
            "min_peak_db": (0.0, 20.0),
            "min_energy_share": (0.1, 1.0),
            "min_tone_ms": (20.0, 200.0),
            "max_break_ms": (0.0, 40.0),
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
    # The field's common floor is −42 dBm0 (spandsp, Asterisk); 3 dB of room.
    min_tone_dbm0=-45.0,
    # AT&T mask in the Q.24 table: −8 to +4 dB; 2 dB of room on either side.
    max_low_over_high_db=10.0,
    max_high_over_low_db=6.0,
    # The value shared by spandsp, baresip and Asterisk.
    min_peak_db=8.0,
    # 82 % (−0.85 dB) is the field's value for a 12.75 ms block that must lie
    # wholly inside the tone; overlapping blocks can afford a lower one.
    min_energy_share=0.70,
    # Q.24 (AT&T): 40 ms must be accepted, 23 ms must not.
    min_tone_ms=30.0,
    # Q.24: breaks up to 10 ms must not split a digit.
    max_break_ms=10.0,
)
"""For any telephone line."""

STRICT = Profile(
    name="strict",
    min_tone_dbm0=-40.0,
    max_low_over_high_db=8.0,
    max_high_over_low_db=4.0,
    min_peak_db=8.0,
    min_energy_share=0.82,
    min_tone_ms=35.0,
    max_break_ms=10.0,
)
"""For lines of mostly speech, where a false digit costs more than a lost one."""

SENSITIVE = Profile(
    name="sensitive",
    min_tone_dbm0=-48.0,
    max_low_over_high_db=12.0,
    max_high_over_low_db=8.0,
    min_peak_db=6.0,
    min_energy_share=0.60,
    min_tone_ms=25.0,
    max_break_ms=10.0,
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
