"""
Many payments at once, their digits interleaved, against a receiver that is ill.

It is slow, answers 500 to every third request of a payment and drops the connection
of every eleventh, half of them after it has understood. Nothing is lost, the order
within a payment is kept, each card comes to the gateway digit for digit, and memory
does not grow with what has passed.

200 sessions at once; `DTMF_SESSIONS` for another number, and `DTMF_ROUNDS` for as
many again, one crowd after the other in the same process.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.support.canaries import Canary, canaries
from tests.support.crowd import (
    Bank,
    Caller,
    Desk,
    Inbox,
    Reply,
    answering,
    caller,
    desk,
    sequences,
)
from tests.support.processes import Served, serving


N_SESSIONS = int(os.environ.get("DTMF_SESSIONS", "200"))
N_ROUNDS = int(os.environ.get("DTMF_ROUNDS", "1"))


pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(max(300, 3 * N_SESSIONS) * N_ROUNDS),
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux's /proc"),
]

GROWTH = 1.25
"""
Most that memory may grow by from when all calls are up to the end. What ended calls
and payments are kept for, a late command, takes a tenth of that; the rest is the
allocator's: it gives memory back, or does not, ten megabytes at a time.
"""

CARD, DATE, CODE = "payment-card-number", "expiration-date", "security-code"


def _ill(n: int) -> Reply:
    slow_s = 0.02 * (n % 5)
    if n % 11 == 10:
        return Reply(0, is_taken=n % 2 == 0, after_s=slow_s)
    if n % 3 == 2:
        return Reply(500, is_taken=False, after_s=slow_s)
    return Reply(after_s=slow_s)


class Turns:
    """
    Callers who wait for each other: nobody presses a key before all have pressed
    the one before it.
    """

    def __init__(self, n_callers: int) -> None:
        self._barrier = asyncio.Barrier(n_callers)
        self.before_cards: Callable[[], None] = lambda: None
        """Called once, when all calls are up and nobody has keyed a card."""

    async def all_here(self) -> None:
        """
        Wait for everybody.
        """
        if await self._barrier.wait() == 0:
            self.before_cards()

    async def press(self, who: Caller, keys: str) -> None:
        """
        Press keys, one a turn.
        """
        for key in keys:
            await self._barrier.wait()
            await who.press(key)

    async def capture(self, who: Caller, name: str, keys: str) -> None:
        """
        Have a field captured.
        """
        await who.update(Capture=name)
        await who.think()
        await self.press(who, keys)
        # The receiver is too far behind to wait for what it is told.
        while name in await who.missing():
            continue


async def _pay(agents: Desk, turns: Turns, card: Canary) -> str:
    async with caller(agents) as who:
        await who.start(ChargeAmount="9.99", PostalCode="false")
        await turns.capture(who, DATE, "1239")
        await turns.all_here()
        await turns.capture(who, CARD, card.number)
        await who.update(Capture=CODE)
        await who.think()
        await turns.press(who, card.security_code)
        while await who.missing():
            continue
        assert await who.result() == "success"
        return who.sid


def _resident(served: Served) -> int:
    pages = int(Path(f"/proc/{served.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_nothing_is_lost_among_many(tmp_path: Path) -> None:
    """
    Every callback of every payment arrives, in order, over an ill receiver.
    """
    cards = canaries(N_SESSIONS * N_ROUNDS)
    inbox, bank = Inbox(behave=_ill), Bank()
    sids: list[str] = []
    sizes: list[int] = []

    async def crowd(served: Served, agents: Desk, some: Sequence[Canary]) -> None:
        turns = Turns(len(some))
        turns.before_cards = lambda: sizes.append(_resident(served))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_pay(agents, turns, card)) for card in some]
        sids.extend(task.result() for task in tasks)
        sizes.append(_resident(served))

    async def main() -> None:
        async with answering(bank.take) as url:
            with serving(tmp_path, sandbox_url=url, log_level="info") as served:
                async with desk(served, inbox) as agents:
                    for start in range(0, len(cards), N_SESSIONS):
                        await crowd(served, agents, cards[start : start + N_SESSIONS])
                assert served.terminate() == 0

    asyncio.run(main())
    assert len(set(sids)) == len(cards)
    assert Counter(bank.charges["9.99"]) == Counter(card.number for card in cards)
    for sid in sids:
        told = inbox.forms[sid]
        numbers = sequences(told)
        # A callback whose acknowledgement was lost comes again, never out of order.
        assert numbers == sorted(numbers)
        assert sorted(set(numbers)) == list(range(1, numbers[-1] + 1))
        assert told[-1]["Result"] == "success"
        shown = [form for form in told if form.get("Capture") == CARD]
        lengths = [len(form.get("PaymentCardNumber", "")) for form in shown]
        assert [*dict.fromkeys(lengths)] == [*range(17)]
    assert inbox.n_requests.total() > sum(map(len, inbox.forms.values()))
    print(len(sids), "sessions, resident octets:", sizes)  # noqa: T201 - reported
    assert max(sizes) < GROWTH * sizes[0], sizes
