"""
The delivery of one session's callbacks, strictly in order.

A machine. One callback is under way at a time; the next waits until it is
delivered or given up, and until the outbox knows that. So the only callback a
receiver can see twice after a crash is the last one it saw.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bridge.callbacks.schedule import Fault, Schedule, fault_of_status, split_target
from bridge.errors import LocalProtocolError


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """
    One callback to be delivered.
    """

    callback_id: int
    """Its number in the outbox."""
    url: str
    """As given, with any connection overrides."""
    form: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """
    Send a callback now, and report back.
    """

    callback_id: int
    url: str
    """Without a fragment: what is requested and signed."""
    form: Mapping[str, str]
    attempt: int
    """1 for the first try."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """
    The receiver has it. To be recorded, and reported back.
    """

    callback_id: int
    attempts: int


@dataclass(frozen=True, slots=True)
class GivenUp:
    """
    A dead letter: it was tried as often as its schedule allows.

    To be recorded, and reported back.
    """

    callback_id: int
    attempts: int
    fault: str


@dataclass(frozen=True, slots=True)
class Postponed:
    """
    It failed and will be tried again.
    """

    callback_id: int
    attempts: int
    fault: str
    delay_s: float


Output: TypeAlias = Post | Delivered | GivenUp | Postponed


class DeliveryQueue:
    """
    One session's callbacks.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callback] = deque()
        self._attempts = 0
        self._under_way = False
        self._is_being_recorded = False
        self._retry_at: float | None = None
        self._outputs: list[Output] = []

    @property
    def is_empty(self) -> bool:
        """
        Whether everything is delivered or given up, and recorded.
        """
        return not self._waiting

    def add(self, callback: Callback, *, now: float) -> None:
        """
        Queue a callback behind those that wait.
        """
        del now  # sent at once or after what waits
        self._waiting.append(callback)
        self._send()

    def receive_status(self, status: int, *, now: float) -> None:
        """
        The receiver answered the callback that is under way.

        Raises:
            LocalProtocolError: none is under way.
        """
        fault = fault_of_status(status)
        if fault is not None:
            self._fail(fault, f"status {status}", now)
            return
        callback = self._landed()
        self._is_being_recorded = True
        self._outputs.append(Delivered(callback.callback_id, self._attempts))

    def receive_failure(self, fault: Fault, *, now: float) -> None:
        """
        No answer came to the callback that is under way.

        Raises:
            LocalProtocolError: none is under way.
        """
        names = {Fault.CONNECT: "no connection", Fault.READ: "no answer"}
        self._fail(fault, names.get(fault, str(fault)), now)

    def receive_recorded(self, *, now: float) -> None:
        """
        The outbox knows how the callback at the head ended.

        Raises:
            LocalProtocolError: it has not ended.
        """
        del now  # the next is sent at once
        if not self._is_being_recorded:
            raise LocalProtocolError("a callback was recorded that had not ended")
        self._is_being_recorded = False
        self._waiting.popleft()
        self._attempts = 0
        self._send()

    def deadline(self) -> float | None:
        """
        Tell when the next retry is due.
        """
        return self._retry_at

    def handle_deadline(self, *, now: float) -> None:
        """
        Try again, if it is time.
        """
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
            self._send()

    def poll(self) -> list[Output]:
        """
        Take the outputs that have gathered.
        """
        outputs, self._outputs = self._outputs, []
        return outputs

    def _send(self) -> None:
        if not self._waiting or self._under_way or self._is_being_recorded:
            return
        if self._retry_at is not None:
            return
        callback = self._waiting[0]
        self._under_way = True
        self._attempts += 1
        url, _ = split_target(callback.url)
        self._outputs.append(
            Post(
                callback_id=callback.callback_id,
                url=url,
                form=callback.form,
                attempt=self._attempts,
            )
        )

    def _landed(self) -> Callback:
        if not self._under_way:
            raise LocalProtocolError("an answer came to a callback that was not sent")
        self._under_way = False
        return self._waiting[0]

    def _fail(self, fault: Fault, text: str, now: float) -> None:
        callback = self._landed()
        schedule: Schedule = split_target(callback.url)[1]
        delay_s = schedule.delay_s(self._attempts, fault)
        number, attempts = callback.callback_id, self._attempts
        if delay_s is None:
            self._is_being_recorded = True
            self._outputs.append(GivenUp(number, attempts, text))
            return
        self._retry_at = now + delay_s
        self._outputs.append(Postponed(number, attempts, text, delay_s))
