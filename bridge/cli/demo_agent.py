"""
The demo's agent software: drives the REST API and listens to callbacks.

It is what a contact centre would write: a form-encoded POST for each step, a
small web server for the callbacks, and a screen that follows them.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.signature import HEADER, is_signed


PATH = "/callbacks"

_SHOWN = {
    "payment-card-number": "PaymentCardNumber",
    "expiration-date": "ExpirationDate",
    "security-code": "SecurityCode",
    "postal-code": "PaymentCardPostalCode",
}


@dataclass(slots=True)
class Screen:
    """
    What the agent sees.
    """

    values: dict[str, str] = field(default_factory=dict)
    card_type: str = ""
    capturing: str = ""
    required: str | None = None
    error: str = ""
    result: str = ""
    confirmation: str = ""

    def follow(self, form: Mapping[str, str]) -> None:
        """
        Take one callback.
        """
        for name, parameter in _SHOWN.items():
            if parameter in form:
                self.values[name] = form[parameter]
        self.card_type = form.get("PaymentCardType", self.card_type)
        self.required = form.get("Required", self.required)
        self.error = form.get("ErrorType", "")
        if "Capture" in form:
            self.capturing = form["Capture"]
        if "Result" in form:
            self.capturing = ""
            self.result = form["Result"]
            self.confirmation = form.get("PaymentConfirmationCode", "")

    def is_captured(self, name: str) -> bool:
        """
        Whether a field is done: the wire says so by what is still required.
        """
        return self.required is not None and name not in self.required.split(",")


@dataclass(slots=True)
class Receiver:
    """
    The web server for callbacks.
    """

    auth_token: str = field(repr=False)
    log: Path
    screen: Screen = field(default_factory=Screen)
    arrivals: list[tuple[float, dict[str, str]]] = field(default_factory=list)
    """Loop time and form of each callback."""
    n_unsigned: int = 0
    url: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """
        Serve on a free port of the loopback.
        """
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}"
        app = Starlette(routes=[Route(PATH, self._receive, methods=["POST"])])
        config = uvicorn.Config(app, lifespan="off", log_config=None)
        server = _Quiet(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield
        finally:
            server.should_exit = True
            await task

    async def _receive(self, request: Request) -> Response:
        body = (await request.body()).decode()
        form = dict(parse_qsl(body, keep_blank_values=True))
        signature = request.headers.get(HEADER, "")
        if not is_signed(signature, self.auth_token, self.url, form):
            self.n_unsigned += 1
            return Response(status_code=403)
        self.arrivals.append((asyncio.get_running_loop().time(), form))
        with self.log.open("a") as file:
            file.write(json.dumps(form) + "\n")
        self.screen.follow(form)
        self.changed.set()
        return Response(status_code=204)

    async def wait_for(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """
        Wait until callbacks have made something true.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not condition():
                    self.changed.clear()
                    await self.changed.wait()
        return condition()


class _Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@dataclass(slots=True)
class Agent:
    """
    The agent's hand: one method a command of the API.
    """

    api_url: str
    account_sid: str
    auth_token: str = field(repr=False)
    call_sid: str
    callback_url: str
    payment_sid: str = ""
    answers_ms: list[float] = field(default_factory=list)
    """How long each command took to be answered."""

    async def start(self, amount: str) -> None:
        """
        Start a payment.

        Raises:
            httpx.HTTPStatusError: the bridge refused.
        """
        answer = await self._post("", {"ChargeAmount": amount, "Currency": "USD"})
        self.payment_sid = answer["sid"]

    async def capture(self, name: str) -> None:
        """
        Ask for a field.

        Raises:
            httpx.HTTPStatusError: the bridge refused.
        """
        await self._post(f"/{self.payment_sid}", {"Capture": name})

    async def complete(self) -> None:
        """
        Have the payment made.

        Raises:
            httpx.HTTPStatusError: the bridge refused.
        """
        await self._post(f"/{self.payment_sid}", {"Status": "complete"})

    async def _post(self, path: str, form: dict[str, str]) -> dict[str, str]:
        number = len(self.answers_ms) + 1
        form |= {
            "IdempotencyKey": f"demo-{number}",
            "StatusCallback": self.callback_url,
        }
        url = (
            f"{self.api_url}/2010-04-01/Accounts/{self.account_sid}"
            f"/Calls/{self.call_sid}/Payments{path}.json"
        )
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with httpx.AsyncClient(trust_env=False) as client:
            login = (self.account_sid, self.auth_token)
            answer = await client.post(url, data=form, auth=login)
        self.answers_ms.append((loop.time() - began) * 1000)
        answer.raise_for_status()
        return dict(answer.json())
