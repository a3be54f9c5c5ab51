"""
The call: who hears what of whom.
"""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.call.session import (
    Analyse,
    AnalyseGap,
    CallEnded,
    CallSession,
    ClearAudio,
    Output,
    SendAudio,
    SetArmed,
)
from bridge.stream.events import Role
from dtmf_engine.events import (
    DigitDetected,
)
from tests.bridge.call.sessions import AGENT, CALLER, DELAY, analysed, session_with
from tests.support.media import QUIET, encode, noise
from tests.support.strategies import stable


def _heard_by(role: Role, outputs: Sequence[Output]) -> bytes:
    return b"".join(
        output.octets
        for output in outputs
        if isinstance(output, SendAudio) and output.role is role
    )


# Legs.


def test_call_takes_each_leg_once() -> None:
    """
    Whoever comes second for a role is turned away and changes nothing.
    """
    session = CallSession(delay_samples=DELAY)
    for role in Role:
        assert not session.is_present(role)
        assert session.join(role, now=0.0)
        assert not session.join(role, now=1.0)
        assert session.is_present(role)
    assert session.poll() == []
    assert not session.has_ended


def test_call_goes_on_without_its_agent() -> None:
    """
    An agent who has left may be followed by another; the caller is heard on.
    """
    session = session_with(CALLER, AGENT)
    session.receive_leave(AGENT, now=1.0)
    assert session.poll() == []
    session.receive_audio(CALLER, b"\x01" * 160, now=1.0)
    session.receive_analysis(analysed(160, 160), now=1.0)
    assert session.poll() == [Analyse(b"\x01" * 160)]
    assert session.join(AGENT, now=2.0)
    session.receive_audio(CALLER, b"\x02" * 160, now=2.0)
    session.receive_analysis(analysed(160, 320), now=2.0)
    # One look-ahead back, as for everybody.
    assert session.poll() == [
        Analyse(b"\x02" * 160),
        SendAudio(AGENT, b"\x01" * 160),
    ]


def test_call_may_wait_for_its_caller() -> None:
    """
    An agent who was there first and leaves again ends nothing.
    """
    session = session_with(AGENT)
    session.receive_audio(AGENT, b"\x01" * 160, now=0.0)
    session.receive_leave(AGENT, now=1.0)
    assert session.poll() == []
    assert session.join(CALLER, now=2.0)


# Audio.


def test_call_has_the_caller_analysed_and_nothing_else() -> None:
    """
    Of the caller nothing goes to anybody before analysis has given it back.
    """
    session = session_with(CALLER, AGENT)
    for octets in (b"\x7f" * 160, b"\x00", b"\x80" * 77):
        session.receive_audio(CALLER, octets, now=0.0)
        assert session.poll() == [Analyse(octets)]


def test_call_hands_the_agent_to_the_caller_as_he_is() -> None:
    """
    The agent's octets reach the caller at once, to the last bit.
    """
    session = session_with(AGENT)
    session.receive_audio(AGENT, b"\x01", now=0.0)
    assert session.poll() == []
    assert session.join(CALLER, now=0.0)
    for octets in (bytes(range(256)), b"\x7f", noise(1001)):
        session.receive_audio(AGENT, octets, now=0.0)
        assert session.poll() == [SendAudio(CALLER, octets)]


@stable
@given(
    st.lists(st.binary(min_size=1, max_size=400), min_size=1, max_size=8),
    st.lists(st.integers(1, 500), max_size=12),
    st.sampled_from([100, 160, 640]),
    st.data(),
)
def test_agent_gets_the_callers_octets_where_nothing_was_masked(
    said: list[bytes], cuts: list[int], delay: int, data: st.DataObject
) -> None:
    """
    However the caller's audio is cut on its way, the agent gets silence for one
    look-ahead and then the caller's own octets, both codes of nought among them,
    except where it was masked: there he gets the noise.
    """
    session = session_with(CALLER, AGENT, delay_samples=delay)
    for octets in said:
        session.receive_audio(CALLER, octets, now=0.0)
    whole = b"".join(said)
    delayed = QUIET * delay + whole
    expected, position = b"", 0
    for n_samples in [*cuts, len(whole)]:
        n = min(n_samples, len(whole) - position)
        mask = slice(
            *sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n))))
        )
        given_back = analysed(n, position + n, masked=mask)
        session.receive_analysis(given_back, now=0.0)
        part = bytearray(delayed[position : position + n])
        part[mask] = encode(given_back.audio)[mask]
        expected += part
        position += n
    assert _heard_by(AGENT, session.poll()) == expected


def test_agent_gets_both_codes_of_nought() -> None:
    """
    0x7F and 0xFF sound the same and stay two.
    """
    session = session_with(CALLER, AGENT)
    octets = b"\x7f\xff" * 160
    session.receive_audio(CALLER, octets, now=0.0)
    session.receive_analysis(analysed(320, 320, masked=slice(319, 320)), now=0.0)
    assert _heard_by(AGENT, session.poll())[:-1] == QUIET * 160 + octets[:159]


