"""
Forms as they come in: of bounded size, in bounded time.
"""

import asyncio
from urllib.parse import parse_qsl

from fastapi import Request

from bridge.api.errors import BAD_REQUEST, ApiError


MAX_BODY_BYTES = 64 * 1024

BODY_TIMEOUT_S = 15.0
"""How long a form may take to arrive."""


async def read_form(request: Request) -> dict[str, str]:
    """
    Read a form.

    Raises:
        ApiError: it is too large, too slow, or none.
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
