"""
Reading back and reading along: a payment service, a ledger on a disk, no sockets.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from bridge.api.errors import ApiError
from bridge.api.feed_events import (
    EndReason,
    FeedEnded,
    FeedEvent,
    PaymentMoved,
    PaymentTold,
    Snapshot,
)
from bridge.api.feed_token import make_feed_token
from bridge.api.params import StatusCommand
from bridge.api.views import record_body
from bridge.ledger.store import Ledger
from bridge.pay.fields import CARD_FIELDS
from bridge.server import records as records_module
from bridge.server.accounts import Account, AccountBook
from bridge.server.archive import Archive
from bridge.server.audit_log import AuditLog
from bridge.server.clock import unix_now, utc_now
from bridge.server.feeds import LiveFeed
from bridge.server.metrics import Metrics
from bridge.server.records import RecordService
from bridge.server.writer import LedgerWriter
from tests.bridge.server.desk import Desk, at_desk
from tests.support.media import ACCOUNT_SID, AUTH_TOKEN, CALL_SID
from tests.support.pay import CHARGE, KEYS


CARD = CARD_FIELDS[0]
OTHER_SID, OTHER_TOKEN = "AC" + "e" * 32, "the-other-account-s-token"

ACCOUNTS = AccountBook(
    [
        Account(
            sid=ACCOUNT_SID,
            auth_token=SecretStr(AUTH_TOKEN),
            secondary_auth_token=SecretStr("the-token-before-this"),
        ),
        Account(sid=OTHER_SID, auth_token=SecretStr(OTHER_TOKEN)),
    ]
)

Script = Callable[[Desk, RecordService], Coroutine[Any, Any, None]]


def _with_ledger(folder: Path, script: Script) -> None:
    """
    Run a script at a desk whose ledger is real.
    """
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    ledger.migrate()

    async def main(desk: Desk) -> None:
        writer = LedgerWriter(ledger, Metrics())
        writing = asyncio.create_task(writer.run())
        # The payments' own writer, in the place of the one that remembers only.
        desk.service._tools = replace(desk.service._tools, writer=writer)
        desk.feeds._barrier = lambda: writer.submit(())
        archive = Archive(ledger)
        service = RecordService(
            archive, desk.switchboard, ACCOUNTS, desk.feeds, AuditLog()
        )
        try:
            await script(desk, service)
        finally:
            await writer.wait_idle()
            writing.cancel()
            with suppress(asyncio.CancelledError):
                await writing

    try:
        at_desk(main)
    finally:
        ledger.close()


async def _open(
    service: RecordService, seen: tuple[str, int] | None = None
) -> LiveFeed:
    feed = await service.feed(ACCOUNT_SID, CALL_SID, seen=seen, left_s=None)
    assert feed is not None
    return feed


async def _until(
    feed: LiveFeed, is_last: Callable[[FeedEvent], bool]
) -> list[FeedEvent]:
    events: list[FeedEvent] = []
    while not events or not is_last(events[-1]):
        event = await feed.next(10.0)
        assert event is not None, events
        events.append(event)
    return events


def _told(events: list[FeedEvent]) -> list[int]:
    return [e.record.sequence for e in events if isinstance(e, PaymentTold)]


def _has_result(event: FeedEvent) -> bool:
    return isinstance(event, PaymentTold) and "Result" in event.record.last


async def _pay(desk: Desk) -> str:
    view = await desk.start()
    await desk.fill(view.sid)
    await desk.update(view.sid, StatusCommand.COMPLETE)
    return view.sid


def test_payment_is_read_back_at_each_step(tmp_path: Path) -> None:
    """
    While it runs and when it has ended, with nothing beyond what was called back.
    """

    async def script(desk: Desk, service: RecordService) -> None:
        view = await desk.start()

        async def read() -> dict[str, object]:
            await desk.service._tools.writer.wait_idle()
            record = await service.find(ACCOUNT_SID, CALL_SID, view.sid)
            assert record is not None
            return record_body(record)

        body = await read()
        assert (body["status"], body["sequence_number"]) == ("ready", 1)
        assert (body["charge_amount"], body["currency"]) == ("9.99", "USD")
        await desk.update(view.sid, CARD)
        desk.press(KEYS[CARD][:4])
        body = await read()
        assert (body["status"], body["sequence_number"]) == ("capturing", 6)
        assert (body["payment_card_number"], body["partial_result"]) == ("xxxx", True)
        desk.press(KEYS[CARD][4:])
        body = await read()
        assert (body["status"], body["capture"]) == ("ready", CARD)
        assert body["payment_card_number"] == "xxxxxxxxxxxx4242"
        assert body["required"] == ",".join(CARD_FIELDS[1:])
        await desk.update(view.sid, StatusCommand.CANCEL)
        body = await read()
        assert (body["status"], body["result"]) == ("ended", "transaction-cancelled")
        assert body["payment_card_number"] is None
        assert (body["charge_amount"], body["payment_connector"]) == ("9.99", "Default")

    _with_ledger(tmp_path, script)


def test_payments_of_an_earlier_process_are_read_back(tmp_path: Path) -> None:
    """
    Their call is not there any more; that of a call nobody knows is not found.
    """
    sids: list[str] = []

    async def before(desk: Desk, _service: RecordService) -> None:
        for _ in range(3):
            sids.append((await desk.start(request=CHARGE)).sid)
            await desk.update(sids[-1], StatusCommand.CANCEL)

    async def after(desk: Desk, service: RecordService) -> None:
        gone = desk.switchboard._by_sid.pop((ACCOUNT_SID, CALL_SID))
        whole = await service.page(ACCOUNT_SID, CALL_SID, first=0, count=10)
        assert whole is not None
        assert [record.identity.sid for record in whole] == sids[::-1]
        part = await service.page(ACCOUNT_SID, CALL_SID, first=2, count=10)
        assert part == whole[2:]
        assert await service.page(ACCOUNT_SID, CALL_SID, first=3, count=10) == []
        assert await service.find(ACCOUNT_SID, CALL_SID, sids[0]) == whole[2]
        for account, call in ((OTHER_SID, CALL_SID), (ACCOUNT_SID, "CA" + "0" * 32)):
            assert await service.page(account, call, first=0, count=10) is None
            assert await service.find(account, call, sids[0]) is None
            assert await service.feed(account, call, seen=None, left_s=None) is None
            assert service.make_token(account, call, 60) is None
        feed = await _open(service)
        events = await _until(feed, lambda e: isinstance(e, FeedEnded))
        assert isinstance(events[0], Snapshot)
        assert events[1:] == [FeedEnded(EndReason.CALL_ENDED)]
        feed.close()
        desk.switchboard._by_sid[ACCOUNT_SID, CALL_SID] = gone
        feed = await _open(service)
        desk.switchboard._by_sid.pop((ACCOUNT_SID, CALL_SID))
        feed.close()

    _with_ledger(tmp_path, before)
    _with_ledger(tmp_path, after)


def test_call_without_payments_has_an_empty_list(tmp_path: Path) -> None:
    """
    The call is there, nothing was started on it.
    """

    async def script(_desk: Desk, service: RecordService) -> None:
        assert await service.page(ACCOUNT_SID, CALL_SID, first=0, count=10) == []
        feed = await _open(service)
        assert await feed.next(0.0) == Snapshot(ACCOUNT_SID, CALL_SID, ())
        assert await feed.next(0.0) is None
        feed.close()

    _with_ledger(tmp_path, script)


def test_feed_tells_a_payment_from_start_to_end(tmp_path: Path) -> None:
    """
    Every callback, each with the state it was committed with, and the moves between.
    """

    async def script(desk: Desk, service: RecordService) -> None:
        feed = await _open(service)
        sid = await _pay(desk)
        events = await _until(feed, _has_result)
        numbers = _told(events)
        assert numbers == list(range(1, numbers[-1] + 1))
        moved = [e.record.state for e in events if isinstance(e, PaymentMoved)]
        assert moved == ["processing"]
        record = await service.find(ACCOUNT_SID, CALL_SID, sid)
        assert isinstance(events[-1], PaymentTold)
        assert events[-1].record == record
        feed.close()

    _with_ledger(tmp_path, script)


def test_feed_tells_nothing_that_is_not_written(tmp_path: Path) -> None:
    """
    Like callbacks, events wait for the ledger.
    """

    async def script(desk: Desk, service: RecordService) -> None:
        feed = await _open(service)
        assert isinstance(await feed.next(0.0), Snapshot)
        desk.writer.is_slow = True
        desk.service._tools = replace(
            desk.service._tools, writer=cast("LedgerWriter", desk.writer)
        )
        starting = asyncio.create_task(desk.start())
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(desk.writer.forms) == 1
        assert await feed.next(0.0) is None
        desk.writer.write()
        await starting
        assert _told([e for e in [await feed.next(0.0)] if e is not None]) == [1]
        feed.close()

    _with_ledger(tmp_path, script)


def test_feed_goes_on_where_its_reader_left(tmp_path: Path) -> None:
    """
    From any callback on: all that came after it, and nothing else.
    """

    async def script(desk: Desk, service: RecordService) -> None:
        sid = await _pay(desk)
        feed = await _open(service)
        (begin,) = [await feed.next(0.0)]
        assert isinstance(begin, Snapshot)
        if begin.records[0].state != "ended":
            await _until(feed, _has_result)
        feed.close()
        record = await service.find(ACCOUNT_SID, CALL_SID, sid)
        assert record is not None
        for seen in (1, 7, record.sequence - 1, record.sequence):
            feed = await _open(service, (sid, seen))
            events: list[FeedEvent] = []
            while (event := await feed.next(0.0)) is not None:
                events.append(event)
            assert _told(events) == list(range(seen + 1, record.sequence + 1))
            assert len(events) == record.sequence - seen
            feed.close()

    _with_ledger(tmp_path, script)


def test_feed_begins_anew_where_it_cannot_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    After a callback that is not of this call, or when too much was missed.
    """

    async def script(desk: Desk, service: RecordService) -> None:
        view = await desk.start()
        await desk.update(view.sid, CARD)
        desk.press("4242")
        await desk.service._tools.writer.wait_idle()
        monkeypatch.setattr(records_module, "MAX_REPLAYED", 4)
        for sid, sequence, expected in (
            (view.sid, 1, "snapshot"),
            (view.sid, 2, [3, 4, 5, 6]),
            (view.sid, 6, []),
            (view.sid, 7, "snapshot"),
            ("PK" + "0" * 32, 1, "snapshot"),
        ):
            feed = await _open(service, (sid, sequence))
            first = await feed.next(0.0)
            if expected == "snapshot":
                assert isinstance(first, Snapshot)
                assert [r.sequence for r in first.records] == [6]
            else:
                assert first is not None
                events = [first]
                while (event := await feed.next(0.0)) is not None:
                    events.append(event)
                assert _told(events) == expected
                assert isinstance(events[-1], PaymentTold | PaymentMoved)
                assert events[-1].record.state == "capturing"
            feed.close()

    _with_ledger(tmp_path, script)


