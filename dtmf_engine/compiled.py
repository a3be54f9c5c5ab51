"""
Compiled: functions of numbers and arrays that run at the processor's own speed.

A close look is some two thousand multiplications for each hop of each leg. NumPy
needs many legs or much audio at a time for that not to cost more in calls than in
arithmetic; a live tick has neither. Functions marked `compiled` are the same Python,
translated by numba at the first call and kept on disk for the next process.

Nothing is reordered, fused or approximated: sums are added as they are written, so
that a result depends on its arguments alone and not on the machine or on company.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import ParamSpec, TypeVar

from numba import njit
from numba.core import config


_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")

_HERE = Path(__file__).parent
_HASH_DIGITS = 16


def _version() -> str:
    """
    Give a name for the sources as they are.

    What is kept of a function holds the functions it calls and the tables it reads,
    from whatever module: a change of any makes all of it stale.
    """
    digest = sha256()
    for source in sorted(_HERE.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:_HASH_DIGITS]


def _folder() -> str | None:
    """
    Say where compiled functions are kept: the first place where one may write.

    That is where the operator says (`NUMBA_CACHE_DIR`), beside the sources' own byte
    code, or with the user's caches.
    """
    parents = [_HERE / "__pycache__"]
    if _settings[_CACHE_DIR]:
        parents.insert(0, Path(_settings[_CACHE_DIR]))
    # Where nobody is at home, nothing is kept there.
    with suppress(RuntimeError):
        parents.append(Path("~/.cache").expanduser())
    name = f"dtmf_engine-{_version()}"
    for parent in parents:
        folder = parent / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            TemporaryFile(dir=folder).close()
        except OSError:
            continue
        return str(folder)
    return None


_settings = vars(config)
_CACHE_DIR = "CACHE_DIR"

_FOLDER = _folder()


@contextmanager
def _kept_in(folder: str | None) -> Iterator[None]:
    # numba asks for its folder when a function is marked, and only then.
    before, _settings[_CACHE_DIR] = _settings[_CACHE_DIR], folder
    try:
        yield
    finally:
        _settings[_CACHE_DIR] = before


def compiled(function: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
    """
    Mark a function to be compiled.

    It may use numbers, arrays, records, tables of its module and other compiled
    functions, and keeps its types: `mypy` sees what is written.
    """
    return _translated(function, fastmath=False)


def compiled_in_any_order(
    function: Callable[_Args, _Result],
) -> Callable[_Args, _Result]:
    """
    Mark a function to be compiled whose sums are exact.

    Whole numbers below 2**53 give the same sum in whatever order they are added, so
    that several may be added at a time.
    """
    return _translated(function, fastmath={"reassoc"})


def _translated(
    function: Callable[_Args, _Result], *, fastmath: bool | set[str]
) -> Callable[_Args, _Result]:
    # With nowhere to keep it, it is compiled in every process.
    with _kept_in(_FOLDER):
        made: Callable[_Args, _Result] = njit(
            cache=_FOLDER is not None,
            fastmath=fastmath,
            nogil=True,
            error_model="numpy",
        )(function)
    return made
