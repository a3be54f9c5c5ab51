"""
Leg bank: many legs in one call, each as if it were alone.
"""

import re

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtmf_engine import (
    BankOutput,
    DigitDetected,
    Event,
    LegBank,
    NearMiss,
    ParameterError,
    Policy,
    Suppressor,
)
from dtmf_engine.detector_bank import DetectorBank
from dtmf_engine.leg import KEYING_SAMPLES
from dtmf_engine.marker import BEEP_GRID_SAMPLES, BEEP_SAMPLES, Beep
from dtmf_engine.masker import ALERT, ALWAYS, FADE_SAMPLES
from dtmf_engine.units import dbm0_from_power
from tests.support.strategies import Script, Step, brief, calls, scripts, stable
from tests.support.streams import digits_of
from tests.support.tones import (
    ALL_DIGITS,
    Audio,
    Wave,
    dial,
    line,
    mix,
    to_int16,
    voiced,
    white_noise,
)


policies = st.sampled_from(list(Policy))

_QUIET_DBM0 = -60.0
"""A line on which nothing is masked, even where presses are expected."""


def _tones(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, NearMiss)]


def _alone(bank: LegBank, leg: int, audio: Audio, script: Script) -> BankOutput:
    """
    Play one leg's stream in as few calls as its script allows.
    """
    outputs = []
    start = 0
    for step in script:
        stop = start + step.n_samples
        match step.what:
            case "heard":
                outputs.append(bank.process(audio[None, start:stop], [leg]))
            case "lost":
                outputs.append(bank.fill_in(leg, step.n_samples))
            case "arm":
                bank.arm(leg)
            case "disarm":
                bank.disarm(leg)
        start = stop
    outputs.append(bank.flush(leg))
    return _joined(outputs)


def _joined(outputs: list[BankOutput]) -> BankOutput:
    return BankOutput(
        np.concatenate([output.audio for output in outputs], axis=1),
        np.concatenate([output.masked for output in outputs], axis=1),
        [[event for output in outputs for event in output.events[0]]],
    )


def _row(output: BankOutput, row: int) -> BankOutput:
    return BankOutput(
        output.audio[row : row + 1],
        output.masked[row : row + 1],
        [output.events[row]],
    )


class _Player:
    """
    One leg's stream, taken a piece at a time.
    """

    def __init__(self, leg: int, audio: Audio, script: Script) -> None:
        self.leg = leg
        self.audio = audio
        self.steps = list(script)
        self.left = self.steps[0].n_samples
        self.place = 0
        self.outputs: list[BankOutput] = []

    def prepare(self, bank: LegBank) -> int:
        """
        Do all that is not audio, and tell how much audio follows.
        """
        while self.steps and not (self.steps[0].what == "heard" and self.left):
            step = self.steps.pop(0)
            match step.what:
                case "lost":
                    self.outputs.append(bank.fill_in(self.leg, step.n_samples))
                    self.place += step.n_samples
                case "arm":
                    bank.arm(self.leg)
                case "disarm":
                    bank.disarm(self.leg)
                case "heard":
                    pass
            self.left = self.steps[0].n_samples if self.steps else 0
        return self.left

    def take(self, n_samples: int) -> Audio:
        """
        Give the next samples.
        """
        self.left -= n_samples
        self.place += n_samples
        return self.audio[self.place - n_samples : self.place]


def _together(
    bank: LegBank, players: list[_Player], random: np.random.Generator
) -> None:
    """
    Play all streams side by side: in each round some legs, in any order, and as
    many samples as chance has it.
    """
    waiting = list(players)
    while waiting:
        random.shuffle(waiting)
        ready = [player for player in waiting if player.prepare(bank)]
        waiting = ready
        if not ready:
            break
        chosen = ready[: random.integers(1, len(ready) + 1)]
        most = min(player.left for player in chosen)
        n_samples = int(min(most, random.choice([1, 7, 20, 33, 160, 900])))
        rows = np.stack([player.take(n_samples) for player in chosen])
        output = bank.process(rows, [player.leg for player in chosen])
        for row, player in enumerate(chosen):
            player.outputs.append(_row(output, row))
    for player in players:
        player.outputs.append(bank.flush(player.leg))


