"""
`serve` and `call`, run as a user runs them.
"""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bridge.cli.files import load_mono
from dtmf_engine import audit, decode
from tests.support.processes import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    environment,
    run_cli,
    serving,
)


def test_check_lists_every_problem_at_once() -> None:
    """
    One run of --check is enough to mend all settings.
    """
    env = environment(
        account_sid="AC12", media_port="high", star="maybe", development="1"
    )
    env["DTMF_HOST"] = "0.0.0.0"  # noqa: S104 - refused, that is the point
    done = run_cli("serve", "--check", env=env)
    assert (done.returncode, done.stdout) == (1, "")
    named = {line.partition(":")[0] for line in done.stderr.splitlines()}
    assert named == {
        "DTMF_ACCOUNT_SID",
        "DTMF_AUTH_TOKEN",
        "DTMF_DEVELOPMENT",
        "DTMF_MEDIA_PORT",
        "DTMF_STAR",
        "DTMF_TLS_CERT",
    }
    assert AUTH_TOKEN not in done.stderr


def test_check_of_good_settings_passes() -> None:
    """
    Good settings give exit code 0.
    """
    env = environment(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN)
    done = run_cli("serve", "--check", env=env)
    assert (done.returncode, done.stdout) == (0, "settings are good\n")


@pytest.mark.e2e
def test_serve_tells_where_it_listens_and_ends_on_a_signal(tmp_path: Path) -> None:
    """
    One line on standard output, then silence; SIGTERM ends it with code 0.
    """
    with serving(tmp_path) as served:
        assert re.fullmatch(r"ws://127\.0\.0\.1:\d+", served.media_url)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", served.api_url)
        assert served.terminate() == 0
        assert served.process.stdout is not None
        assert served.process.stdout.read() == ""
    assert '"event": "stopped"' in served.log


@pytest.mark.e2e
def test_serve_says_in_one_line_that_a_port_is_taken(tmp_path: Path) -> None:
    """
    Two bridges cannot have one port.
    """
    with serving(tmp_path) as served:
        port = served.media_url.rpartition(":")[2]
        env = environment(
            account_sid=ACCOUNT_SID,
            auth_token=AUTH_TOKEN,
            data_dir=str(tmp_path / "other"),
            media_port=port,
            api_port="0",
        )
        done = run_cli("serve", env=env)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == "error: DTMF_MEDIA_PORT: cannot listen: address already in use"


@pytest.mark.e2e
def test_call_plays_a_file_and_saves_what_comes_back(tmp_path: Path) -> None:
    """
    The command drives both legs of a bridge that wants credentials: the caller's
    handshake is signed, the agent's leg brings a token.
    """
    caller, agent = tmp_path / "caller.wav", tmp_path / "agent.wav"
    heard_caller, heard_agent = tmp_path / "to_caller.wav", tmp_path / "to_agent.wav"
    run_cli("generate", "159D*0#", str(caller), "--noise", "-55", "--pause-ms", "200")
    voice = ("--level", "-90", "--tone-ms", "4000", "--noise", "-40")
    run_cli("generate", "1", str(agent), *voice)
    with serving(
        tmp_path,
        development="0",
        playout_limit_ms="60000",
        public_media_url="wss://media.example.com",
    ) as served:
        url = f"{served.media_url}/media/twilio"
        token = run_cli(
            *("token", "t1", "--leg", "agent"),
            env=environment(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN),
        ).stdout.strip()
        agent_leg = subprocess.Popen(
            [
                *(sys.executable, "-m", "bridge", "call", str(agent), "--url", url),
                *("--out", str(heard_agent), "--speed", "2"),
                *("--param", "call=t1", "--param", "leg=agent"),
                *("--param", f"token={token}"),
            ],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        _wait_for(lambda: '"leg": "agent"' in served.log)
        done = run_cli(
            *("call", str(caller), "--url", url, "--out", str(heard_caller)),
            *("--speed", "2", "--param", "call=t1", "--param", "leg=caller"),
            *("--auth-token", AUTH_TOKEN),
            *("--signed-url", "wss://media.example.com/media/twilio"),
        )
        assert done.returncode == 0, done.stderr
        agent_leg.communicate(timeout=30)
        assert agent_leg.returncode == 0
    sent = load_mono(caller).channels[0]
    report = audit(sent, load_mono(heard_agent).channels[0])
    assert len(report.presses) == 7
    assert report.is_clean, report
    assert decode(load_mono(heard_caller).channels[0]) == []
    assert load_mono(heard_caller).n_samples >= load_mono(caller).n_samples


def _wait_for(condition: object) -> None:
    assert callable(condition)
    deadline = time.perf_counter() + 20
    while not condition():
        assert time.perf_counter() < deadline
        time.sleep(0.05)


@pytest.mark.e2e
@pytest.mark.parametrize("how", ["signature", "token", "nothing"])
def test_call_is_told_when_it_is_not_let_in(how: str, tmp_path: Path) -> None:
    """
    A wrong signature, a wrong token and none at all are each one line.
    """
    audio = tmp_path / "caller.wav"
    run_cli("generate", "1", str(audio))
    more = {
        "signature": ("--auth-token", "x" * 20),
        "token": ("--param", "token=1.x"),
        "nothing": (),
    }[how]
    with serving(
        tmp_path, development="0", public_media_url="wss://media.example.com"
    ) as served:
        url = f"{served.media_url}/media/twilio"
        done = run_cli("call", str(audio), "--url", url, *more)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    place = served.media_url.removeprefix("ws://")
    refused = "unauthenticated: no signature and no token"
    expected = {
        "signature": f"error: no stream to {place}: server rejected WebSocket "
        "connection: HTTP 403",
        "token": f"error: the bridge closed the stream: received 1008 (policy "
        f"violation) {refused}; then sent 1008 (policy violation) {refused}",
    }
    assert line == expected.get(how, expected["token"])


@pytest.mark.e2e
def test_serve_lets_a_call_go_on_while_it_drains(tmp_path: Path) -> None:
    """
    After SIGTERM a call in progress is played to its end; the next is not taken.
    """
    audio = tmp_path / "caller.wav"
    run_cli("generate", "123", str(audio), "--pause-ms", "500")
    with serving(tmp_path, drain_timeout_s="20") as served:
        url = f"{served.media_url}/media/twilio"
        command = [sys.executable, "-m", "bridge", "call", str(audio), "--url", url]
        leg = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE)
        _wait_for(lambda: "leg joined" in served.log)
        served.process.send_signal(signal.SIGTERM)
        _wait_for(lambda: "draining" in served.log)
        assert run_cli("call", str(audio), "--url", url).returncode == 1
        leg.communicate(timeout=30)
        assert leg.returncode == 0
        assert served.process.wait(20) == 0
