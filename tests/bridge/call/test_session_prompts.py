"""
The call, asking its caller something: who hears what, and until when.
"""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.call.session import (
    CallEnded,
    CallSession,
    ClearAudio,
    Output,
    SendAudio,
    SetArmed,
)
from bridge.stream.events import Role
from tests.bridge.call.sessions import AGENT, CALLER, DELAY, analysed, session_with
from tests.support.media import noise
from tests.support.strategies import stable


START = 1000.0
PROMPT = noise(3200, seed=7)
"""0.4 s."""
AGENT_OCTETS = b"\x22" * 160


def _to(role: Role, outputs: Sequence[Output]) -> bytes:
    return b"".join(
        output.octets
        for output in outputs
        if isinstance(output, SendAudio) and output.role is role
    )


def _asking(*roles: Role, limit_s: float = 0.2) -> CallSession:
    session = session_with(*(roles or Role), playout_limit_s=limit_s)
    session.arm(now=START)
    session.poll()
    session.play_prompt(bytearray(PROMPT), now=START)
    return session


def _pass(session: CallSession, until: float) -> None:
    """
    Handle all deadlines up to a time.
    """
    while (due := session.deadline()) is not None and due <= until:
        session.handle_deadline(now=due)


@pytest.mark.parametrize("roles", [[CALLER], [CALLER, AGENT]])
def test_prompt_goes_to_the_caller_and_to_nobody_else(roles: list[Role]) -> None:
    """
    To the last bit, whether or not there is an agent.
    """
    session = _asking(*roles)
    _pass(session, START + 1.0)
    outputs = session.poll()
    assert _to(CALLER, outputs) == PROMPT
    assert _to(AGENT, outputs) == b""
    assert session.deadline() is None


@pytest.mark.parametrize("limit_s", [0.0, 0.03, 0.2, 60.0])
def test_nothing_of_a_prompt_is_thrown_away(limit_s: float) -> None:
    """
    However little audio the meter lets wait at the caller's provider.
    """
    session = _asking(limit_s=limit_s)
    outputs = session.poll()
    assert len(_to(CALLER, outputs)) / 8000 <= max(limit_s, 0.02)
    _pass(session, START + 1.0)
    outputs += session.poll()
    assert _to(CALLER, outputs) == PROMPT
    assert all(isinstance(output, SendAudio) for output in outputs)


def test_caller_hears_the_prompt_instead_of_the_agent() -> None:
    """
    The agent is not heard until the prompt has been, and then at once.
    """
    session = _asking()
    for n in range(1, 20):
        _pass(session, START + n * 0.02)
        session.receive_audio(AGENT, AGENT_OCTETS, now=START + n * 0.02)
    assert _to(CALLER, session.poll()) == PROMPT
    _pass(session, START + 0.4001)
    assert session.poll() == []
    session.receive_audio(AGENT, AGENT_OCTETS, now=START + 0.401)
    assert session.poll() == [SendAudio(CALLER, AGENT_OCTETS)]


@stable
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["wake", "agent", "caller", "event"]),
            st.sampled_from([0.0, 0.004, 0.02, 0.09]),
        ),
        max_size=60,
    )
)
def test_prompt_is_heard_whole_whatever_else_happens(
    steps: list[tuple[str, float]],
) -> None:
    """
    Whoever speaks meanwhile, and whenever timers fire, what the caller gets begins
    with the prompt.
    """
    session, now, n_said = _asking(), START, 0
    for what, pause in steps:
        now += pause
        if what == "wake":
            session.handle_deadline(now=now)
        elif what == "agent":
            session.receive_audio(AGENT, AGENT_OCTETS, now=now)
        elif what == "event":
            session.receive_digit_event("5", now=now)
        else:
            n_said += 160
            session.receive_audio(CALLER, b"\x11" * 160, now=now)
            session.receive_analysis(analysed(160, n_said), now=now)
    _pass(session, now + 1.0)
    outputs = session.poll()
    heard = _to(CALLER, outputs)
    assert heard[: len(PROMPT)] == PROMPT
    assert set(heard[len(PROMPT) :]) <= set(AGENT_OCTETS)
    assert len(_to(AGENT, outputs)) == n_said


def test_guarded_agent_is_not_heard_over_a_prompt_either() -> None:
    """
    His audio is analysed on, so that it is in its place afterwards.
    """
    session = CallSession(delay_samples=DELAY, echo_guard=True)
    for role in Role:
        session.join(role, now=START)
    session.play_prompt(bytearray(PROMPT), now=START)
    said = noise(480)
    session.receive_audio(AGENT, said, now=START)
    session.receive_analysis(analysed(320, 320), role=AGENT, now=START)
    _pass(session, START + 1.0)
    assert _to(CALLER, session.poll()) == PROMPT
    session.receive_analysis(analysed(160, 480), role=AGENT, now=START + 1.0)
    assert _to(CALLER, session.poll()) == said[160:320]


