"""
The API's commands, carried out on payments.

Idempotency keys: real clients use one key for everything on a call, or a
counter that starts again. So a key only marks a repetition of the very same
command, and only while that command is the last one and still in effect: the
same capture asked for again after it failed is a new request. A repetition is
given the first answer, and waits for it where it comes before the first is safe.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from bridge.api.errors import (
    CALL_NOT_IN_PROGRESS,
    CONFLICT,
    INTERNAL,
    INVALID_STATUS_CALLBACK,
    UNAVAILABLE,
    ApiError,
    invalid,
    not_found,
    pay_error,
)
from bridge.api.guard import requester
from bridge.api.params import StatusCommand
from bridge.api.port import CallView, PaymentView
from bridge.api.views import API_VERSION
from bridge.connectors.base import Connector
from bridge.pay.codes import PayErrorCode
from bridge.pay.fields import Field
from bridge.pay.outputs import Refusal
from bridge.pay.request import PaymentRequest
from bridge.pay.settings import Reading
from bridge.pay.states import State
from bridge.server.clock import utc_now
from bridge.server.payment import Payment, Tools, new_identity
from bridge.server.switchboard import Call
from bridge.server.targets import TargetPolicy
from bridge.server.writer import LedgerRefusedError


WRITE_TIMEOUT_S = 10.0
"""How long a command waits for the ledger before it answers 503."""

ENDED_PAYMENTS_KEPT = 1000
"""So that a late command is told that the payment has ended."""

Command = Field | StatusCommand


@dataclass(frozen=True, slots=True)
class _Answer:
    """
    What a command was answered, or will be.
    """

    command: tuple[object, ...]
    """The key and everything that was asked."""
    view: PaymentView
    written: asyncio.Future[list[int]]
    """Done when it may be said."""


class PaymentService:
    """
    All payments of a process; see `bridge.api.port.Payments`.

    Args:
        tools: what payments share.
        connectors: by name.
        targets: where callbacks may go.
    """

    def __init__(
        self,
        tools: Tools,
        *,
        connectors: Mapping[str, Connector],
        targets: TargetPolicy,
    ) -> None:
        self._tools = tools
        self._connectors = connectors
        self._targets = targets
        self._is_draining = False
        self._active: dict[Call, Payment] = {}
        self._known: OrderedDict[str, Payment] = OrderedDict()
        self._started: dict[str, _Answer] = {}
        self._last: dict[str, _Answer] = {}

    @property
    def n_active(self) -> int:
        """
        Payments that have not ended.
        """
        return len(self._active)

    def drain(self) -> None:
        """
        Start no more payments.
        """
        self._is_draining = True

    # The port of the API.

    async def start(
        self, account_sid: str, call_sid: str, key: str, request: PaymentRequest
    ) -> PaymentView:
        """
        Start a payment on a call.

        Raises:
            ApiError: the call is not there, busy or over; a value cannot be used.
        """
        call = self._find_call(account_sid, call_sid, f"Calls/{call_sid}/Payments.json")
        self._check_target(request.status_callback)
        connector = self._connectors.get(request.payment_connector)
        if connector is None:
            raise invalid(
                "PaymentConnector",
                "one of " + ", ".join(self._connectors),
                PayErrorCode.UNKNOWN_CONNECTOR,
            )
        capabilities = connector.capabilities(request)
        refusal = capabilities.refusal(request)
        if refusal is not None:
            raise ApiError(400, refusal.code, refusal.message)
        this = (key, request)
        running = self._active.get(call)
        if running is not None:
            first = self._started[running.identity.sid]
            if first.command == this:
                return await self._safe(first)
            raise self._busy(running, request)
        if call.session.has_ended:
            raise ApiError(400, CALL_NOT_IN_PROGRESS, "Call is not in-progress")
        if self._is_draining:
            raise ApiError(503, UNAVAILABLE, "Service unavailable: shutting down")
        identity = new_identity(account_sid, call.call_sid or call_sid, utc_now())
        with self._tools.audit.acting(requester()):
            payment = Payment(
                self._tools, identity, request, connector, call, self._forget
            )
        self._active[call] = payment
        self._started[identity.sid] = answer = _answer(payment, this)
        self._known[identity.sid] = payment
        return await self._safe(answer)

    async def update(
        self,
        account_sid: str,
        call_sid: str,
        sid: str,
        key: str,
        command: Command,
        status_callback: str,
    ) -> PaymentView:
        """
        Capture a field, complete, or cancel.

        Raises:
            ApiError: the payment is not there or refuses; a value cannot be used.
        """
        path = f"Calls/{call_sid}/Payments/{sid}.json"
        await self._refuse_archived(account_sid, call_sid, sid)
        call = self._find_call(account_sid, call_sid, path)
        payment = self._known.get(sid)
        if payment is None or payment.call is not call:
            raise not_found(f"/{API_VERSION}/Accounts/{account_sid}/{path}")
        self._check_target(status_callback)
        this = (key, command, status_callback)
        last = self._last.get(sid)
        if last and last.command == this and _is_in_effect(payment, command):
            return await self._safe(last)
        with self._tools.audit.acting(requester()):
            refusal = _carry_out(payment, command, status_callback)
            if refusal is None:
                field = str(command) if isinstance(command, Field) else None
                verb = "capture" if field else str(command)
                payment.audit(verb, field=field)
        if refusal is not None:
            status = 409 if refusal.code == CONFLICT else 400
            raise ApiError(status, refusal.code, refusal.message)
        self._last[sid] = answer = _answer(payment, this)
        return await self._safe(answer)

    def call(self, account_sid: str, call_sid: str) -> CallView | None:
        """
        Look a call up.
        """
        call = self._tools.switchboard.find(call_sid, account_sid)
        if call is None:
            return None
        return CallView(
            account_sid=account_sid,
            call_sid=call.call_sid or call_sid,
            is_in_progress=not call.session.has_ended,
            started_at=call.started_at,
            ended_at=call.ended_at,
        )

    # Private.

    def _find_call(self, account_sid: str, call_sid: str, path: str) -> Call:
        call = self._tools.switchboard.find(call_sid, account_sid)
        if call is None:
            raise not_found(f"/{API_VERSION}/Accounts/{account_sid}/{path}")
        return call

    async def _refuse_archived(self, account_sid: str, call_sid: str, sid: str) -> None:
        """
        Tell of a payment of an earlier process that it has ended, or is about to.
        """
        if sid in self._known:
            return
        stored = await self._tools.archive.find(sid)
        if stored is None:
            return
        if (stored.account_sid, stored.call_sid) != (account_sid, call_sid):
            return
        message = (
            "The payment session has ended"
            if stored.is_ended
            else "The payment is being processed"
        )
        raise ApiError(409, CONFLICT, message)

    def _check_target(self, url: str) -> None:
        expected = self._targets.problem_of_url(url)
        if expected is not None:
            raise invalid("StatusCallback", expected, INVALID_STATUS_CALLBACK)

    def _busy(self, running: Payment, request: PaymentRequest) -> ApiError:
        if Reading.BUSY_BY_CALLBACK in self._tools.settings.readings:
            target = request.status_callback
            running.step(
                lambda now: running.session.refuse_second_start(target, now=now)
            )
        return pay_error(
            PayErrorCode.SESSION_IN_PROGRESS,
            "a payment session is in progress on this call",
        )

    async def _safe(self, answer: _Answer) -> PaymentView:
        """
        Wait until what was done is written, and show the payment as it was then.
        """
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await asyncio.shield(answer.written)
        except TimeoutError:
            raise ApiError(
                503, UNAVAILABLE, "Service unavailable: the ledger is not reachable"
            ) from None
        except LedgerRefusedError:
            raise ApiError(500, INTERNAL, "Internal Server Error") from None
        return answer.view

    def _forget(self, payment: Payment) -> None:
        """
        A payment has ended: its call is free for another one.
        """
        self._active.pop(payment.call, None)
        while len(self._known) > ENDED_PAYMENTS_KEPT:
            oldest = next(
                (s for s, p in self._known.items() if p.session.state is State.ENDED),
                None,
            )
            if oldest is None:
                break
            del self._known[oldest]
            self._started.pop(oldest, None)
            self._last.pop(oldest, None)


def _answer(payment: Payment, command: tuple[object, ...]) -> _Answer:
    identity = payment.identity
    view = PaymentView(
        account_sid=identity.account_sid,
        call_sid=identity.call_sid,
        sid=identity.sid,
        created_at=identity.created_at,
        updated_at=payment.updated_at,
    )
    return _Answer(command, view, payment.written)


def _carry_out(
    payment: Payment, command: Command, status_callback: str
) -> Refusal | None:
    session = payment.session
    if isinstance(command, Field):
        return payment.step(
            lambda now: session.capture(command, status_callback, now=now)
        )
    verb = session.complete if command is StatusCommand.COMPLETE else session.cancel
    return payment.step(lambda now: verb(status_callback, now=now))


def _is_in_effect(payment: Payment, command: Command) -> bool:
    if isinstance(command, Field):
        return payment.session.capturing is command
    return payment.session.state in {State.CONFIRMING, State.PROCESSING, State.ENDED}
