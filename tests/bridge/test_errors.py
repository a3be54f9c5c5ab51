"""
Errors: what each says, and what it is.
"""

import pytest

from bridge.errors import BridgeError, ConfigError, LocalProtocolError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConfigError([]), ""),
        (ConfigError(["host: expected a name"]), "host: expected a name"),
        (ConfigError(["host: a", "port: b"]), "host: a; port: b"),
        (LocalProtocolError("out of turn"), "out of turn"),
    ],
)
def test_error_says_what_is_wrong_in_one_line(error: BridgeError, text: str) -> None:
    """
    Every error of the bridge is a `BridgeError`, and its text is made for people.
    """
    assert isinstance(error, BridgeError)
    assert str(error) == text


def test_config_error_keeps_its_problems_apart() -> None:
    """
    A list of all problems at once, which nobody can change any more.
    """
    problems = ["host: a", "port: b"]
    error = ConfigError(problems)
    problems.clear()
    assert error.problems == ("host: a", "port: b")
