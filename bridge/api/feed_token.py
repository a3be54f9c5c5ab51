"""
Tokens that open the feed of one call, and nothing else, until a moment.

A browser's `EventSource` sends no header, so the token stands in the URL: it must
be worth little, and not for long. It is the moment and an HMAC-SHA256 under the
account's token over what it is for. So it outlives a restart, and ends with the
account's token.
"""

import base64
import hashlib
import hmac


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
    text = f"feed\n{account_sid}\n{call_sid}\n{expires_at_unix_s}"
    digest = hmac.new(auth_token.encode(), text.encode(), hashlib.sha256).digest()
    encoded = base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")
    return f"{expires_at_unix_s}.{encoded}"


def expiry_of(token: str) -> int | None:
    """
    Read when a token expires, in seconds since 1970; `None` if it is none.

    It is to be believed only if the whole token is what `make_feed_token` makes.
    """
    moment, _, _ = token.partition(".")
    # Not `isdecimal`, which takes other scripts' digits.
    is_number = moment.isascii() and moment.isdecimal() and len(moment) <= 12
    return int(moment) if is_number else None


def is_same_token(given: str, made: str) -> bool:
    """
    Compare in constant time.
    """
    return hmac.compare_digest(
        given.encode(errors="surrogatepass"), made.encode(errors="surrogatepass")
    )
