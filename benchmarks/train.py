"""
Train the engine's networks, and say what they are worth on other audio.

    python -m benchmarks.train                about 25 minutes; writes the weights
    python -m benchmarks.train --only early   one network; the others stay
    python -m benchmarks.train --quick        three minutes; writes nothing

Keys come from odd seeds, speech and music from the first halves of the
recordings. What is printed is measured on even seeds and the second halves: for
a rate of false looks, the part of the keys that one look at least would accept.

A false key is rare, so most speech teaches nothing; the looks that score
highest are sought out again and again and shown more often.
"""

import argparse
import itertools
import textwrap
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import corpus, voices
from benchmarks.training_data import (
    FIRST_SEEN,
    Examples,
    examples,
    joined,
    key_looks,
    sound,
    unheard,
    wide,
)
from dtmf_engine import weights
from dtmf_engine.arrays import Float32


Array = npt.NDArray[np.float64]

_DETECTED = {"wide": 0.5, "hard": 0.35, "voip": 0.05, "with dropouts": 0.1}
MIXES = {
    "short": _DETECTED,
    "long": _DETECTED,
    "early": {"unheard": 0.5, "wide": 0.25, "hard": 0.15, "voip": 0.1},
}
"""What part of the keys each kind of channel has in training."""

_OWN_MIXES = {"wide": wide, "unheard": unheard}
"""Those that are drawn for training only."""

SIZES = {"short": (24, 12), "long": (16, 8), "early": (24, 12)}
EPOCHS = {"short": 150, "long": 260, "early": 100}
DECAY = {"short": 0.78, "long": 0.87, "early": 0.80}
"""
How often to draw keys and speech anew, and how fast steps get smaller, every
five times. The short network gets worse on unheard speech with more.
"""
_BATCH = 4096
_KEYS, _EASY, _HARD, _TIMES = 100_000, 80_000, 40_000, 4
_RATES = {
    "short": (3.0, 1.0, 0.3, 0.1, 0.03),
    "long": (3.0, 1.0, 0.3, 0.1, 0.03),
    "early": (30.0, 3.0, 1.0, 0.3, 0.1),
}


@dataclass(frozen=True)
class Keys:
    """
    Looks at keys through one kind of channel.
    """

    looks: Examples
    heard: npt.NDArray[np.intp]
    """How many samples of the key each look had seen."""
    press: npt.NDArray[np.intp]
    n_presses: int


def _key_part(name: str, seed: int, first: int, last: int) -> Keys:
    parts, heard, press, total = [], [], [], 0
    for i in range(first, last):
        if name in _OWN_MIXES:
            random = np.random.default_rng([seed, 99 + list(_OWN_MIXES).index(name), i])
            call = _OWN_MIXES[name](random)
        else:
            call = corpus.draw_call(name, seed, i)
        looks, seen, of = key_looks(call)
        parts.append(looks)
        heard.append(seen)
        press.append(of + total)
        total += len(call.keys)
    return Keys(joined(parts), np.concatenate(heard), np.concatenate(press), total)


def _sound_part(half: int, seed: int, *, quick: bool) -> tuple[list[Examples], float]:
    parts, samples = [], 0
    for audio in sound(half, seed, quick=quick):
        parts.append(examples(audio))
        samples += len(audio)
    return parts, samples / 8000 / 3600


# --- a small network ------------------------------------------------------------


def apply(layers: list[Array], x: Array) -> Array:
    """
    Score features with the layers of a network.
    """
    for layer in layers[:-1]:
        total = x @ layer[:-1] + layer[-1]
        x = total / (1 + np.abs(total))
    return np.asarray((x @ layers[-1][:-1] + layers[-1][-1])[:, 0])


