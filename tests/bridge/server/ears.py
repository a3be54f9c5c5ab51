"""
Legs of a bank: what tests of the analysis share.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from bridge.call.line import Analysed
from bridge.call.session import (
    AnalyseGap,
)
from dtmf_engine.bank import BankOutput, LegBank
from dtmf_engine.events import Event
from tests.support import media as wire
from tests.support.media import run
from tests.support.streams import digits_of
from tests.support.tones import Audio, dial, line, to_int16


Item: TypeAlias = bytes | AnalyseGap


@dataclass(slots=True)
class Ear:
    """
    What analysis gave back of one leg.
    """

    given_back: list[Analysed] = field(default_factory=list)

    @property
    def audio(self) -> Audio:
        """
        All of the audio.
        """
        return np.concatenate([given.audio for given in self.given_back])

    @property
    def masked(self) -> npt.NDArray[np.bool_]:
        """
        All of the masks.
        """
        return np.concatenate([given.masked for given in self.given_back])

    @property
    def events(self) -> list[Event]:
        """
        All events.
        """
        return [event for given in self.given_back for event in given.events]

    @property
    def digits(self) -> str:
        """
        The digits among the events.
        """
        return digits_of(self.events)


def caller(digits: str, *, seed: int = 0, n_samples: int = 16_000) -> bytes:
    """
    Give what a caller sends who keys digits on a line of his own.
    """
    presses = dial(digits, tone=640, pause=720, lead=900 + 37 * seed, seed=seed)
    wave = line(presses, n_samples=n_samples, noise_dbm0=-45.0, seed=seed)
    return wire.encode(to_int16(wave))


def expected(
    leg: int, items: Sequence[Item], *, n_legs: int = 4, armed: bool = False
) -> BankOutput:
    """
    Give what the same bank makes of one leg that is alone in it, in the largest
    pieces there are.
    """
    bank = LegBank(n_legs)
    if armed:
        bank.arm(leg)
    outputs = []
    octets = b""
    for item in [*items, AnalyseGap(0)]:
        if isinstance(item, bytes):
            octets += item
            continue
        outputs.append(bank.process(wire.decode(octets)[None, :], [leg]))
        outputs.append(bank.fill_in(leg, item.n_samples))
        octets = b""
    return BankOutput(
        np.concatenate([output.audio for output in outputs], axis=1),
        np.concatenate([output.masked for output in outputs], axis=1),
        [[event for output in outputs for event in output.events[0]]],
    )


def assert_same(ear: Ear, output: BankOutput) -> None:
    """
    See that a leg got all of an output, to the last bit.
    """
    assert np.array_equal(ear.audio, output.audio[0])
    assert np.array_equal(ear.masked, output.masked[0])
    assert ear.events == output.events[0]
    assert ear.given_back[-1].position == output.audio.shape[1]


def in_loop(script: Callable[[], None]) -> None:
    """
    Run a script that waits for nothing inside a loop.
    """

    async def main() -> None:
        script()

    run(main())
