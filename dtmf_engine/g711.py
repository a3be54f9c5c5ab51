"""
G.711: µ-law and A-law octets to 16-bit linear samples and back.

Both directions go through the standard library's `audioop` (Python 3.11 and
3.12) or the `audioop-lts` package (3.13 and later), which are the same code.
µ-law has two codes for zero (0x7F and 0xFF); decoding and encoding again turns
0x7F into 0xFF. Whoever must relay octets untouched keeps the octets.
"""

import audioop

import numpy as np

from dtmf_engine.arrays import Int16


MULAW_SILENCE = 0xFF
"""µ-law code of zero."""

ALAW_SILENCE = 0xD5
"""A-law code of the smallest positive value; A-law has no zero."""


def decode_mulaw(octets: bytes) -> Int16:
    """
    Decode µ-law octets to samples of shape (n,).
    """
    return np.frombuffer(audioop.ulaw2lin(octets, 2), dtype=np.int16)


def encode_mulaw(samples: Int16) -> bytes:
    """
    Encode samples of shape (n,) to µ-law octets.
    """
    return audioop.lin2ulaw(samples.astype(np.int16, copy=False).tobytes(), 2)


def decode_alaw(octets: bytes) -> Int16:
    """
    Decode A-law octets to samples of shape (n,).
    """
    return np.frombuffer(audioop.alaw2lin(octets, 2), dtype=np.int16)


def encode_alaw(samples: Int16) -> bytes:
    """
    Encode samples of shape (n,) to A-law octets.
    """
    return audioop.lin2alaw(samples.astype(np.int16, copy=False).tobytes(), 2)
