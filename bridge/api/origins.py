"""
Origins: which web pages, served from elsewhere, may read a feed.

A browser lets a page read another origin's answer only if the answer says so
(Fetch standard, section 3.2). Feeds alone say so: a page has no credentials for
anything else.
"""

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.api.read_back import FEED_ENDING


class FeedOrigins:
    """
    Middleware that lets pages of these origins read feeds, and why they get none.

    Args:
        app: what is inside.
        origins: as browsers send them, `https://host[:port]`.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Take one request.
        """
        is_feed = scope["type"] == "http" and scope["path"].endswith(FEED_ENDING)
        if not self._origins or not is_feed:
            await self._app(scope, receive, send)
            return
        origin = Headers(scope=scope).get("origin", "")

        async def send_allowed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.append("Vary", "Origin")
                if origin in self._origins:
                    headers["Access-Control-Allow-Origin"] = origin
            await send(message)

        await self._app(scope, receive, send_allowed)
