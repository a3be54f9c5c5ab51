"""
The voice of prompts: the default one, and an operator's own.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.call.voice import PIECES, Voice
from bridge.errors import ConfigError
from bridge.pay.outputs import Prompt
from bridge.secret import Secret
from bridge.server.prompts import (
    MAX_DBM0,
    MAX_FILE_BYTES,
    MAX_PIECE_S,
    MIN_DBM0,
    read_voice,
    voice_problems,
)
from bridge.server.settings import load_settings
from dtmf_engine import Detector
from dtmf_engine.profiles import PROFILES
from tests.support.media import decode, encode
from tests.support.processes import ACCOUNT_SID, AUTH_TOKEN, environment, run_cli
from tests.support.streams import digits_of
from tests.support.tones import Wave, sine, to_int16


DEFAULT = Path(__file__).resolve().parents[3] / "samples" / "prompts"
RATE_HZ = 8000


def _said(voice: Voice, digits: str = "4207") -> bytes:
    return bytes(voice.say(Prompt.CONFIRM_CARD, Secret(digits.encode())))


def _hum(n_samples: int, level_dbm0: float = -20.0, rate_hz: int = RATE_HZ) -> Wave:
    """
    Give what passes for a piece, of 16-bit amplitude.
    """
    return sine(300.0 * RATE_HZ / rate_hz, n_samples, level_dbm0)


def _folder(path: Path) -> Path:
    """
    Make a voice of an operator's own.
    """
    folder = path / "own"
    folder.mkdir()
    for place, name in enumerate(PIECES):
        audio = to_int16(_hum(800 + 40 * place))
        soundfile.write(folder / f"{name}.wav", audio, RATE_HZ)
    return folder


# The default voice.


def test_default_voice_is_what_the_samples_hold() -> None:
    """
    Every piece, and no file that is none.
    """
    manifest = json.loads((DEFAULT.parent / "manifest.json").read_text())
    files = {name for name in manifest if name.startswith("prompts/")}
    assert files == {f"prompts/{name}.wav" for name in PIECES}
    said = _said(read_voice(None))
    assert said == _said(read_voice(DEFAULT))
    opening, rate_hz = soundfile.read(DEFAULT / "card_ending_in.wav", dtype="int16")
    assert rate_hz == RATE_HZ
    assert np.array_equal(decode(said)[: len(opening)], opening)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("prompt", Prompt)
def test_default_voice_is_no_digit_for_the_detector(
    profile: str, prompt: Prompt
) -> None:
    """
    What comes back of it on the caller's line, loud or faint, is no key; and the
    detector hears one that is pressed in the middle of it.
    """
    voice = read_voice(None)
    for digits in ("0123", "4567", "8901", "1212"):
        octets = bytes(voice.say(prompt, Secret(digits.encode())))
        said = decode(octets).astype(np.float64)
        for loss_db in (0, 10, 20):
            echo: Wave = said * float(10 ** (-loss_db / 20))
            assert _digits_in(profile, echo) == "", (digits, loss_db)
    key = sine(697.0, 800, -9.0) + sine(1209.0, 800, -9.0)
    echo[20_000:20_800] += key
    assert _digits_in(profile, echo) == "1"


def _digits_in(profile: str, audio: Wave) -> str:
    detector = Detector(profile=profile)
    return digits_of([*detector.process(to_int16(audio)), *detector.flush()])


def test_default_voice_is_of_one_loudness() -> None:
    """
    No digit is lost behind its neighbours.
    """
    for name in PIECES:
        audio, _ = soundfile.read(DEFAULT / f"{name}.wav")
        level = 10 * np.log10(np.mean(audio**2)) + 6.15
        assert level == pytest.approx(-20.0, abs=0.1), name


# An operator's own.


def test_folder_takes_the_place_of_the_default_voice(tmp_path: Path) -> None:
    """
    To the last bit, where it is at the telephone's rate already.
    """
    folder = _folder(tmp_path)
    said = _said(read_voice(folder))
    assert said != _said(read_voice(None))
    for name in ("card_ending_in", "digit_4", "press_1_or_2"):
        audio, _ = soundfile.read(folder / f"{name}.wav", dtype="int16")
        assert encode(audio) in said


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "ULAW"])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_pieces_may_have_any_rate_and_precision(
    tmp_path: Path, rate_hz: int, subtype: str, n_channels: int
) -> None:
    """
    What is said has the telephone's rate, and its level.
    """
    folder = _folder(tmp_path)
    hum = _hum(rate_hz // 2, rate_hz=rate_hz) / 32768
    channels = np.stack([hum] * n_channels, axis=1)
    path = folder / "card_ending_in.wav"
    soundfile.write(path, channels, rate_hz, subtype=subtype)
    heard = decode(_said(read_voice(folder)))[:4000].astype(float)
    middle = heard[500:3500]
    wanted = _hum(4000)[500:3500]
    assert np.mean(middle**2) == pytest.approx(np.mean(wanted**2), rel=0.05)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert int(spectrum.argmax()) * RATE_HZ / len(middle) == pytest.approx(300, abs=3)


Spoiler = Callable[[Path], object]


def _write(path: Path, audio: Wave) -> None:
    soundfile.write(path, to_int16(audio), RATE_HZ)


def _swell(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)


def _in_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


SPOILERS: Mapping[str, tuple[Spoiler, str]] = {
    "missing": (lambda path: path.unlink(), "no such file or directory"),
    "folder": (_in_folder, "is a directory"),
    "text": (
        lambda path: path.write_text("four"),
        "expected a WAV, FLAC, OGG or MP3 file, libsndfile says: format not recognised",
    ),
    "nothing": (
        lambda path: _write(path, np.zeros(0)),
        f"expected up to {MAX_PIECE_S:g} s of audio, got 0 s",
    ),
    "long": (
        lambda path: _write(path, _hum(int(RATE_HZ * (MAX_PIECE_S + 1)))),
        f"expected up to {MAX_PIECE_S:g} s of audio, got {MAX_PIECE_S + 1:g} s",
    ),
    "big": (_swell, "expected at most 16 MiB, it has more"),
    "silent": (
        lambda path: _write(path, np.zeros(800)),
        f"expected speech of {MIN_DBM0:g} to {MAX_DBM0:g} dBm0, got -120.0 dBm0",
    ),
    "faint": (
        lambda path: _write(path, _hum(8000, -45.0)),
        f"expected speech of {MIN_DBM0:g} to {MAX_DBM0:g} dBm0, got -45.0 dBm0",
    ),
    "loud": (
        lambda path: _write(path, _hum(8000, -2.0)),
        f"expected speech of {MIN_DBM0:g} to {MAX_DBM0:g} dBm0, got -2.0 dBm0",
    ),
}


@pytest.mark.parametrize("kind", SPOILERS)
def test_piece_that_cannot_be_used_is_named_in_one_line(
    tmp_path: Path, kind: str
) -> None:
    """
    The setting, the file and what was expected.
    """
    folder = _folder(tmp_path)
    spoil, reason = SPOILERS[kind]
    path = folder / "digit_4.wav"
    spoil(path)
    assert voice_problems(folder) == (f"DTMF_PROMPTS_DIR: {path}: {reason}",)
    with pytest.raises(ConfigError):
        read_voice(folder)


def test_folder_that_is_none_is_named(tmp_path: Path) -> None:
    """
    One line, not one for each piece.
    """
    for folder in (tmp_path / "nowhere", DEFAULT / "digit_4.wav"):
        (problem,) = voice_problems(folder)
        assert problem == f"DTMF_PROMPTS_DIR: {folder}: expected a folder"


def test_check_lists_every_piece_that_cannot_be_used(tmp_path: Path) -> None:
    """
    A voice is taken whole: none of another one stands in, and one run of --check
    is enough.
    """
    folder = _folder(tmp_path)
    shutil.copy(DEFAULT.parent / "README.md", folder / "digit_9.wav")
    (folder / "digit_0.wav").unlink()
    (folder / "press_1_or_2.wav").unlink()
    env = environment(
        account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, prompts_dir=str(folder)
    )
    done = run_cli("serve", "--check", env=env)
    assert (done.returncode, done.stdout) == (1, "")
    named = [line.split(": ")[:2] for line in done.stderr.splitlines()]
    assert named == [
        ["DTMF_PROMPTS_DIR", str(folder / f"{name}.wav")]
        for name in ("digit_0", "digit_9", "press_1_or_2")
    ]


def test_folder_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    None by default; what is wrong with one stands beside all else.
    """
    monkeypatch.setenv("DTMF_ACCOUNT_SID", ACCOUNT_SID)
    monkeypatch.setenv("DTMF_AUTH_TOKEN", AUTH_TOKEN)
    assert load_settings().prompts_dir is None
    monkeypatch.setenv("DTMF_PROMPTS_DIR", str(_folder(tmp_path)))
    assert load_settings().prompts_dir == tmp_path / "own"
    monkeypatch.setenv("DTMF_PROMPTS_DIR", str(tmp_path))
    monkeypatch.setenv("DTMF_TICK_MS", "9")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert len(caught.value.problems) == len(PIECES) + 1
