"""
Compiled: translated Python gives what Python gives.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from dtmf_engine import compiled as module
from dtmf_engine.compiled import compiled


def _sum(values: npt.NDArray[np.float64]) -> float:
    total = 0.0
    for value in values:
        total += value * 0.1
    return total


def test_compiled_functions_add_as_written() -> None:
    """
    The same bits as Python: no sum is reordered, no product fused with it.
    """
    values = np.random.default_rng(1).standard_normal(1001)
    assert compiled(_sum)(values) == _sum(values)


def test_division_by_nought_is_not_an_error() -> None:
    """
    As in NumPy: what is infinite is infinite, and nothing is raised in a tick.
    """

    @compiled
    def over(a: float, b: float) -> float:
        return a / b

    assert over(1.0, 0.0) == np.inf


def test_a_change_of_any_source_makes_what_was_kept_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The folder's name is that of all sources together.
    """
    monkeypatch.setattr(module, "_HERE", tmp_path)
    (tmp_path / "one.py").write_text("A = 1\n")
    (tmp_path / "other.py").write_text("B = 1\n")
    before = module._folder()
    assert before == module._folder()
    (tmp_path / "other.py").write_text("B = 2\n")
    assert before != module._folder()


def test_functions_are_kept_where_the_operator_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    `NUMBA_CACHE_DIR` is obeyed, below a folder of our own.
    """
    monkeypatch.setitem(module._settings, "CACHE_DIR", str(tmp_path))
    folder = module._folder()
    assert folder is not None
    assert Path(folder).parent == tmp_path


def test_functions_are_kept_elsewhere_if_the_sources_are_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A package that root installed is run by a user who may not write to it.
    """
    (tmp_path / "installed").write_text("a file, where no folder can be made")
    monkeypatch.setattr(module, "_HERE", tmp_path / "installed")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = module._folder()
    assert folder is not None
    assert Path(folder).parent == tmp_path / "home" / ".cache"


def test_functions_work_where_nothing_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Without a folder to write to, they are compiled anew in every process.
    """
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(module, "_HERE", tmp_path / "file")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    assert module._folder() is None
    monkeypatch.setattr(module, "_FOLDER", None)
    assert compiled(_sum)(np.ones(10)) == _sum(np.ones(10))
