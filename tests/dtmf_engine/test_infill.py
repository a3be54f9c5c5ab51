"""
Infill: noise where it should be, everything else untouched.
"""

import numpy as np
import pytest
from hypothesis import given

from dtmf_engine.ears import Frames
from dtmf_engine.hindsight import Stretch
from dtmf_engine.infill import Infill, model_background
from tests.support.strategies import brief, cuts
from tests.support.tones import (
    amplitude,
    cut,
    sine,
    to_float,
    to_int16,
    white_noise,
)


COVERS = [[Stretch(900, 1500), Stretch(30_000, 33_000)], [Stretch(0, 500)]]


def _recording(dtype: str) -> Frames:
    wave = np.stack([white_noise(60_000, -40.0, seed=s) for s in (1, 2)], axis=1)
    if dtype == "float64":
        return to_float(wave)
    if dtype == "int32":
        return np.rint(wave * 65_536).astype(np.int32)
    return to_int16(wave)


@pytest.mark.parametrize("dtype", ["int16", "int32", "float64"])
def test_only_what_is_covered_changes(dtype: str) -> None:
    """
    In every sample format, covers and their fades are replaced and nothing else.
    """
    before = _recording(dtype)
    infill = Infill(8000, COVERS)
    after = np.concatenate(list(infill.run([before])))
    assert after.dtype == before.dtype
    for channel in (0, 1):
        touched = infill.touched(channel, 0, len(before))
        assert touched.sum() == infill.n_touched(channel, len(before))
        assert np.array_equal(after[~touched, channel], before[~touched, channel])
        for place in COVERS[channel]:
            inside = slice(place.start_sample, place.end_sample)
            assert np.mean(after[inside, channel] == before[inside, channel]) < 0.05
            power = np.mean(after[inside, channel].astype(np.float64) ** 2)
            wanted = np.mean(before[:, channel].astype(np.float64) ** 2)
            assert power == pytest.approx(wanted, rel=0.5)


@given(sizes=cuts)
@brief
def test_blocks_do_not_matter(sizes: list[int]) -> None:
    """
    However a recording is cut into blocks, the same samples come out.
    """
    before = _recording("int16")
    whole = np.concatenate(list(Infill(8000, COVERS).run([before])))
    sizes = [100 * size for size in sizes]
    blocks = [before[part] for part in cut(before, sizes)]
    pieces = np.concatenate(list(Infill(8000, COVERS).run(blocks)))
    assert np.array_equal(pieces, whole)


def test_a_cover_over_everything_is_noise() -> None:
    """
    With no background to hear, the noise is quiet and not a copy of the tone.
    """
    before = to_int16(sine(697.0, 20_000, -10.0))[:, None]
    infill = Infill(8000, [[Stretch(0, 20_000)]])
    after = np.concatenate(list(infill.run([before]))).astype(np.float64)
    assert 0 < np.sqrt(np.mean(after**2)) < amplitude(-60.0)


def test_digital_silence_stays_silent() -> None:
    """
    Where the line has no noise at all, a cover has none.
    """
    before = np.zeros((20_000, 1), dtype=np.int16)
    before[8000:8800, 0] = 5000
    infill = Infill(8000, [[Stretch(8000, 8800)]])
    after = np.concatenate(list(infill.run([before])))
    assert len(after) == len(before)
    assert not after.any()


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_a_model_has_the_level_and_tilt_but_no_tone(rate: int) -> None:
    """
    At any rate a model keeps the power; a tone in the background is spread over
    hundreds of Hertz.
    """
    tone = sine(1336.0, rate, -40.0, sample_rate_hz=rate)
    wave = tone + white_noise(rate, -60.0)
    model = model_background(wave.reshape(-1, rate // 50), rate)
    assert model is not None
    noise = model.render(1, 0, rate)
    assert np.mean(noise**2) == pytest.approx(np.mean(wave**2), rel=0.2)
    spectrum = np.abs(np.fft.rfft(noise)) ** 2
    assert spectrum[1326:1347].sum() < 0.1 * spectrum.sum()
