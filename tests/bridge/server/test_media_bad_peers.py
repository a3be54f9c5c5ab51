"""
The media server, over real sockets: what a peer that talks nonsense can do.
"""

import asyncio
import json
import logging

import pytest
from structlog.testing import capture_logs

from bridge.stream.events import Role
from tests.bridge.server.calls import (
    bystander,
    complaints,
    n_legs,
    two_legs,
)
from tests.support import media as wire
from tests.support.media import (
    QUIET,
    house,
    noise,
    run,
    stream,
    wait_until,
)


pytestmark = pytest.mark.e2e


OPENING = (wire.connected(), wire.start())
_JUST_TOO_LONG = wire.media(b"\xff" * 16_001)
_DEEP = '{"event":"x","any":' + "[" * 30_000 + "]" * 30_000 + "}"
_MANY_DIGITS = wire.media(b"\xff" * 160).replace(
    '"chunk": "1"', '"chunk": "' + "9" * 5000 + '"'
)


@pytest.mark.parametrize(
    ("messages", "reasons"),
    [
        (["hello"], ["message is not JSON"]),
        ([b"\x00\x01"], ["binary message, expected text"]),
        (
            ['{"event":"media","media":{"payload":"a!"}}'],
            [
                (
                    "message not understood: Invalid base64 encoded string - at "
                    "`$.media.payload`"
                )
            ],
        ),
        ([wire.start()], ["start message out of order"]),
        ([_JUST_TOO_LONG], ["media.payload: expected at most 2 s of audio"]),
        ([wire.dtmf("55")], ["dtmf.digit: expected one digit"]),
        # Three lines a stream, whatever it sends.
        (["hello"] * 40, ["message is not JSON"] * 3),
        # No fault, and no line.
        (['{"event":"novelty","novelty":{"a":[1]}}'], []),
        ([json.dumps({"event": "\N{GRINNING FACE}" * 32})], []),
    ],
)
def test_stream_goes_on_after_a_wrong_message(
    messages: list[str | bytes], reasons: list[str]
) -> None:
    """
    What says nothing is left out with a line in the log; its own call goes on, and
    the others notice nothing.
    """

    async def main() -> None:
        async with house() as home, bystander(home) as other:
            async with two_legs(home) as (caller, agent):
                await caller.send(*messages)
                await agent.send(*messages)
                said = noise(1599)
                await caller.say(said, frame=159)
                assert await agent.hear(1599) == (QUIET * 160 + said)[:1599]
                await agent.say(said)
                assert await caller.hear(1599) == said
                await other.talk()
            ignored = home.count("dtmf_messages_ignored_total")
            assert ignored == (2 * len(messages) if reasons else 0)

    with capture_logs() as lines:
        run(main())
    assert complaints(lines) == [
        {"event": "message ignored", "reason": reason, "log_level": "warning"}
        for reason in reasons * 2
    ]