def test_feed_ends_when_the_caller_hangs_up(tmp_path: Path) -> None:
    """
    After the callback that says so, even of a payment that has only just begun.
    """

    async def script(desk: Desk, service: RecordService) -> None:
        feed = await _open(service)
        starting = asyncio.create_task(desk.start())
        await asyncio.sleep(0)
        desk.switchboard.leave(desk.call, next(iter(desk.call.ports)))
        await starting
        events = await _until(feed, lambda e: isinstance(e, FeedEnded))
        assert _told(events) == [1, 2]
        assert isinstance(events[-2], PaymentTold)
        assert events[-2].record.last["Result"] == "caller-hung-up"
        assert events[-1] == FeedEnded(EndReason.CALL_ENDED)
        feed.close()
        late = await _open(service)
        events = await _until(late, lambda e: isinstance(e, FeedEnded))
        assert isinstance(events[0], Snapshot)
        assert len(events) == 2
        late.close()

    _with_ledger(tmp_path, script)


def test_call_is_known_by_its_provider_s_sid_as_well(tmp_path: Path) -> None:
    """
    Other providers' call ids stand for the sid that the API gave.
    """

    async def script(desk: Desk, service: RecordService) -> None:
        desk.switchboard._by_sid[ACCOUNT_SID, "their-id"] = desk.call
        view = await desk.start()
        record = await service.find(ACCOUNT_SID, "their-id", view.sid)
        assert record is not None
        assert record.identity.call_sid == CALL_SID
        assert await service.page(ACCOUNT_SID, "their-id", first=0, count=1) == [record]
        feed = await service.feed(ACCOUNT_SID, "their-id", seen=None, left_s=None)
        assert feed is not None
        await desk.update(view.sid, StatusCommand.CANCEL)
        assert _told(await _until(feed, _has_result)) == [2]
        feed.close()

    _with_ledger(tmp_path, script)


