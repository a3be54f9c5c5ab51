"""
Records: what is written down of their fields is what they have.
"""

import numpy as np
import pytest

from dtmf_engine.hops import HOP, Hop
from dtmf_engine.looks import LOOK, ROOM, Look, Room


@pytest.mark.parametrize(
    ("described", "dtype"),
    [(Look, LOOK), (Room, ROOM), (Hop, HOP)],
    ids=["look", "room", "hop"],
)
def test_records_have_the_fields_that_are_described(
    described: type, dtype: np.dtype[np.void]
) -> None:
    """
    Each field, in the same order: compiled code reads the one, mypy the other.
    """
    assert tuple(described.__annotations__) == dtype.names
