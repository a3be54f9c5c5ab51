"""
Tokens that open the feed of one call, and nothing else, until a moment.

A browser's `EventSource` sends no header, so the token stands in the URL: it must
be worth little, and not for long.
"""

from bridge.expiring_token import make_token


DEFAULT_TTL_S = 900
MAX_TTL_S = 3600


def make_feed_token(
    auth_token: str, account_sid: str, call_sid: str, expires_at_unix_s: int
) -> str:
    """
    Make a token.

    Args:
        auth_token: of the account.
        account_sid: its sid.
        call_sid: of the call, as the feed's path will have it.
        expires_at_unix_s: the first second in which it is good no more.
    """
    return make_token(auth_token, f"feed\n{account_sid}\n{call_sid}", expires_at_unix_s)