@stable
@given(st.data())
def test_bank_gives_each_leg_what_it_would_get_alone(data: st.DataObject) -> None:
    """
    Legs of different content, at different places inside a hop, some losing audio
    and some armed: in whatever company and cuts, each gets the same samples,
    masks and events as when it is played whole and alone.
    """
    policy = data.draw(policies)
    n_legs = 4
    streams = [to_int16(data.draw(calls())) for _ in range(n_legs)]
    plans = [data.draw(scripts(len(stream))) for stream in streams]
    bank = LegBank(n_legs, policy=policy, seed=9)
    players = [_Player(leg, streams[leg], plans[leg]) for leg in range(n_legs)]
    _together(bank, players, np.random.default_rng(data.draw(st.integers(0, 2**32))))
    for leg, player in enumerate(players):
        expected = _alone(
            LegBank(n_legs, policy=policy, seed=9), leg, streams[leg], plans[leg]
        )
        got = _joined(player.outputs)
        assert got.events == expected.events
        assert np.array_equal(got.masked, expected.masked)
        assert np.array_equal(got.audio, expected.audio)


def test_bank_gives_long_audio_what_frames_would_give() -> None:
    """
    Half a minute in one call is the same as frame by frame.
    """
    rows = []
    for leg in range(3):
        presses = dial(ALL_DIGITS * 9, lead=777 + leg, pause=850 + leg, seed=leg)
        wave = line(presses, n_samples=240_007, noise_dbm0=-50.0, seed=leg)
        rows.append(to_int16(wave))
    audio = np.stack(rows)
    whole = LegBank(3).process(audio)
    bank = LegBank(3)
    frames = [
        bank.process(audio[:, start : start + 160])
        for start in range(0, audio.shape[1], 160)
    ]
    assert np.array_equal(
        np.concatenate([f.audio for f in frames], axis=1), whole.audio
    )
    assert np.array_equal(
        np.concatenate([f.masked for f in frames], axis=1), whole.masked
    )
    for leg in range(3):
        assert [e for f in frames for e in f.events[leg]] == whole.events[leg]
        assert digits_of(whole.events[leg]) == ALL_DIGITS * 9


@stable
@given(calls(), policies, st.data())
def test_bank_is_a_detector_bank_and_suppressors(
    wave: Wave, policy: Policy, data: st.DataObject
) -> None:
    """
    The bank gives the detector bank's digits and the suppressor's samples.
    """
    audio = to_int16(wave)
    script = data.draw(scripts(len(audio)))
    output = _alone(LegBank(1, policy=policy, seed=4), 0, audio, script)
    suppressor, detector = Suppressor(policy=policy, seed=4), DetectorBank(1)
    pieces, events = [], []
    start = 0
    for step in script:
        stop = start + step.n_samples
        match step.what:
            case "heard":
                pieces.append(suppressor.process(audio[start:stop]))
                events += detector.process(audio[None, start:stop])[0]
            case "lost":
                pieces.append(suppressor.fill_in(step.n_samples))
                detector.lose(0, step.n_samples)
                zeros = np.zeros((1, step.n_samples), dtype=np.int16)
                events += detector.process(zeros)[0]
            case "arm":
                suppressor.arm()
                detector.arm(0)
            case "disarm":
                suppressor.disarm()
                detector.arm(0, armed=False)
        start = stop
    pieces.append(suppressor.flush())
    events += detector.finish(0)
    assert np.array_equal(np.concatenate(pieces), output.audio[0])
    assert _tones(events) == _tones(output.events[0])
    assert suppressor.n_masked_samples == np.count_nonzero(output.masked)


@stable
@given(calls(), st.integers(0, 2600), policies)
def test_bank_hears_the_same_armed_or_not(
    wave: Wave, armed_at: int, policy: Policy
) -> None:
    """
    What the agent may hear is no matter for what the detector hears: with the
    profile for captures throughout, a capture changes no event.
    """
    audio = to_int16(wave)
    armed = [Step("heard", armed_at), Step("arm"), Step("heard", 2666 - armed_at)]
    not_armed = [Step("heard", armed_at), Step("heard", 2666 - armed_at)]
    one, other = (LegBank(1, policy=policy, profile="sensitive") for _ in range(2))
    expected = _alone(one, 0, audio, not_armed)
    assert _alone(other, 0, audio, armed).events == expected.events


