"""
Exported members: the front door lists what it offers.
"""

from types import ModuleType

import dtmf_engine


def _sort_key(name: str) -> tuple[int, str]:
    """
    Sort as ruff sorts `__all__`: constants, classes, functions.
    """
    if name.isupper():
        return 0, name
    return (1 if name[0].isupper() else 2), name


def test_all_lists_every_public_name() -> None:
    """
    `__all__` holds each public name once, in order, and none that is not there.
    """
    public = [
        name
        for name, value in vars(dtmf_engine).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    ]
    assert sorted(public, key=_sort_key) == dtmf_engine.__all__


def test_every_exported_member_is_documented() -> None:
    """
    Whatever is offered says what it is, but for plain values and unions.
    """
    for name in dtmf_engine.__all__:
        value = getattr(dtmf_engine, name)
        if isinstance(value, type) or callable(value):
            assert value.__doc__, name
