"""
Feeds: what each reader is told, in which order, and when it ends.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.api.errors import ApiError
from bridge.api.feed_events import (
    EndReason,
    FeedEnded,
    FeedEvent,
    PaymentMoved,
    PaymentTold,
    Snapshot,
)
from bridge.callbacks.body import Identity
from bridge.callbacks.record import PaymentRecord
from bridge.server.feeds import MAX_FEEDS_OF_CALL, MAX_QUEUED, Feeds, LiveFeed
from bridge.server.metrics import Metrics
from tests.support.media import put_forward, run
from tests.support.strategies import stable


AT = datetime(2026, 6, 15, 12, 0, 0, 0, UTC)
SID, OTHER_SID = "PK1", "PK2"
KEY = ("AC1", "CA1")


def _record(
    sequence: int, state: str = "ready", sid: str = SID, key: tuple[str, str] = KEY
) -> PaymentRecord:
    return PaymentRecord(
        identity=Identity(account_sid=key[0], call_sid=key[1], sid=sid, created_at=AT),
        state=state,
        currency="USD",
        first={},
        last={"SequenceNumber": str(sequence)},
        sequence=sequence,
        updated_at=AT,
    )


def _feeds(metrics: Metrics | None = None, per_account: int = 100) -> Feeds:
    def barrier() -> "asyncio.Future[list[int]]":
        future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        future.set_result([])
        return future

    return Feeds(metrics or Metrics(), per_account=per_account, barrier=barrier)


def _begun(
    feeds: Feeds, *records: PaymentRecord, left_s: float | None = None
) -> LiveFeed:
    feed = feeds.open(*KEY, left_s)
    feed.begin(Snapshot(*KEY, records))
    return feed


async def _drain(feed: LiveFeed) -> list[FeedEvent]:
    """
    Give all there is without a wait.
    """
    events: list[FeedEvent] = []
    while True:
        event = await feed.next(0.0)
        if event is None:
            return events
        events.append(event)
        if isinstance(event, FeedEnded):
            return events


def _shape(events: list[FeedEvent]) -> list[object]:
    """
    Give names and numbers only.
    """
    return [
        (type(e).__name__, e.record.sequence)
        if isinstance(e, PaymentTold | PaymentMoved)
        else e.reason
        if isinstance(e, FeedEnded)
        else "snapshot"
        for e in events
    ]


# What is told.


def test_feed_tells_every_callback_once_and_in_order() -> None:
    """
    A snapshot, then what is published, and nothing of other calls.
    """

    async def main() -> None:
        feeds = _feeds()
        feed = _begun(feeds)
        for n in range(1, 5):
            feeds.publish(_record(n))
            feeds.publish(_record(n, key=("AC1", "CA2")))
            feeds.publish(_record(n, key=("AC2", "CA1")))
        events = await _drain(feed)
        assert _shape(events) == [
            "snapshot",
            *(("PaymentTold", n) for n in range(1, 5)),
        ]
        assert await feed.next(0.0) is None
        feed.close()

    run(main())


def test_what_is_in_the_snapshot_is_not_told_again() -> None:
    """
    What was published while the ledger was read may be in it or not.
    """

    async def main() -> None:
        feeds = _feeds()
        feed = feeds.open(*KEY)
        for n in range(1, 6):
            feeds.publish(_record(n))
        feed.begin(Snapshot(*KEY, (_record(3),)))
        assert _shape(await _drain(feed)) == [
            *("snapshot", ("PaymentTold", 4), ("PaymentTold", 5)),
        ]
        feed.close()

    run(main())


def test_state_that_moves_without_a_callback_is_told_apart() -> None:
    """
    Once for each move; a record that says nothing new is left out.
    """

    async def main() -> None:
        feeds = _feeds()
        feed = _begun(feeds, _record(3))
        for state in ("ready", "confirming", "confirming", "processing"):
            feeds.publish(_record(3, state))
        feeds.publish(_record(4, "ended"))
        events = await _drain(feed)
        assert _shape(events[1:]) == [
            *[("PaymentMoved", 3)] * 2,
            ("PaymentTold", 4),
        ]
        moved = [e.record.state for e in events if isinstance(e, PaymentMoved)]
        assert moved == ["confirming", "processing"]
        feed.close()

    run(main())


def test_state_older_than_the_snapshot_is_not_told_after_it() -> None:
    """
    A reader would show a payment at the gateway that has ended.
    """

    async def main() -> None:
        feeds = _feeds()
        feed = feeds.open(*KEY)
        feeds.publish(_record(3, "processing"))
        feeds.publish(_record(4, "ended"))
        feed.begin(Snapshot(*KEY, (_record(4, "ended"),)))
        assert _shape(await _drain(feed)) == ["snapshot"]
        feed.close()

    run(main())


def test_feed_that_is_resumed_tells_what_was_missed_and_how_it_stands() -> None:
    """
    Callbacks since, then the state of what is under way; what is queued goes on
    from there.
    """

    async def main() -> None:
        feeds = _feeds()
        feed = feeds.open(*KEY)
        for n in (5, 6, 7):
            feeds.publish(_record(n, "capturing"))
        feed.resume([_record(5), _record(6)], [_record(6, "capturing")])
        assert _shape(await _drain(feed)) == [
            *(("PaymentTold", 5), ("PaymentTold", 6), ("PaymentMoved", 6)),
            ("PaymentTold", 7),
        ]
        feed.close()

    run(main())


def test_resumed_feed_is_not_told_a_state_that_is_out_of_date() -> None:
    """
    How it stood was read before what was missed.
    """

    async def main() -> None:
        feeds = _feeds()
        feed = feeds.open(*KEY)
        feeds.publish(_record(6, "ready"))
        feed.resume([_record(6, "capturing")], [_record(5, "capturing")])
        events = await _drain(feed)
        assert _shape(events) == [("PaymentTold", 6), ("PaymentMoved", 6)]
        assert isinstance(events[-1], PaymentMoved)
        assert events[-1].record.state == "ready"
        feed.close()

    run(main())


@stable
@given(
    n_before=st.integers(0, 12),
    n_read=st.integers(0, 12),
    n_after=st.integers(0, 12),
    seen=st.integers(0, 12),
    is_resumed=st.booleans(),
)
def test_nothing_is_lost_and_nothing_repeated_however_reads_and_commits_meet(
    n_before: int, n_read: int, n_after: int, seen: int, *, is_resumed: bool
) -> None:
    """
    Commits before a feed is opened, while the ledger is read, and afterwards.
    """

    async def main() -> None:
        feeds, n_all = _feeds(), n_before + n_read + n_after
        feed = feeds.open(*KEY)
        for n in range(n_before + 1, n_before + n_read + 1):
            feeds.publish(_record(n))
        in_ledger = n_before + n_read // 2
        known = min(seen, in_ledger) if is_resumed else in_ledger
        stand = [_record(in_ledger)] if in_ledger else []
        if is_resumed:
            feed.resume([_record(n) for n in range(known + 1, in_ledger + 1)], stand)
        else:
            feed.begin(Snapshot(*KEY, tuple(stand)))
        for n in range(n_before + n_read + 1, n_all + 1):
            feeds.publish(_record(n))
        told = [
            e.record.sequence for e in await _drain(feed) if isinstance(e, PaymentTold)
        ]
        assert told == list(range(known + 1, n_all + 1))
        feed.close()

    run(main())


def test_reader_who_waits_is_woken() -> None:
    """
    By what is published, at once; by nothing, after the time he gave.
    """

    async def main() -> None:
        feeds = _feeds()
        feed = _begun(feeds)
        assert await feed.next(0.0) is not None
        waiting = asyncio.create_task(feed.next(15.0))
        await asyncio.sleep(0)
        feeds.publish(_record(1))
        assert isinstance(await waiting, PaymentTold)
        waiting = asyncio.create_task(feed.next(15.0))
        await asyncio.sleep(0)
        put_forward(15.1)
        assert await waiting is None
        feed.close()

    run(main())


# When it ends.


def test_feed_ends_with_its_call_once_its_payments_have() -> None:
    """
    The gateway's answer may come after the caller has gone.
    """

    async def main() -> None:
        feeds = _feeds()
        feed = _begun(feeds, _record(3, "processing"))
        other = _begun(feeds)
        feeds.end_call(*KEY)
        await asyncio.sleep(0)
        assert _shape(await _drain(other)) == ["snapshot", EndReason.CALL_ENDED]
        assert _shape(await _drain(feed)) == ["snapshot"]
        feeds.publish(_record(4, "ended"))
        assert _shape(await _drain(feed)) == [
            *(("PaymentTold", 4), EndReason.CALL_ENDED),
        ]
        feed.close()
        other.close()
        feeds.end_call(*KEY)

    run(main())


def test_feed_waits_for_what_is_written_when_its_call_ends() -> None:
    """
    A payment that was started and ended by the caller's hanging up is told of.
    """

    async def main() -> None:
        written: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        feeds = Feeds(Metrics(), per_account=1, barrier=lambda: written)
        feed = _begun(feeds)
        feeds.end_call(*KEY)
        await asyncio.sleep(0)
        assert _shape(await _drain(feed)) == ["snapshot"]
        feeds.publish(_record(1))
        feeds.publish(_record(2, "ended"))
        written.set_result([])
        await asyncio.sleep(0)
        assert _shape(await _drain(feed)) == [
            *(("PaymentTold", 1), ("PaymentTold", 2), EndReason.CALL_ENDED),
        ]
        feed.close()

    run(main())


def test_feed_ends_with_its_token() -> None:
    """
    In the middle of a wait, and whatever is queued.
    """

    async def main() -> None:
        feeds = _feeds()
        feed = _begun(feeds, left_s=20.0)
        assert _shape(await _drain(feed)) == ["snapshot"]
        waiting = asyncio.create_task(feed.next(15.0))
        await asyncio.sleep(0)
        put_forward(15.1)
        assert await waiting is None
        waiting = asyncio.create_task(feed.next(15.0))
        await asyncio.sleep(0)
        put_forward(5.0)
        assert await waiting == FeedEnded(EndReason.TOKEN_EXPIRED)
        feeds.publish(_record(1))
        assert await feed.next(15.0) == FeedEnded(EndReason.TOKEN_EXPIRED)
        feed.close()

    run(main())


def test_all_feeds_end_when_the_bridge_stops() -> None:
    """
    After what is queued; none is opened any more.
    """

    async def main() -> None:
        feeds = _feeds()
        feed = _begun(feeds)
        feeds.publish(_record(1))
        feeds.end_all()
        assert _shape(await _drain(feed)) == [
            *("snapshot", ("PaymentTold", 1), EndReason.SHUTDOWN),
        ]
        feed.close()
        with pytest.raises(ApiError) as caught:
            feeds.open(*KEY)
        assert (caught.value.status, caught.value.code) == (503, 20503)

    run(main())


# Limits.


def test_reader_who_is_too_far_behind_is_cut_off() -> None:
    """
    What is kept for him is bounded, and others are told everything.
    """

    async def main() -> None:
        feeds, n = _feeds(), MAX_QUEUED
        slow, quick = _begun(feeds), _begun(feeds)
        told: list[FeedEvent] = []
        for sequence in range(1, 4 * n):
            feeds.publish(_record(sequence))
            told += await _drain(quick)
            assert len(slow._queue) <= n
        assert len(told) == 4 * n
        assert _shape(await _drain(slow)) == [EndReason.TOO_SLOW]
        slow.close()
        exact = _begun(feeds)
        for sequence in range(1, n + 1):
            feeds.publish(_record(sequence))
        assert len(await _drain(exact)) == 1 + n
        exact.close()
        quick.close()

    run(main())


def test_feeds_of_a_call_and_of_an_account_are_counted() -> None:
    """
    One too many is asked to wait; one that is closed makes room, once.
    """

    async def main() -> None:
        metrics = Metrics()
        feeds = _feeds(metrics, per_account=MAX_FEEDS_OF_CALL + 1)

        def refused(account_sid: str, call_sid: str) -> bool:
            with pytest.raises(ApiError) as caught:
                feeds.open(account_sid, call_sid)
            return (caught.value.status, caught.value.code) == (429, 20429)

        def n_open() -> float | None:
            return metrics.registry.get_sample_value("dtmf_feeds")

        opened = [feeds.open("AC1", "CA1") for _ in range(MAX_FEEDS_OF_CALL)]
        assert refused("AC1", "CA1")
        opened.append(feeds.open("AC1", "CA2"))
        assert refused("AC1", "CA3")
        opened.append(feeds.open("AC2", "CA1"))
        assert n_open() == len(opened)
        opened[0].close()
        opened[0].close()
        opened[0] = feeds.open("AC1", "CA1")
        assert refused("AC1", "CA1")
        for feed in opened:
            feed.close()
        assert n_open() == 0
        assert (feeds._by_call, +feeds._n_of_account) == ({}, {})
        left = metrics.registry.get_sample_value(
            "dtmf_feeds_ended_total", {"reason": "reader-left"}
        )
        assert left == len(opened) + 1

    run(main())


def test_feed_that_is_closed_keeps_nothing() -> None:
    """
    What is published afterwards goes nowhere.
    """

    async def main() -> None:
        feeds = _feeds()
        feed = _begun(feeds)
        feeds.publish(replace(_record(1)))
        feed.close()
        feeds.publish(_record(2))
        feeds.end_call(*KEY)
        assert (len(feed._queue), len(feed._history)) == (0, 0)

    run(main())
