"""
A provider's side of a call: plays a recording into a bridge, as Twilio would.
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedOK,
    InvalidHandshake,
    InvalidURI,
)

from bridge.errors import ProviderError
from bridge.signature import HEADER, sign
from bridge.stream.twilio_provider import FRAME_SAMPLES, TwilioProvider
from dtmf_engine.g711 import MULAW_SILENCE
from dtmf_engine.units import SAMPLE_RATE_HZ


FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """
    One leg to be played.
    """

    url: str
    """Of the bridge's media port, `ws://…` or `wss://…`, with its path."""
    source: Callable[[int], bytes | None] = field(repr=False)
    """Gives the nth 20 ms of µ-law audio that the leg's party says, at 8 kHz, and
    `None` when it has no more to say; see `frames_of`."""
    call_sid: str
    stream_sid: str
    account_sid: str = "AC" + "0" * 32
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth_token: str | None = field(default=None, repr=False)
    """Signs the handshake, if given."""
    signed_url: str | None = None
    """What is signed, if another URL than `url`."""
    speed: float = 1.0
    """How much faster than real time to play."""


@dataclass(slots=True)
class Playback:
    """
    A leg while it plays, and what was heard on it.
    """

    heard: bytearray = field(default_factory=bytearray)
    """µ-law octets, one for every octet that was sent."""
    started_at: float | None = None
    """Loop time of the first sample; its frame leaves 20 ms later."""
    sent_at: list[float] = field(default_factory=list)
    """Loop time at which each frame left."""
    received: list[tuple[float, int]] = field(default_factory=list)
    """Loop time and octets so far, for each message of audio that came."""
    n_cleared: int = 0

    def arrivals(self) -> list[float]:
        """
        Give the loop time at which each 20 ms of audio was complete.
        """
        times: list[float] = []
        for at, n_octets in self.received:
            times += [at] * (n_octets // FRAME_SAMPLES - len(times))
        return times


def frames_of(octets: bytes) -> Callable[[int], bytes | None]:
    """
    Cut µ-law octets into frames of 20 ms, the last one filled up with silence.
    """

    def source(n: int) -> bytes | None:
        frame = octets[n * FRAME_SAMPLES : (n + 1) * FRAME_SAMPLES]
        return frame.ljust(FRAME_SAMPLES, bytes([MULAW_SILENCE])) if frame else None

    return source


async def play(
    leg: Leg,
    playback: Playback,
    *,
    on_start: Callable[[], None] = lambda: None,
    until: Callable[[], bool] = lambda: False,
) -> None:
    """
    Play a leg to its end, 20 ms messages at real time, then send `stop`.

    It ends early, and that is no error, where the bridge closes normally.

    Args:
        leg: what to play.
        playback: filled while it plays.
        on_start: called at the moment of the first sample.
        until: asked after every frame; true ends the leg early.

    Raises:
        ProviderError: the bridge refused the stream or closed it.
    """
    provider = TwilioProvider(
        call_sid=leg.call_sid,
        stream_sid=leg.stream_sid,
        account_sid=leg.account_sid,
        parameters=leg.parameters,
    )
    headers = {}
    if leg.auth_token is not None:
        headers[HEADER] = sign(leg.auth_token, leg.signed_url or leg.url)
    try:
        async with connect(
            leg.url, additional_headers=headers, compression=None, open_timeout=10
        ) as socket:
            await _play_over(socket, leg, provider, playback, on_start, until)
    except ConnectionClosedOK:
        # The bridge hung up: the other party has left.
        return
    except ConnectionClosed as error:
        raise ProviderError(f"the bridge closed the stream: {error}") from None
    except (InvalidHandshake, InvalidURI, OSError, TimeoutError) as error:
        place = urlsplit(leg.url).netloc
        raise ProviderError(f"no stream to {place}: {error}") from None
    finally:
        playback.n_cleared = provider.n_cleared


async def _play_over(
    socket: ClientConnection,
    leg: Leg,
    provider: TwilioProvider,
    playback: Playback,
    on_start: Callable[[], None],
    until: Callable[[], bool],
) -> None:
    for text in provider.open():
        await socket.send(text)
    listener = asyncio.create_task(_listen(socket, provider, playback))
    try:
        on_start()
        await _pace(socket, leg, provider, playback, until)
        await socket.send(provider.stop())
        # What the bridge still had to say was heard; let it close first.
        async with asyncio.timeout(2):
            await asyncio.gather(listener, return_exceptions=True)
    except TimeoutError:
        pass
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


async def _pace(
    socket: ClientConnection,
    leg: Leg,
    provider: TwilioProvider,
    playback: Playback,
    until: Callable[[], bool],
) -> None:
    loop = asyncio.get_running_loop()
    start = playback.started_at = loop.time()
    for n in itertools.count():
        frame = leg.source(n)
        if frame is None:
            return
        # A frame can leave when its last sample has been spoken.
        pause = start + (n + 1) * FRAME_S / leg.speed - loop.time()
        await asyncio.sleep(max(0.0, pause))
        await socket.send(provider.media(frame))
        playback.sent_at.append(loop.time())
        heard, marks = provider.play()
        playback.heard += heard
        for text in marks:
            await socket.send(text)
        if until():
            return


async def _listen(
    socket: ClientConnection, provider: TwilioProvider, playback: Playback
) -> None:
    loop = asyncio.get_running_loop()
    async for message in socket:
        for text in provider.receive_message(message):
            await socket.send(text)
        playback.received.append((loop.time(), provider.n_received_octets))
