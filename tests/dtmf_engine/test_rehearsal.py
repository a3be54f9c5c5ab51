"""
Rehearsal: no tick waits for anything to be compiled, and nothing that is compiled
reads outside its arrays.
"""

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np

import dtmf_engine
from dtmf_engine import LegBank, Policy
from tests.support.tones import dial, line, mix, sine, to_int16


_ROOT = Path(__file__).parents[2]


def _counts() -> dict[str, int]:
    """
    Count for arguments of how many types each function is compiled.
    """
    counts = {}
    for module in pkgutil.iter_modules(dtmf_engine.__path__):
        values = vars(importlib.import_module(f"dtmf_engine.{module.name}"))
        for name, value in values.items():
            if hasattr(value, "signatures"):
                counts[f"{module.name}.{name}"] = len(value.signatures)
    return counts


def _work(bank: LegBank, frame: int) -> None:
    """
    Have three legs do all there is, in frames of one size.
    """
    calls = line(dial("159D0#"), noise_dbm0=-50.0)
    hum = sine(425.0, len(calls), -12.0)
    legs = to_int16(np.stack([calls, mix(len(calls), (0, calls), (0, hum)), hum]))
    bank.arm(1)
    for start in range(0, legs.shape[1], frame):
        bank.process(legs[:, start : start + frame])
        bank.process(legs[:2, start : start + frame][::-1], [2, 0])
    bank.mask(2)
    bank.fill_in(0, frame)
    bank.disarm(1)
    bank.flush(1)
    bank.reset(2)
    bank.process(legs)


def compiled_by_work() -> list[str]:
    """
    Name the functions that are compiled although a bank exists.
    """
    LegBank(1)
    before = _counts()
    for policy in Policy:
        for frame in (160, 37, 1):
            if frame > 1 or policy is Policy.TONES:
                _work(LegBank(3, policy=policy), frame)
    return [name for name, count in _counts().items() if count != before[name]]


def _told(program: str, **environment: str) -> str:
    """
    Run a program in a process of its own, as other tests compile what they need.
    """
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=_ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_nothing_is_compiled_once_a_bank_exists() -> None:
    """
    Whatever legs do, in frames of any size: the first bank has met it all.
    """
    program = (
        "from tests.dtmf_engine.test_rehearsal import compiled_by_work;"
        "print(compiled_by_work())"
    )
    assert _told(program) == "[]"


def test_nothing_is_read_outside_an_array(tmp_path: Path) -> None:
    """
    With checks compiled in, the same work raises nothing.
    """
    program = (
        "from tests.dtmf_engine.test_rehearsal import compiled_by_work;"
        "compiled_by_work(); print('done')"
    )
    checked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    assert _told(program, **checked) == "done"


def test_there_is_something_to_compile() -> None:
    """
    Functions of several modules are counted.
    """
    assert {"close_look._look_at_all", "blocks._look"} <= _counts().keys()
