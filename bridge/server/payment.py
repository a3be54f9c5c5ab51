"""
One payment under way: its session, its call, its place in the ledger.

A step of the session may report something, want a gateway asked, or end. All
of that is written in one transaction first; callbacks go out and the gateway
is asked only when it is safe. Should the process die, `recovery` goes on from
what was written.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar, assert_never

import structlog

from bridge.call.voice import Voice
from bridge.callbacks.body import Identity, callback_form
from bridge.callbacks.delivery import Callback
from bridge.callbacks.record import PaymentRecord
from bridge.connectors.base import Attempt, Connector, Failure, outcome_of_failure
from bridge.connectors.reconciliation import WHILE_CALLER_WAITS_S
from bridge.connectors.sandbox_gateway import SandboxGateway
from bridge.ledger.changes import (
    AttemptOpened,
    AttemptSettled,
    CallbackQueued,
    Change,
    SessionMoved,
    SessionOpened,
)
from bridge.pay.outcomes import Approved, NotSent, Outcome, Unknown
from bridge.pay.outputs import (
    CaptureClosed,
    CaptureOpened,
    ChargeWanted,
    Output,
    Prompt,
    PromptWanted,
    Report,
    SessionEnded,
)
from bridge.pay.request import ChargeRequest, PaymentRequest
from bridge.pay.session import PaySession
from bridge.pay.settings import PaySettings
from bridge.secret import Secret
from bridge.server.archive import Archive
from bridge.server.audit_log import AuditLog
from bridge.server.callback_worker import CallbackWorker, Spawn
from bridge.server.clock import utc_now
from bridge.server.feeds import Feeds
from bridge.server.ids import new_id
from bridge.server.metrics import Metrics
from bridge.server.outbound import Outbound, ask_gateway
from bridge.server.reconciler import reconcile
from bridge.server.runner import Runner
from bridge.server.switchboard import Call, Switchboard
from bridge.server.writer import LedgerRefusedError, LedgerWriter
from dtmf_engine.units import SAMPLE_RATE_HZ


Answer = TypeVar("Answer")

NOT_RECORDED = "The payment could not be recorded; nothing was sent."

_LAST_TIME_ZONE = timedelta(hours=12)
"""A month ends last at UTC−12; a card is good until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """
    What all payments share.
    """

    switchboard: Switchboard
    writer: LedgerWriter
    callbacks: CallbackWorker
    feeds: Feeds
    outbound: Outbound
    archive: Archive
    sandbox: SandboxGateway
    settings: PaySettings
    voice: Voice
    metrics: Metrics
    audit: AuditLog
    spawn: Spawn


