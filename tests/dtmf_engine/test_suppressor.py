"""
Suppressor: no tone gets through, and all else does, to the last bit.

Most leaks are looked for in digital silence: there, whatever comes out of a press
is comfort noise of at most the floor's level, or it is a leak.
"""

import math
import re
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtmf_engine import (
    AudioFormatError,
    ParameterError,
    Policy,
    Suppressor,
    audit,
    decode,
)
from dtmf_engine.audit import Press as TruePress
from dtmf_engine.marker import BEEP_GRID_SAMPLES, BEEP_SAMPLES, Beep
from tests.support.strategies import Step, brief, calls, cuts, digits, scripts, stable
from tests.support.streams import suppress
from tests.support.tones import (
    ALL_DIGITS,
    Audio,
    Press,
    Wave,
    dial,
    level_dbm0,
    line,
    mix,
    root_mean_square,
    through_mulaw,
    to_float,
    to_int16,
    voiced,
    white_noise,
)


Output: TypeAlias = npt.NDArray[np.int16] | npt.NDArray[np.float64]

RATES = [8000, 16_000, 44_100]
MARKED_RATES = [8000, 16_000]

# Comfort noise at the floor of −65 dBm0 has an RMS of 9 and stays below this;
# the quietest press here has amplitudes of 1000, so that even the least sample of
# a fade over a tone would show.
LOUDEST_COMFORT = 64


def _loudest(out: Output) -> float:
    return float(np.abs(out.astype(np.float64)).max(initial=0.0))


def _delayed(audio: Audio | Wave, n_samples: int) -> Audio | Wave:
    """
    Give what a suppressor that touches nothing puts out, with its flush.
    """
    return np.concatenate([np.zeros(n_samples, dtype=audio.dtype), audio])


def _telephone_level(white_dbm0: float, rate: int) -> float:
    """
    Give the level of that part of white noise that lies below 4 kHz: comfort noise
    is modelled on what a telephone carries.
    """
    return white_dbm0 - 10 * math.log10(max(1.0, rate / 8000))


# How audio is cut never matters.


@pytest.mark.parametrize("form", ["int16", "float"])
@pytest.mark.parametrize("rate", RATES)
@brief
@given(st.data())
def test_suppressor_gives_the_same_samples_in_any_cuts(
    rate: int, form: str, data: st.DataObject
) -> None:
    """
    Whole or in chunks of any size, with losses and captures in between, every
    sample of the output is the same to the last bit.
    """
    wave = data.draw(calls(rate))
    audio = to_int16(wave) if form == "int16" else to_float(wave)
    policy = data.draw(st.sampled_from(Policy))
    script = data.draw(scripts(len(audio)))
    sizes = data.draw(cuts)
    whole, pieces = Suppressor(rate, policy=policy), Suppressor(rate, policy=policy)
    expected = suppress(whole, audio, [len(audio)], script)
    got = suppress(pieces, audio, sizes, script)
    assert np.array_equal(got, expected)
    assert pieces.n_masked_samples == whole.n_masked_samples


@pytest.mark.parametrize("rate", RATES)
@settings(brief, max_examples=2)
@given(st.data())
def test_suppressor_gives_the_same_samples_one_by_one(
    rate: int, data: st.DataObject
) -> None:
    """
    Not even the shortest chunks change a bit.
    """
    audio = to_int16(data.draw(calls(rate)))
    script = data.draw(scripts(len(audio)))
    expected = suppress(Suppressor(rate), audio, [len(audio)], script)
    assert (suppress(Suppressor(rate), audio, [1], script) == expected).all()


