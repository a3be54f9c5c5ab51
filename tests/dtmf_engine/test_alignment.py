"""
Alignment: two recordings of one call, whatever lies between them.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtmf_engine.alignment import TOGETHER, Alignment, Piece, align, constant
from dtmf_engine.errors import NothingInCommonError
from tests.support.strategies import stable
from tests.support.tones import Wave, voiced, white_noise


def _caller(seconds: int = 8, seed: int = 0) -> Wave:
    n = 8000 * seconds
    return voiced(n, seed=seed) + white_noise(n, -40.0, seed=seed)


def _late(wave: Wave, n_samples: int) -> Wave:
    return np.concatenate([np.zeros(n_samples), wave])


@stable
@given(st.integers(-16_000, 16_000), st.integers(0, 2**32 - 1))
def test_align_finds_any_delay(delay: int, seed: int) -> None:
    """
    Either may begin first, and each has noise of its own.
    """
    caller = _caller(4, seed)
    agent = _late(caller, delay) if delay > 0 else caller[-delay:]
    agent = agent + white_noise(len(agent), -35.0, seed=seed + 1)
    found = align(caller, agent)
    assert found.delay_at(max(0, -delay)) == delay
    assert found.steps == ()


@pytest.mark.parametrize("gain", [0.2, 1.0, 3.0, -0.7])
def test_align_finds_gain_and_inversion(gain: float) -> None:
    """
    A recording may be louder, softer, or upside down.
    """
    caller = _caller()
    found = align(caller, gain * _late(caller, 333))
    assert found.delay_at(0) == 333
    assert found.gain == pytest.approx(gain, rel=0.02)


@pytest.mark.parametrize("ppm", [-100.0, -30.0, 30.0, 100.0])
def test_align_follows_clocks_that_drift(ppm: float) -> None:
    """
    Clocks differ by up to a hundred parts in a million.
    """
    caller = _caller(40)
    places = np.arange(int(len(caller) * (1 + ppm * 1e-6))) / (1 + ppm * 1e-6)
    agent = _late(np.interp(places, np.arange(len(caller)), caller), 400)
    found = align(caller, agent)
    assert found.steps == ()
    for at in (0, 160_000, 310_000):
        assert found.delay_at(at) == pytest.approx(400 + at * ppm * 1e-6, abs=1.0)


def test_align_finds_a_part_of_a_sample() -> None:
    """
    Another sampling grid is a delay that is no whole number.
    """
    caller = _caller()
    turns = np.fft.rfftfreq(len(caller)) * 100.4
    agent = np.fft.irfft(np.fft.rfft(caller) * np.exp(-2j * np.pi * turns), len(caller))
    assert align(caller, agent).delay_at(0) == pytest.approx(100.4, abs=0.1)


@pytest.mark.parametrize("at", [3000, 30_000, 61_000])
@pytest.mark.parametrize("slip", [160, 320, -160])
def test_align_finds_where_a_recording_slips(at: int, slip: int) -> None:
    """
    A frame too many or too few, early, in the middle or late, to the sample.
    """
    caller = _caller()
    rest = caller[at:] if slip > 0 else caller[at - slip :]
    agent = np.concatenate([caller[:at], np.zeros(max(0, slip)), rest])
    agent = _late(agent, 500)
    ((place, by),) = align(caller, agent).steps
    assert by == slip
    # Samples that are cut out belong to neither side.
    assert at - 8 <= place <= at + max(0, -slip) + 8


def test_align_finds_two_slips_that_cancel() -> None:
    """
    An underrun and the frame dropped to make up for it.
    """
    caller = _caller()
    agent = np.concatenate(
        [caller[:20_000], np.zeros(160), caller[20_000:40_000], caller[40_160:]]
    )
    assert [by for _, by in align(caller, agent).steps] == [160.0, -160.0]


def test_align_sees_past_what_was_masked() -> None:
    """
    A slip while presses are masked is somewhere in the mask, and the span of a press
    there covers both.
    """
    caller = _caller()
    agent = caller.copy()
    agent[30_000:31_000] = white_noise(1000, -40.0, seed=9)
    agent = np.insert(agent, 30_500, np.zeros(160))
    found = align(caller, agent, [(30_000, 31_000)])
    ((_, by),) = found.steps
    assert by == 160
    assert found.span(30_200, 30_800) == (30_200, 30_960)
    assert found.span(10_000, 10_800) == (10_000, 10_800)
    assert found.span(50_000, 50_800) == (50_160, 50_960)


@pytest.mark.parametrize(
    ("caller", "agent"),
    [
        (white_noise(16_000, -20.0, seed=1), white_noise(16_000, -20.0, seed=2)),
        (_caller(), white_noise(64_000, -20.0, seed=2)),
        (_caller(), voiced(64_000, pitch_hz=93.0, seed=3)),
        (np.zeros(16_000), _caller()),
        (_caller(), np.zeros(16_000)),
        (np.zeros(0), np.zeros(0)),
        (_caller(), np.zeros(0)),
    ],
)
def test_align_refuses_what_has_nothing_in_common(caller: Wave, agent: Wave) -> None:
    """
    Noise, other speech and silence are not of the same call.
    """
    with pytest.raises(NothingInCommonError, match=r"nothing in common$"):
        align(caller, agent)


def test_unfold_puts_a_slipped_recording_right() -> None:
    """
    Before and after a slip the caller's samples are at the caller's times.
    """
    caller = np.arange(1, 1001, dtype=np.int16)
    agent = np.concatenate([caller[:400], np.zeros(160, dtype=np.int16), caller[400:]])
    found = Alignment((Piece(0, 0, 0.0), Piece(400, 400, 160.0))).unfold(agent, 1000)
    assert found.dtype == np.int16
    assert (found == caller).all()


def test_unfold_gives_silence_where_the_recording_has_nothing() -> None:
    """
    Before its beginning and after its end there is nothing to hear.
    """
    agent = np.ones(100)
    assert (
        constant(-30).unfold(agent, 200).tolist()
        == [0.0] * 30 + [1.0] * 100 + [0.0] * 70
    )


def test_recordings_together_have_no_delay() -> None:
    """
    Every moment is where it is.
    """
    assert TOGETHER.span(100, 200) == (100, 200)
    assert TOGETHER.steps == ()
