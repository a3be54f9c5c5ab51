"""
Recent: the newest samples of many legs, for looks that reach back.

Each leg has a row. What comes next is written behind what is there, so that a look
reads old and new in one piece and nothing is moved in a tick; a row that is full
begins again with its newest samples. What was written counts once it is kept: until
then it may be written over.
"""

from typing import Final, NamedTuple

import numpy as np

from dtmf_engine.arrays import Index, Int16
from dtmf_engine.compiled import compiled


_ROOM_SAMPLES: Final = 4096
"""For new samples: half a second of ticks, of ten kilobytes with its history."""


class Heard(NamedTuple):
    """
    Where the new samples of m legs are, n of each, with all that may be read before.
    """

    audio: Int16
    """[shape=(rows, width)]"""
    row: Index
    """[shape=(m,)] of each leg."""
    start: Index
    """[shape=(m,)] where its new samples begin."""
    n: int

    def of_leg(self, i: int, n_before: int, n_after: int) -> Int16:
        """
        Give the samples of one leg around where its new ones begin.
        """
        start = int(self.start[i])
        return np.asarray(
            self.audio[int(self.row[i]), start - n_before : start + n_after]
        )

    def cut(self, n_before: int) -> Int16:
        """
        Copy n samples of each leg, from so many before its new ones, [shape=(m, n)].
        """
        pieces = np.empty((len(self.row), self.n), dtype=np.int16)
        _cut(self.audio, self.row, self.start, n_before, pieces)
        return pieces


class Recent:
    """
    The newest samples of a fixed number of legs.

    Args:
        n_legs: how many.
        history_samples: how many of each are there to be read, noughts at first.
    """

    def __init__(self, n_legs: int, history_samples: int) -> None:
        self.history_samples = history_samples
        width = history_samples + _ROOM_SAMPLES
        self._audio = np.zeros((n_legs, width), dtype=np.int16)
        self._end = np.full(n_legs, history_samples, dtype=np.intp)

    def write(self, rows: Index, samples: Int16) -> Heard:
        """
        Write the next samples of some legs.

        Args:
            rows: the m legs.
            samples: [shape=(m, n)]
        """
        n = samples.shape[1]
        if n > _ROOM_SAMPLES:
            # So much is not moved: it has rows of its own.
            history = np.stack([self.newest(row) for row in rows.tolist()])
            start = np.full(len(rows), self.history_samples, dtype=np.intp)
            audio = np.concatenate([history, samples], axis=1)
            return Heard(audio, np.arange(len(rows)), start, n)
        samples = np.ascontiguousarray(samples)
        _write(self._audio, self._end, rows, samples, self.history_samples)
        return Heard(self._audio, rows, self._end[rows], n)

    def keep(self, rows: Index, heard: Heard) -> None:
        """
        Let what was written for some legs count.
        """
        if heard.audio is self._audio:
            self._end[rows] += heard.n
            return
        self._audio[rows, : self.history_samples] = heard.audio[
            :, -self.history_samples :
        ]
        self._end[rows] = self.history_samples

    def newest(self, row: int) -> Int16:
        """
        Give the newest samples of a leg, [shape=(history_samples,)].
        """
        end = int(self._end[row])
        return np.asarray(self._audio[row, end - self.history_samples : end])

    def clear(self, row: int) -> None:
        """
        Forget a leg's samples.
        """
        self._audio[row] = 0
        self._end[row] = self.history_samples


@compiled
def _write(audio: Int16, end: Index, rows: Index, samples: Int16, history: int) -> None:
    n = samples.shape[1]
    for i in range(len(rows)):
        row = audio[rows[i]]
        last = end[rows[i]]
        if last + n > len(row):
            first = last - history
            for j in range(history):
                row[j] = row[first + j]
            last = end[rows[i]] = history
        piece = samples[i]
        for j in range(n):
            row[last + j] = piece[j]


@compiled
def _cut(audio: Int16, row: Index, start: Index, n_before: int, pieces: Int16) -> None:
    for i in range(len(row)):
        samples, piece, first = audio[row[i]], pieces[i], start[i] - n_before
        for j in range(len(piece)):
            piece[j] = samples[first + j]
