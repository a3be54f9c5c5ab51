"""
Tokens that are good for one thing until a moment.

The text is the moment and an HMAC-SHA256 under an account's token over what it is
for. So nobody has to remember it, it outlives a restart, and it ends with the
account's token.
"""

import base64
import hashlib
import hmac


def make_token(auth_token: str, purpose: str, expires_at_unix_s: int) -> str:
    """
    Make a token.

    Args:
        auth_token: of the account.
        purpose: what it is for, by lines; no two kinds of token begin alike.
        expires_at_unix_s: when it ends.
    """
    text = f"{purpose}\n{expires_at_unix_s}"
    digest = hmac.new(auth_token.encode(), text.encode(), hashlib.sha256).digest()
    encoded = base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")
    return f"{expires_at_unix_s}.{encoded}"


def expiry_of(token: str) -> int | None:
    """
    Read when a token expires, in seconds since 1970; `None` if it is none.

    It is to be believed only if the whole token is what `make_token` makes.
    """
    moment, _, _ = token.partition(".")
    # Not `isdecimal` alone, which takes other scripts' digits.
    is_number = moment.isascii() and moment.isdecimal() and len(moment) <= 12
    return int(moment) if is_number else None


def is_same_token(given: str, made: str) -> bool:
    """
    Compare in constant time.
    """
    return hmac.compare_digest(
        given.encode(errors="surrogatepass"), made.encode(errors="surrogatepass")
    )
