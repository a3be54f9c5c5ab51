"""
Targets: where the bridge may be told to connect to.
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from structlog.testing import capture_logs

from bridge.connectors.base import Failure
from bridge.server.outbound import HttpOutbound
from bridge.server.targets import PinnedTransport, RefusedTarget, TargetPolicy
from tests.bridge.server.receiver import answer, closed_port, receiver
from tests.support.certificates import CERT, make_old, serving
from tests.support.media import run


PUBLIC = TargetPolicy()
DEVELOPMENT = TargetPolicy(development=True)
INTRANET = TargetPolicy((ipaddress.ip_network("10.0.0.0/8"),))


# What can be seen from a URL.


@pytest.mark.parametrize(
    ("policy", "url", "expected"),
    [
        (PUBLIC, "https://example.com/told", None),
        (PUBLIC, "https://user:word@example.com/told?a=1#rc=2", None),
        (PUBLIC, "https://example.com:443/", None),
        (PUBLIC, "https://example.com:8443/", None),
        (PUBLIC, "https://8.8.8.8/", None),
        (PUBLIC, "https://[2001:4860:4860::8888]/", None),
        (PUBLIC, "http://example.com/", "an https URL"),
        (PUBLIC, "http://127.0.0.1/", "an https URL"),
        (PUBLIC, "ftp://example.com/", "an https URL"),
        (PUBLIC, "/told", "an https URL"),
        (PUBLIC, "https://[::1/", "a URL"),
        (PUBLIC, "https://example.com:port/", "a URL"),
        (PUBLIC, "https://example.com:25/", "port 443, or one from 1024 on"),
        (PUBLIC, "https://example.com:0/", "port 443, or one from 1024 on"),
        (PUBLIC, "https://10.0.0.1/", "a host with a public address"),
        (PUBLIC, "https://169.254.169.254/", "a host with a public address"),
        (PUBLIC, "https://127.0.0.1:8443/", "a host with a public address"),
        (PUBLIC, "https://localhost/", "a host with a public address"),
        (PUBLIC, "https://LOCALHOST./", "a host with a public address"),
        (PUBLIC, "https://[::ffff:10.0.0.1]/", "a host with a public address"),
        (PUBLIC, "https://[fe80::1%25eth0]/", "a host with a public address"),
        (DEVELOPMENT, "http://127.0.0.1:9/told", None),
        (DEVELOPMENT, "http://localhost:8000/", None),
        (DEVELOPMENT, "https://[::1]:8000/", None),
        (DEVELOPMENT, "http://example.com/", "an https URL"),
        (DEVELOPMENT, "http://10.0.0.1/", "an https URL"),
        (DEVELOPMENT, "https://10.0.0.1/", "a host with a public address"),
        (INTRANET, "https://10.0.0.1/", None),
        (INTRANET, "http://10.0.0.1/", "an https URL"),
        (INTRANET, "https://192.168.0.1/", "a host with a public address"),
    ],
)
def test_url_is_refused_for_what_can_be_seen_from_it(
    policy: TargetPolicy, url: str, expected: str | None
) -> None:
    """
    The words say what was expected, and nothing of the URL.
    """
    assert policy.problem_of_url(url) == expected


# What its name leads to.


@dataclass(slots=True)
class Inner(httpx.AsyncBaseTransport):
    """
    Remembers what it was to connect to; some addresses are dead.
    """

    dead: frozenset[str] = frozenset()
    asked: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """
        Answer, or fail to connect.
        """
        self.asked.append(request)
        if request.url.host in self.dead:
            raise httpx.ConnectTimeout("dead")
        return httpx.Response(204)


@dataclass(slots=True)
class Names:
    """
    A resolver whose answers are put in: one list for each question.
    """

    answers: list[Sequence[str] | OSError]
    questions: list[tuple[str, int]] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """
        Give the next answer.
        """
        self.questions.append((host, port))
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer


def _send(
    url: str, names: Names, inner: Inner, policy: TargetPolicy = PUBLIC
) -> httpx.Response:
    async def main() -> httpx.Response:
        transport = PinnedTransport(inner, policy, names)
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.post(url, content=b"a=1")

    return run(main())


@pytest.mark.parametrize("address", ["8.8.4.4", "2001:4860:4860::8844"])
def test_connection_is_made_to_the_address_that_was_checked(address: str) -> None:
    """
    The name is asked for once, and only in `Host` and in TLS it is still there.
    """
    names, inner = Names([[address]]), Inner()
    url = "https://user:word@receiver.example:8443/told?a=1"
    assert _send(url, names, inner).status_code == 204
    assert names.questions == [("receiver.example", 8443)]
    (request,) = inner.asked
    assert request.url.host == address
    assert request.url.port == 8443
    assert request.url.raw_path == b"/told?a=1"
    assert request.headers["Host"] == "receiver.example:8443"
    assert request.extensions["sni_hostname"] == "receiver.example"
    # Credentials of a URL are sent as Basic authentication, as Twilio does.
    assert request.headers["Authorization"] == "Basic dXNlcjp3b3Jk"


def test_name_that_changes_its_mind_gains_nothing() -> None:
    """
    DNS rebinding: a public answer first, a private one for whoever asks again.
    Each request asks once, and is refused when the answer is private.
    """
    names, inner = Names([["8.8.4.4"], ["10.0.0.1"]]), Inner()
    _send("https://receiver.example/", names, inner)
    assert [request.url.host for request in inner.asked] == ["8.8.4.4"]
    with pytest.raises(RefusedTarget):
        _send("https://receiver.example/", names, inner)
    assert len(inner.asked) == 1


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["8.8.8.8", "10.0.0.1"],
        ["169.254.169.254", "8.8.8.8"],
        ["8.8.8.8", "::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::a9fe:a9fe"],
        ["8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "127.0.0.1"],
        ["nonsense"],
    ],
)
def test_name_with_one_address_that_is_not_public_is_refused(
    addresses: list[str],
) -> None:
    """
    All addresses are looked at, not only those that would be tried.
    """
    inner = Inner()
    with pytest.raises(RefusedTarget):
        _send("https://receiver.example/", Names([addresses]), inner)
    assert inner.asked == []


def test_numbers_that_the_system_takes_for_addresses_are_addresses() -> None:
    """
    `2130706433` and `0x7f.1` are 127.0.0.1 to a resolver, and nothing is sent.
    """

    async def main() -> None:
        outbound = HttpOutbound()
        for host in ("2130706433", "0x7f.1", "127.1", "017700000001"):
            url = f"https://{host}:8443/"
            assert await outbound.post(url, {}, b"", 1.0) is Failure.NOT_CONNECTED
        await outbound.close()

    with capture_logs() as lines:
        run(main())
    refused = [line for line in lines if line["event"] == "target refused"]
    assert len(refused) == 4


def test_networks_that_are_allowed_are_taken() -> None:
    """
    A private network is taken if the operator says so, and no other one.
    """
    inner = Inner()
    _send("https://intranet.example/", Names([["10.9.9.9"]]), inner, INTRANET)
    assert inner.asked[0].url.host == "10.9.9.9"
    with pytest.raises(RefusedTarget):
        _send("https://intranet.example/", Names([["192.168.0.1"]]), inner, INTRANET)


def test_other_addresses_are_tried_when_one_is_dead() -> None:
    """
    No connection means that nothing was sent: the next one may be asked.
    """
    inner = Inner(dead=frozenset({"8.8.8.8", "1.1.1.1"}))
    addresses = ["8.8.8.8", "8.8.4.4", "1.1.1.1"]
    reply = _send("https://receiver.example/", Names([addresses]), inner)
    assert reply.status_code == 204
    assert [request.url.host for request in inner.asked] == ["8.8.8.8", "8.8.4.4"]
    # Together they take no longer than one would.
    for request in inner.asked:
        assert request.extensions["timeout"]["connect"] == pytest.approx(5 / 3)
    inner = Inner(dead=frozenset(addresses))
    with pytest.raises(httpx.ConnectTimeout):
        _send("https://receiver.example/", Names([addresses]), inner)
    assert len(inner.asked) == 3


def test_name_that_is_not_found_is_no_connection() -> None:
    """
    It provably means that nothing was sent.
    """
    nothings: list[Sequence[str] | OSError] = [OSError("no such name"), []]
    for nothing in nothings:
        with pytest.raises(httpx.ConnectError):
            _send("https://receiver.example/", Names([nothing]), Inner())


# With real sockets.


@asynccontextmanager
async def _tls_receiver() -> AsyncIterator[tuple[int, list[bytes]]]:
    """
    Answer 204 over TLS on a free port; what was asked is remembered.
    """
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer(204))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=serving())
    try:
        yield server.sockets[0].getsockname()[1], heads
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("receiver.example", (204, b"")),
        ("stranger.example", Failure.NOT_CONNECTED),
    ],
)
def test_certificate_is_checked_against_the_name(
    name: str, expected: tuple[int, bytes] | Failure
) -> None:
    """
    Connected to by address, the receiver must still prove the name of the URL.
    """

    async def main() -> None:
        async with _tls_receiver() as (port, heads):
            outbound = HttpOutbound(
                DEVELOPMENT, ca_file=CERT, resolver=Names([["127.0.0.1"]])
            )
            reply = await outbound.post(f"https://{name}:{port}/told", {}, b"", 5.0)
            await outbound.close()
            assert reply == expected
            assert [name.encode() in head for head in heads] == (
                [True] if isinstance(expected, tuple) else []
            )

    run(main(), loop_factory=asyncio.SelectorEventLoop)


@pytest.mark.e2e
def test_certificate_nobody_knows_is_no_connection() -> None:
    """
    Without the operator's own authority, only public ones are trusted.
    """

    async def main() -> None:
        async with _tls_receiver() as (port, heads):
            outbound = HttpOutbound(DEVELOPMENT, resolver=Names([["127.0.0.1"]]))
            url = f"https://receiver.example:{port}/"
            assert await outbound.post(url, {}, b"", 5.0) is Failure.NOT_CONNECTED
            await outbound.close()
            assert heads == []

    run(main(), loop_factory=asyncio.SelectorEventLoop)


@pytest.mark.e2e
def test_old_protocols_are_not_spoken() -> None:
    """
    A receiver that knows nothing newer than TLS 1.1 is told nothing.
    """
    old = make_old(serving())

    async def main() -> None:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=old)
        port = server.sockets[0].getsockname()[1]
        outbound = HttpOutbound(
            DEVELOPMENT, ca_file=CERT, resolver=Names([["127.0.0.1"]])
        )
        url = f"https://receiver.example:{port}/"
        assert await outbound.post(url, {}, b"", 5.0) is Failure.NOT_CONNECTED
        await outbound.close()
        server.close()
        await server.wait_closed()

    run(main(), loop_factory=asyncio.SelectorEventLoop)


@pytest.mark.e2e
def test_refused_target_is_told_without_its_url() -> None:
    """
    Path, query and credentials of a URL are somebody's secrets.
    """

    async def main() -> None:
        async with receiver() as state:
            outbound = HttpOutbound()
            url = state.url.replace("http:", "https:") + "?secret=1"
            assert await outbound.post(url, {}, b"", 1.0) is Failure.NOT_CONNECTED
            url = "https://u:secret@receiver.example/secret"
            named = HttpOutbound(resolver=Names([["10.0.0.1"]]))
            assert await named.post(url, {}, b"", 1.0) is Failure.NOT_CONNECTED
            await outbound.close()
            await named.close()
            assert state.posts == []

    with capture_logs() as lines:
        run(main())
    assert [line["event"] for line in lines] == ["target refused"] * 2
    assert "secret" not in str(lines)


@pytest.mark.e2e
def test_status_counts_however_long_the_answer_is() -> None:
    """
    Of a callback's answer so much is fetched and no more.
    """

    async def main() -> None:
        async with receiver() as state:
            outbound = HttpOutbound(DEVELOPMENT, reads_answers=False)
            for size in (5, 10_000_000):
                state.answers.append(answer(500, b"x" * size))
                assert await outbound.post(state.url, {}, b"", 5.0) == (500, b"")
            await outbound.close()

    run(main())


@pytest.mark.e2e
def test_answer_is_not_unpacked() -> None:
    """
    A short answer that unpacks into a long one stays short.
    """

    async def main() -> None:
        async with receiver() as state:
            state.answers.append(
                answer(200, b"\x1f\x8b bomb", **{"Content-Encoding": "gzip"})
            )
            outbound = HttpOutbound(DEVELOPMENT)
            reply = await outbound.post(state.url, {}, b"", 5.0)
            await outbound.close()
            assert reply == (200, b"\x1f\x8b bomb")
            assert state.posts[0].headers["accept-encoding"] == "identity"

    run(main())


@pytest.mark.e2e
def test_port_where_nobody_listens_is_no_connection() -> None:
    """
    All addresses of a name may be dead, for real, too.
    """

    async def main() -> None:
        names = Names([["127.0.0.1", "::1"]])
        outbound = HttpOutbound(DEVELOPMENT, resolver=names)
        url = f"https://receiver.example:{closed_port()}/"
        assert await outbound.post(url, {}, b"", 1.0) is Failure.NOT_CONNECTED
        await outbound.close()

    run(main())