@stable
@given(calls(), st.data())
def test_bank_says_which_samples_it_touched(wave: Wave, data: st.DataObject) -> None:
    """
    Every sample outside `masked` is the one that came in, `delay_samples` before.
    """
    audio = to_int16(wave)
    script = data.draw(scripts(len(audio)))
    bank = LegBank(1)
    output = _alone(bank, 0, audio, script)
    delayed = np.concatenate([np.zeros(bank.delay_samples, dtype=np.int16), audio])
    untouched = ~output.masked[0]
    assert np.array_equal(output.audio[0][untouched], delayed[untouched])


def test_bank_masks_one_leg_and_leaves_its_neighbours_alone() -> None:
    """
    A press on one leg changes no sample of another.
    """
    press = to_int16(line(dial("5"), n_samples=4000, noise_dbm0=-50.0))
    quiet = to_int16(white_noise(4000, -50.0, seed=1))
    voice = to_int16(voiced(4000))
    output = LegBank(3).process(np.stack([quiet, press, voice]))
    assert [digits_of(events) for events in output.events] == ["", "5", ""]
    assert output.masked.any(axis=1).tolist() == [False, True, False]
    for row, audio in ((0, quiet), (2, voice)):
        assert np.array_equal(output.audio[row, 160:], audio[:-160])


def test_bank_gives_rows_in_the_order_of_the_call() -> None:
    """
    Row i of the output belongs to the leg that row i of the input was for.
    """
    one = to_int16(line(dial("1"), n_samples=4000))
    two = to_int16(line(dial("2"), n_samples=4000))
    output = LegBank(5).process(np.stack([two, one]), [4, 0])
    assert [digits_of(events) for events in output.events] == ["2", "1"]


def test_bank_counts_the_samples_of_each_leg() -> None:
    """
    A leg's position is what it has heard and lost; others do not move.
    """
    bank = LegBank(3)
    bank.process(np.zeros((1, 33), dtype=np.int16), [1])
    bank.fill_in(1, 7)
    bank.process(np.zeros((2, 5), dtype=np.int16), [2, 1])
    assert [bank.position(leg) for leg in range(3)] == [0, 45, 5]


def test_bank_takes_nothing_for_an_answer() -> None:
    """
    No legs, or no samples, are fine and change nothing.
    """
    bank = LegBank(2)
    output = bank.process(np.zeros((0, 160), dtype=np.int16), [])
    assert (output.audio.shape, output.events) == ((0, 160), [])
    output = bank.process(np.zeros((2, 0), dtype=np.int16))
    assert (output.audio.shape, output.events) == ((2, 0), [[], []])
    assert bank.fill_in(0, 0).audio.shape == (1, 0)
    assert bank.position(0) == 0


@pytest.mark.parametrize("end", ["flush", "reset"])
def test_leg_is_new_after_its_stream_has_ended(end: str) -> None:
    """
    What a leg heard before, and that it was armed, does not live on.
    """
    audio = to_int16(line(dial("58"), n_samples=4000, noise_dbm0=-50.0))[None, :]
    bank = LegBank(2, policy="strict")
    bank.process(audio[:, :1234], [1])
    bank.arm(1)
    bank.process(audio[:, 1234:1500], [1])
    if end == "flush":
        bank.flush(1)
    else:
        bank.reset(1)
    assert bank.position(1) == 0
    assert bank.spans(1) == []
    again = bank.process(audio, [1])
    fresh = LegBank(2, policy="strict").process(audio, [1])
    assert np.array_equal(again.audio, fresh.audio)
    assert again.events == fresh.events


def test_bank_flush_ends_one_leg_only() -> None:
    """
    The end of one stream neither ends nor disturbs the press on another.
    """
    audio = to_int16(line(dial("7", tone=1600), n_samples=4000, noise_dbm0=-50.0))
    both = np.stack([audio, audio])
    bank = LegBank(2)
    bank.process(both[:, :1500])
    ended = bank.flush(0)
    assert ended.audio.shape == (1, bank.delay_samples)
    assert [type(event).__name__ for event in ended.events[0]] == ["ToneEnded"]
    rest = bank.process(both[1:, 1500:], [1])
    assert [type(event).__name__ for event in rest.events[0]] == ["ToneEnded"]


def test_legs_of_a_bank_have_different_noise() -> None:
    """
    Two legs masked at the same time are not masked by the same noise.
    """
    audio = to_int16(line(dial("5"), n_samples=2000, noise_dbm0=-50.0))
    output = LegBank(2).process(np.stack([audio, audio]))
    both = output.masked.all(axis=0)
    assert (output.audio[0, both] != output.audio[1, both]).mean() > 0.9


