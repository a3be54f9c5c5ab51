"""
Recordings: files there and back, and files that are none.
"""

import io
import re

import numpy as np
import pytest
import soundfile

from dtmf_engine.errors import AudioFormatError, ParameterError
from dtmf_engine.g711 import decode_alaw, decode_mulaw
from dtmf_engine.recording import (
    RecordingFormat,
    RecordingReader,
    RecordingWriter,
    read_recording,
    write_recording,
)
from tests.support.tones import Audio, Wave, to_float, to_int16, white_noise


NOISE = to_int16(white_noise(1000, -6.0))
FLOATS = to_float(white_noise(1000, -6.0, seed=1))


@pytest.mark.parametrize("rate", [8000, 44_100])
@pytest.mark.parametrize("container", ["WAV", "FLAC"])
def test_recording_of_16_bits_survives(container: str, rate: int) -> None:
    """
    What was written in 16 bits is read, to the last bit.
    """
    data = write_recording(NOISE, rate, container=container)
    recording = read_recording(data)
    assert recording.sample_rate_hz == rate
    assert recording.n_samples == 1000
    assert recording.duration_s == 1000 / rate
    (channel,) = recording.channels
    assert channel.dtype == np.int16
    assert np.array_equal(channel, NOISE)


@pytest.mark.parametrize(
    ("encoding", "grid"),
    [
        ("mulaw", decode_mulaw(bytes(range(256)))),
        ("alaw", decode_alaw(bytes(range(256)))),
    ],
)
def test_recording_of_a_companded_line_survives(encoding: str, grid: Audio) -> None:
    """
    Samples that came from octets are written and read as the same octets.
    """
    recording = read_recording(write_recording(grid, 8000, encoding=encoding))
    (channel,) = recording.channels
    assert channel.dtype == np.int16
    assert np.array_equal(channel, grid)


@pytest.mark.parametrize("encoding", ["mulaw", "alaw"])
def test_recording_is_companded_when_asked(encoding: str) -> None:
    """
    Eight bits a sample are written, and what comes back is within their steps.
    """
    data = write_recording(NOISE, 8000, encoding=encoding)
    assert len(data) < 1000 + 200
    (channel,) = read_recording(data).channels
    error = np.abs(channel.astype(np.int32) - NOISE.astype(np.int32))
    assert 0 < error.max() <= 1024


def test_recording_of_floats_survives() -> None:
    """
    Floats are written in single precision and come back as doubles.
    """
    data = write_recording(FLOATS, 16_000, encoding="float")
    (channel,) = read_recording(data).channels
    assert channel.dtype == np.float64
    assert np.array_equal(channel, FLOATS.astype(np.float32))


def test_recording_of_int16_as_float_is_scaled() -> None:
    """
    Samples of 16 bits in a float file lie in [−1, 1], as every float here does.
    """
    data = write_recording(NOISE, 8000, encoding="float")
    (channel,) = read_recording(data).channels
    assert np.array_equal(channel, NOISE / 32768.0)


def test_recording_of_floats_in_16_bits_is_scaled_and_clipped() -> None:
    """
    Floats that are whole 16-bit samples are written as those samples, and those
    outside are clipped.
    """
    every = np.arange(-32768, 32768)
    floats = np.concatenate([every / 32768.0, [1.5, -1.5]])
    (channel,) = read_recording(write_recording(floats, 8000)).channels
    assert channel.tolist() == [*every.tolist(), 32767, -32768]


@pytest.mark.parametrize("container", ["WAV", "FLAC"])
def test_recording_keeps_its_channels_apart(container: str) -> None:
    """
    Left is the first channel and right the second.
    """
    both = np.stack([NOISE, NOISE[::-1]], axis=1)
    recording = read_recording(write_recording(both, 8000, container=container))
    left, right = recording.channels
    assert np.array_equal(left, NOISE)
    assert np.array_equal(right, NOISE[::-1])
    assert left.flags.c_contiguous
    assert recording.n_samples == 1000


def test_recording_may_be_empty() -> None:
    """
    A file of no samples has one channel of none.
    """
    nothing = np.zeros(0, dtype=np.int16)
    recording = read_recording(write_recording(nothing, 8000))
    assert [channel.tolist() for channel in recording.channels] == [[]]
    assert recording.duration_s == 0.0


@pytest.mark.parametrize(
    ("subtype", "step"), [("PCM_24", 2**-23), ("PCM_32", 2**-31), ("DOUBLE", 0.0)]
)
def test_recording_of_more_than_16_bits_is_read_as_floats(
    subtype: str, step: float
) -> None:
    """
    Finer samples are not rounded to 16 bits.
    """
    file = io.BytesIO()
    soundfile.write(file, FLOATS, 8000, format="WAV", subtype=subtype)
    (channel,) = read_recording(file.getvalue()).channels
    assert channel.dtype == np.float64
    assert np.abs(channel - FLOATS).max() <= step