def test_agent_gets_noise_that_was_coded_for_the_line() -> None:
    """
    Where all was masked, the agent hears what analysis made and nothing else.
    """
    session = session_with(CALLER, AGENT)
    session.receive_audio(CALLER, noise(320), now=0.0)
    session.receive_analysis(analysed(160, 160), now=0.0)
    session.poll()
    given_back = analysed(160, 320, masked=slice(160))
    session.receive_analysis(given_back, now=0.0)
    (output,) = session.poll()
    assert output == SendAudio(AGENT, encode(given_back.audio))


def test_call_fills_the_callers_gaps() -> None:
    """
    A gap of the caller is told to analysis and takes its place in the agent's
    audio; what follows it is not moved.
    """
    session = session_with(CALLER, AGENT)
    session.receive_audio(CALLER, b"\x01" * 160, now=0.0)
    session.receive_gap(CALLER, 100, now=0.0)
    session.receive_audio(CALLER, b"\x02" * 160, now=0.0)
    assert session.poll() == [
        Analyse(b"\x01" * 160),
        AnalyseGap(100),
        Analyse(b"\x02" * 160),
    ]
    session.receive_analysis(analysed(420, 420), now=0.0)
    assert _heard_by(AGENT, session.poll()) == (
        QUIET * 160 + b"\x01" * 160 + QUIET * 100
    )


def test_call_takes_no_notice_of_the_agents_gaps() -> None:
    """
    Nothing is analysed of the agent, so nothing of him is filled in.
    """
    session = session_with(CALLER, AGENT)
    session.receive_gap(AGENT, 160, now=0.0)
    assert session.poll() == []


@pytest.mark.parametrize("who", [CALLER, AGENT])
def test_call_hears_nobody_who_has_not_joined(who: Role) -> None:
    """
    Audio of a role that is not taken goes nowhere.
    """
    session = session_with(*(role for role in Role if role is not who))
    session.receive_audio(who, b"\x01" * 160, now=0.0)
    session.receive_gap(who, 160, now=0.0)
    assert session.poll() == []


def test_call_throws_a_backlog_away_before_it_grows() -> None:
    """
    A far end whose queue is longer than the limit is cleared first; the other one
    is left alone, and a leg that comes anew has an empty queue.
    """
    session = session_with(CALLER, AGENT, playout_limit_s=0.2)
    for _ in range(2):
        session.receive_audio(AGENT, b"\x01" * 1000, now=1.0)
    assert session.poll() == [SendAudio(CALLER, b"\x01" * 1000)] * 2
    session.receive_audio(AGENT, b"\x02" * 160, now=1.0)
    assert session.poll() == [ClearAudio(CALLER), SendAudio(CALLER, b"\x02" * 160)]
    session.receive_audio(CALLER, b"\x03" * 2000, now=1.0)
    session.receive_analysis(analysed(2000, 2000), now=1.0)
    assert [type(output) for output in session.poll()] == [Analyse, SendAudio]
    session.receive_leave(AGENT, now=1.0)
    assert session.join(AGENT, now=1.0)
    session.receive_audio(CALLER, b"\x03" * 160, now=1.0)
    session.receive_analysis(analysed(160, 2160), now=1.0)
    assert [type(output) for output in session.poll()] == [Analyse, SendAudio]


# The end.


def test_call_keeps_its_look_ahead_to_itself_when_the_caller_leaves() -> None:
    """
    Nobody can say what would have followed, so the last 20 ms are never heard,
    nor is what analysis gives back after the end.
    """
    session = session_with(CALLER, AGENT)
    octets = noise(480)
    session.receive_audio(CALLER, octets, now=0.0)
    session.receive_analysis(analysed(320, 320), now=0.0)
    session.poll()
    session.receive_leave(CALLER, now=1.0)
    assert session.poll() == [CallEnded()]
    session.receive_analysis(analysed(160, 480), now=1.0)
    assert session.poll() == []
    assert session.has_ended


@pytest.mark.parametrize(
    "then",
    [
        lambda s: s.receive_audio(CALLER, b"\x01" * 160, now=2.0),
        lambda s: s.receive_audio(AGENT, b"\x01" * 160, now=2.0),
        lambda s: s.receive_gap(CALLER, 160, now=2.0),
        lambda s: s.receive_analysis(
            analysed(160, 160, [DigitDetected("5", 0, 160)]), now=2.0
        ),
        lambda s: s.receive_digit_event("5", now=2.0),
        lambda s: s.arm(now=2.0),
        lambda s: s.receive_leave(CALLER, now=2.0),
        lambda s: s.receive_leave(AGENT, now=2.0),
        lambda s: s.handle_deadline(now=2.0),
        lambda s: s.join(CALLER, now=2.0),
        lambda s: s.join(AGENT, now=2.0),
    ],
)
def test_call_that_has_ended_says_nothing_any_more(
    then: Callable[[CallSession], bool | None],
) -> None:
    """
    `CallEnded` is the last output, whatever comes, and nobody can join any more.
    """
    session = session_with(CALLER, AGENT)
    session.arm(now=0.0)
    session.receive_leave(CALLER, now=1.0)
    assert session.poll() == [SetArmed(armed=True), CallEnded()]
    assert not then(session)
    assert session.poll() == []
    assert session.deadline() is None


def test_call_has_no_deadline() -> None:
    """
    Silence is no reason to end a call.
    """
    session = session_with(CALLER, AGENT)
    assert session.deadline() is None
    session.handle_deadline(now=1e9)
    assert session.poll() == []
