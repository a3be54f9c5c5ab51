"""
The media server: WebSocket connections of providers.

One connection is one stream is one leg. Its reader feeds the stream's machine;
its writer empties a bounded queue. A peer that does not read has its oldest
audio dropped, and is closed when it has not read for too long; no other call
waits for it.
"""

import asyncio
import ssl
from collections import deque
from functools import partial
from http import HTTPStatus
from math import ceil
from typing import assert_never

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from bridge.server.accounts import AccountBook
from bridge.server.addresses import Network, client_address, limit_key
from bridge.server.clock import unix_now
from bridge.server.limits import RateLimiter
from bridge.server.metrics import Metrics
from bridge.server.runner import Runner
from bridge.server.switchboard import Call, Switchboard
from bridge.signature import HEADER
from bridge.stream.events import (
    GOING_AWAY,
    NORMAL,
    POLICY_VIOLATION,
    TRY_AGAIN_LATER,
    Audio,
    Close,
    DigitEvent,
    Ignored,
    MarkReached,
    Role,
    Started,
    Stopped,
    StreamEvent,
)
from bridge.stream.handshake import (
    TOKEN_PARAMETER,
    Claim,
    Target,
    claim_of,
    is_signed_by,
    is_token_good,
    parse_path,
)
from bridge.stream.twilio import TwilioStream


MAX_MESSAGE_BYTES = 64 * 1024
"""A message of 20 ms has 400 bytes; the longest audio taken, 2 s, has 22,000."""

MAX_QUEUED_CHARACTERS = 32_000
"""Two seconds of audio, base64 and braces, for a peer that does not read."""

MAX_STALL_S = 10.0
"""How long a peer may leave its queue full."""

CLOSE_TIMEOUT_S = 3.0
"""For the closing handshake, before the connection is cut."""

MAX_REASON_BYTES = 120
"""RFC 6455 leaves a close frame 123 bytes for its reason."""

MAX_IGNORED_LOGGED = 3
"""Log lines a stream gets for what it sends wrong; the metric counts on."""

_DIALECTS = frozenset({"twilio"})
_SIGNER = "dtmf_signer"


