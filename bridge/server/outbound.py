"""
The one seam through which HTTP leaves the bridge.
"""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import httpx

from bridge.connectors.base import Failure, GatewayCall
from bridge.connectors.sandbox import IN_PROCESS_URL
from bridge.connectors.sandbox_gateway import SandboxGateway
from bridge.secret import wipe


CONNECT_TIMEOUT_S = 5.0
MAX_ANSWER_BYTES = 256 * 1024


class Outbound(Protocol):
    """
    Posts a request; tests hand in a function of their own.
    """

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes | bytearray,
        read_timeout_s: float,
    ) -> tuple[int, bytes] | Failure:
        """
        Send a request once, and follow no redirect.

        Returns:
            Status and body, or how it failed.
        """


class HttpOutbound:
    """
    The real one.

    Args:
        client: its connections are not kept: a fresh one a request leaves no
            doubt about whether a request was sent.
    """

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def close(self) -> None:
        """
        Let go of the client.
        """
        await self._client.aclose()

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes | bytearray,
        read_timeout_s: float,
    ) -> tuple[int, bytes] | Failure:
        """
        Send a request; see `Outbound`.
        """
        timeout = httpx.Timeout(read_timeout_s, connect=CONNECT_TIMEOUT_S)
        try:
            # A slow trickle must not outlast the timeout of a single read.
            async with asyncio.timeout(CONNECT_TIMEOUT_S + read_timeout_s):
                async with self._client.stream(
                    "POST", url, headers=headers, content=bytes(body), timeout=timeout
                ) as response:
                    answer = bytearray()
                    async for chunk in response.aiter_bytes():
                        answer += chunk
                        if len(answer) > MAX_ANSWER_BYTES:
                            return Failure.NO_ANSWER
                    return response.status_code, bytes(answer)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return Failure.NOT_CONNECTED
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError):
            # The URL cannot be requested at all.
            return Failure.NOT_CONNECTED
        except (httpx.HTTPError, TimeoutError):
            return Failure.NO_ANSWER


async def ask_gateway(
    call: GatewayCall, outbound: Outbound, sandbox: SandboxGateway
) -> tuple[int, bytes] | Failure:
    """
    Carry one request to a gateway, and wipe it.

    Args:
        call: what to send.
        outbound: for gateways elsewhere.
        sandbox: for the one in this process.
    """
    try:
        if call.url != IN_PROCESS_URL:
            return await outbound.post(
                call.url, call.headers, call.body, call.read_timeout_s
            )
        answer = sandbox.receive_request(
            call.headers["Authorization"], bytes(call.body)
        )
        if not answer.status:
            await asyncio.sleep(call.read_timeout_s)
            return Failure.NO_ANSWER
        return answer.status, answer.body
    finally:
        wipe(call.body)
