"""
Settings: what may be chosen, and what is said of what may not.
"""

import os
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from bridge.errors import ConfigError
from bridge.pay.settings import StarPolicy
from bridge.server import settings as settings_module
from bridge.server.bridge import callback_targets, gateway_targets
from bridge.server.settings import Settings, load_settings
from dtmf_engine.masker import Policy
from tests.support.certificates import CERT, EXPIRED, KEY


SID = "AC" + "0aF9" * 8
TOKEN = "t0p-secret-t0p-secret"
GOOD = {"DTMF_ACCOUNT_SID": SID, "DTMF_AUTH_TOKEN": TOKEN}

NO_SID = "DTMF_ACCOUNT_SID: expected AC and 32 hexadecimal digits, it is not set"
WRONG_SID = (
    "DTMF_ACCOUNT_SID: expected AC and 32 hexadecimal digits, it is something else"
)
SHORT_TOKEN = "DTMF_AUTH_TOKEN: expected at least 16 characters"
NOT_LOOPBACK = "DTMF_DEVELOPMENT: expected 0 unless DTMF_HOST is a loopback address"
WRONG_URL = "DTMF_PUBLIC_MEDIA_URL: expected wss://host[:port][/path] without a query"
WRONG_DATABASE = "DTMF_DATABASE_URL: expected an SQLAlchemy URL"
NO_TLS = (
    "DTMF_TLS_CERT: expected, because DTMF_HOST is not a loopback address; "
    "or DTMF_ALLOW_PLAINTEXT=1 behind a proxy that has TLS"
)
NO_ORIGIN = (
    "DTMF_FEED_ORIGINS: expected origins such as https://agents.example, "
    "separated by commas"
)
SAME_PORT = "DTMF_API_PORT: expected another port than DTMF_MEDIA_PORT"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("DTMF_"):
            monkeypatch.delenv(name)


