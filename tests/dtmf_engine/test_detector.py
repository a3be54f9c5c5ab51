"""
Detector: which digit, when, how loud, and what is no digit.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtmf_engine import (
    DEFAULT,
    SENSITIVE,
    STRICT,
    AudioFormatError,
    Detector,
    DigitDetected,
    Event,
    MissReason,
    NearMiss,
    ParameterError,
    Profile,
    ToneEnded,
    ToneStarted,
    decode,
)
from dtmf_engine.recording import read_recording
from tests.support.strategies import brief, calls, cuts, digits, scripts, stable
from tests.support.streams import digits_of, listen
from tests.support.tones import (
    ALL_DIGITS,
    Audio,
    Press,
    Wave,
    dial,
    line,
    mix,
    sine,
    through_mulaw,
    to_float,
    to_int16,
    voiced,
    white_noise,
)


RATES = [8000, 16_000, 44_100]
RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"

# What a line adds when it is a good one.
LIGHT_NOISE_DBM0 = -55.0


def _events(audio: npt.ArrayLike, profile: Profile = DEFAULT) -> list[Event]:
    detector = Detector(profile=profile)
    return detector.process(audio) + detector.flush()


def _digits(
    wave: Wave, *, profile: Profile = DEFAULT, sample_rate_hz: int = 8000
) -> str:
    detector = Detector(sample_rate_hz, profile=profile)
    return digits_of(detector.process(to_int16(wave)) + detector.flush())


def _places(event: Event) -> Iterator[int]:
    match event:
        case ToneStarted() | NearMiss():
            yield event.at_sample
        case DigitDetected():
            yield event.start_sample
            yield event.reported_at_sample
        case ToneEnded():
            yield event.start_sample
            yield event.end_sample


# How audio is cut never matters.


@pytest.mark.parametrize("form", ["int16", "float"])
@pytest.mark.parametrize("rate", RATES)
@brief
@given(st.data())
def test_detector_gives_the_same_events_in_any_cuts(
    rate: int, form: str, data: st.DataObject
) -> None:
    """
    Whole or in chunks of any size, with losses in between, the events are equal.
    """
    wave = data.draw(calls(rate))
    audio = to_int16(wave) if form == "int16" else to_float(wave)
    script = data.draw(scripts(len(audio), may_arm=False))
    sizes = data.draw(cuts)
    expected = listen(Detector(rate), audio, [len(audio)], script)
    assert listen(Detector(rate), audio, sizes, script) == expected


@pytest.mark.parametrize("rate", RATES)
@settings(brief, max_examples=3)
@given(st.data())
def test_detector_gives_the_same_events_sample_by_sample(
    rate: int, data: st.DataObject
) -> None:
    """
    Not even the shortest chunks change an event.
    """
    audio = to_int16(data.draw(calls(rate)))
    script = data.draw(scripts(len(audio), may_arm=False))
    expected = listen(Detector(rate), audio, [len(audio)], script)
    assert listen(Detector(rate), audio, [1], script) == expected


@pytest.mark.parametrize("rate", RATES)
@brief
@given(st.data())
def test_detector_gives_the_same_events_for_a_loss_told_in_pieces(
    rate: int, data: st.DataObject
) -> None:
    """
    Two frames lost one after the other are one gap.
    """
    audio = to_int16(data.draw(calls(rate)))
    start = data.draw(st.integers(0, len(audio)))
    stop = data.draw(st.integers(start, len(audio)))
    middle = data.draw(st.integers(start, stop))
    events = []
    for pieces in ([stop - start], [middle - start, stop - middle]):
        detector = Detector(rate)
        heard = detector.process(audio[:start])
        for n_samples in pieces:
            heard += detector.fill_in(n_samples)
        events.append(heard + detector.process(audio[stop:]) + detector.flush())
    assert events[0] == events[1]


@stable
@given(calls(), st.integers(0, 400))
def test_detector_shifts_with_the_audio(wave: Wave, n_blocks: int) -> None:
    """
    Whole blocks of silence before the audio shift every event by exactly as much.
    """
    lead = np.zeros(400, dtype=np.int16)
    late = np.zeros(400 + n_blocks * 80, dtype=np.int16)
    audio = to_int16(wave)
    before = _events(np.concatenate([lead, audio]))
    after = _events(np.concatenate([late, audio]))
    assert [type(event) for event in after] == [type(event) for event in before]
    for one, other in zip(before, after, strict=True):
        moved = [place + n_blocks * 80 for place in _places(one)]
        assert list(_places(other)) == moved


@stable
@given(calls())
def test_detector_reads_int16_and_the_same_floats_alike(wave: Wave) -> None:
    """
    Floats that are whole 16-bit samples give the very same events.
    """
    audio = to_int16(wave)
    assert _events(audio / 32768.0) == _events(audio)
    assert _events((audio / 32768.0).astype(np.float32)) == _events(audio)


# The stream of events.


@pytest.mark.parametrize("rate", RATES)
@brief
@given(st.data())
def test_detector_sends_a_start_a_report_and_an_end_for_each_digit(
    rate: int, data: st.DataObject
) -> None:
    """
    Each reported digit is one `ToneStarted`, one `DigitDetected` and one
    `ToneEnded`, in this order and before the next one's.
    """
    audio = to_int16(data.draw(calls(rate)))
    script = data.draw(scripts(len(audio), may_arm=False))
    events = listen(Detector(rate), audio, [len(audio)], script)
    tones = [event for event in events if not isinstance(event, NearMiss)]
    open_digit = None
    reported = False
    for event in tones:
        match event:
            case ToneStarted():
                # A tone too short for a digit has no end.
                assert not reported
                open_digit = event.digit
            case DigitDetected():
                assert (event.digit, reported) == (open_digit, False)
                reported = True
            case ToneEnded():
                assert (event.digit, reported) == (open_digit, True)
                open_digit, reported = None, False
    assert not reported


@pytest.mark.parametrize("rate", RATES)
@brief
@given(st.data())
def test_detector_counts_samples_from_the_start_of_the_stream(
    rate: int, data: st.DataObject
) -> None:
    """
    Every sample number lies in the stream, and a tone starts before it ends.
    """
    audio = to_int16(data.draw(calls(rate)))
    events = listen(Detector(rate), audio, [len(audio)])
    for event in events:
        assert all(0 <= place <= len(audio) for place in _places(event))
        if isinstance(event, ToneEnded):
            assert event.start_sample < event.end_sample


@pytest.mark.parametrize("rate", RATES)
def test_detector_places_a_near_miss_at_the_start_inside_the_stream(rate: int) -> None:
    """
    What comes close with the first sample is at a sample of the stream.
    """
    short = Press(digit="5", start_sample=0, end_sample=rate * 15 // 1000).wave(rate)
    audio = to_int16(np.concatenate([short, np.zeros(rate // 10)]))
    events = listen(Detector(rate), audio, [rate])
    assert NearMiss in [type(event) for event in events]
    assert all(0 <= place <= rate // 100 for e in events for place in _places(e))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("digit", ["1", "D"])
def test_detector_reports_how_much_it_had_heard(rate: int, digit: str) -> None:
    """
    `reported_at_sample` is as much of the stream as had been given to the detector
    when the digit came out of it: no more, and no less than a hop ago.
    """
    presses = dial(digit, tone=rate // 10, lead=rate // 10)
    audio = to_int16(line(presses, sample_rate_hz=rate))
    detector = Detector(rate)
    reports = []
    for heard in range(1, len(audio) + 1):
        events = detector.process(audio[heard - 1 : heard])
        reports += [
            (event.reported_at_sample, heard)
            for event in events
            if isinstance(event, DigitDetected)
        ]
    ((reported_at, heard),) = reports
    assert heard - rate * 20 / 8000 < reported_at <= heard


@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_detector_reports_a_digit_while_the_key_is_down(digit: str) -> None:
    """
    A key held for a second is known long before it comes up, and only once.
    """
    press = Press(digit=digit, start_sample=800, end_sample=8800)
    events = _events(to_int16(line([press], noise_dbm0=LIGHT_NOISE_DBM0)))
    (report,) = [event for event in events if isinstance(event, DigitDetected)]
    assert report.digit == digit
    # 60 ms are room enough for any guard time.
    assert 800 < report.reported_at_sample <= 800 + 480
    assert abs(report.start_sample - 800) <= 20


def test_detector_reports_a_press_that_the_stream_cuts_off() -> None:
    """
    A press that is still open at the end of the stream has an end.
    """
    wave = line([Press(digit="7", start_sample=800, end_sample=9999)], n_samples=2000)
    detector = Detector()
    detector.process(to_int16(wave))
    (ended,) = detector.flush()
    assert isinstance(ended, ToneEnded)
    assert ended.digit == "7"
    assert abs(ended.end_sample - 2000) <= 20


@pytest.mark.parametrize("rate", RATES)
@brief
@given(st.data())
def test_detector_is_new_after_flush(rate: int, data: st.DataObject) -> None:
    """
    A second stream is heard as if there had been no first.
    """
    first = to_int16(data.draw(calls(rate)))
    second = to_int16(data.draw(calls(rate)))
    detector = Detector(rate)
    listen(detector, first, [len(first)])
    again = listen(detector, second, [len(second)])
    assert again == listen(Detector(rate), second, [len(second)])


def test_detector_says_why_it_refused_what_came_close() -> None:
    """
    A tone too short for a digit is a near miss with that reason.
    """
    presses = dial("5", tone=120, lead=800)
    misses = [
        event
        for event in _events(to_int16(line(presses)))
        if isinstance(event, NearMiss)
    ]
    assert MissReason.TOO_SHORT in [miss.reason for miss in misses]


def test_detector_gives_nothing_for_nothing() -> None:
    """
    Empty arrays, no samples lost, an empty stream: no events.
    """
    detector = Detector()
    assert detector.process([]) == []
    assert detector.process(np.zeros(0, dtype=np.int16)) == []
    assert detector.fill_in(0) == []
    assert detector.flush() == []
    assert decode([]) == []


# Decoding.


@pytest.mark.parametrize("tone", [400, 800])
@pytest.mark.parametrize("twist_db", [-8, -4, 0, 4])
@pytest.mark.parametrize("weaker_dbm0", [-25, -18, -12])
def test_decode_finds_every_digit_with_times_and_levels(
    weaker_dbm0: int, twist_db: int, tone: int
) -> None:
    """
    All sixteen digits in light noise: right, to 2.5 ms and to 1 dB.
    """
    low_dbm0 = weaker_dbm0 + max(0, -twist_db)
    for seed in range(4):
        presses = dial(
            ALL_DIGITS,
            tone=tone,
            # Every press begins at another place inside a hop.
            pause=407,
            lead=800 + 5 * seed,
            low_dbm0=low_dbm0,
            high_dbm0=low_dbm0 + twist_db,
            seed=seed,
        )
        wave = line(presses, noise_dbm0=LIGHT_NOISE_DBM0, seed=seed)
        found = decode(to_int16(wave))
        assert "".join(ended.digit for ended in found) == ALL_DIGITS
        for press, ended in zip(presses, found, strict=True):
            assert abs(ended.start_sample - press.start_sample) <= 20
            assert abs(ended.end_sample - press.end_sample) <= 20
            assert ended.level_dbm0 == pytest.approx(press.level_dbm0, abs=1.0)
            assert ended.twist_db == pytest.approx(press.twist_db, abs=1.0)


@pytest.mark.parametrize("rate", [4000, 8000, 11_025, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("form", ["int16", "float"])
def test_decode_gives_times_at_the_stream_s_own_rate(rate: int, form: str) -> None:
    """
    At any rate, digits are right and times within 2.5 ms.
    """
    ms = rate / 1000
    presses = dial(
        ALL_DIGITS, tone=round(80 * ms), pause=round(71.3 * ms), lead=round(50 * ms)
    )
    wave = line(presses, noise_dbm0=LIGHT_NOISE_DBM0, sample_rate_hz=rate)
    found = decode(to_int16(wave) if form == "int16" else to_float(wave), rate)
    assert "".join(ended.digit for ended in found) == ALL_DIGITS
    for press, ended in zip(presses, found, strict=True):
        assert abs(ended.start_sample - press.start_sample) <= 2.5 * ms
        assert abs(ended.end_sample - press.end_sample) <= 2.5 * ms


@pytest.mark.parametrize("error", [-0.015, 0.015])
@pytest.mark.parametrize("sign", [-1, 1])
def test_decode_takes_tones_that_are_off_by_as_much_as_a_telephone_may(
    error: float, sign: int
) -> None:
    """
    Tones 1.5 % off, together or apart, are the same digits (ITU-T Q.24).
    """
    presses = dial(ALL_DIGITS, tone=400, low_error=error, high_error=sign * error)
    wave = line(presses, noise_dbm0=LIGHT_NOISE_DBM0)
    assert _digits(wave) == ALL_DIGITS


@pytest.mark.parametrize("level_dbm0", [-25.0, -15.0, -5.0])
def test_decode_reads_a_mulaw_line(level_dbm0: float) -> None:
    """
    Eight bits a sample are enough.
    """
    presses = dial(ALL_DIGITS, tone=400, low_dbm0=level_dbm0, high_dbm0=level_dbm0)
    audio = to_int16(line(presses, noise_dbm0=LIGHT_NOISE_DBM0))
    found = decode(through_mulaw(audio))
    assert "".join(ended.digit for ended in found) == ALL_DIGITS


def test_decode_finds_a_press_with_the_first_and_with_the_last_sample() -> None:
    """
    A recording may begin and end in the middle of a press.
    """
    wave = line(dial("1D", lead=0), n_samples=2400)
    assert [ended.digit for ended in decode(to_int16(wave))] == ["1", "D"]


@stable
@given(st.text(ALL_DIGITS, max_size=4), st.integers(0, 2**32 - 1), st.data())
def test_detector_hears_the_same_digits_upside_down_and_louder(
    text: str, seed: int, data: st.DataObject
) -> None:
    """
    Neither the sign of the audio nor a gain inside the range changes a digit.
    """
    presses = dial(text, tone=400, low_dbm0=-15.0, high_dbm0=-15.0, seed=seed)
    wave = line(presses, noise_dbm0=LIGHT_NOISE_DBM0, seed=seed)
    assert _digits(wave) == text
    assert _digits(-wave) == text
    gain_db = data.draw(st.floats(-10.0, 10.0))
    assert _digits(wave * 10 ** (gain_db / 20)) == text


@stable
@given(calls())
def test_detector_gives_the_same_digits_upside_down(wave: Wave) -> None:
    """
    Whatever the audio, its mirror image holds the same digits at the same places.
    """
    audio = np.maximum(to_int16(wave), -32767)
    reports = [
        [event for event in _events(sign * audio) if isinstance(event, DigitDetected)]
        for sign in (np.int16(1), np.int16(-1))
    ]
    assert reports[0] == reports[1]


def test_decode_tells_the_channels_of_a_recording_apart() -> None:
    """
    A recorded call in stereo: each channel has its own digits, when they are heard.
    """
    path = RECORDINGS / "stereo_dtmf_tones.wav"
    if not path.exists():
        pytest.skip(f"{path} is not here: the shared recordings are not installed")
    recording = read_recording(path.read_bytes())
    heard = [
        # Times as heard and seen in a spectrogram, in seconds.
        [
            ("1", 0.0, 1.0),
            ("3", 4.0, 6.0),
            ("5", 8.0, 9.0),
            ("7", 10.0, 13.0),
            ("9", 14.0, 15.0),
            ("0", 15.0, 16.0),
        ],
        [("2", 2.0, 3.0), ("4", 5.0, 7.0), ("6", 8.0, 9.0), ("8", 11.0, 12.0)],
    ]
    assert len(recording.channels) == 2
    for index, truth in enumerate(heard):
        found = decode(recording.channels[index], recording.sample_rate_hz)
        assert [ended.digit for ended in found] == [digit for digit, _, _ in truth]
        for ended, (_, start_s, end_s) in zip(found, truth, strict=True):
            rate = recording.sample_rate_hz
            assert ended.start_sample / rate == pytest.approx(start_s, abs=0.02)
            assert ended.end_sample / rate == pytest.approx(end_s, abs=0.02)


# What is no digit.


@pytest.mark.parametrize(
    "hz", [350, 440, 620, 697, 770, 852, 941, 1209, 1336, 1477, 1633]
)
@pytest.mark.parametrize("level_dbm0", [-30.0, -10.0, 0.0])
def test_detector_hears_no_digit_in_a_single_tone(hz: float, level_dbm0: float) -> None:
    """
    Half a pair is no digit, alone, in noise, or switched on and off.
    """
    wave = sine(hz, 4000, level_dbm0)
    assert _digits(wave) == ""
    assert _digits(wave + white_noise(4000, LIGHT_NOISE_DBM0)) == ""
    assert _digits(mix(4000, (500, wave[:800]), (2000, wave[:800]))) == ""


@stable
@given(st.floats(300.0, 3400.0), st.floats(0.0, 6.28))
def test_detector_hears_no_digit_in_a_tone_of_any_pitch(
    hz: float, phase: float
) -> None:
    """
    There is no frequency at which one tone passes for two.
    """
    assert _digits(mix(3000, (700, sine(hz, 1600, -6.0, phase=phase)))) == ""


@pytest.mark.parametrize(
    "pair",
    [
        (697, 852),
        (697, 941),
        (770, 941),
        (1209, 1477),
        (1209, 1633),
        (1336, 1633),
        (350, 440),
        (480, 620),
        (440, 480),
    ],
)
def test_detector_hears_no_digit_in_a_pair_that_is_none(pair: tuple[int, int]) -> None:
    """
    Two tones of one group are no digit, and neither are the network's own signals.
    """
    one, other = (sine(hz, 4000, -10.0, phase=hz) for hz in pair)
    assert _digits(one + other) == ""
    assert _digits(mix(4000, (500, one[:800]), (500, other[:800]))) == ""


@pytest.mark.parametrize("third_hz", [697, 852, 941, 1209, 1477, 1633])
def test_detector_hears_no_digit_in_a_chord(third_hz: int) -> None:
    """
    A third tone of the eight, as loud as the pair, makes it no digit.
    """
    press = Press(digit="5", start_sample=0, end_sample=4000)
    assert _digits(press.wave() + sine(third_hz, 4000, -10.0)) == ""


def test_detector_hears_no_digit_in_silence() -> None:
    """
    Ten seconds of nothing give no event at all.
    """
    assert _events(np.zeros(80_000, dtype=np.int16)) == []


@pytest.mark.parametrize("level_dbm0", [-60.0, -50.0, -40.0, -30.0, -20.0, -10.0, 0.0])
def test_detector_hears_no_digit_in_noise(level_dbm0: float) -> None:
    """
    Twenty seconds of white noise hold no digit, however loud.
    """
    assert _digits(white_noise(160_000, level_dbm0, seed=int(-level_dbm0))) == ""


@pytest.mark.parametrize("pitch_hz", [85.0, 120.0, 170.0, 220.0])
def test_detector_hears_no_digit_in_a_voice(pitch_hz: float) -> None:
    """
    Ten seconds of a gliding vowel hold no digit.
    """
    assert _digits(voiced(80_000, pitch_hz=pitch_hz, seed=int(pitch_hz))) == ""


# Limits.


@pytest.mark.parametrize("profile", [DEFAULT, STRICT, SENSITIVE])
def test_detector_takes_twist_up_to_the_profile_s_limits(profile: Profile) -> None:
    """
    Two decibels inside either limit every digit is heard, three outside none.

    A window of some 12 ms does not tell the levels of a pair better than that.
    """
    low_louder, high_louder = profile.max_low_over_high_db, profile.max_high_over_low_db
    for twist_db, expected in [
        (-(low_louder - 2), ALL_DIGITS),
        (-(low_louder + 3), ""),
        (high_louder - 2, ALL_DIGITS),
        (high_louder + 3, ""),
    ]:
        presses = dial(ALL_DIGITS, low_dbm0=-12.0, high_dbm0=-12.0 + twist_db)
        wave = line(presses, noise_dbm0=-60.0)
        assert _digits(wave, profile=profile) == expected, twist_db


@pytest.mark.parametrize("profile", [DEFAULT, STRICT, SENSITIVE])
def test_detector_takes_levels_down_to_the_profile_s_limit(profile: Profile) -> None:
    """
    Two decibels above the limit every digit is heard, two below none.
    """
    for above_db, expected in [(2, ALL_DIGITS), (-2, "")]:
        level = profile.min_tone_dbm0 + above_db
        wave = line(dial(ALL_DIGITS, low_dbm0=level, high_dbm0=level))
        assert _digits(wave, profile=profile) == expected, above_db


@stable
@given(digits, st.integers(1, 120), st.integers(0, 19), st.floats(-30.0, -3.0))
def test_detector_never_reports_a_tone_of_15_ms(
    digit: str, tone: int, offset: int, level_dbm0: float
) -> None:
    """
    A tone of 15 ms or less is no digit, wherever in a hop it begins.
    """
    press = Press(
        digit=digit,
        start_sample=800 + offset,
        end_sample=800 + offset + tone,
        low_dbm0=level_dbm0,
        high_dbm0=level_dbm0,
    )
    for noise_dbm0 in (None, LIGHT_NOISE_DBM0):
        assert _digits(line([press], noise_dbm0=noise_dbm0)) == ""


@pytest.mark.parametrize("tone", [320, 333, 360, 400, 4000])
def test_detector_always_reports_a_tone_of_40_ms(tone: int) -> None:
    """
    A tone of 40 ms or more is one digit, wherever in a hop it begins (ITU-T Q.24).
    """
    for offset in range(20):
        presses = dial(
            ALL_DIGITS,
            tone=tone,
            pause=520 - tone % 20,
            lead=800 + offset,
            seed=offset,
            low_dbm0=-20.0,
            high_dbm0=-20.0,
        )
        wave = line(presses, noise_dbm0=LIGHT_NOISE_DBM0, seed=offset)
        assert _digits(wave) == ALL_DIGITS, offset


@stable
@given(digits, st.integers(1, 80), st.integers(80, 640), st.integers(0, 2**32 - 1))
def test_detector_hears_one_digit_when_a_press_is_broken_for_10_ms(
    digit: str, gap: int, at: int, seed: int
) -> None:
    """
    A break of up to 10 ms anywhere inside a press of 100 ms does not split it.
    """
    press = Press(digit=digit, start_sample=800 + at % 20, end_sample=1600 + at % 20)
    wave = line([press])
    start = press.start_sample + at
    wave[start : start + gap] = 0.0
    wave += white_noise(len(wave), LIGHT_NOISE_DBM0, seed=seed)
    assert _digits(wave) == digit


@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_detector_hears_two_digits_when_a_key_is_pressed_twice(digit: str) -> None:
    """
    The same key again after 40 ms is a second digit, wherever in a hop it begins.
    """
    for offset in range(20):
        presses = dial(
            digit * 2, tone=400 + offset, pause=320, lead=800 + offset, seed=offset
        )
        wave = line(presses, noise_dbm0=LIGHT_NOISE_DBM0, seed=offset)
        assert _digits(wave) == digit * 2, offset


# Lost audio.


@pytest.mark.parametrize("rate", RATES)
@settings(brief, max_examples=25)
@given(digits, st.floats(0.01, 0.09), st.integers(0, 2**32 - 1))
def test_detector_hears_one_digit_when_a_frame_is_lost_inside_a_press(
    rate: int, digit: str, at_s: float, seed: int
) -> None:
    """
    A press of 120 ms with 20 ms lost inside is one digit: not split, not dropped.
    """
    press = Press(
        digit=digit, start_sample=rate // 10, end_sample=rate // 10 + rate * 12 // 100
    )
    audio = to_int16(
        line([press], noise_dbm0=LIGHT_NOISE_DBM0, seed=seed, sample_rate_hz=rate)
    )
    start = press.start_sample + round(at_s * rate)
    stop = start + rate // 50
    detector = Detector(rate)
    events = detector.process(audio[:start])
    events += detector.fill_in(stop - start)
    events += detector.process(audio[stop:]) + detector.flush()
    assert digits_of(events) == digit
    (ended,) = [event for event in events if isinstance(event, ToneEnded)]
    # A remnant shorter than 30 ms beside the gap may not be seen as part of it.
    if at_s >= 0.03:
        assert abs(ended.start_sample - press.start_sample) <= rate * 0.005
    if at_s <= 0.07:
        assert abs(ended.end_sample - press.end_sample) <= rate * 0.005


def test_detector_hears_no_digit_in_lost_audio() -> None:
    """
    A second of nothing heard is no digit and no end of one.
    """
    detector = Detector()
    assert detector.fill_in(8000) == []
    assert detector.flush() == []


def test_detector_keeps_the_time_over_lost_audio() -> None:
    """
    A press after a gap has the place it has in the stream.
    """
    audio = to_int16(line(dial("5")))
    detector = Detector()
    detector.fill_in(1234)
    events = detector.process(audio) + detector.flush()
    (ended,) = [event for event in events if isinstance(event, ToneEnded)]
    assert abs(ended.start_sample - (1234 + 800)) <= 20


@pytest.mark.parametrize("rate", RATES)
def test_detector_refuses_a_negative_loss(rate: int) -> None:
    """
    Audio cannot be lost backwards.
    """
    with pytest.raises(
        ParameterError, match=r"^n_samples: expected 0 or more, got -1$"
    ):
        Detector(rate).fill_in(-1)


# What the detector is given.


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
def test_detector_survives_any_audio(audio: Audio | Wave, rate: int) -> None:
    """
    The ugliest audio raises nothing and gives whole events.
    """
    for event in listen(Detector(rate), audio, [160]):
        assert all(isinstance(place, int) for place in _places(event))


def test_detector_hears_a_clipped_press() -> None:
    """
    A press 10 dB beyond full scale is still its digit.
    """
    presses = dial("0123456789", low_dbm0=5.0, high_dbm0=5.0)
    assert _digits(line(presses)) == "0123456789"


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([0.0, np.nan], "samples: expected finite numbers, got NaN or infinity"),
        ([np.inf, 0.0], "samples: expected finite numbers, got NaN or infinity"),
        (
            np.zeros((1, 160), dtype=np.int16),
            "samples: expected one channel of shape (n,), got shape (1, 160)",
        ),
        (
            np.zeros(160, dtype=np.int32),
            "samples: expected int16 or float samples, got int32",
        ),
        (["1", "2"], "samples: expected int16 or float samples, got <U1"),
        ("12", "samples: expected one channel of shape (n,), got shape ()"),
    ],
)
def test_detector_refuses_what_is_not_audio(
    samples: npt.ArrayLike, message: str
) -> None:
    """
    Wrong input is told apart and leaves the stream where it was.
    """
    audio = to_int16(line(dial("5"), noise_dbm0=-50.0))
    detector = Detector()
    events = detector.process(audio[:1000])
    with pytest.raises(AudioFormatError, match=f"^{re.escape(message)}$"):
        detector.process(samples)
    events += detector.process(audio[1000:]) + detector.flush()
    assert events == _events(audio)
    with pytest.raises(AudioFormatError, match=f"^{re.escape(message)}$"):
        decode(samples)


def test_detector_refuses_a_rate_or_a_profile_it_does_not_know() -> None:
    """
    Wrong arguments are parameter errors.
    """
    with pytest.raises(
        ParameterError,
        match=r"^sample_rate_hz: expected a whole number from 4000 to 384000, got 0$",
    ):
        Detector(0)
    with pytest.raises(
        ParameterError,
        match=r"^profile: expected one of default, strict, sensitive, got 'x'$",
    ):
        decode([], profile="x")


@pytest.mark.parametrize("profile", ["default", "strict", "sensitive"])
def test_detector_takes_a_profile_by_name(profile: str) -> None:
    """
    Every profile hears a good press.
    """
    audio = to_int16(line(dial("A0"), noise_dbm0=LIGHT_NOISE_DBM0))
    assert [ended.digit for ended in decode(audio, profile=profile)] == ["A", "0"]
