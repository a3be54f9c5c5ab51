"""
The routes.
"""

import base64
import binascii
from collections.abc import Collection
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import FastAPI, Header, Request
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

_CALL = f"/{API_VERSION}/Accounts/{{account_sid}}/Calls/{{call_sid}}"


def create_app(
    payments: Payments, accounts: Accounts, *, readings: Collection[Reading] = ()
) -> FastAPI:
    """
    Make the API.

    Args:
        payments: carries the commands out.
        accounts: checks credentials.
        readings: where the wire is to be read otherwise.
    """
    takes_both = Reading.AMOUNT_WITH_TOKEN_TYPE in readings
    app = FastAPI(title="dtmf-engine", version=API_VERSION, redoc_url=None)
    _add_error_handlers(app)

    def authenticate(account_sid: str, authorization: str) -> None:
        username, password = _basic(authorization)
        if not accounts.is_authentic(account_sid, username, password):
            raise ApiError(401, AUTHENTICATE, "Authenticate")

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
        return _answer(error)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        if error.status_code != 405:
            return _answer(not_found(request.url.path))
        answer = _answer(ApiError(405, METHOD_NOT_ALLOWED, "Method not allowed"))
        # RFC 9110 section 15.5.6: it says which methods there are.
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def bug(_request: Request, _error: Exception) -> Response:
        return _answer(ApiError(500, INTERNAL, "Internal Server Error"))


def _answer(error: ApiError) -> Response:
    headers = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
    return JSONResponse(error.body(), status_code=error.status, headers=headers)


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
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise ApiError(
                413, BAD_REQUEST, f"body: expected at most {MAX_BODY_BYTES} bytes"
            )
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
