"""
ITU-T Q.24: what a receiver must accept and must refuse.

Figures are those of Q.24's table of administrations as receiver makers print it
(AT&T and NTT columns) and of hardware receivers' data sheets (MT8870); ETSI's are
as quoted in Asterisk's `dsp.c`. Pulses are 50 ms at −10 dBm0 a tone through µ-law,
if a test does not say otherwise.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dtmf_engine import Detector, ToneEnded, decode
from tests.conformance.conftest import Card
from tests.conformance.tape import (
    RATE_HZ,
    Channel,
    Pulse,
    Tape,
    a_law,
    at_any_place,
    echoing,
    hear,
    hertz_off,
    judge,
    mu_law,
    reach,
    record,
    refused,
    samples,
    shown,
    steps,
)
from tests.support.tones import ALL_DIGITS, Audio, Wave


# --- frequency --------------------------------------------------------------------


def _off(digit: str, low: float, high: float, extra_hz: float = 0.0) -> Pulse:
    pulse = Pulse(digit=digit)
    if low:
        error = hertz_off(digit, group=0, part=low, extra_hz=extra_hz)
        pulse = replace(pulse, low_error=error)
    if high:
        error = hertz_off(digit, group=1, part=high, extra_hz=extra_hz)
        pulse = replace(pulse, high_error=error)
    return pulse


SIGNS = [(+1, +1), (-1, -1), (+1, -1), (-1, +1)]


@pytest.mark.parametrize(("low", "high"), SIGNS, ids=["++", "--", "+-", "-+"])
def test_frequency_accepted(low: int, high: int, card: Card) -> None:
    """
    Q.24 (AT&T): ±1.5 % must be accepted; the data sheets' mask adds 2 Hz. Both tones
    are off at once, all keys, until one pulse is lost.
    """

    def accepted(percent: float) -> bool:
        part = percent / 100
        pulses = [_off(key, low * part, high * part, 2.0) for key in ALL_DIGITS * 3]
        return hear(pulses, mu_law).all_right

    measured = reach(steps(0.5, 4.0, 0.1), accepted)
    signs = f"low {'+' if low > 0 else '−'} high {'+' if high > 0 else '−'}"
    card(
        f"Q.24 frequency accepted, {signs}",
        bound="at least 1.5 % + 2 Hz",
        measured=shown(measured, ".1f", "% + 2 Hz"),
    )
    assert measured >= 1.5


MOVED = {
    "both tones": SIGNS,
    "low tone alone": [(+1, 0), (-1, 0)],
    "high tone alone": [(0, +1), (0, -1)],
}


@pytest.mark.parametrize("moved", MOVED)
def test_frequency_refused(moved: str, card: Card) -> None:
    """
    Q.24 (AT&T): ±3.5 % must be refused, whether both tones are off or either one
    alone, for all keys and signs; from there to 5 %, where the next tone is nearer.
    """

    def silent(percent: float) -> bool:
        pulses = [
            _off(key, low * percent / 100, high * percent / 100)
            for key in ALL_DIGITS
            for low, high in MOVED[moved]
        ]
        return refused(pulses, mu_law)

    measured = reach(steps(5.0, 1.5, -0.1), silent)
    card(
        f"Q.24 frequency refused, {moved}",
        bound="3.5 % and more",
        measured=shown(measured, ".1f", "% and more"),
    )
    assert measured <= 3.5


# --- time -------------------------------------------------------------------------


def test_tone_of_40_ms_is_accepted(card: Card) -> None:
    """
    Q.24 (AT&T and NTT) and ETSI: a tone of 40 ms is a digit, after a pause of 40 ms.
    """
    pulses = [Pulse(digit=key, on_ms=40.0, off_ms=40.0) for key in ALL_DIGITS * 25]
    heard = hear(pulses, mu_law)
    card(
        "Q.24 tone of 40 ms, pause of 40 ms",
        bound="400 of 400, none besides",
        measured=f"{heard.n_right} of {len(pulses)}, {heard.strays} besides",
    )
    assert heard.all_right


def test_tone_under_20_ms_is_refused(card: Card) -> None:
    """
    ETSI: what lasts under 20 ms is no digit (Q.24: 23 ms for AT&T, 24 ms for NTT).
    """
    lengths_ms = steps(10.0, 19.0, 1.0)
    pulses = [
        Pulse(digit=key, on_ms=length_ms)
        for key in ALL_DIGITS
        for length_ms in lengths_ms + [19.0] * 15
    ]
    heard = hear([*pulses, Pulse(digit="5")], mu_law)
    n_heard = sum(map(len, heard.digits[:-1])) + heard.strays
    card(
        "Q.24 tone of 10 to 19 ms",
        bound=f"0 of {len(pulses)}",
        measured=f"{n_heard} of {len(pulses)}",
    )
    assert n_heard == 0
    assert heard.right[-1]  # the receiver was listening


def test_break_in_a_tone(card: Card) -> None:
    """
    Q.24 (AT&T and NTT): a break of up to 10 ms does not make two digits of one.
    Tones of 100 ms, the break anywhere in their middle half.
    """
    random = np.random.default_rng(10)

    def whole(break_ms: float) -> bool:
        pulses = [
            Pulse(
                digit=key,
                on_ms=100.0,
                off_ms=80.0,
                break_ms=break_ms,
                break_at=random.uniform(0.25, 0.75),
            )
            for key in ALL_DIGITS * 3
        ]
        return hear(pulses, mu_law).all_right

    measured_ms = reach(steps(0.0, 40.0, 1.0), whole)
    card(
        "Q.24 break that splits no digit",
        bound="at least 10 ms",
        measured=shown(measured_ms, ".0f", "ms"),
    )
    assert measured_ms >= 10


def _shortest_pause_ms(followers: Callable[[int], str]) -> float:
    def separated(pause_ms: float) -> bool:
        pulses = [
            pulse
            for _ in range(2)
            for index, key in enumerate(ALL_DIGITS)
            for pulse in (
                Pulse(digit=key, off_ms=pause_ms),
                Pulse(digit=followers(index), off_ms=100.0),
            )
        ]
        # Not at any place: the pause is what is measured. Steps of 1 ms walk the
        # places of pulses along well enough.
        tape = record(pulses, seed=round(pause_ms))
        return judge(tape.presses, decode(mu_law(tape.wave), RATE_HZ)).all_right

    return reach(steps(45.0, 1.0, -1.0), separated)


def test_pause_between_equal_digits(card: Card) -> None:
    """
    Q.24 (NTT): a pause of 30 ms makes two digits of the same key.
    """
    measured_ms = _shortest_pause_ms(lambda index: ALL_DIGITS[index])
    card(
        "Q.24 pause between equal digits",
        bound="30 ms or less",
        measured=shown(measured_ms, ".0f", "ms"),
    )
    assert measured_ms <= 30


def test_pause_between_different_digits(card: Card) -> None:
    """
    ETSI: a signal does not end for a pause under 20 ms, so that is the shortest a
    receiver may need; where another key follows it needs no more (project target).
    """
    measured_ms = _shortest_pause_ms(lambda index: ALL_DIGITS[(index * 5 + 6) % 16])
    card(
        "Q.24 pause between different digits",
        bound="20 ms or less",
        measured=shown(measured_ms, ".0f", "ms"),
    )
    assert measured_ms <= 20


# --- level ------------------------------------------------------------------------


def _at_level(level: float) -> list[Pulse]:
    return [Pulse(digit=key, low_dbm0=level, high_dbm0=level) for key in ALL_DIGITS]


def test_levels_accepted(card: Card) -> None:
    """
    Q.24 (AT&T): 0 to −25 dBm a tone must be accepted. Down to −45 dBm0 is this
    project's target, 3 dB below the field's common floor.
    """
    measured = reach(
        steps(0.0, -60.0, -1.0), lambda level: hear(_at_level(level), mu_law).all_right
    )
    card(
        "Q.24 levels accepted",
        bound="0 to −45 dBm0",
        measured="0 to " + shown(measured, ".0f", "dBm0"),
    )
    assert measured <= -45


def test_levels_refused(card: Card) -> None:
    """
    Q.24 (AT&T): −55 dBm a tone and less must be refused.
    """
    measured = reach(
        steps(-65.0, -20.0, 1.0), lambda level: refused(_at_level(level), mu_law)
    )
    card(
        "Q.24 levels refused",
        bound="−55 dBm0 and less",
        measured=shown(measured, ".0f", "dBm0 and less"),
    )
    assert measured >= -55


# --- the line ---------------------------------------------------------------------

ECHOES = [(5.0, 10.0), (10.0, 10.0), (20.0, 10.0), (50.0, 6.0)]


@pytest.mark.parametrize(("delay_ms", "bound_db"), ECHOES)
def test_echo(delay_ms: float, bound_db: float, card: Card) -> None:
    """
    Q.24, as it is commonly quoted: echoes up to 20 ms late and at least 10 dB down
    are tolerated. The louder one at 50 ms is this project's target. No two
    neighbours are equal: an echo as late as the pause is long would leave none.
    """

    def accepted(loss_db: float) -> bool:
        pulses = [Pulse(digit=key) for key in ALL_DIGITS * 4]
        return hear(pulses, echoing(delay_ms, loss_db)).all_right

    measured_db = reach(steps(16.0, 1.0, -1.0), accepted)
    card(
        f"Q.24 echo after {delay_ms:g} ms",
        bound=f"{bound_db:g} dB down or louder",
        measured=shown(measured_db, ".0f", "dB down"),
    )
    assert measured_db <= bound_db


def _through_both(wave: Wave) -> Audio:
    return mu_law(a_law(mu_law(wave).astype(np.float64)).astype(np.float64))


LAWS: dict[str, Channel] = {
    "A-law": a_law,
    "µ-law": mu_law,
    "µ-law, A-law, µ-law": _through_both,
}


@pytest.mark.parametrize("law", LAWS)
def test_companding(law: str, card: Card) -> None:
    """
    G.711 costs no digit anywhere inside the Q.24 (AT&T) masks: 0 to −25 dBm0 a tone,
    twist −8 to +4 dB, each tone off by up to 1.5 %, 40 to 100 ms on, from 40 ms off.
    """
    random = np.random.default_rng(711)

    def pulse(key: str) -> Pulse:
        louder, twist_db = random.uniform(-17.0, 0.0), random.uniform(-8.0, 4.0)
        return Pulse(
            digit=key,
            on_ms=random.uniform(40.0, 100.0),
            off_ms=random.uniform(40.0, 100.0),
            low_dbm0=louder - max(0.0, twist_db),
            high_dbm0=louder + min(0.0, twist_db),
            low_error=random.uniform(-0.015, 0.015),
            high_error=random.uniform(-0.015, 0.015),
        )

    pulses = [pulse(key) for key in ALL_DIGITS * 25]
    heard = hear(pulses, LAWS[law])
    card(
        f"G.711 inside all masks, {law}",
        bound="400 of 400, none besides",
        measured=f"{heard.n_right} of {len(pulses)}, {heard.strays} besides",
    )
    assert heard.all_right


# --- loss -------------------------------------------------------------------------

FRAME = samples(20.0)


def _with_one_frame_lost_a_press(tape: Tape, seed: int) -> list[ToneEnded]:
    random = np.random.default_rng(seed)
    # Any frame that has some of a press in it may be lost.
    lost = {
        int(random.integers(press.start_sample, press.end_sample)) // FRAME
        for press in tape.presses
    }
    audio = mu_law(tape.wave)
    detector = Detector(RATE_HZ)
    events = []
    for index, start in enumerate(range(0, len(audio), FRAME)):
        frame = audio[start : start + FRAME]
        if index in lost:
            events += detector.fill_in(len(frame))
        else:
            events += detector.process(frame)
    events += detector.flush()
    return [event for event in events if isinstance(event, ToneEnded)]


def test_lost_frame_splits_no_digit(card: Card) -> None:
    """
    Project target: each press of 100 ms loses one frame of 20 ms, told to the
    detector by `fill_in`; all stay one digit.
    """
    pulses = [Pulse(digit=key, on_ms=100.0, off_ms=100.0) for key in ALL_DIGITS * 15]
    tape = record(at_any_place(pulses, seed=20), seed=20)
    heard = judge(tape.presses, _with_one_frame_lost_a_press(tape, seed=20))
    n_split = sum(len(digits) > 1 for digits in heard.digits) + heard.strays
    n_lost = sum(not digits for digits in heard.digits)
    card(
        "lost frames: digits split, digits lost",
        bound=f"0, 0 of {len(pulses)}",
        measured=f"{n_split}, {n_lost} of {len(pulses)}",
    )
    assert n_split == 0
    assert heard.all_right
