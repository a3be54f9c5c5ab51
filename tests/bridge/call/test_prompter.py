"""
The prompter: a prompt frame by frame, in made-up time.
"""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.call.prompter import FRAME_S, FRAME_SAMPLES, LEAD_S, Prompter
from tests.support.media import QUIET, noise
from tests.support.strategies import stable


START = 1000.0


def _on_time(prompter: Prompter, late: Iterator[float] | None = None) -> list[float]:
    """
    Handle every deadline, some of them late; give the times of all frames.
    """
    times: list[float] = [START] * len(prompter.poll())
    while (due := prompter.deadline()) is not None:
        now = due + (next(late, 0.0) if late else 0.0)
        prompter.handle_deadline(now=now)
        times += [now] * len(prompter.poll())
    return times


@stable
@given(
    st.integers(0, 5000),
    st.lists(st.sampled_from([0.0, 0.003, 0.02, 0.1, 2.0]), max_size=40),
)
def test_prompt_is_played_whole_however_late_timers_are(
    n_octets: int, late: list[float]
) -> None:
    """
    Frames of 20 ms, nothing twice, nothing left out, silence behind the end.
    """
    octets = noise(n_octets)
    prompter, lateness = Prompter(), iter(late)
    prompter.start(bytearray(octets), now=START)
    frames = prompter.poll()
    while (due := prompter.deadline()) is not None:
        prompter.handle_deadline(now=due + next(lateness, 0.0))
        frames += prompter.poll()
    assert {len(frame) for frame in frames} <= {FRAME_SAMPLES}
    n_frames = -(-n_octets // FRAME_SAMPLES)
    assert b"".join(frames) == octets.ljust(n_frames * FRAME_SAMPLES, QUIET)


@stable
@given(
    st.lists(st.sampled_from([0.0, 0.01, 0.05, 0.3, 2.0]), max_size=30),
    st.sampled_from([0.0, 0.02, LEAD_S, 0.15]),
)
def test_far_end_never_holds_more_than_the_lead(
    late: list[float], lead_s: float
) -> None:
    """
    A frame at least, whatever the lead; no burst after a stall.
    """
    prompter = Prompter(lead_s)
    prompter.start(bytearray(noise(8000)), now=START)
    played_at = START
    for now in _on_time(prompter, iter(late)):
        played_at = max(played_at, now) + FRAME_S
        assert played_at - now <= max(lead_s, FRAME_S) + 1e-6


def test_far_end_never_runs_dry_where_timers_are_late_by_less_than_the_lead() -> None:
    """
    One gap would be a click in a word.
    """
    late = iter([0.0, 0.035, 0.01] * 100)
    prompter = Prompter()
    prompter.start(bytearray(noise(8000)), now=START)
    played_at = START
    for now in _on_time(prompter, late):
        assert now <= played_at
        played_at += FRAME_S


@pytest.mark.parametrize("lead_s", [0.0, 0.01, 0.02, LEAD_S])
def test_far_end_never_runs_dry_where_timers_are_on_time(lead_s: float) -> None:
    """
    Even where next to nothing may be kept ahead.
    """
    prompter = Prompter(lead_s)
    prompter.start(bytearray(noise(8000)), now=START)
    played_at = START
    for now in _on_time(prompter):
        assert now <= played_at + 1e-6
        played_at += FRAME_S


def test_prompt_is_over_when_its_last_frame_has_been_heard() -> None:
    """
    Not when it has been sent: whoever speaks next would come too late for good.
    """
    prompter = Prompter()
    prompter.start(bytearray(noise(1600)), now=START)
    n_sent = len(prompter.poll())
    while n_sent < 10:
        due = prompter.deadline()
        assert due is not None
        prompter.handle_deadline(now=due)
        n_sent += len(prompter.poll())
    assert prompter.deadline() == pytest.approx(START + 0.2)
    playing = []
    for now in (START + 0.19, START + 0.2001):
        prompter.handle_deadline(now=now)
        playing.append(prompter.is_playing)
    assert playing == [True, False]
    assert prompter.deadline() is None
    assert prompter.poll() == []


def test_wake_up_that_is_early_does_nothing() -> None:
    """
    Harmless, however often.
    """
    prompter = Prompter()
    prompter.handle_deadline(now=START)
    prompter.start(bytearray(noise(1600)), now=START)
    assert len(prompter.poll()) == round(LEAD_S / FRAME_S)
    for _ in range(3):
        prompter.handle_deadline(now=START + 0.001)
        assert prompter.poll() == []


def test_prompt_that_is_stopped_says_no_more() -> None:
    """
    What was not taken yet is not said either.
    """
    prompter = Prompter()
    prompter.start(bytearray(noise(1600)), now=START)
    prompter.stop()
    assert prompter.poll() == []
    assert not prompter.is_playing
    assert prompter.deadline() is None
    prompter.stop()


def test_another_prompt_takes_the_place_of_the_first() -> None:
    """
    It begins at its begin.
    """
    first, second = noise(1600, seed=1), noise(1600, seed=2)
    prompter = Prompter()
    prompter.start(bytearray(first), now=START)
    prompter.poll()
    prompter.start(bytearray(second), now=START + 0.05)
    said = b"".join(prompter.poll())
    assert said
    assert second.startswith(said)


def test_prompt_is_wiped_whatever_ends_it() -> None:
    """
    At its own end, when it is stopped, and when another takes its place.
    """
    own, stopped, replaced = (bytearray(noise(400, seed=seed)) for seed in range(3))
    prompter = Prompter()
    prompter.start(own, now=START)
    _on_time(prompter)
    prompter.start(replaced, now=START)
    assert any(replaced)
    prompter.start(stopped, now=START)
    assert any(stopped)
    prompter.stop()
    for octets in (own, stopped, replaced):
        assert octets == bytes(400)
