"""
The ceiling: how many digits are there to be read at all.

A reader that is told when each key was down. It looks for each of the eight tones
within ±2.5 % of its place, fits each of the sixteen pairs by least squares and
takes the one that leaves the least behind. It decides nothing about when, or
whether: no detector can be expected to beat it.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from benchmarks.channels import HIGH_HZ, KEYS, LOW_HZ, RATE, Wave
from benchmarks.corpus import Call


SEARCH = np.linspace(-0.025, 0.025, 21)
"""Relative offsets tried; a quarter of a percent is 2 to 4 Hz, well below the
resolution of a tone of 120 ms."""

Basis = npt.NDArray[np.float64]


@lru_cache(maxsize=2048)
def _basis(n: int) -> Basis:
    """
    Give [8 tones, 21 offsets, 2, n] orthonormal cosine and sine.
    """
    hz = np.array(LOW_HZ + HIGH_HZ)[:, None] * (1 + SEARCH)
    turns = 2 * np.pi * hz[..., None] * (np.arange(n) - (n - 1) / 2) / RATE
    # About the middle, cosine and sine are orthogonal exactly.
    basis = np.stack([np.cos(turns), np.sin(turns)], axis=2)
    return np.asarray(basis / np.linalg.norm(basis, axis=3, keepdims=True))


def read_key(wave: Wave) -> str:
    """
    Give the key whose pair of tones explains most of a stretch of audio.
    """
    basis = _basis(len(wave))
    energy = np.square(basis @ wave).sum(axis=2)
    best = basis[np.arange(8), np.argmax(energy, axis=1)]
    explained = [
        _explained(np.concatenate([best[low], best[high]]), wave)
        for low in range(4)
        for high in range(4, 8)
    ]
    return KEYS[int(np.argmax(explained))]


def _explained(rows: Basis, wave: Wave) -> float:
    """
    Give the energy of a wave inside the span of some rows.
    """
    inside = rows @ wave
    return float(inside @ np.linalg.solve(rows @ rows.T, inside))


def read_call(call: Call) -> str:
    """
    Read every press of a call whose times are known.
    """
    audio = call.audio.astype(np.float64)
    return "".join(
        read_key(audio[start:end])
        for start, end in zip(call.starts, call.ends, strict=True)
    )
