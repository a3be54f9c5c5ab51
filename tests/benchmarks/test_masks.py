"""
Limits found by steps, with detectors whose limits are known.
"""

import numpy as np
import pytest

from benchmarks import channels, engines, masks
from benchmarks.channels import KEYS, Int16


def _peak(audio: Int16) -> float:
    return float(np.max(np.abs(audio.astype(np.float64))))


def _twist_db(audio: Int16) -> float:
    power = np.abs(np.fft.rfft(audio.astype(np.float64))) ** 2
    hz = np.fft.rfftfreq(len(audio), 1 / channels.RATE)
    low = float(power[(hz > 600) & (hz < 1040)].sum())
    high = float(power[(hz > 1110) & (hz < 1750)].sum())
    return float(10 * np.log10(high / low))


def test_dynamic_range_counts_the_levels_that_are_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    A detector that goes deaf below −40 dBm0 hears the 44 levels from +3 to −40.
    """
    # Two tones peak at twice one of them, up to their phases and A-law.
    deaf = 1.843 * channels.amplitude(-40)

    def hear(_: str, audio: Int16) -> str:
        return KEYS if _peak(audio) > deaf else ""

    monkeypatch.setattr(engines, "hear", hear)
    name = next(name for name in masks.MASKS if name.startswith("dynamic range"))
    assert masks.measure((name, "it", 2)).value == 44


@pytest.mark.parametrize(("name", "sign"), [("high group", 1), ("low group", -1)])
def test_twist_is_the_last_step_before_one_fails(
    monkeypatch: pytest.MonkeyPatch, name: str, sign: int
) -> None:
    """
    A detector with a limit of 6.2 dB accepts 6.0 and not 6.5.
    """

    def hear(_: str, audio: Int16) -> str:
        return KEYS * 4 if sign * _twist_db(audio) < 6.2 else ""

    monkeypatch.setattr(engines, "hear", hear)
    name = next(full for full in masks.MASKS if full.startswith(name))
    assert masks.measure((name, "it", 2)).value == 6.0


def test_a_detector_that_hears_nothing_has_no_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Failing the easiest step is no value, not that step.
    """
    monkeypatch.setattr(engines, "hear", lambda _engine, _audio: "")
    for name in masks.MASKS:
        assert masks.measure((name, "it", 2)).value is None
