"""
Recordings: the bytes of an audio file to samples and back.

WAV (PCM, float, µ-law, A-law), FLAC, OGG (Vorbis, Opus) and MP3 are read and
written; libsndfile does the work. Nothing here opens a file: the caller hands in
bytes, or files that are open already. `RecordingReader` and `RecordingWriter` go
through files of any length block by block, in the samples' own precision.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Self

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


_EXACT_IN_32_BITS = frozenset({"PCM_24", "PCM_32"})

_LOSSY = frozenset({"VORBIS", "OPUS", "MPEG_LAYER_III", "GSM610"})
"""And every ADPCM: what is decoded and encoded again is not the same."""

_CONTAINERS = {
    ".wav": ("WAV", "WAVEX", "RF64"),
    ".wave": ("WAV", "WAVEX", "RF64"),
    ".flac": ("FLAC",),
    ".ogg": ("OGG",),
    ".oga": ("OGG",),
    ".opus": ("OGG",),
    ".mp3": ("MP3",),
}

ENDINGS = tuple(_CONTAINERS)
"""Of names of files that can be read and written, in lower case."""

_INSTEAD = {
    # What a container that has no room for a subtype gets in its place.
    "WAV": {"": "PCM_16"},
    "FLAC": {"": "PCM_16", "FLOAT": "PCM_24", "DOUBLE": "PCM_24", "PCM_32": "PCM_24"},
    "OGG": {"": "VORBIS"},
    "MP3": {"": "MPEG_LAYER_III"},
}

BLOCK_FRAMES = 1 << 18
"""Frames read at a time: five seconds at 48 kHz."""


@dataclass(frozen=True, slots=True)
class RecordingFormat:
    """
    How a file holds its audio, in libsndfile's words.
    """

    container: str
    """`WAV`, `WAVEX`, `RF64`, `FLAC`, `OGG` or `MP3`."""
    subtype: str
    """`PCM_16`, `ULAW`, `VORBIS`, …"""
    sample_rate_hz: int
    n_channels: int

    @property
    def is_lossless(self) -> bool:
        """
        Whether what is read can be written again to the last bit.
        """
        return self.subtype not in _LOSSY and "ADPCM" not in self.subtype

    @property
    def dtype(self) -> str:
        """
        The samples' own precision: int16, int32 or float64.
        """
        if self.subtype in _EXACT_IN_32_BITS:
            return "int32"
        if self.subtype in _EXACT_IN_16_BITS or "ADPCM" in self.subtype:
            return "int16"
        return "int16" if self.subtype == "GSM610" else "float64"

    def for_ending(self, ending: str) -> "RecordingFormat":
        """
        Give the format nearest to this one in a file whose name ends so.

        Raises:
            ParameterError: no such ending is known.
        """
        containers = _CONTAINERS.get(ending.lower())
        if containers is None:
            raise ParameterError(
                f"expected a name ending in {', '.join(ENDINGS)}, got {ending!r}"
            )
        container = self.container if self.container in containers else containers[0]
        subtype = self.subtype
        if ending.lower() == ".opus":
            subtype = "OPUS"
        elif not soundfile.check_format(container, subtype):
            instead = _INSTEAD[containers[0]]
            subtype = instead.get(subtype, instead[""])
        return RecordingFormat(container, subtype, self.sample_rate_hz, self.n_channels)


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
    with _opened(io.BytesIO(data), name) as file:
        exact = file.subtype in _EXACT_IN_16_BITS
        try:
            frames = file.read(dtype="int16" if exact else "float64", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise _not_audio(name, error) from None
        rate = int(file.samplerate)
    _check_finite(frames, name)
    channels = [np.ascontiguousarray(frames[:, c]) for c in range(frames.shape[1])]
    return Recording(channels, rate)


class _Closing:
    """
    A file that is closed where its `with` block ends.
    """

    _file: soundfile.SoundFile

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


class RecordingReader(_Closing):
    """
    An audio file, read block by block.

    Args:
        file: open for reading bytes, and seekable.
        name: what to call it in an error.

    Raises:
        AudioFormatError: it is no audio file, or damaged.
    """

    def __init__(self, file: BinaryIO, name: str = "recording") -> None:
        self.name = name
        self._file = _opened(file, name)
        self.format = RecordingFormat(
            self._file.format,
            self._file.subtype,
            int(self._file.samplerate),
            self._file.channels,
        )
        self.n_frames = int(self._file.frames)
        """As the file says; 0 or too many where it does not know."""

    def blocks(self, n_frames: int = BLOCK_FRAMES) -> Iterator[npt.NDArray[np.generic]]:
        """
        Read the file from where it stands to its end.

        Yields:
            [shape=(n, channels)] of `format.dtype`; floats in [−1, 1].

        Raises:
            AudioFormatError: the file is damaged, or ends before it says.
        """
        n_read = 0
        while True:
            try:
                block = self._file.read(
                    n_frames, dtype=self.format.dtype, always_2d=True
                )
            except soundfile.LibsndfileError as error:
                raise AudioFormatError(
                    f"{self.name}: damaged, libsndfile says: {_reason(error)}"
                ) from None
            if not len(block):
                break
            _check_finite(block, self.name)
            n_read += len(block)
            yield block
        if self.format.is_lossless and n_read < self.n_frames < _UNKNOWN_FRAMES:
            raise AudioFormatError(
                f"{self.name}: expected {self.n_frames} frames by its header, "
                f"got {n_read}"
            )

    def tags(self) -> dict[str, str]:
        """
        Give title, artist and the like.
        """
        return dict(self._file.copy_metadata())


class RecordingWriter(_Closing):
    """
    An audio file, written block by block.

    Args:
        file: open for writing and reading bytes, seekable, empty.
        format_: what to write.
        tags: title, artist and the like, by libsndfile's names.
        name: what to call it in an error.

    Raises:
        ParameterError: container, subtype, rate and channels do not go together.
    """

    def __init__(
        self,
        file: BinaryIO,
        format_: RecordingFormat,
        *,
        tags: dict[str, str] | None = None,
        name: str = "recording",
    ) -> None:
        self.name = name
        self.format = format_
        what = (
            f"{name}: {format_.container} {format_.subtype} does not take "
            f"{format_.n_channels} channels at {format_.sample_rate_hz} Hz"
        )
        if format_.subtype == "VORBIS" and format_.sample_rate_hz > _VORBIS_MAX_HZ:
            raise ParameterError(what)
        try:
            self._file = soundfile.SoundFile(
                file,
                "w",
                format_.sample_rate_hz,
                format_.n_channels,
                format_.subtype,
                format=format_.container,
            )
        except soundfile.LibsndfileError as error:
            raise ParameterError(f"{what}, libsndfile says: {_reason(error)}") from None
        for key, value in (tags or {}).items():
            setattr(self._file, key, value)

    def write(self, block: npt.NDArray[np.generic]) -> None:
        """
        Write the next frames, [shape=(n, channels)] int16, int32 or float64.
        """
        self._file.write(_in_precision(block, self.format.dtype))


_VORBIS_MAX_HZ = 200_000
"""Its encoder has no settings beyond, and libsndfile 1.2.2 crashes for want of them."""

_UNKNOWN_FRAMES = 1 << 60
"""What libsndfile reports for a stream of unknown length is beyond this."""


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


def _opened(file: BinaryIO, name: str) -> soundfile.SoundFile:
    """
    Open a file of audio, of a rate that we can take.

    Raises:
        AudioFormatError: it is none, or damaged.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    _check_size(file.read(8), size, name)
    file.seek(0)
    try:
        opened = soundfile.SoundFile(file)
    except soundfile.LibsndfileError as error:
        raise _not_audio(name, error) from None
    try:
        require_sample_rate(opened.samplerate)
    except ParameterError as error:
        opened.close()
        raise AudioFormatError(f"{name}: {error}") from None
    return opened


