"""
Speech: what is masked is counted and scored, what is not is as it came.
"""

from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks import speech, talkoff, voices
from benchmarks.channels import RATE, Int16
from benchmarks.codecs import mulaw
from benchmarks.results import SpeechRow
from benchmarks.speech import Counted, Masked
from dtmf_engine.arrays import Bool


needs_scores = pytest.mark.skipif(
    find_spec("pesq") is None or find_spec("pystoi") is None,
    reason="pesq or pystoi is not installed (extra bench)",
)


def _voice(seconds: int) -> Int16:
    """
    Something like speech: harmonics of a gliding pitch in syllables.
    """
    n = np.arange(seconds * RATE)
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * n / RATE)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    wave = sum(np.sin(k * phase) / k for k in range(1, 20))
    syllables = np.maximum(0.0, np.sin(2 * np.pi * 3.1 * n / RATE))
    return mulaw((2500 * wave * syllables).astype(np.int16))


def _masked(audio: Int16, start: int, stop: int) -> Masked:
    masked: Bool = np.zeros(len(audio), dtype=np.bool_)
    masked[start:stop] = True
    return Masked(audio, np.where(masked, np.int16(0), audio), masked)


@pytest.mark.parametrize("engine", speech.ENGINES)
def test_policies_give_back_what_they_do_not_mask(engine: str) -> None:
    """
    Over more than one leg, sample for sample, and nothing is left over.
    """
    audio = _voice(70)
    stretches = speech.through_bank(engine, audio)
    assert [len(stretch.sent) for stretch in stretches] == [480_000, 80_000]
    counted = speech.count("voice", engine, stretches)
    assert counted.samples == len(audio)
    assert counted.differing == 0


def test_masks_and_changes_are_counted() -> None:
    """
    One mask of 40 ms, and one sample changed where nothing was masked.
    """
    stretch = _masked(_voice(16), 8000, 8320)
    stretch.heard[12_345] ^= 64
    counted = speech.count("voice", "x", [stretch])
    assert (counted.masks, counted.masked, counted.differing) == (1, 320, 1)
    assert counted.segments == 2


@needs_scores
def test_only_segments_with_a_mask_are_scored() -> None:
    """
    The second of two segments is masked and scores less than unchanged speech.
    """
    counted = speech.count("voice", "x", [_masked(_voice(16), 90_000, 93_000)])
    ((quality, intelligibility),) = counted.scores
    assert 1.0 < quality < speech.UNCHANGED_PESQ - 0.05
    assert 0.5 < intelligibility < 1.0


@needs_scores
def test_speech_compared_with_itself_scores_as_taken_for_granted() -> None:
    """
    The score that segments without a mask are given is the one PESQ gives them.
    """
    scored = speech.score(_masked(_voice(8), 0, 0))
    assert scored is not None
    assert scored[0] == pytest.approx(speech.UNCHANGED_PESQ, abs=1e-3)
    assert scored[1] == pytest.approx(1.0, abs=1e-6)


@needs_scores
def test_silence_is_not_scored() -> None:
    """
    PESQ wants somebody to talk.
    """
    silence = np.zeros(speech.SEGMENT_SAMPLES, dtype=np.int16)
    assert speech.score(_masked(silence, 0, 80)) is None


def test_pieces_are_added_up_and_means_go_over_all_segments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    A scored segment among nine unchanged ones weighs a tenth.
    """
    monkeypatch.setattr(speech, "find_spec", lambda _: "there")
    one = Counted("voice", "x", 40 * RATE, 1, 320, 0, 5, ((3.549, 0.9),))
    other = Counted("voice", "x", 40 * RATE, 0, 0, 2, 5, ())
    (row,) = speech.merge([[one], [other]])
    assert row == SpeechRow(
        material="voice",
        engine="x",
        hours=0.022,
        masks=1,
        masked_ms=40.0,
        differing=2,
        segments=10,
        pesq_mean=4.449,
        pesq_min=3.549,
        stoi_mean=0.99,
        stoi_min=0.9,
    )


def test_without_scores_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What is not installed is named, and leaves a gap instead of a perfect score.
    """
    monkeypatch.setattr(speech, "find_spec", lambda _: None)
    (row,) = speech.merge([[Counted("voice", "x", 8 * RATE, 0, 0, 0, 1, ())]])
    assert row.pesq_mean is row.pesq_min is row.stoi_mean is row.stoi_min is None
    assert sum("dtmf-engine[bench]" in line for line in speech.missing()) == 2


def test_lag_is_found_piece_by_piece() -> None:
    """
    A slip of one frame half-way is seen.
    """
    sent = _voice(12).astype(np.float64)
    late = np.concatenate([np.zeros(37), sent])
    assert set(speech.lag_of_pieces(sent, late)) == {37}
    slipped = np.concatenate([late[:48_000], np.zeros(160), late[48_000:]])
    lags = speech.lag_of_pieces(sent, slipped)
    assert (lags[0], lags[-1]) == (37, 197)


def test_delay_is_the_look_ahead_whatever_is_armed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    20 ms in every piece, while captures come and go.
    """
    audio = _voice(30)
    monkeypatch.setattr(voices, "prompts", lambda: audio)
    for engine in speech.ENGINES:
        row = speech.delay(engine)
        assert row is not None
        assert row.pieces >= 10
        assert row.min_ms == row.max_ms == 20.0


def test_only_the_first_passes_go_to_what_is_only_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Policy `tones` hears all; `armed` and rivals hear the first passes.
    """
    monkeypatch.setattr(talkoff, "MATERIALS", {"human speech": (lambda: _voice(4), "")})
    monkeypatch.setattr(speech, "PASSES", {"quick": {"human speech": 3}})
    monkeypatch.setattr(speech, "FEW_PASSES", {"quick": 1})
    jobs = speech.jobs("quick", 2, ("rival",))
    assert [job.engines for job in jobs] == [
        ("tones", "armed", "rival"),
        ("tones",),
        ("tones",),
    ]
