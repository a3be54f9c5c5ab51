"""
Events: values, and the levels they carry.
"""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtmf_engine import DigitDetected, MissReason, NearMiss, ToneEnded, ToneStarted
from tests.support.strategies import stable


def _ended(low_dbm0: float, high_dbm0: float) -> ToneEnded:
    return ToneEnded(
        digit="5",
        start_sample=0,
        end_sample=800,
        low_dbm0=low_dbm0,
        high_dbm0=high_dbm0,
    )


@stable
@given(st.floats(-60.0, 3.0), st.floats(-60.0, 3.0))
def test_tone_s_level_and_twist_tell_both_tones(
    low_dbm0: float, high_dbm0: float
) -> None:
    """
    From level and twist, both tones can be told again.
    """
    ended = _ended(low_dbm0, high_dbm0)
    both = 10 ** (ended.level_dbm0 / 10)
    high_over_low = 10 ** (ended.twist_db / 10)
    low = both / (1 + high_over_low)
    assert low == pytest.approx(10 ** (low_dbm0 / 10))
    assert both - low == pytest.approx(10 ** (high_dbm0 / 10))


@pytest.mark.parametrize(
    ("low_dbm0", "high_dbm0", "level_dbm0", "twist_db"),
    [(-13.0103, -13.0103, -10.0, 0.0), (-10.0, -14.0, -8.54, -4.0)],
)
def test_tone_s_twist_is_high_minus_low(
    low_dbm0: float, high_dbm0: float, level_dbm0: float, twist_db: float
) -> None:
    """
    Two equal tones are 3 dB louder than one; twist is negative when the low group
    is louder.
    """
    ended = _ended(low_dbm0, high_dbm0)
    assert ended.level_dbm0 == pytest.approx(level_dbm0, abs=0.01)
    assert ended.twist_db == pytest.approx(twist_db)


@pytest.mark.parametrize(
    "event",
    [
        ToneStarted("5", 100),
        DigitDetected("5", 100, 400),
        _ended(-10.0, -12.0),
        NearMiss(MissReason.TOO_SHORT, 100),
    ],
)
def test_events_are_values(
    event: ToneStarted | DigitDetected | ToneEnded | NearMiss,
) -> None:
    """
    Events compare and hash by value and cannot be changed.
    """
    assert dataclasses.replace(event) == event
    assert len({event, dataclasses.replace(event)}) == 1
    name = dataclasses.fields(event)[0].name
    with pytest.raises(
        dataclasses.FrozenInstanceError, match=rf"^cannot assign to field '{name}'$"
    ):
        setattr(event, name, None)


def test_reasons_are_words_for_people_and_machines() -> None:
    """
    A reason prints as the word that logs and JSON use.
    """
    assert {str(reason) for reason in MissReason} == {
        "quiet",
        "low-over-high",
        "high-over-low",
        "frequency",
        "not-clean",
        "too-short",
    }
