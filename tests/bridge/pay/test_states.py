"""
States: every state and every trigger, and the picture of them.
"""

import pytest

from bridge.pay.states import TRANSITIONS, State, Trigger, diagram, next_state
from tests.support.diagram import README, with_diagram


LEAVING = {
    Trigger.CANCEL: State.ENDED,
    Trigger.HANG_UP: State.ENDED,
    Trigger.DESERT: State.ENDED,
    Trigger.EXPIRE: State.ENDED,
}

TABLE: dict[State, dict[Trigger, State]] = {
    State.READY: {
        **LEAVING,
        Trigger.CAPTURE: State.CAPTURING,
        Trigger.COMPLETE: State.PROCESSING,
        Trigger.ASK: State.CONFIRMING,
        Trigger.REJECT: State.ENDED,
        Trigger.EXHAUST: State.ENDED,
    },
    State.CAPTURING: {
        **LEAVING,
        Trigger.CAPTURE: State.CAPTURING,
        Trigger.FIELD_ENDED: State.READY,
        Trigger.REJECT: State.ENDED,
        Trigger.STAR: State.ENDED,
    },
    State.CONFIRMING: {
        **LEAVING,
        Trigger.CAPTURE: State.CAPTURING,
        Trigger.CONFIRM: State.PROCESSING,
        Trigger.DECLINE: State.ENDED,
        Trigger.SILENCE: State.READY,
        Trigger.STAR: State.ENDED,
    },
    State.PROCESSING: {
        Trigger.HANG_UP: State.PROCESSING,
        Trigger.ANSWER: State.ENDED,
    },
    State.ENDED: {},
}
"""What comes of every state and every trigger; of one not listed, nothing."""


@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize("state", State)
def test_state_takes_what_the_table_lists_and_refuses_the_rest(
    state: State, trigger: Trigger
) -> None:
    """
    Of every state and every trigger it is written down what comes of them.
    """
    assert next_state(state, trigger) is TABLE[state].get(trigger)


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
    arrows = diagram().splitlines()
    assert arrows[:2] == ["stateDiagram-v2", "    [*] --> ready"]
    assert arrows[-1] == "    ended --> [*]"
    expected = {
        f"    {state} --> {target}: {trigger}"
        for state, triggers in TABLE.items()
        for trigger, target in triggers.items()
    }
    assert set(arrows[2:-1]) == expected
    assert len(arrows) == len(expected) + 3


def test_diagram_of_the_readme_is_that_of_the_table() -> None:
    """
    The page shows today's table.
    """
    text = README.read_text()
    assert with_diagram(text) == text
