"""
The media port from outside: a provider made by hand, and what a test needs to
run a server in its own process.

The messages are typed from Twilio's documentation, not made by the bridge.
"""

import asyncio
import audioop
import base64
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bridge.server.accounts import Account, AccountBook
from bridge.server.analysis import Analyser
from bridge.server.limits import RateLimiter
from bridge.server.media import MediaServer
from bridge.server.metrics import Metrics
from bridge.server.switchboard import Switchboard
from dtmf_engine.bank import LegBank
from tests.support.tones import Audio, dial, line, to_int16


Answer = TypeVar("Answer")

ACCOUNT_SID = "AC" + "0" * 32
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
CALL_SID = "CA" + "1" * 32
OTHER_CALL_SID = "CA" + "2" * 32

QUIET = b"\xff"
"""µ-law code of nought."""

PATIENCE_S = 5.0
"""Longest wait for something that must come; a test that waits so long fails."""


# Time and the event loop.


class HandLoop(asyncio.SelectorEventLoop):
    """
    An event loop whose clock can be put forward by hand.
    """

    def __init__(self) -> None:
        self._ahead_s = 0.0
        super().__init__()

    def time(self) -> float:
        """
        Give the loop's time.
        """
        return super().time() + self._ahead_s

    def put_forward(self, seconds: float) -> None:
        """
        Let time pass at once.
        """
        self._ahead_s += seconds


def put_forward(seconds: float) -> None:
    """
    Let time pass at once in the running loop.
    """
    loop = asyncio.get_running_loop()
    assert isinstance(loop, HandLoop)
    loop.put_forward(seconds)


def run(
    main: Coroutine[Any, Any, Answer],
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = HandLoop,
) -> Answer:
    """
    Run a test's coroutine in a loop of its own, which must be left empty: no
    task, and no exception that nobody took.
    """
    untaken: list[dict[str, Any]] = []

    async def whole() -> Answer:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: untaken.append(context))
        answer = await main
        # Transports that were cut and iterators that were left go with the next
        # turns of the loop.
        for _ in range(50):
            await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left
        return answer

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        answer = runner.run(whole())
    assert not untaken, untaken
    return answer


async def wait_until(condition: Callable[[], object]) -> None:
    """
    Wait until something is true; in vain only so long.
    """
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("waited in vain")


# Messages of the provider, as documented.


def connected() -> str:
    """
    Give the first message.
    """
    return json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})


def start(call_sid: str = CALL_SID, **parameters: str) -> str:
    """
    Give the second message.
    """
    return json.dumps(
        {
            "event": "start",
            "sequenceNumber": "1",
            "start": {
                "streamSid": "MZ01",
                "accountSid": ACCOUNT_SID,
                "callSid": call_sid,
                "tracks": ["inbound"],
                "customParameters": parameters,
                "mediaFormat": {
                    "encoding": "audio/x-mulaw",
                    "sampleRate": 8000,
                    "channels": 1,
                },
            },
            "streamSid": "MZ01",
        }
    )


def media(octets: bytes, chunk: int = 1, **others: object) -> str:
    """
    Give a message of audio.
    """
    body: dict[str, object] = {
        "track": "inbound",
        "chunk": str(chunk),
        "timestamp": str(20 * chunk),
        "payload": base64.b64encode(octets).decode(),
    }
    return json.dumps(
        {
            "event": "media",
            "sequenceNumber": str(chunk + 1),
            "media": body | others,
            "streamSid": "MZ01",
        }
    )


def dtmf(digit: str) -> str:
    """
    Give the message of a key press.
    """
    return json.dumps(
        {
            "event": "dtmf",
            "streamSid": "MZ01",
            "sequenceNumber": "5",
            "dtmf": {"track": "inbound_track", "digit": digit},
        }
    )


def mark(name: str) -> str:
    """
    Give the message of a mark that was reached.
    """
    return json.dumps(
        {
            "event": "mark",
            "sequenceNumber": "6",
            "streamSid": "MZ01",
            "mark": {"name": name},
        }
    )


def stop() -> str:
    """
    Give the last message.
    """
    return json.dumps(
        {
            "event": "stop",
            "sequenceNumber": "9",
            "stop": {"accountSid": ACCOUNT_SID, "callSid": CALL_SID},
            "streamSid": "MZ01",
        }
    )


# Audio.


def encode(audio: Audio) -> bytes:
    """
    Give µ-law octets of audio.
    """
    return audioop.lin2ulaw(audio.tobytes(), 2)


def decode(octets: bytes) -> Audio:
    """
    Give the audio of µ-law octets.
    """
    return np.frombuffer(audioop.ulaw2lin(octets, 2), dtype=np.int16)


def keyed(digits: str, *, seed: int = 0, tone: int = 800, pause: int = 800) -> bytes:
    """
    Give what a caller sends who keys digits, with some noise on the line.
    """
    presses = dial(digits, tone=tone, pause=pause, seed=seed)
    return encode(to_int16(line(presses, noise_dbm0=-50.0, seed=seed)))