# Legs where presses are expected.


def _busy_call(random: np.random.Generator) -> Audio:
    """
    Make 1.5 s of a caller who keys and speaks: presses and what carriers leave of
    them, faint and loud, in digital silence or noise, under a voice for a while.
    """
    n_samples = 12_000
    wave = np.zeros(n_samples)
    if random.integers(2):
        wave += white_noise(n_samples, random.uniform(-65, -35), seed=1)
    spoken = int(random.integers(n_samples))
    voice = voiced(int(random.integers(1, 6000)), level_dbm0=random.uniform(-40, -15))
    pieces = [(spoken, voice)]
    place = int(random.integers(1600))
    while place < n_samples:
        length = int(random.choice([24, 40, 64, 100, 180, 400, 800]))
        level = random.uniform(-45, -5)
        (press,) = dial(
            ALL_DIGITS[random.integers(16)],
            tone=length,
            lead=0,
            low_dbm0=level,
            high_dbm0=level + random.uniform(-8, 4),
            seed=place,
        )
        pieces.append((place, press.wave()))
        place += length + int(random.integers(40, 2000))
    return to_int16(wave + mix(n_samples, *pieces))


def _plan(random: np.random.Generator, n_samples: int) -> list[tuple[int, str, int]]:
    """
    Draw what others do to a leg, and at which place of its stream.
    """
    places = np.sort(random.integers(0, n_samples, random.integers(6)))
    doings = random.choice(["arm", "disarm", "mask", "lost"], len(places))
    return [
        (int(place), str(what), int(random.integers(400)))
        for place, what in zip(places, doings, strict=True)
    ]


def _played(
    bank: LegBank, audio: Audio, plan: list[tuple[int, str, int]], sizes: list[int]
) -> BankOutput:
    """
    Play a stream into leg 0, cut into the given sizes in turn.
    """
    outputs: list[BankOutput] = []

    def hear(until: int) -> None:
        while (start := bank.position(0)) < until:
            stop = min(until, start + sizes[len(outputs) % len(sizes)])
            outputs.append(bank.process(audio[None, start:stop], [0]))

    for place, what, n_samples in plan:
        hear(place)
        match what:
            case "arm":
                bank.arm(0)
            case "disarm":
                bank.disarm(0)
            case "mask":
                bank.mask(0, n_samples)
            case "lost":
                lost = min(n_samples, len(audio) - bank.position(0))
                outputs.append(bank.fill_in(0, lost))
    hear(len(audio))
    outputs.append(bank.flush(0))
    return _joined(outputs)


@settings(brief, max_examples=30)
@given(
    st.integers(0, 2**32 - 1),
    policies,
    st.lists(st.sampled_from([1, 7, 20, 33, 160, 333, 900, 4000]), min_size=1),
)
def test_bank_gives_the_same_in_any_cuts_where_presses_are_expected(
    seed: int, policy: Policy, sizes: list[int]
) -> None:
    """
    A leg that becomes alert in the middle of a batch, by a press, a capture or a
    word from outside, is masked like one that is fed in small pieces.
    """
    random = np.random.default_rng(seed)
    audio = _busy_call(random)
    plan = _plan(random, len(audio))
    # Not all of one, which would take minutes.
    sizes = [*sizes, 160] if max(sizes) < 20 else sizes
    expected = _played(LegBank(1, policy=policy), audio, plan, [len(audio)])
    got = _played(LegBank(1, policy=policy), audio, plan, sizes)
    assert got.events == expected.events
    assert np.array_equal(got.masked, expected.masked)
    assert np.array_equal(got.audio, expected.audio)


def _quiet_line(n_samples: int, *presses: tuple[int, int, float]) -> Audio:
    """
    Make a quiet line with presses of 5, each with its place, length and the level
    of each of its tones.
    """
    wave = white_noise(n_samples, _QUIET_DBM0, seed=1)
    for place, length, level in presses:
        (press,) = dial("5", tone=length, lead=0, low_dbm0=level, high_dbm0=level)
        wave += mix(n_samples, (place, press.wave()))
    return to_int16(wave)


def _masked(outputs: list[BankOutput], delay_samples: int, row: int = 0) -> list[int]:
    """
    Give the places of the stream that were masked.
    """
    masked = np.concatenate([output.masked[row] for output in outputs])
    return (np.flatnonzero(masked) - delay_samples).tolist()


