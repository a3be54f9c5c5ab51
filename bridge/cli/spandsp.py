"""
libspandsp's DTMF detector, where it is installed: a second opinion for audits.
"""

import ctypes
import ctypes.util
from functools import cache

import numpy as np

from dtmf_engine.arrays import Int16


MAX_DIGITS = 128
"""What its own buffer holds."""

_CHUNK = 8000
"""A second of audio never holds more digits than the buffer."""


@cache
def load_spandsp() -> ctypes.CDLL | None:
    """
    Give libspandsp with what of its detector is used, if it is installed.
    """
    name = ctypes.util.find_library("spandsp")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    library.dtmf_rx_init.restype = ctypes.c_void_p
    library.dtmf_rx_init.argtypes = [ctypes.c_void_p] * 3
    library.dtmf_rx.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
    library.dtmf_rx_get.restype = ctypes.c_size_t
    library.dtmf_rx_get.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    library.dtmf_rx_status.restype = ctypes.c_int
    library.dtmf_rx_status.argtypes = [ctypes.c_void_p]
    library.dtmf_rx_free.argtypes = [ctypes.c_void_p]
    return library


def spandsp_reads(audio: Int16) -> str | None:
    """
    Give the digits that libspandsp finds.

    Args:
        audio: [shape=(n,)] at 8 kHz.

    Returns:
        Nothing if the library is not installed (Debian: libspandsp2).
    """
    library = load_spandsp()
    if library is None:
        return None
    state = library.dtmf_rx_init(None, None, None)
    buffer = ctypes.create_string_buffer(MAX_DIGITS + 1)
    digits = []
    for start in range(0, len(audio), _CHUNK):
        part = np.ascontiguousarray(audio[start : start + _CHUNK], dtype=np.int16)
        library.dtmf_rx(state, part.ctypes.data, len(part))
        library.dtmf_rx_get(state, buffer, MAX_DIGITS)
        digits.append(buffer.value.decode("ascii"))
    library.dtmf_rx_free(state)
    return "".join(digits)
