"""
The close look: which looks come, for whom, and that each hears its own audio only.
"""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtmf_engine.arrays import Index
from dtmf_engine.close_look import REACH_SAMPLES, Wanted, look_closely
from dtmf_engine.goertzel import HOP_SAMPLES
from dtmf_engine.looks import LONG, LONG_HOPS, LOOK, Looks
from dtmf_engine.profiles import DEFAULT, SENSITIVE, STRICT
from dtmf_engine.recent import Heard
from dtmf_engine.sights import LIMITS, judge, limits_of
from dtmf_engine.units import SAMPLE_RATE_HZ
from tests.support.looks import LOOK_SAMPLES, are_same, looks_at, measured, score_all
from tests.support.strategies import stable
from tests.support.tones import dial, line, to_int16


_N_HOPS = 24
_WIDTH = REACH_SAMPLES + 200 + _N_HOPS * HOP_SAMPLES
_LIMITS = np.array(
    [limits_of(profile) for profile in (DEFAULT, SENSITIVE, STRICT)], dtype=LIMITS
)


class _Scene(NamedTuple):
    heard: Heard
    before: Index
    wanted: Wanted
    which: Index

    def first_hop(self, leg: int) -> tuple[int, int]:
        """
        Say where in its audio a leg's first hop begins, and its index in the stream.
        """
        place, carry = divmod(int(self.before[leg]), HOP_SAMPLES)
        return int(self.heard.start[leg]) - carry, place

    def of_leg(self, leg: int) -> "_Scene":
        """
        Give the same with one leg only.
        """
        row = slice(leg, leg + 1)
        heard = self.heard._replace(
            row=self.heard.row[row], start=self.heard.start[row]
        )
        wanted = Wanted(*(hops[row] for hops in self.wanted))
        return _Scene(heard, self.before[row], wanted, self.which[row])


def _scene(seed: int, share: float = 0.3) -> _Scene:
    """
    Make three legs with noise and presses, and want hops of them at random.

    They stand somewhere in a hop, in any of five rows, with their new samples
    anywhere behind what a look needs.
    """
    random = np.random.default_rng(seed)
    audio = np.stack(
        [
            to_int16(
                line(
                    dial("59#07"[row], lead=int(random.integers(200, 700))),
                    n_samples=_WIDTH,
                    noise_dbm0=float(random.uniform(-60, -20)),
                    seed=seed + row,
                )
            )
            for row in range(5)
        ]
    )
    carry = int(random.integers(0, HOP_SAMPLES))
    start = REACH_SAMPLES + random.integers(0, 200, 3)
    n = _N_HOPS * HOP_SAMPLES - carry
    heard = Heard(audio, random.permutation(5)[:3], start, n)
    before = random.integers(0, 100_000, 3) * HOP_SAMPLES + carry
    worth, highpass, watched = random.random((3, 3, _N_HOPS)) < share
    return _Scene(heard, before, Wanted(worth, highpass, watched), np.arange(3))


def _look(scene: _Scene) -> Looks:
    return look_closely(scene.heard, scene.before, scene.wanted, _LIMITS, scene.which)


_seeds = st.integers(0, 2**31)


# Which looks come.


@stable
@given(_seeds, st.sampled_from([0.05, 0.3, 0.9]))
def test_looks_come_in_order_of_legs_and_hops(seed: int, share: float) -> None:
    """
    A direct one at every hop that anybody wants, and then one through the high-pass
    where the detector is to listen so.
    """
    scene = _scene(seed, share=share)
    worth, highpass, watched = scene.wanted
    expected = []
    for leg, hop in np.ndindex(worth.shape):
        if worth[leg, hop] or watched[leg, hop]:
            expected.append((leg, hop, False))
        if worth[leg, hop] and highpass[leg, hop]:
            expected.append((leg, hop, True))
    looks = _look(scene)
    assert looks[["leg", "hop", "is_filtered"]].tolist() == expected


@stable
@given(_seeds)
def test_looks_say_who_asked_for_them(seed: int) -> None:
    """
    Worth it are those at hops that the first look chose; the detector sees one of
    each such hop, in the way in which it is to listen, and none that is only watched.
    """
    scene = _scene(seed, share=0.5)
    worth, highpass, _ = scene.wanted
    looks = _look(scene)
    at = looks["leg"], looks["hop"]
    assert np.array_equal(looks["is_worth"], worth[at])
    seen = looks["is_for_detector"]
    assert np.array_equal(seen, worth[at] & (highpass[at] == looks["is_filtered"]))
    assert seen.sum() == worth.sum()


@pytest.mark.parametrize("n_hops", [0, 8])
def test_nothing_wanted_gives_no_look(n_hops: int) -> None:
    """
    Neither without hops, nor where a high-pass is all that is known of them.
    """
    scene = _scene(10)
    nothing = np.zeros((3, n_hops), dtype=np.bool_)
    looks = _look(scene._replace(wanted=Wanted(nothing, ~nothing, nothing)))
    assert looks.shape == (0,)
    assert looks.dtype == LOOK


# What they find.


