"""
The tick: many calls through one bank.
"""

import asyncio
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from bridge.call.line import Analysed
from bridge.call.session import (
    AnalyseGap,
)
from bridge.server.analysis import Analyser
from bridge.server.metrics import Metrics
from dtmf_engine.bank import BankOutput, LegBank
from tests.bridge.server.ears import Ear, Item, assert_same, caller, expected, in_loop
from tests.support.media import QUIET, put_forward, run, wait_until


class CountingBank(LegBank):
    """
    A bank that remembers how many legs and samples each call had.
    """

    def __init__(self, n_legs: int) -> None:
        super().__init__(n_legs)
        self.calls: list[tuple[int, int]] = []

    def process(
        self, samples: npt.ArrayLike, legs: Sequence[int] | None = None
    ) -> BankOutput:
        """
        Count, and process.
        """
        rows, columns = np.shape(samples)
        self.calls.append((rows, columns))
        return super().process(samples, legs)


@pytest.mark.parametrize("seed", range(4))
def test_analyser_gives_each_call_what_it_would_get_alone(seed: int) -> None:
    """
    Calls with frames of 10, 20, 30 and 4 ms, one of them armed, gaps here and
    there, in batches as chance has them: each gets the same audio, masks and
    events as when it is alone in the bank.
    """

    def script() -> None:
        random = np.random.default_rng(seed)
        analyser = Analyser(LegBank(4), tick_s=0.0, metrics=Metrics())
        ears = [Ear() for _ in range(4)]
        slots = [analyser.acquire(ear.given_back.append) for ear in ears]
        assert slots == [0, 1, 2, 3]
        analyser.set_armed(2, armed=True)
        waiting: list[list[Item]] = []
        for leg, frame in enumerate((80, 160, 240, 33)):
            octets = caller("159D"[leg] * 2 + "0", seed=leg + 4 * seed)
            items: list[Item] = []
            for place in range(0, len(octets), frame):
                items.append(octets[place : place + frame])
                if random.random() < 0.02:
                    items.append(AnalyseGap(int(random.integers(1, 400))))
            waiting.append(items)
        sent: list[list[Item]] = [[] for _ in range(4)]
        while any(waiting):
            for leg in random.permutation(4).tolist():
                n_items = int(random.integers(0, 5))
                chosen, waiting[leg] = waiting[leg][:n_items], waiting[leg][n_items:]
                for item in chosen:
                    sent[leg].append(item)
                    analyser.submit(leg, item)
            analyser.tick()
        analyser.stop()
        for leg, ear in enumerate(ears):
            assert_same(ear, expected(leg, sent[leg], armed=leg == 2))
            assert ear.masked.any()

    in_loop(script)


def test_analyser_hands_audio_that_came_together_to_the_bank_together() -> None:
    """
    One tick is one call of the bank for each length of audio.
    """

    def script() -> None:
        bank = CountingBank(5)
        analyser = Analyser(bank, tick_s=0.0, metrics=Metrics())
        for slot in range(5):
            assert analyser.acquire(lambda _: None) == slot
        for slot in range(4):
            analyser.submit(slot, QUIET * 160)
        analyser.submit(3, QUIET * 160)
        analyser.submit(4, QUIET * 320)
        analyser.tick()
        assert sorted(bank.calls) == [(2, 320), (3, 160)]
        analyser.stop()

    in_loop(script)


def test_analyser_keeps_gaps_in_their_places() -> None:
    """
    Audio, gaps and audio of one tick are analysed in the order they came in.
    """

    def script() -> None:
        octets = caller("15", n_samples=4000)
        items: list[Item] = [
            *(AnalyseGap(100), octets[:1500], octets[1500:1501], AnalyseGap(7)),
            *(AnalyseGap(300), octets[1801:], AnalyseGap(20)),
        ]
        ears = [Ear(), Ear()]
        analyser = Analyser(LegBank(4), tick_s=0.0, metrics=Metrics())
        for ear in ears:
            analyser.acquire(ear.given_back.append)
        for item in items:
            analyser.submit(1, item)
        analyser.submit(0, octets)
        analyser.tick()
        assert_same(ears[1], expected(1, items))
        assert_same(ears[0], expected(0, [octets]))
        lengths = [len(given.audio) for given in ears[1].given_back]
        assert lengths == [100, 1501, 7, 300, 2199, 20]
        analyser.stop()

    in_loop(script)


