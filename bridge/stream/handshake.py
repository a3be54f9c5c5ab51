"""
The handshake: which leg a connection claims to be, and whether to believe it.

Two proofs are taken. `X-Twilio-Signature` on the upgrade request covers the
public URL, and a token in the stream's custom parameter `token` covers the
call and the leg. Either is enough; none is refused before any audio.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from bridge import expiring_token
from bridge.expiring_token import expiry_of, is_same_token
from bridge.signature import is_signed
from bridge.stream.events import Role, Started


PATH_PREFIX = "/media/"
TOKEN_PARAMETER = "token"  # noqa: S105 - the name of a parameter
CALL_PARAMETER = "call"
LEG_PARAMETER = "leg"

_MAX_NAME_LENGTH = 128


@dataclass(frozen=True, slots=True)
class Target:
    """
    What a request path asks for: `/media/{dialect}[/{call}/{leg}]`.
    """

    dialect: str
    call: str | None = None
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """
    Which leg of which call a started stream says it is.
    """

    call: str
    role: Role


def parse_path(path: str) -> Target | None:
    """
    Read a request path; `None` if nothing of ours lives there.
    """
    path = path.partition("?")[0]
    if not path.startswith(PATH_PREFIX):
        return None
    parts = [unquote(part) for part in path[len(PATH_PREFIX) :].strip("/").split("/")]
    match parts:
        case [dialect] if dialect:
            return Target(dialect)
        case [dialect, call, leg] if call and leg in set(Role):
            return Target(dialect, call, Role(leg))
    return None


def claim_of(target: Target, started: Started) -> Claim | str:
    """
    Tell which leg a stream is: by its path, its parameters, or its call sid.

    Returns:
        The claim, or what is wrong with it.
    """
    named = started.parameters.get(LEG_PARAMETER, Role.CALLER)
    if named not in set(Role):
        return "leg: expected caller or agent"
    role = target.role or Role(named)
    call = target.call or started.parameters.get(CALL_PARAMETER)
    if call is None and role is Role.CALLER:
        call = started.call_sid
    if not call or len(call) > _MAX_NAME_LENGTH:
        return "call: expected the name of a call, at most 128 characters"
    return Claim(call, role)


def signed_urls(public_url: str, path: str) -> tuple[str, ...]:
    """
    Give the URLs a provider may have signed.

    Args:
        public_url: where providers reach the media port, as they were told:
            the whole URL, or only its beginning.
        path: of the request, as it came in.
    """
    # Whole or beginning, what comes before the path of ours is the same.
    exact = public_url.partition(PATH_PREFIX)[0].rstrip("/") + path
    # Some deployments sign with a slash at the end, or without it.
    other = exact[:-1] if exact.endswith("/") else exact + "/"
    return exact, other


def is_signed_by(
    signature: str, auth_tokens: Iterable[str], public_url: str, path: str
) -> bool:
    """
    Check the signature of an upgrade request against every account's token.
    """
    urls = signed_urls(public_url, path)
    # No early exit: how long it takes tells nothing about which one fits.
    checks = [is_signed(signature, token, url) for token in auth_tokens for url in urls]
    return any(checks)


def make_token(auth_token: str, claim: Claim, expires_at_unix_s: int) -> str:
    """
    Make the token that lets one leg of one call in until a moment.
    """
    purpose = f"media-leg\n{claim.call}\n{claim.role}"
    return expiring_token.make_token(auth_token, purpose, expires_at_unix_s)


def is_token_good(
    token: str, auth_tokens: Iterable[str], claim: Claim, now_unix_s: float
) -> bool:
    """
    Check a token: made for this leg by one of the accounts, and not expired.
    """
    expires = expiry_of(token)
    if expires is None or expires < now_unix_s:
        return False
    # No early exit, as above.
    checks = [is_same_token(token, make_token(k, claim, expires)) for k in auth_tokens]
    return any(checks)


def header(headers: Mapping[str, str], name: str) -> str | None:
    """
    Look a header up without regard to case.
    """
    wanted = name.lower()
    return next((v for k, v in headers.items() if k.lower() == wanted), None)
