"""
Audit: a verdict on two recordings.
"""

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from dtmf_engine import AudioFormatError, AuditReport, ParameterError, audit
from dtmf_engine.alignment import Alignment, Piece
from dtmf_engine.audit import Press, PressAudit, describe
from dtmf_engine.errors import NothingInCommonError
from tests.support import tones
from tests.support.tones import (
    ALL_DIGITS,
    Audio,
    dial,
    line,
    to_float,
    to_int16,
    voiced,
    white_noise,
)


FLOOR_DBM0 = -55.0


def _call(
    digits: str, *, seed: int = 0, sample_rate_hz: int = 8000
) -> tuple[Audio, list[Press], list[tones.Press]]:
    """
    Make a caller who speaks and then keys, and tell the truth about the presses.
    """
    ms = sample_rate_hz // 1000
    presses = dial(digits, tone=100 * ms, pause=100 * ms, lead=1200 * ms, seed=seed)
    wave = line(
        presses, noise_dbm0=FLOOR_DBM0, seed=seed, sample_rate_hz=sample_rate_hz
    )
    speech = voiced(1000 * ms, seed=seed, sample_rate_hz=sample_rate_hz)
    wave[: len(speech)] += speech
    truth = [Press(p.digit, p.start_sample, p.end_sample) for p in presses]
    return to_int16(wave), truth, presses


def _redacted(caller: Audio, presses: list[Press], *, margin: int = 100) -> Audio:
    """
    Replace all presses by noise, as a perfect suppressor does.
    """
    agent = caller.copy()
    noise = to_int16(white_noise(len(caller), FLOOR_DBM0, seed=99))
    for press in presses:
        part = slice(press.start_sample - margin, press.end_sample + margin)
        agent[part] = noise[part]
    return agent


def test_audit_reads_everything_from_an_agent_who_hears_the_caller() -> None:
    """
    Without masking every press is read, detected, and the verdict is a leak.
    """
    caller, _, _ = _call(ALL_DIGITS)
    report = audit(caller, caller)
    assert report.detected == ALL_DIGITS
    assert report.n_right == report.n_read == len(report.presses) == 16
    assert report.delay_samples == 0
    assert not report.is_clean


def test_audit_finds_the_presses_in_the_caller_s_recording() -> None:
    """
    Where presses are not told, they are the ones the caller's recording holds.
    """
    caller, truth, _ = _call("159D")
    report = audit(caller, caller)
    assert [found.press.digit for found in report.presses] == list("159D")
    for found, press in zip(report.presses, truth, strict=True):
        assert abs(found.press.start_sample - press.start_sample) <= 20
        assert abs(found.press.end_sample - press.end_sample) <= 20


@pytest.mark.parametrize("delay_samples", [0, 1, 160, 777])
def test_audit_is_clean_when_nothing_leaked(delay_samples: int) -> None:
    """
    From an agent's recording without a trace, nothing is read, whatever its delay.
    """
    for seed in range(2):
        caller, truth, _ = _call(ALL_DIGITS * 2, seed=seed)
        agent = _redacted(caller, truth)
        late = np.concatenate([np.zeros(delay_samples, dtype=np.int16), agent])
        for presses in (truth, None):
            report = audit(caller, late, presses=presses)
            assert report.delay_samples == delay_samples
            assert report.detected == ""
            assert report.n_read == 0
            assert report.is_clean


@pytest.mark.parametrize("n_leaked", [12, 16, 80])
def test_audit_finds_a_leak_of_one_and_a_half_milliseconds(n_leaked: int) -> None:
    """
    The first twelve samples of each press are enough to read it.
    """
    caller, truth, presses = _call(ALL_DIGITS)
    agent = _redacted(caller, truth)
    for press in presses:
        leaked = slice(press.start_sample, press.start_sample + n_leaked)
        agent[leaked] = caller[leaked]
    report = audit(caller, agent, presses=truth, delay_samples=0)
    assert report.n_right == report.n_read == 16
    assert not report.is_clean


def test_audit_finds_a_single_press_among_many() -> None:
    """
    One press that got through is a leak, even where luck could guess it.
    """
    caller, truth, _ = _call(ALL_DIGITS)
    agent = _redacted(caller, truth[1:])
    report = audit(caller, agent, presses=truth, delay_samples=0)
    assert report.n_read == 1
    assert report.detected == "1"
    assert not report.is_clean