def test_recording_of_eight_bits_is_read_as_int16() -> None:
    """
    Coarser samples stand in the upper half of 16 bits.
    """
    file = io.BytesIO()
    soundfile.write(file, NOISE, 8000, format="WAV", subtype="PCM_U8")
    (channel,) = read_recording(file.getvalue()).channels
    assert channel.dtype == np.int16
    assert not (channel % 256).any()
    assert np.abs(channel.astype(np.int32) - NOISE.astype(np.int32)).max() <= 256


@pytest.mark.parametrize(
    "data",
    [b"", b"RIFF", b"no audio at all", bytes(1000), b"RIFF" + bytes(100)],
    ids=["empty", "four-octets", "text", "zeros", "almost-wav"],
)
def test_read_recording_refuses_what_is_no_audio_file(data: bytes) -> None:
    """
    Anything else is told by name and without a traceback of the library's own.
    """
    with pytest.raises(
        AudioFormatError,
        match=r"^call\.wav: expected a WAV, FLAC, OGG or MP3 file, "
        r"libsndfile says: format not recognised$",
    ):
        read_recording(data, "call.wav")


@pytest.mark.parametrize("container", ["WAV", "FLAC"])
def test_read_recording_refuses_a_file_cut_off_in_its_header(container: str) -> None:
    """
    Wherever the header ends too soon, it is an error of the format.
    """
    data = write_recording(NOISE, 8000, container=container)
    for n_bytes in range(0, 37, 3):
        with pytest.raises(
            AudioFormatError,
            match=r"^recording: expected (\d+ bytes by its header, got \d+|"
            r"a WAV, FLAC, OGG or MP3 file, libsndfile says: .+)$",
        ):
            read_recording(data[:n_bytes])


@pytest.mark.parametrize("container", ["WAV", "FLAC"])
def test_read_recording_refuses_a_file_cut_off_later(container: str) -> None:
    """
    A recorder that died leaves half a file; half a call is not taken for a call.
    """
    data = write_recording(NOISE, 8000, container=container)
    for n_bytes in range(44, len(data), 97):
        with pytest.raises(AudioFormatError):
            read_recording(data[:n_bytes])


def test_read_recording_takes_a_stream_of_unknown_length() -> None:
    """
    Programs that write a WAV into a pipe cannot know its length.
    """
    data = bytearray(write_recording(NOISE, 8000))
    for unknown in (b"\0\0\0\0", b"\xff\xff\xff\xff"):
        data[4:8] = unknown
        (channel,) = read_recording(bytes(data)).channels
        assert np.array_equal(channel, NOISE)


def test_read_recording_refuses_infinite_samples() -> None:
    """
    A float file may hold what is no sample.
    """
    for value in (np.nan, np.inf):
        file = io.BytesIO()
        soundfile.write(file, np.array([0.0, value]), 8000, "FLOAT", format="WAV")
        with pytest.raises(
            AudioFormatError,
            match=r"^call: expected finite samples, got NaN or infinity$",
        ):
            read_recording(file.getvalue(), "call")


def test_read_recording_refuses_a_rate_out_of_range() -> None:
    """
    A file too slow to carry the tones is an error of the format, under its name.
    """
    file = io.BytesIO()
    soundfile.write(file, NOISE, 1000, format="WAV", subtype="PCM_16")
    with pytest.raises(AudioFormatError, match=r"^call: .+ got 1000$"):
        read_recording(file.getvalue(), "call")


@pytest.mark.parametrize(
    ("container", "encoding"),
    [("FLAC", "mulaw"), ("FLAC", "float"), ("MP3", "pcm16"), ("wav", "pcm16")],
)
def test_write_recording_refuses_what_does_not_go_together(
    container: str, encoding: str
) -> None:
    """
    The message lists what does.
    """
    message = re.escape(
        "container, encoding: expected one of WAV pcm16, WAV mulaw, WAV alaw, "
        f"WAV float, FLAC pcm16, got {container!r} {encoding!r}"
    )
    with pytest.raises(ParameterError, match=f"^{message}$"):
        write_recording(NOISE, 8000, container=container, encoding=encoding)


def test_write_recording_refuses_a_rate_out_of_range() -> None:
    """
    The range of rates is that of the whole package.
    """
    with pytest.raises(
        ParameterError,
        match=r"^sample_rate_hz: expected a whole number from 4000 to 384000, got 1$",
    ):
        write_recording(NOISE, 1)


@pytest.mark.parametrize("audio", [NOISE, FLOATS], ids=["int16", "float"])
def test_write_recording_does_not_change_its_input(audio: Audio | Wave) -> None:
    """
    The samples given stay as they were.
    """
    before = audio.copy()
    write_recording(audio, 8000, encoding="mulaw")
    assert np.array_equal(audio, before)


# --- files of any length ----------------------------------------------------------