@pytest.mark.parametrize("n_samples", [100, 160, 777])
@pytest.mark.parametrize("at_sample", [1600, 1607])
def test_bank_masks_when_told(at_sample: int, n_samples: int) -> None:
    """
    All that is still in the look-ahead, and as much of what follows as was said;
    nothing of another leg.
    """
    audio = np.stack([_quiet_line(4000)] * 2)
    bank = LegBank(2)
    before = bank.process(audio[:, :at_sample])
    bank.mask(0, n_samples)
    outputs = [before, bank.process(audio[:, at_sample:])]
    first, last = at_sample - bank.delay_samples, at_sample + n_samples + FADE_SAMPLES
    assert _masked(outputs, bank.delay_samples) == list(range(first, last))
    other = np.concatenate([output.audio[1] for output in outputs])
    assert np.array_equal(other[bank.delay_samples :], audio[1, : -bank.delay_samples])


def test_bank_masks_one_frame_when_told_no_more() -> None:
    """
    The frame that a press was reported with, whatever is in it.
    """
    audio = _quiet_line(4000)[None, :]
    bank = LegBank(1)
    before = bank.process(audio[:, :1600])
    bank.mask(0)
    masked = _masked([before, bank.process(audio[:, 1600:])], bank.delay_samples)
    assert masked == list(range(1440, 1760 + FADE_SAMPLES))


def test_bank_refuses_a_negative_mask() -> None:
    """
    What has left cannot be masked, and nothing changes.
    """
    bank = LegBank(1)
    with pytest.raises(
        ParameterError, match=r"^n_samples: expected 0 or more, got -1$"
    ):
        bank.mask(0, -1)
    assert bank.spans(0) == []


def _fragment(offset: int, *, is_told: bool) -> tuple[set[int], set[int]]:
    """
    Give the places of 5 ms of a quiet press, and those that were masked.
    """
    start = 4000 + offset
    audio = _quiet_line(6000, (start, 40, -33.0))[None, :]
    bank = LegBank(1)
    outputs = [bank.process(audio[:, :1600])]
    if is_told:
        bank.mask(0)
    outputs.append(bank.process(audio[:, 1600:]))
    return set(range(start, start + 40)), set(_masked(outputs, bank.delay_samples))


@pytest.mark.parametrize("offset", range(20))
def test_bank_masks_a_fragment_where_a_press_was_reported(offset: int) -> None:
    """
    Nothing of it is left for the agent once others have told of a press.
    """
    fragment, masked = _fragment(offset, is_told=True)
    assert fragment <= masked


@pytest.mark.parametrize("offset", [3, 7, 11, 19])
def test_bank_lets_a_fragment_pass_where_nothing_is_expected(offset: int) -> None:
    """
    On the same line, too little of it in any hop raises no alarm: that it is masked
    elsewhere is because of what others told.
    """
    _, masked = _fragment(offset, is_told=False)
    assert not masked


@pytest.mark.parametrize(("late", "is_masked"), [(-400, True), (400, False)])
def test_bank_expects_more_presses_for_a_while(*, late: int, is_masked: bool) -> None:
    """
    Ten seconds after the last word of a press, a fragment is a fragment no more.
    """
    start = 1607 + KEYING_SAMPLES + late
    audio = _quiet_line(start + 2000, (start, 40, -33.0))[None, :]
    bank = LegBank(1)
    outputs = [bank.process(audio[:, :1600])]
    bank.mask(0)
    outputs.append(bank.process(audio[:, 1600:]))
    fragment = set(range(start, start + 40))
    assert (fragment <= set(_masked(outputs, bank.delay_samples))) == is_masked


@pytest.mark.parametrize("length", [40, 480])
def test_bank_masks_more_readily_after_a_press(length: int) -> None:
    """
    A press fainter than any that is masked otherwise is masked after a louder one,
    and so is a fragment.
    """
    limits = [dbm0_from_power(limit.min_power) for limit in (ALERT, ALWAYS)]
    level = sum(limits) / 2 if length > 100 else -33.0
    start, stop = 6000, 6000 + length
    alone = _quiet_line(8000, (start, length, level))
    after = _quiet_line(8000, (2000, 800, -10.0), (start, length, level))
    bank = LegBank(2)
    output = bank.process(np.stack([alone, after]))
    assert [digits_of(events) for events in output.events][1][:1] == "5"
    by_row = [set(_masked([output], bank.delay_samples, row)) for row in range(2)]
    assert by_row[0].isdisjoint(range(start, stop))
    assert set(range(start, stop)) <= by_row[1]


