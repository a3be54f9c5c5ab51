"""
The media server, over real sockets: who gets in.
"""

import pytest
from structlog.testing import capture_logs
from websockets.exceptions import InvalidStatus

from bridge.signature import sign
from bridge.stream.events import Role
from bridge.stream.handshake import Claim, make_token
from tests.support.media import (
    AUTH_TOKEN,
    CALL_SID,
    house,
    keyed,
    run,
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
