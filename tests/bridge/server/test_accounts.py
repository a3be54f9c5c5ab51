"""
Accounts: who may use the API, and whose a stream is.
"""

from pathlib import Path

import pytest
from pydantic import SecretStr

from bridge.server.accounts import Account, AccountBook, read_accounts
from tests.support.media import ACCOUNT_SID, AUTH_TOKEN


OTHER_SID = "AC" + "1" * 32
KEY, OTHER_KEY = "SK" + "a" * 32, "SK" + "b" * 32
SECOND, OTHER_TOKEN = "s" * 32, "o" * 32
SECRET, OTHER_SECRET = "k" * 32, "p" * 32


def _account(sid: str, token: str, second: str | None, **keys: str) -> Account:
    return Account(
        sid=sid,
        auth_token=SecretStr(token),
        secondary_auth_token=SecretStr(second) if second else None,
        keys={key: SecretStr(secret) for key, secret in keys.items()},
    )


DEFAULT = _account(ACCOUNT_SID, AUTH_TOKEN, SECOND, **{KEY: SECRET})
OTHER = _account(OTHER_SID, OTHER_TOKEN, None, **{OTHER_KEY: OTHER_SECRET})


@pytest.mark.parametrize(
    ("account", "username", "password", "expected"),
    [
        (ACCOUNT_SID, ACCOUNT_SID, AUTH_TOKEN, True),
        (ACCOUNT_SID, ACCOUNT_SID, SECOND, True),
        (ACCOUNT_SID, KEY, SECRET, True),
        (OTHER_SID, OTHER_SID, OTHER_TOKEN, True),
        (OTHER_SID, OTHER_KEY, OTHER_SECRET, True),
        (ACCOUNT_SID, ACCOUNT_SID, AUTH_TOKEN[:-1], False),
        (ACCOUNT_SID, ACCOUNT_SID, AUTH_TOKEN + "0", False),
        (ACCOUNT_SID, ACCOUNT_SID, "", False),
        # One kind of secret is not the other.
        (ACCOUNT_SID, ACCOUNT_SID, SECRET, False),
        (ACCOUNT_SID, KEY, AUTH_TOKEN, False),
        (ACCOUNT_SID, KEY, "", False),
        # What opens one account opens no other.
        (OTHER_SID, OTHER_SID, AUTH_TOKEN, False),
        (OTHER_SID, ACCOUNT_SID, AUTH_TOKEN, False),
        (OTHER_SID, KEY, SECRET, False),
        (ACCOUNT_SID, OTHER_KEY, OTHER_SECRET, False),
        (ACCOUNT_SID, OTHER_SID, OTHER_TOKEN, False),
        # Nobody is nobody.
        ("AC99", "AC99", AUTH_TOKEN, False),
        ("AC99", "AC99", "", False),
        (ACCOUNT_SID, "SK99", "", False),
        (ACCOUNT_SID, "", "", False),
        (ACCOUNT_SID, "ü", "ü", False),
        (ACCOUNT_SID, ACCOUNT_SID, "\udcff", False),
    ],
)
def test_account_is_opened_by_its_own_secrets_alone(
    account: str, username: str, password: str, *, expected: bool
) -> None:
    """
    The path's account, the user and the password must all belong together.
    """
    book = AccountBook([DEFAULT, OTHER])
    assert book.is_authentic(account, username, password) is expected


def test_account_s_secrets_are_in_no_repr() -> None:
    """
    Neither an account nor the book of them shows what opens it.
    """
    for text in (repr(DEFAULT), str(DEFAULT), repr(AccountBook([DEFAULT]))):
        for secret in (AUTH_TOKEN, SECOND, SECRET):
            assert secret not in text


def test_owner_is_whoever_s_token_proves_it() -> None:
    """
    Every token is asked, the secondary ones as well; keys prove nothing.
    """
    book = AccountBook([DEFAULT, OTHER])
    asked: list[str] = []

    def proves(token: str, right: str) -> bool:
        asked.append(token)
        return token == right

    for token, owner in (
        (AUTH_TOKEN, ACCOUNT_SID),
        (SECOND, ACCOUNT_SID),
        (OTHER_TOKEN, OTHER_SID),
        (SECRET, None),
    ):
        asked.clear()
        assert book.owner(lambda given, right=token: proves(given, right)) == owner  # type: ignore[misc]  # bound now
        assert asked == [AUTH_TOKEN, SECOND, OTHER_TOKEN]


