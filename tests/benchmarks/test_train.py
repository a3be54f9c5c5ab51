"""
Training: networks are written as the engine reads them, and asked as it asks them.
"""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.train import SIZES, Array, apply, train, written
from dtmf_engine import weights
from dtmf_engine.looks import EARLY, LONG, N_FEATURES, SHORT
from dtmf_engine.scoring import features
from tests.support.looks import LOOK_SAMPLES, looks_of
from tests.support.tones import dial, line, to_int16


_PLACES = ("FIRST", "SECOND", "THIRD")


def _layers(name: str, texts: dict[str, str]) -> list[Array]:
    """
    Read a network of the sizes that are trained; constants are in the last rows.
    """
    shape = (N_FEATURES, *SIZES[name], 1)
    return [
        np.array(texts[f"{name.upper()}_{place}"].split(), dtype=np.float64).reshape(
            n_inputs + 1, n_outputs
        )
        for place, n_inputs, n_outputs in zip(_PLACES, shape, shape[1:], strict=False)
    ]


def test_what_was_not_trained_is_written_as_it_was() -> None:
    """
    Without a new network the file of weights stays the same.
    """
    assert written({}) == Path(weights.__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SIZES)
def test_a_network_is_written_as_it_is_read(name: str) -> None:
    """
    To five digits, row by row, and the others stay.
    """
    random = np.random.default_rng(1)
    before = {key: text for key, text in vars(weights).items() if key.isupper()}
    layers = [random.normal(0, 3, layer.shape) for layer in _layers(name, before)]
    texts: dict[str, str] = {}
    exec(written({name: layers}), texts)  # noqa: S102  # what the engine imports
    for layer, again in zip(layers, _layers(name, texts), strict=True):
        assert again == pytest.approx(layer, rel=1e-4)
    for key, text in before.items():
        if not key.startswith(name.upper()):
            assert texts[key] == text


def test_training_asks_a_network_as_the_engine_does() -> None:
    """
    The engine's own weights give the engine's own scores.
    """
    audios = [
        to_int16(line(dial("8", lead=lead, seed=lead), noise_dbm0=-35.0))
        for lead in range(0, 1000, 50)
    ]
    looks = looks_of(audio[500 : 500 + LOOK_SAMPLES] for audio in audios)
    short, long = features(looks).swapaxes(0, 1)
    texts = vars(weights)
    asked = [("short", SHORT, short), ("long", LONG, long), ("early", EARLY, short)]
    for name, number, given in asked:
        expected = apply(_layers(name, texts), given)
        assert looks["score"][:, number] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_trained_network_tells_keys_from_others() -> None:
    """
    It takes features as they are: brought to one scale in training, and back.
    """
    random = np.random.default_rng(2)
    middle = np.linspace(-3, 40, N_FEATURES)
    keys = middle + random.normal(0.0, 1.0, (3000, N_FEATURES))
    others = middle + random.normal(0.0, 1.0, (20_000, N_FEATURES))
    keys[:, 4] += 4.0
    layers = train([(keys, 1.0)], others, (4, 3), epochs=4, decay=0.9)
    assert [layer.shape for layer in layers] == [(16, 4), (5, 3), (4, 1)]
    assert (apply(layers, keys) > 0).mean() > 0.9
    assert (apply(layers, others) < 0).mean() > 0.9
