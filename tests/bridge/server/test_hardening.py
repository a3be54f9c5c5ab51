"""
Hardening: what the process asks of its kernel.
"""

import json
import subprocess
import sys

import pytest


PROGRAM = """
import ctypes, json, os, resource
from bridge.server.hardening import harden
get = ctypes.CDLL(None).prctl
resource.setrlimit(resource.RLIMIT_CORE, (4096, resource.RLIM_INFINITY)
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == resource.RLIM_INFINITY
    else resource.getrlimit(resource.RLIMIT_CORE))
before = get(3, 0, 0, 0, 0)
done = harden()
print(json.dumps([before, done, get(3, 0, 0, 0, 0),
    resource.getrlimit(resource.RLIMIT_CORE), os.umask(0)]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's prctl")
def test_process_leaves_no_memory_in_files() -> None:
    """
    No core is dumped, by limit and by flag (`PR_GET_DUMPABLE`, 3), and the log
    can say so.
    """
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    before, said, after, limits, umask = json.loads(done.stdout)
    assert before == 1
    assert said == {"core_limit": True, "not_dumpable": True}
    assert after == 0
    assert limits == [0, 0]
    assert umask == 0o077
