"""
What the audit log says of a payment: each command, by whom, and no digit.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.api.errors import ApiError
from bridge.api.guard import set_requester
from bridge.api.params import StatusCommand
from bridge.pay.fields import BANK_FIELDS, CARD_FIELDS, MATCHERS, Field
from bridge.pay.request import PaymentRequest
from bridge.server.audit_log import BRIDGE, AuditLog
from tests.bridge.server.desk import Desk, at_desk
from tests.support.media import ACCOUNT_SID, CALL_SID
from tests.support.pay import ACH, CHARGE, KEYS


KEY_SID = "SK" + "5" * 32
MATCHED_CHARGE = replace(CHARGE, require_matching_inputs=frozenset(CARD_FIELDS))
CONFIRMED = replace(CHARGE, confirmation=True)

Line = tuple[str, str, str | None]
"""Action, who did it, field or result."""


def _lines(path: Path) -> list[Line]:
    entries: list[dict[str, Any]] = [
        json.loads(line) for line in path.read_text().splitlines()
    ]
    for entry in entries:
        assert entry["owner"] == ACCOUNT_SID
        assert entry["call"] == CALL_SID
        assert entry["payment"].startswith("PK")
    return [(e["action"], e["by"], e.get("field") or e.get("result")) for e in entries]


def _captured(field: Field) -> list[Line]:
    return [
        ("armed", KEY_SID, str(field)),
        ("capture", KEY_SID, str(field)),
        # The caller's last key ends it, not whoever asked for it.
        ("disarmed", BRIDGE, None),
    ]


async def _fill(desk: Desk, sid: str, fields: list[Field]) -> None:
    for wanted in fields:
        await desk.update(sid, wanted)
        desk.press(KEYS[wanted])


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (CHARGE, list(CARD_FIELDS)),
        (ACH, list(BANK_FIELDS)),
        (
            MATCHED_CHARGE,
            [*CARD_FIELDS, *(MATCHERS[field] for field in CARD_FIELDS)],
        ),
    ],
    ids=["card", "account", "matchers"],
)
def test_every_capture_is_in_the_audit_log(
    tmp_path: Path, request_: PaymentRequest, fields: list[Field]
) -> None:
    """
    Who started, captured each field, matchers too, and completed; when masking began
    and ended; how the payment ended.
    """
    path = tmp_path / "audit.jsonl"

    async def script(desk: Desk) -> None:
        set_requester(ACCOUNT_SID, KEY_SID)
        view = await desk.start("k", request_)
        await _fill(desk, view.sid, fields)
        await desk.update(view.sid, StatusCommand.COMPLETE)
        assert (await desk.settled())["Result"] == "success"

    at_desk(script, audit=AuditLog(path))
    assert _lines(path) == [
        ("start", KEY_SID, None),
        *(line for field in fields for line in _captured(field)),
        ("complete", KEY_SID, None),
        ("ended", BRIDGE, "success"),
    ]


@pytest.mark.parametrize(
    ("key", "result"), [("1", "success"), ("2", "transaction-cancelled")]
)
def test_confirmation_is_in_the_audit_log(
    tmp_path: Path, key: str, result: str
) -> None:
    """
    Masking begins for the caller's answer; what the answer was shows in the result
    alone.
    """
    path = tmp_path / "audit.jsonl"

    async def script(desk: Desk) -> None:
        set_requester(ACCOUNT_SID, KEY_SID)
        view = await desk.start("k", CONFIRMED)
        await _fill(desk, view.sid, list(CARD_FIELDS))
        await desk.update(view.sid, StatusCommand.COMPLETE)
        desk.press(key)
        assert (await desk.settled())["Result"] == result

    at_desk(script, audit=AuditLog(path))
    assert _lines(path)[-4:] == [
        ("armed", KEY_SID, "confirm-card"),
        ("complete", KEY_SID, None),
        ("disarmed", BRIDGE, None),
        ("ended", BRIDGE, result),
    ]


def test_cancel_is_its_sender_s_and_a_refusal_is_nobody_s(tmp_path: Path) -> None:
    """
    A command that was not carried out, or carried out before, has no line.
    """
    path = tmp_path / "audit.jsonl"

    async def script(desk: Desk) -> None:
        set_requester(ACCOUNT_SID, KEY_SID)
        view = await desk.start()
        await desk.update(view.sid, Field.CARD_NUMBER)
        await desk.update(view.sid, Field.CARD_NUMBER)
        with pytest.raises(ApiError):
            await desk.update(view.sid, StatusCommand.COMPLETE)
        await desk.update(view.sid, StatusCommand.CANCEL)

    at_desk(script, audit=AuditLog(path))
    assert _lines(path) == [
        ("start", KEY_SID, None),
        *_captured(Field.CARD_NUMBER)[:2],
        ("disarmed", KEY_SID, None),
        ("ended", KEY_SID, "transaction-cancelled"),
        ("cancel", KEY_SID, None),
    ]


def test_digits_are_not_in_the_audit_log(tmp_path: Path) -> None:
    """
    No run of digits of what was keyed, however short a mask would be.
    """
    path = tmp_path / "audit.jsonl"

    async def script(desk: Desk) -> None:
        view = await desk.start()
        await desk.fill(view.sid)
        await desk.update(view.sid, StatusCommand.COMPLETE)
        await desk.settled()

    at_desk(script, audit=AuditLog(path))
    lines = path.read_text()
    number = KEYS[Field.CARD_NUMBER]
    assert lines.count("\n") > 10
    for start in range(len(number) - 5):
        assert number[start : start + 6] not in lines
