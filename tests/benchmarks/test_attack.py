"""
The attack: what the agent hears is what the bridge would send, and is judged fairly.
"""

import numpy as np
import pytest

from benchmarks import attack
from benchmarks.attack import POLICIES, UNMASKED, Heard
from benchmarks.leak_lines import LINES, LeakCall, draw
from benchmarks.leak_tables import interval


def _call(name: str = "nominal", number: int = 0) -> LeakCall:
    return draw(LINES[name], 4, number)


@pytest.mark.parametrize("engine", POLICIES)
def test_what_is_not_masked_is_what_was_sent(engine: str) -> None:
    """
    In line with each other, sample for sample; and presses are masked.
    """
    call = _call()
    (heard,) = attack.through_bank(engine, [call])
    clear = ~heard.masked
    assert np.array_equal(heard.audio[clear], call.audio[clear])
    for start, end in zip(call.starts, call.ends, strict=True):
        assert heard.masked[start:end].all()


def test_frames_told_lost_are_heard_as_noise() -> None:
    """
    A frame that the receiver says is lost is masked, whatever stood in it.
    """
    call = _call("5 % of frames lost, fill_in")
    (heard,) = attack.through_bank("tones", [call])
    assert call.gone.any()
    assert heard.masked[call.gone].all()


def test_without_masking_every_press_is_read() -> None:
    """
    The attacker is certain, and all of the press counts as leaked.
    """
    call = _call()
    heard = attack.through_rivals([UNMASKED], call)[UNMASKED]
    outcomes = attack.judge(call, heard, 4)
    lengths = [end - start for start, end in zip(call.starts, call.ends, strict=True)]
    assert all(outcome.is_right and outcome.is_sure for outcome in outcomes)
    assert [outcome.leaked_samples for outcome in outcomes] == lengths
    assert {outcome.masked_samples for outcome in outcomes} == {0}


def test_silence_is_guessed_blindly() -> None:
    """
    Where nothing is left the attacker still guesses, and is right by chance.
    """
    right, presses = 0, 0
    for number in range(32):
        call = _call("tones of 25 ms", number)
        n = len(call.audio)
        nothing = Heard(np.zeros(n), np.ones(n, dtype=np.bool_))
        outcomes = attack.judge(call, nothing, 4)
        right += sum(outcome.is_right for outcome in outcomes)
        presses += len(outcomes)
        assert not any(outcome.is_sure for outcome in outcomes)
    low, high = interval(right, presses, 0.999)
    assert low < 1 / 16 < high
    assert right > 0


def test_what_is_masked_belongs_to_the_nearest_press() -> None:
    """
    The mask over it has an extent, from the press; what is masked beside it counts,
    too; what is nearer to another press does not.
    """
    call = _call()
    masked = np.zeros(len(call.audio), dtype=np.bool_)
    masked[call.starts[3] - 50 : call.ends[3] + 70] = True
    masked[call.ends[3] + 100 : call.ends[3] + 130] = True
    outcomes = attack.judge(call, Heard(call.audio.astype(np.float64), masked), 4)
    extents = [(o.mask_start, o.mask_end, o.masked_samples) for o in outcomes]
    length = call.ends[3] - call.starts[3]
    assert extents[3] == (-50, 70, length + 150)
    assert extents[:3] + extents[4:] == [(0, 0, 0)] * 9
    assert outcomes[3].mask_samples == length + 120
    assert outcomes[3].leaked_samples == 0


def test_only_presses_that_count_are_judged() -> None:
    """
    Of 21 presses, ten are fragments.
    """
    call = _call("fragment of 12 ms, between presses")
    heard = attack.through_rivals([UNMASKED], call)[UNMASKED]
    outcomes = attack.judge(call, heard, 4)
    assert "".join(outcome.key for outcome in outcomes) == call.keys[1::2]
