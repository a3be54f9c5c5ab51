"""
Masker: which samples a mask takes, and what it does to them.
"""

import itertools
from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt
import pytest

from dtmf_engine.comfort_noise import DEFAULT_NOISE, NoiseModel
from dtmf_engine.errors import ParameterError
from dtmf_engine.glances import Glance
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.marker import BEEP_SAMPLES, Beep
from dtmf_engine.masker import (
    ALERT,
    ALWAYS,
    FADE_SAMPLES,
    Masker,
    Policy,
    Span,
    clean_samples,
    get_policy,
    render,
    weight_at,
)
from tests.support.tones import to_int16, white_noise


LOUD = to_int16(white_noise(1000, -3.0))


def _span(start: int, stop: int) -> Span:
    return Span(
        start, start + FADE_SAMPLES, stop, stop + FADE_SAMPLES, sound=DEFAULT_NOISE
    )


@pytest.mark.parametrize("policy", ["tones", "strict", Policy.TONES, Policy.STRICT])
def test_get_policy_knows_a_policy_by_its_name(policy: str | Policy) -> None:
    """
    A policy may be given by name or by value.
    """
    assert get_policy(policy) is Policy(policy)


@pytest.mark.parametrize("policy", ["", "Strict", "mute"])
def test_get_policy_refuses_an_unknown_name(policy: str) -> None:
    """
    The message lists the policies there are.
    """
    with pytest.raises(
        ParameterError,
        match=rf"^policy: expected one of tones, strict, marker, got '{policy}'$",
    ):
        get_policy(policy)


def test_masker_reaches_back_over_the_look_ahead_and_no_further() -> None:
    """
    A mask begins with the oldest sample that has not left yet.
    """
    masker = Masker(160)
    masker.mask(1000, 1100)
    (span,) = masker.spans
    assert span.fade_from == 840
    assert span.full_from == 840 + FADE_SAMPLES
    assert span.full_until == 1100
    assert span.fade_until == 1100 + FADE_SAMPLES


def test_masker_lengthens_a_mask_that_is_still_open() -> None:
    """
    A tone that goes on is one mask, not many.
    """
    masker = Masker(160)
    masker.mask(1000, 1100)
    masker.mask(1020, 1120)
    masker.mask(1040, 1060)
    (span,) = masker.spans
    assert (span.fade_from, span.full_until) == (840, 1120)


def test_masker_begins_anew_after_a_mask_has_left() -> None:
    """
    What lies between two tones far apart is the caller's own.
    """
    masker = Masker(160)
    masker.mask(1000, 1100)
    masker.mask(2000, 2100)
    first, second = masker.spans
    assert first.fade_until < second.fade_from == 1840


def test_masker_does_not_fade_in_over_a_fade_that_is_leaving() -> None:
    """
    A mask that follows close on another begins at once, because a fade from noise
    to the caller and back would let a tone's beginning through.
    """
    masker = Masker(160)
    masker.mask(1000, 1100)
    at = 1100 + 160 + FADE_SAMPLES // 2
    masker.mask(at, at + 100)
    second = masker.spans[-1]
    assert second.fade_from == second.full_from == at - 160


def test_masker_covers_up_to_the_end_of_its_last_mask() -> None:
    """
    A mask covers every sample before its end.
    """
    masker = Masker(160)
    assert not masker.covers(0)
    masker.mask(1000, 1100)
    assert masker.covers(1099)
    assert not masker.covers(1100)


def test_masker_forgets_masks_that_have_ended() -> None:
    """
    A mask goes when its fade is over, and no sooner.
    """
    masker = Masker(160)
    masker.mask(1000, 1100)
    masker.mask(2000, 2100)
    masker.forget(1100 + FADE_SAMPLES - 1)
    assert len(masker.spans) == 2
    masker.forget(1100 + FADE_SAMPLES)
    assert [span.full_until for span in masker.spans] == [2100]


