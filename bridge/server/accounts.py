"""
Accounts: who may use the API, and whose a stream is.

The default account comes from the settings. More of them, and API keys, come
from a TOML file:

    [[account]]
    sid = "AC…"                     # AC and 32 hexadecimal digits
    auth_token = "…"                # at least 16 characters
    secondary_auth_token = "…"      # taken as well, while the token is changed

    [[account.key]]                 # any number of them
    sid = "SK…"
    secret = "…"

An entry with the default account's sid adds keys to it; its token is left out.
What the bridge signs is signed with `auth_token`; what it checks may be signed
with either. Keys open the API and nothing else: they sign nothing.
"""

import hmac
import secrets
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError


MIN_TOKEN_LENGTH = 16

FILE_VARIABLE = "DTMF_ACCOUNTS_FILE"

_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """
    One account. Secrets are masked in its repr.
    """

    sid: str
    auth_token: SecretStr
    secondary_auth_token: SecretStr | None = None
    keys: Mapping[str, SecretStr] = field(default_factory=dict)
    """Secrets of API keys, by the key's sid."""

    @property
    def auth_tokens(self) -> tuple[SecretStr, ...]:
        """
        All that are taken.
        """
        second = self.secondary_auth_token
        return (self.auth_token,) if second is None else (self.auth_token, second)


class AccountBook:
    """
    All accounts of a bridge; see `bridge.api.port.Accounts`.

    Args:
        accounts: the default one first.
    """

    def __init__(self, accounts: Sequence[Account]) -> None:
        self._by_sid: dict[str, Account] = {}
        self.default_sid = accounts[0].sid
        self._salt = secrets.token_bytes(32)
        self.replace(accounts)

    def replace(self, accounts: Iterable[Account]) -> None:
        """
        Take other accounts instead; calls and payments in progress go on.
        """
        self._by_sid = {account.sid: account for account in accounts}

    def __contains__(self, sid: str) -> bool:
        return sid in self._by_sid

    def is_authentic(self, account_sid: str, username: str, password: str) -> bool:
        """
        Check credentials: of the account itself, or of one of its keys.
        """
        account = self._by_sid.get(account_sid)
        allowed: list[SecretStr] = []
        if account is not None and username == account.sid:
            allowed += account.auth_tokens
        elif account is not None and username in account.keys:
            allowed.append(account.keys[username])
        # Something is compared in any case, so that the time it takes does not
        # tell which sids there are.
        checks = [self._is_same(password, s.get_secret_value()) for s in allowed]
        checks += [self._is_same(password, "")] if not checks else []
        return bool(allowed) and any(checks)

    def owner(self, is_proven_by: Callable[[str], bool]) -> str | None:
        """
        Find the account by whose token something was made.

        Args:
            is_proven_by: checks it against one token; asked for every one of
                them, so that the time it takes does not tell which one fits.
        """
        proofs = [
            (account.sid, is_proven_by(token.get_secret_value()))
            for account in self._by_sid.values()
            for token in account.auth_tokens
        ]
        return next((sid for sid, is_proven in proofs if is_proven), None)

    def signing_token(self, sid: str) -> str:
        """
        Give the token that an account's callbacks are signed with.

        An account that is there no more signs with something nobody knows: its
        receivers would believe nobody anyway.
        """
        account = self._by_sid.get(sid)
        if account is None:
            return secrets.token_hex(16)
        return account.auth_token.get_secret_value()

    def _is_same(self, given: str, expected: str) -> bool:
        # Of one length whatever the lengths are, and of no use to anybody.
        return hmac.compare_digest(
            hmac.digest(self._salt, given.encode(errors="surrogatepass"), "sha256"),
            hmac.digest(self._salt, expected.encode(), "sha256"),
        )


class _KeyEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    sid: str
    secret: SecretStr


class _AccountEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    sid: str
    auth_token: SecretStr | None = None
    secondary_auth_token: SecretStr | None = None
    key: list[_KeyEntry] = []


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    account: list[_AccountEntry] = []


