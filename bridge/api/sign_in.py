"""
Signing in: by credentials, or by a token for one call's feed.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Annotated

from fastapi import Header

from bridge.api.errors import AUTHENTICATE, EXPIRED_TOKEN, INVALID_TOKEN, ApiError
from bridge.api.guard import Limits, TooManyError, client_address, set_requester
from bridge.api.port import Accounts


BY_TOKEN = "feed token"  # noqa: S105 - no password
"""Who acts, for the audit log, where nobody has said who he is."""


class SignIn:
    """
    Lets in whoever may use an account.

    Args:
        accounts: checks credentials.
        limits: how much anybody may ask for.
    """

    def __init__(self, accounts: Accounts, limits: Limits) -> None:
        self._accounts = accounts
        self._limits = limits

    async def by_credentials(
        self, account_sid: str, authorization: Annotated[str, Header()] = ""
    ) -> None:
        """
        Let in by the header `Authorization`: what a route depends on.

        It awaits nothing; what is no coroutine runs in a thread, and what it says
        of the requester is lost there.

        Raises:
            ApiError: he is not, or must wait.
        """
        self._wait()
        username, password = _basic(authorization)
        if not self._accounts.is_authentic(account_sid, username, password):
            self._limits.count_failed_sign_in(client_address())
            raise ApiError(401, AUTHENTICATE, "Authenticate")
        self._admit(account_sid, username)

    def by_token(self, account_sid: str, left_s: Callable[[], float | None]) -> float:
        """
        Let in by a token.

        Args:
            account_sid: whose feed is asked for.
            left_s: tells for how many seconds the token is good; `None` if it is
                no token for this.

        Returns:
            For how many seconds it is good.

        Raises:
            ApiError: it is not, or its bearer must wait.
        """
        self._wait()
        left = left_s()
        if left is None:
            self._limits.count_failed_sign_in(client_address())
            raise ApiError(401, INVALID_TOKEN, "Invalid access token")
        if left <= 0:
            # No guess: whoever made it was right once, and a page that was left
            # open must not shut out everybody at its address.
            raise ApiError(401, EXPIRED_TOKEN, "Access token expired")
        self._admit(account_sid, BY_TOKEN)
        return left

    def _wait(self) -> None:
        # Asked first: who has guessed too often is not told whether he is right.
        wait_s = self._limits.wait_for_sign_in(client_address())
        if wait_s:
            raise TooManyError(wait_s)

    def _admit(self, account_sid: str, key_sid: str) -> None:
        wait_s = self._limits.take_account_request(account_sid)
        if wait_s:
            raise TooManyError(wait_s)
        set_requester(account_sid, key_sid)


def _basic(authorization: str) -> tuple[str, str]:
    """
    Read the Basic scheme (RFC 7617); anything else gives two empty strings.
    """
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    username, _, password = text.partition(":")
    return username, password
