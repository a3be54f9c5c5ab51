"""
The one seam through which HTTP leaves the bridge.
"""

import base64

import pytest

from bridge.connectors.base import Failure, GatewayCall
from bridge.connectors.sandbox_gateway import SandboxGateway
from bridge.server.outbound import MAX_ANSWER_BYTES, HttpOutbound, ask_gateway
from bridge.server.targets import TargetPolicy
from tests.bridge.server.receiver import answer, closed_port, receiver
from tests.support.media import run


pytestmark = pytest.mark.e2e

Reply = tuple[int, bytes] | Failure


async def _post(url: str, read_timeout_s: float = 5.0) -> Reply:
    outbound = HttpOutbound(TargetPolicy(development=True))
    try:
        return await outbound.post(url, {"X-Test": "1"}, b"a=1", read_timeout_s)
    finally:
        await outbound.close()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (answer(200, b"hello"), (200, b"hello")),
        (answer(204), (204, b"")),
        (answer(500, b"no"), (500, b"no")),
        # A redirect is an answer; nobody follows it.
        (answer(302, Location="/other"), (302, b"")),
        (answer(200, b"x" * MAX_ANSWER_BYTES), (200, b"x" * MAX_ANSWER_BYTES)),
        (answer(200, b"x" * (MAX_ANSWER_BYTES + 1)), Failure.NO_ANSWER),
        (b"no HTTP at all\r\n\r\n", Failure.NO_ANSWER),
        (answer(200, b"half")[:-2], Failure.NO_ANSWER),
    ],
)
def test_outbound_gives_the_answer_or_how_it_failed(
    given: bytes, expected: Reply
) -> None:
    """
    A whole answer of bounded size is given as it is; after anything else nobody
    knows what became of the request.
    """

    async def main() -> None:
        async with receiver() as state:
            state.answers.append(given)
            assert await _post(state.url) == expected
            (post,) = state.posts
            assert (post.path, post.form) == ("/told", {"a": "1"})
            assert post.headers["x-test"] == "1"

    run(main())


def test_outbound_waits_so_long_for_an_answer() -> None:
    """
    A receiver that says nothing is given up after the timeout.
    """

    async def main() -> None:
        async with receiver() as state:
            state.answers.append(b"")
            assert await _post(state.url, 0.05) is Failure.NO_ANSWER
            assert len(state.posts) == 1

    run(main())


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/",
        "ftp://h/",
        "https://",
        # These pass for URLs, and no client can ask for them.
        "https://\N{SNOWMAN}/told",
        "https://ä..b/told",
        "https://xn--/told",
        "https://h/told\x7f",
        "https://h\x00/told",
    ],
)
def test_outbound_says_when_nothing_was_sent(url: str) -> None:
    """
    Where there is no connection, provably nothing was sent; and no URL, however
    odd, is an exception.
    """
    assert run(_post(url.format(port=closed_port()))) is Failure.NOT_CONNECTED


@pytest.mark.parametrize("is_authentic", [True, False])
def test_gateways_request_is_wiped_when_it_was_asked(*, is_authentic: bool) -> None:
    """
    Whatever the gateway says, nothing is left of the request that held the card.
    """
    login = b"sandbox:sandbox" if is_authentic else b"sandbox:wrong"
    call = GatewayCall(
        url="sandbox:",
        headers={"Authorization": f"Basic {base64.b64encode(login).decode()}"},
        body=bytearray(b'{"card": "4111111111111111"}'),
        read_timeout_s=1.0,
    )

    async def main() -> Reply:
        gateway = SandboxGateway("sandbox", "sandbox", new_id=lambda: "1")
        return await ask_gateway(call, HttpOutbound(), gateway)

    reply = run(main())
    assert not isinstance(reply, Failure)
    assert bytes(call.body) == bytes(28)
