"""
The call: which presses count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.call.session import (
    CallSession,
    DigitPressed,
    Output,
    SetArmed,
)
from dtmf_engine.events import (
    DigitDetected,
    Event,
    MissReason,
    NearMiss,
    ToneEnded,
    ToneStarted,
)
from tests.bridge.call.sessions import AGENT, CALLER, analysed, session_with
from tests.support.media import QUIET
from tests.support.strategies import digits, stable


@dataclass(frozen=True, slots=True)
class Heard:
    """
    The caller sent so much audio, and analysis gave it back with events.
    """

    n_samples: int
    events: tuple[Event, ...] = ()


def _play(session: CallSession, steps: Sequence[Heard | str]) -> list[Output]:
    """
    Play a call: audio, digit events, `arm` and `disarm`, in order.

    Returns:
        The outputs that are no audio.
    """
    position = 0
    for step in steps:
        if isinstance(step, Heard):
            position += step.n_samples
            session.receive_audio(CALLER, QUIET * step.n_samples, now=0.0)
            session.receive_analysis(
                analysed(step.n_samples, position, step.events), now=0.0
            )
        elif step == "arm":
            session.arm(now=0.0)
        elif step == "disarm":
            session.disarm(now=0.0)
        else:
            session.receive_digit_event(step, now=0.0)
    return [o for o in session.poll() if isinstance(o, SetArmed | DigitPressed)]


def _detected(digit: str, start_sample: int) -> DigitDetected:
    return DigitDetected(digit, start_sample, start_sample + 320)


def _ended(digit: str, start_sample: int, end_sample: int) -> ToneEnded:
    return ToneEnded(
        digit=digit,
        start_sample=start_sample,
        end_sample=end_sample,
        low_dbm0=-10.0,
        high_dbm0=-10.0,
    )


@pytest.mark.parametrize(
    ("steps", "pressed"),
    [
        (["arm", Heard(800, (_detected("5", 100),))], "5"),
        (["arm", "5"], "5"),
        (["arm", Heard(160), "5", "6"], "56"),
        # Nothing is armed.
        ([Heard(800, (_detected("5", 100),)), "6"], ""),
        (["5", "arm"], ""),
        # The key was down before, and is held on.
        ([Heard(800), "arm", Heard(800, (_detected("5", 799),))], ""),
        ([Heard(800), "arm", Heard(800, (_detected("5", 800),))], "5"),
        (
            [
                Heard(800, (_detected("5", 300),)),
                "arm",
                Heard(800, (_ended("5", 300, 1500),)),
                "5",
            ],
            "",
        ),
        # Its event came before, its tone after: it is one press, made before.
        (["5", "arm", Heard(800, (_detected("5", 100),))], ""),
        # The next one counts.
        (
            [
                Heard(800, (_detected("5", 300),)),
                "arm",
                Heard(800, (_ended("5", 300, 900), _detected("5", 1000))),
            ],
            "5",
        ),
        # The capture is over.
        (["arm", "disarm", "5", Heard(800, (_detected("6", 100),))], ""),
        (["arm", Heard(800, (_detected("5", 10),)), "disarm", "5"], "5"),
        # Another one begins.
        (["arm", "1", "disarm", Heard(800), "2", Heard(8000), "arm", "3"], "13"),
        (["arm", "1", Heard(800, (_detected("2", 400),)), "arm", "3"], "123"),
        # What is no digit is none.
        (
            [
                "arm",
                Heard(
                    800,
                    (
                        ToneStarted("5", 100),
                        NearMiss(MissReason.TOO_SHORT, 200),
                        _ended("5", 100, 300),
                    ),
                ),
            ],
            "",
        ),
        # By both carriages, in either order.
        (["arm", Heard(800, (_detected("5", 100), _ended("5", 100, 600))), "5"], "5"),
        (["arm", "5", Heard(800, (_detected("5", 100), _ended("5", 100, 600)))], "5"),
    ],
)
def test_press_counts_from_the_arming_on(
    steps: list[Heard | str], pressed: str
) -> None:
    """
    What was keyed before a capture was armed is not for it, even if the key is
    still down; from there on each press counts, once.
    """
    outputs = _play(session_with(CALLER), steps)
    digits_ = [o.digit for o in outputs if isinstance(o, DigitPressed)]
    assert "".join(digits_) == pressed


def test_press_is_placed_by_all_audio_that_has_come() -> None:
    """
    Arming and events stand behind the audio that came before them, whether or not
    analysis has given it back yet.
    """
    session = session_with(CALLER)
    session.receive_audio(CALLER, QUIET * 800, now=0.0)
    session.arm(now=0.0)
    assert session.is_armed
    session.receive_audio(CALLER, QUIET * 800, now=0.0)
    events = (_detected("5", 799), _ended("5", 799, 900), _detected("6", 1200))
    session.receive_analysis(analysed(1600, 1600, events), now=0.0)
    pressed = [o for o in session.poll() if isinstance(o, DigitPressed)]
    assert pressed == [DigitPressed("6")]


def test_call_tells_when_it_is_armed_and_disarmed() -> None:
    """
    Masking follows the captures; disarming what is not armed says nothing.
    """
    session = session_with(CALLER)
    states = []
    for verb in (session.disarm, session.arm, session.disarm, session.disarm):
        verb(now=0.0)
        states.append(session.is_armed)
    assert states == [False, True, False, False]
    assert session.poll() == [SetArmed(armed=True), SetArmed(armed=False)]


def test_call_gives_its_outputs_once() -> None:
    """
    What was taken is not given again, and no output shows a digit or audio.
    """
    session = session_with(CALLER, AGENT)
    session.arm(now=0.0)
    session.receive_digit_event("4", now=0.0)
    session.receive_audio(CALLER, b"4" * 160, now=0.0)
    outputs = session.poll()
    assert repr(outputs) == "[SetArmed(armed=True), DigitPressed(), Analyse()]"
    assert session.poll() == []


@dataclass(frozen=True, slots=True)
class Pressed:
    """
    One press by both carriages, in ms.
    """

    digit: str
    start: int
    end: int
    event: int


@st.composite
def _schedules(draw: st.DrawFn) -> list[Pressed]:
    """
    Draw presses whose events stray by up to 300 ms.
    """
    presses = []
    at = 400
    for _ in range(draw(st.integers(1, 8))):
        digit = draw(st.sampled_from("12") | digits)
        end = at + draw(st.integers(50, 300))
        event = draw(st.integers(at - 300, end + 300))
        presses.append(Pressed(digit, at, end, event))
        at += draw(st.integers(400, 900))
    return presses


@stable
@given(_schedules(), st.sampled_from([20, 60]))
def test_press_by_both_carriages_is_one_digit(
    presses: list[Pressed], ptime_ms: int
) -> None:
    """
    Presses at least 400 ms apart, each a tone and an event that strays from it by
    up to 300 ms either way: each counts exactly once, in whatever frames.
    """
    session = session_with(CALLER)
    session.arm(now=0.0)
    pressed: list[str] = []
    end = presses[-1].end + 700
    # Events come between two frames, wherever those are cut.
    cuts = {*range(0, end, ptime_ms), *(press.event for press in presses)}
    before = 0
    for now in sorted(cuts):
        events: list[tuple[int, Event]] = []
        for press in presses:
            start = press.start * 8
            known, over = press.start + 40, press.end + 15
            if before < known <= now:
                events.append((known, _detected(press.digit, start)))
            if before < over <= now:
                events.append((over, _ended(press.digit, start, press.end * 8)))
        in_order = [event for _, event in sorted(events, key=itemgetter(0))]
        n_samples = (now - before) * 8
        session.receive_audio(CALLER, QUIET * n_samples, now=0.0)
        session.receive_analysis(analysed(n_samples, now * 8, in_order), now=0.0)
        for press in presses:
            if press.event == now:
                session.receive_digit_event(press.digit, now=0.0)
        pressed += [o.digit for o in session.poll() if isinstance(o, DigitPressed)]
        before = now
    assert sorted(pressed) == sorted(press.digit for press in presses)
