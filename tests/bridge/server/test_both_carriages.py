"""
Both carriages: a press by tone, by event or by both is one digit, and the agent
hears neither the tone nor what a gateway left of it.
"""

from collections.abc import Sequence

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.bridge.server.rig import (
    DELAY,
    INAUDIBLE,
    ONSET,
    FaultyBank,
    Rig,
    hum,
    silent_line,
    with_rig,
)
from tests.support.media import QUIET, put_forward
from tests.support.strategies import stable
from tests.support.tones import Press, dial


FRAME_MS = 20


def _call(
    rig: Rig, presses: Sequence[Press], events: Sequence[tuple[int, str]], n_ms: int
) -> None:
    """
    Play a call in frames of 20 ms, with events between them, each at its ms.
    """
    octets = silent_line(presses, 8 * n_ms)
    waiting = sorted(events)
    for end_ms in range(FRAME_MS, n_ms + 1, FRAME_MS):
        rig.play(octets[8 * (end_ms - FRAME_MS) : 8 * end_ms])
        while waiting and waiting[0][0] <= end_ms:
            rig.event(waiting.pop(0)[1])
            rig.tick()


@pytest.mark.parametrize("stray_ms", [-300, -160, -60, 0, 60, 100, 200, 300])
@pytest.mark.parametrize("keys", ["5555", "5655", "159D"])
def test_press_by_both_carriages_is_one_digit_and_unheard(
    keys: str, stray_ms: int
) -> None:
    """
    Tones of 60 ms, 60 ms apart, with events that come early or late: each press
    counts once, in order, and nothing of it is heard, although events tell it all.
    """
    presses = dial(keys, tone=480, pause=480, lead=8000)
    start_ms = 1000
    events = [
        (start_ms + 120 * n + max(stray_ms, stray_ms + 60), key)
        for n, key in enumerate(keys)
    ]

    def script(rig: Rig) -> None:
        rig.arm()
        _call(rig, presses, events, 3000)
        assert "".join(rig.digits) == keys
        assert rig.agent.loudest <= INAUDIBLE

    with_rig(script)


@settings(stable, max_examples=12, phases=[Phase.generate])
@given(st.data())
def test_carriages_may_each_leave_out_some(data: st.DataObject) -> None:
    """
    Of keys that are all different one carriage leaves out some, then the other:
    what was keyed comes out in order, and no tone is heard.
    """
    keys = "123456789"
    presses = dial(keys, tone=640, pause=560, lead=8000, seed=1)
    by_tone = data.draw(st.sets(st.sampled_from(keys[:4])), label="by tone")
    by_event = data.draw(st.sets(st.sampled_from(keys[5:])), label="by event")
    late_ms = data.draw(st.integers(-250, 250), label="late")
    shift_ms = 1000
    for n, press in enumerate(presses[5:], start=5):
        # A pause in which all events of the first half have come.
        presses[n] = press.moved(8 * shift_ms)
    events = [
        (press.start_sample // 8 + late_ms, press.digit)
        for press in presses
        if press.digit not in by_tone
    ]
    tones = [press for press in presses if press.digit not in by_event]
    # Both carriages have been in use before, so that nobody is in a hurry.
    tones.insert(0, Press(digit="0", start_sample=2400, end_sample=3040))
    events.append((300 + late_ms, "0"))

    def script(rig: Rig) -> None:
        rig.arm()
        _call(rig, tones, events, 4400)
        assert "".join(rig.digits) == "0" + keys
        assert rig.agent.loudest <= INAUDIBLE

    with_rig(script)


@pytest.mark.parametrize("length", [24, 40, 64, 96])
@pytest.mark.parametrize("late", [0, 8, 33, 60])
@pytest.mark.parametrize("armed", [False, True])
def test_event_masks_what_a_gateway_left_of_its_tone(
    length: int, late: int, *, armed: bool
) -> None:
    """
    3 to 12 ms of a tone, too short for anybody to see, is still in the look-ahead
    when its event comes: nobody hears it.
    """
    # It ends so much before the end of a frame, and then its event comes.
    end = 8000 - late
    remnant = Press(digit="5", start_sample=end - length, end_sample=end)

    def script(rig: Rig) -> None:
        if armed:
            rig.arm()
        _call(rig, [remnant], [(1000, "5")], 2000)
        assert rig.agent.loudest <= INAUDIBLE

    with_rig(script)


@pytest.mark.parametrize("late_ms", [5, 40, 120, 200, 285])
def test_event_masks_a_remnant_that_comes_later_while_armed(late_ms: int) -> None:
    """
    Audio may be behind its event by what a jitter buffer holds: while a capture
    is armed the event masks that long.
    """
    start = 8000 + 8 * late_ms
    remnant = Press(digit="5", start_sample=start, end_sample=start + 40)

    def script(rig: Rig) -> None:
        rig.arm()
        _call(rig, [remnant], [(1000, "5")], 2000)
        assert rig.agent.loudest <= INAUDIBLE

    with_rig(script)


def test_event_masks_no_more_than_it_must() -> None:
    """
    With no capture armed an event costs 40 ms of what the caller says, and while
    one is armed 320 ms; all else arrives bit for bit.
    """
    for armed, n_masked in ((False, 320), (True, 2560)):

        def script(rig: Rig, n_masked: int = n_masked, *, armed: bool = armed) -> None:
            rig.arm(armed=armed)
            said = hum(8000)
            rig.play(said[:4000])
            rig.event("5")
            rig.play(said[4000:])
            heard, sent = bytes(rig.agent.played[DELAY:]), said[:-DELAY]
            begin, end = 4000 - DELAY, 4000 - DELAY + n_masked
            fade = 16
            assert heard[ONSET:begin] == sent[ONSET:begin]
            assert heard[end + fade :] == sent[end + fade :]
            inside = slice(begin + fade, end)
            same = sum(a == b for a, b in zip(heard[inside], sent[inside], strict=True))
            # By chance alone some octets are equal: 256 codes, most of them rare.
            assert same < n_masked // 10

        with_rig(script)


def test_event_masks_in_its_place_after_a_stall() -> None:
    """
    An event that waits with its audio for a late tick masks behind that audio.
    """
    remnant = Press(digit="5", start_sample=7940, end_sample=7980)
    octets = silent_line([remnant], 16_000)

    def script(rig: Rig) -> None:
        for place in range(0, 16_000, DELAY):
            if place == 8000:
                rig.event("5")
            rig.say(octets[place : place + DELAY])
        rig.tick()
        assert len(rig.agent.played) == 16_000
        assert rig.agent.loudest <= INAUDIBLE

    with_rig(script)


def test_press_counts_although_its_detection_fails() -> None:
    """
    An event is a press whatever becomes of the audio.
    """
    bank = FaultyBank()

    def script(rig: Rig) -> None:
        rig.arm()
        rig.play(QUIET * 8000)
        bank.faults = {"process": {0}, "mask": {0}}
        for key in "159":
            rig.event(key)
            rig.play(QUIET * 1600)
        put_forward(10.0)
        rig.play(QUIET * DELAY)
        assert "".join(rig.digits) == "159"
        assert len(rig.agent.played) == 8000 + 3 * 1600 + DELAY

    with_rig(script, bank=bank)
