"""
The runner: how a machine is driven.

    1. something happens: input, a command, a deadline
    2. mutate the machine once, with the time
    3. drain its outputs until there are none
    4. ask for its deadline
    5. re-arm the timer, if the deadline changed
    6. wait

Handling an output may mutate another machine, or through it this one again;
the outputs of that are drained by the loop that is already draining.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


Output = TypeVar("Output")
Answer = TypeVar("Answer")


class Machine(Protocol[Output]):
    """
    What all machines have in common.
    """

    def deadline(self) -> float | None:
        """
        Tell when `handle_deadline` is due.
        """

    def handle_deadline(self, *, now: float) -> None:
        """
        Act on a deadline; harmless if early.
        """

    def poll(self) -> list[Output]:
        """
        Take the outputs that have gathered.
        """


class Runner(Generic[Output]):
    """
    Drives one machine on the running event loop.

    Args:
        machine: to be driven.
        handle: takes each output, in order.
        drained: called when a step's outputs have all been handled.
    """

    def __init__(
        self,
        machine: Machine[Output],
        handle: Callable[[Output], None],
        drained: Callable[[], None] = lambda: None,
    ) -> None:
        self._machine = machine
        self._handle = handle
        self._drained = drained
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._is_draining = False

    def step(self, mutate: Callable[[float], Answer]) -> Answer:
        """
        Mutate the machine and do what it says.

        Args:
            mutate: is given the time.
        """
        answer = mutate(self._loop.time())
        self._drain()
        return answer

    def stop(self) -> None:
        """
        Let go of the machine: no timer stays behind.
        """
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due = None, None

    def _drain(self) -> None:
        if self._is_draining:
            return
        self._is_draining = True
        try:
            while outputs := self._machine.poll():
                for output in outputs:
                    self._handle(output)
        finally:
            self._is_draining = False
        self._arm()
        self._drained()

    def _arm(self) -> None:
        due = self._machine.deadline()
        if due == self._due:
            return
        self.stop()
        if due is not None:
            self._due = due
            self._timer = self._loop.call_at(due, self._fire, due)

    def _fire(self, due: float) -> None:
        self._timer, self._due = None, None
        # A loop's timers may fire a hair early.
        now = max(due, self._loop.time())
        self._machine.handle_deadline(now=now)
        self._drain()
