"""
Feeds: what is called back, told to whoever reads along.

A feed is opened before the ledger is read for what was told already, so nothing
falls between. What is in both is told once: each payment's callbacks are counted,
and a feed knows how far it has told each.

Nothing waits for a reader. Each has a queue of bounded length; one that falls
further behind is cut off, and finds in the ledger what it has missed when it comes
back.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable

from bridge.api.errors import UNAVAILABLE, ApiError
from bridge.api.feed_events import (
    EndReason,
    FeedEnded,
    FeedEvent,
    PaymentMoved,
    PaymentTold,
    Snapshot,
)
from bridge.api.guard import TooManyError
from bridge.callbacks.record import PaymentRecord
from bridge.pay.states import State
from bridge.server.metrics import Metrics


MAX_QUEUED = 256
"""Records a reader may be behind: four whole payments of the usual kind."""

MAX_FEEDS = 1000
"""Of all accounts; each keeps a connection."""

MAX_FEEDS_OF_CALL = 10
"""The agent's, some supervisors', and those that a proxy has not let go of yet."""

RETRY_AFTER_S = 5.0
"""When somebody may have gone."""

READER_LEFT = "reader-left"
"""In metrics: nobody is told this reason."""

Key = tuple[str, str]
"""Account and call."""


class LiveFeed:
    """
    One reader's feed; see `bridge.api.feed_events.Feed`.

    Args:
        left_s: how long it may last; without end if left out.
        closed: called once, when it is closed.
    """

    def __init__(
        self, left_s: float | None, closed: Callable[["LiveFeed"], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._until = None if left_s is None else self._loop.time() + left_s
        self._closed = closed
        self._history: deque[FeedEvent] = deque()
        self._queue: deque[PaymentRecord] = deque()
        self._wake = asyncio.Event()
        self._told: dict[str, tuple[int, str]] = {}
        """Sequence number and state, by payment."""
        self._call_is_over = False
        self._is_closed = False
        self.end_reason: EndReason | None = None

    # What there was before.

    def begin(self, snapshot: Snapshot) -> None:
        """
        Tell how things stand.
        """
        for record in snapshot.records:
            self._note(record)
        self._history.append(snapshot)

    def resume(
        self, missed: Iterable[PaymentRecord], now: Iterable[PaymentRecord]
    ) -> None:
        """
        Tell what was called back meanwhile, and how payments under way stand.

        Args:
            missed: all that was called back since, in order; read last.
            now: how things stand, or stood a moment before.
        """
        for record in missed:
            self._note(record)
            self._history.append(PaymentTold(record))
        for record in now:
            told = self._told.get(record.identity.sid, (0, ""))
            if record.sequence < told[0] or (record.sequence, record.state) == told:
                continue
            self._note(record)
            if record.state != State.ENDED:
                self._history.append(PaymentMoved(record))

    # What happens.

    def put(self, record: PaymentRecord) -> None:
        """
        Queue what was told of a payment, or how it has moved.
        """
        if self.end_reason is not None:
            return
        if len(self._queue) < MAX_QUEUED:
            self._queue.append(record)
            self._wake.set()
        else:
            self._cut(EndReason.TOO_SLOW)

    def end_with_call(self) -> None:
        """
        End once no payment of the call is under way.
        """
        self._call_is_over = True
        self._wake.set()

    def end(self, reason: EndReason) -> None:
        """
        End, after what is queued.
        """
        self.end_reason = self.end_reason or reason
        self._wake.set()

    # The reader.

    async def next(self, wait_s: float) -> FeedEvent | None:
        """
        Give the next event, or `None` if there is none for so many seconds.
        """
        until = self._loop.time() + wait_s
        due = until if self._until is None else min(until, self._until)
        while True:
            if self._until is not None and self._loop.time() >= self._until:
                self._cut(EndReason.TOKEN_EXPIRED)
            event = self._take()
            if event is not None:
                return event
            try:
                async with asyncio.timeout_at(due):
                    await self._wake.wait()
            except TimeoutError:
                if due == until:
                    return None

    def close(self) -> None:
        """
        Let go of it; harmless a second time.
        """
        if not self._is_closed:
            self._is_closed = True
            self._history.clear()
            self._queue.clear()
            self._closed(self)

    # Private.

    def _take(self) -> FeedEvent | None:
        if self._history:
            return self._history.popleft()
        while self._queue:
            event = self._news(self._queue.popleft())
            if event is not None:
                return event
        is_idle = all(state == State.ENDED for _, state in self._told.values())
        if self._call_is_over and is_idle:
            self.end(EndReason.CALL_ENDED)
        if self.end_reason is not None:
            return FeedEnded(self.end_reason)
        self._wake.clear()
        return None

    def _news(self, record: PaymentRecord) -> FeedEvent | None:
        """
        Make an event of what was not told yet.
        """
        told = self._told.get(record.identity.sid, (0, ""))
        if (record.sequence, record.state) == told or record.sequence < told[0]:
            return None
        self._note(record)
        return (
            PaymentTold(record) if record.sequence > told[0] else PaymentMoved(record)
        )

    def _note(self, record: PaymentRecord) -> None:
        self._told[record.identity.sid] = (record.sequence, record.state)

    def _cut(self, reason: EndReason) -> None:
        self._history.clear()
        self._queue.clear()
        self.end(reason)


class Feeds:
    """
    All feeds of a process.

    Args:
        metrics: of the bridge.
        per_account: how many an account may have.
        barrier: gives a future that is done when all that has happened so far was
            published.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        per_account: int,
        barrier: Callable[[], "asyncio.Future[list[int]]"],
    ) -> None:
        self._metrics = metrics
        self._per_account = per_account
        self._barrier = barrier
        self._by_call: dict[Key, list[LiveFeed]] = {}
        self._n_of_account: Counter[str] = Counter()
        self._has_ended = False

    def open(
        self, account_sid: str, call_sid: str, left_s: float | None = None
    ) -> LiveFeed:
        """
        Open a feed; what is published from now on is queued in it.

        Args:
            account_sid: whose call it is.
            call_sid: of the call, as payments have it.
            left_s: how long it may last; without end if left out.

        Raises:
            ApiError: there are too many, or the bridge stops.
        """
        if self._has_ended:
            raise ApiError(503, UNAVAILABLE, "Service unavailable: shutting down")
        key = (account_sid, call_sid)
        if (
            len(self._by_call.get(key, ())) >= MAX_FEEDS_OF_CALL
            or self._n_of_account[account_sid] >= self._per_account
            or self._n_of_account.total() >= MAX_FEEDS
        ):
            raise TooManyError(RETRY_AFTER_S)
        feed = LiveFeed(left_s, lambda feed: self._remove(key, feed))
        self._by_call.setdefault(key, []).append(feed)
        self._n_of_account[account_sid] += 1
        self._metrics.feeds.inc()
        return feed

    def publish(self, record: PaymentRecord) -> None:
        """
        Tell what was called back, or how a payment has moved; once it is safe.
        """
        identity = record.identity
        for feed in self._by_call.get((identity.account_sid, identity.call_sid), ()):
            feed.put(record)

    def end_call(self, account_sid: str, call_sid: str) -> None:
        """
        A call is over: its feeds end after what is still to be told of it.
        """
        key = (account_sid, call_sid)
        if key not in self._by_call:
            return

        def pass_on(_: "asyncio.Future[list[int]]") -> None:
            for feed in self._by_call.get(key, ()):
                feed.end_with_call()

        self._barrier().add_done_callback(pass_on)

    def end_all(self) -> None:
        """
        The bridge stops: all feeds end, and no more are opened.
        """
        self._has_ended = True
        for feeds in self._by_call.values():
            for feed in feeds:
                feed.end(EndReason.SHUTDOWN)

    def _remove(self, key: Key, feed: LiveFeed) -> None:
        feeds = self._by_call[key]
        feeds.remove(feed)
        if not feeds:
            del self._by_call[key]
        self._n_of_account[key[0]] -= 1
        if not self._n_of_account[key[0]]:
            del self._n_of_account[key[0]]
        self._metrics.feeds.dec()
        reason = str(feed.end_reason or READER_LEFT)
        self._metrics.feeds_ended.labels(reason=reason).inc()