def test_what_waits_of_the_agent_does_not_delay_a_prompt() -> None:
    """
    It is thrown away, and that is no backlog; where nothing waits nothing is.
    """
    session = session_with(CALLER, AGENT)
    session.receive_audio(AGENT, AGENT_OCTETS * 8, now=START)
    session.poll()
    session.play_prompt(bytearray(PROMPT), now=START + 0.02)
    cleared, first, *_ = session.poll()
    assert cleared == ClearAudio(CALLER, is_backlog=False)
    assert first == SendAudio(CALLER, PROMPT[:160])
    session = session_with(CALLER, AGENT)
    session.receive_audio(AGENT, AGENT_OCTETS, now=START)
    session.poll()
    session.play_prompt(bytearray(PROMPT), now=START + 0.03)
    assert session.poll()[0] == first


def test_prompt_breaks_off_when_the_capture_ends() -> None:
    """
    What the caller's provider still has is thrown away, and the agent is heard with
    the next frame.
    """
    session = _asking()
    _pass(session, START + 0.1)
    said = _to(CALLER, session.poll())
    assert PROMPT.startswith(said)
    assert len(said) < len(PROMPT)
    session.disarm(now=START + 0.1)
    assert session.poll() == [
        SetArmed(armed=False),
        ClearAudio(CALLER, is_backlog=False),
    ]
    assert session.deadline() is None
    session.receive_audio(AGENT, AGENT_OCTETS, now=START + 0.1)
    assert session.poll() == [SendAudio(CALLER, AGENT_OCTETS)]
    session.disarm(now=START + 0.2)
    assert session.poll() == []


def test_end_of_a_capture_clears_nothing_without_a_prompt() -> None:
    """
    The agent's words before and after it are heard whole.
    """
    session = session_with(CALLER, AGENT)
    session.arm(now=START)
    session.receive_audio(AGENT, AGENT_OCTETS, now=START)
    session.poll()
    session.disarm(now=START)
    assert session.poll() == [SetArmed(armed=False)]


def test_prompt_begins_anew_when_it_is_asked_for_again() -> None:
    """
    What the caller's provider has of the first is thrown away.
    """
    session = _asking()
    _pass(session, START + 0.1)
    session.poll()
    session.play_prompt(bytearray(PROMPT), now=START + 0.1)
    _pass(session, START + 1.0)
    cleared, *rest = session.poll()
    assert cleared == ClearAudio(CALLER, is_backlog=False)
    assert _to(CALLER, rest) == PROMPT


@pytest.mark.parametrize(
    "end",
    [
        lambda s: s.disarm(now=START + 0.1),
        lambda s: s.receive_leave(CALLER, now=START + 0.1),
        lambda s: s.play_prompt(bytearray(), now=START + 0.1),
        lambda s: _pass(s, START + 1.0),
    ],
    ids=["capture", "hang-up", "another", "own end"],
)
def test_prompt_is_wiped_whatever_ends_it(end: Callable[[CallSession], None]) -> None:
    """
    Its octets tell the end of the number.
    """
    session = session_with(CALLER, AGENT)
    octets = bytearray(PROMPT)
    session.play_prompt(octets, now=START)
    assert octets == PROMPT
    end(session)
    assert octets == bytes(len(PROMPT))


def test_call_that_has_ended_plays_nothing() -> None:
    """
    `CallEnded` stays the last output, and what was to be said is wiped.
    """
    session = _asking()
    session.poll()
    session.receive_leave(CALLER, now=START + 0.1)
    assert session.poll() == [CallEnded()]
    assert session.deadline() is None
    octets = bytearray(PROMPT)
    session.play_prompt(octets, now=START + 0.2)
    assert octets == bytes(len(PROMPT))
    session.handle_deadline(now=START + 9.0)
    assert session.poll() == []


def test_call_without_its_caller_plays_nothing() -> None:
    """
    There is nobody to be asked, and nobody else may hear it.
    """
    session = session_with(AGENT)
    octets = bytearray(PROMPT)
    session.play_prompt(octets, now=START)
    assert session.poll() == []
    assert octets == bytes(len(PROMPT))


def test_agent_who_leaves_ends_no_prompt() -> None:
    """
    The caller hears it to its end.
    """
    session = _asking()
    session.receive_leave(AGENT, now=START + 0.1)
    _pass(session, START + 1.0)
    assert _to(CALLER, session.poll()) == PROMPT


def test_no_octet_of_a_prompt_is_printed() -> None:
    """
    Neither by the call nor by its outputs.
    """
    session = _asking()
    _pass(session, START + 1.0)
    text = f"{session!r} {session.poll()!r}"
    assert "octets" not in text