class Net:
    """
    Two hidden layers with activation x / (1 + |x|), trained by Adam.
    """

    def __init__(self, n_in: int, sizes: tuple[int, int], seed: int) -> None:
        random = np.random.default_rng(seed)
        shape = (n_in, *sizes, 1)
        self.layers: list[Array] = []
        for rows, columns in itertools.pairwise(shape):
            layer = random.uniform(-1, 1, (rows + 1, columns)) / np.sqrt(rows)
            self.layers.append(layer)
        self._mean = [np.zeros_like(layer) for layer in self.layers]
        self._square = [np.zeros_like(layer) for layer in self.layers]
        self._steps = 0

    def score(self, x: Array) -> Array:
        """
        Give the score of each row, [shape=(g,)].
        """
        return apply(self.layers, x)

    def learn(self, x: Array, wanted: Array, rate: float) -> None:
        """
        Take one step against the cross-entropy.
        """
        inputs, slopes = [x], []
        for layer in self.layers[:-1]:
            total = inputs[-1] @ layer[:-1] + layer[-1]
            inputs.append(total / (1 + np.abs(total)))
            slopes.append(1 / (1 + np.abs(total)) ** 2)
        last = self.layers[-1]
        score = (inputs[-1] @ last[:-1] + last[-1])[:, 0]
        error = (1 / (1 + np.exp(-np.clip(score, -50, 50))) - wanted)[:, None]
        error /= len(x)
        self._steps += 1
        for i in range(len(self.layers) - 1, -1, -1):
            gradient = np.vstack([inputs[i].T @ error, error.sum(axis=0)])
            if i:
                error = (error @ self.layers[i][:-1].T) * slopes[i - 1]
            self._adam(i, gradient, rate)

    def _adam(self, i: int, gradient: Array, rate: float) -> None:
        mean, square = self._mean[i], self._square[i]
        mean += 0.1 * (gradient - mean)
        square += 0.001 * (gradient * gradient - square)
        corrected = mean / (1 - 0.9**self._steps)
        size = np.sqrt(square / (1 - 0.999**self._steps)) + 1e-8
        self.layers[i] -= rate * corrected / size

    def folded(self, mean: Array, deviation: Array) -> list[Array]:
        """
        Give the layers for features as they are, not brought to one scale.
        """
        first = self.layers[0]
        rows = first[:-1] / deviation[:, None]
        constant = first[-1] - mean @ rows
        return [np.vstack([rows, constant]), *self.layers[1:]]


