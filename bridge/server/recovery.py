"""
Recovery: what the last process left behind is brought to an end.

The ledger says where each payment stood. Whatever was not committed did not
happen, for nobody was told of it and no gateway was asked.

    it stood                          it ends
    before its completion             `internal-error`: what the caller keyed is
                                      gone with the process, nothing was charged
    at the gateway, no answer known   as the gateway's lookup says; never asked
                                      to pay a second time
    at the gateway, no lookup, or     `payment-connector-error` 64002 "outcome
    none that tells                   is unknown", for an operator to settle

Each ending is one transaction, with its callback and what became of the
attempt: a crash during recovery leaves nothing half done either.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal

import structlog

from bridge.api.errors import ApiError
from bridge.callbacks.body import Identity
from bridge.callbacks.closing import closing_form
from bridge.callbacks.delivery import Callback
from bridge.callbacks.record import PaymentRecord
from bridge.connectors.base import Attempt, Connector
from bridge.connectors.reconciliation import AFTER_RESTART_S, NO_LOOKUP
from bridge.connectors.sandbox_gateway import SandboxGateway
from bridge.errors import LedgerError
from bridge.ledger.changes import (
    AttemptSettled,
    CallbackQueued,
    CallbackReplayed,
    Change,
    SessionMoved,
)
from bridge.ledger.reads import StoredAttempt, StoredCallback, StoredSession
from bridge.ledger.store import Ledger
from bridge.pay.answers import SERVICE_UNAVAILABLE, answer_of, result_of
from bridge.pay.outcomes import Outcome, Unknown
from bridge.pay.outputs import GatewayAnswer, Result
from bridge.pay.settings import Reading
from bridge.pay.states import State
from bridge.scrub import hide_card_numbers
from bridge.server.archive import Archive
from bridge.server.audit_log import AuditLog
from bridge.server.callback_worker import CallbackWorker
from bridge.server.clock import utc_now
from bridge.server.metrics import Metrics
from bridge.server.outbound import Outbound
from bridge.server.payment import attempt_settled, outcome_name
from bridge.server.reconciler import reconcile
from bridge.server.writer import LedgerRefusedError, LedgerWriter


WATCH_S = 2.0
"""How soon it is noticed that an operator wants a dead letter delivered."""

INTERRUPTED = "The payment was interrupted before it was made; nothing was charged."


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """
    What recovery works with.
    """

    ledger: Ledger
    writer: LedgerWriter
    callbacks: CallbackWorker
    connectors: Mapping[str, Connector]
    outbound: Outbound
    sandbox: SandboxGateway
    metrics: Metrics
    audit: AuditLog
    readings: Collection[Reading] = ()
    """Where the wire is to be read otherwise."""
    lost: Callable[[], None]
    """Called when another bridge has taken the ledger."""
    publish: Callable[[PaymentRecord], None] = lambda _record: None
    """Told of payments that were ended while the bridge serves, once it is safe."""


@dataclass(slots=True)
class Recovery:
    """
    One start's.
    """

    means: Means
    _at_gateways: list[StoredSession] = field(default_factory=list)
    _outbox: list[StoredCallback] = field(default_factory=list)

    async def end_captures(self) -> None:
        """
        End what cannot go on, and see what is left; before anybody is let in.
        """
        means = self.means
        left = await asyncio.to_thread(means.ledger.unfinished_sessions)
        ended = []
        for session in left:
            if session.attempts:
                self._at_gateways.append(session)
            else:
                ended.append(means.writer.submit(self._interrupted(session)))
                self._tell(session, Result.INTERNAL_ERROR)
        await asyncio.gather(*ended, return_exceptions=True)
        # After the endings, so that they are in it; before anything new is.
        self._outbox = await asyncio.to_thread(means.ledger.pending_callbacks)

    def deliver(self) -> None:
        """
        Have everything that is left in the outbox delivered, in order.
        """
        for stored in self._outbox:
            self._deliver(stored)
        self._outbox.clear()

    async def reconcile(self) -> None:
        """
        Find out what became of payments that were at a gateway; all at once.
        """
        async with asyncio.TaskGroup() as group:
            for session in self._at_gateways:
                group.create_task(self._settle(session))

    async def watch(self) -> None:
        """
        Deliver the dead letters that an operator asks for; cancel to stop.

        And see that the ledger is still ours.
        """
        while True:
            await asyncio.sleep(WATCH_S)
            try:
                await asyncio.to_thread(self.means.ledger.keep)
                await self._replay()
            except LedgerError as error:
                structlog.get_logger().error("ledger lost", error=str(error))
                self.means.lost()
                return
            except Exception as error:  # noqa: BLE001 - every driver has its own
                name = type(error).__name__
                structlog.get_logger().error("ledger not watched", error=name)

    # Private.

    async def _replay(self) -> None:
        means = self.means
        for stored in await asyncio.to_thread(means.ledger.replayed_callbacks):
            change = CallbackReplayed(callback_id=stored.callback_id)
            await means.writer.submit([change])
            self._deliver(stored)

    def _deliver(self, stored: StoredCallback) -> None:
        self.means.callbacks.add(
            stored.session_sid,
            Callback(callback_id=stored.callback_id, url=stored.url, form=stored.form),
        )

    async def _settle(self, session: StoredSession) -> None:
        attempt = session.attempts[-1]
        log = structlog.get_logger().bind(payment=session.sid, attempt=attempt.attempt)
        log.warning("attempt to be reconciled", connector=session.connector)
        outcome = await self._outcome(attempt)
        name = outcome_name(outcome)
        self.means.metrics.reconciled.labels(outcome=name).inc()
        if isinstance(outcome, Unknown):
            log.error("outcome unknown: ask the gateway", connector=session.connector)
        else:
            log.info("attempt reconciled", outcome=name)
        result = result_of(outcome)
        changes = self._finished(
            session,
            result,
            answer_of(outcome, is_charge=session.charge_amount is not None),
            attempt_settled(attempt.attempt, outcome),
        )
        self._tell(session, result)
        try:
            (number,) = await self.means.writer.submit(changes)
        except LedgerRefusedError:
            return  # it was told, and stays for the next start
        queued = changes[-1]
        assert isinstance(queued, CallbackQueued)  # by _finished
        self.means.callbacks.add(
            session.sid,
            Callback(callback_id=number, url=queued.url, form=queued.form),
        )
        await self._publish(session)

    async def _publish(self, session: StoredSession) -> None:
        archive = Archive(self.means.ledger)
        # What cannot be read is in the log; readers find it when they come back.
        with suppress(ApiError):
            record = await archive.record(
                session.account_sid, session.call_sid, session.sid
            )
            if record is not None:
                self.means.publish(record)

    async def _outcome(self, attempt: StoredAttempt) -> Outcome:
        connector = self.means.connectors.get(attempt.connector)
        if connector is None:
            return Unknown(message=NO_LOOKUP)
        amount = attempt.charge_amount
        return await reconcile(
            Attempt(
                key=attempt.attempt,
                charge_amount=None if amount is None else Decimal(amount),
                currency=attempt.currency,
                sent_at=attempt.sent_at,
            ),
            connector,
            AFTER_RESTART_S,
            self.means.outbound,
            self.means.sandbox,
        )

    def _tell(self, session: StoredSession, result: Result) -> None:
        self.means.metrics.sessions.labels(result=str(result)).inc()
        structlog.get_logger().warning(
            "payment ended after a restart",
            payment=session.sid,
            state=session.state,
            result=str(result),
        )
        self.means.audit.record(
            "ended",
            payment=session.sid,
            call=session.call_sid,
            owner=session.account_sid,
            result=str(result),
        )

    def _interrupted(self, session: StoredSession) -> Sequence[Change]:
        answer = GatewayAnswer(
            pay_error_code=SERVICE_UNAVAILABLE, payment_error=INTERRUPTED
        )
        return self._finished(session, Result.INTERNAL_ERROR, answer)

    def _finished(
        self,
        session: StoredSession,
        result: Result,
        answer: GatewayAnswer,
        *settled: AttemptSettled,
    ) -> list[Change]:
        """
        Give the changes that end a payment; its last callback is the last of them.
        """
        at = utc_now()
        last = session.last_callback
        identity = Identity(
            account_sid=session.account_sid,
            call_sid=session.call_sid,
            sid=session.sid,
            created_at=session.created_at,
        )
        form = closing_form(
            identity,
            last.form,
            sequence=last.sequence + 1,
            result=result,
            answer=_scrubbed(answer),
            updated_at=at,
            readings=self.means.readings,
        )
        return [
            *settled,
            SessionMoved(
                sid=session.sid,
                state=str(State.ENDED),
                result=str(result),
                status_callback=session.status_callback,
                at=at,
            ),
            CallbackQueued(
                session_sid=session.sid,
                account_sid=session.account_sid,
                sequence=last.sequence + 1,
                url=session.status_callback,
                form=form,
                at=at,
            ),
        ]


def _scrubbed(answer: GatewayAnswer) -> GatewayAnswer:
    """
    Take out of a gateway's own words what could be a card number.
    """
    return replace(
        answer,
        payment_error=hide_card_numbers(answer.payment_error),
        connector_error=hide_card_numbers(answer.connector_error),
    )