@pytest.mark.parametrize(
    ("messages", "code", "reason"),
    [
        (["hello"], 1008, "message is not JSON"),
        ([b"\x00"], 1008, "binary message, expected text"),
        ([wire.media(b"\xff" * 160)], 1008, "'media' out of order"),
        ([wire.stop()], 1000, "stopped before it started"),
        (
            [wire.connected(), '{"event":"start"}'],
            1008,
            "start.callSid: expected a call sid",
        ),
        (
            [wire.connected(), wire.start(leg="listener")],
            1008,
            "leg: expected caller or agent",
        ),
        (
            [wire.connected(), wire.start(leg="agent")],
            1008,
            "call: expected the name of a call, at most 128 characters",
        ),
        ([*OPENING, *["hello"] * 51], 1008, "message is not JSON"),
    ],
)
def test_stream_is_closed_where_it_cannot_go_on(
    messages: list[str | bytes], code: int, reason: str
) -> None:
    """
    Before the start any disorder is the end, and after it too many are: one line
    in the log, and the others notice nothing.
    """

    async def main() -> None:
        async with house() as home, bystander(home) as other:
            async with stream(home.port) as peer:
                await peer.send(*messages)
                assert await peer.closed() == (code, reason)
            await other.talk()
            await wait_until(lambda: home.switchboard.n_calls == 1)

    with capture_logs() as lines:
        run(main())
    closed = [c for c in complaints(lines) if c["event"] != "message ignored"]
    assert closed == [
        {"event": "stream closed", "code": code, "reason": reason}
        | {"log_level": "warning"}
    ]


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param(
            [json.dumps({"event": "\N{GRINNING FACE}" * 32})], id="a long event"
        ),
        pytest.param([_DEEP], id="a deep field before the start"),
        pytest.param([*OPENING, _DEEP], id="a deep field"),
        pytest.param([*OPENING, _MANY_DIGITS], id="a long number"),
    ],
)
def test_stream_that_is_made_up_to_break_the_server_does_not(
    messages: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """
    Whatever a peer thinks of, it is closed or ignored with a line in the log, and
    no connection's handler fails.
    """

    async def main() -> None:
        async with house() as home, bystander(home) as other:
            async with stream(home.port) as peer:
                await peer.send(*messages, *["hello"] * 51)
                code, _ = await peer.closed()
                assert code == 1008
            await other.talk()

    with capture_logs() as lines:
        run(main())
    assert "stream closed" in [line["event"] for line in complaints(lines)]
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("who", Role)
def test_stream_of_an_odd_name_is_a_stream(
    who: Role, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Whatever one leg's provider calls its stream, both legs are heard.
    """

    async def main() -> None:
        said = noise(480)
        async with (
            house() as home,
            stream(home.port) as caller,
            stream(home.port) as agent,
        ):
            for role, peer in ((Role.CALLER, caller), (Role.AGENT, agent)):
                text = wire.start(call="c1", leg=str(role))
                if role is who:
                    text = text.replace("MZ01", "MZü")
                await peer.send(wire.connected(), text)
            await wait_until(lambda: n_legs(home) == 2)
            await caller.say(said)
            await agent.say(said)
            assert await caller.hear(480) == said
            assert await agent.hear(480) == QUIET * 160 + said[:320]

    with capture_logs() as lines:
        run(main())
    assert [line for line in lines if line["log_level"] == "error"] == []
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []


def test_message_of_ten_megabytes_is_too_big() -> None:
    """
    Nobody keeps ten megabytes for a peer: its stream is closed with 1009, with one
    line in the log.
    """

    async def main() -> None:
        async with house() as home, bystander(home) as other:
            async with two_legs(home) as (caller, agent):
                await caller.send("x" * 10_000_000)
                code, _ = await caller.closed()
                assert code == 1009
                assert await agent.closed() == (1000, "the caller has left")
            await other.talk()

    with capture_logs() as lines:
        run(main())
    (broken,) = [line for line in lines if line["event"] == "stream broken"]
    assert broken["reason"].startswith("sent 1009 (message too big)")


@pytest.mark.parametrize(
    "messages", [["hello"], [*OPENING, *["hello"] * 51], [*OPENING, wire.stop()]]
)
def test_stream_that_was_closed_is_not_said_to_have_broken(
    messages: list[str],
) -> None:
    """
    The end of a stream is told once: what the bridge closed did not break.
    """

    async def main() -> None:
        async with house() as home, stream(home.port) as peer:
            await peer.send(*messages)
            await peer.closed()

    with capture_logs() as lines:
        run(main())
    assert [line for line in lines if line["event"] == "stream broken"] == []


@pytest.mark.parametrize(
    "octets",
    [
        b"GET /media/twilio HTTP/1.1\r\nHost: h\r\n\r\n",
        b"POST /media/twilio HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
        b"GET /" + b"a" * 100_000,
        b"",
    ],
)
def test_connection_that_is_no_stream_harms_nobody(octets: bytes) -> None:
    """
    Browsers, port scanners and TLS on the wrong port are turned away.
    """

    async def main() -> None:
        async with house() as home, bystander(home) as other:
            reader, writer = await asyncio.open_connection("127.0.0.1", home.port)
            writer.write(octets)
            writer.write_eof()
            reply = await reader.read()
            assert b" 101 " not in reply
            writer.close()
            await other.talk()

    run(main())
