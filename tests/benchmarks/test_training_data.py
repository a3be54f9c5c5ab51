"""
Training data: examples are the looks that the engine takes, each once.
"""

import numpy as np

from benchmarks.channels import KEYS
from benchmarks.corpus import Call
from benchmarks.training_data import FIRST_SEEN, Examples, examples, joined, key_looks
from dtmf_engine.looks import LONG, LONG_HOPS, SHORT
from dtmf_engine.scoring import features
from tests.support.looks import LOOK_SAMPLES, looks_at, measured
from tests.support.tones import Audio, Press, dial, line, sine, to_int16


def _audio(presses: list[Press]) -> Audio:
    return to_int16(line(presses, noise_dbm0=-45.0))


def test_examples_are_what_a_look_at_their_audio_gives() -> None:
    """
    Features of both windows, and the pair, of the 40 ms up to each end.
    """
    audio = _audio(dial("5B", lead=1600))
    found = examples(audio)
    assert len(found.end) > 60
    for i in range(0, len(found.end), 7):
        end = int(found.end[i])
        own = measured(audio[end - LOOK_SAMPLES : end], first_hop=end // 20 - LONG_HOPS)
        looks = looks_at(own, [LONG_HOPS - 1])
        expected = features(looks)[0].astype(np.float32)
        assert found.short[i].tolist() == expected[SHORT].tolist()
        assert found.long[i].tolist() == expected[LONG].tolist()
        assert found.pair[i] == 4 * looks["row"][0] + looks["column"][0]


def test_examples_go_on_from_slice_to_slice() -> None:
    """
    Two and a half minutes are heard in several slices, and ends count on.
    """
    seconds = [1, 115, 125, 145]
    presses = [press for at in seconds for press in dial("7", lead=8000 * at, seed=at)]
    found = examples(_audio(presses))
    clean = found.end[(found.pair == KEYS.index("7")) & (found.long[:, 0] < 0.5)]
    assert sorted({int(end) // 8000 for end in clean}) == seconds
    assert (np.diff(found.end) >= 0).all()


def test_below_a_dial_tone_both_looks_are_examples() -> None:
    """
    One that hears it and one through the high-pass that does not.
    """
    presses = dial("5", lead=8000, low_dbm0=-16.0, high_dbm0=-16.0)
    wave = line(presses, noise_dbm0=-60.0)
    wave += sine(350.0, len(wave), -12.0) + sine(440.0, len(wave), -12.0)
    found = examples(to_int16(wave))
    end = presses[0].end_sample - 100
    twice = found.long[found.end == end // 20 * 20]
    assert twice.shape == (2, 15)
    direct, filtered = twice[:, 0] ** 8
    assert direct > 0.3
    assert filtered < 0.02


def test_examples_tell_what_is_inside_the_limits() -> None:
    """
    A pair that is 3.5 % off is outside by both windows, one that is not is inside.
    """
    for error, is_inside in ((0.0, True), (0.035, False)):
        (press,) = dial("1", low_error=error, high_error=error)
        found = examples(_audio([press]))
        heard = found.end - press.start_sample
        whole = (heard > 400) & (found.end <= press.end_sample)
        assert whole.sum() > 10
        assert (found.long_inside[whole] == is_inside).all()
        assert (found.short_inside[whole] == is_inside).all()


def test_silence_has_no_examples() -> None:
    """
    Nobody looks at it; and nothing joined to it is what it was.
    """
    nothing = examples(np.zeros(8000, dtype=np.int16))
    assert nothing.short.shape == nothing.long.shape == (0, 15)
    assert len(nothing.end) == len(joined([]).end) == 0
    some = examples(_audio(dial("9")))
    both = joined([nothing, some, nothing])
    for name in Examples.__dataclass_fields__:
        assert np.array_equal(getattr(both, name), getattr(some, name))


def test_key_looks_have_seen_their_key() -> None:
    """
    Looks of a call that end inside a press, have heard enough of it, and saw its
    pair, with how much each has heard.
    """
    keys = "3A3"
    presses = dial(keys, lead=2000)
    call = Call(
        audio=_audio(presses),
        keys=keys,
        starts=tuple(press.start_sample for press in presses),
        ends=tuple(press.end_sample for press in presses),
    )
    looks, heard, number = key_looks(call)
    assert len(looks.end) == len(heard) == len(number) > 3 * 30
    assert set(number.tolist()) == {0, 1, 2}
    for i, press in enumerate(presses):
        own = number == i
        assert (looks.end[own] - press.start_sample == heard[own]).all()
        assert (heard[own] >= FIRST_SEEN).all()
        assert (looks.end[own] <= press.end_sample + 4).all()
        assert (looks.pair[own] == KEYS.index(press.digit)).all()