def _not_audio(name: str, error: soundfile.LibsndfileError) -> AudioFormatError:
    return AudioFormatError(
        f"{name}: expected a WAV, FLAC, OGG or MP3 file, "
        f"libsndfile says: {_reason(error)}"
    )


def _check_finite(samples: npt.NDArray[np.generic], name: str) -> None:
    if samples.dtype.kind == "f" and not np.isfinite(samples).all():
        raise AudioFormatError(f"{name}: expected finite samples, got NaN or infinity")


def _reason(error: soundfile.LibsndfileError) -> str:
    # What comes before the last colon names the object it was read from.
    return str(error).rpartition(": ")[2].rstrip(".").lower()


def _check_size(head: bytes, n_bytes: int, name: str) -> None:
    """
    Refuse a WAV file that ends before its header says.

    libsndfile reads what is there; an audit of half a recording would call it
    clean. A size of nought or of all ones is what programs write that do not
    know yet how long the file will be.

    Args:
        head: the first eight bytes of the file.
        n_bytes: how many there are.
        name: what to call it in an error.
    """
    if head[:4] != b"RIFF" or n_bytes < 8:
        return
    size = int.from_bytes(head[4:8], "little")
    if size not in {0, 0xFFFFFFFF} and size + 8 > n_bytes:
        raise AudioFormatError(
            f"{name}: expected {size + 8} bytes by its header, got {n_bytes}"
        )


def _in_precision(
    block: npt.NDArray[np.generic], dtype: str
) -> npt.NDArray[np.generic]:
    """
    Convert samples between int16, int32 and floats in [−1, 1], rounded and clipped.

    libsndfile would scale some of these by one less than a power of two, and some
    not at all.
    """
    if block.dtype == dtype:
        return block
    scales = {"int16": 2.0**15, "int32": 2.0**31, "float64": 1.0}
    floats = block.astype(np.float64) * (scales[dtype] / scales[str(block.dtype)])
    if dtype == "float64":
        return floats
    return np.clip(np.rint(floats), -scales[dtype], scales[dtype] - 1).astype(dtype)


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