def test_a_copy_is_the_same_and_goes_its_own_way() -> None:
    """
    Nothing is left out of it, and what it masks afterwards the first does not know.
    """
    masker = Masker(
        200,
        spans=[_span(900, 1100)],
        beeps=[_span(2000, 2100)],
        noise=NoiseModel(np.ones(1)),
        marks=True,
        armed=True,
        everything=True,
        pair=_glance(5.0),
        present_until=1234,
    )
    blank = Masker(160)
    for each in fields(Masker):
        assert getattr(masker, each.name) != getattr(blank, each.name)
    before = replace(masker, spans=list(masker.spans), beeps=list(masker.beeps))
    copy = masker.copy()
    assert copy == masker == before
    copy.mask(1110, 1300)
    copy.mask(3000, 3100)
    copy.beep(3000)
    copy.forget(5000)
    assert copy != masker == before


def test_masks_are_wider_while_presses_are_expected() -> None:
    """
    In a capture and after a press, no limit is narrower.
    """
    assert ALERT.min_power < ALWAYS.min_power
    assert ALERT.max_twist > ALWAYS.max_twist
    assert ALERT.min_alarm < ALWAYS.min_alarm
    assert ALERT.min_hold < ALWAYS.min_hold
    assert ALERT.hold_share <= ALWAYS.hold_share
    assert ALERT.hang_samples >= ALWAYS.hang_samples


def _glance(score: float, *, power: float = 1e6, share: float = 0.9) -> Glance:
    """
    A look that saw the pair of digit 1 and nothing else.
    """
    return Glance(score, 0, 0, [power, 0, 0, 0, power, 0, 0, 0], share, True)


def test_masker_begins_at_an_alarm_and_not_below_it() -> None:
    """
    With no mask on, nothing but the early score begins one.
    """
    masker = Masker(160)
    below = _glance(ALWAYS.min_alarm - 0.1)
    assert not masker.wants(below, 1000, alert=False)
    assert masker.wants(below, 1000, alert=True)
    assert masker.wants(_glance(ALWAYS.min_alarm), 1000, alert=False)


@pytest.mark.parametrize(
    ("glance", "wanted"),
    [
        (_glance(-3.0, share=0.15), False),
        (_glance(-3.0, share=0.3), True),
        (_glance(-5.0, share=0.75), True),
        (_glance(-8.5, share=0.75), False),
        (_glance(0.5, share=0.15), True),
    ],
    ids=["noise", "a part of it", "most of it", "voice", "certain"],
)
def test_what_a_pair_holds_counts_while_presses_are_expected(
    glance: Glance, *, wanted: bool
) -> None:
    """
    Noise scores as a press under a talker does, but no pair holds much of it.
    """
    assert Masker(160).wants(glance, 1000, alert=True) is wanted


def test_noise_does_not_keep_a_mask_going() -> None:
    """
    A score alone is not enough after a press either.
    """
    masker = Masker(160)
    masker.mask(1000, 1040)
    assert not masker.wants(_glance(-3.0, share=0.15), 1020, alert=True)
    assert masker.wants(_glance(-3.0, share=0.3), 1020, alert=True)


def test_a_mask_begins_as_if_its_alarm_were_the_last_there_could_be() -> None:
    """
    A hop sooner or later does not move its first sample.
    """
    for alert, alarm_hops in ((True, ALERT.alarm_hops), (False, ALWAYS.alarm_hops)):
        begun = set()
        for hops in range(1, alarm_hops + 1):
            masker = Masker(160)
            at = 1000 + hops * HOP_SAMPLES
            late = masker.late_samples(hops, alert=alert)
            masker.mask(at, at + HOP_SAMPLES, late)
            begun.add(masker.spans[0].fade_from)
        assert len(begun) == 1
        # The fade is over before the hop in which the press began.
        assert begun.pop() + FADE_SAMPLES <= 1000
        assert not masker.late_samples(0, alert=alert)
        assert not masker.late_samples(alarm_hops + 1, alert=alert)


