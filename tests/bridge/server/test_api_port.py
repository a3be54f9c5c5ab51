"""
The API's port, over real sockets: TLS, and what it does not wait for.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from bridge.server.api_port import HEAD_TIMEOUT_S, MAX_HEAD_BYTES, ApiPort
from bridge.server.tls import make_context
from tests.support.certificates import CERT, KEY, make_old, trusting
from tests.support.media import put_forward, run


pytestmark = pytest.mark.e2e


@asynccontextmanager
async def _api(tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    app = FastAPI()

    @app.get("/hello")
    async def hello() -> str:
        return "hello"

    api = ApiPort(app, tls=tls)
    async with asyncio.TaskGroup() as group:
        port = await api.start("127.0.0.1", 0, group)
        try:
            yield port
        finally:
            await api.stop()


def test_api_speaks_tls_and_says_nothing_of_its_server() -> None:
    """
    With a certificate it speaks TLS 1.2 or newer, and plain text no more.
    """

    async def main() -> None:
        async with _api(make_context(CERT, KEY)) as port:
            url = f"https://localhost:{port}/hello"
            async with httpx.AsyncClient(verify=trusting(), trust_env=False) as client:
                reply = await client.get(url)
                assert (reply.status_code, reply.json()) == (200, "hello")
                assert "server" not in reply.headers
            old = make_old(trusting())
            async with httpx.AsyncClient(verify=old, trust_env=False) as client:
                with pytest.raises(httpx.ConnectError):
                    await client.get(url)
            async with httpx.AsyncClient(trust_env=False) as client:
                with pytest.raises(httpx.RemoteProtocolError):
                    await client.get(url.replace("https", "http"))

    run(main(), loop_factory=asyncio.SelectorEventLoop)


@pytest.mark.parametrize("head", [b"", b"GET /hello HTTP/1.1\r\nHost: h\r\nX-Slow: "])
def test_head_must_arrive_in_time(head: bytes) -> None:
    """
    Who connects and sends nothing, or never the last line, is let go.
    """

    async def main() -> None:
        async with _api() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head)
            await writer.drain()
            # A request of somebody else shows that the head has arrived.
            await _get(port)
            put_forward(HEAD_TIMEOUT_S / 2)
            writer.write(b"x" if head else b"")
            await writer.drain()
            await _get(port)
            assert not reader.at_eof()
            put_forward(HEAD_TIMEOUT_S / 2 + 0.1)
            async with asyncio.timeout(5):
                assert await reader.read() == b""
            writer.close()

    run(main())


def test_connection_lives_on_from_request_to_request() -> None:
    """
    A head that has come in time ends the wait, for each request anew; one that
    begins after an answer has its own time.
    """

    async def main() -> None:
        async with _api() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(3):
                writer.write(b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
                assert (await reader.readline()).startswith(b"HTTP/1.1 200")
                await reader.readuntil(b'"hello"')
                put_forward(3.0)
            writer.write(b"GET /hello HTTP/1.1\r\n")
            await writer.drain()
            await _get(port)
            put_forward(HEAD_TIMEOUT_S + 0.1)
            async with asyncio.timeout(5):
                assert await reader.read() == b""
            writer.close()

    run(main())


def test_head_is_bounded() -> None:
    """
    A head that is too long is refused, and nothing of it comes back.
    """

    async def main() -> None:
        async with _api() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /hello HTTP/1.1\r\nHost: h\r\nX-Long: ")
            writer.write(b"4" * (MAX_HEAD_BYTES + 1))
            async with asyncio.timeout(5):
                reply = await reader.read()
            assert reply.startswith(b"HTTP/1.1 4")
            assert b"444" not in reply
            writer.close()

    run(main())


async def _get(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        reply = await client.get(f"http://127.0.0.1:{port}/hello")
        assert reply.status_code == 200
