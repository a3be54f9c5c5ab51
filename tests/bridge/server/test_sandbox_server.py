"""
The sandbox gateway behind a port.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import httpx
import msgspec

from bridge.connectors.sandbox_gateway import SandboxGateway
from bridge.server.sandbox_server import MAX_BODY_BYTES, create_app
from tests.support.media import run, wait_until
from tests.support.pay import VISA
from tests.support.processes import run_cli


Answer = TypeVar("Answer")

LOGIN = ("sandbox", "sandbox")


def _body(**changes: object) -> bytes:
    request: dict[str, object] = {
        "method": "charge",
        "transaction_id": "a1",
        "cardnumber": VISA,
        "amount": "9.99",
    }
    return msgspec.json.encode(request | changes)


Script = Callable[[httpx.AsyncClient, SandboxGateway], Coroutine[Any, Any, Answer]]


def _with(script: Script[Answer]) -> Answer:
    async def main() -> Answer:
        gateway = SandboxGateway(*LOGIN, new_id=lambda: "id1")
        transport = httpx.ASGITransport(create_app(gateway))
        base = "http://gateway.example"
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            return await script(client, gateway)

    return run(main())


def test_server_answers_as_the_gateway_does() -> None:
    """
    A charge, the same charge again, a question, and what is remembered of it all.
    """

    async def script(
        client: httpx.AsyncClient, gateway: SandboxGateway
    ) -> list[tuple[int, Any]]:
        del gateway
        lookup = msgspec.json.encode({"method": "lookup", "transaction_id": "a1"})
        replies = [
            await client.post("/", content=content, auth=LOGIN)
            for content in (lookup, _body(), _body(), lookup)
        ]
        replies.append(await client.get("/transactions"))
        return [(reply.status_code, reply.json()) for reply in replies]

    charged = {"charge_id": "ch_id1", "error_code": None, "error_message": None}
    assert _with(script) == [
        (404, {"error_code": "transaction_not_found"}),
        (200, charged),
        (200, charged),
        (200, charged),
        (
            200,
            [
                {
                    "transaction_id": "a1",
                    "method": "charge",
                    "amount": "9.99",
                    "n_requests": 2,
                    "answer": msgspec.json.encode(charged).decode(),
                }
            ],
        ),
    ]


def test_server_refuses_strangers_and_what_is_too_long() -> None:
    """
    Neither charges anything.
    """

    async def script(
        client: httpx.AsyncClient, gateway: SandboxGateway
    ) -> list[object]:
        del gateway
        return [
            (await client.post("/", content=_body())).status_code,
            (await client.post("/", content=b"x" * (MAX_BODY_BYTES + 1))).status_code,
            (await client.get("/transactions")).json(),
        ]

    assert _with(script) == [401, 413, []]


def test_server_charges_before_it_falls_silent() -> None:
    """
    A connection is held on which nothing ever comes.
    """

    async def script(client: httpx.AsyncClient, gateway: SandboxGateway) -> object:
        content = _body(amount="9.52")
        asked = asyncio.create_task(client.post("/", content=content, auth=LOGIN))
        await wait_until(lambda: gateway.transactions)
        assert not asked.done()
        asked.cancel()
        await asyncio.wait([asked])
        return (await client.get("/transactions")).json()[0]["amount"]

    assert _with(script) == "9.52"


def test_sandbox_command_says_what_port_it_expects() -> None:
    """
    A port is a number.
    """
    done = run_cli("sandbox", "--port", "70000")
    assert done.returncode == 2
    assert "70000 is not in the range" in done.stderr
