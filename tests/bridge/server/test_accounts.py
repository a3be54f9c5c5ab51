"""
Accounts: who may use the API.
"""

import pytest

from bridge.server.accounts import SingleAccount
from tests.support.media import ACCOUNT_SID, AUTH_TOKEN


@pytest.mark.parametrize(
    ("account", "username", "password", "expected"),
    [
        (ACCOUNT_SID, ACCOUNT_SID, AUTH_TOKEN, True),
        (ACCOUNT_SID, ACCOUNT_SID, AUTH_TOKEN[:-1], False),
        (ACCOUNT_SID, "AC99", AUTH_TOKEN, False),
        ("AC99", ACCOUNT_SID, AUTH_TOKEN, False),
        ("AC99", "AC99", AUTH_TOKEN, False),
        (ACCOUNT_SID, "ü", "ü", False),
    ],
)
def test_account_is_opened_by_its_own_token_alone(
    account: str, username: str, password: str, *, expected: bool
) -> None:
    """
    The path's account, the user and the password must all be right.
    """
    accounts = SingleAccount(ACCOUNT_SID, AUTH_TOKEN)
    assert accounts.is_authentic(account, username, password) is expected
    assert AUTH_TOKEN not in repr(accounts)