class MediaServer:
    """
    Takes streams.

    Args:
        switchboard: where legs go.
        accounts: whose signatures and tokens are taken.
        public_url: what providers sign; empty if signatures cannot be checked.
        development: take streams without credentials.
        metrics: of the bridge.
        tls: what to speak TLS with; plain text without.
        handshakes: how many an address may make that are not signed.
        trusted_proxies: whose `X-Forwarded-For` is believed.
    """

    def __init__(
        self,
        switchboard: Switchboard,
        *,
        accounts: AccountBook,
        public_url: str,
        development: bool,
        metrics: Metrics,
        tls: ssl.SSLContext | None = None,
        handshakes: RateLimiter | None = None,
        trusted_proxies: tuple[Network, ...] = (),
    ) -> None:
        self.switchboard = switchboard
        self.accounts = accounts
        self.metrics = metrics
        self.development = development
        self._public_url = public_url
        self._tls = tls
        self._handshakes = handshakes
        self._trusted_proxies = trusted_proxies
        self._server: Server | None = None
        self._log = structlog.get_logger()

    async def start(self, host: str, port: int) -> int:
        """
        Listen.

        Returns:
            The port, where any free one was asked for.

        Raises:
            OSError: the address cannot be used.
        """
        self._server = await serve(
            self._serve,
            host,
            port,
            ssl=self._tls,
            process_request=self._admit,
            max_size=MAX_MESSAGE_BYTES,
            max_queue=16,
            write_limit=16 * 1024,
            compression=None,
            open_timeout=10,
            ping_interval=20,
            ping_timeout=20,
            close_timeout=2,
            server_header=None,
        )
        return int(next(iter(self._server.sockets)).getsockname()[1])

    def stop_listening(self) -> None:
        """
        Take no more streams; those that are there go on.
        """
        if self._server is not None:
            self._server.close(close_connections=False)

    async def stop(self) -> None:
        """
        Close what is left and wait for it.
        """
        if self._server is None:
            return
        self._server.close()
        # `close` does nothing the second time, after `stop_listening`.
        async with asyncio.TaskGroup() as group:
            for connection in list(self._server.connections):
                group.create_task(_close(connection, GOING_AWAY, "shutting down"))
        await self._server.wait_closed()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """
        Look at an upgrade request before it is answered.
        """
        target = parse_path(request.path)
        if target is None or target.dialect not in _DIALECTS:
            return self._refuse(request, HTTPStatus.NOT_FOUND, "no such path")
        signature = self._signature(request)
        signer = None
        if signature is not None:
            signer = self.accounts.owner(
                lambda token: is_signed_by(
                    signature, [token], self._public_url, request.path
                )
            )
        # Signed ones are not counted: all streams of a provider may come from one
        # address, and from it those of its other customers.
        wait_s = 0.0 if signer else self._take_handshake(connection, request)
        if wait_s:
            return self._refuse(
                request, HTTPStatus.TOO_MANY_REQUESTS, "too many handshakes", wait_s
            )
        if signature is not None and signer is None:
            return self._refuse(request, HTTPStatus.FORBIDDEN, "wrong signature")
        setattr(connection, _SIGNER, signer)
        return None

    def _signature(self, request: Request) -> str | None:
        """
        Give the signature, if there is one that can be checked.
        """
        given = request.headers.get_all(HEADER)
        return given[0] if given and self._public_url else None

    def _take_handshake(self, connection: ServerConnection, request: Request) -> float:
        if self._handshakes is None:
            return 0.0
        peer = connection.remote_address
        forwarded = ",".join(request.headers.get_all("X-Forwarded-For"))
        address = client_address(
            str(peer[0]) if peer else "", forwarded, self._trusted_proxies
        )
        now = asyncio.get_running_loop().time()
        return self._handshakes.take(limit_key(address), now=now)

    def _refuse(
        self, request: Request, status: HTTPStatus, reason: str, wait_s: float = 0.0
    ) -> Response:
        self.metrics.streams.labels(outcome="refused").inc()
        path = request.path.partition("?")[0][:200]
        self._log.warning("stream refused", path=path, reason=reason)
        headers = Headers({"Content-Length": "0", "Connection": "close"})
        if wait_s:
            headers["Retry-After"] = str(ceil(wait_s))
        return Response(status.value, status.phrase, headers)

    async def _serve(self, socket: ServerConnection) -> None:
        request = socket.request
        assert request is not None  # the handshake is done
        target = parse_path(request.path)
        assert target is not None  # `_admit` has looked
        connection = _Connection(self, socket, target)
        await connection.run()