@pytest.mark.parametrize(
    ("glance", "wanted"),
    [
        (_glance(-9.0, share=0.6), True),
        (_glance(-1.0, share=0.1), True),
        (_glance(-9.0, share=0.1), True),
        (_glance(-9.0, share=0.1, power=1e4), False),
        (None, False),
    ],
    ids=["alone", "likely", "present", "gone", "unseen"],
)
def test_masker_goes_on_while_the_pair_may_be_there(
    glance: Glance | None, *, wanted: bool
) -> None:
    """
    A pair that holds the sound, looks like a press, or is as loud as it was.
    """
    masker = Masker(160)
    assert masker.wants(_glance(5.0), 1000, alert=False)
    masker.mask(1000, 1040)
    assert masker.wants(glance, 1040, alert=False) is wanted


def test_a_weaker_alarm_does_not_take_the_place_of_a_certain_one() -> None:
    """
    What is present is measured by what was most like a press.
    """
    masker = Masker(160)
    masker.wants(_glance(5.0), 1000, alert=True)
    masker.mask(1000, 1040)
    masker.wants(_glance(ALERT.min_alarm, power=1e5), 1020, alert=True)
    assert masker.wants(_glance(-9.0, share=0.1, power=3e5), 1040, alert=True)


def test_a_certain_alarm_for_another_key_takes_the_place_of_the_last_one() -> None:
    """
    What was certain of the press before says nothing of this one.
    """
    masker = Masker(160)
    masker.wants(_glance(8.0), 1000, alert=True)
    masker.mask(1000, 1040)
    other = Glance(1.0, 1, 3, [0, 1e6, 0, 0, 0, 0, 0, 1e6], 0.9, True)
    masker.wants(other, 1040, alert=True)
    faded = other._replace(score=-9.0, column=2, share=0.1)
    assert masker.wants(faded, 1040, alert=True)


def test_masker_goes_on_after_a_break_no_longer_than_the_look_ahead() -> None:
    """
    What is still in the look-ahead can be masked without a gap.
    """
    masker = Masker(160)
    masker.mask(1000, 1040)
    weak = _glance(-9.0, share=0.6)
    assert masker.wants(weak, 1180, alert=False)
    assert not masker.wants(weak, 1220, alert=False)


def test_beeps_are_alike_and_keep_to_the_grid() -> None:
    """
    Two presses close together are told one after the other.
    """
    masker = Masker(160, marks=True)
    masker.beep(4100)
    masker.beep(4500)
    starts = [beep.full_from for beep in masker.beeps]
    lengths = {beep.full_until - beep.full_from for beep in masker.beeps}
    assert starts == [6000, 8000]
    assert lengths == {BEEP_SAMPLES}
    masker.forget(7500)
    assert [beep.full_from for beep in masker.beeps] == [8000]


def test_span_rises_holds_and_falls() -> None:
    """
    The share of noise rises from above nought to one, stays, and falls again.
    """
    span = _span(100, 200)
    weight = np.array([weight_at(place, span.edges) for place in range(90, 226)])
    assert (weight[:10] == 0).all()
    assert (weight[10 + FADE_SAMPLES : 110] == 1).all()
    assert (weight[110 + FADE_SAMPLES :] == 0).all()
    rise, fall = weight[9 : 11 + FADE_SAMPLES], weight[109 : 111 + FADE_SAMPLES]
    assert (np.diff(rise[:-1]) > 0).all()
    assert (np.diff(fall[:-1]) < 0).all()
    assert np.abs(np.diff(weight)).max() <= 1 / FADE_SAMPLES


def test_render_replaces_what_is_under_a_mask_and_nothing_else() -> None:
    """
    Outside of the masks the audio is untouched; inside it is the noise alone.
    """
    out, masked = render(LOUD, 0, [_span(100, 200)], seed=5)
    outside = np.r_[0:100, 200 + FADE_SAMPLES : 1000]
    assert np.array_equal(out[outside], LOUD[outside])
    assert np.flatnonzero(masked).tolist() == list(range(100, 200 + FADE_SAMPLES))
    other, _ = render(LOUD[::-1].copy(), 0, [_span(100, 200)], seed=5)
    inside = slice(100 + FADE_SAMPLES, 200)
    assert np.array_equal(out[inside], other[inside])
    assert (out[inside] != LOUD[inside]).any()


