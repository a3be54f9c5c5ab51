"""
The runner: one mutation, then drain, then re-arm.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import TypeVarTuple, Unpack

import pytest

from bridge.server.runner import Runner
from tests.support.media import HandLoop, put_forward, run, wait_until


Ts = TypeVarTuple("Ts")


class _Machine:
    """
    A machine that says what it is told to say.
    """

    def __init__(self) -> None:
        self.due: float | None = None
        self.outputs: list[str] = []
        self.fired_at: list[float] = []

    def say(self, *outputs: str) -> None:
        self.outputs += outputs

    def deadline(self) -> float | None:
        return self.due

    def handle_deadline(self, *, now: float) -> None:
        self.fired_at.append(now)
        self.due = None
        self.outputs.append("deadline")

    def poll(self) -> list[str]:
        outputs, self.outputs = self.outputs, []
        return outputs


class _CountingLoop(HandLoop):
    """
    A loop that counts the timers that are set.
    """

    def __init__(self) -> None:
        self.set_for: list[float] = []
        super().__init__()

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        self.set_for.append(when)
        return super().call_at(when, callback, *args, context=context)


def test_runner_handles_outputs_in_order_and_gives_the_answer() -> None:
    """
    A step mutates once, with the loop's time, and everything the machine says is
    handled before it returns.
    """

    async def main() -> None:
        machine, handled, times = _Machine(), [], []
        runner = Runner(machine, handled.append, lambda: handled.append("drained"))

        def mutate(now: float) -> str:
            times.append(now)
            machine.say("a", "b")
            return "answer"

        before = asyncio.get_running_loop().time()
        assert runner.step(mutate) == "answer"
        assert handled == ["a", "b", "drained"]
        assert len(times) == 1
        assert before <= times[0] <= asyncio.get_running_loop().time()

    run(main())


def test_runner_drains_what_handling_brings_about() -> None:
    """
    Outputs that come of handling an output are handled after those that waited,
    by the same loop, and the step is drained once.
    """

    async def main() -> None:
        machine, handled, depth = _Machine(), [], [0]

        def handle(output: str) -> None:
            depth[0] += 1
            assert depth[0] == 1
            handled.append(output)
            if output == "a":
                machine.say("c")
                # The machine is mutated again from within.
                assert runner.step(lambda _: machine.say("d")) is None
                assert handled == ["a"]
            if output == "d":
                machine.say("e")
            depth[0] -= 1

        runner = Runner(machine, handle, lambda: handled.append("drained"))
        runner.step(lambda _: machine.say("a", "b"))
        assert handled == ["a", "b", "c", "d", "e", "drained"]

    run(main())


def test_runner_drains_two_machines_that_talk_to_each_other() -> None:
    """
    A machine that is reached through another one is drained by whoever drains it
    already.
    """

    async def main() -> None:
        first, second, handled = _Machine(), _Machine(), []

        def handle_first(output: str) -> None:
            handled.append(f"first {output}")
            if output == "ask":
                two.step(lambda _: second.say("asked"))

        def handle_second(output: str) -> None:
            handled.append(f"second {output}")
            one.step(lambda _: first.say("answered"))
            handled.append("second goes on")

        one, two = Runner(first, handle_first), Runner(second, handle_second)
        one.step(lambda _: first.say("ask", "more"))
        assert handled == [
            "first ask",
            "second asked",
            "second goes on",
            "first more",
            "first answered",
        ]

    run(main())


def test_runner_sets_its_timer_again_only_when_the_deadline_changes() -> None:
    """
    A deadline that stays is a timer that stays.
    """

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, _CountingLoop)
        machine = _Machine()
        runner = Runner(machine, lambda _: None)
        first, second = loop.time() + 50, loop.time() + 60
        for due in (None, first, first, first, second, second, None, None, first):
            machine.due = due
            runner.step(lambda _: machine.say("a"))
        assert loop.set_for == [first, second, first]
        runner.stop()

    run(main(), loop_factory=_CountingLoop)


def test_runner_fires_at_the_deadline_and_drains() -> None:
    """
    When a deadline has come, the machine is told a time that is not before it,
    its outputs are handled, and it is told once.
    """

    async def main() -> None:
        loop = asyncio.get_running_loop()
        machine, handled = _Machine(), []
        runner = Runner(machine, handled.append, lambda: handled.append("drained"))
        machine.due = due = loop.time() + 1000
        runner.step(lambda _: None)
        put_forward(999)
        await asyncio.sleep(0)
        assert machine.fired_at == []
        put_forward(2)
        await wait_until(lambda: machine.fired_at)
        assert len(machine.fired_at) == 1
        assert machine.fired_at[0] >= due
        assert handled == ["drained", "deadline", "drained"]

    run(main())


def test_runner_never_fires_early() -> None:
    """
    A loop's timer that fires a hair early is told as the deadline itself.
    """

    class EarlyLoop(HandLoop):
        def call_at(
            self,
            when: float,
            callback: Callable[[Unpack[Ts]], object],
            *args: *Ts,
            context: Context | None = None,
        ) -> asyncio.TimerHandle:
            return super().call_at(when - 500, callback, *args, context=context)

    async def main() -> None:
        machine = _Machine()
        runner = Runner(machine, lambda _: None)
        machine.due = due = asyncio.get_running_loop().time() + 400
        runner.step(lambda _: None)
        await wait_until(lambda: machine.fired_at)
        assert machine.fired_at == [due]

    run(main(), loop_factory=EarlyLoop)


def test_runner_leaves_no_timer_behind_when_it_is_stopped() -> None:
    """
    A stopped runner never fires, and may be stopped twice.
    """

    async def main() -> None:
        machine = _Machine()
        runner = Runner(machine, lambda _: None)
        machine.due = asyncio.get_running_loop().time() + 1000
        runner.step(lambda _: None)
        runner.stop()
        runner.stop()
        put_forward(2000)
        for _ in range(5):
            await asyncio.sleep(0)
        assert machine.fired_at == []

    run(main())


def test_runner_goes_on_after_a_handler_that_failed() -> None:
    """
    An exception of a handler reaches whoever made the step; the next step is
    drained as ever.
    """

    async def main() -> None:
        machine, handled = _Machine(), []

        def handle(output: str) -> None:
            if output == "bad":
                raise ValueError("a bug")
            handled.append(output)

        runner = Runner(machine, handle)
        with pytest.raises(ValueError, match=r"^a bug$"):
            runner.step(lambda _: machine.say("a", "bad"))
        runner.step(lambda _: machine.say("b"))
        assert handled == ["a", "b"]

    run(main())
