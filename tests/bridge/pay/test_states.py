"""
States: every state and every trigger, and the picture of them.
"""

import pytest

from bridge.pay.states import TRANSITIONS, State, Trigger, diagram, next_state


@pytest.mark.parametrize(
    ("state", "targets"),
    [
        (
            State.READY,
            {
                Trigger.CAPTURE: State.CAPTURING,
                Trigger.COMPLETE: State.PROCESSING,
                Trigger.CANCEL: State.ENDED,
                Trigger.HANG_UP: State.ENDED,
                Trigger.EXPIRE: State.ENDED,
                Trigger.FIELD_ENDED: None,
                Trigger.STAR: None,
                Trigger.ANSWER: None,
            },
        ),
        (
            State.CAPTURING,
            {
                Trigger.CAPTURE: State.CAPTURING,
                Trigger.FIELD_ENDED: State.READY,
                Trigger.STAR: State.ENDED,
                Trigger.CANCEL: State.ENDED,
                Trigger.HANG_UP: State.ENDED,
                Trigger.EXPIRE: State.ENDED,
                Trigger.COMPLETE: None,
                Trigger.ANSWER: None,
            },
        ),
        (
            State.PROCESSING,
            {
                Trigger.HANG_UP: State.PROCESSING,
                Trigger.ANSWER: State.ENDED,
                Trigger.CAPTURE: None,
                Trigger.FIELD_ENDED: None,
                Trigger.COMPLETE: None,
                Trigger.CANCEL: None,
                Trigger.STAR: None,
                Trigger.EXPIRE: None,
            },
        ),
        (State.ENDED, dict.fromkeys(Trigger)),
    ],
)
def test_state_takes_what_the_table_lists_and_refuses_the_rest(
    state: State, targets: dict[Trigger, State | None]
) -> None:
    """
    Of every state and every trigger it is written down what comes of them.
    """
    assert {trigger: next_state(state, trigger) for trigger in Trigger} == targets


def test_states_can_all_be_reached_and_all_but_one_can_be_left() -> None:
    """
    No session is caught: from every state there is a way to the end.
    """
    reached = {State.READY}
    for _ in State:
        reached |= {
            target for state in reached for target in TRANSITIONS[state].values()
        }
    assert reached == set(State)
    assert [state for state in State if not TRANSITIONS[state]] == [State.ENDED]
    ending = {s for s in State if State.ENDED in TRANSITIONS[s].values()}
    assert ending == set(State) - {State.ENDED}


def test_diagram_is_the_table_drawn() -> None:
    """
    The README's picture has an arrow for each transition, and no other.
    """
    assert diagram() == (
        "stateDiagram-v2\n"
        "    [*] --> ready\n"
        "    ready --> capturing: capture\n"
        "    ready --> processing: complete\n"
        "    ready --> ended: cancel\n"
        "    ready --> ended: hang-up\n"
        "    ready --> ended: expire\n"
        "    capturing --> capturing: capture\n"
        "    capturing --> ready: field ended\n"
        "    capturing --> ended: star\n"
        "    capturing --> ended: cancel\n"
        "    capturing --> ended: hang-up\n"
        "    capturing --> ended: expire\n"
        "    processing --> processing: hang-up\n"
        "    processing --> ended: answer\n"
        "    ended --> [*]"
    )