def train(
    keys: list[tuple[Array, float]],
    others: Array,
    sizes: tuple[int, int],
    epochs: int,
    decay: float,
) -> list[Array]:
    """
    Train one network.

    Args:
        keys: features of looks at keys, and what part each kind is to have.
        others: features of looks at speech and music.
        sizes: of the hidden layers.
        epochs: how often to draw anew.
        decay: factor on the size of steps, every five epochs.

    Returns:
        Its layers, each with its constants in the last row.
    """
    random = np.random.default_rng(7)
    every = np.concatenate([rows for rows, _ in keys])
    odds = np.concatenate([np.full(len(r), part / len(r)) for r, part in keys])
    odds /= odds.sum()
    sample = np.concatenate([every[:: len(every) // 100_000 + 1], others[::7]])
    mean, deviation = sample.mean(axis=0), sample.std(axis=0) + 1e-6
    every, others = (every - mean) / deviation, (others - mean) / deviation
    net = Net(every.shape[1], sizes, seed=7)
    hard = random.permutation(len(others))[:_HARD]
    for epoch in range(epochs):
        rate = 6e-3 * decay ** (epoch // 5)
        if epoch >= 10 and epoch % 5 == 0:
            hard = _hardest(net.score(others), random)
        easy = random.permutation(len(others))[:_EASY]
        good = every[random.choice(len(every), _KEYS, p=odds)]
        bad = others[np.concatenate([easy, np.tile(hard, _TIMES)])]
        x = np.concatenate([good, bad])
        wanted = np.concatenate([np.ones(len(good)), np.zeros(len(bad))])
        order = random.permutation(len(x))
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            net.learn(x[batch], wanted[batch], max(rate, 2e-5))
    return net.folded(mean, deviation)


def _trained(
    name: str, keys: dict[str, Keys], learnt: list[Examples], *, quick: bool
) -> list[Array]:
    goods = []
    for mix, part in MIXES[name].items():
        features, inside = _view(name, keys[mix].looks)
        rows = inside & _counts(name, keys[mix].heard)
        goods.append((features[rows].astype(np.float64), part))
    views = [_view(name, part) for part in learnt]
    bad = np.concatenate([features[inside] for features, inside in views])
    epochs = EPOCHS[name] // (5 if quick else 1)
    return train(goods, bad.astype(np.float64), SIZES[name], epochs, DECAY[name])


def _hardest(score: Array, random: np.random.Generator) -> npt.NDArray[np.intp]:
    order = np.argsort(-score)
    top, rest = order[: _HARD // 2], order[_HARD // 2 : _HARD * 6]
    return np.concatenate([top, random.permutation(rest)[: _HARD // 2]])


# --- reporting ------------------------------------------------------------------


def limits(
    scored: list[tuple[npt.NDArray[np.intp], Array]],
    hours: float,
    rates: tuple[float, ...],
) -> Array:
    """
    Find the scores above which speech gives some rates of false keys an hour.
    """
    found = []
    for rate in rates:
        low, high = -30.0, 60.0
        for _ in range(28):
            middle = (low + high) / 2
            n = sum(_runs(end[score > middle]) for end, score in scored)
            low, high = (middle, high) if n / hours > rate else (low, middle)
        found.append(high)
    return np.array(found)


def _runs(end: npt.NDArray[np.intp]) -> int:
    return 0 if not len(end) else 1 + int((np.diff(np.sort(end)) > 200).sum())


def report(
    name: str,
    layers: list[Array],
    keys: dict[str, Keys],
    others: list[Examples],
    hours: float,
) -> None:
    """
    Print what a network is worth on audio it has not seen.
    """
    scored = [(part.end, _scored(name, layers, part)) for part in others]
    rates = _RATES[name]
    bounds = limits(scored, hours, rates)
    text = "  ".join(f"{r:g}/h: {b:.2f}" for r, b in zip(rates, bounds, strict=True))
    print(f"{name}: limits for false keys an hour  {text}")
    for mix in MIXES[name]:
        those = keys[mix]
        score = _scored(name, layers, those.looks)
        score = np.where(_counts(name, those.heard), score, -99.0)
        best = np.full(those.n_presses, -99.0)
        np.maximum.at(best, those.press, score)
        parts = "  ".join(f"{float((best > b).mean()):.4f}" for b in bounds)
        print(f"  {mix}: keys accepted  {parts}", flush=True)


_NEEDED = {"short": (156, 1 << 30), "long": (316, 1 << 30), "early": (FIRST_SEEN, 144)}
"""
Samples of a key that a look must have seen to count: at least so many, at most
so many. What the early one says later than that is too late for a mask.
"""


def _counts(name: str, heard: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    least, most = _NEEDED[name]
    return np.asarray((heard >= least) & (heard <= most))


def _scored(name: str, layers: list[Array], part: Examples) -> Array:
    features, inside = _view(name, part)
    return np.where(inside, apply(layers, features.astype(np.float64)), -99.0)


def _view(name: str, part: Examples) -> tuple[Float32, npt.NDArray[np.bool_]]:
    if name == "long":
        return part.long, part.long_inside
    if name == "short":
        return part.short, part.short_inside
    # A mask asks for no limit.
    return part.short, np.ones(len(part.end), dtype=np.bool_)


def written(networks: dict[str, list[Array]]) -> str:
    """
    Give the text of `dtmf_engine/weights.py`; what was not trained stays.
    """
    text = (
        '"""\nThe weights of `scoring`, row by row: written by `benchmarks/train.py`,'
    )
    text += ' not by hand.\n"""\n'
    for name in SIZES:
        for number, place in enumerate(("FIRST", "SECOND", "THIRD")):
            constant = f"{name.upper()}_{place}"
            if name in networks:
                values = networks[name][number].ravel()
                numbers = " ".join(f"{value:.5g}" for value in values)
                body = "\n".join(textwrap.wrap(numbers, 86, break_on_hyphens=False))
            else:
                body = getattr(weights, constant).strip("\n")
            text += f'\n{constant} = """\n{body}\n"""\n'
    return text


def main(arguments: Iterable[str] | None = None) -> None:
    """
    Gather, train, report, and write the weights.
    """
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth; writes nothing")
    parser.add_argument("--only", choices=SIZES, help="train one network")
    options = parser.parse_args(None if arguments is None else list(arguments))
    quick, names = options.quick, [options.only] if options.only else list(SIZES)
    if not len(voices.prompts()):
        raise SystemExit("no human speech installed: see benchmarks/README.md")
    few, many = (30, 90) if quick else (300, 900)
    n_calls = {
        mix: many if mix in _OWN_MIXES else few for name in names for mix in MIXES[name]
    }
    with ProcessPoolExecutor(2) as pool:
        gathered = {
            seed: {
                m: pool.submit(_key_part, m, seed, 0, n if seed % 2 else n // 2)
                for m, n in n_calls.items()
            }
            for seed in (1, 2)
        }
        heard = [
            pool.submit(partial(_sound_part, h, 5 + h, quick=quick)) for h in (0, 1)
        ]
        keys = {s: {m: j.result() for m, j in js.items()} for s, js in gathered.items()}
        (learnt, _), (unheard, hours) = (job.result() for job in heard)
        networks = {
            name: pool.submit(_trained, name, keys[1], learnt, quick=quick)
            for name in names
        }
        layers = {name: job.result() for name, job in networks.items()}
    for name in names:
        report(name, layers[name], keys[2], unheard, hours)
    if not quick:
        Path(weights.__file__).write_text(written(layers), encoding="utf-8")


if __name__ == "__main__":
    main()