def test_accounts_are_replaced_while_they_are_used() -> None:
    """
    A token is changed in two steps, and an account that is gone signs with
    nothing that anybody knows.
    """
    book = AccountBook([DEFAULT, OTHER])
    assert book.signing_token(OTHER_SID) == OTHER_TOKEN
    book.replace([DEFAULT, _account(OTHER_SID, "n" * 32, OTHER_TOKEN)])
    assert book.is_authentic(OTHER_SID, OTHER_SID, OTHER_TOKEN)
    assert book.is_authentic(OTHER_SID, OTHER_SID, "n" * 32)
    assert book.signing_token(OTHER_SID) == "n" * 32
    book.replace([DEFAULT])
    assert OTHER_SID not in book
    assert not book.is_authentic(OTHER_SID, OTHER_SID, "n" * 32)
    signed_with = {book.signing_token(OTHER_SID) for _ in range(2)}
    assert len(signed_with) == 2
    assert not signed_with & {AUTH_TOKEN, OTHER_TOKEN, "n" * 32, ""}


# The file.

BARE = _account(ACCOUNT_SID, AUTH_TOKEN, None)
OURS = f'[[account]]\nsid = "{ACCOUNT_SID}"'


def test_accounts_come_from_a_file(tmp_path: Path) -> None:
    """
    The file adds accounts, and keys to the default account.
    """
    path = tmp_path / "accounts.toml"
    path.write_text(
        f"""
        [[account]]
        sid = "{OTHER_SID}"
        auth_token = "{OTHER_TOKEN}"
        secondary_auth_token = "{SECOND}"

        [[account.key]]
        sid = "{OTHER_KEY}"
        secret = "{OTHER_SECRET}"

        [[account]]
        sid = "{ACCOUNT_SID}"

        [[account.key]]
        sid = "{KEY}"
        secret = "{SECRET}"
        """
    )
    accounts, problems = read_accounts(BARE, path)
    assert problems == []
    assert [account.sid for account in accounts] == [ACCOUNT_SID, OTHER_SID]
    book = AccountBook(accounts)
    assert book.default_sid == ACCOUNT_SID
    for sid, user, password in (
        (ACCOUNT_SID, ACCOUNT_SID, AUTH_TOKEN),
        (ACCOUNT_SID, KEY, SECRET),
        (OTHER_SID, OTHER_SID, OTHER_TOKEN),
        (OTHER_SID, OTHER_SID, SECOND),
        (OTHER_SID, OTHER_KEY, OTHER_SECRET),
    ):
        assert book.is_authentic(sid, user, password)
    assert read_accounts(BARE, None) == ([BARE], [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", ["{path}: expected TOML"]),
        ("[[accounts]]", ["accounts: extra inputs are not permitted"]),
        (
            '[[account]]\nsid = "AC1"',
            [
                "account[0].sid: expected AC and 32 hexadecimal digits",
                "account[0].auth_token: expected at least 16 characters",
            ],
        ),
        (
            f'[[account]]\nsid = "{OTHER_SID}"\nauth_token = "{SECRET[:15]}"',
            ["account[0].auth_token: expected at least 16 characters"],
        ),
        (
            f'[[account]]\nsid = "{OTHER_SID}"\nauth_token = 5',
            ["account[0].auth_token: input should be a valid string"],
        ),
        (
            f'[[account]]\nsid = "{ACCOUNT_SID}"\nauth_token = "{OTHER_TOKEN}"',
            ["account[0].auth_token: expected in DTMF_AUTH_TOKEN, not here"],
        ),
        (
            f'[[account]]\nsid = "{OTHER_SID}"\nauth_token = "{AUTH_TOKEN}"',
            [f"{OTHER_SID}: expected a token that no other account has"],
        ),
        (
            f'{OURS}\n[[account.key]]\nsid = "AC1"\nsecret = "{SECRET}"',
            ["account[0].key[0].sid: expected SK and 32 hexadecimal digits"],
        ),
        (
            f'{OURS}\n[[account.key]]\nsid = "{KEY}"\nsecret = "short"',
            ["account[0].key[0].secret: expected at least 16 characters"],
        ),
        (
            OURS + 2 * f'\n[[account.key]]\nsid = "{KEY}"\nsecret = "{SECRET}"',
            ["account[0].key[1].sid: expected each key once"],
        ),
        (
            f'[[account]]\nsid = "{ACCOUNT_SID}"\n[[account]]\nsid = "{ACCOUNT_SID}"',
            ["account[1].sid: expected each account once"],
        ),
    ],
)
def test_accounts_file_is_told_what_is_wrong_with_it(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    """
    Each problem is a line that names the place, and shows nothing of a secret.
    """
    path = tmp_path / "accounts.toml"
    path.write_text(text)
    _, problems = read_accounts(BARE, path)
    assert problems == [f"DTMF_ACCOUNTS_FILE: {e}".format(path=path) for e in expected]
    for secret in (AUTH_TOKEN, OTHER_TOKEN, SECRET[:15]):
        assert secret not in str(problems)


def test_accounts_file_must_be_there(tmp_path: Path) -> None:
    """
    A file that was named and is not there is a problem, too.
    """
    path = tmp_path / "none.toml"
    _, problems = read_accounts(BARE, path)
    assert problems == [f"DTMF_ACCOUNTS_FILE: {path}: no such file or directory"]
