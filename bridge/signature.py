"""
`X-Twilio-Signature`: the signature over a URL and a form.

base64(HMAC-SHA1(auth token, URL + each name and value, sorted by name)).
Callbacks are signed with it on the way out, media streams are checked with it
on the way in.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping


HEADER = "X-Twilio-Signature"


def sign(auth_token: str, url: str, form: Mapping[str, str] | None = None) -> str:
    """
    Sign a request.

    Args:
        auth_token: the account's, never an API key's secret.
        url: exactly as requested, with its query, without its fragment.
        form: the form fields of a POST; none for a WebSocket handshake.
    """
    text = url + "".join(name + value for name, value in sorted((form or {}).items()))
    digest = hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")


def is_signed(
    signature: str,
    auth_token: str,
    url: str,
    form: Mapping[str, str] | None = None,
) -> bool:
    """
    Check a signature in constant time.
    """
    expected = sign(auth_token, url, form)
    return hmac.compare_digest(expected.encode(), signature.encode())
