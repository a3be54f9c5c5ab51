"""
Twilio's Node SDK as a process: commands go in, answers and errors come out.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


_DRIVER = Path(__file__).with_name("node_sdk.cjs")
_INSTALL_TIMEOUT_S = 100.0


@dataclass(frozen=True, slots=True)
class NodeError:
    """
    An exception of the SDK's.
    """

    name: str
    status: int
    code: int
    message: str
    more_info: str


@dataclass(frozen=True, slots=True)
class NodeSdk:
    """
    The SDK, running.
    """

    process: subprocess.Popen[str]
    version: str

    def ask(self, what: str, call: str, **more: object) -> dict[str, Any] | NodeError:
        """
        Have the SDK do something.

        Args:
            what: `start`, `update` or `call`.
            call: the call's sid.
            more: `sid`, `form` and `token`, where needed.
        """
        assert self.process.stdin is not None  # both are pipes
        assert self.process.stdout is not None
        self.process.stdin.write(
            json.dumps({"what": what, "call": call, **more}) + "\n"
        )
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline())
        if "answer" in said:
            answer: dict[str, Any] = said["answer"]
            return answer
        error = said["error"]
        return NodeError(
            name=error["name"],
            status=error.get("status", 0),
            code=error.get("code", 0),
            message=error["message"],
            more_info=error.get("moreInfo", ""),
        )


def install(folder: Path) -> Path:
    """
    Install the SDK, or skip the test and say why.

    Returns:
        The folder of the package.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node or npm is not installed")
    command = ["npm", "install", "twilio", "--prefer-offline", "--ignore-scripts"]
    try:
        done = subprocess.run(
            [*command, "--no-audit", "--no-fund"],
            cwd=folder,
            capture_output=True,
            check=False,
            timeout=_INSTALL_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not install twilio in time")
    if done.returncode:
        pytest.skip(f"npm could not install twilio: exit code {done.returncode}")
    return folder / "node_modules" / "twilio"


@contextmanager
def node_sdk(
    package: Path, *, api_url: str, account_sid: str, auth_token: str
) -> Iterator[NodeSdk]:
    """
    Run the SDK while the block runs.
    """
    version = json.loads((package / "package.json").read_text())["version"]
    settings = {
        "SDK_FOLDER": str(package),
        "SDK_API_URL": api_url,
        "SDK_ACCOUNT_SID": account_sid,
        "SDK_AUTH_TOKEN": auth_token,
    }
    process = subprocess.Popen(
        ["node", str(_DRIVER)],
        env={**os.environ, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield NodeSdk(process, version)
    finally:
        assert process.stdin is not None  # both are pipes
        assert process.stdout is not None
        process.stdin.close()
        process.wait(10)
        process.stdout.close()
