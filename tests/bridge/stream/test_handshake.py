"""
The handshake: who a stream says it is, and whether that is believed.
"""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from bridge.signature import is_signed, sign
from bridge.stream.events import Role, Started
from bridge.stream.handshake import (
    Claim,
    Target,
    claim_of,
    header,
    is_signed_by,
    is_token_good,
    make_token,
    parse_path,
    signed_urls,
)
from tests.support.strategies import stable


KEY, OTHER_KEY = "k" * 32, "o" * 32
CLAIM = Claim("order-1", Role.AGENT)
NOON = 1_760_000_000


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/media/twilio", Target("twilio")),
        ("/media/twilio/", Target("twilio")),
        ("/media/twilio?call=1", Target("twilio")),
        ("/media/twilio/c1/caller", Target("twilio", "c1", Role.CALLER)),
        ("/media/twilio/c1/agent/", Target("twilio", "c1", Role.AGENT)),
        ("/media/twilio/a%2Fb%20c/agent", Target("twilio", "a/b c", Role.AGENT)),
        ("/media/twilio/c1/agent?leg=caller", Target("twilio", "c1", Role.AGENT)),
        ("/", None),
        ("/media/", None),
        ("/other/twilio", None),
        ("/media/twilio/c1", None),
        ("/media/twilio/c1/listener", None),
        ("/media/twilio//caller", None),
        ("/media/twilio/c1/caller/more", None),
    ],
)
def test_path_names_dialect_call_and_leg(path: str, target: Target | None) -> None:
    """
    A path is of one of two shapes, and nothing else is ours.
    """
    assert parse_path(path) == target


WRONG_LEG = "leg: expected caller or agent"
WRONG_CALL = "call: expected the name of a call, at most 128 characters"


@pytest.mark.parametrize(
    ("path", "parameters", "claim"),
    [
        ("/media/twilio", {}, Claim("CA01", Role.CALLER)),
        ("/media/twilio", {"leg": "caller"}, Claim("CA01", Role.CALLER)),
        ("/media/twilio", {"call": "c1"}, Claim("c1", Role.CALLER)),
        ("/media/twilio", {"call": "c1", "leg": "agent"}, Claim("c1", Role.AGENT)),
        # What the path says cannot be said otherwise.
        ("/media/twilio/c1/agent", {}, Claim("c1", Role.AGENT)),
        (
            "/media/twilio/c1/agent",
            {"call": "c2", "leg": "caller"},
            Claim("c1", Role.AGENT),
        ),
        # An agent's own call sid is not the caller's.
        ("/media/twilio", {"leg": "agent"}, WRONG_CALL),
        ("/media/twilio", {"call": ""}, WRONG_CALL),
        ("/media/twilio", {"call": "c" * 129}, WRONG_CALL),
        ("/media/twilio", {"call": "c" * 128}, Claim("c" * 128, Role.CALLER)),
        ("/media/twilio/" + "c" * 129 + "/agent", {}, WRONG_CALL),
        ("/media/twilio", {"leg": "listener"}, WRONG_LEG),
        ("/media/twilio", {"leg": ""}, WRONG_LEG),
    ],
)
def test_started_stream_claims_a_leg(
    path: str, parameters: dict[str, str], claim: Claim | str
) -> None:
    """
    A stream is a leg by its path, else by its parameters, else the caller by its
    call sid; whoever is none is told why.
    """
    target = parse_path(path)
    assert target is not None
    started = Started(
        stream_sid="MZ01", call_sid="CA01", account_sid="AC01", parameters=parameters
    )
    assert claim_of(target, started) == claim


@pytest.mark.parametrize(
    ("public_url", "path", "urls"),
    [
        ("wss://h", "/media/twilio", ("wss://h/media/twilio", "wss://h/media/twilio/")),
        (
            "wss://h/",
            "/media/twilio",
            ("wss://h/media/twilio", "wss://h/media/twilio/"),
        ),
        (
            "wss://h",
            "/media/twilio/",
            ("wss://h/media/twilio/", "wss://h/media/twilio"),
        ),
        # The whole URL is the same as its beginning.
        (
            "wss://h/media/twilio",
            "/media/twilio",
            ("wss://h/media/twilio", "wss://h/media/twilio/"),
        ),
        (
            "wss://h/media/twilio/",
            "/media/twilio",
            ("wss://h/media/twilio", "wss://h/media/twilio/"),
        ),
        (
            "wss://h:8443/bridge",
            "/media/twilio",
            ("wss://h:8443/bridge/media/twilio", "wss://h:8443/bridge/media/twilio/"),
        ),
        # Whoever gives the whole URL may join legs by their paths as well.
        (
            "wss://h/media/twilio",
            "/media/twilio/c1/agent",
            ("wss://h/media/twilio/c1/agent", "wss://h/media/twilio/c1/agent/"),
        ),
    ],
)
def test_signed_urls_are_the_public_ones(
    public_url: str, path: str, urls: tuple[str, str]
) -> None:
    """
    What is signed is the URL as the provider was told it, with a slash at its end
    or without.
    """
    assert signed_urls(public_url, path) == urls


