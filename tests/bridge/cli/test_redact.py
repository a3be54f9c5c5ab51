"""
`redact`, as a user runs it.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from bridge.cli import redact_files
from bridge.cli.redact import redact
from dtmf_engine import SENSITIVE, decode
from dtmf_engine.infill import Infill
from tests.support.processes import run_cli
from tests.support.tones import Wave, dial, line, voiced


def _call(rate: int = 8000, *, keys: str = "4929", channels: int = 1) -> Wave:
    """
    Make a call in [−1, 1], [shape=(n, channels)]: a voice, keys on the left, a voice.
    """
    scale = rate // 8000 if rate % 8000 == 0 else rate / 8000
    presses = dial(
        keys,
        lead=round(9000 * scale),
        tone=round(800 * scale),
        pause=round(800 * scale),
        low_dbm0=-12,
    )
    n = presses[-1].end_sample + round(9000 * scale)
    left = line(presses, n_samples=n, noise_dbm0=-55.0, sample_rate_hz=rate)
    voice = voiced(round(6000 * scale), sample_rate_hz=rate)
    left[: len(voice)] += voice
    left[-len(voice) :] += voice
    right = np.random.default_rng(3).normal(0, 30, n)
    return np.stack([left, right], axis=1)[:, :channels] / 32_768


def _write(path: Path, rate: int = 8000, subtype: str = "PCM_16", **call: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    container = {".opus": "OGG"}.get(path.suffix, path.suffix[1:].upper())
    soundfile.write(path, _call(rate, **call), rate, subtype, format=container)  # type: ignore[arg-type]
    return path


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(redact, [str(argument) for argument in arguments])


def _rows(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


FORMATS = [
    ("a.wav", "PCM_16", 8000),
    ("a.wav", "ULAW", 8000),
    ("a.wav", "ALAW", 8000),
    ("a.wav", "PCM_U8", 8000),
    ("a.wav", "PCM_24", 16_000),
    ("a.wav", "PCM_32", 48_000),
    ("a.wav", "FLOAT", 44_100),
    ("a.wav", "DOUBLE", 96_000),
    ("a.flac", "PCM_16", 8000),
    ("a.flac", "PCM_24", 384_000),
    ("a.ogg", "VORBIS", 44_100),
    ("a.opus", "OPUS", 48_000),
    ("a.mp3", "MPEG_LAYER_III", 8000),
    ("a.mp3", "MPEG_LAYER_III", 44_100),
]


@pytest.mark.parametrize(("name", "subtype", "rate"), FORMATS)
def test_every_format_comes_back_as_it_was(
    tmp_path: Path, name: str, subtype: str, rate: int
) -> None:
    """
    Container, subtype, rate, channels and length stay; digits do not; and what is
    lossless is bit-exact away from the keys.
    """
    source, target = _write(tmp_path / name, rate, subtype), tmp_path / f"out-{name}"
    result = _run(source, target, "--json")
    assert result.exit_code == 0, result.output
    (row,) = _rows(result)
    before, after = soundfile.info(source), soundfile.info(target)
    for fact in ("format", "subtype", "samplerate", "channels", "frames"):
        assert getattr(after, fact) == getattr(before, fact)
    assert (row["presses"], row["verified"], row["detected"]) == (4, True, 0)
    lossy = subtype in {"VORBIS", "OPUS", "MPEG_LAYER_III"}
    assert (row["lossless"], row["exact_elsewhere"]) == (
        not lossy,
        None if lossy else True,
    )
    audio, _ = soundfile.read(target, dtype="float64", always_2d=True)
    assert decode(audio[:, 0], rate, profile=SENSITIVE) == []
    original, _ = soundfile.read(source, dtype="float64", always_2d=True)
    if not lossy:
        far = slice(0, len(audio) // 4)
        assert np.array_equal(audio[far], original[far])
        assert np.mean(audio == original) > 0.4
    else:
        assert np.corrcoef(audio[: rate // 2, 0], original[: rate // 2, 0])[0, 1] > 0.9


@pytest.mark.parametrize(
    ("ending", "expected"),
    [(".flac", "PCM_16"), (".ogg", "VORBIS"), (".opus", "OPUS"), (".MP3", "MPEG")],
)
def test_the_ending_of_out_chooses_the_container(
    tmp_path: Path, ending: str, expected: str
) -> None:
    """
    A µ-law WAV may become anything else.
    """
    source = _write(tmp_path / "a.wav", subtype="ULAW")
    target = tmp_path / f"b{ending}"
    result = _run(source, target)
    assert result.exit_code == 0, result.output
    assert soundfile.info(target).subtype.startswith(expected)
    assert ("encoded anew" in result.stdout) == (ending != ".flac")


def test_a_container_that_cannot_hold_it_is_refused(tmp_path: Path) -> None:
    """
    Opus knows five rates, Vorbis ends at 200 kHz; nothing is left behind.
    """
    source = _write(tmp_path / "a.wav", 384_000)
    for name in ("b.opus", "b.ogg", "b.mp3"):
        result = _run(source, tmp_path / name)
        assert result.exit_code == 2
        assert "does not take 1 channels at 384000 Hz" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_tags_and_permissions_stay(tmp_path: Path) -> None:
    """
    The title of a recording, and who may read it.
    """
    source = tmp_path / "a.flac"
    with soundfile.SoundFile(source, "w", 8000, 1) as file:
        file.title = "call 12"
        file.write(_call())
    source.chmod(0o640)
    assert _run(source, tmp_path / "b.flac").exit_code == 0
    with soundfile.SoundFile(tmp_path / "b.flac") as file:
        assert file.title == "call 12"
    assert (tmp_path / "b.flac").stat().st_mode & 0o777 == 0o640


def test_only_the_channel_asked_for_is_redacted(tmp_path: Path) -> None:
    """
    --channel 1 leaves the left as it is, and says which it redacted.
    """
    source = _write(tmp_path / "a.wav", channels=2)
    result = _run(source, tmp_path / "b.wav", "--channel", "1", "--json")
    (row,) = _rows(result)
    assert row["channels"] == [1]
    before, after = soundfile.read(source)[0], soundfile.read(tmp_path / "b.wav")[0]
    assert np.array_equal(before[:, 0], after[:, 0])
    beyond = _run(source, tmp_path / "c.wav", "--channel", "2")
    assert beyond.exit_code == 2
    assert "channels: expected 0 to 1, got 2" in beyond.stderr


def test_dry_run_counts_and_writes_nothing(tmp_path: Path) -> None:
    """
    With and without OUT.
    """
    source = _write(tmp_path / "a.wav")
    for arguments in ([source], [source, tmp_path / "b.wav"]):
        result = _run(*arguments, "--dry-run")
        assert (result.exit_code, result.stdout) == (0, f"{source}: 4 presses\n")
    assert _rows(_run(source, "--dry-run", "--json"))[0]["presses"] == 4
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_no_output_names_a_digit(tmp_path: Path) -> None:
    """
    Two numbers keyed alike give the same lines, but for what the attacker guesses.
    """
    seen = []
    for keys in ("1357", "9999"):
        source, target = tmp_path / "a.wav", tmp_path / "b.wav"
        soundfile.write(source, _call(keys=keys), 8000)
        result = _run(source, target, "--json", "--force")
        (row,) = _rows(result)
        assert row.pop("attacker") is not None
        row.pop("replaced_ms")
        seen.append(row)
        assert keys not in result.output
        assert keys not in _run(source, target, "--force").output
    assert seen[0] == seen[1]


# --- folders ----------------------------------------------------------------------


def test_a_folder_keeps_its_tree(tmp_path: Path) -> None:
    """
    Every recording in it is redacted, at any depth; other files are left alone.
    """
    source, target = tmp_path / "in", tmp_path / "out"
    _write(source / "a.wav")
    _write(source / "deep" / "er" / "b.flac")
    (source / "notes.txt").write_text("4929")
    result = _run(source, target)
    assert result.exit_code == 0, result.output
    assert (
        result.stdout.splitlines()[-1] == "2 files, 8 presses, 1 other file left alone"
    )
    written = sorted(p.relative_to(target) for p in target.rglob("*") if p.is_file())
    assert written == [Path("a.wav"), Path("deep/er/b.flac")]


def test_a_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    """
    It is named at the end, and the exit code is 2.
    """
    source, target = tmp_path / "in", tmp_path / "out"
    _write(source / "c.wav")
    (source / "a.wav").write_bytes(b"no audio")
    whole = _write(source / "b.wav").read_bytes()
    (source / "b.wav").write_bytes(whole[: len(whole) // 2])
    result = _run(source, target)
    assert result.exit_code == 2
    assert [path.name for path in target.iterdir()] == ["c.wav"]
    first, second = result.stderr.splitlines()
    assert first.startswith(f"error: {source / 'a.wav'}: expected a WAV, FLAC, OGG")
    sizes = f"expected {len(whole)} bytes by its header, got {len(whole) // 2}"
    assert second == f"error: {source / 'b.wav'}: {sizes}"
    assert "1 file, 4 presses, 2 could not be read or written" in result.stdout
    rows = _rows(_run(source, target, "--force", "--json"))
    assert [sorted(row) for row in rows[:2]] == [["error", "file"]] * 2


# --- what is refused --------------------------------------------------------------


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    """
    An OUT that exists stays as it is until --force.
    """
    source, target = _write(tmp_path / "a.wav"), tmp_path / "b.wav"
    target.write_text("precious")
    result = _run(source, target)
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert target.read_text() == "precious"
    assert _run(source, target, "--force").exit_code == 0
    assert soundfile.info(target).frames == soundfile.info(source).frames


def test_in_is_never_out(tmp_path: Path) -> None:
    """
    By no name, and not with --force either; nor may folders lie in each other.
    """
    source = _write(tmp_path / "in" / "a.wav")
    link = tmp_path / "link.wav"
    link.hardlink_to(source)
    before = source.read_bytes()
    folder = source.parent
    for arguments in (
        (source, source),
        (source, folder / ".." / "in" / "a.wav"),
        (source, link),
        (folder, folder),
        (folder, folder / "out"),
        (folder, tmp_path),
    ):
        result = _run(*arguments, "--force")
        assert result.exit_code == 2, arguments
        assert "Error: OUT: expected" in result.stderr
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such.wav", "b.wav"], "IN: no-such.wav: no such file or directory"),
        (["{tmp}/a.wav"], "OUT: expected a name to write to, or --dry-run"),
        (["{tmp}/a.wav", "{tmp}/b.txt"], "OUT: expected a name ending in .wav, "),
        (["{tmp}/a.wav", "{tmp}"], "OUT: expected a name ending in .wav, "),
        (["{tmp}/empty", "{tmp}/out"], "IN: expected a folder with files ending in "),
        (["{tmp}", "{tmp}/../a.wav"], "OUT: expected a folder neither inside"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    """
    It names IN or OUT and what was expected.
    """
    _write(tmp_path / "a.wav")
    (tmp_path / "empty").mkdir()
    filled = [argument.format(tmp=tmp_path) for argument in arguments]
    if message.startswith("OUT: expected a folder neither"):
        filled[1] = str(tmp_path.parent)
    result = _run(*filled)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


# --- when it cannot be verified ---------------------------------------------------


def _leaky(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Let the infill pass everything.
    """
    monkeypatch.setattr(Infill, "run", lambda _, blocks: blocks)


