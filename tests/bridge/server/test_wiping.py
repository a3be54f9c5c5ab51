"""
Wiping: what was read from a gateway does not stay where it was.
"""

import asyncio
import ssl
from typing import Any

import httpcore
import pytest

from bridge.server.outbound import HttpOutbound
from bridge.server.wiping import WipingBackend, wipe_copy


@pytest.mark.parametrize("over_tls", [False, True])
def test_what_was_read_is_overwritten_once_more_is_asked_for(*, over_tls: bool) -> None:
    """
    And the last of it when the connection is closed.
    """
    # Made here, so that nobody else holds the same objects.
    numbers = (4111111111111111, 4000003279922427)
    first, second = answers = [b"card %d" % number for number in numbers]

    async def main() -> None:
        backend = WipingBackend(httpcore.AsyncMockBackend(list(answers)))
        stream = await backend.connect_tcp("127.0.0.1", 1)
        if over_tls:
            stream = await stream.start_tls(ssl.create_default_context())
        assert await stream.read(100) is first
        assert first == b"card 4111111111111111"
        assert await stream.read(100) is second
        assert first == bytes(len(first))
        assert second == b"card 4000003279922427"
        await stream.aclose()
        assert second == bytes(len(second))

    asyncio.run(main())


def test_octets_that_others_share_are_left_alone() -> None:
    """
    There is one object for each single octet in all of Python.
    """
    wipe_copy(b"4")
    wipe_copy(b"")
    assert bytes([0x34]) == b"4"


def test_gateways_are_asked_through_it() -> None:
    """
    The library's own backend is inside, not beside.
    """

    async def main() -> None:
        outbound = HttpOutbound()
        transport: Any = outbound._client._transport
        assert isinstance(transport._inner._pool._network_backend, WipingBackend)
        await outbound.close()

    asyncio.run(main())
