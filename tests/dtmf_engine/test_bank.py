"""
Leg bank: many legs in one call, each as if it were alone.
"""

import re

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtmf_engine import (
    BankOutput,
    Event,
    LegBank,
    NearMiss,
    ParameterError,
    Suppressor,
)
from dtmf_engine.detector_bank import DetectorBank
from tests.support.strategies import Script, Step, calls, scripts, stable
from tests.support.streams import digits_of
from tests.support.tones import (
    ALL_DIGITS,
    Audio,
    Wave,
    dial,
    line,
    to_int16,
    voiced,
    white_noise,
)


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
    policy = data.draw(st.sampled_from(["tones", "strict"]))
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
@given(calls(), st.sampled_from(["tones", "strict"]), st.data())
def test_bank_is_a_detector_bank_and_suppressors(
    wave: Wave, policy: str, data: st.DataObject
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
@given(calls(), st.integers(0, 2600), st.sampled_from(["tones", "strict"]))
def test_bank_hears_the_same_armed_or_not(
    wave: Wave, armed_at: int, policy: str
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