def is_sid(text: str, prefix: str) -> bool:
    """
    Tell whether a text is a sid: two letters and 32 hexadecimal digits.
    """
    return len(text) == 34 and text.startswith(prefix) and set(text[2:]) <= _HEXADECIMAL


def read_accounts(
    default: Account, path: Path | None
) -> tuple[list[Account], list[str]]:
    """
    Read the accounts.

    Args:
        default: the account of the settings.
        path: of the file, if there is one.

    Returns:
        The accounts, the default one first, and a line for each problem.
    """
    if path is None:
        return [default], []
    try:
        with path.open("rb") as file:
            content = _File.model_validate(tomllib.load(file))
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        return [default], [f"{FILE_VARIABLE}: {path}: {reason}"]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # The library's own words may quote the line.
        return [default], [f"{FILE_VARIABLE}: {path}: expected TOML"]
    except ValidationError as error:
        return [default], [
            _problem(_place(e["loc"]), str(e["msg"]))
            for e in error.errors(include_input=False)
        ]
    return _with_entries(default, content.account)


def _with_entries(
    default: Account, entries: Sequence[_AccountEntry]
) -> tuple[list[Account], list[str]]:
    accounts = {default.sid: default}
    problems: list[str] = []
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        place = f"account[{number}]"
        problems += _entry_problems(place, entry, default.sid, seen)
        seen |= {entry.sid, *(key.sid for key in entry.key)}
        base = accounts.get(entry.sid) or Account(
            sid=entry.sid, auth_token=entry.auth_token or SecretStr("")
        )
        accounts[entry.sid] = replace(
            base,
            secondary_auth_token=entry.secondary_auth_token
            or base.secondary_auth_token,
            keys={key.sid: key.secret for key in entry.key},
        )
    problems += _shared_token_problems(accounts.values())
    return list(accounts.values()), problems


def _entry_problems(
    place: str, entry: _AccountEntry, default_sid: str, seen: set[str]
) -> list[str]:
    problems = []
    if not is_sid(entry.sid, "AC"):
        problems.append(
            _problem(f"{place}.sid", "expected AC and 32 hexadecimal digits")
        )
    elif entry.sid in seen:
        problems.append(_problem(f"{place}.sid", "expected each account once"))
    tokens = {"secondary_auth_token": entry.secondary_auth_token}
    if entry.sid != default_sid:
        tokens["auth_token"] = entry.auth_token or SecretStr("")
    elif entry.auth_token is not None:
        problems.append(
            _problem(f"{place}.auth_token", "expected in DTMF_AUTH_TOKEN, not here")
        )
    for number, key in enumerate(entry.key):
        if not is_sid(key.sid, "SK"):
            text = "expected SK and 32 hexadecimal digits"
            problems.append(_problem(f"{place}.key[{number}].sid", text))
        elif key.sid in seen or key.sid in [k.sid for k in entry.key[:number]]:
            text = "expected each key once"
            problems.append(_problem(f"{place}.key[{number}].sid", text))
        tokens[f"key[{number}].secret"] = key.secret
    return problems + [
        _problem(f"{place}.{name}", f"expected at least {MIN_TOKEN_LENGTH} characters")
        for name, token in tokens.items()
        if token is not None and len(token.get_secret_value()) < MIN_TOKEN_LENGTH
    ]


def _shared_token_problems(accounts: Iterable[Account]) -> list[str]:
    owners: dict[str, str] = {}
    problems = []
    for account in accounts:
        for token in account.auth_tokens:
            owner = owners.setdefault(token.get_secret_value(), account.sid)
            if owner != account.sid:
                text = "expected a token that no other account has"
                problems.append(_problem(account.sid, text))
    return problems


def _place(parts: Sequence[int | str]) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def _problem(place: str, text: str) -> str:
    return f"{FILE_VARIABLE}: {place}: {text[0].lower()}{text[1:]}"
