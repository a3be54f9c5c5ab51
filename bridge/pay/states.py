"""
The states of a pay session, as data.

A session is a conversation between three parties who do not wait for each
other. The agent's software gives commands: capture a field, complete, cancel.
The caller keys digits, in his own time, or hangs up. The gateway answers once,
late or never. The table says what each may do when.

The session is READY between captures. A capture makes it CAPTURING: digits
now go to one field, and to no other; digits keyed at any other time are not
counted. The field ends by its length, by `#`, by silence or by the agent
asking for another one, and the session is READY again; whether the field was
right changes what is still required, not the state. Only READY can complete,
and only once nothing is required.

Where the payment was started so, the caller has a word in it: CONFIRMING, he
hears the end of his number and keys 1 or 2. Silence sends the session back to
READY: nothing was charged, and the agent may complete again, or ask for
another field. Otherwise, and after a 1, the session is PROCESSING while the
gateway thinks. From there nobody can call it back; neither the agent's cancel
nor the caller's hanging up undoes a charge that may have been made. The
gateway's answer, whatever it is, ends the session. ENDED is final: secrets are
wiped, no deadline is left, and whatever comes is ignored (from a peer) or
refused (to the agent).

Three things are deliberately not states. Which fields are captured is a set,
not a position: the agent chooses the order and may ask again. Timers hang on
states instead of being some: the pause between digits is a deadline of
CAPTURING, the session's longest life is a deadline of every state before
PROCESSING. And whether the agent leg is there is no state, because digits and
commands do not come from it: an agent who is put through to another, or whose
browser reconnects, loses nothing. Only one who stays away too long ends the
session, for then nobody is left who would.

A trigger that a state does not list is refused there.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """
    Where a session stands.
    """

    READY = "ready"
    CAPTURING = "capturing"
    CONFIRMING = "confirming"
    PROCESSING = "processing"
    ENDED = "ended"


class Trigger(StrEnum):
    """
    What moves it.
    """

    CAPTURE = "capture"
    """The agent asks for a field."""
    FIELD_ENDED = "field ended"
    """A field is captured, or failed."""
    COMPLETE = "complete"
    """The agent wants the payment made, and nothing is required any more."""
    ASK = "ask"
    """The same, and the caller must confirm it first."""
    CONFIRM = "confirm"
    """The caller said yes."""
    DECLINE = "decline"
    """The caller said no."""
    SILENCE = "silence"
    """The caller said neither."""
    REJECT = "reject"
    """The agent completed too early, and the operator has that end the session."""
    EXHAUST = "exhaust"
    """A field has failed too often."""
    CANCEL = "cancel"
    """The agent gives up."""
    STAR = "star"
    """The caller pressed `*`."""
    HANG_UP = "hang-up"
    """The caller is gone."""
    DESERT = "desert"
    """The agent is gone, and did not come back in time."""
    EXPIRE = "expire"
    """The session has lived too long."""
    ANSWER = "answer"
    """The gateway said something, or will not say anything any more."""


_ENDINGS = {
    Trigger.CANCEL: State.ENDED,
    Trigger.HANG_UP: State.ENDED,
    Trigger.DESERT: State.ENDED,
    Trigger.EXPIRE: State.ENDED,
}

TRANSITIONS: Mapping[State, Mapping[Trigger, State]] = MappingProxyType(
    {
        State.READY: MappingProxyType(
            {
                Trigger.CAPTURE: State.CAPTURING,
                Trigger.COMPLETE: State.PROCESSING,
                Trigger.ASK: State.CONFIRMING,
                Trigger.REJECT: State.ENDED,
                Trigger.EXHAUST: State.ENDED,
                **_ENDINGS,
            }
        ),
        State.CAPTURING: MappingProxyType(
            {
                Trigger.CAPTURE: State.CAPTURING,
                Trigger.FIELD_ENDED: State.READY,
                Trigger.REJECT: State.ENDED,
                Trigger.STAR: State.ENDED,
                **_ENDINGS,
            }
        ),
        State.CONFIRMING: MappingProxyType(
            {
                Trigger.CAPTURE: State.CAPTURING,
                Trigger.CONFIRM: State.PROCESSING,
                Trigger.DECLINE: State.ENDED,
                Trigger.SILENCE: State.READY,
                Trigger.STAR: State.ENDED,
                **_ENDINGS,
            }
        ),
        State.PROCESSING: MappingProxyType(
            {
                Trigger.HANG_UP: State.PROCESSING,
                Trigger.ANSWER: State.ENDED,
            }
        ),
        State.ENDED: MappingProxyType({}),
    }
)


def next_state(state: State, trigger: Trigger) -> State | None:
    """
    Look a transition up; `None` if the state refuses the trigger.
    """
    return TRANSITIONS[state].get(trigger)


def diagram() -> str:
    """
    Draw the table as a Mermaid state diagram.
    """
    lines = ["stateDiagram-v2", "    [*] --> ready"]
    for state, triggers in TRANSITIONS.items():
        for trigger, target in triggers.items():
            lines.append(f"    {state} --> {target}: {trigger}")
    lines.append("    ended --> [*]")
    return "\n".join(lines)
