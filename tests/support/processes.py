"""
Our own programs as processes of their own.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


ACCOUNT_SID = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "a-token-for-tests-only-0123"


@dataclass(frozen=True, slots=True)
class Served:
    """
    A bridge that runs as a process.
    """

    process: subprocess.Popen[str]
    media_url: str
    api_url: str
    folder: Path

    @property
    def log(self) -> str:
        """
        What it has logged so far.
        """
        return (self.folder / "server.log").read_text()

    def terminate(self, timeout_s: float = 20) -> int:
        """
        Send SIGTERM and wait for the end.
        """
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)


def environment(**settings: str) -> dict[str, str]:
    """
    Give an environment with these `DTMF_…` settings and no others.
    """
    clean = {k: v for k, v in os.environ.items() if not k.startswith("DTMF_")}
    return clean | {f"DTMF_{name.upper()}": value for name, value in settings.items()}


def run_cli(
    *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """
    Run a command of `dtmf-engine` to its end.
    """
    return subprocess.run(
        [sys.executable, "-m", "bridge", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
        env=environment() if env is None else dict(env),
    )


@contextmanager
def serving(
    folder: Path, *, program: str = "bridge", **settings: str
) -> Iterator[Served]:
    """
    Run a bridge on free ports while the block runs, then end it if need be.

    Args:
        folder: for its data and its log.
        program: the module that is run.
        settings: besides or instead of the defaults for tests.
    """
    chosen = {
        "media_port": "0",
        "api_port": "0",
        "data_dir": str(folder / "data"),
        "account_sid": ACCOUNT_SID,
        "auth_token": AUTH_TOKEN,
        "development": "1",
        "drain_timeout_s": "1",
        "log_level": "debug",
        **settings,
    }
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", program, "serve"],
            env=environment(**chosen),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None  # it is a pipe
        line = process.stdout.readline()
        places = dict(part.partition("=")[::2] for part in line.split()[1:])
        if not places:
            raise RuntimeError((folder / "server.log").read_text())
        yield Served(process, places["media"], places["api"], folder)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
