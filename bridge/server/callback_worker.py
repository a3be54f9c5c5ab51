"""
The callback worker: the outbox, delivered.

Each session has its own queue; a receiver that is slow for one session keeps
no other waiting.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, assert_never
from urllib.parse import urlencode

import structlog

from bridge.callbacks.delivery import (
    Callback,
    Delivered,
    DeliveryQueue,
    GivenUp,
    Output,
    Post,
    Postponed,
)
from bridge.callbacks.schedule import Fault
from bridge.connectors.base import Failure
from bridge.ledger.changes import CallbackPostponed, CallbackSettled, Change
from bridge.server.clock import utc_now
from bridge.server.metrics import Metrics
from bridge.server.outbound import Outbound
from bridge.server.runner import Runner
from bridge.server.writer import LedgerWriter
from bridge.signature import HEADER, sign


Spawn = Callable[[Coroutine[Any, Any, None]], object]


class CallbackWorker:
    """
    Delivers callbacks.

    Args:
        outbound: posts them.
        writer: remembers what became of them.
        auth_token_of: gives the token that an account's are signed with.
        timeout_s: longest wait for an answer.
        spawn: starts a task that somebody waits for.
        metrics: of the bridge.
    """

    def __init__(
        self,
        outbound: Outbound,
        writer: LedgerWriter,
        *,
        auth_token_of: Callable[[str], str],
        timeout_s: float,
        spawn: Spawn,
        metrics: Metrics,
    ) -> None:
        self._outbound = outbound
        self._writer = writer
        self._auth_token_of = auth_token_of
        self._timeout_s = timeout_s
        self._spawn = spawn
        self._metrics = metrics
        self._queues: dict[str, tuple[DeliveryQueue, Runner[Output]]] = {}
        self._log = structlog.get_logger()

    @property
    def is_idle(self) -> bool:
        """
        Whether nothing is waiting to be delivered.
        """
        return not self._queues

    def add(self, session_sid: str, callback: Callback) -> None:
        """
        Deliver a callback that is in the outbox, after those before it.
        """
        if session_sid not in self._queues:
            queue = DeliveryQueue()
            runner = Runner(queue, partial(self._handle, session_sid))
            self._queues[session_sid] = (queue, runner)
        queue, runner = self._queues[session_sid]
        runner.step(lambda now: queue.add(callback, now=now))

    def stop(self) -> None:
        """
        Leave no timer behind; what is not delivered stays in the outbox.
        """
        for _, runner in self._queues.values():
            runner.stop()
        self._queues.clear()

    def _handle(self, session_sid: str, output: Output) -> None:
        match output:
            case Post():
                self._spawn(self._post(session_sid, output))
            case Delivered():
                self._metrics.callbacks.labels(outcome="delivered").inc()
                self._settle(session_sid, output, None)
            case GivenUp(fault=fault):
                self._metrics.callbacks.labels(outcome="given up").inc()
                self._log.error(
                    "callback given up",
                    payment=session_sid,
                    callback=output.callback_id,
                    fault=fault,
                )
                self._settle(session_sid, output, fault)
            case Postponed(fault=fault, delay_s=delay_s):
                self._record(
                    CallbackPostponed(
                        callback_id=output.callback_id,
                        attempts=output.attempts,
                        fault=fault,
                    )
                )
                self._metrics.callbacks.labels(outcome="postponed").inc()
                self._log.warning(
                    "callback postponed",
                    payment=session_sid,
                    fault=fault,
                    delay_s=delay_s,
                )
            case _:
                assert_never(output)

    def _record(self, change: Change) -> "asyncio.Future[list[int]]":
        return self._writer.submit([change])

    def _settle(
        self, session_sid: str, output: Delivered | GivenUp, fault: str | None
    ) -> None:
        """
        Have the outbox know how a callback ended, and go on to the next then.
        """
        written = self._record(
            CallbackSettled(
                callback_id=output.callback_id,
                is_delivered=fault is None,
                attempts=output.attempts,
                fault=fault,
                at=utc_now(),
            )
        )
        written.add_done_callback(partial(self._go_on, session_sid))

    def _go_on(self, session_sid: str, written: "asyncio.Future[list[int]]") -> None:
        entry = self._queues.get(session_sid)
        if entry is None or written.cancelled():
            return
        queue, runner = entry
        # Refused or written: what can be known of it is known.
        runner.step(lambda now: queue.receive_recorded(now=now))
        if queue.is_empty:
            runner.stop()
            del self._queues[session_sid]

    async def _post(self, session_sid: str, post: Post) -> None:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "User-Agent": "dtmf-engine",
            # The same for every retry of one callback, so that a receiver can
            # tell a repetition.
            "I-Twilio-Idempotency-Token": f"{session_sid}.{post.callback_id}",
            HEADER: sign(
                self._auth_token_of(post.form.get("AccountSid", "")),
                post.url,
                post.form,
            ),
        }
        body = urlencode(post.form).encode()
        answer = await self._outbound.post(post.url, headers, body, self._timeout_s)
        entry = self._queues.get(session_sid)
        if entry is None:
            return
        queue, runner = entry
        if isinstance(answer, Failure):
            lost = answer is Failure.NOT_CONNECTED
            fault = Fault.CONNECT if lost else Fault.READ
            runner.step(lambda now: queue.receive_failure(fault, now=now))
        else:
            status = answer[0]
            runner.step(lambda now: queue.receive_status(status, now=now))