class _Connection:
    """
    One stream's connection: a port of the switchboard.
    """

    def __init__(
        self, server: MediaServer, socket: ServerConnection, target: Target
    ) -> None:
        self._server = server
        self._socket = socket
        self._target = target
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._stream = TwilioStream(now=loop.time())
        self._runner = Runner(self._stream, self._handle)
        self._queue: deque[str] = deque()
        self._n_queued = 0
        self._wake = asyncio.Event()
        self._full_since: float | None = None
        self._closing: Close | None = None
        self._told_to_close = asyncio.Event()
        self._leg: tuple[Call, Role] | None = None
        self._n_ignored = 0
        self._log = structlog.get_logger().bind(peer=_peer(socket))

    async def run(self) -> None:
        """
        Read and write until the stream is over.
        """
        async with asyncio.TaskGroup() as group:
            helpers = [
                group.create_task(self._write()),
                group.create_task(self._close_when_told()),
            ]
            # The first deadline is for the first message.
            self._runner.step(lambda _now: None)
            try:
                await self._read()
            finally:
                self._runner.step(lambda now: self._stream.receive_close(now=now))
                self._runner.stop()
                self._leave()
                for helper in helpers:
                    helper.cancel()

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                if self._closing is None:
                    receive = partial(self._stream.receive_message, message)
                    self._runner.step(lambda now: receive(now=now))  # noqa: B023
        except ConnectionClosed as error:
            if self._closing is None:
                self._log.info("stream broken", reason=str(error)[:200])

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                text = self._queue.popleft()
                self._n_queued -= len(text)
                try:
                    await self._socket.send(text)
                except ConnectionClosed:
                    return

    async def _close_when_told(self) -> None:
        await self._told_to_close.wait()
        assert self._closing is not None  # set before the event
        await _close(self._socket, self._closing.code, self._closing.reason)

    # The port of the switchboard.

    def play(self, octets: bytes) -> None:
        """
        Send audio to the leg.
        """
        if self._closing is None:
            self._send(self._stream.audio(octets))

    def clear(self) -> None:
        """
        Have the leg's provider throw away what it has not played.
        """
        if self._closing is None:
            self._forget_queue()
            self._send(self._stream.clear())

    def close(self, code: int, reason: str) -> None:
        """
        End the connection.
        """
        if self._closing is None:
            self._closing = Close(code, reason)
            self._forget_queue()
            self._told_to_close.set()

    # Private.

    def _handle(self, event: StreamEvent) -> None:
        match event:
            case Started():
                self._start(event)
            case Audio():
                if self._leg is not None:
                    self._server.switchboard.receive_audio(*self._leg, event)
            case DigitEvent(digit=digit):
                if self._leg is not None:
                    self._server.switchboard.receive_digit_event(*self._leg, digit)
            case MarkReached():
                pass
            case Ignored(reason=reason):
                self._ignore(reason)
            case Stopped():
                self._leave()
                self.close(NORMAL, "stream stopped")
            case Close(code=code, reason=reason):
                self._fail(code, reason)
            case _:
                assert_never(event)

    def _start(self, started: Started) -> None:
        claim = claim_of(self._target, started)
        if isinstance(claim, str):
            self._fail(POLICY_VIOLATION, claim)
            return
        account_sid = self._account_sid(claim, started)
        if account_sid is None:
            self._fail(POLICY_VIOLATION, "unauthenticated: no signature and no token")
            return
        call = self._server.switchboard.join(claim, started, self, account_sid)
        if isinstance(call, str):
            full = call.startswith("no room")
            self._fail(TRY_AGAIN_LATER if full else POLICY_VIOLATION, call)
            return
        self._leg = (call, claim.role)
        self._server.metrics.streams.labels(outcome="started").inc()

    def _account_sid(self, claim: Claim, started: Started) -> str | None:
        """
        Tell whose the stream is: whoever's token signed it, or made its token.

        In development, what the stream itself says is believed.
        """
        accounts = self._server.accounts
        signer: str | None = getattr(self._socket, _SIGNER, None)
        token = started.parameters.get(TOKEN_PARAMETER, "")
        owner = signer or accounts.owner(
            lambda key: is_token_good(token, [key], claim, unix_now())
        )
        if owner is None and self._server.development:
            said = started.account_sid
            return said if said in accounts else accounts.default_sid
        return owner

    def _fail(self, code: int, reason: str) -> None:
        if self._closing is None:
            self._log.warning("stream closed", code=code, reason=reason)
            self._server.metrics.streams.labels(outcome="failed").inc()
        self._leave()
        self.close(code, reason)

    def _ignore(self, reason: str) -> None:
        self._n_ignored += 1
        self._server.metrics.messages_ignored.inc()
        if self._n_ignored <= MAX_IGNORED_LOGGED:
            self._log.warning("message ignored", reason=reason)

    def _leave(self) -> None:
        leg, self._leg = self._leg, None
        if leg is not None:
            self._server.switchboard.leave(*leg)

    def _send(self, text: str) -> None:
        if self._n_queued + len(text) <= MAX_QUEUED_CHARACTERS:
            self._full_since = None
        elif not self._make_room(len(text)):
            return
        self._queue.append(text)
        self._n_queued += len(text)
        self._wake.set()

    def _make_room(self, n_characters: int) -> bool:
        """
        Drop the oldest audio, or give the peer up.
        """
        while self._queue and self._n_queued + n_characters > MAX_QUEUED_CHARACTERS:
            self._n_queued -= len(self._queue.popleft())
            self._server.metrics.frames_dropped.inc()
        now = self._loop.time()
        if self._full_since is None:
            self._full_since = now
            self._log.warning("peer does not read, dropping its oldest audio")
        elif now - self._full_since > MAX_STALL_S:
            self._fail(POLICY_VIOLATION, "peer does not read")
            return False
        return True

    def _forget_queue(self) -> None:
        self._queue.clear()
        self._n_queued = 0


async def _close(socket: ServerConnection, code: int, reason: str) -> None:
    text = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await socket.close(code, text)
    except TimeoutError:
        # It does not read: no closing handshake will come to an end.
        socket.transport.abort()


def _peer(socket: ServerConnection) -> str:
    address = socket.remote_address
    return f"{address[0]}:{address[1]}" if address else "unknown"
