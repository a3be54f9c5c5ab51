"""
Latency: from onset to report, counted in audio.
"""

import numpy as np
import pytest

from benchmarks import latency
from benchmarks.channels import Entry


ENTRY = Entry(np.zeros(4000), "12", (1000, 2600), (1800, 3400))


def test_a_delay_is_counted_from_the_first_sample() -> None:
    """
    240 samples fed after the first one are 30 ms.
    """
    told = [("1", 1240), ("2", 2760)]
    assert latency.delays(ENTRY, told) == [30.0, 20.0]


@pytest.mark.parametrize(
    "told", [[], [("3", 1240)], [("1", 900)], [("1", 1000 + 8 * 400)]]
)
def test_what_is_said_of_another_press_does_not_count(
    told: list[tuple[str, int]],
) -> None:
    """
    Another digit, one before the tone, and one much later are no report of it.
    """
    assert latency.delays(ENTRY, told) == [None, None]


def test_frames_never_report_before_chunks() -> None:
    """
    The engine in 20 ms frames reports each press, no sooner than in 1 ms chunks and
    less than a frame later.
    """
    audio, entry = next(latency.entries(20, seed=1))
    fine = latency.delays(entry, latency.reports("default", audio, 8))
    coarse = latency.delays(entry, latency.reports("default", audio, 160))
    for early, late in zip(fine, coarse, strict=True):
        assert early is not None
        assert late is not None
        assert 0 <= late - early < 20