def _load(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def _problems(monkeypatch: pytest.MonkeyPatch, **variables: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        _load(monkeypatch, **variables)
    assert str(caught.value) == "; ".join(caught.value.problems)
    return caught.value.problems


def test_settings_have_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An account is all that must be chosen.
    """
    settings = _load(monkeypatch, **GOOD)
    assert (settings.host, settings.media_port, settings.api_port) == (
        "127.0.0.1",
        8080,
        8081,
    )
    assert settings.account_sid == SID
    assert settings.auth_token.get_secret_value() == TOKEN
    assert settings.sqlalchemy_url == "sqlite:///dtmf-data/ledger.sqlite3"
    assert settings.public_media_url == ""
    assert not settings.development
    assert settings.masking is Policy.TONES
    assert settings.star is StarPolicy.END
    assert settings.first_digit_timeout_s is None
    assert settings.drain_timeout_s == 30.0
    assert (settings.account_feeds, settings.feed_origins) == (500, frozenset())


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Each variable is read in its own type.
    """
    settings = _load(
        monkeypatch,
        **GOOD,
        DTMF_HOST="::1",
        DTMF_MEDIA_PORT="0",
        DTMF_API_PORT="0",
        DTMF_DATA_DIR="/somewhere",
        DTMF_DEVELOPMENT="1",
        DTMF_POLICY="strict",
        DTMF_STAR="clear",
        DTMF_FIRST_DIGIT_TIMEOUT_S="7.5",
        DTMF_PUBLIC_MEDIA_URL="wss://bridge.example.com:8443/media/twilio",
    )
    assert (settings.host, settings.media_port, settings.api_port) == ("::1", 0, 0)
    assert settings.sqlalchemy_url == "sqlite:////somewhere/ledger.sqlite3"
    assert settings.development
    assert settings.masking is Policy.STRICT
    assert settings.star is StarPolicy.CLEAR
    assert settings.first_digit_timeout_s == 7.5


def test_settings_come_from_a_file_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    What the file says holds where the environment says nothing.
    """
    path = tmp_path / "bridge.toml"
    path.write_text(
        f'account_sid = "{SID}"\nauth_token = "{TOKEN}"\n'
        'media_port = 9000\napi_port = 9001\npolicy = "strict"\n'
    )
    settings = _load(monkeypatch, DTMF_CONFIG_FILE=str(path), DTMF_MEDIA_PORT="9100")
    assert (settings.media_port, settings.api_port) == (9100, 9001)
    assert settings.account_sid == SID
    assert settings.policy == "strict"


def test_settings_tell_every_problem_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    Problems of the file, of single values and of values together are all told,
    one line each, and no line shows a secret.
    """
    problems = _problems(
        monkeypatch,
        DTMF_CONFIG_FILE=str(tmp_path / "none.toml"),
        DTMF_MEDIA_PORT="70000",
        DTMF_POLICY="loud",
        DTMF_TICK_MS="x",
        DTMF_NOVELTY="1",
        DTMF_HOST="0.0.0.0",  # noqa: S104 - refused, with the next line
        DTMF_DEVELOPMENT="1",
        DTMF_PROFILE="lax",
        DTMF_AUTH_TOKEN="short",
    )
    assert sorted(problems) == sorted(
        [
            f"DTMF_CONFIG_FILE: {tmp_path / 'none.toml'}: no such file or directory",
            "DTMF_MEDIA_PORT: input should be less than or equal to 65535",
            "DTMF_POLICY: input should be 'tones', 'strict' or 'marker'",
            (
                "DTMF_TICK_MS: input should be a valid number, unable to parse string "
                "as a number"
            ),
            "DTMF_NOVELTY: no setting has this name",
            NOT_LOOPBACK,
            NO_TLS,
            "DTMF_PROFILE: expected one of default, strict, sensitive",
            NO_SID,
            SHORT_TOKEN,
        ]
    )


@pytest.mark.parametrize(
    ("variables", "problems"),
    [
        ({"DTMF_ACCOUNT_SID": ""}, (NO_SID,)),
        ({"DTMF_ACCOUNT_SID": "AC123"}, (WRONG_SID,)),
        ({"DTMF_ACCOUNT_SID": "XX" + "0" * 32}, (WRONG_SID,)),
        ({"DTMF_ACCOUNT_SID": "AC" + "g" * 32}, (WRONG_SID,)),
        ({"DTMF_AUTH_TOKEN": "x" * 15}, (SHORT_TOKEN,)),
        ({"DTMF_AUTH_TOKEN": ""}, (SHORT_TOKEN,)),
        ({"DTMF_PUBLIC_MEDIA_URL": "https://h"}, (WRONG_URL,)),
        ({"DTMF_PUBLIC_MEDIA_URL": "h/media"}, (WRONG_URL,)),
        ({"DTMF_PUBLIC_MEDIA_URL": "wss://"}, (WRONG_URL,)),
        ({"DTMF_PUBLIC_MEDIA_URL": "wss://h/media?a=1"}, (WRONG_URL,)),
        ({"DTMF_PUBLIC_MEDIA_URL": "wss://[h/media"}, (WRONG_URL,)),
        ({"DTMF_PUBLIC_MEDIA_URL": "wss://h:port/media"}, (WRONG_URL,)),
        ({"DTMF_DATABASE_URL": "nowhere"}, (WRONG_DATABASE,)),
        ({"DTMF_DATABASE_URL": "postgresql://h:port/db"}, (WRONG_DATABASE,)),
        ({"DTMF_MEDIA_PORT": "9000", "DTMF_API_PORT": "9000"}, (SAME_PORT,)),
        (
            {"DTMF_HOST": "example.com", "DTMF_DEVELOPMENT": "1"},
            (NOT_LOOPBACK, NO_TLS),
        ),
        (
            {"DTMF_MAX_CALLS": "0"},
            ("DTMF_MAX_CALLS: input should be greater than or equal to 1",),
        ),
        (
            {"DTMF_DEVELOPMENT": "maybe"},
            (
                (
                    "DTMF_DEVELOPMENT: input should be a valid boolean, unable to "
                    "interpret input"
                ),
            ),
        ),
    ],
)
def test_settings_tell_what_is_expected(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    problems: tuple[str, ...],
) -> None:
    """
    Each problem is one line that names the variable and what was expected.
    """
    assert _problems(monkeypatch, **(GOOD | variables)) == problems


SECONDARY = "DTMF_SECONDARY_AUTH_TOKEN: expected at least 16 characters, or none"
NO_NETWORK = "expected networks such as 10.0.0.0/8, separated by commas"


@pytest.mark.parametrize(
    ("variables", "problems"),
    [
        ({"DTMF_SECONDARY_AUTH_TOKEN": "short"}, (SECONDARY,)),
        ({"DTMF_HOST": "192.0.2.1"}, (NO_TLS,)),
        ({"DTMF_HOST": "::"}, (NO_TLS,)),
        ({"DTMF_TRUSTED_PROXIES": "proxy"}, (f"DTMF_TRUSTED_PROXIES: {NO_NETWORK}",)),
        ({"DTMF_CALLBACK_ALLOW": "10.1/8"}, (f"DTMF_CALLBACK_ALLOW: {NO_NETWORK}",)),
        ({"DTMF_GATEWAY_ALLOW": "all"}, (f"DTMF_GATEWAY_ALLOW: {NO_NETWORK}",)),
        ({"DTMF_FEED_ORIGINS": "*"}, (NO_ORIGIN,)),
        ({"DTMF_FEED_ORIGINS": "agents.example"}, (NO_ORIGIN,)),
        ({"DTMF_FEED_ORIGINS": "https://agents.example/"}, (NO_ORIGIN,)),
        ({"DTMF_FEED_ORIGINS": "https://Agents.example"}, (NO_ORIGIN,)),
        ({"DTMF_FEED_ORIGINS": "wss://agents.example"}, (NO_ORIGIN,)),
        ({"DTMF_FEED_ORIGINS": "https://me@agents.example"}, (NO_ORIGIN,)),
        ({"DTMF_FEED_ORIGINS": "https://a.example https://b.example"}, (NO_ORIGIN,)),
        (
            {"DTMF_CA_FILE": "/nowhere"},
            ("DTMF_CA_FILE: /nowhere: no such file or directory",),
        ),
        (
            {"DTMF_CA_FILE": str(KEY)},
            (f"DTMF_CA_FILE: {KEY}: expected certificates in PEM",),
        ),
        (
            {"DTMF_TLS_CERT": str(EXPIRED), "DTMF_TLS_KEY": str(KEY)},
            (f"DTMF_TLS_CERT: {EXPIRED}: certificate has expired",),
        ),
        (
            {"DTMF_TLS_CERT": str(CERT)},
            ("DTMF_TLS_KEY: expected, because DTMF_TLS_CERT is set",),
        ),
        (
            {
                "DTMF_ACCOUNTS_FILE": "/nowhere",
                "DTMF_TLS_CERT": "/nowhere",
                "DTMF_TLS_KEY": "/nowhere",
            },
            (
                "DTMF_ACCOUNTS_FILE: /nowhere: no such file or directory",
                "DTMF_TLS_CERT: /nowhere: no such file or directory",
                "DTMF_TLS_KEY: /nowhere: no such file or directory",
            ),
        ),
        (
            {"DTMF_FAILED_SIGN_INS_PER_MINUTE": "0"},
            (
                (
                    "DTMF_FAILED_SIGN_INS_PER_MINUTE: input should be greater than or "
                    "equal to 1"
                ),
            ),
        ),
    ],
)
def test_settings_of_security_tell_what_is_expected(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    problems: tuple[str, ...],
) -> None:
    """
    Files are looked into as well, so that a start does not fail on them later.
    """
    assert _problems(monkeypatch, **(GOOD | variables)) == problems


@pytest.mark.parametrize(
    "variables",
    [
        {"DTMF_TLS_CERT": str(CERT), "DTMF_TLS_KEY": str(KEY)},
        {"DTMF_ALLOW_PLAINTEXT": "1"},
    ],
)
def test_other_addresses_need_tls_or_a_word(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """
    Plain text beyond the loopback must be asked for.
    """
    settings = _load(monkeypatch, **GOOD, **variables, DTMF_HOST="192.0.2.1")
    assert settings.host == "192.0.2.1"


def test_settings_name_networks_and_accounts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    The accounts' file is read again whenever it is asked for.
    """
    path, other = tmp_path / "accounts.toml", "AC" + "1" * 32
    path.write_text("")
    settings = _load(
        monkeypatch,
        **GOOD,
        DTMF_CALLBACK_ALLOW="10.0.0.0/8, fd00::/8",
        DTMF_FEED_ORIGINS="https://agents.example, http://[::1]:3000",
        DTMF_SECONDARY_AUTH_TOKEN="x" * 16,
        DTMF_ACCOUNTS_FILE=str(path),
    )
    assert settings.feed_origins == {"https://agents.example", "http://[::1]:3000"}
    networks = [str(network) for network in settings.networks("callback_allow")]
    assert networks == ["10.0.0.0/8", "fd00::/8"]
    assert settings.networks("gateway_allow") == ()
    (account,) = settings.read_accounts()
    assert [t.get_secret_value() for t in account.auth_tokens] == [TOKEN, "x" * 16]
    path.write_text(f'[[account]]\nsid = "{other}"\nauth_token = "{"y" * 16}"')
    assert [a.sid for a in settings.read_accounts()] == [SID, other]
    path.write_text("[[account]]")
    with pytest.raises(ConfigError, match=r"account\[0\]\.sid: field required"):
        settings.read_accounts()


def test_database_s_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It is in the URL, so the URL is a secret.
    """
    url = "postgresql+psycopg://bridge:pass-word@h/db"
    settings = _load(monkeypatch, **GOOD, DTMF_DATABASE_URL=url)
    assert "pass-word" not in repr(settings)
    assert settings.sqlalchemy_url == url


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = ", "DTMF_CONFIG_FILE: {path}: Invalid value (at end of document)"),
        ("[media]\nport = 1", "DTMF_MEDIA: no setting has this name"),
        ("auth_token = 5", "DTMF_AUTH_TOKEN: input should be a valid string"),
    ],
)
def test_settings_tell_what_is_wrong_with_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, problem: str
) -> None:
    """
    A file that cannot be used is one line, too, and the value is not shown.
    """
    path = tmp_path / "bridge.toml"
    path.write_text(text)
    variables = dict(GOOD)
    if "auth_token" in text:
        del variables["DTMF_AUTH_TOKEN"]
    problems = _problems(monkeypatch, **variables, DTMF_CONFIG_FILE=str(path))
    assert problems == (problem.format(path=path),)