# The marker.


def _beeps(audio: Audio, *, policy: str = "marker") -> tuple[list[int], BankOutput]:
    """
    Give the places at which one leg's beeps begin, found in what comes out.

    Wherever one begins, all of it is there, to the last sample.
    """
    bank = LegBank(1, policy=policy)
    output = bank.process(audio[None, :])
    heard = output.audio[0, bank.delay_samples :]
    beep = np.rint(Beep(0).render(0, 0, BEEP_SAMPLES))
    places: list[int] = []
    for place in range(len(heard) - BEEP_SAMPLES + 1):
        inside = places and place < places[-1] + BEEP_SAMPLES
        if inside or not np.array_equal(heard[place : place + 8], beep[:8]):
            continue
        assert np.array_equal(heard[place : place + BEEP_SAMPLES], beep)
        assert output.masked[0, bank.delay_samples + place :][:BEEP_SAMPLES].all()
        places.append(place)
    return places, output


@pytest.mark.parametrize("tone", [400, 800, 4800])
@pytest.mark.parametrize("lead", [800, 1003, 2222])
def test_marker_tells_each_press_once(tone: int, lead: int) -> None:
    """
    One beep for each, short or long, at the first place of the grid after it was
    heard.
    """
    presses = dial("159", tone=tone, lead=lead, pause=2500)
    n_samples = presses[-1].end_sample + 4000
    audio = to_int16(line(presses, n_samples=n_samples, noise_dbm0=-50.0))
    places, output = _beeps(audio)
    assert digits_of(output.events[0]) == "159"
    heard = [
        event.reported_at_sample
        for event in output.events[0]
        if isinstance(event, DigitDetected)
    ]
    assert len(places) == len(heard)
    for place, at in zip(places, heard, strict=True):
        assert place % BEEP_GRID_SAMPLES == 0
        assert at < place <= at + BEEP_GRID_SAMPLES + FADE_SAMPLES


def test_marker_tells_fast_presses_one_after_the_other() -> None:
    """
    Those that come faster than the grid are told later, but each is told.
    """
    presses = dial("123456", tone=400, pause=400, lead=1000)
    audio = to_int16(line(presses, n_samples=18_000, noise_dbm0=-50.0))
    places, output = _beeps(audio)
    assert digits_of(output.events[0]) == "123456"
    assert np.diff(places).tolist() == [BEEP_GRID_SAMPLES] * 5


def test_marker_tells_the_same_of_every_key() -> None:
    """
    With which key, how long and when to the millisecond, nothing that the agent
    hears changes.
    """
    outputs = [
        _beeps(to_int16(line(dial(digit, tone=800, lead=800), n_samples=6000)))
        for digit in ALL_DIGITS
    ]
    assert [places for places, _ in outputs] == [outputs[0][0]] * 16
    assert len(outputs[0][0]) == 1
    place = outputs[0][0][0]
    for lead, tone in ((803, 800), (850, 700), (900, 480)):
        wave = line(dial("7", tone=tone, lead=lead), n_samples=6000)
        assert _beeps(to_int16(wave))[0] == [place]


def test_marker_beeps_on_the_leg_of_the_press_only() -> None:
    """
    A neighbour who speaks is passed on to the last bit.
    """
    press = to_int16(line(dial("5"), n_samples=6000, noise_dbm0=-50.0))
    voice = to_int16(voiced(6000))
    bank = LegBank(2, policy="marker")
    output = bank.process(np.stack([press, voice]))
    assert np.array_equal(output.audio[1, bank.delay_samples :], voice[:-160])
    assert not output.masked[1].any()
    assert np.array_equal(output.audio[0], _beeps(press)[1].audio[0])


def test_only_the_marker_beeps() -> None:
    """
    The other policies leave silence.
    """
    audio = to_int16(line(dial("5"), n_samples=6000, noise_dbm0=-50.0))
    assert len(_beeps(audio)[0]) == 1
    for policy in ("tones", "strict"):
        assert _beeps(audio, policy=policy)[0] == []


