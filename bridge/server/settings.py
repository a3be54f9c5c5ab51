"""
Settings: environment variables named `DTMF_…`, and an optional TOML file.

The file is named by `DTMF_CONFIG_FILE`; its keys are the variables' names in
lower case without the prefix. Environment variables win.
"""

import os
import ssl
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bridge.errors import ConfigError
from bridge.pay.settings import Reading, StarPolicy
from bridge.server.accounts import MIN_TOKEN_LENGTH, Account, is_sid, read_accounts
from bridge.server.addresses import Network, is_loopback, parse_networks
from bridge.server.prompts import voice_problems
from bridge.server.tls import tls_problems
from dtmf_engine.masker import Policy
from dtmf_engine.profiles import PROFILES


PREFIX = "DTMF_"
CONFIG_FILE_VARIABLE = "DTMF_CONFIG_FILE"

Port = Annotated[int, Field(ge=0, le=65_535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
PerMinute = Annotated[int, Field(ge=1, le=10_000_000)]


def _names(given: object) -> object:
    """
    Take a list apart that is written with commas, as in the environment.
    """
    if not isinstance(given, str):
        return given
    return [name.strip() for name in given.split(",") if name.strip()]


class Settings(BaseModel):
    """
    What an operator chooses. Frozen; secrets are masked in its repr.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = "127.0.0.1"
    """Address to listen on."""
    media_port: Port = 8080
    """Port for media streams; 0 takes any free one."""
    api_port: Port = 8081
    """Port for the REST API; 0 takes any free one."""
    data_dir: Path = Path("dtmf-data")
    """Folder for the database."""
    database_url: SecretStr = SecretStr("")
    """SQLAlchemy URL, password and all; SQLite in the data folder if empty."""
    account_sid: str = ""
    """The default account, `AC` and 32 hexadecimal digits."""
    auth_token: SecretStr = SecretStr("")
    """Its token: of API requests, of callbacks' and streams' signatures."""
    secondary_auth_token: SecretStr = SecretStr("")
    """A second token that is taken as well, while the first is being changed."""
    accounts_file: Path | None = None
    """More accounts, and API keys; the format is in `bridge.server.accounts`."""
    tls_cert: Path | None = None
    """Certificate chain of both ports, PEM; without one they speak plain text."""
    tls_key: Path | None = None
    """Its private key, PEM, without a passphrase."""
    allow_plaintext: bool = False
    """Listen without TLS beyond the loopback: a proxy in front has it."""
    trusted_proxies: str = ""
    """Networks of proxies whose `X-Forwarded-For` is believed."""
    callback_allow: str = ""
    """Networks that callbacks may go to although they are not public."""
    gateway_allow: str = ""
    """Networks that payment gateways may be in although they are not public."""
    ca_file: Path | None = None
    """Certificates to trust besides the public ones, of receivers and gateways."""
    account_requests_per_minute: PerMinute = 6000
    """Requests an account may make."""
    address_requests_per_minute: PerMinute = 6000
    """Requests an address may make, whoever it is."""
    failed_sign_ins_per_minute: PerMinute = 30
    """Wrong credentials an address may show before all of its are refused."""
    handshakes_per_minute: PerMinute = 1200
    """Streams an address may open that are not signed."""
    account_feeds: Annotated[int, Field(ge=1, le=1000)] = 500
    """Feeds an account may have open."""
    feed_origins: Annotated[frozenset[str], BeforeValidator(_names)] = frozenset()
    """Origins of web pages that may read feeds, with commas between."""
    public_media_url: str = ""
    """Where providers reach the media port: `wss://…`, what they sign."""
    development: bool = False
    """Loopback only: take streams without credentials, call back over HTTP."""
    policy: Literal["tones", "strict", "marker"] = "tones"
    """What the agent hears of the caller during a capture."""
    echo_guard: bool = False
    """Mask the caller's digits also where they come back on the agent's leg."""
    prompts_dir: Path | None = None
    """Folder of the recordings that callers hear; the default voice without one."""
    profile: str = "default"
    """Detector limits."""
    star: StarPolicy = StarPolicy.END
    """What the caller's `*` does: `end` the session or `clear` the field."""
    first_digit_timeout_s: Seconds | None = None
    """Longest wait for the first digit of a capture."""
    field_timeout_s: Seconds | None = None
    """Longest time a capture may take in all."""
    confirmation_timeout_s: Seconds = 30.0
    """How long a caller may take to confirm a payment, once he has been asked."""
    session_timeout_s: Seconds = 3600.0
    """Longest life of a pay session."""
    agent_timeout_s: Seconds = 120.0
    """How long the agent leg may stay away before a pay session ends."""
    max_failed_captures: Annotated[int, Field(ge=1, le=100)] | None = None
    """How often a field may fail before a pay session ends."""
    min_bank_account_digits: Annotated[int, Field(ge=1, le=17)] = 4
    """Fewest digits of a bank account's number."""
    readings: Annotated[frozenset[Reading], BeforeValidator(_names)] = frozenset()
    """Other readings of Twilio's wire, with commas between; see bridge/api."""
    callback_timeout_s: Annotated[float, Field(gt=0, le=60)] = 15.0
    """Longest wait for a callback's answer."""
    drain_timeout_s: Annotated[float, Field(ge=0, le=86_400)] = 30.0
    """How long calls may go on after SIGTERM."""
    sandbox_url: str = ""
    """Where `dtmf-engine sandbox` runs; the sandbox is in the bridge if empty."""
    tick_ms: Annotated[float, Field(ge=0, le=5)] = 2.0
    """How long arriving audio waits for more, to be analysed together."""
    playout_limit_ms: Annotated[float, Field(ge=0, le=60_000)] = 200.0
    """Longest queue at a provider before it is cleared."""
    max_calls: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Calls at a time; more are turned away."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe event that is logged."""

    @model_validator(mode="after")
    def _together(self) -> "Settings":
        problems = [
            *_account_problems(self),
            *_network_problems(self),
            *_tls_problems(self),
            *voice_problems(self.prompts_dir),
        ]
        if self.profile not in PROFILES:
            problems.append(f"DTMF_PROFILE: expected one of {', '.join(PROFILES)}")
        if self.database_url:
            try:
                make_url(self.database_url.get_secret_value())
            except (ArgumentError, ValueError):
                problems.append("DTMF_DATABASE_URL: expected an SQLAlchemy URL")
        if problems:
            raise ConfigError(problems)
        return self

    @property
    def sqlalchemy_url(self) -> str:
        """
        The database's URL, given or by default.
        """
        given = self.database_url.get_secret_value()
        return given or f"sqlite:///{self.data_dir / 'ledger.sqlite3'}"

    @property
    def masking(self) -> Policy:
        """
        The policy as the engine names it.
        """
        return Policy(self.policy)

    @property
    def default_account(self) -> Account:
        """
        The account that has no entry in the accounts' file.
        """
        return Account(
            sid=self.account_sid,
            auth_token=self.auth_token,
            secondary_auth_token=self.secondary_auth_token or None,
        )

    def read_accounts(self) -> list[Account]:
        """
        Read the accounts, as they are now in their file.

        Raises:
            ConfigError: with every problem there is.
        """
        accounts, problems = read_accounts(self.default_account, self.accounts_file)
        if problems:
            raise ConfigError(problems)
        return accounts

    def networks(self, name: str) -> tuple[Network, ...]:
        """
        Give the networks that a setting lists.
        """
        return parse_networks(getattr(self, name))


def _account_problems(settings: Settings) -> list[str]:
    problems = []
    sid = settings.account_sid
    if not is_sid(sid, "AC"):
        problems.append(
            "DTMF_ACCOUNT_SID: expected AC and 32 hexadecimal digits, "
            + ("it is not set" if not sid else "it is something else")
        )
    if len(settings.auth_token) < MIN_TOKEN_LENGTH:
        problems.append(
            f"DTMF_AUTH_TOKEN: expected at least {MIN_TOKEN_LENGTH} characters"
        )
    if 0 < len(settings.secondary_auth_token) < MIN_TOKEN_LENGTH:
        problems.append(
            f"DTMF_SECONDARY_AUTH_TOKEN: expected at least {MIN_TOKEN_LENGTH} "
            "characters, or none"
        )
    return problems + read_accounts(settings.default_account, settings.accounts_file)[1]


def _network_problems(settings: Settings) -> list[str]:
    problems = []
    loopback = is_loopback(settings.host)
    if settings.development and not loopback:
        problems.append(
            "DTMF_DEVELOPMENT: expected 0 unless DTMF_HOST is a loopback address"
        )
    url = settings.public_media_url
    if url and not _is_media_url(url):
        problems.append(
            "DTMF_PUBLIC_MEDIA_URL: expected wss://host[:port][/path] without a query"
        )
    if settings.sandbox_url and not _is_web_url(settings.sandbox_url):
        problems.append("DTMF_SANDBOX_URL: expected https://… or http:// on loopback")
    if not all(map(_is_origin, settings.feed_origins)):
        problems.append(
            "DTMF_FEED_ORIGINS: expected origins such as https://agents.example, "
            "separated by commas"
        )
    if settings.media_port == settings.api_port != 0:
        problems.append("DTMF_API_PORT: expected another port than DTMF_MEDIA_PORT")
    for name in ("trusted_proxies", "callback_allow", "gateway_allow"):
        try:
            settings.networks(name)
        except ValueError:
            problems.append(
                f"{PREFIX}{name.upper()}: expected networks such as 10.0.0.0/8, "
                "separated by commas"
            )
    return problems


def _tls_problems(settings: Settings) -> list[str]:
    problems = tls_problems(settings.tls_cert, settings.tls_key)
    has_tls = settings.tls_cert is not None or settings.tls_key is not None
    if not (has_tls or settings.allow_plaintext or is_loopback(settings.host)):
        problems.append(
            "DTMF_TLS_CERT: expected, because DTMF_HOST is not a loopback address; "
            "or DTMF_ALLOW_PLAINTEXT=1 behind a proxy that has TLS"
        )
    if settings.ca_file is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(
                settings.ca_file
            )
        except ssl.SSLError:
            problems.append(
                f"DTMF_CA_FILE: {settings.ca_file}: expected certificates in PEM"
            )
        except OSError as error:
            reason = (error.strerror or "cannot be read").lower()
            problems.append(f"DTMF_CA_FILE: {settings.ca_file}: {reason}")
    return problems


def _is_media_url(url: str) -> bool:
    parts = _split(url)
    return (
        parts is not None
        and parts.scheme in {"wss", "ws"}
        and bool(parts.hostname)
        and not parts.query
    )


def _is_web_url(url: str) -> bool:
    parts = _split(url)
    if parts is None or not parts.hostname:
        return False
    near = parts.scheme == "http" and is_loopback(parts.hostname)
    return parts.scheme == "https" or near


def _is_origin(text: str) -> bool:
    parts = _split(text)
    if parts is None or parts.scheme not in {"https", "http"}:
        return False
    # As browsers write it: compared letter by letter.
    is_whole = text == f"{parts.scheme}://{parts.netloc}".lower()
    return is_whole and bool(parts.hostname) and "@" not in text


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    return parts


def load_settings() -> Settings:
    """
    Read the settings.

    Raises:
        ConfigError: with every problem there is.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    path = os.environ.get(CONFIG_FILE_VARIABLE)
    if path:
        values, problems = _read_file(Path(path))
    for name, text in os.environ.items():
        if name.startswith(PREFIX) and name != CONFIG_FILE_VARIABLE:
            values[name.removeprefix(PREFIX).lower()] = text
    try:
        settings = Settings(**values)
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems]) from None
    except ValidationError as error:
        problems += [_problem(dict(e)) for e in error.errors(include_input=False)]
        wrong = {str(e["loc"][0]) for e in error.errors(include_input=False)}
        rest = {name: value for name, value in values.items() if name not in wrong}
        own = tuple(f"{PREFIX}{name.upper()}:" for name in wrong)
        # Left out for being wrong, it is not missing as well.
        more = [line for line in _problems_of(rest) if not line.startswith(own)]
        raise ConfigError([*problems, *more]) from None
    if problems:
        raise ConfigError(problems)
    return settings


def _problems_of(values: dict[str, Any]) -> tuple[str, ...]:
    """
    Give what is wrong between settings that are right by themselves.
    """
    try:
        Settings(**values)
    except ConfigError as error:
        return error.problems
    return ()


def _read_file(path: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file), []
    except OSError as error:
        reason = error.strerror or "cannot be read"
        return {}, [f"{CONFIG_FILE_VARIABLE}: {path}: {reason.lower()}"]
    except tomllib.TOMLDecodeError as error:
        return {}, [f"{CONFIG_FILE_VARIABLE}: {path}: {error}"]


def _problem(error: dict[str, Any]) -> str:
    name = PREFIX + "_".join(str(part) for part in error["loc"]).upper()
    text = str(error["msg"])
    if error["type"] == "extra_forbidden":
        return f"{name}: no setting has this name"
    return f"{name}: {text[0].lower()}{text[1:]}"
