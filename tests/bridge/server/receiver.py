"""
A web server that is posted to: whoever wants to be told something.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class Posted:
    """
    One request.
    """

    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    form: Mapping[str, str]


@dataclass(slots=True)
class Receiver:
    """
    What was posted, and what is answered: 204 until told otherwise.
    """

    url: str = ""
    posts: list[Posted] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    """Whole answers for the next requests; an empty one is never sent."""

    @property
    def forms(self) -> list[Mapping[str, str]]:
        """
        The forms, in the order of their arrival.
        """
        return [post.form for post in self.posts]


@contextlib.asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """
    Listen for HTTP on a free port of the loopback; one request a connection.
    """
    state = Receiver()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value
                for name, _, value in (text.partition(": ") for text in head[1:])
                if name
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            form = dict(parse_qsl(body.decode(), keep_blank_values=True))
            state.posts.append(Posted(head[0].split(" ")[1], headers, form))
            reply = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
            if state.answers:
                reply = state.answers.pop(0)
            writer.write(reply)
            if not reply:
                await reader.read()  # until the other side gives up
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    state.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/told"
    try:
        yield state
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await server.wait_closed()


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """
    Give a whole HTTP answer.
    """
    lines = [f"HTTP/1.1 {status} Test", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += ["Connection: close", "", ""]
    return "\r\n".join(lines).encode() + body


def closed_port() -> int:
    """
    Find a port of the loopback where nobody listens.
    """
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        return int(plug.getsockname()[1])