@pytest.mark.parametrize("form", ["int16", "float"])
@pytest.mark.parametrize(("caller_hz", "agent_hz"), [(8000, 16_000), (44_100, 8000)])
def test_audit_takes_recordings_of_two_rates(
    caller_hz: int, agent_hz: int, form: str
) -> None:
    """
    The caller's and the agent's recording need not have the same rate or form.
    """
    waves = []
    for rate in (caller_hz, agent_hz):
        ms = rate / 1000
        presses = dial(
            "15937", tone=round(100 * ms), pause=round(100 * ms), lead=round(200 * ms)
        )
        wave = line(presses, sample_rate_hz=rate)
        waves.append(to_int16(wave) if form == "int16" else to_float(wave))
    report = audit(
        waves[0],
        waves[1],
        caller_hz,
        agent_sample_rate_hz=agent_hz,
        delay_samples=0,
    )
    assert report.detected == "15937"
    assert report.n_read == len(report.presses) == 5


def test_audit_of_a_call_without_presses_is_clean() -> None:
    """
    Where nothing was keyed, nothing can be recovered.
    """
    audio = to_int16(voiced(16_000))
    report = audit(audio, audio)
    assert report.presses == ()
    assert report.is_clean
    assert describe(report) == ["no press in the caller's recording"]


def test_audit_of_a_digit_only_the_agent_hears_is_not_clean() -> None:
    """
    A digit in the agent's recording counts, even if the caller's has no press.
    """
    caller = to_int16(voiced(16_000))
    _, _, presses = _call("5")
    agent = to_int16(caller + line(presses, n_samples=16_000))
    agent[9600:10_400] = to_int16(line(presses, n_samples=16_000))[9600:10_400]
    report = audit(caller, agent)
    assert report.presses == ()
    assert report.detected == "5"
    assert not report.is_clean
    assert len(describe(report)) == 2


@pytest.mark.parametrize("digit", ALL_DIGITS)
@pytest.mark.parametrize("n_samples", [0, 5, 800, 40_000])
def test_audit_of_an_agent_who_hears_nothing_is_clean(
    n_samples: int, digit: str
) -> None:
    """
    A recording of silence, or one that ends before the presses, holds no digit: a
    guess without any reason for it is not a right one.
    """
    caller, truth, _ = _call(digit * 8)
    report = audit(caller, np.zeros(n_samples, dtype=np.int16), presses=truth)
    assert report.n_read == 0
    assert report.is_clean


@pytest.mark.parametrize("n_samples", [0, 160])
def test_audit_of_a_caller_who_says_nothing_is_clean(n_samples: int) -> None:
    """
    The shortest recordings raise nothing.
    """
    audio = np.zeros(n_samples, dtype=np.int16)
    assert audit(audio, audio).is_clean


@pytest.mark.parametrize("n_slipped", [160, -160])
def test_audit_follows_a_recording_that_slips(n_slipped: int) -> None:
    """
    A frame too many or too few in the middle hides no leak before or after it.
    """
    caller, truth, presses = _call(ALL_DIGITS)
    agent = _redacted(caller, truth)
    for press in (presses[0], presses[15]):
        leaked = slice(press.start_sample, press.start_sample + 40)
        agent[leaked] = caller[leaked]
    at = presses[8].end_sample + 400
    if n_slipped > 0:
        agent = np.insert(agent, at, np.zeros(n_slipped, dtype=np.int16))
    else:
        agent = np.delete(agent, slice(at, at - n_slipped))
    report = audit(caller, agent, presses=truth)
    assert [round(by) for _, by in report.alignment.steps] == [n_slipped]
    assert [found.is_read for found in report.presses] == [
        index in {0, 15} for index in range(16)
    ]


def test_audit_refuses_recordings_of_two_calls() -> None:
    """
    What has nothing in common is neither clean nor a leak.
    """
    caller, truth, _ = _call("159")
    agent = to_int16(voiced(20_000, pitch_hz=93.0, seed=5))
    with pytest.raises(NothingInCommonError, match="nothing in common"):
        audit(caller, agent, presses=truth)


