"""
Batches: how much audio of how many legs is worked off at a time.
"""

import numpy as np
import numpy.typing as npt

from dtmf_engine.arrays import Int16
from dtmf_engine.errors import ParameterError


SLICE_SAMPLES = 160 * 384
"""
Longer input is worked off in slices: large enough that the number of calls does
not count, small enough for a processor's cache.
"""

_MIN_SLICE_SAMPLES = 160
"""But never in less than a frame, however many legs there are."""


def slices(
    n_legs: int, n_samples: int, slice_samples: int = SLICE_SAMPLES
) -> list[slice]:
    """
    Cut a call's samples into parts that are worked off one after the other.

    Args:
        n_legs: legs in the call.
        n_samples: samples of each.
        slice_samples: of all legs together, in one part.
    """
    step = max(_MIN_SLICE_SAMPLES, slice_samples // max(1, n_legs))
    return [slice(start, start + step) for start in range(0, n_samples, step)]


def check_samples(samples: npt.ArrayLike, n_rows: int) -> Int16:
    """
    Check the samples of one call.

    Raises:
        ParameterError: not int16, or not one row for each leg.
    """
    array = np.asarray(samples)
    if array.ndim != 2 or array.shape[0] != n_rows or array.dtype != np.int16:
        raise ParameterError(
            f"samples: expected int16 of shape ({n_rows}, n), "
            f"got {array.dtype} of shape {array.shape}"
        )
    return array
