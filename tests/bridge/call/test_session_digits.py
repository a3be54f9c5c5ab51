"""
The call: which presses count.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

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
    position, now = 0, 0.0
    for step in steps:
        if isinstance(step, Heard):
            position += step.n_samples
            now = position / 8000
            _let_pass(session, now)
            session.receive_audio(CALLER, QUIET * step.n_samples, now=now)
            session.receive_analysis(
                analysed(step.n_samples, position, step.events), now=now
            )
        elif step == "arm":
            session.arm(now=now)
        elif step == "disarm":
            session.disarm(now=now)
        else:
            session.receive_digit_event(step, now=now)
    _let_pass(session, now + 100)
    return [o for o in session.poll() if isinstance(o, SetArmed | DigitPressed)]


def _let_pass(session: CallSession, until: float) -> None:
    while (due := session.deadline()) is not None and due <= until:
        session.handle_deadline(now=due)


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
        (
            [
                *("arm", Heard(4000), "1", Heard(8000), "disarm"),
                *(Heard(800), "2", Heard(8000), "arm", "3"),
            ],
            "13",
        ),
        (
            [
                *("arm", "1", Heard(8000, (_detected("2", 6000),))),
                *(Heard(8000), "arm", "3"),
            ],
            "123",
        ),
        # The event of a key that was down before it was armed, before its tone.
        ([Heard(800), "arm", "5", Heard(800, (_detected("5", 700),))], ""),
        ([Heard(800), "arm", Heard(800), "5", Heard(80, (_detected("5", 700),))], ""),
        # And after its tone, however late.
        (
            [
                *(Heard(800, (_detected("5", 300),)), "arm"),
                *(Heard(800, (_ended("5", 300, 900),)), Heard(2400), "5"),
            ],
            "",
        ),
        # The capture ends, and another one begins, inside a press.
        (
            [
                *("arm", Heard(800, (_detected("5", 300),)), "disarm", "arm"),
                *("5", Heard(800, (_ended("5", 300, 900),))),
            ],
            "5",
        ),
        (
            [
                *("arm", Heard(800), "disarm", "arm"),
                *(Heard(800, (_detected("5", 700),)), "5"),
            ],
            "",
        ),
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
    session.handle_deadline(now=10.0)
    session.receive_audio(CALLER, b"4" * 160, now=10.0)
    outputs = session.poll()
    assert repr(outputs) == (
        "[SetArmed(armed=True), MaskPress(n_samples=2400), DigitPressed(), "
        "Analyse(role=<Role.CALLER: 'caller'>)]"
    )
    assert session.poll() == []
