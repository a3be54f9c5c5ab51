"""
The one seam through which HTTP leaves the bridge.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import httpx
import structlog

from bridge.connectors.base import Failure, GatewayCall
from bridge.connectors.sandbox import IN_PROCESS_URL
from bridge.connectors.sandbox_gateway import SandboxGateway
from bridge.secret import wipe
from bridge.server.targets import (
    CONNECT_TIMEOUT_S,
    PinnedTransport,
    RefusedTarget,
    Resolver,
    TargetPolicy,
    resolve,
)
from bridge.server.wiping import WipingBackend, wipe_copy


PUBLIC_ONLY = TargetPolicy()

MAX_ANSWER_BYTES = 256 * 1024
"""Of an answer that is read: gateways send some hundred bytes."""

MAX_UNREAD_BYTES = 64 * 1024
"""Of an answer whose status is all that matters; the rest is not fetched."""


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

    Its connections are not kept: a fresh one a request leaves no doubt about
    whether a request was sent. Answers are asked for as they are; a compressed
    one could be a thousand times as long as what was counted.

    Args:
        policy: where it may connect to; by default to the public Internet alone.
        reads_answers: false where the status of an answer is all that matters.
        ca_file: certificates to trust besides the public ones.
        resolver: finds addresses; tests hand in their own.
    """

    def __init__(
        self,
        policy: TargetPolicy = PUBLIC_ONLY,
        *,
        reads_answers: bool = True,
        ca_file: Path | None = None,
        resolver: Resolver = resolve,
    ) -> None:
        tls = httpx.create_ssl_context(trust_env=False)
        if ca_file is not None:
            tls.load_verify_locations(ca_file)
        connecting = httpx.AsyncHTTPTransport(
            verify=tls,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        pool = connecting._pool  # noqa: SLF001 - httpx has no other way to it
        pool._network_backend = WipingBackend(pool._network_backend)  # noqa: SLF001
        self._policy = policy
        self._reads_answers = reads_answers
        self._client = httpx.AsyncClient(
            transport=PinnedTransport(connecting, policy, resolver),
            follow_redirects=False,
            trust_env=False,
        )
        self._log = structlog.get_logger()

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

        A body in a bytearray holds card data: the copy that is sent is overwritten
        as well, as soon as it was. The HTTP library takes nothing that can be wiped,
        but hands one and the same object down to the socket or into OpenSSL.
        """
        expected = self._policy.problem_of_url(url)
        if expected is not None:
            # The URL is not shown: its path and query are somebody's secrets.
            self._log.warning("target refused", expected=expected)
            return Failure.NOT_CONNECTED
        try:
            # A slow trickle must not outlast the timeout of a single read.
            async with asyncio.timeout(2 * CONNECT_TIMEOUT_S + read_timeout_s):
                return await self._exchange(url, headers, body, read_timeout_s)
        except RefusedTarget as error:
            self._log.warning("target refused", expected=str(error))
            return Failure.NOT_CONNECTED
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return Failure.NOT_CONNECTED
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError):
            # The URL cannot be requested at all.
            return Failure.NOT_CONNECTED
        except (httpx.HTTPError, TimeoutError):
            return Failure.NO_ANSWER

    async def _exchange(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes | bytearray,
        read_timeout_s: float,
    ) -> tuple[int, bytes] | Failure:
        sent = bytes(body)
        try:
            request = self._client.build_request(
                "POST",
                url,
                headers={"Accept-Encoding": "identity", **headers},
                content=sent,
                timeout=httpx.Timeout(read_timeout_s, connect=CONNECT_TIMEOUT_S),
            )
            return await self._answer(request)
        finally:
            if isinstance(body, bytearray):
                wipe_copy(sent)

    async def _answer(self, request: httpx.Request) -> tuple[int, bytes] | Failure:
        response = await self._client.send(request, stream=True)
        answer = bytearray()
        try:
            limit = MAX_ANSWER_BYTES if self._reads_answers else MAX_UNREAD_BYTES
            async for chunk in response.aiter_raw():
                answer += chunk
                # Gateways quote what they were sent.
                wipe_copy(chunk)
                if len(answer) > limit:
                    if self._reads_answers:
                        return Failure.NO_ANSWER
                    break
            return response.status_code, bytes(answer) if self._reads_answers else b""
        finally:
            wipe(answer)
            await response.aclose()


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
