"""
The voice of prompts: read from a folder of audio files, once, at the start.

The default voice travels with the package; a folder of the operator's own takes
its place as a whole. One file for another voice's would be heard as two people in
one sentence, so none may be missing.
"""

from pathlib import Path

import numpy as np

from bridge.call.voice import PIECES, Voice
from bridge.errors import ConfigError
from dtmf_engine.arrays import Float64, to_float64, to_int16
from dtmf_engine.errors import AudioFormatError
from dtmf_engine.filters import resample_to_8k
from dtmf_engine.g711 import encode_mulaw
from dtmf_engine.recording import Recording, read_recording
from dtmf_engine.units import FULL_SCALE, dbm0_from_power


SETTING = "DTMF_PROMPTS_DIR"

MAX_PIECE_S = 20.0
"""Nobody listens longer; a whole call by mistake would keep the caller."""

MAX_FILE_BYTES = 16 * 1024 * 1024
"""More than 20 s of any rate and precision that prompts come in."""

MIN_DBM0, MAX_DBM0 = -40.0, -6.0
"""
Mean level of a piece. Speech on the telephone is near −20 dBm0, recordings that are
made as loud as they can be near −12; what is far from both is a file gone wrong.
"""


def read_voice(folder: Path | None) -> Voice:
    """
    Read a voice.

    Args:
        folder: of files named as `bridge.call.voice.PIECES`, with `.wav` behind;
            the default voice if there is none.

    Raises:
        ConfigError: with a line for each file that is missing or cannot be used.
    """
    if folder is None:
        return read_voice(_default_folder())
    if not folder.is_dir():
        raise ConfigError([f"{SETTING}: {folder}: expected a folder"])
    pieces: dict[str, bytes] = {}
    problems = []
    for name in PIECES:
        path = folder / f"{name}.wav"
        try:
            pieces[name] = _read_piece(path)
        except OSError as error:
            reason = (error.strerror or "cannot be read").lower()
            problems.append(f"{SETTING}: {path}: {reason}")
        except AudioFormatError as error:
            problems.append(f"{SETTING}: {error}")
    if problems:
        raise ConfigError(problems)
    return Voice(pieces)


def voice_problems(folder: Path | None) -> tuple[str, ...]:
    """
    Tell all that is wrong with a voice.
    """
    try:
        read_voice(folder)
    except ConfigError as error:
        return error.problems
    return ()


def _default_folder() -> Path:
    """
    Find the default voice: in the installed package, or in the checkout.
    """
    here = Path(__file__).resolve().parent
    packed = here / "default_prompts"
    return packed if packed.is_dir() else here.parent.parent / "samples" / "prompts"


def _read_piece(path: Path) -> bytes:
    """
    Read one file, as the telephone carries it.

    Returns:
        µ-law octets at 8 kHz.

    Raises:
        AudioFormatError: it is no audio, or of no use; the message names it.
        OSError: it cannot be read.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise AudioFormatError(
            f"{path}: expected at most {MAX_FILE_BYTES // 2**20} MiB, it has more"
        )
    recording = read_recording(path.read_bytes(), str(path))
    if not 0 < recording.duration_s <= MAX_PIECE_S:
        raise AudioFormatError(
            f"{path}: expected up to {MAX_PIECE_S:g} s of audio, "
            f"got {recording.duration_s:g} s"
        )
    audio = resample_to_8k(_mono(recording), recording.sample_rate_hz)
    _check_level(audio, path)
    return encode_mulaw(to_int16(audio))


def _mono(recording: Recording) -> Float64:
    channels = [to_float64(channel) for channel in recording.channels]
    return np.asarray(np.mean(channels, axis=0))


def _check_level(audio: Float64, path: Path) -> None:
    level = dbm0_from_power(float(np.mean(audio**2)) * FULL_SCALE**2)
    if not MIN_DBM0 <= level <= MAX_DBM0:
        raise AudioFormatError(
            f"{path}: expected speech of {MIN_DBM0:g} to {MAX_DBM0:g} dBm0, "
            f"got {level:.1f} dBm0"
        )