def test_what_cannot_be_verified_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    After a few attempts it gives up, says so, leaves no file, and exits with 1.
    """
    source, target = _write(tmp_path / "a.wav"), tmp_path / "b.wav"
    _leaky(monkeypatch)
    result = _run(source, target, "--json")
    assert result.exit_code == 1
    (row,) = _rows(result)
    assert (row["verified"], row["out"], row["attempts"]) == (False, None, 4)
    assert row["detected"] == 4
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    assert "NOT VERIFIED: attacker guessed 4 of 4" in _run(source, target).stdout


def test_force_keeps_what_could_not_be_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The exit code is 1 all the same.
    """
    source, target = _write(tmp_path / "a.wav"), tmp_path / "b.wav"
    _leaky(monkeypatch)
    result = _run(source, target, "--force")
    assert result.exit_code == 1
    assert "NOT VERIFIED" in result.stdout
    assert target.exists()


def test_a_run_that_breaks_off_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Neither a half file nor a temporary one.
    """
    source, target = _write(tmp_path / "a.wav"), tmp_path / "b.wav"

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(redact_files, "_check", broken)
    assert _run(source, target).exit_code != 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_the_command_is_part_of_the_program(tmp_path: Path) -> None:
    """
    Run as a process of its own, with its help and an example in it.
    """
    source = _write(tmp_path / "a.wav")
    shutil.copy(source, tmp_path / "c.wav")
    done = run_cli("redact", str(source), str(tmp_path / "b.wav"))
    assert done.returncode == 0, done.stderr
    assert "4 presses" in done.stdout
    assert "verified: attacker guessed" in done.stdout
    again = run_cli("redact", str(source), str(tmp_path / "b.wav"))
    assert again.returncode == 2
    assert again.stderr.startswith("error: OUT: ")
    assert len(again.stderr.splitlines()) == 1
    assert "Example: dtmf-engine redact" in run_cli("redact", "--help").stdout
