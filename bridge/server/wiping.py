"""
Wiping: what an HTTP library read from a gateway is overwritten once it is done with.

Gateways quote what they were sent, card number and all. What a socket gave is copied
by the parser and let go of; the octets would stay where they were until something else
is put there.
"""

import ctypes
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore


def wipe_copy(octets: bytes) -> None:
    """
    Overwrite bytes that are nobody else's.

    CPython keeps the octets behind the object's head; objects of up to one octet are
    shared and left alone.
    """
    if len(octets) > 1:
        ctypes.memset(id(octets) + bytes.__basicsize__ - 1, 0, len(octets))


class WipingBackend(httpcore.AsyncNetworkBackend):
    """
    Connects, and has every connection wipe what it read.

    Args:
        inner: what connects.
    """

    def __init__(self, inner: httpcore.AsyncNetworkBackend) -> None:
        self._inner = inner

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """
        Connect to a host.

        Raises:
            httpcore.ConnectError: as the inner backend says.
        """
        stream = await self._inner.connect_tcp(
            host, port, timeout, local_address, socket_options
        )
        return _WipingStream(stream)

    async def sleep(self, seconds: float) -> None:
        """
        Wait between attempts to connect.
        """
        await self._inner.sleep(seconds)


class _WipingStream(httpcore.AsyncNetworkStream):
    """
    A connection that overwrites what it read last when it is asked for more.
    """

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._last = b""

    def _wipe(self) -> None:
        wipe_copy(self._last)
        self._last = b""

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
    ) -> bytes:
        # Who asks again has copied what he got.
        self._wipe()
        self._last = await self._inner.read(max_bytes, timeout)
        return self._last

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
    ) -> None:
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        self._wipe()
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
    ) -> httpcore.AsyncNetworkStream:
        return _WipingStream(
            await self._inner.start_tls(ssl_context, server_hostname, timeout)
        )

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