class _Broken:
    """
    A ledger that cannot be had.
    """

    def find_record(self, *_: object, **__: object) -> None:
        """
        Fail as a driver does, with something secret in its words.
        """
        raise OSError("postgresql://user:password@host")

    records = missed_records = find_session = find_record


def test_ledger_that_cannot_be_read_is_503_and_leaves_no_feed(tmp_path: Path) -> None:
    """
    Its words are nobody's business.
    """

    async def script(desk: Desk, service: RecordService) -> None:
        service._archive = Archive(cast("Ledger", _Broken()))
        for work in (
            service.find(ACCOUNT_SID, CALL_SID, "PK1"),
            service.page(ACCOUNT_SID, CALL_SID, first=0, count=1),
            service.feed(ACCOUNT_SID, CALL_SID, seen=None, left_s=None),
        ):
            with pytest.raises(ApiError) as caught:
                await cast("Coroutine[Any, Any, object]", work)
            assert (caught.value.status, caught.value.code) == (503, 20503)
        assert desk.feeds._by_call == {}

    with capture_logs() as lines:
        _with_ledger(tmp_path, script)
    assert "ledger not read" in str(lines)
    assert "password" not in str(lines)


# Tokens.


def test_token_is_good_for_its_call_until_its_moment(tmp_path: Path) -> None:
    """
    Signed with any of the account's tokens, and with no other account's.
    """

    async def script(_desk: Desk, service: RecordService) -> None:
        def left(token: str, account: str = ACCOUNT_SID, call: str = CALL_SID) -> float:
            found = service.token_left_s(account, call, token)
            return -1e9 if found is None else found

        made = service.make_token(ACCOUNT_SID, CALL_SID, 900)
        assert made is not None
        soon = utc_now() + timedelta(seconds=901)
        assert soon - timedelta(seconds=60) < made.expires_at <= soon
        assert 800 < left(made.text) <= 900
        assert left(made.text, call="CA" + "0" * 32) == -1e9
        assert left(made.text, account=OTHER_SID) == -1e9
        later = int(unix_now()) + 900
        theirs = make_feed_token(OTHER_TOKEN, ACCOUNT_SID, CALL_SID, later)
        assert left(theirs) == -1e9
        old = make_feed_token("the-token-before-this", ACCOUNT_SID, CALL_SID, later)
        assert 800 < left(old) <= 900
        expired = make_feed_token(AUTH_TOKEN, ACCOUNT_SID, CALL_SID, later - 1000)
        assert -200 < left(expired) <= -99
        for garbage in ("", "x", ".", f"{later}.", made.text[:-1], made.text + "x"):
            assert left(garbage) == -1e9

    _with_ledger(tmp_path, script)


def test_audit_log_is_told_who_reads_along_and_no_token(tmp_path: Path) -> None:
    """
    That a token was made and a feed opened.
    """
    tokens: list[str] = []

    async def script(_desk: Desk, service: RecordService) -> None:
        made = service.make_token(ACCOUNT_SID, CALL_SID, 900)
        assert made is not None
        tokens.append(made.text)
        (await _open(service)).close()

    with capture_logs() as lines:
        _with_ledger(tmp_path, script)
    audited = [line for line in lines if line["event"] == "audit"]
    assert [(line["action"], line["call"], line["owner"]) for line in audited] == [
        ("feed token made", CALL_SID, ACCOUNT_SID),
        ("feed opened", CALL_SID, ACCOUNT_SID),
    ]
    assert tokens[0] not in str(lines)
