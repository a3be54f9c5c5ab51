"""
`decode`, `generate`, `audit` and `token`, run as a user runs them.
"""

import json
from pathlib import Path

import pytest

from tests.support.processes import ACCOUNT_SID, AUTH_TOKEN, environment, run_cli


RECORDINGS = Path(__file__).resolve().parents[4] / "shared" / "recordings"


def test_decode_prints_one_object_a_digit(tmp_path: Path) -> None:
    """
    Each line of --json is a digit with its times, channel, level and twist.
    """
    path = tmp_path / "keys.wav"
    made = run_cli("generate", "5#", str(path), "--level", "-12", "--twist", "-2")
    assert made.returncode == 0, made.stderr
    done = run_cli("decode", "--json", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["digit"] for row in rows] == ["5", "#"]
    for row, start_ms in zip(rows, (100, 300), strict=True):
        expected = ["channel", "digit", "end_ms", "level_dbm0", "start_ms", "twist_db"]
        assert sorted(row) == expected
        assert row["channel"] == 0
        assert row["start_ms"] == pytest.approx(start_ms, abs=3)
        assert row["end_ms"] == pytest.approx(start_ms + 100, abs=3)
        assert row["level_dbm0"] == pytest.approx(-12, abs=0.5)
        assert row["twist_db"] == pytest.approx(-2, abs=0.5)


def test_decode_tells_the_channels_of_a_stereo_recording_apart() -> None:
    """
    Left and right are channels 0 and 1, as the audio itself shows.

    The folder's README lists the 0 on the right; a spectrum shows it on the left.
    """
    path = RECORDINGS / "stereo_dtmf_tones.wav"
    if not path.exists():
        pytest.skip("the shared recordings are not here")
    done = run_cli("decode", "--json", str(path))
    assert done.returncode == 0
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    channels = [
        "".join(row["digit"] for row in rows if row["channel"] == channel)
        for channel in (0, 1)
    ]
    assert channels == ["135790", "2468"]
    three = next(row for row in rows if row["digit"] == "3")
    assert (three["start_ms"], three["end_ms"]) == (
        pytest.approx(4000, abs=5),
        pytest.approx(6000, abs=5),
    )


def test_decode_draws_a_picture(tmp_path: Path) -> None:
    """
    --plot writes a PNG.
    """
    audio, picture = tmp_path / "keys.flac", tmp_path / "keys.png"
    assert run_cli("generate", "12", str(audio)).returncode == 0
    done = run_cli("decode", str(audio), "--plot", str(picture))
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "channel 0: 12" in done.stdout


def test_decode_of_several_files_names_them(tmp_path: Path) -> None:
    """
    With more than one file each object says which it is from.
    """
    paths = [str(tmp_path / f"{digit}.wav") for digit in "78"]
    for path in paths:
        assert run_cli("generate", Path(path).stem, path).returncode == 0
    done = run_cli("decode", "--json", *paths)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["file"], row["digit"]) for row in rows] == list(
        zip(paths, "78", strict=True)
    )


def test_audit_tells_a_leak_from_none_by_its_exit_code(tmp_path: Path) -> None:
    """
    Code 0 where nothing can be recovered, 1 where something can; no digit shown.
    """
    caller, quiet = tmp_path / "caller.wav", tmp_path / "quiet.wav"
    keys = "4111111111111111"
    run_cli("generate", keys, str(caller), "--noise", "-55")
    options = ("--tone-ms", "4000", "--level", "-90", "--noise", "-55")
    run_cli("generate", "1", str(quiet), *options)

    clean = run_cli("audit", str(caller), str(quiet), "--json")
    assert clean.returncode == 0, clean.stdout
    report = json.loads(clean.stdout)
    assert (report["presses"], report["is_clean"]) == (16, True)

    leak = run_cli("audit", str(caller), str(caller))
    assert leak.returncode == 1
    assert "verdict                LEAK: digits recoverable" in leak.stdout
    assert keys not in leak.stdout
    assert "1111" not in leak.stdout