def test_render_gives_the_very_same_array_when_no_mask_is_near() -> None:
    """
    Audio that no mask touches is not even copied.
    """
    out, masked = render(LOUD, 5000, [_span(100, 200)], seed=0)
    assert out is LOUD
    assert not masked.any()


def test_render_does_not_change_its_input() -> None:
    """
    The audio that came in stays as it was.
    """
    before = LOUD.copy()
    render(LOUD, 0, [_span(0, 900)], seed=0)
    assert np.array_equal(before, LOUD)


@pytest.mark.parametrize("sizes", [[1], [7, 250], [999, 1]])
def test_render_gives_the_same_in_pieces(sizes: list[int]) -> None:
    """
    However a stretch is cut, masks and noise come out the same.
    """
    spans = [_span(-30, 100), _span(300, 340), _span(345, 990)]
    whole, masked = render(LOUD, 0, spans, seed=3)
    outs, masks = [], []
    start = 0
    for size in itertools.cycle(sizes):
        piece = render(LOUD[start : start + size], start, spans, seed=3)
        outs.append(piece[0])
        masks.append(piece[1])
        start += size
        if start >= len(LOUD):
            break
    assert np.array_equal(np.concatenate(outs), whole)
    assert np.array_equal(np.concatenate(masks), masked)


def _rendered_by_hand(spans: list[Span]) -> npt.NDArray[np.int16]:
    out = LOUD.astype(np.float64)
    place = np.arange(len(out))
    for span in spans:
        rise = (place - span.fade_from + 1) / (span.full_from - span.fade_from + 1)
        fall = (span.fade_until - place) / (span.fade_until - span.full_until + 1)
        weight = np.clip(np.minimum(rise, fall), 0.0, 1.0)
        sound = span.sound.render(9, 0, len(out))
        out = np.clip(np.rint(out * (1 - weight) + sound * weight), -32768, 32767)
    return out.astype(np.int16)


@pytest.mark.parametrize(
    "sound",
    [DEFAULT_NOISE, NoiseModel(np.array([3e4])), Beep(100)],
    ids=["noise", "clipped", "beep"],
)
def test_render_mixes_by_weight_rounds_and_clips(sound: NoiseModel | Beep) -> None:
    """
    Span after span, each over what those before it left.
    """
    spans = [
        Span(-20, -4, 90, 106, sound),
        Span(100, 100, 101, 117, sound),
        Span(300, 400, 600, 800, sound),
        Span(390, 401, 990, 2000, sound),
    ]
    out, masked = render(LOUD, 0, spans, seed=9)
    assert np.array_equal(out, _rendered_by_hand(spans))
    touched = np.r_[0:117, 300:1000]
    assert np.array_equal(np.flatnonzero(masked), touched)


def test_render_clips_noise_that_is_too_loud() -> None:
    """
    A background beyond full scale is clipped, not wrapped around.
    """
    taps = np.zeros(25)
    taps[12] = 1e6
    span = Span(0, 0, 1000, 1001, NoiseModel(taps))
    out, _ = render(np.zeros(1000, dtype=np.int16), 0, [span], seed=0)
    assert set(out.tolist()) <= {-32768, 32767} | set(range(-32768, 32768))
    assert (np.abs(out.astype(np.int32)) >= 32767).mean() > 0.9


def test_clean_samples_are_those_no_mask_touches() -> None:
    """
    Fades count as touched.
    """
    clean = clean_samples([_span(10, 40), _span(-50, 2)], 0, 100)
    touched = {*range(10, 40 + FADE_SAMPLES), *range(2 + FADE_SAMPLES)}
    assert set(np.flatnonzero(~clean).tolist()) == touched