def test_signature_is_the_one_of_twilio() -> None:
    """
    The signature of a stream is over its URL alone, as the official library
    computes it.
    """
    url = "wss://example.com/ws"
    text = base64.b64encode(
        hmac.digest(b"12345", url.encode(), hashlib.sha1),
    ).decode()
    assert text == "HXrgvHt0qTHu33oSxSjpOvWtO60="
    assert RequestValidator("12345").compute_signature(url, {}) == text
    assert sign("12345", url) == text
    assert is_signed(text, "12345", url)
    assert is_signed_by(text, ["12345"], "wss://example.com", "/ws")


@pytest.mark.parametrize(
    ("token", "url", "is_good"),
    [
        (KEY, "wss://example.com/media/twilio", True),
        (OTHER_KEY, "wss://example.com/media/twilio", True),
        (KEY, "wss://example.com/media/twilio/", True),
        (KEY, "ws://example.com/media/twilio", False),
        (KEY, "wss://example.com/media/twilio/c1/agent", False),
        (KEY, "wss://example.com:443/media/twilio", False),
        ("x" * 32, "wss://example.com/media/twilio", False),
        ("", "wss://example.com/media/twilio", False),
    ],
)
def test_signature_opens_its_own_url_for_any_account(
    token: str, url: str, *, is_good: bool
) -> None:
    """
    A stream is let in by any account's signature of the URL it asked for.
    """
    accounts, public = [OTHER_KEY, KEY], "wss://example.com"
    found = is_signed_by(sign(token, url), accounts, public, "/media/twilio")
    assert found is is_good


@pytest.mark.parametrize(
    "signature", ["", "ü", "=", "HXrgvHt0qTHu33oSxSjpOvWtO60=", "\x00"]
)
def test_signature_that_is_none_is_wrong(signature: str) -> None:
    """
    Any text may come in the header.
    """
    assert not is_signed_by(signature, [KEY], "wss://example.com", "/media/twilio")


def test_token_is_a_moment_and_a_signature() -> None:
    """
    A token says until when it holds, and signs that with the call and the leg.
    """
    text = f"media-leg\norder-1\nagent\n{NOON}"
    digest = hmac.digest(KEY.encode(), text.encode(), hashlib.sha256)
    encoded = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert make_token(KEY, CLAIM, NOON) == f"{NOON}.{encoded}"


@pytest.mark.parametrize(
    ("key", "claim", "now", "is_good"),
    [
        (KEY, CLAIM, 0.0, True),
        (KEY, CLAIM, NOON - 0.5, True),
        (KEY, CLAIM, float(NOON), True),
        (KEY, CLAIM, NOON + 0.5, False),
        (OTHER_KEY, CLAIM, 0.0, True),
        ("x" * 32, CLAIM, 0.0, False),
        (KEY, Claim("order-1", Role.CALLER), 0.0, False),
        (KEY, Claim("order-2", Role.AGENT), 0.0, False),
        (KEY, Claim("order-1\nagent", Role.AGENT), 0.0, False),
    ],
)
def test_token_lets_one_leg_in_until_its_moment(
    key: str, claim: Claim, now: float, *, is_good: bool
) -> None:
    """
    A token is good for one leg of one call, by any account, and until it expires.
    """
    token = make_token(key, CLAIM, NOON)
    assert is_token_good(token, [KEY, OTHER_KEY], claim, now) is is_good


@stable
@given(st.data())
def test_token_that_was_changed_is_wrong(data: st.DataObject) -> None:
    """
    Not one character of a token may be another one.
    """
    token = make_token(KEY, CLAIM, NOON)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda c: c != token[place]))
    changed = token[:place] + other + token[place + 1 :]
    assert not is_token_good(changed, [KEY], CLAIM, 0.0)
    assert not is_token_good(token[:place], [KEY], CLAIM, 0.0)
    assert not is_token_good(token + other, [KEY], CLAIM, 0.0)


@stable
@given(st.text())
@pytest.mark.parametrize("keys", [[], [""], [KEY]])
def test_token_that_is_any_text_is_wrong(keys: list[str], text: str) -> None:
    """
    Any text may come as a token, and none of it is one.
    """
    assert not is_token_good(text, keys, CLAIM, 0.0)


@pytest.mark.parametrize(
    "token", ["", ".", "1", f"{NOON}", f"{NOON}.", "9" * 13 + ".x", "9" * 9999 + ".x"]
)
def test_token_without_a_signature_is_wrong(token: str) -> None:
    """
    A moment alone opens nothing, however far away it is.
    """
    assert not is_token_good(token, [KEY], CLAIM, 0.0)


def test_header_is_found_in_any_case() -> None:
    """
    Proxies change the case of headers.
    """
    headers = {"host": "h", "x-twilio-signature": "s"}
    assert header(headers, "X-Twilio-Signature") == "s"
    assert header(headers, "X-Other") is None
