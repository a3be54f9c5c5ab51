"""
Arrays: what counts as audio, and 16 bits there and back.
"""

import re

import numpy as np
import numpy.typing as npt
import pytest

from dtmf_engine.arrays import as_samples, read_only, to_float64, to_int16
from dtmf_engine.errors import AudioFormatError


ALL_16_BITS = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)


def test_as_samples_gives_int16_back_without_a_copy() -> None:
    """
    Audio of 16 bits is used as it is.
    """
    audio = np.array([-32768, 0, 32767], dtype=np.int16)
    assert as_samples(audio) is audio


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_as_samples_gives_any_float_as_float64(dtype: npt.DTypeLike) -> None:
    """
    Floats of any width become doubles of the same value.
    """
    audio = np.array([-1.0, 0.25, 3.0], dtype=dtype)
    result = as_samples(audio)
    assert result.dtype == np.float64
    assert result.tolist() == [-1.0, 0.25, 3.0]


@pytest.mark.parametrize(
    "nothing",
    [
        [],
        np.zeros(0, dtype=np.int16),
        np.zeros(0, dtype=np.float32),
        np.zeros(0, dtype=np.int64),
    ],
)
def test_as_samples_takes_nothing_for_an_answer(nothing: npt.ArrayLike) -> None:
    """
    An empty array is audio, whatever numbers it does not hold.
    """
    assert as_samples(nothing).shape == (0,)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (
            np.zeros((2, 3), dtype=np.int16),
            "voice: expected one channel of shape (n,), got shape (2, 3)",
        ),
        (
            np.zeros((0, 2)),
            "voice: expected one channel of shape (n,), got shape (0, 2)",
        ),
        (0.5, "voice: expected one channel of shape (n,), got shape ()"),
        ("tone", "voice: expected one channel of shape (n,), got shape ()"),
        (
            np.zeros(3, dtype=np.int32),
            "voice: expected int16 or float samples, got int32",
        ),
        (
            np.zeros(3, dtype=np.uint8),
            "voice: expected int16 or float samples, got uint8",
        ),
        (
            np.zeros(3, dtype=np.bool_),
            "voice: expected int16 or float samples, got bool",
        ),
        (
            np.zeros(3, dtype=np.complex128),
            "voice: expected int16 or float samples, got complex128",
        ),
        ([1, 2], "voice: expected int16 or float samples, got int64"),
        (["1", "22"], "voice: expected int16 or float samples, got <U2"),
        ([0.0, np.nan], "voice: expected finite numbers, got NaN or infinity"),
        ([0.0, np.inf], "voice: expected finite numbers, got NaN or infinity"),
        ([-np.inf, 0.0], "voice: expected finite numbers, got NaN or infinity"),
    ],
)
def test_as_samples_refuses_what_is_not_audio(
    samples: npt.ArrayLike, message: str
) -> None:
    """
    Wrong shapes, wrong numbers and no numbers are told apart, under the given name.
    """
    with pytest.raises(AudioFormatError, match=f"^{re.escape(message)}$"):
        as_samples(samples, "voice")


def test_to_int16_keeps_what_has_16_bits() -> None:
    """
    All 65536 samples survive the way through floats.
    """
    assert to_int16(ALL_16_BITS) is ALL_16_BITS
    assert (to_int16(to_float64(ALL_16_BITS)) == ALL_16_BITS).all()


def test_to_int16_rounds_and_clips() -> None:
    """
    Floats go to the nearest sample, and those outside to the last one.
    """
    step = 1 / 32768
    audio = np.array([0.6, -0.6, 1.4, 32767.4, 32769, -32769, 1e12]) * step
    expected = [1, -1, 1, 32767, 32767, -32768, 32767]
    assert to_int16(audio).tolist() == expected


def test_to_int16_clips_the_largest_number_there_is() -> None:
    """
    Any finite sample is clipped, without a warning.
    """
    largest = np.finfo(np.float64).max
    assert to_int16(np.array([largest, -largest])).tolist() == [32767, -32768]


def test_to_float64_scales_to_one() -> None:
    """
    The lowest 16-bit sample is minus one.
    """
    audio = np.array([-32768, 0, 16384], dtype=np.int16)
    assert to_float64(audio).tolist() == [-1.0, 0.0, 0.5]


def test_to_float64_keeps_floats() -> None:
    """
    Floats are not scaled again.
    """
    audio = np.array([-1.0, 0.25])
    assert to_float64(audio).tolist() == [-1.0, 0.25]


def test_read_only_table_cannot_be_changed() -> None:
    """
    Writing to a table raises.
    """
    table = read_only(np.zeros(3))
    with pytest.raises(ValueError, match=r"^assignment destination is read-only$"):
        table[0] = 1.0
