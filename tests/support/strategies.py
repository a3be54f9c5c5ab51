"""
What Hypothesis draws from, and how it is run.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from hypothesis import Phase, settings
from hypothesis import strategies as st

from tests.support.tones import (
    ALL_DIGITS,
    Press,
    Wave,
    line,
    mix,
    voiced,
)


stable = settings(
    # The same examples on every run: a red build is red because of a change.
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=20,
)
"""Decorator of every property here."""

brief = settings(
    stable,
    max_examples=10,
    # Looking for a smaller example would outlast the time limit of a test.
    phases=[Phase.explicit, Phase.generate],
)
"""The same for what is tried at several rates, where an example takes longer."""

digits = st.sampled_from(ALL_DIGITS)

cuts = st.one_of(
    st.just([20]),
    st.just([160]),
    st.lists(st.integers(0, 700), min_size=1, max_size=8).filter(any),
)
"""Sizes to cut a stream into: hops, frames, anything."""


@st.composite
def calls(draw: st.DrawFn, sample_rate_hz: int = 8000) -> Wave:
    """
    Draw a third of a second of a caller: presses, clipped presses, noise, voice.
    """
    n_samples = sample_rate_hz // 3
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    presses = []
    at_ms = 0.0
    for _ in range(draw(st.integers(0, 5))):
        at_ms += draw(st.floats(0.0, 80.0))
        length_ms = draw(st.floats(4.0, 120.0))
        level_dbm0 = draw(st.integers(-45, 0))
        presses.append(
            Press(
                digit=draw(digits),
                start_sample=round(at_ms * sample_rate_hz / 1000),
                end_sample=round((at_ms + length_ms) * sample_rate_hz / 1000),
                low_dbm0=level_dbm0,
                high_dbm0=level_dbm0 + draw(st.integers(-12, 8)),
                low_phase=random.uniform(0, 2 * np.pi),
                high_phase=random.uniform(0, 2 * np.pi),
            )
        )
        at_ms += length_ms
    wave = line(
        presses,
        n_samples=n_samples,
        noise_dbm0=draw(st.sampled_from([None, -60.0, -45.0, -30.0])),
        seed=seed,
        sample_rate_hz=sample_rate_hz,
    )
    if draw(st.booleans()):
        voice = voiced(n_samples, seed=seed, sample_rate_hz=sample_rate_hz)
        wave = mix(n_samples, (0, wave), (draw(st.integers(0, n_samples)), voice))
    return wave


@dataclass(frozen=True, slots=True)
class Step:
    """
    One thing that happens to a stream.
    """

    what: Literal["heard", "lost", "arm", "disarm"]
    n_samples: int = 0
    """How much of the stream passes."""


Script: TypeAlias = list[Step]
"""What happens to a stream, in order."""


@st.composite
def scripts(draw: st.DrawFn, n_samples: int, *, may_arm: bool = True) -> Script:
    """
    Draw what happens to a stream of a length: losses here and there, captures.
    """
    steps: Script = []
    kinds = ["lost", "arm", "disarm"] if may_arm else ["lost"]
    left = n_samples
    for _ in range(draw(st.integers(0, 5))):
        heard = draw(st.integers(0, left))
        steps.append(Step("heard", heard))
        left -= heard
        kind = draw(st.sampled_from(kinds))
        if kind == "lost":
            # One frame of the network, or any part of two.
            frame = n_samples * 3 // 50
            lost = min(left, draw(st.one_of(st.just(frame), st.integers(0, 2 * frame))))
            steps.append(Step("lost", lost))
            left -= lost
        elif kind == "arm":
            steps.append(Step("arm"))
        else:
            steps.append(Step("disarm"))
    steps.append(Step("heard", left))
    return steps
