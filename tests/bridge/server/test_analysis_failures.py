"""
The tick when the bank fails: noise for the agent, and nothing for the others.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from structlog.testing import capture_logs

from bridge.call.line import Analysed
from bridge.call.session import (
    Analyse,
    AnalyseGap,
    CallSession,
    DigitPressed,
    SendAudio,
)
from bridge.server.analysis import Analyser
from bridge.server.metrics import Metrics
from bridge.stream.events import Role
from dtmf_engine import decode
from dtmf_engine.arrays import Index
from dtmf_engine.bank import BankOutput, LegBank, _Stage
from dtmf_engine.events import DigitDetected, ToneEnded
from tests.bridge.server.ears import Ear, assert_same, caller, expected, in_loop
from tests.bridge.server.rig import ONSET, hum
from tests.support import media as wire
from tests.support.media import QUIET
from tests.support.tones import Audio, dial, line, to_int16, white_noise


class FailingBank(LegBank):
    """
    A bank that fails for some legs: before it begins, or, as a bug would, when it
    has begun.
    """

    def __init__(self, n_legs: int, *, where: str, policy: str = "tones") -> None:
        super().__init__(n_legs, policy=policy)
        self.where = where
        self.failing: set[int] = set()

    def process(
        self, samples: npt.ArrayLike, legs: Sequence[int] | None = None
    ) -> BankOutput:
        """
        Process, or fail before anything is done.
        """
        if self.where == "before":
            self._fail(legs or [])
        return super().process(samples, legs)

    def _stage(self, rows: Index, audio: Audio) -> _Stage:
        stage = super()._stage(rows, audio)
        if self.where == "midway":
            self._fail(rows.tolist())
        return stage

    def _fail(self, legs: Sequence[int]) -> None:
        if self.failing.intersection(legs):
            raise ArithmeticError("a bug in the bank")


@pytest.mark.parametrize("where", ["before", "midway"])
@pytest.mark.parametrize("n_failures", [1, 3])
def test_analyser_silences_the_leg_that_fails_and_no_other(
    where: str, n_failures: int
) -> None:
    """
    Whenever the bank fails on one leg, in the middle of everybody's presses, that
    leg is noise for that long, and the others get bit for bit what they would get
    without it.
    """

    def script() -> None:
        bank, metrics = FailingBank(4, where=where), Metrics()
        analyser = Analyser(bank, tick_s=0.0, metrics=metrics)
        ears = [Ear() for _ in range(4)]
        for ear in ears:
            analyser.acquire(ear.given_back.append)
        callers = [caller("59#", seed=leg) for leg in range(4)]
        for number, place in enumerate(range(0, 16_000, 160)):
            for leg, octets in enumerate(callers):
                analyser.submit(leg, octets[place : place + 160])
            # The first press is under way on every leg.
            bank.failing = {2} if 8 <= number < 8 + n_failures else set()
            analyser.tick()
        analyser.stop()
        for leg in (0, 1, 3):
            assert_same(ears[leg], expected(leg, [callers[leg]]))
        failed = slice(8 * 160, (8 + n_failures) * 160)
        assert ears[2].masked[failed].all()
        assert len(ears[2].audio) == 16_000
        count = metrics.registry.get_sample_value("dtmf_analysis_failures_total")
        assert count == n_failures

    with capture_logs() as lines:
        in_loop(script)
    assert [(line["event"], line["slot"], line["log_level"]) for line in lines] == [
        ("analysis failed, leg silenced", 2, "error")
    ]


def _call(bank: FailingBank, octets: bytes, failing: range) -> tuple[bytes, list[str]]:
    """
    Play a whole call through a bank that fails in some frames, with a capture
    armed from its first sample.

    Returns:
        What the agent heard, and the digits that were pressed.
    """
    heard, pressed = bytearray(), []

    def script() -> None:
        session = CallSession(delay_samples=160, playout_limit_s=3600.0)
        analyser = Analyser(bank, tick_s=0.0, metrics=Metrics())
        slot = analyser.acquire(lambda a: session.receive_analysis(a, now=0.0))
        assert slot == 0
        for role in Role:
            assert session.join(role, now=0.0)
        session.arm(now=0.0)
        analyser.set_armed(0, armed=True)
        for number, place in enumerate(range(0, len(octets), 160)):
            session.receive_audio(Role.CALLER, octets[place : place + 160], now=0.0)
            bank.failing = {0} if number in failing else set()
            for output in session.poll():
                if isinstance(output, Analyse):
                    analyser.submit(0, output.octets)
            analyser.tick()
            for output in session.poll():
                if isinstance(output, SendAudio):
                    heard.extend(output.octets)
                elif isinstance(output, DigitPressed):
                    pressed.append(output.digit)
        analyser.stop()

    with capture_logs():
        in_loop(script)
    return bytes(heard), pressed


@pytest.mark.parametrize("end_sample", [1930, 1960, 1985, 2000, 2400])
def test_agent_hears_no_tone_when_analysis_fails(end_sample: int) -> None:
    """
    Wherever in a press analysis fails, however shortly before its end, the agent
    gets noise: not one octet of the tone, before, during or after the failure.
    """
    press = dial("5", lead=1000, tone=end_sample - 1000)[0]
    octets = wire.encode(to_int16(line([press], n_samples=4000)))
    for first in range(5, 16):
        failing = range(first, first + 1)
        heard, _ = _call(FailingBank(1, where="before"), octets, failing)
        # Comfort noise at −65 dBm0 stays below this; the press is 10,000.
        assert np.abs(wire.decode(heard)).max() <= 64, f"frame {first}"


def test_agent_hears_the_caller_again_after_a_failure() -> None:
    """
    A leg that failed is itself again: what is said later arrives bit for bit, and
    what is pressed later is masked and counts.
    """
    octets = hum(8000) + caller("5")
    heard, pressed = _call(FailingBank(1, where="before"), octets, range(20, 22))
    assert pressed == ["5"]
    delayed = (QUIET * 160 + octets)[: len(octets)]
    # From after the onset until the failure, and from 100 ms after it on.
    assert heard[ONSET : 20 * 160] == delayed[ONSET : 20 * 160]
    assert heard[22 * 160 + 800 : 8000] == delayed[22 * 160 + 800 : 8000]
    assert decode(wire.decode(heard), 8000) == []


def test_agent_hears_nothing_of_a_strict_capture_after_a_failure() -> None:
    """
    Under the strict policy a failure does not end the capture: until it is
    disarmed all of the caller is noise.
    """
    speech = wire.encode(to_int16(white_noise(8000, -20.0)))
    bank = FailingBank(1, where="before", policy="strict")
    heard, _ = _call(bank, speech, range(10, 11))
    assert np.abs(wire.decode(heard)).max() <= 64


@pytest.mark.parametrize("first", [8, 10])
def test_press_is_one_digit_when_analysis_fails_in_it(first: int) -> None:
    """
    A key that is held through a failure was pressed once.
    """
    press = dial("5", lead=1000, tone=2000)[0]
    octets = wire.encode(to_int16(line([press], n_samples=6000, noise_dbm0=-50.0)))
    _, pressed = _call(FailingBank(1, where="before"), octets, range(first, first + 1))
    assert pressed == ["5"]


def test_press_after_a_failure_is_not_taken_for_the_one_in_it() -> None:
    """
    A tone whose end was lost with a failure does not swallow a later press that
    comes as an event.
    """
    press = dial("5", lead=1000, tone=800)[0]
    octets = wire.encode(to_int16(line([press], n_samples=16_000, noise_dbm0=-50.0)))
    session = CallSession(delay_samples=160)
    session.join(Role.CALLER, now=0.0)
    session.arm(now=0.0)
    bank = FailingBank(1, where="before")

    def script() -> None:
        analyser = Analyser(bank, tick_s=0.0, metrics=Metrics())
        analyser.acquire(lambda a: session.receive_analysis(a, now=0.0))
        for number, place in enumerate(range(0, len(octets), 160)):
            bank.failing = {0} if 10 <= number < 15 else set()
            session.receive_audio(Role.CALLER, octets[place : place + 160], now=0.0)
            analyser.submit(0, octets[place : place + 160])
            analyser.tick()
        analyser.stop()

    with capture_logs():
        in_loop(script)
    # A second and a half after the key was let go.
    session.receive_digit_event("5", now=0.0)
    session.handle_deadline(now=10.0)
    pressed = [o for o in session.poll() if isinstance(o, DigitPressed)]
    assert pressed == [DigitPressed("5")] * 2


def test_analyser_places_events_in_the_stream_after_a_failure() -> None:
    """
    Positions and events go on counting from the start of the stream.
    """

    def script() -> None:
        bank, ear = FailingBank(1, where="before"), Ear()
        analyser = Analyser(bank, tick_s=0.0, metrics=Metrics())
        analyser.acquire(ear.given_back.append)
        octets = caller("5", n_samples=4000)
        for number, place in enumerate(range(0, 4000, 160)):
            bank.failing = {0} if number < 2 else set()
            analyser.submit(0, octets[place : place + 160])
            analyser.tick()
        analyser.stop()
        detected = [e for e in ear.events if isinstance(e, DigitDetected)]
        ended = [e for e in ear.events if isinstance(e, ToneEnded)]
        assert [event.digit for event in detected] == ["5"]
        assert abs(detected[0].start_sample - 900) <= 80
        assert detected[0].reported_at_sample > 900
        assert abs(ended[0].end_sample - 1540) <= 80
        positions = [given.position for given in ear.given_back]
        assert positions == list(range(160, 4001, 160))

    with capture_logs():
        in_loop(script)


def test_analyser_silences_a_gap_that_cannot_be_filled() -> None:
    """
    A failure on lost audio is a failure as any other.
    """

    def script() -> None:
        bank, ear, metrics = FailingBank(1, where="before"), Ear(), Metrics()
        analyser = Analyser(bank, tick_s=0.0, metrics=metrics)
        analyser.acquire(ear.given_back.append)
        bank.failing = {0}
        analyser.submit(0, AnalyseGap(50))
        analyser.tick()
        analyser.stop()
        assert ear.masked.tolist() == [True] * 50
        assert ear.given_back[0].position == 50
        count = metrics.registry.get_sample_value("dtmf_analysis_failures_total")
        assert count == 1

    with capture_logs() as lines:
        in_loop(script)
    assert [line["event"] for line in lines] == ["analysis failed, leg silenced"]


def test_analyser_bears_a_call_that_fails_on_what_it_is_given() -> None:
    """
    A bug in one call's handling is logged and counted, and no other call misses
    anything by it.
    """

    def script() -> None:
        metrics, ear = Metrics(), Ear()
        analyser = Analyser(LegBank(2), tick_s=0.0, metrics=metrics)

        def fail(_: Analysed) -> None:
            raise ValueError("a bug in the call")

        analyser.acquire(fail)
        analyser.acquire(ear.given_back.append)
        for _ in range(2):
            for slot in range(2):
                analyser.submit(slot, QUIET * 160)
            analyser.tick()
        analyser.stop()
        assert [given.position for given in ear.given_back] == [160, 320]
        count = metrics.registry.get_sample_value("dtmf_analysis_failures_total")
        assert count == 2

    with capture_logs() as lines:
        in_loop(script)
    assert [(line["event"], line["slot"]) for line in lines] == [
        ("analysis not taken", 0)
    ] * 2