def test_audit_learns_the_telephone_s_levels() -> None:
    """
    Six samples over a quiet line are read, because the levels are known; levels
    that jump from press to press are not, and then fewer are.
    """
    shares = []
    for spread in (0.0, 6.0):
        presses = [
            replace(p, low_dbm0=p.low_dbm0 + (-1) ** n * spread / 2)
            for n, p in enumerate(dial(ALL_DIGITS * 2, lead=4000, seed=7))
        ]
        caller = to_int16(line(presses, noise_dbm0=-50.0))
        agent = to_int16(white_noise(len(caller), -50.0, seed=8))
        for press in presses:
            leaked = slice(press.start_sample + 96, press.start_sample + 102)
            agent[leaked] = caller[leaked]
        truth = [Press(p.digit, p.start_sample, p.end_sample) for p in presses]
        shares.append(audit(caller, agent, presses=truth, delay_samples=0).n_right)
    assert shares[0] >= 28
    assert shares[1] < shares[0]


def test_audit_of_a_caller_who_keys_one_digit_only_is_clean() -> None:
    """
    An attacker who hears nothing guesses something; guessing it every time is no
    leak, though every guess may be right.
    """
    for digit in "159*":
        caller, truth, _ = _call(digit * 40)
        report = audit(caller, _redacted(caller, truth), presses=truth)
        assert report.n_read == 0
        assert report.is_clean


# The report.


def _report(n_right: int, n_presses: int, *, margin: float = 0.0) -> AuditReport:
    presses = [
        PressAudit(Press("1", 0, 1), "1" if index < n_right else "2", margin)
        for index in range(n_presses)
    ]
    return AuditReport(tuple(presses), 160, "")


@pytest.mark.parametrize("n_presses", [3, 4, 16, 64, 1000])
def test_report_is_clean_up_to_the_chance_bound(n_presses: int) -> None:
    """
    As many right guesses as luck explains are clean; one more is a leak.
    """
    bound = _report(0, n_presses).chance_bound
    assert _report(bound, n_presses).is_clean
    assert not _report(bound + 1, n_presses).is_clean
    lucky, unlucky = _report(bound, n_presses), _report(bound + 1, n_presses)
    assert lucky.luck >= 0.001 > unlucky.luck


@pytest.mark.parametrize(("n_right", "n_presses"), [(0, 1), (1, 1), (3, 16), (16, 16)])
def test_report_s_luck_is_the_tail_of_the_binomial(
    n_right: int, n_presses: int
) -> None:
    """
    Luck is the probability of at least as many right guesses, at one in sixteen.
    """
    expected = sum(
        float(binom.pmf(k, n_presses, 1 / 16)) for k in range(n_right, n_presses + 1)
    )
    assert _report(n_right, n_presses).luck == pytest.approx(expected)


def test_report_of_no_presses_has_bounds() -> None:
    """
    Nothing keyed: luck is certain, and no guess is right.
    """
    report = AuditReport((), 0, "")
    assert (report.n_right, report.n_read, report.chance_bound) == (0, 0, 0)
    assert report.luck == 1.0
    assert report.is_clean


@pytest.mark.parametrize(
    ("guess", "margin", "is_right", "is_read"),
    [("1", 9.2, True, True), ("1", 9.1, True, False), ("2", 50.0, False, False)],
)
def test_press_is_read_when_the_attacker_is_right_and_certain(
    guess: str, margin: float, *, is_right: bool, is_read: bool
) -> None:
    """
    Certainty is a margin of 9.2 nats: odds of 10,000 to 1.
    """
    result = PressAudit(Press("1", 0, 1), guess, margin)
    assert (result.is_right, result.is_read) == (is_right, is_read)


def test_report_with_a_detected_digit_is_not_clean() -> None:
    """
    What the detector finds is recoverable, whatever the attacker says.
    """
    report = AuditReport((PressAudit(Press("1", 0, 1), "2", 0.0),), 0, "7")
    assert not report.is_clean


@pytest.mark.parametrize(
    ("n_right", "low", "high"), [(0, 0.0, 0.2059), (4, 0.0727, 0.5238), (16, 0.7941, 1)]
)
def test_report_bounds_the_share_as_clopper_and_pearson_do(
    n_right: int, low: float, high: float
) -> None:
    """
    Of 16: the values are those of their published tables, 95 %.
    """
    assert _report(n_right, 16).share_bounds == pytest.approx((low, high), abs=1e-4)