class Payment:
    """
    One payment.

    Args:
        tools: what payments share.
        identity: of the payment.
        request: what it was started with.
        connector: of the gateway that will be asked.
        call: whose digits it takes.
        ended: called once, when it has ended.
    """

    def __init__(
        self,
        tools: Tools,
        identity: Identity,
        request: PaymentRequest,
        connector: Connector,
        call: Call,
        ended: Callable[["Payment"], None],
    ) -> None:
        self.identity = identity
        self.request = request
        self.call = call
        self.updated_at = identity.created_at
        self._tools = tools
        self._connector = connector
        self._ended = ended
        self._changes: list[Change] = []
        self._told: list[CallbackQueued] = []
        """The first callback, and the last."""
        self._charge: tuple[ChargeRequest, str] | None = None
        self._result: str | None = None
        self._log = structlog.get_logger().bind(payment=identity.sid, call=call.name)
        self.session = PaySession(
            request,
            tools.settings,
            today=(identity.created_at - _LAST_TIME_ZONE).date(),
            now=asyncio.get_running_loop().time(),
            bank_account_types=connector.capabilities(request).bank_account_types,
        )
        self._written = (self.session.state, self.session.status_callback)
        amount = request.charge_amount
        self._changes.append(
            SessionOpened(
                sid=identity.sid,
                account_sid=identity.account_sid,
                call_sid=identity.call_sid,
                state=str(self.session.state),
                connector=request.payment_connector,
                charge_amount=None if amount is None else str(amount),
                currency=request.currency,
                status_callback=request.status_callback,
                at=identity.created_at,
            )
        )
        self.written: asyncio.Future[list[int]]
        """Done when all that happened so far is safe."""
        self._runner = Runner[Output](self.session, self._handle, self._commit)
        call.listener = self
        self._log.info("payment started")
        self.audit("start")
        self.step(lambda _now: None)

    def step(self, mutate: Callable[[float], Answer]) -> Answer:
        """
        Mutate the session and do what it says.
        """
        return self._runner.step(mutate)

    def audit(self, action: str, **facts: str | None) -> None:
        """
        Record something of this payment in the audit log.
        """
        identity = self.identity
        self._tools.audit.record(
            action,
            payment=identity.sid,
            call=identity.call_sid,
            owner=identity.account_sid,
            **facts,
        )

    # The listener of the call.

    def receive_digit(self, digit: str) -> None:
        """
        The caller pressed a key.
        """
        try:
            self.step(lambda now: self.session.receive_digit(digit, now=now))
        except Exception as error:  # noqa: BLE001 - a field must not hang on a bug
            self._log.error("digit failed", error=type(error).__name__)
            self.step(lambda now: self.session.receive_fault(now=now))

    def receive_hang_up(self) -> None:
        """
        The caller is gone.
        """
        self.step(lambda now: self.session.receive_hang_up(now=now))

    def receive_agent_gone(self) -> None:
        """
        The agent leg is gone.
        """
        self.step(lambda now: self.session.receive_agent_gone(now=now))

    def receive_agent_back(self) -> None:
        """
        The agent leg is there again.
        """
        self.step(lambda now: self.session.receive_agent_back(now=now))

    # Private.

    def _handle(self, output: Output) -> None:
        match output:
            case Report():
                self._report(output)
            case CaptureOpened(wanted=wanted):
                self._log.info("capture opened", field=str(wanted))
                self._tools.switchboard.set_armed(self.call, armed=True)
                self.audit("armed", field=str(wanted))
            case CaptureClosed():
                self._log.info("capture closed")
                self._tools.switchboard.set_armed(self.call, armed=False)
                self.audit("disarmed")
            case PromptWanted(prompt=prompt, digits=digits):
                self._say(prompt, digits)
            case ChargeWanted(request=request):
                attempt = new_id("a", 9)
                self._charge = (request, attempt)
                self._changes.append(
                    AttemptOpened(
                        attempt=attempt, session_sid=self.identity.sid, at=utc_now()
                    )
                )
            case SessionEnded(result=result):
                self._end(str(result))
            case _:
                assert_never(output)

    def _say(self, prompt: Prompt, digits: Secret) -> None:
        """
        Have the caller hear a prompt.

        How long it takes depends on the digits: that goes into no log.
        """
        octets = self._tools.voice.say(prompt, digits)
        duration_s = len(octets) / SAMPLE_RATE_HZ
        self._tools.switchboard.play_prompt(self.call, octets)
        self._log.info("prompt played", prompt=str(prompt))
        self.step(lambda now: self.session.receive_prompt_started(duration_s, now=now))

    def _report(self, report: Report) -> None:
        self.updated_at = utc_now()
        form = callback_form(
            self.identity,
            self.request,
            report,
            self.updated_at,
            self._tools.settings.readings,
        )
        queued = CallbackQueued(
            session_sid=self.identity.sid,
            account_sid=self.identity.account_sid,
            sequence=report.sequence,
            url=report.status_callback,
            form=form,
            at=self.updated_at,
        )
        self._changes.append(queued)
        self._told[1:] = [queued]

    def _end(self, result: str) -> None:
        self._result = result
        if self.call.listener is self:
            self.call.listener = None
        self._tools.metrics.sessions.labels(result=result).inc()
        self._log.info("payment ended", result=result)
        self.audit("ended", result=result)
        self._ended(self)

    def _commit(self) -> None:
        """
        Have everything of this step written, and act on it then.
        """
        standing = (self.session.state, self.session.status_callback)
        if standing != self._written:
            self._written = standing
            self._changes.append(
                SessionMoved(
                    sid=self.identity.sid,
                    state=str(self.session.state),
                    result=self._result,
                    status_callback=self.session.status_callback,
                    at=utc_now(),
                )
            )
        if not self._changes:
            return
        changes, self._changes = self._changes, []
        charge, self._charge = self._charge, None
        queued = [change for change in changes if isinstance(change, CallbackQueued)]
        records = self._records(queued)

        def act(written: asyncio.Future[list[int]]) -> None:
            if written.cancelled():
                return
            refused = isinstance(written.exception(), LedgerRefusedError)
            # What the outbox would not keep is told all the same, as long as we
            # live; a number that no row has says which is meant.
            numbers = (
                [-change.sequence for change in queued] if refused else written.result()
            )
            for change, number in zip(queued, numbers, strict=True):
                self._tools.callbacks.add(
                    self.identity.sid,
                    Callback(callback_id=number, url=change.url, form=change.form),
                )
            for record in records:
                self._tools.feeds.publish(record)
            if charge is not None and refused:
                # An attempt that is not written down is not made.
                self._settle(charge[1], NotSent(message=NOT_RECORDED))
            elif charge is not None:
                self._tools.spawn(self._ask(*charge))

        self.written = self._tools.writer.submit(changes)
        self.written.add_done_callback(act)

    def _records(self, queued: list[CallbackQueued]) -> list[PaymentRecord]:
        """
        Give what readers are told of a step: a record for each callback.

        Where only the state has moved, it is the last callback's again.
        """
        return [
            PaymentRecord(
                identity=self.identity,
                state=str(self.session.state),
                currency=self.request.currency,
                first=self._told[0].form,
                last=change.form,
                sequence=change.sequence,
                updated_at=change.at,
            )
            for change in queued or self._told[-1:]
        ]

    async def _ask(self, request: ChargeRequest, attempt: str) -> None:
        """
        Ask the gateway, once.
        """
        self._log.info("gateway asked", attempt=attempt)
        sent_at = utc_now()
        outcome = await self._outcome(request, attempt)
        if isinstance(outcome, Unknown):
            self._log.warning("gateway's answer lost", attempt=attempt)
            outcome = await self._reconcile(request, attempt, sent_at, outcome)
        self._settle(attempt, outcome)

    def _settle(self, attempt: str, outcome: Outcome) -> None:
        settled = attempt_settled(attempt, outcome)
        self._log.info("gateway answered", attempt=attempt, outcome=settled.outcome)
        self._changes.append(settled)
        self.step(lambda now: self.session.receive_outcome(outcome, now=now))

    async def _reconcile(
        self, request: ChargeRequest, attempt: str, sent_at: datetime, lost: Unknown
    ) -> Outcome:
        """
        Find out what became of a request whose answer was lost.
        """
        sent = Attempt(
            key=attempt,
            charge_amount=request.payment.charge_amount,
            currency=request.payment.currency,
            sent_at=sent_at,
        )
        found = await reconcile(
            sent,
            self._connector,
            WHILE_CALLER_WAITS_S,
            self._tools.outbound,
            self._tools.sandbox,
        )
        self._tools.metrics.reconciled.labels(outcome=outcome_name(found)).inc()
        # How it was lost says more than that nobody could find it.
        return lost if isinstance(found, Unknown) else found

    async def _outcome(self, request: ChargeRequest, attempt: str) -> Outcome:
        # Two separate nets, because they mean different things: before the
        # request left nothing can have happened, after it anything can.
        try:
            call = self._connector.encode(request, attempt)
        except Exception as error:  # noqa: BLE001 - worker top
            self._log.error("connector failed to encode", error=type(error).__name__)
            return NotSent(message="The request could not be written.")
        try:
            answer = await ask_gateway(call, self._tools.outbound, self._tools.sandbox)
            if isinstance(answer, Failure):
                return outcome_of_failure(answer)
            status, body = answer
            return self._connector.decode(status, body, request)
        except Exception as error:  # noqa: BLE001 - worker top
            self._log.error("connector failed to decode", error=type(error).__name__)
            return Unknown(message="The gateway's answer was not understood.")


def outcome_name(outcome: Outcome) -> str:
    """
    Name an outcome for the ledger, logs and metrics.
    """
    return type(outcome).__name__.lower()


def attempt_settled(attempt: str, outcome: Outcome) -> AttemptSettled:
    """
    Give the change that says what became of an attempt.
    """
    reference = None
    if isinstance(outcome, Approved):
        reference = outcome.confirmation_code or outcome.token
    return AttemptSettled(
        attempt=attempt,
        outcome=outcome_name(outcome),
        reference=reference,
        at=utc_now(),
    )


def new_identity(account_sid: str, call_sid: str, created_at: datetime) -> Identity:
    """
    Name a new payment.
    """
    return Identity(
        account_sid=account_sid,
        call_sid=call_sid,
        sid=new_id("PK", 16),
        created_at=created_at,
    )
