"""
The sandbox gateway behind a port of the loopback.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Header, Request
from fastapi.responses import JSONResponse, Response

from bridge.connectors.sandbox import SandboxConnector
from bridge.connectors.sandbox_gateway import SandboxGateway
from bridge.server.ids import new_id


SILENCE_S = 60.0
"""How long a connection is held whose answer never comes."""

MAX_BODY_BYTES = 64 * 1024


def make_gateway() -> SandboxGateway:
    """
    Make a gateway that the sandbox connector may use.
    """
    login = SandboxConnector()
    return SandboxGateway(login.username, login.password, new_id=lambda: new_id("", 8))


class SandboxServer:
    """
    A gateway with a memory of its own.

    Args:
        port: to listen on; 0 takes a free one.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.gateway = make_gateway()

    async def run(self, ready: Callable[[int], None]) -> None:
        """
        Serve until a signal.

        Args:
            ready: is given the port once it is open.
        """
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        config = uvicorn.Config(
            create_app(self.gateway),
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        listener.listen(128)
        ready(int(listener.getsockname()[1]))
        await uvicorn.Server(config).serve(sockets=[listener])


def create_app(gateway: SandboxGateway) -> FastAPI:
    """
    Make the gateway's HTTP side.
    """
    app = FastAPI(title="sandbox gateway", openapi_url=None)

    @app.post("/")
    async def pay(
        request: Request, authorization: Annotated[str, Header()] = ""
    ) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return Response(status_code=413)
        answer = gateway.receive_request(authorization, bytes(body))
        if not answer.status:
            await asyncio.sleep(SILENCE_S)
            return Response(status_code=504)
        return Response(answer.body, answer.status, media_type="application/json")

    @app.get("/transactions")
    async def transactions() -> Response:
        return JSONResponse(
            [
                {
                    "transaction_id": name,
                    "method": known.method,
                    "amount": known.amount,
                    "n_requests": known.n_requests,
                    "answer": known.answer.body.decode(),
                }
                for name, known in gateway.transactions.items()
            ]
        )

    return app