@pytest.mark.parametrize("told", [False, True])
def test_marker_tells_a_voice_of_nothing(*, told: bool) -> None:
    """
    What is masked is told of only if the detector heard a press.
    """
    bank = LegBank(1, policy="marker")
    audio = to_int16(voiced(8000))[None, :]
    bank.process(audio[:, :2000])
    if told:
        bank.mask(0)
    bank.process(audio[:, 2000:])
    assert not [s for s in bank.spans(0) if isinstance(s.sound, Beep)]


# The look-ahead, and what is refused.


def _shortest_delay() -> int:
    """
    Find the shortest look-ahead that a bank accepts.
    """
    for delay_samples in range(1, 1000):
        try:
            return LegBank(1, delay_samples=delay_samples).delay_samples
        except ParameterError:
            continue
    raise AssertionError("no delay is accepted")


@pytest.mark.parametrize("delay_samples", [None, 160, 640])
def test_bank_lets_nothing_through_at_any_look_ahead(
    delay_samples: int | None,
) -> None:
    """
    From the shortest look-ahead that is accepted, not one sample of a press in
    digital silence comes out.
    """
    if delay_samples is None:
        delay_samples = _shortest_delay()
    for offset in range(20):
        audio = to_int16(line(dial("159D", lead=800 + offset, pause=800 - offset)))
        output = LegBank(1, delay_samples=delay_samples).process(audio[None, :])
        # Comfort noise at −65 dBm0 stays below this; a press is 10000.
        assert np.abs(output.audio.astype(np.int32)).max() <= 64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_legs": 0}, "n_legs: expected at least 1, got 0"),
        (
            {"n_legs": 1, "policy": "mute"},
            "policy: expected one of tones, strict, marker, got 'mute'",
        ),
        (
            {"n_legs": 1, "profile": "lax"},
            "profile: expected one of default, strict, sensitive, got 'lax'",
        ),
    ],
)
def test_bank_refuses_wrong_arguments(
    arguments: dict[str, int | str], message: str
) -> None:
    """
    Each argument is named with what was expected.
    """
    with pytest.raises(ParameterError, match=f"^{re.escape(message)}$"):
        LegBank(**arguments)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("delay_samples", [0, 641])
def test_bank_refuses_a_look_ahead_it_cannot_keep(delay_samples: int) -> None:
    """
    Too short a look-ahead would let tones through; too long a one is no frame.
    """
    with pytest.raises(
        ParameterError,
        match=rf"^delay_samples: expected \d+ to 640, got {delay_samples}$",
    ):
        LegBank(1, delay_samples=delay_samples)


@pytest.mark.parametrize(
    ("samples", "got"),
    [
        (np.zeros((3, 5), dtype=np.int16), "int16 of shape (3, 5)"),
        (np.zeros(5, dtype=np.int16), "int16 of shape (5,)"),
        (np.zeros((2, 5)), "float64 of shape (2, 5)"),
        (np.zeros((2, 5), dtype=np.int32), "int32 of shape (2, 5)"),
    ],
)
def test_bank_refuses_samples_that_do_not_fit(samples: npt.ArrayLike, got: str) -> None:
    """
    One row of int16 for each leg, or nothing is done.
    """
    bank = LegBank(2)
    message = re.escape(f"samples: expected int16 of shape (2, n), got {got}")
    with pytest.raises(ParameterError, match=f"^{message}$"):
        bank.process(samples)
    assert bank.position(0) == 0


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
    A leg is named once, by its number.
    """
    with pytest.raises(ParameterError, match=message):
        LegBank(2).process(np.zeros((2, 5), dtype=np.int16), legs)


@pytest.mark.parametrize("leg", [-1, 2])
def test_bank_refuses_an_unknown_leg_everywhere(leg: int) -> None:
    """
    No call on one leg takes a number that is none.
    """
    bank = LegBank(2)
    for call in (
        bank.flush,
        bank.reset,
        bank.position,
        bank.spans,
        bank.noise,
        bank.mask,
        bank.arm,
        bank.disarm,
    ):
        with pytest.raises(
            ParameterError, match=r"^legs: expected numbers from 0 to 1$"
        ):
            call(leg)
    with pytest.raises(ParameterError, match=r"^legs: expected numbers from 0 to 1$"):
        bank.fill_in(leg, 5)


def test_bank_refuses_a_negative_loss() -> None:
    """
    Audio cannot be lost backwards.
    """
    with pytest.raises(
        ParameterError, match=r"^n_samples: expected 0 or more, got -1$"
    ):
        LegBank(1).fill_in(0, -1)