@stable
@given(_seeds)
def test_a_look_is_what_its_own_audio_gives(seed: int) -> None:
    """
    Bit for bit what is measured, scored and judged of its sixteen hops alone, with
    the 89 samples before them and with nothing of what else was heard.
    """
    scene = _scene(seed)
    looks = _look(scene)
    for i in range(len(looks)):
        leg, hop = int(looks["leg"][i]), int(looks["hop"][i])
        start, place = scene.first_hop(leg)
        end = start + (hop + 1) * HOP_SAMPLES
        hops = measured(
            scene.heard.audio[scene.heard.row[leg], end - LOOK_SAMPLES : end].copy(),
            first_hop=place + hop - LONG_HOPS + 1,
            highpass=bool(looks["is_filtered"][i]),
        )
        alone = looks_at(hops, [LONG_HOPS - 1])
        for name in ("leg", "hop", "is_filtered", "is_worth", "is_for_detector"):
            alone[name] = looks[name][i]
        score_all(alone)
        if looks["is_for_detector"][i]:
            judge(alone[0], _LIMITS[scene.which[leg]])
        assert are_same(alone, looks[i : i + 1])


def test_what_the_detector_is_not_to_see_is_not_judged() -> None:
    """
    It has a score, and can begin nothing.
    """
    scene = _scene(11, share=0.5)
    looks = _look(scene)
    unseen = looks[~looks["is_for_detector"]]
    assert len(unseen) > 20
    assert (unseen["score"] != 0.0).all()
    for name in ("margin", "judged_offset", "judged_power", "reason"):
        assert not unseen[name].any()
    assert not (unseen["is_near"] | unseen["is_possible"]).any()


def test_each_leg_is_judged_by_its_own_limits() -> None:
    """
    The same audio passes one profile's minimum by more than another's, by as much as
    these differ.
    """
    scene = _scene(12).of_leg(0)
    every = np.ones((3, _N_HOPS), dtype=np.bool_)
    looks = look_closely(
        scene.heard._replace(
            row=scene.heard.row.repeat(3), start=scene.heard.start.repeat(3)
        ),
        scene.before.repeat(3),
        Wanted(every, ~every, ~every),
        _LIMITS,
        np.array([2, 0, 1], dtype=np.intp),
    )
    short, long, _ = looks["score"].reshape(3, _N_HOPS, 3).transpose(2, 0, 1)
    minimum = [
        (profile.min_short_score, profile.min_long_score)
        for profile in (STRICT, DEFAULT, SENSITIVE)
    ]
    min_short, min_long = np.array(minimum).T[:, :, None]
    expected = np.maximum(short - min_short, long - min_long)
    assert np.array_equal(looks["margin"].reshape(3, _N_HOPS), expected)
    assert not np.array_equal(expected[0], expected[1])


# Company.


@stable
@given(_seeds)
def test_any_wanted_hops_give_the_looks_of_all(seed: int) -> None:
    """
    A look is the same whichever of the hops before it were looked at, in runs or with
    gaps shorter and longer than what two looks share.
    """
    scene = _scene(seed, share=0.8)
    everything = _look(scene)
    random = np.random.default_rng(seed)
    for share in (0.05, 0.5, 0.9):
        some = random.random((3, _N_HOPS)) < share
        worth, highpass, watched = scene.wanted
        wanted = Wanted(worth & some, highpass, watched & some)
        chosen = some[everything["leg"], everything["hop"]]
        assert are_same(_look(scene._replace(wanted=wanted)), everything[chosen])


@stable
@given(_seeds)
def test_legs_do_not_hear_each_other(seed: int) -> None:
    """
    A leg gets the same alone and after any others.
    """
    scene = _scene(seed)
    together = _look(scene)
    for leg in range(3):
        alone = _look(scene.of_leg(leg))
        alone["leg"] = leg
        assert are_same(alone, together[together["leg"] == leg])


@stable
@given(_seeds, st.integers(0, 10**12))
def test_places_count_modulo_the_second_in_which_phases_repeat(
    seed: int, n_seconds: int
) -> None:
    """
    The same audio gives the same looks any whole number of seconds later.
    """
    scene = _scene(seed)
    later = scene.before % SAMPLE_RATE_HZ + n_seconds * SAMPLE_RATE_HZ
    assert are_same(_look(scene), _look(scene._replace(before=later)))


def test_looks_reach_no_further_back_than_they_say() -> None:
    """
    Of a leg that stands at the last sample of a hop, what is further back from its
    new samples is not heard, and nearly all that is not is, through the high-pass.
    """
    scene = _scene(13).of_leg(1)
    every = np.ones((1, _N_HOPS), dtype=np.bool_)
    scene = scene._replace(
        before=scene.before // HOP_SAMPLES * HOP_SAMPLES + HOP_SAMPLES - 1,
        wanted=Wanted(every, every, ~every),
    )
    looks = _look(scene)
    first = int(scene.heard.start[0]) - REACH_SAMPLES
    audio = scene.heard.audio.copy()
    audio[:, :first] = 9999
    assert are_same(
        _look(scene._replace(heard=scene.heard._replace(audio=audio))), looks
    )
    # The very first two are for a slope that nobody asks.
    audio[:, first + 2] += 1000
    others = _look(scene._replace(heard=scene.heard._replace(audio=audio)))
    is_other = others["rest"][:, LONG] != looks["rest"][:, LONG]
    assert np.array_equal(is_other, looks["is_filtered"] & (looks["hop"] == 0))
