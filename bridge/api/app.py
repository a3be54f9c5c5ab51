"""
The routes.
"""

from collections.abc import Collection

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from bridge.api import description
from bridge.api.errors import (
    BAD_REQUEST,
    INTERNAL,
    METHOD_NOT_ALLOWED,
    ApiError,
    found,
    not_found,
)
from bridge.api.forms import read_form
from bridge.api.guard import AddressOf, Guard, Limits, NoLimits, error_response
from bridge.api.origins import FeedOrigins
from bridge.api.params import (
    idempotency_key,
    parse_start,
    parse_update,
    status_callback,
)
from bridge.api.port import Accounts, Payments, Records
from bridge.api.read_back import CALL_PATH, add_feed, add_payments
from bridge.api.sign_in import SignIn
from bridge.api.views import API_VERSION, call_body, payment_body
from bridge.pay.settings import Reading


def create_app(
    payments: Payments,
    accounts: Accounts,
    records: Records,
    *,
    limits: Limits | None = None,
    address_of: AddressOf = lambda peer, _forwarded: peer,
    readings: Collection[Reading] = (),
    feed_origins: Collection[str] = (),
) -> FastAPI:
    """
    Make the API.

    Args:
        payments: carries the commands out.
        accounts: checks credentials.
        records: reads back.
        limits: how much anybody may ask for; by default there are none.
        address_of: tells whose a request is; see `bridge.api.guard`.
        readings: where the wire is to be read otherwise.
        feed_origins: of web pages that may read feeds from elsewhere.
    """
    takes_both = Reading.AMOUNT_WITH_TOKEN_TYPE in readings
    limits = limits or NoLimits()
    app = FastAPI(title="dtmf-engine", version=API_VERSION, redoc_url=None)
    app.add_middleware(Guard, limits=limits, address_of=address_of)
    app.add_middleware(FeedOrigins, origins=feed_origins)
    _add_error_handlers(app)
    sign_in = SignIn(accounts, limits)
    signed_in = [Depends(sign_in.by_credentials)]

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post(
        f"{CALL_PATH}/Payments.json",
        status_code=201,
        dependencies=signed_in,
        openapi_extra=description.START,
    )
    async def start(
        account_sid: str,
        call_sid: str,
        request: Request,
    ) -> Response:
        form = await read_form(request)
        key = idempotency_key(form)
        wanted = parse_start(form, takes_amount_with_token_type=takes_both)
        view = await payments.start(account_sid, call_sid, key, wanted)
        return JSONResponse(payment_body(view), status_code=201)

    @app.post(
        f"{CALL_PATH}/Payments/{{sid}}.json",
        status_code=202,
        dependencies=signed_in,
        openapi_extra=description.UPDATE,
    )
    async def update(
        account_sid: str,
        call_sid: str,
        sid: str,
        request: Request,
    ) -> Response:
        form = await read_form(request)
        key, target = idempotency_key(form), status_callback(form)
        command = parse_update(form)
        view = await payments.update(account_sid, call_sid, sid, key, command, target)
        return JSONResponse(payment_body(view), status_code=202)

    @app.get(
        f"{CALL_PATH}.json",
        dependencies=signed_in,
        openapi_extra=description.FETCH_CALL,
    )
    async def call(
        account_sid: str,
        call_sid: str,
        request: Request,
    ) -> Response:
        view = found(payments.call(account_sid, call_sid), request.url.path)
        return JSONResponse(call_body(view))

    add_payments(app, records, sign_in)
    add_feed(app, records, sign_in)
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
        answer.headers["Allow"] = ", ".join(_methods(app, request))
        return answer

    @app.exception_handler(Exception)
    async def bug(_request: Request, _error: Exception) -> Response:
        return error_response(ApiError(500, INTERNAL, "Internal Server Error"))


def _methods(app: FastAPI, request: Request) -> list[str]:
    """
    Give the methods that there are at a request's path.
    """
    return sorted(
        method
        for route in app.routes
        if isinstance(route, Route)
        and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    )
