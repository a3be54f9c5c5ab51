"""
The media server, over real sockets: who gets in.
"""

import asyncio
import ssl

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage, InvalidStatus

from bridge.server.accounts import Account
from bridge.server.limits import RateLimiter
from bridge.server.tls import make_context
from bridge.signature import sign
from bridge.stream.events import Role
from bridge.stream.handshake import Claim, make_token
from tests.support.certificates import CERT, KEY, make_old, trusting
from tests.support.media import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    CALL_SID,
    connected,
    house,
    keyed,
    put_forward,
    run,
    start,
    stream,
    wait_until,
)


pytestmark = pytest.mark.e2e


PUBLIC = "wss://bridge.example.com"
URL = PUBLIC + "/media/twilio"
NOT_TRUSTED = (1008, "unauthenticated: no signature and no token")
FAR_AWAY = 4_000_000_000
OTHER_TOKEN = "fedcba9876543210fedcba9876543210"


def _token(
    call: str = CALL_SID,
    role: Role = Role.CALLER,
    *,
    key: str = AUTH_TOKEN,
    expires: int = FAR_AWAY,
) -> str:
    return make_token(key, Claim(call, role), expires)


@pytest.mark.parametrize(
    ("signature", "token", "public_url", "answer"),
    [
        (sign(AUTH_TOKEN, URL), None, PUBLIC, None),
        (sign(AUTH_TOKEN, URL), None, URL, None),
        (sign(AUTH_TOKEN, URL + "/"), None, PUBLIC, None),
        (sign(OTHER_TOKEN, URL), None, PUBLIC, None),
        (None, _token(), PUBLIC, None),
        (None, _token(), "", None),
        (None, _token(key=OTHER_TOKEN), PUBLIC, None),
        (sign(AUTH_TOKEN, URL), "nonsense", PUBLIC, None),
        # A wrong signature is refused before there is a WebSocket.
        (sign("x" * 32, URL), None, PUBLIC, 403),
        (sign(AUTH_TOKEN, "wss://other.example.com/media/twilio"), None, PUBLIC, 403),
        (sign(AUTH_TOKEN, URL + "/c1/agent"), None, PUBLIC, 403),
        ("nonsense", None, PUBLIC, 403),
        ("", None, PUBLIC, 403),
        ("nonsense", _token(), PUBLIC, 403),
        # Without one, nothing is heard before the token has been seen.
        (None, None, PUBLIC, NOT_TRUSTED),
        (None, "", PUBLIC, NOT_TRUSTED),
        (None, "nonsense", PUBLIC, NOT_TRUSTED),
        (None, _token(expires=1_600_000_000), PUBLIC, NOT_TRUSTED),
        (None, _token("c2"), PUBLIC, NOT_TRUSTED),
        (None, _token(role=Role.AGENT), PUBLIC, NOT_TRUSTED),
        (None, _token(key="x" * 32), PUBLIC, NOT_TRUSTED),
        # A signature that cannot be checked is none.
        (sign(AUTH_TOKEN, URL), None, "", NOT_TRUSTED),
    ],
)
def test_stream_is_let_in_by_a_signature_or_a_token(
    signature: str | None,
    token: str | None,
    public_url: str,
    answer: int | tuple[int, str] | None,
) -> None:
    """
    One of the two proofs is enough and a wrong signature never; whoever has none
    is gone before a sample of his was processed.
    """

    async def main() -> None:
        headers = {} if signature is None else {"x-twilio-signature": signature}
        parameters = {} if token is None else {"token": token}
        async with house(
            auth_tokens=[OTHER_TOKEN, AUTH_TOKEN],
            public_url=public_url,
            development=False,
        ) as home:
            if isinstance(answer, int):
                with pytest.raises(InvalidStatus) as caught:
                    async with stream(home.port, headers=headers):
                        pass
                assert caught.value.response.status_code == answer
                assert home.count("dtmf_streams_total", outcome="refused") == 1
            else:
                async with stream(home.port, headers=headers) as caller:
                    await caller.start(**parameters)
                    await caller.say(keyed("5"))
                    if answer is None:
                        await wait_until(lambda: home.count("dtmf_tick_seconds_count"))
                        assert home.switchboard.n_calls == 1
                    else:
                        assert await caller.closed() == answer
            if answer is not None:
                assert home.count("dtmf_tick_seconds_count") == 0
                assert home.switchboard.find(CALL_SID) is None

    with capture_logs() as lines:
        run(main())
    for secret in (signature, token, AUTH_TOKEN):
        assert not secret or secret not in str(lines)


@pytest.mark.parametrize(
    "path", ["/", "/media", "/media/other", "/media/twilio/c1", "/media/twilio/c1/x"]
)
def test_stream_of_another_path_is_not_found(path: str) -> None:
    """
    Nothing lives at any other path.
    """

    async def main() -> None:
        async with house() as home:
            with pytest.raises(InvalidStatus) as caught:
                async with stream(home.port, path):
                    pass
            assert caught.value.response.status_code == 404
            assert caught.value.response.body == b""

    run(main())