def test_report_counts_luck_at_the_chance_it_was_given() -> None:
    """
    Where blind guesses are right half of the time, eight of sixteen are nothing.
    """
    assert not _report(8, 16).is_clean
    assert replace(_report(8, 16), chance=0.5).is_clean


def test_describe_says_how_the_recordings_lie() -> None:
    """
    Slips, drift and inversion are named.
    """
    pieces = (Piece(0, 0, 160.0), Piece(8000, 8000, 320.0, 50e-6))
    report = replace(_report(1, 16), alignment=Alignment(pieces, -0.5))
    assert describe(report)[1] == (
        "recording lags by      20 ms; slips 1 x (+20.0 ms); drifts by +50 ppm; "
        "is turned over"
    )


def test_describe_says_it_in_seven_lines() -> None:
    """
    The result in words, for a clean call and for a leak.
    """
    assert describe(_report(1, 16)) == [
        "presses                16",
        "recording lags by      20 ms",
        "attacker guessed right 1 of 16 (blind guessing: 1.0, up to 5 by luck)",
        "  in the long run      0.2 to 30.2 % (95 %)",
        "attacker was sure of   0",
        "detector finds         0",
        "verdict                nothing recoverable",
    ]
    assert describe(_report(16, 16, margin=10.0)) == [
        "presses                16",
        "recording lags by      20 ms",
        "attacker guessed right 16 of 16 (blind guessing: 1.0, up to 5 by luck)",
        "  in the long run      79.4 to 100.0 % (95 %)",
        "attacker was sure of   16",
        "detector finds         0",
        "verdict                LEAK: digits recoverable",
    ]


def test_describe_prints_no_run_of_digits() -> None:
    """
    Neither what was keyed nor what was guessed is in the words, though all of it is
    in the report.
    """
    keyed = "4929123412341234"
    caller, _, _ = _call(keyed)
    report = audit(caller, caller)
    assert report.detected == keyed
    text = re.sub(r"[^0-9*#A-D]", "", "".join(describe(report)))
    for start in range(len(keyed) - 3):
        assert keyed[start : start + 4] not in text


# What the audit is given.


@pytest.mark.parametrize(
    ("caller", "agent", "message"),
    [
        (
            np.zeros((2, 5)),
            np.zeros(5),
            "caller: expected one channel of shape (n,), got shape (2, 5)",
        ),
        (
            np.zeros(5),
            np.zeros(5, dtype=np.int32),
            "agent: expected int16 or float samples, got int32",
        ),
        (
            np.zeros(5),
            np.array([np.nan]),
            "agent: expected finite numbers, got NaN or infinity",
        ),
    ],
)
def test_audit_refuses_what_is_not_audio(
    caller: Audio, agent: Audio, message: str
) -> None:
    """
    The message names the recording that is wrong.
    """
    with pytest.raises(AudioFormatError, match=f"^{re.escape(message)}$"):
        audit(caller, agent)


@pytest.mark.parametrize(
    ("press", "message"),
    [
        (
            Press("1", 5, 5),
            "presses: expected 0 <= start_sample < end_sample, got 5 and 5",
        ),
        (
            Press("1", -1, 5),
            "presses: expected 0 <= start_sample < end_sample, got -1 and 5",
        ),
        (Press("E", 0, 5), "digit: expected one of 123A456B789C*0#D, got 'E'"),
    ],
)
def test_audit_refuses_presses_that_cannot_be(press: Press, message: str) -> None:
    """
    A press is a digit with a beginning before its end.
    """
    audio = np.zeros(800)
    with pytest.raises(ParameterError, match=f"^{re.escape(message)}$"):
        audit(audio, audio, presses=[press])


def test_audit_refuses_a_rate_out_of_range() -> None:
    """
    The range of rates is that of the whole package, for both recordings.
    """
    audio = np.zeros(800)
    message = r"^sample_rate_hz: expected a whole number from 4000 to 384000, got 3999$"
    with pytest.raises(ParameterError, match=message):
        audit(audio, audio, 3999)
    with pytest.raises(ParameterError, match=message):
        audit(audio, audio, 8000, agent_sample_rate_hz=3999)
