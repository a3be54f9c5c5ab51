"""
The routes.
"""

import asyncio
import base64
import binascii
from collections.abc import Collection
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from bridge.api import description
from bridge.api.errors import (
    AUTHENTICATE,
    BAD_REQUEST,
    INTERNAL,
    METHOD_NOT_ALLOWED,
    ApiError,
    not_found,
)
from bridge.api.guard import (
    AddressOf,
    Guard,
    Limits,
    NoLimits,
    TooManyError,
    client_address,
    error_response,
    set_requester,
)
from bridge.api.params import (
    idempotency_key,
    parse_start,
    parse_update,
    status_callback,
)
from bridge.api.port import Accounts, Payments
from bridge.api.views import API_VERSION, call_body, payment_body
from bridge.pay.settings import Reading


MAX_BODY_BYTES = 64 * 1024

BODY_TIMEOUT_S = 15.0
"""How long a form may take to arrive."""

_CALL = f"/{API_VERSION}/Accounts/{{account_sid}}/Calls/{{call_sid}}"


def create_app(
    payments: Payments,
    accounts: Accounts,
    *,
    limits: Limits | None = None,
    address_of: AddressOf = lambda peer, _forwarded: peer,
    readings: Collection[Reading] = (),
) -> FastAPI:
    """
    Make the API.

    Args:
        payments: carries the commands out.
        accounts: checks credentials.
        limits: how much anybody may ask for; by default there are none.
        address_of: tells whose a request is; see `bridge.api.guard`.
        readings: where the wire is to be read otherwise.
    """
    takes_both = Reading.AMOUNT_WITH_TOKEN_TYPE in readings
    limits = limits or NoLimits()
    app = FastAPI(title="dtmf-engine", version=API_VERSION, redoc_url=None)
    app.add_middleware(Guard, limits=limits, address_of=address_of)
    _add_error_handlers(app)

    def authenticate(account_sid: str, authorization: str) -> None:
        # Asked first: who has guessed too often is not told whether he is right.
        wait_s = limits.wait_for_sign_in(client_address())
        if wait_s:
            raise TooManyError(wait_s)
        username, password = _basic(authorization)
        if not accounts.is_authentic(account_sid, username, password):
            limits.count_failed_sign_in(client_address())
            raise ApiError(401, AUTHENTICATE, "Authenticate")
        wait_s = limits.take_account_request(account_sid)
        if wait_s:
            raise TooManyError(wait_s)
        set_requester(account_sid, username)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post(
        f"{_CALL}/Payments.json", status_code=201, openapi_extra=description.START
    )
    async def start(
        account_sid: str,
        call_sid: str,
        request: Request,
        authorization: Annotated[str, Header()] = "",
    ) -> Response:
        authenticate(account_sid, authorization)
        form = await _form(request)
        key = idempotency_key(form)
        wanted = parse_start(form, takes_amount_with_token_type=takes_both)
        view = await payments.start(account_sid, call_sid, key, wanted)
        return JSONResponse(payment_body(view), status_code=201)

    @app.post(
        f"{_CALL}/Payments/{{sid}}.json",
        status_code=202,
        openapi_extra=description.UPDATE,
    )
    async def update(
        account_sid: str,
        call_sid: str,
        sid: str,
        request: Request,
        authorization: Annotated[str, Header()] = "",
    ) -> Response:
        authenticate(account_sid, authorization)
        form = await _form(request)
        key, target = idempotency_key(form), status_callback(form)
        command = parse_update(form)
        view = await payments.update(account_sid, call_sid, sid, key, command, target)
        return JSONResponse(payment_body(view), status_code=202)

    @app.get(f"{_CALL}.json", openapi_extra=description.FETCH_CALL)
    async def call(
        account_sid: str,
        call_sid: str,
        request: Request,
        authorization: Annotated[str, Header()] = "",
    ) -> Response:
        authenticate(account_sid, authorization)
        view = payments.call(account_sid, call_sid)
        if view is None:
            raise not_found(request.url.path)
        return JSONResponse(call_body(view))

    return app


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    async def api_error(_request: Request, error: ApiError) -> Response:
        return error_response(error)

    @app.exception_handler(RequestValidationError)
    async def wrong_type(_request: Request, _error: Exception) -> Response:
        # The framework's own answer quotes what was sent.
        return error_response(ApiError(400, BAD_REQUEST, "Bad request"))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        if error.status_code != 405:
            return error_response(not_found(request.url.path))
        answer = error_response(ApiError(405, METHOD_NOT_ALLOWED, "Method not allowed"))
        # RFC 9110 section 15.5.6: it says which methods there are.
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def bug(_request: Request, _error: Exception) -> Response:
        return error_response(ApiError(500, INTERNAL, "Internal Server Error"))


def _basic(authorization: str) -> tuple[str, str]:
    """
    Read the Basic scheme (RFC 7617); anything else gives two empty strings.
    """
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    username, _, password = text.partition(":")
    return username, password


async def _form(request: Request) -> dict[str, str]:
    """
    Read a form of bounded size.
    """
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await _body(request)
    except TimeoutError:
        text = f"body: expected within {BODY_TIMEOUT_S:.0f} seconds"
        raise ApiError(408, BAD_REQUEST, text) from None
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=100,
        )
    except ValueError:
        raise ApiError(
            400, BAD_REQUEST, "body: expected application/x-www-form-urlencoded"
        ) from None
    return dict(pairs)


async def _body(request: Request) -> bytearray:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise ApiError(
                413, BAD_REQUEST, f"body: expected at most {MAX_BODY_BYTES} bytes"
            )
    return body
