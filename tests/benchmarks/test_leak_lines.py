"""
Lines of the leak benchmark: they are what their names say.
"""

import numpy as np
import pytest

from benchmarks import codecs, leak_lines
from benchmarks.channels import KEYS, LOSS_FRAME, RATE
from benchmarks.leak_lines import LINES, LeakCall, Line, draw


def _calls(name: str, n_calls: int = 16, seed: int = 4) -> list[LeakCall]:
    return [draw(LINES[name], seed, number) for number in range(n_calls)]


def _power(call: LeakCall, *, inside: bool) -> float:
    keyed = np.zeros(len(call.audio), dtype=np.bool_)
    for start, end in zip(call.starts, call.ends, strict=True):
        keyed[start:end] = True
    wave = call.audio.astype(np.float64)
    return float(np.mean(wave[keyed == inside] ** 2))


def test_presses_begin_at_every_sample_of_a_frame() -> None:
    """
    160 presses begin at each of its 160 samples once.
    """
    starts = [start % LOSS_FRAME for call in _calls("nominal") for start in call.starts]
    assert sorted(starts) == list(range(LOSS_FRAME))


def test_all_keys_are_pressed_about_equally_often() -> None:
    """
    None of the sixteen is missing, so that guessing one key always is no better.
    """
    keys = "".join(call.keys for call in _calls("tones of 25 ms", 48))
    assert len(keys) == 480
    assert min(keys.count(key) for key in KEYS) >= 10


def test_a_call_is_drawn_from_its_line_seed_and_number_alone() -> None:
    """
    The same draw gives the same audio, another seed or number another.
    """
    line = LINES["nominal"]
    first = draw(line, 2, 0)
    assert np.array_equal(first.audio, draw(line, 2, 0).audio)
    assert first.keys + draw(line, 2, 1).keys != first.keys * 2
    assert not np.array_equal(first.audio[:4000], draw(line, 1, 0).audio[:4000])


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("nominal", 20.0, 40.0), ("S/N 6 to 20 dB", 6.0, 20.0)],
)
def test_noise_is_as_loud_as_the_line_says(name: str, low: float, high: float) -> None:
    """
    Both tones together stand above all noise by a ratio inside the line's range.

    Quiet lines are left out: there µ-law adds noise of its own.
    """
    ratios = []
    for call in _calls(name):
        noise = _power(call, inside=False)
        if noise < 400:
            continue
        signal = _power(call, inside=True) - noise
        ratios.append(10 * np.log10(signal / noise))
    assert len(ratios) >= 4
    assert low - 1 < min(ratios)
    assert max(ratios) < high + 1


@pytest.mark.parametrize("ms", [3, 5, 8, 12])
def test_a_fragment_alone_has_silence_on_one_side(ms: int) -> None:
    """
    What a gateway cut away is digital silence, before or after what it left.
    """
    sides = []
    for call in _calls(f"fragment of {ms} ms, alone", 8):
        for start, end in zip(call.starts, call.ends, strict=True):
            assert end - start == ms * RATE // 1000
            before, after = call.audio[start - 300 : start], call.audio[end : end + 300]
            assert before.any() != after.any()
            sides.append(bool(after.any()))
    assert len(set(sides)) == 2


def test_a_fragment_between_presses_is_the_only_one_asked_about() -> None:
    """
    Whole presses stand on both sides of each fragment and do not count.
    """
    for call in _calls("fragment of 5 ms, between presses", 4):
        lengths = np.array(call.ends) - np.array(call.starts)
        assert call.counted == tuple(i % 2 == 1 for i in range(len(lengths)))
        assert set(lengths[1::2]) == {40}
        assert lengths[::2].min() >= 400


def test_lost_frames_are_told_only_where_the_line_says_so() -> None:
    """
    `fill_in` tells the receiver; `zeros` leaves silence; `repeat` leaves audio.
    """
    for call in _calls("5 % of frames lost, fill_in", 4):
        assert call.lost.any()
        assert np.array_equal(call.gone, np.repeat(call.lost, 160)[: len(call.gone)])
    for call in _calls("5 % of frames lost, zeros", 4):
        assert not call.lost.any()
        assert call.gone.any()
        assert not call.audio[call.gone].any()
    for call in _calls("5 % of frames lost, repeat", 4):
        assert not call.lost.any()
        assert not call.gone.any()


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A line that cannot be made says what it needs; the others say nothing.
    """
    monkeypatch.setattr(codecs, "has_ffmpeg", lambda: False)
    assert "apt-get install ffmpeg" in leak_lines.missing(LINES["gsm in front"])
    assert leak_lines.missing(Line("any", "hard")) == ""
