"""
Fail closed: whatever goes wrong, the agent hears nothing of a press, and hears
the caller again by itself.
"""

import numpy as np
import pytest

from bridge.stream.events import GOING_AWAY
from dtmf_engine.audit import Press as TruePress
from dtmf_engine.audit import audit
from dtmf_engine.bank import LegBank
from tests.bridge.server.rig import (
    AGENT,
    CALLER,
    DELAY,
    INAUDIBLE,
    FaultyBank,
    Rig,
    hum,
    silent_line,
    with_rig,
)
from tests.support import media as wire
from tests.support.media import QUIET, put_forward
from tests.support.tones import dial, line, to_int16


KEYS = dial("5*", tone=600, pause=500, lead=1000)
"""Two presses of 75 ms, from 125 ms on."""

KEYED = silent_line(KEYS, 4000)


# Delivery.


@pytest.mark.parametrize("frame", [20, 80, 160, 240, 800])
@pytest.mark.parametrize("armed", [False, True])
def test_agent_hears_no_press_in_frames_of_any_length(
    frame: int, *, armed: bool
) -> None:
    """
    2.5 to 100 ms: the agent hears none of it, as late as ever.
    """

    def script(rig: Rig) -> None:
        if armed:
            rig.arm()
        rig.play(KEYED + hum(1600), frame=frame)
        assert len(rig.agent.played) == 5600
        assert rig.agent.loudest > 1000
        del rig.agent.played[4000:]
        assert rig.agent.loudest <= INAUDIBLE
        assert "".join(rig.digits) == ("5*" if armed else "")

    with_rig(script)


@pytest.mark.parametrize("n_lost", [1, 2, 3])
@pytest.mark.parametrize("shift", range(0, 160, 40))
def test_agent_hears_no_press_when_frames_are_lost(n_lost: int, shift: int) -> None:
    """
    Wherever in a press frames are missing, and told to be missing: no part of it
    is heard.
    """
    presses = [press.moved(shift) for press in KEYS]
    octets = silent_line(presses, 4000)
    frames = [octets[place : place + DELAY] for place in range(0, 4000, DELAY)]

    def script(rig: Rig) -> None:
        for first in range(5, 12):
            lost = 0
            rig.play(QUIET * 800)
            for number, frame in enumerate(frames):
                if first <= number < first + n_lost:
                    lost += DELAY
                    continue
                rig.say(frame, lost=lost)
                rig.tick()
                lost = 0
            assert rig.agent.loudest <= INAUDIBLE, f"from frame {first}"
        assert len(rig.agent.played) == 7 * (800 + 4000)

    with_rig(script)


@pytest.mark.parametrize("cut", range(0, 400, 20))
def test_agent_hears_no_press_that_was_cut_unknown_to_us(cut: int) -> None:
    """
    Where audio is missing and nobody said so, what is left of the presses is
    spliced together: still nothing is heard.
    """
    where = 1000 + 3 * cut
    octets = KEYED[:where] + KEYED[where + cut + 20 :]

    def script(rig: Rig) -> None:
        rig.play(octets)
        assert rig.agent.loudest <= INAUDIBLE

    with_rig(script)


@pytest.mark.parametrize("n_frames", [2, 5, 25, 50])
@pytest.mark.parametrize("armed", [False, True])
def test_agent_hears_no_press_after_a_stall(n_frames: int, *, armed: bool) -> None:
    """
    A server that stands still for up to a second and then gets everything at
    once: the agent hears no press, and each digit counts once.
    """
    presses = dial("159D#0", tone=600, pause=500, lead=1000)
    octets = silent_line(presses, 8000)

    def script(rig: Rig) -> None:
        if armed:
            rig.arm()
        for number, place in enumerate(range(0, len(octets), DELAY)):
            rig.say(octets[place : place + DELAY])
            if number % n_frames == n_frames - 1:
                rig.tick()
        rig.tick()
        assert len(rig.agent.played) == 8000
        assert rig.agent.loudest <= INAUDIBLE
        assert "".join(rig.digits) == ("159D#0" if armed else "")

    with_rig(script)


def test_delay_is_normal_again_after_a_stall() -> None:
    """
    What was held up for a second is thrown away at the far end, not played late:
    from the next frame on the agent is one look-ahead behind, and stays so.
    """

    def script(rig: Rig) -> None:
        rig.play(hum(8000))
        put_forward(1.0)
        said = hum(8000, seed=2)
        for place in range(0, 8000, DELAY):
            rig.say(said[place : place + DELAY])
        rig.tick()
        assert rig.agent.cleared == []
        later = hum(8000, seed=3)
        rig.play(later)
        # Once, before the first frame that came in time.
        assert rig.agent.cleared == [16_000]
        assert rig.agent.played[16_000 + DELAY :] == later[:-DELAY]

    with_rig(script, playout_limit_s=0.2)


