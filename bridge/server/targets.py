"""
Targets: where the bridge may be told to connect to.

Whoever may start a payment chooses a URL that this process will post to, from
inside of a network others cannot reach. So a URL is looked at twice: when it is
given, for what can be seen from it; and before every connection, when its name
has been resolved. The address that was looked at is the one connected to, so
that a name whose answer changes in between (DNS rebinding) gains nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

import httpx

from bridge.server.addresses import (
    Network,
    is_in,
    is_loopback,
    is_public,
    parse_address,
)


Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives all addresses of a host; raises `OSError` if there are none."""

CONNECT_TIMEOUT_S = 5.0
"""For finding the name and for connecting, each; Twilio's `ct` by default."""

MAX_ADDRESSES_TRIED = 3

_HTTP_PORTS = frozenset({80, 443})
_FIRST_FREE_PORT = 1024
"""Below it live mail, file and login services, which no callback is for."""


@dataclass(frozen=True, slots=True)
class TargetPolicy:
    """
    Which targets are taken.

    Args:
        allowed: networks that are taken although they are not public.
        development: take the loopback, and plain HTTP to it.
    """

    allowed: tuple[Network, ...] = ()
    development: bool = False

    def problem_of_url(self, url: str) -> str | None:
        """
        Tell what was expected of a URL instead, if it can be seen to be refused.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return "a URL"
        near = self.development and is_loopback(host)
        if parts.scheme != "https" and not (parts.scheme == "http" and near):
            return "an https URL"
        if not near and port is not None and not _is_sensible(port):
            return f"port 443, or one from {_FIRST_FREE_PORT} on"
        literal = parse_address(host.partition("%")[0])
        if literal is not None and not self.takes(host):
            return "a host with a public address"
        if host.rstrip(".").lower() == "localhost" and not near:
            return "a host with a public address"
        return None

    def takes(self, address: str) -> bool:
        """
        Tell whether an address may be connected to.
        """
        parsed = parse_address(address)
        if parsed is None:
            return False
        if self.development and parsed.is_loopback:
            return True
        return is_public(parsed) or is_in(parsed, self.allowed)


def _is_sensible(port: int) -> bool:
    return port in _HTTP_PORTS or port >= _FIRST_FREE_PORT


class RefusedTarget(httpx.ConnectError):
    """
    A name led to an address that is not taken. Nothing was sent.
    """


async def resolve(host: str, port: int) -> Sequence[str]:
    """
    Ask the system for the addresses of a host; see `Resolver`.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class PinnedTransport(httpx.AsyncBaseTransport):
    """
    Connects to addresses that were checked, and to no names.

    The request keeps its `Host`, and TLS its name: certificates are checked
    against what the URL says, whichever address answers.

    Args:
        inner: what connects.
        policy: which addresses are taken.
        resolver: finds them.
    """

    def __init__(
        self, inner: httpx.AsyncBaseTransport, policy: TargetPolicy, resolver: Resolver
    ) -> None:
        self._inner = inner
        self._policy = policy
        self._resolver = resolver

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """
        Send a request.

        Raises:
            RefusedTarget: one of the host's addresses is not taken, so that none is.
            httpx.TransportError: as the inner transport says.
        """
        host = request.url.raw_host.decode("ascii")
        addresses = await self._addresses(host, request)
        timeouts = dict(request.extensions.get("timeout") or {})
        # Trying several must not take longer than trying one.
        timeouts["connect"] = CONNECT_TIMEOUT_S / len(addresses)
        failure: httpx.TransportError | None = None
        for address in addresses:
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions={
                    **request.extensions,
                    "sni_hostname": host,
                    "timeout": timeouts,
                },
            )
            try:
                return await self._inner.handle_async_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        assert failure is not None  # there was an address
        raise failure

    async def aclose(self) -> None:
        """
        Close the inner transport.
        """
        await self._inner.aclose()

    async def _addresses(self, host: str, request: httpx.Request) -> Sequence[str]:
        port = request.url.port or {"http": 80}.get(request.url.scheme, 443)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                addresses = await self._resolver(host, port)
        except TimeoutError:
            raise httpx.ConnectTimeout("name not found in time") from None
        except (OSError, UnicodeError):
            raise httpx.ConnectError("name not found") from None
        if not addresses:
            raise httpx.ConnectError("name not found")
        if not all(self._policy.takes(address) for address in addresses):
            raise RefusedTarget("an address of the host is not public")
        return addresses[:MAX_ADDRESSES_TRIED]