def test_analyser_waits_a_tick_for_company() -> None:
    """
    The first audio opens a window; when it closes all that came is analysed, once,
    and the next audio opens another one.
    """

    async def main() -> None:
        bank, ear = CountingBank(2), Ear()
        analyser = Analyser(bank, tick_s=100.0, metrics=Metrics())
        analyser.acquire(ear.given_back.append)
        for _ in range(2):
            bank.calls.clear()
            analyser.submit(0, QUIET * 160)
            put_forward(60)
            await asyncio.sleep(0)
            analyser.submit(0, QUIET * 160)
            await asyncio.sleep(0)
            assert bank.calls == []
            put_forward(41)
            await wait_until(lambda: bank.calls)
            assert bank.calls == [(1, 320)]
        assert ear.given_back[-1].position == 640
        analyser.stop()

    run(main())


def test_analyser_analyses_what_waits_when_it_is_stopped() -> None:
    """
    A stop leaves neither audio nor a timer behind, and may come twice.
    """

    async def main() -> None:
        bank, ear = CountingBank(1), Ear()
        analyser = Analyser(bank, tick_s=100.0, metrics=Metrics())
        analyser.acquire(ear.given_back.append)
        analyser.submit(0, QUIET * 160)
        analyser.stop()
        analyser.stop()
        assert bank.calls == [(1, 160)]
        put_forward(1000)
        for _ in range(5):
            await asyncio.sleep(0)
        assert bank.calls == [(1, 160)]

    run(main())


def test_analyser_has_as_many_slots_as_its_bank_has_legs() -> None:
    """
    When all are taken there is none, and one that was given back is taken again.
    """

    def script() -> None:
        analyser = Analyser(LegBank(2), tick_s=0.0, metrics=Metrics())
        assert [analyser.acquire(lambda _: None) for _ in range(3)] == [0, 1, None]
        analyser.release(0)
        assert [analyser.acquire(lambda _: None) for _ in range(2)] == [0, None]

    in_loop(script)


def test_analyser_begins_a_slot_anew() -> None:
    """
    Whoever gets a slot hears nothing of whoever had it: not what waited, not what
    was heard, not the arming.
    """

    def script() -> None:
        bank = LegBank(2, policy="strict")
        analyser = Analyser(bank, tick_s=0.0, metrics=Metrics())
        old, new = Ear(), Ear()
        analyser.acquire(old.given_back.append)
        analyser.set_armed(0, armed=True)
        analyser.submit(0, caller("5")[:1500])
        analyser.tick()
        analyser.submit(0, caller("5"))
        analyser.release(0)
        analyser.acquire(new.given_back.append)
        octets = caller("77", seed=3)
        analyser.submit(0, octets)
        analyser.tick()
        assert len(old.given_back) == 1
        assert_same(new, expected(0, [octets], n_legs=2))
        analyser.stop()

    in_loop(script)


def test_analyser_bears_calls_that_end_while_they_are_delivered() -> None:
    """
    What one call does with its audio may end another one of the same batch, and
    its own.
    """

    def script() -> None:
        analyser = Analyser(LegBank(3), tick_s=0.0, metrics=Metrics())
        ear = Ear()

        def end_both(_: Analysed) -> None:
            analyser.release(0)
            analyser.release(1)

        analyser.acquire(end_both)
        analyser.acquire(ear.given_back.append)
        analyser.acquire(ear.given_back.append)
        for slot in range(3):
            analyser.submit(slot, QUIET * 160)
        analyser.submit(1, AnalyseGap(10))
        analyser.tick()
        assert [given.position for given in ear.given_back] == [160]
        analyser.stop()

    in_loop(script)