def test_audit_without_a_press_does_not_pass(tmp_path: Path) -> None:
    """
    Nothing proved is no success.
    """
    silent = tmp_path / "silent.wav"
    run_cli("generate", "", str(silent))
    done = run_cli("audit", str(silent), str(silent))
    assert done.returncode == 1
    assert done.stdout == "no press in the caller's recording\n"


def test_token_is_good_for_the_leg_it_was_made_for() -> None:
    """
    The command makes what the media server checks.
    """
    from bridge.server.clock import unix_now  # noqa: PLC0415
    from bridge.stream.events import Role  # noqa: PLC0415
    from bridge.stream.handshake import Claim, is_token_good  # noqa: PLC0415

    env = environment(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN)
    done = run_cli("token", "order-1", "--leg", "agent", env=env)
    assert done.returncode == 0, done.stderr
    token = done.stdout.strip()
    right = Claim("order-1", Role.AGENT)
    assert is_token_good(token, [AUTH_TOKEN], right, unix_now())
    other = Claim("order-1", Role.CALLER)
    assert not is_token_good(token, [AUTH_TOKEN], other, unix_now())


def test_token_is_made_for_the_account_that_is_named(tmp_path: Path) -> None:
    """
    Where there are several, and for none that is not there.
    """
    from bridge.server.clock import unix_now  # noqa: PLC0415
    from bridge.stream.events import Role  # noqa: PLC0415
    from bridge.stream.handshake import Claim, is_token_good  # noqa: PLC0415

    sid, secret = "AC" + "b" * 32, "the-other-account-s-token"
    accounts = tmp_path / "accounts.toml"
    accounts.write_text(f'[[account]]\nsid = "{sid}"\nauth_token = "{secret}"')
    env = environment(
        account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, accounts_file=str(accounts)
    )
    done = run_cli("token", "order-1", "--account", sid, env=env)
    token, claim = done.stdout.strip(), Claim("order-1", Role.CALLER)
    assert is_token_good(token, [secret], claim, unix_now())
    assert not is_token_good(token, [AUTH_TOKEN], claim, unix_now())
    done = run_cli("token", "order-1", "--account", "AC1", env=env)
    assert done.returncode != 0
    assert "no account has this sid" in done.stderr
    assert done.stdout == ""


BAD_INPUT = [
    (("decode", "no-such.wav"), "error: no-such.wav: no such file or directory\n"),
    (
        ("decode", __file__),
        (
            f"error: {__file__}: expected a WAV, FLAC, OGG or MP3 file, "
            "libsndfile says: format not recognised\n"
        ),
    ),
    (
        ("generate", "12x", "out.wav"),
        "error: digits: expected only 123A456B789C*0#D, character 3 is not one\n",
    ),
    (
        ("generate", "1", "out.mp3"),
        "error: OUT: expected a name ending in .wav or .flac, got out.mp3\n",
    ),
    (
        ("generate", "1", "out.wav", "--tone-ms", "0"),
        "error: tone_ms: expected 1 to 60000, got 0.0\n",
    ),
    (
        ("generate", "1", "out.flac", "--encoding", "mulaw"),
        (
            "error: container, encoding: expected one of WAV pcm16, WAV mulaw, "
            "WAV alaw, WAV float, FLAC pcm16, got 'FLAC' 'mulaw'\n"
        ),
    ),
    (("decode",), "error: Missing argument 'FILE…'.\n"),
    (("nonsense",), "error: No such command 'nonsense'.\n"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_INPUT)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    """
    Whatever is wrong is said in one line, without a traceback, and nothing is made.
    """
    arguments = tuple(
        str(tmp_path / a) if a.startswith("out.") else a for a in arguments
    )
    done = run_cli(*arguments)
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.replace(f"{tmp_path}/", "") == message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command", ["serve", "demo", "call", "decode", "generate", "audit", "token"]
)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    """
    --help shows what a command does and one line to try.
    """
    done = run_cli(command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: ")
    assert f"dtmf-engine {command}" in done.stdout.replace("\n", " ").partition(
        "Example:"
    )[2].replace("  ", " ")
