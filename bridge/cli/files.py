"""
Files of the command line.
"""

from pathlib import Path

from dtmf_engine.arrays import to_float64, to_int16
from dtmf_engine.errors import AudioFormatError
from dtmf_engine.filters import resample_to_8k
from dtmf_engine.g711 import decode_mulaw, encode_mulaw
from dtmf_engine.recording import Recording, read_recording, write_recording
from dtmf_engine.units import SAMPLE_RATE_HZ


def load(path: Path) -> Recording:
    """
    Read an audio file.

    Raises:
        AudioFormatError: it is no audio file; the message names it.
        OSError: it cannot be read.
    """
    return read_recording(path.read_bytes(), str(path))


def load_mono(path: Path, channel: int = 0) -> Recording:
    """
    Read one channel of an audio file.

    Raises:
        AudioFormatError: it is no audio file or has no such channel.
        OSError: it cannot be read.
    """
    recording = load(path)
    if channel >= len(recording.channels):
        raise AudioFormatError(
            f"{path}: expected a channel {channel}, it has {len(recording.channels)}"
        )
    chosen = recording.channels[channel]
    return Recording([chosen], recording.sample_rate_hz)  # type: ignore[arg-type]


def mulaw_octets(recording: Recording) -> bytes:
    """
    Give the first channel of a recording as a provider carries it.
    """
    audio = to_float64(recording.channels[0])
    return encode_mulaw(to_int16(resample_to_8k(audio, recording.sample_rate_hz)))


def mulaw_wav(octets: bytes) -> bytes:
    """
    Give µ-law audio at 8 kHz as a WAV file.
    """
    return write_recording(decode_mulaw(octets), SAMPLE_RATE_HZ, encoding="mulaw")
