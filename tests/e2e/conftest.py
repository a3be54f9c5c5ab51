"""
What both SDKs drive, and what is told of it.
"""

from collections.abc import Iterator

import pytest

from tests.support.processes import Served, serving
from tests.support.receiver import Receiver, receiving


@pytest.fixture(name="served", scope="module")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("bridge")
    with serving(folder, playout_limit_ms="60000") as served:
        yield served


@pytest.fixture(name="receiver")
def _receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver
