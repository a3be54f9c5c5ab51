"""
Detector bank: the digits of many legs in one call, each leg as if it were alone.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtmf_engine import (
    DEFAULT,
    STRICT,
    Detector,
    DigitDetected,
    Event,
    NearMiss,
    ParameterError,
    ToneEnded,
)
from dtmf_engine.arrays import Index
from dtmf_engine.batches import check_samples, slices
from dtmf_engine.close_look import Wanted, look_closely
from dtmf_engine.detector_bank import DetectorBank
from dtmf_engine.looks import Looks
from dtmf_engine.recent import Heard
from dtmf_engine.sights import judge
from tests.support.strategies import Script, calls, cuts, scripts, stable
from tests.support.streams import digits_of
from tests.support.tones import (
    ALL_DIGITS,
    Audio,
    Press,
    cut,
    dial,
    line,
    sine,
    to_int16,
    voiced,
    white_noise,
)


def _call(digits: str, *, n_samples: int | None = None, seed: int = 0) -> Audio:
    """
    Make presses on a quiet line.
    """
    presses = dial(digits, seed=seed)
    return to_int16(line(presses, n_samples=n_samples, noise_dbm0=-55.0, seed=seed))


def _alone(audio: Audio) -> list[Event]:
    """
    Play a stream, whole, into a detector.
    """
    detector = Detector()
    return detector.process(audio) + detector.flush()


def _played(bank: DetectorBank, leg: int, audio: Audio) -> list[Event]:
    """
    Play a stream, whole, into one leg.
    """
    return bank.process(audio[None, :], [leg])[0] + bank.finish(leg)


def _scripted(
    bank: DetectorBank, leg: int, audio: Audio, script: Script, sizes: list[int]
) -> list[Event]:
    """
    Play a stream with its losses, in chunks of the given sizes.
    """
    events: list[Event] = []
    start = 0
    for step in script:
        stop = start + step.n_samples
        if step.what == "lost" and step.n_samples:
            bank.lose(leg, step.n_samples)
            events += bank.process(np.zeros((1, stop - start), np.int16), [leg])[0]
        elif step.what == "heard":
            for part in cut(audio[start:stop], sizes):
                events += bank.process(audio[None, start:stop][:, part], [leg])[0]
        start = stop
    return events + bank.finish(leg)


class _State(NamedTuple):
    position: int
    history: list[int]


def _state(bank: DetectorBank, leg: int) -> _State:
    return _State(bank.position(leg), bank.history(leg).tolist())


# One leg.


def test_bank_of_one_is_the_detector() -> None:
    """
    All digits, with the same events at the same samples.
    """
    audio = _call(ALL_DIGITS)
    events = _played(DetectorBank(1), 0, audio)
    assert events == _alone(audio)
    assert digits_of(events) == ALL_DIGITS


def test_bank_has_the_profile_it_is_given() -> None:
    """
    By name or by value, as the detector has it.
    """
    for profile in ("strict", STRICT):
        assert DetectorBank(1, profile=profile).profile == STRICT
    quiet = [
        Press(digit="5", start_sample=800, end_sample=1600, low_dbm0=-47, high_dbm0=-47)
    ]
    audio = to_int16(line(quiet))
    assert digits_of(_played(DetectorBank(1), 0, audio)) == "5"
    assert digits_of(_played(DetectorBank(1, profile="strict"), 0, audio)) == ""


@stable
@given(calls(), cuts, st.data())
def test_leg_hears_the_same_in_any_cuts(
    wave: npt.NDArray[np.float64], sizes: list[int], data: st.DataObject
) -> None:
    """
    Whole, or in chunks of any size, with losses in between, the events are equal.
    """
    audio = to_int16(wave)
    script = data.draw(scripts(len(audio), may_arm=False))
    expected = _scripted(DetectorBank(1), 0, audio, script, [len(audio)])
    assert _scripted(DetectorBank(1), 0, audio, script, sizes) == expected


def test_leg_hears_the_same_sample_by_sample() -> None:
    """
    Not even the shortest chunks change an event, nor does what holds no sample.
    """
    audio = to_int16(line(dial("1D", tone=320, pause=320), noise_dbm0=-50.0))
    bank = DetectorBank(1)
    events = []
    for place in range(len(audio)):
        events += bank.process(audio[None, place : place + 1])[0]
        events += bank.process(audio[None, :0])[0]
    events += bank.finish(0)
    assert events == _alone(audio)
    assert digits_of(events) == "1D"


def test_leg_hears_the_same_through_the_filter_in_any_cuts() -> None:
    """
    Above a dial tone, where looks are taken through the high-pass, cuts do not
    matter either, and the digits are found.
    """
    presses = dial("159D", lead=6400, low_dbm0=-16.0, high_dbm0=-16.0)
    wave = line(presses, noise_dbm0=-60.0)
    for hz in (350.0, 440.0):
        wave += sine(hz, len(wave), -12.0)
    audio = to_int16(wave)
    expected = _alone(audio)
    assert digits_of(expected) == "159D"
    for sizes in ([160], [33, 7, 400], [20]):
        bank = DetectorBank(1)
        events = []
        for part in cut(audio, sizes):
            events += bank.process(audio[None, part])[0]
        assert events + bank.finish(0) == expected


def test_leg_believes_a_known_telephone_in_any_cuts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    A second press that is certain, for a telephone already heard, while it is too
    short, and doubtful when it is long enough, is accepted however audio is cut.
    """

    def look_otherwise(
        heard: Heard, before: Index, wanted: Wanted, limits: Looks, which: Index
    ) -> Looks:
        looks = look_closely(heard, before, wanted, limits, which)
        # No look is near because it is clean.
        looks["rest_trimmed"] = 1.0
        for i in np.flatnonzero(looks["is_for_detector"]):
            is_short = looks["filled"][i].clip(0, 1).sum() < 7.5
            doubtful = -2.0 if is_short else -4.0
            looks["score"][i] = 5.0 if looks["row"][i] == 0 else doubtful
            judge(looks[i], limits[which[looks["leg"][i]]])
        return looks

    monkeypatch.setattr("dtmf_engine.detector_bank.look_closely", look_otherwise)
    profile = replace(
        DEFAULT, min_short_score=0.0, min_long_score=0.0, known_telephone_bonus=3.0
    )
    audio = to_int16(line(dial("19")))
    expected: list[Event] | None = None
    for sizes in ([len(audio)], [160], [20]):
        bank = DetectorBank(1, profile=profile)
        events = []
        for part in cut(audio, sizes):
            events += bank.process(audio[None, part])[0]
        events += bank.finish(0)
        expected = expected or events
        assert events == expected
    assert digits_of(events) == "19"


def test_bank_gives_long_audio_what_frames_would_give() -> None:
    """
    More than fits one slice is the same in one call as frame by frame.
    """
    audio = _call(ALL_DIGITS * 5)
    assert len(audio) > 2 * slices(1, len(audio))[0].stop
    bank = DetectorBank(1)
    events = []
    for part in cut(audio, [160]):
        events += bank.process(audio[None, part])[0]
    assert events + bank.finish(0) == _alone(audio)
    assert digits_of(events) == ALL_DIGITS * 5


# Many legs.


def _seven_kinds(n_samples: int) -> list[Audio]:
    hum = sine(50.0, n_samples, -12.0)
    return [
        _call("147*", n_samples=n_samples, seed=1),
        to_int16(np.zeros(n_samples)),
        to_int16(white_noise(n_samples, -20.0, seed=2)),
        to_int16(voiced(n_samples, seed=3)),
        to_int16(line(dial("2580", lead=3000, tone=500), n_samples=n_samples) + hum),
        _call("ABCD", n_samples=n_samples, seed=4),
        to_int16(np.full(n_samples, 3000.0)),
    ]


def test_many_legs_are_detectors_side_by_side() -> None:
    """
    Each leg of a call gets what a detector of its own would give.
    """
    streams = _seven_kinds(9000)
    bank = DetectorBank(len(streams))
    events = bank.process(np.stack(streams))
    for leg, audio in enumerate(streams):
        assert events[leg] + bank.finish(leg) == _alone(audio)
    assert [digits_of(heard) for heard in events][0::5] == ["147*", "ABCD"]


@stable
@given(st.data())
def test_each_leg_gets_what_it_would_get_alone(data: st.DataObject) -> None:
    """
    Legs at different places inside a block, some in a call and some not, in any
    order and cuts: to the last bit of a level, each gets its own events.
    """
    n_legs = 4
    streams = [to_int16(data.draw(calls())) for _ in range(n_legs)]
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    bank = DetectorBank(n_legs)
    place = [0] * n_legs
    events: list[list[Event]] = [[] for _ in range(n_legs)]
    while waiting := [leg for leg in range(n_legs) if place[leg] < len(streams[leg])]:
        random.shuffle(waiting)
        legs = waiting[: random.integers(1, len(waiting) + 1)]
        most = min(len(streams[leg]) - place[leg] for leg in legs)
        n_samples = int(min(most, random.choice([1, 7, 20, 33, 80, 160, 900])))
        rows = [streams[leg][place[leg] : place[leg] + n_samples] for leg in legs]
        heard = bank.process(np.stack(rows), legs)
        for leg, new in zip(legs, heard, strict=True):
            events[leg] += new
            place[leg] += n_samples
    for leg in range(n_legs):
        assert events[leg] + bank.finish(leg) == _alone(streams[leg])


def test_legs_may_stand_at_different_places_inside_a_block() -> None:
    """
    One call for legs that began 0, 20, 33 and 79 samples apart.
    """
    leads = [0, 20, 33, 79]
    audio = _call("159D")
    bank = DetectorBank(len(leads))
    events: list[list[Event]] = []
    for leg, lead in enumerate(leads):
        events += bank.process(audio[None, :lead], [leg])
    n_samples = len(audio) - max(leads)
    rows = np.stack([audio[lead : lead + n_samples] for lead in leads])
    for leg, heard in enumerate(bank.process(rows)):
        events[leg] += heard
        whole = audio[: leads[leg] + n_samples]
        assert events[leg] + bank.finish(leg) == _alone(whole)


def test_legs_are_grouped_by_their_place_inside_a_block() -> None:
    """
    Legs at the same place are heard at once; each leg is in one group.
    """
    bank = DetectorBank(5)
    for leg, lead in enumerate([0, 33, 80, 113, 20]):
        bank.process(np.zeros((1, lead), np.int16), [leg])
    groups = bank.groups(np.array([4, 3, 2, 1, 0], dtype=np.intp))
    assert sorted(sorted(group.tolist()) for group in groups) == [[0], [1, 3], [2, 4]]
    assert bank.groups(np.array([], dtype=np.intp)) == []


def test_rows_belong_to_the_legs_that_are_named() -> None:
    """
    Row i of the events is of the leg that row i of the samples was for; others
    hear nothing and do not move.
    """
    one, two = _call("1"), _call("2")
    bank = DetectorBank(5)
    events = bank.process(np.stack([two, one]), [4, 0])
    assert [digits_of(heard) for heard in events] == ["2", "1"]
    moved = [bank.position(leg) for leg in range(5)]
    assert moved == [len(one), 0, 0, 0, len(one)]


def test_nothing_is_heard_without_legs_or_samples() -> None:
    """
    Both are fine and change nothing.
    """
    bank = DetectorBank(2)
    assert bank.process(np.zeros((0, 160), np.int16), []) == []
    assert bank.process(np.zeros((2, 0), np.int16)) == [[], []]
    assert [bank.position(leg) for leg in range(2)] == [0, 0]


@pytest.mark.parametrize("n_samples", [1, 19, 20, 79, 80, 81])
def test_very_short_streams_hold_no_digit(n_samples: int) -> None:
    """
    A few samples of a press are no digit, and are no error.
    """
    audio = _call("5")[800 : 800 + n_samples]
    events = _played(DetectorBank(1), 0, audio)
    assert all(isinstance(event, NearMiss) for event in events)


# Hearing and committing.


def test_hearing_changes_nothing() -> None:
    """
    In the middle of a press, legs are what they were, however often what comes
    next is heard.
    """
    audio = np.stack([_call("5"), _call("9")])
    bank, other = DetectorBank(2), DetectorBank(2)
    assert bank.process(audio[:, :1100]) == other.process(audio[:, :1100])
    rows = bank.rows(None)
    before = [_state(bank, leg) for leg in range(2)]
    for n_samples in (20, 700, 33):
        bank.hear(rows, audio[:, 1100 : 1100 + n_samples])
        bank.hear(rows[1:], audio[:1, 1100 : 1100 + n_samples])
    assert [_state(bank, leg) for leg in range(2)] == before
    assert bank.process(audio[:, 1100:]) == other.process(audio[:, 1100:])


def test_committing_makes_a_hearing_the_state() -> None:
    """
    Hearing and committing is what `process` does; the events are by row.
    """
    audio = np.stack([_call("5"), _call("9")])
    bank, other = DetectorBank(3), DetectorBank(3)
    rows = bank.rows([2, 0])
    hearing = bank.hear(rows, audio)
    assert bank.position(2) == bank.position(0) == 0
    bank.commit(hearing)
    expected = other.process(audio, [2, 0])
    assert [hearing.events[i] for i in range(2)] == expected
    assert [digits_of(events) for events in expected] == ["5", "9"]
    for leg in range(3):
        assert _state(bank, leg) == _state(other, leg)
        assert bank.finish(leg) == other.finish(leg)


def test_hearing_tells_at_which_hops_a_press_was_heard() -> None:
    """
    From the report of the digit to the end of its tone, hop by hop.
    """
    press = dial("5")[0]
    hearing = DetectorBank(1).hear(np.array([0], dtype=np.intp), _call("5")[None, :])
    sounding = hearing.sounding[0]
    assert sounding == list(range(sounding[0], sounding[-1] + 1, 20))
    assert press.start_sample < sounding[0] <= press.start_sample + 320
    assert abs(sounding[-1] - press.end_sample) <= 80


def test_history_is_the_newest_samples() -> None:
    """
    As many as asked for, nought before the stream, of each leg its own.
    """
    bank = DetectorBank(2, history_samples=1000)
    audio = _call("5", n_samples=1500)
    bank.process(audio[None, :300], [1])
    assert bank.history(1).tolist() == [0] * 700 + audio[:300].tolist()
    bank.process(audio[None, 300:], [1])
    assert bank.history(1).tolist() == audio[-1000:].tolist()
    assert not bank.history(0).any()


def test_more_history_changes_no_event() -> None:
    """
    What is kept for others is no matter for what is heard.
    """
    audio = _call("147")
    assert _played(DetectorBank(1, history_samples=4000), 0, audio) == _alone(audio)


# The end of a stream.


@pytest.mark.parametrize("end", ["finish", "reset"])
@pytest.mark.parametrize("heard", [1000, 1234, 1700, 2500])
def test_leg_is_new_after_its_stream_has_ended(end: str, heard: int) -> None:
    """
    Nothing of what a leg heard, or lost, lives on.
    """
    audio = _call("58")
    bank = DetectorBank(2)
    bank.process(audio[None, :heard], [1])
    bank.lose(1, 400)
    if end == "finish":
        bank.finish(1)
    else:
        bank.reset(1)
    assert _state(bank, 1) == _state(DetectorBank(2), 1)
    assert _played(bank, 1, audio) == _alone(audio)


def test_finish_ends_one_leg_only() -> None:
    """
    The end of one stream reports its press, and does not disturb another.
    """
    audio = _call("7")
    bank = DetectorBank(2)
    bank.process(np.stack([audio, audio])[:, :1400])
    (ended,) = bank.finish(0)
    assert isinstance(ended, ToneEnded)
    assert ended.digit == "7"
    assert bank.position(1) == 1400
    rest = bank.process(audio[None, 1400:], [1])[0]
    assert [type(event) for event in rest] == [ToneEnded]


def test_reset_reports_nothing_and_forgets_a_press() -> None:
    """
    A press that was open is not ended later.
    """
    bank = DetectorBank(1)
    bank.process(_call("7")[None, :1400])
    bank.reset(0)
    assert bank.process(np.zeros((1, 4000), np.int16)) == [[]]
    assert bank.finish(0) == []


# Losses.


def _with_gap(digit: str, gap: slice) -> Audio:
    audio = to_int16(line([Press(digit=digit, start_sample=800, end_sample=2400)]))
    audio[gap] = 0
    return audio


def test_a_loss_does_not_end_a_press() -> None:
    """
    Two lost frames inside a press are no pause: one digit; silence that long is
    two.
    """
    gap = slice(1440, 1760)
    for digit in ALL_DIGITS:
        audio = _with_gap(digit, gap)
        assert digits_of(_alone(audio)) == digit * 2
        bank = DetectorBank(2)
        events = bank.process(audio[None, : gap.start], [1])[0]
        bank.lose(1, gap.stop - gap.start)
        events += bank.process(audio[None, gap.start :], [1])[0]
        events = [event for event in events if not isinstance(event, NearMiss)]
        assert digits_of(events) == digit
        assert isinstance(events[-1], ToneEnded)
        assert abs(events[-1].end_sample - 2400) <= 40


def test_a_loss_of_one_leg_is_none_of_another() -> None:
    """
    A leg that was not said to have lost anything heard a silence.
    """
    gap = slice(1440, 1760)
    audio = np.stack([_with_gap("5", gap)] * 2)
    bank = DetectorBank(2)
    events = bank.process(audio[:, : gap.start])
    bank.lose(1, gap.stop - gap.start)
    for leg, heard in enumerate(bank.process(audio[:, gap.start :])):
        events[leg] += heard
    assert [digits_of(heard) for heard in events] == ["55", "5"]


@pytest.mark.parametrize("sizes", [[160], [1], [33, 80, 20]])
def test_a_loss_may_be_given_in_pieces(sizes: list[int]) -> None:
    """
    The zeros that stand for it may come in any chunks.
    """
    gap = slice(1450, 1760)
    audio = _with_gap("5", gap)
    expected: list[Event] | None = None
    for chunks in ([len(audio)], sizes):
        bank = DetectorBank(1)
        events = bank.process(audio[None, : gap.start])[0]
        bank.lose(0, gap.stop - gap.start)
        for part in cut(audio[gap.start :], chunks):
            events += bank.process(audio[None, gap.start :][:, part])[0]
        expected = expected or events
        assert events == expected


@pytest.mark.parametrize("place", [900, 910, 920, 940])
def test_a_loss_of_nothing_is_none(place: int) -> None:
    """
    To say that no samples were lost changes no event.
    """
    audio = _call("5")
    bank = DetectorBank(1)
    events = bank.process(audio[None, :place])[0]
    bank.lose(0, 0)
    events += bank.process(audio[None, place:])[0] + bank.finish(0)
    assert events == _alone(audio)


# What is refused.


@pytest.mark.parametrize(
    ("n_legs", "profile", "message"),
    [
        (0, "default", "n_legs: expected at least 1, got 0"),
        (-3, "default", "n_legs: expected at least 1, got -3"),
        (
            1,
            "lax",
            "profile: expected one of default, strict, sensitive, got 'lax'",
        ),
    ],
)
def test_bank_refuses_wrong_arguments(n_legs: int, profile: str, message: str) -> None:
    """
    Each argument is named with what was expected.
    """
    with pytest.raises(ParameterError, match=f"^{re.escape(message)}$"):
        DetectorBank(n_legs, profile=profile)