def test_late_audio_of_a_strict_capture_stays_unheard() -> None:
    """
    What came under the capture and had to wait is not heard because the capture
    was over by the time it was analysed; what comes later is.
    """

    def script(rig: Rig) -> None:
        rig.arm()
        rig.play(hum(1600))
        for _ in range(10):
            rig.say(hum(160))
        rig.arm(armed=False)
        rig.tick()
        assert rig.agent.loudest <= INAUDIBLE
        rig.play(hum(1600))
        assert rig.agent.loudest > 1000
        # Armed again before the end was reached: it is armed.
        rig.play(QUIET * 4000)
        rig.agent.played.clear()
        rig.arm()
        rig.say(hum(160))
        rig.arm(armed=False)
        rig.arm()
        rig.play(hum(1600))
        assert rig.agent.loudest <= INAUDIBLE

    with_rig(script, bank=LegBank(2, policy="strict"))


# Exceptions.


@pytest.mark.parametrize("where", ["process", "afterwards", "fill_in", "mask"])
@pytest.mark.parametrize("armed", [False, True])
@pytest.mark.parametrize("shift", [0, 30, 70, 110])
def test_leg_that_fails_is_silent_and_recovers(
    where: str, shift: int, *, armed: bool
) -> None:
    """
    An exception in the middle of a press, wherever it is raised, is logged once
    and counted; no part of the press is heard; the call goes on, the caller is
    heard again bit for bit, and the next press is masked and counts.
    """
    octets = silent_line([press.moved(shift) for press in KEYS], 4000)
    bank = FaultyBank()

    def script(rig: Rig) -> None:
        if armed:
            rig.arm()
        for _ in range(3):
            rig.play(QUIET * 4000)
            rig.digits.clear()
            for number, place in enumerate(range(0, 4000, DELAY)):
                bank.faults = {where: {0}} if number == 9 else {}
                if number == 9 and where == "mask":
                    rig.event("5")
                lost = DELAY if number == 9 and where == "fill_in" else 0
                rig.say(octets[place : place + DELAY], lost=lost)
                rig.tick()
        assert rig.agent.loudest <= INAUDIBLE
        put_forward(10.0)
        rig.play(QUIET * DELAY)
        assert "".join(rig.digits) == ("5*" if armed else "")
        # What cannot be masked cannot be begun anew either.
        assert rig.n_failures == (6 if where == "mask" else 3)
        rig.play(QUIET * 4000)
        rig.agent.played.clear()
        said = hum(1600)
        rig.play(said)
        assert rig.agent.has_played(said)

    lines = with_rig(script, bank=bank)
    assert [line["event"] for line in lines] == ["analysis failed, leg silenced"]


@pytest.mark.parametrize("where", ["arm", "disarm"])
def test_leg_that_cannot_be_armed_is_silent_until_it_can(where: str) -> None:
    """
    While arming or disarming fails the agent hears noise; when it succeeds the
    capture is in force, or over.
    """
    bank = FaultyBank(policy="strict")

    def script(rig: Rig) -> None:
        if where == "disarm":
            rig.arm()
        rig.play(QUIET * 800)
        bank.faults = {where: {0}, "reset": {0}}
        rig.arm(armed=where == "arm")
        rig.play(hum(1600))
        assert rig.agent.loudest <= INAUDIBLE
        assert rig.n_failures == 11
        bank.faults.clear()
        rig.play(hum(1600))
        assert (rig.agent.loudest <= INAUDIBLE) == (where == "arm")
        rig.arm(armed=False)
        rig.play(QUIET * 800)
        rig.agent.played.clear()
        rig.play(KEYED)
        assert rig.agent.loudest <= INAUDIBLE
        rig.play(hum(1600))
        assert rig.agent.loudest > 1000

    lines = with_rig(script, bank=bank)
    assert [line["event"] for line in lines] == ["analysis failed, leg silenced"]