def noise(n_octets: int, *, seed: int = 0) -> bytes:
    """
    Give any octets whatever, all 256 codes among them, in which no tone is.
    """
    random = np.random.default_rng(seed)
    return random.integers(0, 256, n_octets, dtype=np.uint8).tobytes()


# A provider.


@dataclass(slots=True)
class Peer:
    """
    One stream, message by message, over a real WebSocket.
    """

    socket: ClientConnection
    heard: bytearray = field(default_factory=bytearray)
    """µ-law octets that came."""
    others: list[dict[str, Any]] = field(default_factory=list)
    """Messages that came and were no audio."""
    n_said: int = 0

    async def send(self, *messages: str | bytes) -> None:
        """
        Send messages as they are.
        """
        for message in messages:
            await self.socket.send(message)

    async def start(self, call_sid: str = CALL_SID, **parameters: str) -> None:
        """
        Send the first two messages.
        """
        await self.send(connected(), start(call_sid, **parameters))

    async def say(self, octets: bytes, frame: int = 160) -> None:
        """
        Send audio, as fast as it goes.
        """
        for place in range(0, len(octets), frame):
            self.n_said += 1
            await self.send(media(octets[place : place + frame], self.n_said))

    async def hear(self, n_octets: int) -> bytes:
        """
        Wait until so much audio has come in all, and give all of it.
        """
        await self.until(lambda: len(self.heard) >= n_octets)
        return bytes(self.heard)

    async def until(self, condition: Callable[[], object]) -> None:
        """
        Listen until something is true.
        """
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._take(await self.socket.recv())

    async def closed(self) -> tuple[int, str]:
        """
        Wait until the bridge closes, and tell with which code and reason.
        """
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    self._take(await self.socket.recv())
        code, reason = self.socket.close_code, self.socket.close_reason
        assert code is not None  # it is closed
        return code, reason or ""

    def _take(self, message: str | bytes) -> None:
        # Twilio answers a binary frame with its error 31950.
        assert isinstance(message, str)
        body = json.loads(message)
        if body["event"] == "media":
            self.heard += base64.b64decode(body["media"]["payload"])
        else:
            self.others.append(body)


@contextlib.asynccontextmanager
async def stream(
    port: int,
    path: str = "/media/twilio",
    *,
    headers: Mapping[str, str] | None = None,
    reads: bool = True,
) -> AsyncIterator[Peer]:
    """
    Open a stream; it is closed afterwards.

    Args:
        port: of the bridge.
        path: of the request.
        headers: of the request.
        reads: false for a peer whose buffers are small and whose `hear` is never
            called; it is cut in the end.
    """
    plug = socket.socket()
    if not reads:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    plug.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(plug, ("127.0.0.1", port))
    except OSError:
        plug.close()
        raise
    connection = await connect(
        f"ws://127.0.0.1:{port}{path}",
        sock=plug,
        additional_headers=headers,
        compression=None,
        ping_interval=None,
        close_timeout=1,
        max_queue=None if reads else 1,
        proxy=None,
    )
    try:
        yield Peer(connection)
    finally:
        if not reads:
            connection.transport.abort()
        elif connection.close_code is None:
            await connection.close()
        await connection.wait_closed()


# A bridge without its API.


@dataclass(frozen=True, slots=True)
class House:
    """
    A media server that listens, and what is behind it.
    """

    port: int
    server: MediaServer
    switchboard: Switchboard
    metrics: Metrics

    def count(self, name: str, **labels: str) -> float:
        """
        Read a metric.
        """
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@contextlib.asynccontextmanager
async def house(
    *,
    bank: LegBank | None = None,
    auth_tokens: Sequence[str] = (AUTH_TOKEN,),
    public_url: str = "",
    development: bool = True,
    playout_limit_s: float = 3600.0,
    more_accounts: Sequence[Account] = (),
    handshakes: RateLimiter | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[House]:
    """
    Run a media server on a free port of the loopback; the default account has one
    auth token or two.
    """
    first, second = (*map(SecretStr, auth_tokens), None)[:2]
    assert first is not None  # there is one at least
    account = Account(sid=ACCOUNT_SID, auth_token=first, secondary_auth_token=second)
    metrics = Metrics()
    analyser = Analyser(bank or LegBank(4), tick_s=0.001, metrics=metrics)
    switchboard = Switchboard(
        analyser,
        account_sid=ACCOUNT_SID,
        playout_limit_s=playout_limit_s,
        metrics=metrics,
    )
    server = MediaServer(
        switchboard,
        accounts=AccountBook([account, *more_accounts]),
        public_url=public_url,
        development=development,
        metrics=metrics,
        handshakes=handshakes,
        tls=tls,
    )
    port = await server.start("127.0.0.1", 0)
    try:
        yield House(port, server, switchboard, metrics)
    finally:
        await server.stop()
        analyser.stop()