@pytest.mark.parametrize("rate", RATES)
@brief
@given(st.data())
def test_suppressor_gives_the_same_samples_for_a_loss_told_in_pieces(
    rate: int, data: st.DataObject
) -> None:
    """
    Two frames lost one after the other are one gap.
    """
    audio = to_int16(data.draw(calls(rate)))
    start = data.draw(st.integers(0, len(audio) // 2))
    first, second = (
        rate * data.draw(st.sampled_from([10, 20, 30, 60])) // 1000 for _ in range(2)
    )
    before = Step("heard", start)
    after = Step("heard", len(audio) - start - first - second)
    one = [before, Step("lost", first + second), after]
    two = [before, Step("lost", first), Step("lost", second), after]
    whole = suppress(Suppressor(rate), audio, [len(audio)], one)
    assert (suppress(Suppressor(rate), audio, [len(audio)], two) == whole).all()


@stable
@given(calls(), st.data())
def test_suppressor_gives_floats_what_it_gives_int16(
    wave: Wave, data: st.DataObject
) -> None:
    """
    Floats that are whole 16-bit samples come out as the same samples.
    """
    audio = to_int16(wave)
    script = data.draw(scripts(len(audio)))
    expected = suppress(Suppressor(), audio, [160], script)
    floats = suppress(Suppressor(), audio / 32768.0, [160], script)
    assert floats.dtype == np.float64
    assert np.array_equal(floats * 32768.0, expected)


# What goes through.


@pytest.mark.parametrize(
    ("rate", "delay_samples"),
    [(4000, 80), (8000, 160), (16_000, 320), (44_100, 882), (48_000, 960)],
)
def test_suppressor_delays_by_one_frame(rate: int, delay_samples: int) -> None:
    """
    The look-ahead is 20 ms at every rate.
    """
    assert Suppressor(rate).delay_samples == delay_samples


@pytest.mark.parametrize("rate", RATES)
@brief
@given(st.data())
def test_suppressor_gives_as_many_samples_as_it_takes(
    rate: int, data: st.DataObject
) -> None:
    """
    Whatever happens, the output is as long as the input, of the same kind, and
    what is left at the end is one look-ahead.
    """
    audio = to_int16(data.draw(calls(rate)))
    suppressor = Suppressor(rate)
    start = 0
    for size in data.draw(st.lists(st.integers(0, 900), max_size=10)):
        if data.draw(st.booleans()):
            out = suppressor.process(audio[start : start + size])
            assert out.shape == audio[start : start + size].shape
        else:
            out = suppressor.fill_in(size)
            assert out.shape == (size,)
        assert out.dtype == np.int16
        start += size
    assert suppressor.flush().shape == (suppressor.delay_samples,)


@pytest.mark.parametrize("form", ["int16", "float"])
@pytest.mark.parametrize("rate", RATES)
@brief
@given(st.data())
def test_suppressor_changes_nothing_that_it_does_not_count_as_masked(
    rate: int, form: str, data: st.DataObject
) -> None:
    """
    Hop by hop: where `n_masked_samples` stands still the output is the input of
    one look-ahead before, to the last bit, and no more samples differ than counted.
    """
    wave = data.draw(calls(rate))
    audio = to_int16(wave) if form == "int16" else to_float(wave)
    suppressor = Suppressor(rate)
    expected = _delayed(audio, suppressor.delay_samples)
    step = rate // 400
    for start in range(0, len(audio), step):
        before = suppressor.n_masked_samples
        out = suppressor.process(audio[start : start + step])
        n_masked = suppressor.n_masked_samples - before
        n_changed = np.count_nonzero(out != expected[start : start + len(out)])
        assert n_changed <= n_masked <= len(out)


CONTENTS = ["silence", "faint", "noise", "loud", "voice"]


def _without_tones(content: str, rate: int) -> Wave:
    if content == "voice":
        return voiced(5 * rate, sample_rate_hz=rate)
    levels = {"silence": -200.0, "faint": -60.0, "noise": -35.0, "loud": -8.0}
    return white_noise(5 * rate, levels[content], seed=len(content))


@pytest.mark.parametrize("form", ["int16", "float"])
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("content", CONTENTS)
def test_suppressor_changes_nothing_where_there_is_no_tone(
    content: str, rate: int, form: str
) -> None:
    """
    Five seconds of noise, voice or nothing come out bit for bit.
    """
    n_samples = 5 * rate
    wave = _without_tones(content, rate)
    audio = to_int16(wave) if form == "int16" else to_float(wave)
    suppressor = Suppressor(rate)
    out = suppressor.process(audio)
    assert out.dtype == audio.dtype
    assert np.array_equal(out, _delayed(audio, suppressor.delay_samples)[:n_samples])
    assert suppressor.n_masked_samples == 0


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("content", CONTENTS)
def test_suppressor_lets_most_through_while_armed(content: str, rate: int) -> None:
    """
    In a capture some of noise and voice may be taken for a press: a twentieth at most.
    """
    suppressor = Suppressor(rate)
    suppressor.arm()
    suppressor.process(to_int16(_without_tones(content, rate)))
    assert suppressor.n_masked_samples <= 0.05 * 5 * rate


def test_suppressor_keeps_the_octets_of_a_mulaw_line() -> None:
    """
    What was not masked encodes to the octets it came from.
    """
    audio = through_mulaw(to_int16(voiced(8000) + white_noise(8000, -50.0)))
    out = Suppressor().process(audio)
    assert (through_mulaw(out.astype(np.int16)) == out).all()


@pytest.mark.parametrize("value", [0.123456789, 1.5, -3.25, 1e-12])
def test_suppressor_gives_unmasked_floats_back_unrounded(value: float) -> None:
    """
    Floats that were not masked are not squeezed through 16 bits.
    """
    audio = np.full(1000, value)
    out = Suppressor().process(audio)
    assert np.array_equal(out[160:], audio[:-160])


@pytest.mark.parametrize("rate", RATES)
def test_suppressor_lets_the_voice_around_a_press_through(rate: int) -> None:
    """
    A press takes no more of the call with it than 60 ms on either side.
    """
    ms = rate / 1000
    presses = dial("5", tone=round(100 * ms), lead=round(500 * ms))
    voice = voiced(rate, level_dbm0=-30.0, sample_rate_hz=rate)
    voice[round(440 * ms) : round(660 * ms)] = 0.0
    voice += white_noise(rate, -60.0)
    audio = to_int16(line(presses, n_samples=rate, sample_rate_hz=rate) + voice)
    suppressor = Suppressor(rate)
    out = suppress(suppressor, audio, [len(audio)])
    same = out == _delayed(audio, suppressor.delay_samples)
    late = suppressor.delay_samples
    assert same[: late + round(440 * ms)].all()
    # The end of the stream leaves as noise, because a press may begin in it.
    assert same[late + round(660 * ms) : -late].all()


# What does not.


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_suppressor_lets_no_sample_of_a_press_through(digit: str, rate: int) -> None:
    """
    Nominal presses in digital silence, beginning anywhere in a hop, with the stream
    or long after: not one sample comes out.
    """
    ms = rate / 1000
    hop = rate // 400
    # Every place inside a hop at 8 kHz, some at other rates.
    for index in range(0, 20, 1 if rate == 8000 else 11):
        offset = index * hop // 20
        for lead in (0, 100):
            level = -3.0 - 22.0 * index / 19
            presses = dial(
                digit * 2,
                tone=round((60 + 3 * index) * ms),
                pause=round(40 * ms),
                lead=round(lead * ms) + offset,
                low_dbm0=level,
                high_dbm0=level + (index % 3 - 1) * 3,
                low_error=0.015 * (index % 5 - 2) / 2,
                high_error=0.015 * (index % 7 - 3) / 3,
                seed=index,
            )
            audio = to_int16(line(presses, sample_rate_hz=rate))
            out = suppress(Suppressor(rate), audio, [rate // 50])
            assert _loudest(out) <= LOUDEST_COMFORT, (offset, lead)


@stable
@given(
    st.lists(
        st.tuples(
            digits, st.integers(320, 1200), st.integers(0, 800), st.integers(-25, -3)
        ),
        max_size=6,
    ),
    st.lists(st.integers(0, 6000), max_size=4),
)
def test_suppressor_lets_nothing_through_of_a_fast_dialler(
    keys: list[tuple[str, int, int, int]], switches: list[int]
) -> None:
    """
    Presses of 40 ms and more, one on the heels of the other, while captures begin
    and end at any moment: not one sample comes out.
    """
    presses = []
    place = 0
    for digit, tone, pause, level in keys:
        place += pause
        presses.append(
            Press(
                digit=digit,
                start_sample=place,
                end_sample=place + tone,
                low_dbm0=level,
                high_dbm0=level,
                low_phase=pause,
                high_phase=tone,
            )
        )
        place += tone
    audio = to_int16(line(presses))
    script = []
    done = 0
    for index, switch in enumerate(sorted(switches)):
        script.append(Step("heard", min(switch, len(audio)) - done))
        script.append(Step("disarm" if index % 2 else "arm"))
        done = min(switch, len(audio))
    script.append(Step("heard", len(audio) - done))
    out = suppress(Suppressor(), audio, [160], script)
    assert _loudest(out) <= LOUDEST_COMFORT


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("level", [-3.0, -10.0, -18.0, -25.0])
def test_suppressor_leaves_nothing_to_an_attacker(level: float, seed: int) -> None:
    """
    All sixteen digits over a floor of −55 dBm0: nothing is decoded from what the
    agent hears, and an attacker who knows every onset reads nothing.
    """
    random = np.random.default_rng(seed)
    text = "".join(random.permutation(list(ALL_DIGITS * 2)))
    presses = dial(
        text,
        tone=480 + 160 * seed,
        # Onsets go through all places inside a hop.
        pause=661,
        lead=900 + seed,
        low_dbm0=level,
        high_dbm0=level + seed - 1,
        seed=seed,
    )
    audio = to_int16(line(presses, noise_dbm0=-55.0, seed=seed))
    suppressor = Suppressor(seed=seed)
    out = suppress(suppressor, audio, [160])
    assert decode(out) == []
    truth = [
        TruePress(press.digit, press.start_sample, press.end_sample)
        for press in presses
    ]
    report = audit(audio, out, presses=truth, delay_samples=suppressor.delay_samples)
    assert len(report.presses) == 32
    assert report.n_read == 0
    assert report.is_clean
    # And without being told anything.
    assert audit(audio, out).is_clean


@pytest.mark.parametrize("form", ["mulaw", "float"])
@pytest.mark.parametrize("rate", RATES)
def test_suppressor_leaves_nothing_to_an_attacker_at_any_rate(
    rate: int, form: str
) -> None:
    """
    Neither another rate nor companding nor floats leave a trace.
    """
    ms = rate / 1000
    presses = dial(ALL_DIGITS, tone=round(80 * ms), pause=round(83.1 * ms), lead=rate)
    wave = line(presses, noise_dbm0=-55.0, sample_rate_hz=rate)
    audio = through_mulaw(to_int16(wave)) if form == "mulaw" else to_float(wave)
    out = suppress(Suppressor(rate), audio, [rate // 50])
    assert decode(out, rate) == []
    assert audit(audio, out, rate).is_clean


@pytest.mark.parametrize("level", [-60.0, -45.0, -30.0])
def test_suppressor_puts_noise_of_the_background_s_level(level: float) -> None:
    """
    In the middle of a press the agent hears noise as loud as the line's own.
    """
    presses = dial("0123456789", tone=1600, pause=1600, lead=4000)
    audio = to_int16(line(presses, noise_dbm0=level))
    out = suppress(Suppressor(), audio, [160])
    inside = [
        out[160 + press.start_sample : 160 + press.end_sample] for press in presses
    ]
    assert level_dbm0(np.concatenate(inside)) == pytest.approx(level, abs=2.0)


def test_suppressor_gives_the_same_for_every_digit_in_silence() -> None:
    """
    What the agent hears of a press is no function of the digit.
    """
    outputs = {
        suppress(
            Suppressor(), to_int16(line(dial(digit), n_samples=3000)), [160]
        ).tobytes()
        for digit in ALL_DIGITS
    }
    assert len(outputs) == 1


def test_suppressor_s_noise_comes_from_its_seed() -> None:
    """
    The same seed gives the same noise, another seed another.
    """
    audio = to_int16(line(dial("5"), noise_dbm0=-50.0))
    one, again, other = (
        suppress(Suppressor(seed=seed), audio, [160]) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    masked = slice(160 + 810, 160 + 1590)
    assert (one[masked] != other[masked]).mean() > 0.9
    assert np.array_equal(one[: 160 + 400], other[: 160 + 400])


def test_suppressor_masks_a_quiet_press_while_armed() -> None:
    """
    While a capture is armed a press as faint as the faintest that the most
    sensitive profile takes is masked, too.
    """
    presses = dial(ALL_DIGITS, tone=480, low_dbm0=-48.0, high_dbm0=-48.0)
    audio = to_int16(line(presses))
    suppressor = Suppressor()
    suppressor.arm()
    assert _loudest(suppress(suppressor, audio, [160])) <= LOUDEST_COMFORT
    assert suppressor.n_masked_samples > 16 * 480


def test_suppressor_masks_no_less_while_armed() -> None:
    """
    Arming masks more of a call, never less.
    """
    presses = dial(ALL_DIGITS, low_dbm0=-12.0, high_dbm0=-16.0)
    wave = line(presses, noise_dbm0=-50.0)
    audio = to_int16(wave + voiced(len(wave), level_dbm0=-40.0))
    counts = []
    for is_armed in (False, True):
        suppressor = Suppressor()
        if is_armed:
            suppressor.arm()
        suppressor.process(audio)
        counts.append(suppressor.n_masked_samples)
    assert counts[1] >= counts[0] >= 16 * 800


# The end of the stream.


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("digit", ["1", "5", "0", "D"])
def test_suppressor_flush_gives_no_tone_that_begins_at_the_end(
    digit: str, rate: int
) -> None:
    """
    A press that begins in the last moments of a stream, too late to be seen, is not
    in what is given at the end.
    """
    ms = rate / 1000
    for tenths in [*range(1, 101, 6), 100, 110, 125, 150, 200, 400]:
        n_samples = round((100 + tenths % 7 / 3) * ms)
        start = n_samples - max(1, round(tenths / 10 * ms))
        press = Press(digit=digit, start_sample=start, end_sample=n_samples)
        audio = to_int16(line([press], n_samples=n_samples, sample_rate_hz=rate))
        out = suppress(Suppressor(rate), audio, [rate // 50])
        assert len(out) == n_samples + Suppressor(rate).delay_samples
        assert _loudest(out) <= LOUDEST_COMFORT, tenths


@pytest.mark.parametrize("n_samples", [0, 1, 19, 50, 100, 159])
def test_suppressor_flush_gives_no_tone_of_a_stream_shorter_than_the_look_ahead(
    n_samples: int,
) -> None:
    """
    A stream that is all beginning leaves nothing behind.
    """
    press = Press(digit="5", start_sample=0, end_sample=n_samples)
    audio = to_int16(line([press], n_samples=n_samples))
    suppressor = Suppressor()
    suppressor.process(audio)
    assert _loudest(suppressor.flush()) <= LOUDEST_COMFORT


@pytest.mark.parametrize("rate", RATES)
@brief
@given(st.data())
def test_suppressor_is_new_after_flush(rate: int, data: st.DataObject) -> None:
    """
    A second stream is treated as if there had been no first, and is not armed.
    """
    first = to_int16(data.draw(calls(rate)))
    second = to_int16(data.draw(calls(rate)))
    suppressor = Suppressor(rate, policy="strict")
    suppressor.arm()
    suppress(suppressor, first, [len(first)])
    expected = suppress(Suppressor(rate, policy="strict"), second, [len(second)])
    assert (suppress(suppressor, second, [len(second)]) == expected).all()


# Lost audio.


def _with_a_gap(
    audio: Audio, start: int, stop: int, rate: int, *, armed: bool = False
) -> Output:
    suppressor = Suppressor(rate)
    if armed:
        suppressor.arm()
    script = [
        Step("heard", start),
        Step("lost", stop - start),
        Step("heard", len(audio) - stop),
    ]
    return suppress(suppressor, audio, [rate // 50], script)


@pytest.mark.parametrize("rate", RATES)
@brief
@given(digits, st.floats(12.6, 100.0), st.integers(0, 20))
def test_suppressor_lets_nothing_through_when_a_frame_is_lost_inside_a_press(
    rate: int, digit: str, at_ms: float, offset: int
) -> None:
    """
    A press with 20 ms lost inside is masked before, in and after the gap.
    """
    ms = rate / 1000
    first = round(100 * ms) + offset
    press = Press(digit=digit, start_sample=first, end_sample=first + round(140 * ms))
    audio = to_int16(line([press], sample_rate_hz=rate))
    start = first + round(at_ms * ms)
    out = _with_a_gap(audio, start, start + rate // 50, rate)
    assert _loudest(out) <= LOUDEST_COMFORT


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("before_ms", [2, 5, 10])
def test_suppressor_lets_nothing_through_when_audio_is_lost_just_after_an_onset(
    before_ms: int, rate: int
) -> None:
    """
    A press whose first milliseconds were heard, too few to know it, before audio
    was lost, leaves none of them: what cannot be judged is not let through.
    """
    ms = rate / 1000
    for gap_ms in (5, 20, 60):
        for offset in range(0, rate // 400, rate // 2000):
            first = round(100 * ms) + offset
            last = first + round(120 * ms)
            press = Press(digit="5", start_sample=first, end_sample=last)
            audio = to_int16(line([press], sample_rate_hz=rate))
            start = first + round(before_ms * ms)
            out = _with_a_gap(audio, start, start + round(gap_ms * ms), rate)
            assert _loudest(out) <= LOUDEST_COMFORT, (gap_ms, offset)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("after_ms", [2, 5, 10])
def test_suppressor_lets_nothing_through_when_a_press_ends_just_after_a_gap(
    after_ms: int, rate: int
) -> None:
    """
    A press of which nothing but the last milliseconds was heard, after audio was
    lost, leaves none of them.
    """
    ms = rate / 1000
    for offset in range(0, rate // 400, rate // 2000):
        start = round(100 * ms) + offset
        stop = start + round(60 * ms)
        press = Press(
            digit="5",
            start_sample=start + round(10 * ms),
            end_sample=stop + round(after_ms * ms),
        )
        audio = to_int16(line([press], sample_rate_hz=rate))
        out = _with_a_gap(audio, start, stop, rate)
        assert _loudest(out) <= LOUDEST_COMFORT, offset


@pytest.mark.parametrize("rate", RATES)
def test_suppressor_puts_noise_where_audio_was_lost(rate: int) -> None:
    """
    A gap in a line's noise is filled with noise of its level, neither with silence
    nor with anything loud, and what lies well before and after is untouched.
    """
    level = -40.0
    ms = rate / 1000
    audio = to_int16(white_noise(rate, level))
    start, stop = round(500 * ms), round(600 * ms)
    out = _with_a_gap(audio, start, stop, rate)
    late = Suppressor(rate).delay_samples
    gap = out[late + start : late + stop]
    assert level_dbm0(gap) == pytest.approx(_telephone_level(level, rate), abs=2.0)
    same = out == _delayed(audio, late)
    assert same[: late + start - round(20 * ms)].all()
    assert same[late + stop + round(40 * ms) : -late].all()


@pytest.mark.parametrize("rate", RATES)
def test_suppressor_fills_a_gap_to_its_end(rate: int) -> None:
    """
    The last millisecond of a gap is filled like the first: over many gaps the noise
    has the same level in both.
    """
    ms = rate // 1000
    n_gap = 20 * ms
    suppressor = Suppressor(rate)
    noise = to_int16(white_noise(rate, -40.0))
    first, last = [], []
    for _ in range(60):
        suppressor.process(noise[: 100 * ms])
        suppressor.fill_in(n_gap)
        out = suppressor.process(noise[: suppressor.delay_samples])
        gap = out[suppressor.delay_samples - n_gap :]
        first.append(gap[2 * ms : 3 * ms])
        last.append(gap[-ms:])
    middle, end = np.concatenate(first), np.concatenate(last)
    assert root_mean_square(end) == pytest.approx(root_mean_square(middle), rel=0.15)


@pytest.mark.parametrize("rate", RATES)
def test_suppressor_refuses_a_negative_loss(rate: int) -> None:
    """
    Audio cannot be lost backwards.
    """
    with pytest.raises(
        ParameterError, match=r"^n_samples: expected 0 or more, got -1$"
    ):
        Suppressor(rate).fill_in(-1)


# The strict policy.


@pytest.mark.parametrize("form", ["int16", "float"])
@pytest.mark.parametrize("rate", RATES)
@settings(brief, max_examples=6)
@given(st.data())
def test_strict_suppressor_tells_nothing_of_what_it_heard_while_armed(
    rate: int, form: str, data: st.DataObject
) -> None:
    """
    Two callers who are alike but for what they say while armed sound alike until
    the first sample heard after the capture comes out.

    So nothing of what was heard while armed is in the output, masked or faded.
    """
    ms = rate // 1000
    armed_at = data.draw(st.integers(0, 100 * ms))
    disarmed_at = armed_at + data.draw(st.integers(0, 150 * ms))
    one, other = (data.draw(calls(rate)) for _ in range(2))
    history = mix(len(one), (0, white_noise(len(one), -40.0)))
    outputs = []
    for wave in (one, other):
        stream = history.copy()
        stream[armed_at:disarmed_at] = wave[armed_at:disarmed_at]
        # The same again after it, so that not even the time after may tell.
        audio = to_int16(stream) if form == "int16" else to_float(stream)
        script = [
            Step("heard", armed_at),
            Step("arm"),
            Step("heard", disarmed_at - armed_at),
            Step("disarm"),
            Step("heard", len(audio) - disarmed_at),
        ]
        suppressor = Suppressor(rate, policy="strict")
        outputs.append(suppress(suppressor, audio, data.draw(cuts), script))
    until = disarmed_at + Suppressor(rate).delay_samples
    assert np.array_equal(outputs[0][:until], outputs[1][:until])


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("offset", [0, 1, 7, 19])
def test_strict_suppressor_mutes_a_voice_while_armed_and_no_longer(
    rate: int, offset: int
) -> None:
    """
    The voice before and after a capture is heard, the voice in it is noise of the
    line's own level: neither silent nor a shadow of the voice.
    """
    ms = rate // 1000
    noise = white_noise(2 * rate, -50.0)
    voice = voiced(2 * rate, sample_rate_hz=rate)
    voice[400 * ms : 600 * ms] = 0.0
    audio = to_int16(noise + voice)
    armed_at, disarmed_at = 600 * ms + offset, 1400 * ms + offset
    suppressor = Suppressor(rate, policy="strict")
    late = suppressor.delay_samples
    script = [
        Step("heard", armed_at),
        Step("arm"),
        Step("heard", disarmed_at - armed_at),
        Step("disarm"),
        Step("heard", len(audio) - disarmed_at),
    ]
    out = suppress(suppressor, audio, [rate // 50], script)
    expected = _delayed(audio, late)
    assert np.array_equal(out[:armed_at], expected[:armed_at])
    inside = slice(late + armed_at, late + disarmed_at)
    expected_level = _telephone_level(-50.0, rate)
    assert level_dbm0(out[inside]) == pytest.approx(expected_level, abs=2.0)
    voice_in_it = expected[inside].astype(np.float64)
    noise_in_it = out[inside].astype(np.float64)
    alike = (
        voice_in_it
        @ noise_in_it
        / np.sqrt((voice_in_it @ voice_in_it) * (noise_in_it @ noise_in_it))
    )
    assert abs(alike) < 5 / np.sqrt(len(noise_in_it))
    # 60 ms after the capture at the latest, the voice is back.
    after = slice(late + disarmed_at + 60 * ms, len(audio))
    assert np.array_equal(out[after], expected[after])


@pytest.mark.parametrize("rate", RATES)
def test_strict_suppressor_goes_on_after_lost_audio(rate: int) -> None:
    """
    A frame lost in a capture opens no hole in it.
    """
    ms = rate // 1000
    presses = dial("1234", tone=100 * ms, pause=50 * ms, lead=100 * ms)
    audio = to_int16(line(presses, sample_rate_hz=rate))
    script = [
        Step("arm"),
        Step("heard", 205 * ms),
        Step("lost", 33 * ms),
        Step("heard", len(audio) - 238 * ms),
    ]
    out = suppress(Suppressor(rate, policy="strict"), audio, [ms * 20], script)
    assert _loudest(out) <= LOUDEST_COMFORT


def test_suppressor_that_is_not_strict_lets_voice_through_while_armed() -> None:
    """
    Under policy `tones` a capture mutes presses only.
    """
    audio = to_int16(voiced(8000))
    suppressor = Suppressor(policy=Policy.TONES)
    suppressor.arm()
    out = suppressor.process(audio)
    # Sound that comes out of digital silence may be what is left of a press.
    assert np.array_equal(out[1160:], audio[1000:-160])


# The marker.


def _marked(
    rate: int, presses: list[Press], form: str = "int16"
) -> tuple[list[int], int]:
    """
    Play presses on a quiet line into a suppressor that marks them.

    Returns:
        Places of the stream at which beeps begin, each of which was checked to
        be there to its end; and how many samples were masked.
    """
    end = presses[-1].end_sample if presses else 0
    n_samples = end + rate
    wave = line(presses, n_samples=n_samples, noise_dbm0=-50.0, sample_rate_hz=rate)
    audio = to_int16(wave) if form == "int16" else to_float(wave)
    suppressor = Suppressor(rate, policy="marker")
    heard = suppress(suppressor, audio, [rate // 50])[suppressor.delay_samples :]
    samples = heard * 32768.0 if form == "float" else heard
    n = BEEP_SAMPLES * rate // 8000
    beep = np.rint(Beep(0, rate).render(0, 0, n))
    places: list[int] = []
    for place in range(len(samples) - n + 1):
        inside = places and place < places[-1] + n
        if inside or not np.array_equal(samples[place : place + 8], beep[:8]):
            continue
        assert np.array_equal(samples[place : place + n], beep)
        places.append(place)
    return places, suppressor.n_masked_samples


def _keyed(
    keys: str, rate: int, *, tone_ms: int = 100, lead_ms: int = 100
) -> list[Press]:
    """
    Lay out presses 150 ms apart.
    """
    ms = rate // 1000
    return dial(keys, tone=tone_ms * ms, pause=150 * ms, lead=lead_ms * ms)


@pytest.mark.parametrize("form", ["int16", "float"])
@pytest.mark.parametrize("rate", MARKED_RATES)
def test_marker_suppressor_tells_each_press_once(rate: int, form: str) -> None:
    """
    As many beeps as presses, a whole number of steps of the grid apart.
    """
    places, n_masked = _marked(rate, _keyed("1590#D", rate), form)
    assert len(places) == 6
    step = BEEP_GRID_SAMPLES * rate // 8000
    assert [gap % step for gap in np.diff(places).tolist()] == [0] * 5
    assert n_masked >= 6 * 100 * rate // 1000


@pytest.mark.parametrize("rate", MARKED_RATES)
def test_marker_suppressor_tells_a_long_press_once(rate: int) -> None:
    """
    A key that is held down for a second is one press.
    """
    assert len(_marked(rate, _keyed("5", rate, tone_ms=1000))[0]) == 1


@pytest.mark.parametrize("rate", MARKED_RATES)
def test_marker_suppressor_does_not_tell_when(rate: int) -> None:
    """
    Presses of other keys, a little sooner or later, longer or shorter, are told
    at the same place.
    """
    whole = [
        _marked(rate, _keyed(digit, rate, tone_ms=tone_ms, lead_ms=lead_ms))[0]
        for digit, tone_ms, lead_ms in [
            ("1", 100, 100),
            ("5", 60, 117),
            ("D", 140, 131),
            ("*", 80, 183),
        ]
    ]
    assert len(whole[0]) == 1
    assert whole == [whole[0]] * 4


@pytest.mark.parametrize("rate", MARKED_RATES)
def test_marker_suppressor_lets_a_voice_through(rate: int) -> None:
    """
    Without a press, what comes out is what came in.
    """
    audio = to_int16(voiced(rate, sample_rate_hz=rate))
    suppressor = Suppressor(rate, policy="marker")
    out = suppress(suppressor, audio, [rate // 50])
    late = suppressor.delay_samples
    assert np.array_equal(out[late:-late], audio[:-late])


@pytest.mark.parametrize("rate", MARKED_RATES)
@brief
@given(st.data())
def test_marker_suppressor_gives_the_same_samples_in_any_cuts(
    rate: int, data: st.DataObject
) -> None:
    """
    A beep that begins in one chunk and ends in another is the same beep.
    """
    digit, tone_ms, lead_ms = (
        data.draw(digits),
        data.draw(st.integers(40, 120)),
        data.draw(st.integers(0, 250)),
    )
    presses = _keyed(digit + digit, rate, tone_ms=tone_ms, lead_ms=lead_ms)
    wave = line(presses, n_samples=rate, noise_dbm0=-45.0, sample_rate_hz=rate)
    audio = to_int16(wave)
    script = data.draw(scripts(len(audio)))
    whole = suppress(Suppressor(rate, policy="marker"), audio, [len(audio)], script)
    cut = suppress(Suppressor(rate, policy="marker"), audio, data.draw(cuts), script)
    assert np.array_equal(cut, whole)


# What the suppressor is given.


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    "audio",
    [
        np.full(9000, 32767, dtype=np.int16),
        np.full(9000, -32768, dtype=np.int16),
        np.where(np.arange(9000) // 5 % 2, 32767, -32768).astype(np.int16),
        np.where(np.arange(9000) % 2, 32767, -32768).astype(np.int16),
        to_int16(line(dial("5"), n_samples=9000) * 20),
        np.where(np.arange(9000) // 5 % 2, 1.0, -1.0),
        np.full(9000, 1e9),
        np.full(9000, -1e-320),
    ],
    ids=[
        "dc-max",
        "dc-min",
        "square",
        "nyquist",
        "clipped",
        "float-square",
        "float-huge",
        "float-tiny",
    ],
)
def test_suppressor_survives_any_audio(audio: Audio | Wave, rate: int) -> None:
    """
    The ugliest audio raises nothing and gives finite samples, as many as came in.
    """
    suppressor = Suppressor(rate)
    out = suppress(suppressor, audio, [160])
    assert len(out) == len(audio) + suppressor.delay_samples
    assert np.isfinite(out).all()


@pytest.mark.parametrize("rate", RATES)
def test_suppressor_takes_nothing_for_an_answer(rate: int) -> None:
    """
    Empty arrays come out empty and move nothing.
    """
    suppressor = Suppressor(rate)
    assert suppressor.process(np.zeros(0, dtype=np.int16)).shape == (0,)
    assert suppressor.process([]).shape == (0,)
    assert suppressor.fill_in(0).shape == (0,)
    assert suppressor.n_masked_samples == 0


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([0.0, np.nan], "samples: expected finite numbers, got NaN or infinity"),
        ([-np.inf, 0.0], "samples: expected finite numbers, got NaN or infinity"),
        (
            np.zeros((160, 1)),
            "samples: expected one channel of shape (n,), got shape (160, 1)",
        ),
        (
            np.zeros(160, dtype=np.int32),
            "samples: expected int16 or float samples, got int32",
        ),
        (["1", "2"], "samples: expected int16 or float samples, got <U1"),
    ],
)
def test_suppressor_refuses_what_is_not_audio(
    samples: npt.ArrayLike, message: str
) -> None:
    """
    Wrong input raises and leaves the stream where it was.
    """
    audio = to_int16(line(dial("5"), noise_dbm0=-50.0))
    suppressor = Suppressor()
    before = suppressor.process(audio[:1000])
    with pytest.raises(AudioFormatError, match=f"^{re.escape(message)}$"):
        suppressor.process(samples)
    after = suppressor.process(audio[1000:])
    expected = Suppressor().process(audio)
    assert np.array_equal(np.concatenate([before, after]), expected)


def test_suppressor_refuses_a_rate_or_a_policy_it_does_not_know() -> None:
    """
    Wrong arguments are parameter errors.
    """
    with pytest.raises(
        ParameterError,
        match=r"^sample_rate_hz: expected a whole number from 4000 to 384000, "
        r"got 3999$",
    ):
        Suppressor(3999)
    with pytest.raises(
        ParameterError,
        match=r"^policy: expected one of tones, strict, marker, got 'mute'$",
    ):
        Suppressor(policy="mute")
