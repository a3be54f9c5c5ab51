"""
Settings of payments: from the environment to what a session is given.
"""

import pytest

from bridge.errors import ConfigError
from bridge.pay.settings import Reading
from bridge.server.settings import load_settings
from tests.support.processes import ACCOUNT_SID, AUTH_TOKEN


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DTMF_ACCOUNT_SID", ACCOUNT_SID)
    monkeypatch.setenv("DTMF_AUTH_TOKEN", AUTH_TOKEN)


def test_readings_are_names_with_commas_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    None by default, some as they are written, every one there is.
    """
    assert load_settings().readings == frozenset()
    monkeypatch.setenv("DTMF_READINGS", "documented-required, connecter,")
    assert load_settings().readings == {Reading.DOCUMENTED_REQUIRED, Reading.CONNECTER}
    monkeypatch.setenv("DTMF_READINGS", ",".join(Reading))
    assert load_settings().readings == set(Reading)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DTMF_READINGS", "documented-required,nonsense"),
        ("DTMF_FIELD_TIMEOUT_S", "0"),
        ("DTMF_CONFIRMATION_TIMEOUT_S", "soon"),
        ("DTMF_AGENT_TIMEOUT_S", "-1"),
        ("DTMF_MAX_FAILED_CAPTURES", "0"),
        ("DTMF_MIN_BANK_ACCOUNT_DIGITS", "18"),
    ],
)
def test_wrong_value_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    """
    One line says which setting is wrong.
    """
    monkeypatch.setenv(name, text)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    (problem,) = caught.value.problems
    assert problem.startswith(name)
