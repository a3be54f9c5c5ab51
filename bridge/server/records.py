"""
Reading back: payments out of the ledger, and feeds that begin there.

The ledger is asked for running payments as well: what is read back is then what is
safe, the same as callbacks tell.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bridge.api.feed_events import Snapshot
from bridge.api.feed_token import make_feed_token
from bridge.api.guard import requester
from bridge.api.port import FeedToken
from bridge.callbacks.record import PaymentRecord
from bridge.expiring_token import expiry_of, is_same_token
from bridge.server.accounts import AccountBook
from bridge.server.archive import Archive
from bridge.server.audit_log import AuditLog
from bridge.server.clock import unix_now
from bridge.server.feeds import Feeds, LiveFeed
from bridge.server.switchboard import Switchboard


MAX_REPLAYED = 500
"""Callbacks that a feed repeats; a reader who has missed more begins anew."""

MAX_SHOWN = 20
"""Payments of a call that a feed shows when it begins."""


class RecordService:
    """
    Payments read back; see `bridge.api.port.Records`.

    Args:
        archive: where they are.
        switchboard: knows the calls of this process.
        accounts: whose tokens sign.
        feeds: those that are open.
        audit: is told who reads.
    """

    def __init__(
        self,
        archive: Archive,
        switchboard: Switchboard,
        accounts: AccountBook,
        feeds: Feeds,
        audit: AuditLog,
    ) -> None:
        self._archive = archive
        self._switchboard = switchboard
        self._accounts = accounts
        self._feeds = feeds
        self._audit = audit

    async def find(
        self, account_sid: str, call_sid: str, sid: str
    ) -> PaymentRecord | None:
        """
        Look a payment of a call up.
        """
        call_sid = self._own_sid(account_sid, call_sid)
        return await self._archive.record(account_sid, call_sid, sid)

    async def page(
        self, account_sid: str, call_sid: str, *, first: int, count: int
    ) -> Sequence[PaymentRecord] | None:
        """
        Give payments of a call, the newest first; `None` if there is no such call.
        """
        own_sid = self._own_sid(account_sid, call_sid)
        found = await self._archive.records(
            account_sid, own_sid, first=first, count=count
        )
        if found or self._switchboard.find(call_sid, account_sid) is not None:
            return found
        # A page beyond the last one of a call that only the ledger knows.
        is_known = first and await self._archive.records(
            account_sid, own_sid, first=0, count=1
        )
        return found if is_known else None

    async def feed(
        self,
        account_sid: str,
        call_sid: str,
        *,
        seen: tuple[str, int] | None,
        left_s: float | None,
    ) -> LiveFeed | None:
        """
        Open a call's feed; `None` if there is no such call.
        """
        own_sid = self._own_sid(account_sid, call_sid)
        feed = self._feeds.open(account_sid, own_sid, left_s)
        try:
            is_known = await self._fill(feed, account_sid, own_sid, seen)
        except BaseException:
            feed.close()
            raise
        call = self._switchboard.find(call_sid, account_sid)
        if not is_known and call is None:
            feed.close()
            return None
        if call is None or call.session.has_ended:
            self._feeds.end_call(account_sid, own_sid)
        with self._audit.acting(requester()):
            self._audit.record("feed opened", call=own_sid, owner=account_sid)
        return feed

    def make_token(
        self, account_sid: str, call_sid: str, ttl_s: int
    ) -> FeedToken | None:
        """
        Make a token for a call's feed; `None` if there is no such call.
        """
        if self._switchboard.find(call_sid, account_sid) is None:
            return None
        expires = int(unix_now()) + ttl_s
        secret = self._accounts.signing_token(account_sid)
        with self._audit.acting(requester()):
            self._audit.record("feed token made", call=call_sid, owner=account_sid)
        return FeedToken(
            text=make_feed_token(secret, account_sid, call_sid, expires),
            expires_at=datetime.fromtimestamp(0, UTC) + timedelta(seconds=expires),
        )

    def token_left_s(self, account_sid: str, call_sid: str, token: str) -> float | None:
        """
        Tell for how many seconds a token opens a call's feed.
        """
        expires = expiry_of(token)

        def is_proven_by(secret: str) -> bool:
            made = make_feed_token(secret, account_sid, call_sid, expires or 0)
            return is_same_token(token, made)

        owner = self._accounts.owner(is_proven_by)
        if expires is None or owner != account_sid:
            return None
        return expires - unix_now()

    # Private.

    def _own_sid(self, account_sid: str, call_sid: str) -> str:
        """
        Give the sid that a call's payments have, where its provider has another.
        """
        call = self._switchboard.find(call_sid, account_sid)
        return call_sid if call is None else call.call_sid or call_sid

    async def _fill(
        self,
        feed: LiveFeed,
        account_sid: str,
        call_sid: str,
        seen: tuple[str, int] | None,
    ) -> bool:
        """
        Have a feed begin with what was told already, if anything was.
        """
        shown = await self._archive.records(
            account_sid, call_sid, first=0, count=MAX_SHOWN
        )
        if seen is not None:
            sid, sequence = seen
            missed = await self._archive.missed_records(
                account_sid,
                call_sid,
                sid=sid,
                sequence=sequence,
                count=MAX_REPLAYED + 1,
            )
            if missed is not None and len(missed) <= MAX_REPLAYED:
                feed.resume(missed, shown)
                return True
        feed.begin(Snapshot(account_sid, call_sid, tuple(shown)))
        return bool(shown)
