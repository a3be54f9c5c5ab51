"""
Peers: other people's DTMF detectors, run on the same samples.

Each is optional; `missing()` says which are absent and how to get them.
"""

import ctypes
import ctypes.util
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

from bridge.cli.spandsp import MAX_DIGITS, load_spandsp, spandsp_reads
from dtmf_engine.recording import write_recording


Int16 = npt.NDArray[np.int16]


def has_spandsp() -> bool:
    """
    Tell whether libspandsp is installed (Debian: libspandsp2).
    """
    return load_spandsp() is not None


def has_multimon() -> bool:
    """
    Tell whether multimon-ng is installed.
    """
    return shutil.which("multimon-ng") is not None


def has_dtmf2num() -> bool:
    """
    Tell whether dtmf2num is installed.
    """
    return shutil.which("dtmf2num") is not None


def missing() -> list[str]:
    """
    Say which peers are absent, a line each.
    """
    peers = {
        "libspandsp2": has_spandsp(),
        "multimon-ng": has_multimon(),
        "dtmf2num": has_dtmf2num(),
    }
    return [
        f"{name}: not installed (apt-get install {name})"
        for name, there in peers.items()
        if not there
    ]


def spandsp(samples: Int16) -> str:
    """
    Give the digits that libspandsp finds in 8 kHz samples.

    Raises:
        RuntimeError: it is not installed.
    """
    digits = spandsp_reads(samples)
    if digits is None:
        raise RuntimeError("libspandsp is not installed")
    return digits


class SpandspStream:
    """
    One persistent state of libspandsp's detector, given audio as it comes.

    Raises:
        RuntimeError: it is not installed.
    """

    def __init__(self) -> None:
        library = load_spandsp()
        if library is None:
            raise RuntimeError("libspandsp is not installed")
        self.receive: Callable[[int, int, int], int] = library.dtmf_rx
        """`receive(state, address, n_samples)`: the bare call, for timing."""
        self._library = library
        self._buffer = ctypes.create_string_buffer(MAX_DIGITS + 1)
        self.state: int = library.dtmf_rx_init(None, None, None)

    def process(self, samples: Int16) -> str:
        """
        Take samples, and give the digits that became known by them.
        """
        self.receive(self.state, samples.ctypes.data, len(samples))
        return self.digits()

    def digits(self) -> str:
        """
        Give the digits since the last time, at most 128.
        """
        self._library.dtmf_rx_get(self.state, self._buffer, MAX_DIGITS)
        return self._buffer.value.decode("ascii")

    def status(self) -> str:
        """
        Give the digit that is on, `x` where one may be beginning, or nothing.
        """
        code: int = self._library.dtmf_rx_status(self.state)
        return chr(code) if code else ""

    def close(self) -> None:
        """
        Give the state back. It is of no use afterwards.
        """
        self._library.dtmf_rx_free(self.state)


def multimon(samples: Int16) -> str:
    """
    Give the digits that multimon-ng finds in 8 kHz samples.

    Raises:
        FileNotFoundError: it is not installed.
    """
    # It wants raw 16-bit samples at 22050 Hz.
    audio = resample_poly(samples.astype(np.float64), 441, 160)
    raw = np.clip(np.rint(audio), -32768, 32767).astype("<i2").tobytes()
    done = subprocess.run(
        ["multimon-ng", "-q", "-c", "-a", "DTMF", "-t", "raw", "-"],
        input=raw,
        capture_output=True,
        check=True,
    )
    return "".join(re.findall(r"DTMF: (\S)", done.stdout.decode()))


def dtmf2num(samples: Int16) -> str:
    """
    Give the digits that dtmf2num finds in 8 kHz samples.

    Raises:
        FileNotFoundError: it is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audio.wav"
        path.write_bytes(write_recording(samples, 8000))
        done = subprocess.run(
            ["dtmf2num", "-o", str(path)], capture_output=True, check=False
        )
    found = re.search(r"- DTMF numbers:\s*(\S*)", done.stdout.decode(errors="replace"))
    return "" if found is None or found.group(1) == "none" else found.group(1)