# Several accounts.

OTHER_SID = "AC" + "1" * 32
OTHER = Account(sid=OTHER_SID, auth_token=SecretStr(OTHER_TOKEN))


@pytest.mark.parametrize("is_signed", [True, False])
def test_stream_belongs_to_the_account_that_proved_it(*, is_signed: bool) -> None:
    """
    By whose token the handshake was signed or the stream's token was made, not by
    what the stream says: another account's leg of the same call is another call.
    """

    async def main() -> None:
        async with house(
            public_url=PUBLIC, development=False, more_accounts=[OTHER]
        ) as home:
            for key, sid in ((AUTH_TOKEN, ACCOUNT_SID), (OTHER_TOKEN, OTHER_SID)):
                headers, parameters = {}, {}
                if is_signed:
                    headers = {"X-Twilio-Signature": sign(key, URL)}
                else:
                    parameters = {"token": _token(key=key)}
                async with stream(home.port, headers=headers) as caller:
                    await caller.start(**parameters)
                    await wait_until(lambda: home.switchboard.n_calls == 1)
                    call = home.switchboard.find(CALL_SID, sid)
                    assert call is not None
                    assert call.account_sid == sid
                await wait_until(lambda: not home.switchboard.n_calls)

    run(main())


def test_another_account_s_token_opens_no_leg_of_ours() -> None:
    """
    An account that knows a call's name and its sid hears nothing of it.
    """

    async def main() -> None:
        async with (
            house(development=False, more_accounts=[OTHER]) as home,
            stream(home.port) as caller,
            stream(home.port) as spy,
        ):
            await caller.start(call="c1", token=_token("c1"))
            token = _token("c1", Role.AGENT, key=OTHER_TOKEN)
            await spy.start("CA" + "9" * 32, call="c1", leg="agent", token=token)
            await wait_until(lambda: home.switchboard.n_calls == 2)
            call = home.switchboard.find(CALL_SID)
            assert call is not None
            assert set(call.ports) == {Role.CALLER}

    run(main())


@pytest.mark.parametrize("said", [OTHER_SID, ACCOUNT_SID, "AC77"])
def test_development_believes_what_a_stream_says(said: str) -> None:
    """
    Without credentials the account is the one the stream names, if there is one.
    """

    async def main() -> None:
        async with (
            house(more_accounts=[OTHER]) as home,
            stream(home.port) as caller,
        ):
            message = start().replace(ACCOUNT_SID, said)
            await caller.send(connected(), message)
            await wait_until(lambda: home.switchboard.n_calls == 1)
            sid = said if said == OTHER_SID else ACCOUNT_SID
            assert home.switchboard.find(CALL_SID, sid) is not None

    run(main())


# Limits.


def test_handshakes_are_limited() -> None:
    """
    An address that opens too many streams is told when to come again; those with
    a good signature are not counted, and a bad one is no way in.
    """

    async def main() -> None:
        async with house(public_url=PUBLIC, handshakes=RateLimiter(2)) as home:
            for _ in range(2):
                async with stream(home.port):
                    pass
            for headers in ({}, {"X-Twilio-Signature": "wrong"}):
                with pytest.raises(InvalidStatus) as caught:
                    async with stream(home.port, headers=headers):
                        pass
                response = caught.value.response
                assert response.status_code == 429
                assert 0 < int(response.headers["Retry-After"]) <= 30
            async with stream(
                home.port, headers={"X-Twilio-Signature": sign(AUTH_TOKEN, URL)}
            ) as caller:
                await caller.start()
                await wait_until(lambda: home.switchboard.n_calls == 1)
            put_forward(30.0)
            async with stream(home.port):
                pass
            assert home.count("dtmf_streams_total", outcome="refused") == 2

    run(main())


def test_handshake_s_headers_are_bounded() -> None:
    """
    What is too long or too much is refused before anything is made of it.
    """

    async def main() -> None:
        async with house() as home:
            for headers in (
                {"X-Long": "x" * 9000},
                {f"X-Many-{n}": "x" for n in range(200)},
            ):
                with pytest.raises((InvalidStatus, InvalidMessage)):
                    async with stream(home.port, headers=headers):
                        pass
            assert home.switchboard.n_calls == 0

    run(main())


# TLS.


def test_stream_over_tls() -> None:
    """
    With a certificate the media port speaks TLS 1.2 or newer, and nothing else.
    """

    async def main() -> None:
        async with house(tls=make_context(CERT, KEY)) as home:
            url = f"wss://localhost:{home.port}/media/twilio"
            async with connect(url, ssl=trusting(), proxy=None) as socket:
                await socket.send(connected())
                await socket.send(start())
                await wait_until(lambda: home.switchboard.n_calls == 1)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await connect(url, ssl=make_old(trusting()), proxy=None)
            with pytest.raises((InvalidMessage, ConnectionError)):
                await connect(url.replace("wss", "ws"), proxy=None)

    run(main(), loop_factory=asyncio.SelectorEventLoop)
