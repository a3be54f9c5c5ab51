"""
The API's port: uvicorn, with patience, and without its signal handlers.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from bridge.server.feeds import MAX_FEEDS


MAX_HEAD_BYTES = 16 * 1024
"""Request line and headers; a proxy's additions included."""

HEAD_TIMEOUT_S = 10.0
"""How long a request's head may take to arrive."""

READ_TIMEOUT_S = 30.0
"""How long a client may leave 64 KiB of an answer unread."""

MAX_CONNECTIONS = 1000 + MAX_FEEDS


class ApiPort:
    """
    Serves the API on one port.

    Args:
        app: the API.
        tls: what to speak TLS with; plain text without.
    """

    def __init__(self, app: FastAPI, *, tls: ssl.SSLContext | None = None) -> None:
        config = uvicorn.Config(
            app,
            http=_Patient,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
            limit_concurrency=MAX_CONNECTIONS,
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        )
        config.load()
        config.ssl = tls
        self._server = _Uvicorn(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int, group: asyncio.TaskGroup) -> int:
        """
        Listen.

        Args:
            host: the address.
            port: 0 takes any free one.
            group: waits for the server's end.

        Returns:
            The port that was taken.

        Raises:
            OSError: the address cannot be used.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            listener.close()
            raise
        self._task = group.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started:  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(0.005)
        return int(listener.getsockname()[1])

    async def stop(self) -> None:
        """
        Let requests end, and wait for it.
        """
        self._server.should_exit = True
        if self._task is not None:
            await self._task


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The bridge drains first; uvicorn is stopped by it, last of all.
        yield


class _Patient(H11Protocol):
    """
    Uvicorn's own protocol, with an end to its patience.

    It closes connections that stay silent between two requests, but waits for
    ever for the head of a request that comes a byte at a time, or never, and for
    a client that does not read its answer.
    """

    _patience: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own
        """
        Begin to wait.
        """
        super().connection_made(transport)
        self._mind()

    def data_received(self, data: bytes) -> None:
        """
        Take bytes; a head that is complete ends the wait.
        """
        super().data_received(data)
        self._mind()

    def connection_lost(self, exc: Exception | None) -> None:
        """
        Wait no more.
        """
        super().connection_lost(exc)
        self._forget()
        self._forget_unread()

    def pause_writing(self) -> None:
        """
        Begin to wait for the client to read.
        """
        super().pause_writing()
        self._forget_unread()
        # Not `close`, which would wait until everything is read.
        self._unread = self.loop.call_later(READ_TIMEOUT_S, self.transport.abort)

    def resume_writing(self) -> None:
        """
        Wait no more: it reads.
        """
        super().resume_writing()
        self._forget_unread()

    def _forget_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
        self._unread = None

    def _mind(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._forget()
        elif self._patience is None:
            self._patience = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def _forget(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        if self.conn.their_state is h11.IDLE:
            self.transport.close()
