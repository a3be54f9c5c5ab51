"""
Reading back: one payment, a call's payments, its live feed, tokens for that.
"""

from typing import Annotated

from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi.responses import JSONResponse, Response

from bridge.api import description
from bridge.api.errors import BAD_REQUEST, found
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
    signed_in = [Depends(sign_in.by_credentials)]

    @app.get(
        f"{CALL_PATH}/Payments.json",
        dependencies=signed_in,
        openapi_extra=description.LIST,
    )
    async def list_payments(
        account_sid: str,
        call_sid: str,
        request: Request,
    ) -> Response:
        page = parse_page(request.query_params)
        # One more than is shown tells whether there is a next page.
        some = await records.page(
            account_sid, call_sid, first=page.first, count=page.size + 1
        )
        shown = found(some, request.url.path)
        body = page_body(
            "payments",
            request.url.path,
            page,
            [record_body(record) for record in shown[: page.size]],
            has_more=len(shown) > page.size,
        )
        return JSONResponse(body)

    @app.get(
        f"{CALL_PATH}/Payments/{{sid}}.json",
        dependencies=signed_in,
        openapi_extra=description.FETCH,
    )
    async def fetch_payment(
        account_sid: str,
        call_sid: str,
        sid: str,
        request: Request,
    ) -> Response:
        record = await records.find(account_sid, call_sid, sid)
        return JSONResponse(record_body(found(record, request.url.path)))


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
        dependencies=[Depends(sign_in.by_credentials)],
        openapi_extra=description.FEED_TOKEN,
    )
    async def create_feed_token(
        account_sid: str,
        call_sid: str,
        request: Request,
    ) -> Response:
        form = await read_form(request)
        ttl_s = whole(form, "Ttl", DEFAULT_TTL_S, 1, MAX_TTL_S, code=BAD_REQUEST)
        made = records.make_token(account_sid, call_sid, ttl_s)
        token = found(made, request.url.path)
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
            await sign_in.by_credentials(account_sid, authorization)
        if last_event_id == OVER_ID:
            # It has been told everything. Browsers come back until they hear this.
            return Response(status_code=204)
        seen = parse_event_id(last_event_id)
        opened = await records.feed(account_sid, call_sid, seen=seen, left_s=left_s)
        return FeedResponse(found(opened, request.url.path))