@pytest.mark.parametrize(
    ("container", "subtype", "dtype"),
    [
        ("WAV", "PCM_16", "int16"),
        ("WAV", "ULAW", "int16"),
        ("WAV", "PCM_U8", "int16"),
        ("WAV", "PCM_24", "int32"),
        ("WAV", "PCM_32", "int32"),
        ("WAV", "FLOAT", "float64"),
        ("WAV", "DOUBLE", "float64"),
        ("RF64", "PCM_16", "int16"),
        ("FLAC", "PCM_16", "int16"),
        ("FLAC", "PCM_24", "int32"),
    ],
)
@pytest.mark.parametrize("n_frames", [1, 7, 1000])
def test_blocks_of_a_lossless_file_survive(
    container: str, subtype: str, dtype: str, n_frames: int
) -> None:
    """
    Whatever the block, what is read is written again as the same samples.
    """
    first, second = io.BytesIO(), io.BytesIO()
    both = np.stack([FLOATS, FLOATS[::-1]], axis=1)
    soundfile.write(first, both, 8000, subtype, format=container)
    with RecordingReader(first) as reader:
        assert reader.format == RecordingFormat(container, subtype, 8000, 2)
        assert reader.format.is_lossless
        with RecordingWriter(second, reader.format) as writer:
            for block in reader.blocks(n_frames):
                assert block.dtype == dtype
                writer.write(block)
    with RecordingReader(first) as reader, RecordingReader(second) as again:
        before, after = list(reader.blocks()), list(again.blocks())
    assert np.array_equal(np.concatenate(before), np.concatenate(after))


@pytest.mark.parametrize("dtype", ["int16", "int32", "float64"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_32", "FLOAT"])
def test_a_writer_takes_every_precision(dtype: str, subtype: str) -> None:
    """
    Whole 16-bit samples come back the same from any precision through any other.
    """
    scales = {"int16": 1, "int32": 65_536, "float64": 1 / 32_768}
    block = (NOISE.astype(np.float64) * scales[dtype]).astype(dtype)[:, None]
    file = io.BytesIO()
    with RecordingWriter(file, RecordingFormat("WAV", subtype, 8000, 1)) as writer:
        writer.write(block)
    (samples,) = soundfile.read(io.BytesIO(file.getvalue()), dtype="float64")[:1]
    assert np.array_equal(samples, NOISE / 32_768)


@pytest.mark.parametrize(
    ("before", "ending", "after"),
    [
        (("WAV", "ULAW"), ".wav", ("WAV", "ULAW")),
        (("WAVEX", "PCM_24"), ".WAV", ("WAVEX", "PCM_24")),
        (("WAV", "ULAW"), ".flac", ("FLAC", "PCM_16")),
        (("WAV", "FLOAT"), ".flac", ("FLAC", "PCM_24")),
        (("OGG", "OPUS"), ".ogg", ("OGG", "OPUS")),
        (("OGG", "VORBIS"), ".opus", ("OGG", "OPUS")),
        (("OGG", "VORBIS"), ".mp3", ("MP3", "MPEG_LAYER_III")),
        (("MP3", "MPEG_LAYER_III"), ".flac", ("FLAC", "PCM_16")),
        (("FLAC", "PCM_24"), ".oga", ("OGG", "VORBIS")),
    ],
)
def test_the_nearest_format_for_an_ending(
    before: tuple[str, str], ending: str, after: tuple[str, str]
) -> None:
    """
    The subtype stays where the container has room for it.
    """
    found = RecordingFormat(*before, 8000, 2).for_ending(ending)
    assert found == RecordingFormat(*after, 8000, 2)


def test_no_format_for_another_ending() -> None:
    """
    The message lists those that are known.
    """
    with pytest.raises(ParameterError, match=r"^expected a name ending in \.wav, "):
        RecordingFormat("WAV", "PCM_16", 8000, 1).for_ending(".txt")


def test_a_writer_refuses_what_does_not_go_together() -> None:
    """
    Vorbis above 200 kHz, where its encoder would crash, and Opus at 44.1 kHz.
    """
    for subtype, rate in (("VORBIS", 384_000), ("OPUS", 44_100)):
        with pytest.raises(
            ParameterError, match=rf"^call: OGG {subtype} does not take 1 channels"
        ):
            RecordingWriter(
                io.BytesIO(), RecordingFormat("OGG", subtype, rate, 1), name="call"
            )


@pytest.mark.parametrize("container", ["WAV", "FLAC"])
def test_a_reader_refuses_a_file_cut_off(container: str) -> None:
    """
    At its header or at its end, whichever tells; half a call is never a call.
    """
    data = write_recording(NOISE, 8000, container=container)
    for n_bytes in range(0, len(data), 97):
        with (
            pytest.raises(AudioFormatError, match=r"^call: "),
            RecordingReader(io.BytesIO(data[:n_bytes]), "call") as reader,
        ):
            list(reader.blocks(100))


def test_a_reader_refuses_infinite_samples_and_slow_rates() -> None:
    """
    As `read_recording` does, by name.
    """
    file = io.BytesIO()
    soundfile.write(file, np.array([0.0, np.inf]), 8000, "FLOAT", format="WAV")
    with (
        pytest.raises(AudioFormatError, match=r"^call: expected finite samples"),
        RecordingReader(file, "call") as reader,
    ):
        list(reader.blocks())
    file = io.BytesIO()
    soundfile.write(file, NOISE, 1000, format="WAV")
    with pytest.raises(AudioFormatError, match=r"^call: .+ got 1000$"):
        RecordingReader(file, "call")
