"""
Reading back: one payment, a call's payments, its live feed, tokens for that.
"""

from typing import Annotated

from fastapi import FastAPI, Header, Query, Request
from fastapi.responses import JSONResponse, Response

from bridge.api import description
from bridge.api.errors import BAD_REQUEST, not_found
from bridge.api.feed import OVER_ID, FeedResponse, parse_event_id
from bridge.api.feed_token import DEFAULT_TTL_S, MAX_TTL_S
from bridge.api.forms import read_form
from bridge.api.paging import page_body, parse_page
from bridge.api.params import whole
from bridge.api.port import Records
from bridge.api.sign_in import SignIn
from bridge.api.views import API_VERSION, feed_token_body, record_body


CALL_PATH = f"/{API_VERSION}/Accounts/{{account_sid}}/Calls/{{call_sid}}"

FEED_ENDING = "/Payments/Feed"
"""Of a feed's path."""


def add_payments(app: FastAPI, records: Records, sign_in: SignIn) -> None:
    """
    Add the routes that give payments.

    Args:
        app: to add them to.
        records: reads back.
        sign_in: lets in.
    """

    @app.get(f"{CALL_PATH}/Payments.json", openapi_extra=description.LIST)
    async def list_payments(
        account_sid: str,
        call_sid: str,
        request: Request,
        authorization: Annotated[str, Header()] = "",
    ) -> Response:
        sign_in.by_credentials(account_sid, authorization)
        page = parse_page(request.query_params)
        # One more than is shown tells whether there is a next page.
        found = await records.page(
            account_sid, call_sid, first=page.first, count=page.size + 1
        )
        if found is None:
            raise not_found(request.url.path)
        body = page_body(
            "payments",
            request.url.path,
            page,
            [record_body(record) for record in found[: page.size]],
            has_more=len(found) > page.size,
        )
        return JSONResponse(body)

    @app.get(f"{CALL_PATH}/Payments/{{sid}}.json", openapi_extra=description.FETCH)
    async def fetch_payment(
        account_sid: str,
        call_sid: str,
        sid: str,
        request: Request,
        authorization: Annotated[str, Header()] = "",
    ) -> Response:
        sign_in.by_credentials(account_sid, authorization)
        record = await records.find(account_sid, call_sid, sid)
        if record is None:
            raise not_found(request.url.path)
        return JSONResponse(record_body(record))


def add_feed(app: FastAPI, records: Records, sign_in: SignIn) -> None:
    """
    Add the routes of feeds.

    Args:
        app: to add them to.
        records: reads back.
        sign_in: lets in.
    """

    @app.post(
        f"{CALL_PATH}/FeedTokens.json",
        status_code=201,
        openapi_extra=description.FEED_TOKEN,
    )
    async def create_feed_token(
        account_sid: str,
        call_sid: str,
        request: Request,
        authorization: Annotated[str, Header()] = "",
    ) -> Response:
        sign_in.by_credentials(account_sid, authorization)
        form = await read_form(request)
        ttl_s = whole(form, "Ttl", DEFAULT_TTL_S, 1, MAX_TTL_S, code=BAD_REQUEST)
        token = records.make_token(account_sid, call_sid, ttl_s)
        if token is None:
            raise not_found(request.url.path)
        body = feed_token_body(account_sid, call_sid, token.text, token.expires_at)
        return JSONResponse(body, status_code=201)

    @app.get(
        f"{CALL_PATH}{FEED_ENDING}",
        status_code=200,
        response_class=FeedResponse,
        openapi_extra=description.FEED,
    )
    async def feed(
        account_sid: str,
        call_sid: str,
        request: Request,
        token: Annotated[str, Query()] = "",
        authorization: Annotated[str, Header()] = "",
        last_event_id: Annotated[str, Header()] = "",
    ) -> Response:
        left_s = None
        if token:
            left_s = sign_in.by_token(
                account_sid, lambda: records.token_left_s(account_sid, call_sid, token)
            )
        else:
            sign_in.by_credentials(account_sid, authorization)
        if last_event_id == OVER_ID:
            # It has been told everything. Browsers come back until they hear this.
            return Response(status_code=204)
        seen = parse_event_id(last_event_id)
        found = await records.feed(account_sid, call_sid, seen=seen, left_s=left_s)
        if found is None:
            raise not_found(request.url.path)
        return FeedResponse(found)
