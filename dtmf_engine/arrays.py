"""
Arrays of samples: names for their types and the checks at the front door.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dtmf_engine.errors import AudioFormatError
from dtmf_engine.units import FULL_SCALE


Int16: TypeAlias = npt.NDArray[np.int16]
"""Linear samples, [shape=(n,)] unless said otherwise."""

Float64: TypeAlias = npt.NDArray[np.float64]
"""Samples or measures in double precision."""

Complex128: TypeAlias = npt.NDArray[np.complex128]
"""Amplitudes of tones."""

Float32: TypeAlias = npt.NDArray[np.float32]
"""Where an error of single precision is allowed for."""

Bool: TypeAlias = npt.NDArray[np.bool_]
"""Masks."""

Index: TypeAlias = npt.NDArray[np.intp]
"""Row numbers."""


def as_samples(samples: npt.ArrayLike, name: str = "samples") -> Int16 | Float64:
    """
    Check one channel of audio.

    Args:
        samples: [shape=(n,)] int16 in full range, or any float type in
            [−1, 1]. Float values outside are clipped later, when they meet
            16 bits; an empty array is fine.
        name: what to call the argument in an error.

    Returns:
        The same samples as int16 or float64, without a copy where possible.

    Raises:
        AudioFormatError: not one-dimensional, another dtype, NaN or infinity.
    """
    try:
        array = np.asarray(samples)
    except ValueError:
        raise AudioFormatError(
            f"{name}: expected one channel of shape (n,), got rows of unequal length"
        ) from None
    if array.ndim != 1:
        raise AudioFormatError(
            f"{name}: expected one channel of shape (n,), got shape {array.shape}"
        )
    if array.dtype == np.int16:
        return array.astype(np.int16, copy=False)
    if array.size == 0 and array.dtype.kind in "iuf":
        return array.astype(np.float64)
    if array.dtype.kind != "f":
        raise AudioFormatError(
            f"{name}: expected int16 or float samples, got {array.dtype}"
        )
    floats = array.astype(np.float64, copy=False)
    if not np.isfinite(floats).all():
        raise AudioFormatError(f"{name}: expected finite numbers, got NaN or infinity")
    return floats


def to_int16(samples: Int16 | Float64) -> Int16:
    """
    Give samples as int16; floats in [−1, 1] are scaled, rounded and clipped.
    """
    if samples.dtype == np.int16:
        return samples.astype(np.int16, copy=False)
    # Clipped before it is scaled: the largest floats would overflow.
    floats = np.clip(samples.astype(np.float64, copy=False), -1.0, 1.0)
    return np.minimum(np.rint(floats * FULL_SCALE), FULL_SCALE - 1).astype(np.int16)


def to_float64(samples: Int16 | Float64) -> Float64:
    """
    Give samples as float64 in [−1, 1].
    """
    if samples.dtype == np.int16:
        return samples.astype(np.float64) / FULL_SCALE
    return samples.astype(np.float64, copy=False)


def read_only(array: Float64) -> Float64:
    """
    Make a table that nobody can change by accident.
    """
    array.flags.writeable = False
    return array
