"""
The delay line: a leg's octets, kept until analysis says what may be heard.

What goes out is put together from octets, not from samples: wherever nothing
was masked the far end gets the very octets the provider sent, one look-ahead
later. Octets and analysis are joined by their places in the stream. What
analysis never gave back is not heard at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dtmf_engine.arrays import Bool, Int16
from dtmf_engine.events import Event
from dtmf_engine.g711 import MULAW_SILENCE, encode_mulaw


_SILENCE = bytes([MULAW_SILENCE])


@dataclass(frozen=True, slots=True, eq=False)
class Analysed:
    """
    What analysis made of a leg's next samples.
    """

    audio: Int16
    """[shape=(n,)] what the far end may hear, one look-ahead behind."""
    masked: Bool
    """[shape=(n,)] where it differs from what the leg sent."""
    events: Sequence[Event]
    position: int
    """How many samples of the leg have been heard with these."""


class DelayLine:
    """
    One leg's octets.

    Args:
        delay_samples: the look-ahead of the analysis.
    """

    def __init__(self, delay_samples: int) -> None:
        self._line = _SILENCE * delay_samples
        self._unheard = bytearray()
        self._position = 0

    @property
    def n_received(self) -> int:
        """
        Samples that have come, whether or not analysis has given them back.
        """
        return self._position + len(self._unheard)

    def put(self, octets: bytes) -> None:
        """
        Keep octets that were sent to analysis.
        """
        self._unheard += octets

    def put_gap(self, n_samples: int) -> None:
        """
        Keep the place of audio that is missing.
        """
        self._unheard += _SILENCE * n_samples

    def take(self, analysed: Analysed) -> bytes:
        """
        Give what may be heard now.

        Returns:
            As many octets as analysis gave back, one look-ahead behind.
        """
        n = len(analysed.audio)
        lost = analysed.position - n - self._position
        if lost > 0:
            # Nobody has looked at these: they are dropped, and what comes after
            # keeps its place.
            self._pass(lost)
            self._line = _SILENCE * len(self._line)
        octets = self._pass(n)
        return _masked(octets, analysed)

    def clear(self) -> None:
        """
        Drop everything: nobody can say any more what would have followed it.
        """
        self._line = b""
        self._unheard.clear()

    def _pass(self, n_samples: int) -> bytes:
        line = self._line + bytes(self._unheard[:n_samples])
        del self._unheard[:n_samples]
        self._position += n_samples
        self._line = line[n_samples:]
        return line[:n_samples]


def _masked(octets: bytes, analysed: Analysed) -> bytes:
    if not analysed.masked.any():
        return octets
    replaced = np.frombuffer(encode_mulaw(analysed.audio), dtype=np.uint8)
    original = np.frombuffer(octets, dtype=np.uint8)
    return np.where(analysed.masked, replaced, original).astype(np.uint8).tobytes()