def test_settings_do_not_show_their_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The token is in no text of the settings.
    """
    settings = _load(monkeypatch, **GOOD)
    for text in (repr(settings), str(settings), settings.model_dump_json()):
        assert TOKEN not in text
        assert "**********" in text


def test_settings_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What an operator chose stays.
    """
    settings = _load(monkeypatch, **GOOD)
    with pytest.raises(ValidationError, match=r"Instance is frozen"):
        settings.host = "0.0.0.0"  # noqa: S104 - on purpose


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("", True),
        ("http://127.0.0.1:8089/", True),
        ("https://sandbox.example/", True),
        ("http://sandbox.example/", False),
        ("ftp://127.0.0.1/", False),
        ("http://127.0.0.1:port/", False),
        ("127.0.0.1:8089", False),
    ],
)
def test_sandbox_is_elsewhere_only_over_a_safe_way(
    monkeypatch: pytest.MonkeyPatch, url: str, *, is_good: bool
) -> None:
    """
    What goes there looks like card data.
    """
    variables = {**GOOD, "DTMF_SANDBOX_URL": url}
    if is_good:
        assert _load(monkeypatch, **variables).sandbox_url == url
    else:
        assert _problems(monkeypatch, **variables) == (
            "DTMF_SANDBOX_URL: expected https://… or http:// on loopback",
        )


def test_sandbox_on_this_machine_is_reached_in_production(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    The operator named it; callbacks, which clients name, still may not go there.
    """
    url = "http://127.0.0.1:8089/"
    plain = _load(monkeypatch, **GOOD)
    settings = _load(monkeypatch, **GOOD, DTMF_SANDBOX_URL=url)
    assert gateway_targets(settings).problem_of_url(url) is None
    assert gateway_targets(settings).takes("127.0.0.1")
    assert gateway_targets(plain).problem_of_url(url) == "an https URL"
    assert callback_targets(settings).problem_of_url(url) == "an https URL"
    assert not callback_targets(settings).takes("127.0.0.1")


def test_page_names_every_setting_once() -> None:
    """
    Each setting has a row in the room's page, and there are no others.
    """
    text = (Path(settings_module.__file__).parent / "README.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `DTMF_")]
    named = [name for row in rows for name in re.findall("`DTMF_([A-Z_]+)`", row)]
    # A row may speak of another setting behind its own.
    own = [name for name in named if named.count(name) == 1]
    assert sorted(own) == sorted(name.upper() for name in Settings.model_fields)
