"""
Recent: what was heard lately is there to be read, and only what is kept counts.
"""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtmf_engine.recent import _ROOM_SAMPLES, Recent
from tests.support.strategies import stable


HISTORY = 100


def _noise(m: int, n: int, seed: int = 0) -> npt.NDArray[np.int16]:
    random = np.random.default_rng(seed)
    return random.integers(-32768, 32768, (m, n)).astype(np.int16)


def _rows(*legs: int) -> npt.NDArray[np.intp]:
    return np.array(legs, dtype=np.intp)


def test_a_new_leg_has_a_silent_history() -> None:
    """
    A look at the first samples may reach back as far as any other.
    """
    recent = Recent(2, HISTORY)
    assert recent.newest(1).tolist() == [0] * HISTORY
    heard = recent.write(_rows(1), _noise(1, 20))
    assert heard.of_leg(0, HISTORY, 0).tolist() == [0] * HISTORY


@stable
@given(st.lists(st.integers(0, 2 * _ROOM_SAMPLES), max_size=8))
def test_old_and_new_are_read_in_one_piece(sizes: list[int]) -> None:
    """
    However much comes at a time, every leg's samples lie behind each other.
    """
    audio = _noise(2, sum(sizes))
    whole = np.concatenate([np.zeros((2, HISTORY), np.int16), audio], axis=1)
    recent, rows = Recent(3, HISTORY), _rows(2, 0)
    start = 0
    for n in sizes:
        heard = recent.write(rows, audio[:, start : start + n])
        for i in range(2):
            piece = heard.of_leg(i, HISTORY, n)
            assert np.array_equal(piece, whole[i, start : start + HISTORY + n])
        recent.keep(rows, heard)
        start += n
        for i, row in enumerate(rows.tolist()):
            assert np.array_equal(recent.newest(row), whole[i, start : start + HISTORY])
    assert not recent.newest(1).any()


def test_legs_that_are_written_at_different_times_keep_apart() -> None:
    """
    A row that is full begins again while others go on.
    """
    recent = Recent(2, HISTORY)
    often, seldom = _noise(1, 30 * _ROOM_SAMPLES), _noise(1, 700, seed=1)
    kept = {0: 0, 1: 0}
    for step in range(30 * _ROOM_SAMPLES // 1000):
        for row, audio, n in ((0, often, 1000), (1, seldom, 7)):
            if kept[row] + n > audio.shape[1]:
                continue
            heard = recent.write(_rows(row), audio[:, kept[row] : kept[row] + n])
            recent.keep(_rows(row), heard)
            kept[row] += n
        assert np.array_equal(
            recent.newest(0), often[0, kept[0] - HISTORY : kept[0]]
        ), step
    assert np.array_equal(recent.newest(1), seldom[0, kept[1] - HISTORY : kept[1]])


@pytest.mark.parametrize("n", [160, _ROOM_SAMPLES, _ROOM_SAMPLES + 1])
def test_what_is_not_kept_does_not_count(n: int) -> None:
    """
    What was written before something failed is written over.
    """
    recent, rows = Recent(1, HISTORY), _rows(0)
    recent.keep(rows, recent.write(rows, _noise(1, 3900)))
    before = recent.newest(0).tolist()
    recent.write(rows, _noise(1, n, seed=1))
    assert recent.newest(0).tolist() == before
    heard = recent.write(rows, _noise(1, n, seed=2))
    assert heard.of_leg(0, HISTORY, 0).tolist() == before
    assert heard.of_leg(0, 0, n).tolist() == _noise(1, n, seed=2)[0].tolist()


@pytest.mark.parametrize("n", [160, 2 * _ROOM_SAMPLES])
def test_samples_are_cut_a_while_before(n: int) -> None:
    """
    What leaves a look-ahead is what came in so long ago.
    """
    recent, rows = Recent(2, HISTORY), _rows(1, 0)
    first, second = _noise(2, n), _noise(2, n, seed=1)
    recent.keep(rows, recent.write(rows, first))
    pieces = recent.write(rows, second).cut(60)
    whole = np.concatenate([first, second], axis=1)
    assert np.array_equal(pieces, whole[:, n - 60 : 2 * n - 60])


def test_a_leg_that_is_cleared_is_new() -> None:
    """
    And others are not.
    """
    recent, rows = Recent(2, HISTORY), _rows(0, 1)
    recent.keep(rows, recent.write(rows, _noise(2, 500)))
    recent.clear(0)
    assert not recent.newest(0).any()
    assert np.array_equal(recent.newest(1), _noise(2, 500)[1, -HISTORY:])
    heard = recent.write(_rows(0), _noise(1, 5))
    assert not heard.of_leg(0, HISTORY, 0).any()
