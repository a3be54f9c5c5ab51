"""
A live call for synchronous tests: two legs that stay up, keys pressed on demand.
"""

import asyncio
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from bridge.server.provider import Leg, Playback, play
from dtmf_engine.g711 import decode_mulaw, encode_mulaw
from tests.support.tones import Audio, dial, to_int16, white_noise


_FRAME = 160
_SILENCE = bytes([0xFF]) * _FRAME
_NOISE_DBM0 = -60.0


@dataclass(slots=True)
class LiveCall:
    """
    A call in progress.
    """

    call_sid: str
    name: str
    caller_ear: Playback = field(default_factory=Playback)
    agent_ear: Playback = field(default_factory=Playback)
    failure: list[BaseException] = field(default_factory=list)
    _waiting: bytearray = field(default_factory=bytearray)
    _sent: bytearray = field(default_factory=bytearray)
    _hung_up: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    def press(self, digits: str) -> None:
        """
        Have the caller press keys, 70 ms each, from now on.
        """
        presses = dial(digits, tone=560, pause=560, lead=560)
        wave = np.zeros(presses[-1].end_sample)
        for press in presses:
            wave[press.start_sample : press.end_sample] = press.wave()
        with self._lock:
            self._waiting += encode_mulaw(to_int16(wave))

    def hang_up(self) -> None:
        """
        Have the caller hang up, and wait until both legs are down.
        """
        self._hung_up.set()
        if self._thread is not None:
            self._thread.join(10)

    @property
    def sent(self) -> Audio:
        """
        What the caller has sent.
        """
        return decode_mulaw(bytes(self._sent))

    @property
    def heard(self) -> Audio:
        """
        What the agent has heard.
        """
        return decode_mulaw(bytes(self.agent_ear.heard))

    def caller_frame(self, n: int) -> bytes | None:
        """
        Give what the caller says next: a key, or the noise of the line.
        """
        if self._hung_up.is_set():
            return None
        with self._lock:
            keyed = np.zeros(_FRAME)
            part = bytes(self._waiting[:_FRAME])
            del self._waiting[:_FRAME]
        keyed[: len(part)] = decode_mulaw(part)
        frame = encode_mulaw(to_int16(keyed + white_noise(_FRAME, _NOISE_DBM0, seed=n)))
        self._sent += frame
        return frame

    def agent_frame(self, _n: int) -> bytes | None:
        """
        Give what the agent says next: nothing, but he stays.
        """
        return None if self._hung_up.is_set() else _SILENCE

    def run(self, media_url: str, speed: float) -> None:
        """
        Play both legs until the caller hangs up, in a thread.
        """

        def work() -> None:
            try:
                asyncio.run(self._play(media_url, speed))
            except BaseException as error:  # noqa: BLE001 - told to the test
                self.failure.append(error)

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    async def _play(self, media_url: str, speed: float) -> None:
        started = asyncio.Event()
        agent = Leg(
            url=f"{media_url}/media/twilio/{self.name}/agent",
            source=self.agent_frame,
            call_sid="CA" + secrets.token_hex(16),
            stream_sid="MZ" + secrets.token_hex(16),
            speed=speed,
        )
        caller = Leg(
            url=f"{media_url}/media/twilio/{self.name}/caller",
            source=self.caller_frame,
            call_sid=self.call_sid,
            stream_sid="MZ" + secrets.token_hex(16),
            speed=speed,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(play(agent, self.agent_ear, on_start=started.set))
            await started.wait()
            group.create_task(play(caller, self.caller_ear))


@contextmanager
def live_call(media_url: str, *, speed: float = 4.0) -> Iterator[LiveCall]:
    """
    Keep a call up while the block runs.

    Args:
        media_url: of a bridge in development, with `playout_limit_ms` raised if
            the speed is not 1.
        speed: how much faster than real time both legs play.
    """
    call = LiveCall("CA" + secrets.token_hex(16), "live-" + secrets.token_hex(4))
    call.run(media_url, speed)
    try:
        yield call
    finally:
        call.hang_up()
    if call.failure:
        raise call.failure[0]