def test_reported_press_stays_masked_through_a_failure() -> None:
    """
    What an event said of the next 300 ms holds for the leg that begins anew.
    """
    bank = FaultyBank()

    def script(rig: Rig) -> None:
        rig.arm()
        rig.play(QUIET * 800)
        bank.faults = {"mask": {0}}
        rig.event("5")
        rig.tick()
        bank.faults.clear()
        rig.play(hum(1600))
        # The 1600 ended 100 ms before, one look-ahead of it is not out yet.
        assert rig.agent.loudest <= INAUDIBLE
        rig.play(hum(3200))
        assert rig.agent.loudest > 1000

    with_rig(script, bank=bank)


def test_leg_whose_last_call_left_it_soiled_is_begun_anew() -> None:
    """
    A leg that could not be reset is new to the next call, or silent.
    """
    bank = FaultyBank(1, policy="strict")

    def script(rig: Rig) -> None:
        rig.arm()
        rig.play(KEYED[:1500])
        bank.faults = {"reset": {0}}
        rig.switchboard.leave(rig.call, CALLER)
        heard: list[int] = []
        slot = rig.analyser.acquire(
            lambda given: heard.append(int(np.abs(given.audio).max()))
        )
        assert slot == 0
        rig.analyser.submit(0, hum(1600))
        rig.tick()
        assert heard.pop() <= INAUDIBLE
        bank.faults.clear()
        for _ in range(2):
            rig.analyser.submit(0, hum(1600))
            rig.tick()
        assert heard.pop() > 1000

    lines = with_rig(script, bank=bank)
    assert [line["event"] for line in lines] == [
        "leg not reset",
        "analysis failed, leg silenced",
    ]


# The end.


@pytest.mark.parametrize("how", ["hang-up", "disarm", "shutdown", "agent", "nothing"])
@pytest.mark.parametrize("policy", ["tones", "strict"])
def test_look_ahead_is_never_drained(how: str, policy: str) -> None:
    """
    However a call or a capture ends, at every place of a press, with audio that
    waits for its tick or without: no part of the press is heard.
    """

    def end(rig: Rig) -> None:
        match how:
            case "hang-up":
                rig.switchboard.leave(rig.call, CALLER)
            case "disarm":
                rig.arm(armed=False)
            case "shutdown":
                rig.switchboard.close_all(GOING_AWAY, "shutting down")
                rig.analyser.stop()
            case "agent":
                rig.switchboard.leave(rig.call, AGENT)

    for at in range(900, 2000, 60):

        def script(rig: Rig, at: int = at) -> None:
            rig.arm()
            rig.play(KEYED[:at])
            rig.say(KEYED[at : at + 100])
            end(rig)
            rig.tick()
            if how in {"disarm", "nothing"}:
                rig.play(KEYED[at + 100 :])
                assert len(rig.agent.played) == 4000
            assert rig.agent.loudest <= INAUDIBLE, f"at sample {at}"

        with_rig(script, bank=LegBank(1, policy=policy))


# The attacker.


@pytest.mark.parametrize("armed", [False, True])
def test_attacker_reads_nothing_of_a_call_where_everything_goes_wrong(
    *,
    armed: bool,
) -> None:
    """
    Forty presses on a noisy line with losses, stalls, failures of every kind,
    captures that come and go and events now and then: whoever knows when each
    key was down can only guess.
    """
    presses = dial("1590D*3#7246A8BC" * 3, tone=640, pause=560, lead=2000, seed=5)
    audio = to_int16(line(presses, noise_dbm0=-45.0, seed=5))
    octets = wire.encode(audio)
    bank = FaultyBank()

    def script(rig: Rig) -> None:
        random = np.random.default_rng(9)
        lost = 0
        if armed:
            rig.arm()
        for place in range(0, len(octets), DELAY):
            chance = random.random()
            bank.faults = {}
            if chance < 0.03:
                where = ["process", "afterwards", "fill_in", "mask", "reset"]
                bank.faults = {str(random.choice(where)): {0}}
            elif chance < 0.08:
                lost += DELAY
                continue
            elif chance < 0.11:
                rig.event("5")
            elif chance < 0.13:
                rig.arm(armed=not rig.call.session.is_armed)
            rig.say(octets[place : place + DELAY], lost=lost)
            lost = 0
            if random.random() < 0.7:
                rig.tick()
        rig.tick()
        n = len(audio) - lost
        assert len(rig.agent.played) == n
        report = audit(
            wire.decode(octets)[:n],
            wire.decode(bytes(rig.agent.played)),
            presses=[TruePress(p.digit, p.start_sample, p.end_sample) for p in presses],
            delay_samples=DELAY,
        )
        assert report.is_clean, (report.n_right, report.n_read, report.detected)
        assert rig.n_failures

    with_rig(script, bank=bank)
