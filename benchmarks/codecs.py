"""
Codecs that a call may have been through, by ffmpeg and audioop.
"""

import audioop
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.channels import RATE, Int16


def mulaw(audio: Int16) -> Int16:
    """
    Through µ-law and back.
    """
    return np.frombuffer(
        audioop.ulaw2lin(audioop.lin2ulaw(audio.tobytes(), 2), 2), dtype=np.int16
    )


def alaw(audio: Int16) -> Int16:
    """
    Through A-law and back.
    """
    return np.frombuffer(
        audioop.alaw2lin(audioop.lin2alaw(audio.tobytes(), 2), 2), dtype=np.int16
    )


def has_ffmpeg() -> bool:
    """
    Tell whether ffmpeg is installed.
    """
    return shutil.which("ffmpeg") is not None


_FFMPEG = ("ffmpeg", "-loglevel", "error", "-y")

_ENCODERS: dict[str, tuple[tuple[str, ...], str]] = {
    "gsm": (("-c:a", "libgsm"), "gsm"),
    "g726-32": (("-c:a", "g726", "-b:a", "32k"), "wav"),
    "g726-24": (("-c:a", "g726", "-b:a", "24k"), "wav"),
    "opus-24k": (("-c:a", "libopus", "-b:a", "24k", "-application", "voip"), "ogg"),
    "opus-12k": (("-c:a", "libopus", "-b:a", "12k", "-application", "voip"), "ogg"),
}

FFMPEG_CODECS = tuple(_ENCODERS)


def through(audio: Int16, codec: str) -> Int16:
    """
    Send audio through a codec of `FFMPEG_CODECS`, and line it up again.

    Raises:
        FileNotFoundError: ffmpeg is not installed.
        subprocess.CalledProcessError: this ffmpeg cannot do it.
    """
    options, suffix = _ENCODERS[codec]
    raw = ("-f", "s16le", "-ar", str(RATE), "-ac", "1")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"coded.{suffix}"
        command = [*_FFMPEG, *raw, "-i", "-", *options, str(path)]
        subprocess.run(command, input=audio.tobytes(), check=True)
        command = [*_FFMPEG, "-i", str(path), *raw, "-"]
        done = subprocess.run(command, capture_output=True, check=True)
    heard = np.frombuffer(done.stdout, dtype=np.int16)
    lag = _lag(audio, heard)
    heard = np.concatenate([heard[max(0, lag) :], np.zeros(len(audio), np.int16)])
    return np.asarray(heard[: len(audio)])


def _lag(sent: Int16, heard: Int16) -> int:
    """
    Find a codec's delay by correlation, up to 100 ms.
    """
    n = min(len(sent), len(heard), 4 * RATE)
    a = np.fft.rfft(sent[:n].astype(np.float64), 2 * n)
    b = np.fft.rfft(heard[:n].astype(np.float64), 2 * n)
    product: npt.NDArray[np.float64] = np.fft.irfft(b * np.conj(a))
    return int(np.argmax(product[: RATE // 10]))


Codec = Callable[[Int16], Int16]
