"""
Recordings: the bytes of an audio file to samples and back.

WAV (PCM, float, µ-law, A-law), FLAC, OGG and MP3 are read; libsndfile does
the work. Nothing here opens a file: the caller reads and writes the bytes.
"""

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile

from dtmf_engine.arrays import Float64, Int16, as_samples, to_float64, to_int16
from dtmf_engine.errors import AudioFormatError, ParameterError
from dtmf_engine.units import require_sample_rate


_EXACT_IN_16_BITS = frozenset({"PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW"})

_SUBTYPES = {
    ("WAV", "pcm16"): "PCM_16",
    ("WAV", "mulaw"): "ULAW",
    ("WAV", "alaw"): "ALAW",
    ("WAV", "float"): "FLOAT",
    ("FLAC", "pcm16"): "PCM_16",
}


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """
    Audio of one or more channels.
    """

    channels: list[Int16] | list[Float64]
    """One array of shape (n,) a channel: int16, or float64 in [−1, 1]."""
    sample_rate_hz: int

    @property
    def n_samples(self) -> int:
        """
        Length of each channel.
        """
        return len(self.channels[0])

    @property
    def duration_s(self) -> float:
        """
        Length in seconds.
        """
        return self.n_samples / self.sample_rate_hz


def read_recording(data: bytes, name: str = "recording") -> Recording:
    """
    Decode an audio file.

    Args:
        data: the whole file.
        name: what to call it in an error.

    Returns:
        int16 channels where the file holds 16 bits or fewer, float64 otherwise.

    Raises:
        AudioFormatError: it is no audio file, damaged, or empty of channels.
    """
    _check_whole(data, name)
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            exact = file.subtype in _EXACT_IN_16_BITS
            frames = file.read(dtype="int16" if exact else "float64", always_2d=True)
            rate = int(file.samplerate)
    except soundfile.LibsndfileError as error:
        raise AudioFormatError(
            f"{name}: expected a WAV, FLAC, OGG or MP3 file, "
            f"libsndfile says: {_reason(error)}"
        ) from None
    if not exact and not np.isfinite(frames).all():
        raise AudioFormatError(f"{name}: expected finite samples, got NaN or infinity")
    try:
        require_sample_rate(rate)
    except ParameterError as error:
        raise AudioFormatError(f"{name}: {error}") from None
    channels = [np.ascontiguousarray(frames[:, c]) for c in range(frames.shape[1])]
    return Recording(channels, rate)


def write_recording(
    channels: npt.ArrayLike,
    sample_rate_hz: int,
    *,
    container: str = "WAV",
    encoding: str = "pcm16",
) -> bytes:
    """
    Encode an audio file.

    Args:
        channels: [shape=(n,)] or [shape=(n, channels)] int16, or float in
            [−1, 1].
        sample_rate_hz: their rate.
        container: `WAV` or `FLAC`.
        encoding: `pcm16`, and in a WAV also `mulaw`, `alaw` or `float`.

    Raises:
        AudioFormatError: the samples are not audio.
        ParameterError: container and encoding do not go together.
    """
    try:
        subtype = _SUBTYPES[container, encoding]
    except KeyError:
        known = ", ".join(f"{c} {e}" for c, e in _SUBTYPES)
        raise ParameterError(
            f"container, encoding: expected one of {known}, "
            f"got {container!r} {encoding!r}"
        ) from None
    out = io.BytesIO()
    soundfile.write(
        out,
        _frames(channels, as_float=subtype == "FLOAT"),
        require_sample_rate(sample_rate_hz),
        format=container,
        subtype=subtype,
    )
    return out.getvalue()


def _reason(error: soundfile.LibsndfileError) -> str:
    # What comes before the last colon names the object it was read from.
    return str(error).rpartition(": ")[2].rstrip(".").lower()


def _check_whole(data: bytes, name: str) -> None:
    """
    Refuse a WAV file that ends before its header says.

    libsndfile reads what is there; an audit of half a recording would call it
    clean. A size of nought or of all ones is what programs write that do not
    know yet how long the file will be.
    """
    if data[:4] != b"RIFF" or len(data) < 8:
        return
    size = int.from_bytes(data[4:8], "little")
    if size not in {0, 0xFFFFFFFF} and size + 8 > len(data):
        raise AudioFormatError(
            f"{name}: expected {size + 8} bytes by its header, got {len(data)}"
        )


def _frames(channels: npt.ArrayLike, *, as_float: bool) -> Int16 | Float64:
    """
    Give samples as libsndfile wants them, [shape=(n, channels)].

    libsndfile would write integers into a float file as they are, 32768 times
    too loud, and cut floats off where they should be rounded.
    """
    array = np.asarray(channels)
    columns = array[:, None] if array.ndim == 1 else array
    if columns.ndim != 2:
        raise AudioFormatError(
            f"channels: expected shape (n,) or (n, channels), got {array.shape}"
        )
    checked = [as_samples(columns[:, c], "channels") for c in range(columns.shape[1])]
    if as_float:
        return np.stack([to_float64(channel) for channel in checked], axis=1)
    return np.stack([to_int16(channel) for channel in checked], axis=1)
