"""
What all tests have in common.
"""

import pytest

from dtmf_engine import LegBank


@pytest.fixture(scope="session", autouse=True)
def _compiled_engine() -> None:
    """
    Compile the engine once, outside of any test: programs that tests start find it.
    """
    LegBank(1)