@pytest.mark.parametrize(
    ("samples", "got"),
    [
        (np.zeros((3, 5), dtype=np.int16), "int16 of shape (3, 5)"),
        (np.zeros(5, dtype=np.int16), "int16 of shape (5,)"),
        (np.zeros((2, 5, 1), dtype=np.int16), "int16 of shape (2, 5, 1)"),
        (np.zeros((2, 5)), "float64 of shape (2, 5)"),
        (np.zeros((2, 5), dtype=np.int32), "int32 of shape (2, 5)"),
        (np.zeros((2, 0)), "float64 of shape (2, 0)"),
    ],
)
def test_bank_refuses_samples_that_do_not_fit(samples: npt.ArrayLike, got: str) -> None:
    """
    One row of int16 for each leg, or nothing is done.
    """
    bank = DetectorBank(2)
    message = re.escape(f"samples: expected int16 of shape (2, n), got {got}")
    with pytest.raises(ParameterError, match=f"^{message}$"):
        bank.process(samples)
    with pytest.raises(ParameterError, match=f"^{message}$"):
        check_samples(samples, 2)
    assert [bank.position(leg) for leg in range(2)] == [0, 0]


@pytest.mark.parametrize(
    ("legs", "message"),
    [
        ([0, 0], r"^legs: expected a flat list without repeats$"),
        ([0, 2], r"^legs: expected numbers from 0 to 1$"),
        ([-1, 0], r"^legs: expected numbers from 0 to 1$"),
    ],
)
def test_bank_refuses_legs_it_does_not_have(legs: list[int], message: str) -> None:
    """
    A leg is named once, by its number; the others hear nothing either.
    """
    bank = DetectorBank(2)
    with pytest.raises(ParameterError, match=message):
        bank.process(np.zeros((2, 5), dtype=np.int16), legs)
    assert [bank.position(leg) for leg in range(2)] == [0, 0]


@pytest.mark.parametrize("leg", [-1, 2])
def test_bank_refuses_an_unknown_leg_everywhere(leg: int) -> None:
    """
    No call on one leg takes a number that is none.
    """
    bank = DetectorBank(2)
    refused: list[Callable[[], object]] = [
        lambda: bank.finish(leg),
        lambda: bank.reset(leg),
        lambda: bank.position(leg),
        lambda: bank.history(leg),
        lambda: bank.lose(leg, 5),
    ]
    for call in refused:
        with pytest.raises(
            ParameterError, match=r"^legs: expected numbers from 0 to 1$"
        ):
            call()


# Slices.


@pytest.mark.parametrize("n_legs", [0, 1, 7, 400, 100_000])
@pytest.mark.parametrize("n_samples", [0, 1, 160, 100_003])
def test_slices_cover_all_samples_once(n_legs: int, n_samples: int) -> None:
    """
    Whatever the number of legs, in order, and never in less than a frame.
    """
    places = np.arange(n_samples)
    parts = [places[part] for part in slices(n_legs, n_samples)]
    assert np.array_equal(np.concatenate([places[:0], *parts]), places)
    assert all(len(part) >= 160 for part in parts[:-1])


def test_an_armed_leg_hears_what_only_the_profile_for_captures_takes() -> None:
    """
    A press a dB below the default profile's limit counts while armed, and only then.
    """
    press = Press(
        digit="5", start_sample=800, end_sample=1600, low_dbm0=-53.5, high_dbm0=-53.5
    )
    audio = to_int16(line([press], n_samples=3200))[None, :]
    bank = DetectorBank(2)
    bank.arm(1)
    heard = bank.process(np.concatenate([audio, audio]))
    digits = [[e.digit for e in row if isinstance(e, DigitDetected)] for row in heard]
    assert digits == [[], ["5"]]
    bank.arm(1, armed=False)
    (row,) = bank.process(audio, [1])
    assert not [e for e in row if isinstance(e, DigitDetected)]
