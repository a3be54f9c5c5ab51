"""
The guard in front of all routes: whose a request is, how many, how long.

It is plain ASGI, so that what it sets holds for the route that follows.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from math import ceil
from typing import Protocol

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.api.errors import (
    AUTHENTICATE,
    BAD_REQUEST,
    TOO_MANY_REQUESTS,
    ApiError,
)


MAX_URL_BYTES = 2048
"""Path and query; the longest of ours has 150."""

NO_STORE = {"Cache-Control": "no-store"}

AddressOf = Callable[[str, str], str]
"""Gives a client's address from the connection's and `X-Forwarded-For`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """
    Who sent a request, once that is known.
    """

    account_sid: str
    key_sid: str
    """The account's own sid, or that of the API key that was used."""
    address: str


_address: ContextVar[str] = ContextVar("address", default="unknown")
_requester: ContextVar[Requester | None] = ContextVar("requester", default=None)


def client_address() -> str:
    """
    Give the address that the current request came from.
    """
    return _address.get()


def requester() -> Requester | None:
    """
    Give who sent the current request; `None` before he has proven it.

    Timers that a request starts inherit its context: only what is done while a
    command is carried out may ask.
    """
    return _requester.get()


def set_requester(account_sid: str, key_sid: str) -> None:
    """
    Remember who proved to be the sender of the current request.
    """
    _requester.set(
        Requester(account_sid=account_sid, key_sid=key_sid, address=client_address())
    )


class Limits(Protocol):
    """
    How much anybody may ask for. Waits are in seconds, 0 is none.
    """

    def take_request(self, address: str) -> float:
        """
        Count a request of an address, or tell how long it must wait.
        """

    def take_account_request(self, account_sid: str) -> float:
        """
        Count a request of an account, or tell how long it must wait.
        """

    def wait_for_sign_in(self, address: str) -> float:
        """
        Tell how long an address must wait before it may try credentials.
        """

    def count_failed_sign_in(self, address: str) -> None:
        """
        Count credentials that were wrong.
        """


class NoLimits:
    """
    Everything may be asked for.
    """

    def take_request(self, _address: str) -> float:
        """
        Count nothing.
        """
        return 0.0

    def take_account_request(self, _account_sid: str) -> float:
        """
        Count nothing.
        """
        return 0.0

    def wait_for_sign_in(self, _address: str) -> float:
        """
        Never wait.
        """
        return 0.0

    def count_failed_sign_in(self, _address: str) -> None:
        """
        Count nothing.
        """


class TooManyError(ApiError):
    """
    The sender is asked to wait.

    Args:
        wait_s: how long, in seconds.
    """

    def __init__(self, wait_s: float) -> None:
        super().__init__(429, TOO_MANY_REQUESTS, "Too Many Requests")
        self.retry_after_s = max(1, ceil(wait_s))


def error_response(error: ApiError) -> JSONResponse:
    """
    Give the HTTP answer that tells an error.
    """
    headers = dict(NO_STORE)
    if error.status == 401:
        # A browser that is told of Basic asks its user for a password.
        headers["WWW-Authenticate"] = (
            'Basic realm="Twilio API"'
            if error.code == AUTHENTICATE
            else 'Bearer error="invalid_token"'
        )
    if isinstance(error, TooManyError):
        headers["Retry-After"] = str(error.retry_after_s)
    return JSONResponse(error.body(), status_code=error.status, headers=headers)


class Guard:
    """
    Middleware around the whole API.

    Args:
        app: what is inside.
        limits: how much an address may ask for.
        address_of: tells whose a request is.
    """

    def __init__(self, app: ASGIApp, limits: Limits, address_of: AddressOf) -> None:
        self._app = app
        self._limits = limits
        self._address_of = address_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Take one request.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        address = self._address(scope)
        _address.set(address)
        _requester.set(None)
        error = self._objection(scope, address)
        if error is not None:
            await error_response(error)(scope, receive, send)
            return

        async def send_unstored(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", NO_STORE["Cache-Control"])
            await send(message)

        await self._app(scope, receive, send_unstored)

    def _address(self, scope: Scope) -> str:
        client = scope.get("client")
        forwarded = Headers(scope=scope).getlist("x-forwarded-for")
        return self._address_of(client[0] if client else "", ",".join(forwarded))

    def _objection(self, scope: Scope, address: str) -> ApiError | None:
        wait_s = self._limits.take_request(address)
        if wait_s:
            return TooManyError(wait_s)
        path = scope.get("raw_path") or scope["path"].encode()
        if len(path) + len(scope["query_string"]) > MAX_URL_BYTES:
            text = f"URL: expected at most {MAX_URL_BYTES} bytes of path and query"
            return ApiError(414, BAD_REQUEST, text)
        return None
