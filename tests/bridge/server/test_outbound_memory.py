"""
What a request to a gateway leaves in memory: read from outside, by another process.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.certificates import CERT
from tests.support.memory import count_in_memory
from tests.support.receiver import receiving


CARD = b"4012888888881881"
"""A published test number that is no constant of the program itself."""
MASK = 0x55
"""The card comes to the program so that it is not on its command line."""

PROGRAM = """
import asyncio, sys
from pathlib import Path
from bridge.secret import wipe
from bridge.server.outbound import HttpOutbound
from bridge.server.targets import TargetPolicy

url, ca_file, masked, keep = sys.argv[1:]

async def main():
    outbound = HttpOutbound(TargetPolicy(development=True), ca_file=Path(ca_file))
    body = bytearray(700)
    for place, octet in enumerate(bytes.fromhex(masked)):
        body[300 + place] = octet ^ 0x55
    kept = bytearray(body) if keep == "keep" else None
    for _ in range(3):
        answer = await outbound.post(url, {}, body, 5.0)
    wipe(body)
    await outbound.close()
    print(answer, flush=True)
    sys.stdin.readline()
    return kept

asyncio.run(main())
"""


def _count(url: str, answer: str, *, keep: bool) -> int:
    masked = bytes(octet ^ MASK for octet in CARD).hex()
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", PROGRAM, url, str(CERT), masked),
            "keep" if keep else "no",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None  # it is a pipe
    assert process.stdout is not None
    with process:
        assert re.match(answer, process.stdout.readline())
        count = count_in_memory(process.pid, CARD)
        process.stdin.write("\n")
        process.stdin.close()
    assert process.returncode == 0
    return count


@pytest.mark.e2e
@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="Linux's /proc")
@pytest.mark.parametrize("tls", [False, True])
def test_request_leaves_no_card_in_memory(*, tls: bool) -> None:
    """
    After it was sent, over TLS or not, nothing of it is left in the process; a
    copy that is kept on purpose is found.
    """
    with receiving(tls=tls) as receiver:
        answer = r"\(204, b''\)"
        assert _count(receiver.url, answer, keep=True) >= 1
        assert _count(receiver.url, answer, keep=False) == 0


@pytest.mark.e2e
@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="Linux's /proc")
def test_request_that_was_not_sent_leaves_no_card_either() -> None:
    """
    No connection is no reason to keep it.
    """
    assert _count("https://127.0.0.1:1/", "not connected|Failure", keep=False) == 0
