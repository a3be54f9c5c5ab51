"""
Reconciliation: what became of a request whose answer never came.

A machine. The gateway is asked by the connector's lookup, which changes
nothing, until it tells or patience ends. The request itself is never sent
again: without the card it cannot be, and with it, it must not.

    the gateway says            before `final_after_s`      after it
    approved, declined, …       that is the outcome         the same
    it has no record            may still be on its way     nothing was charged
    nothing, or nonsense        ask again                   ask again
    (patience ends)                                         unknown
"""

from dataclasses import dataclass
from typing import TypeAlias

from bridge.connectors.base import Attempt, Connector, Failure, GatewayCall, NotFound
from bridge.errors import LocalProtocolError
from bridge.pay.outcomes import NotSent, Outcome, Unknown


WHILE_CALLER_WAITS_S = (0.0, 1.0, 2.0)
"""Pauses before the lookups of a payment under way: a caller is on the phone."""

AFTER_RESTART_S = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0, 60.0, 60.0)
"""Pauses after a restart: five minutes, in which a gateway may be restarted, too."""

NO_RECORD = "The payment gateway has no record of it; nothing was charged."
NO_LOOKUP = "No answer from the payment gateway, which cannot be asked again."
NOT_TOLD = "No answer from the payment gateway, not even when asked again."


@dataclass(frozen=True, slots=True)
class LookUp:
    """
    Ask the gateway, and report back.
    """

    call: GatewayCall


@dataclass(frozen=True, slots=True)
class Settled:
    """
    The last output: what became of the request, as well as can be known.
    """

    outcome: Outcome


Output: TypeAlias = LookUp | Settled


class Reconciliation:
    """
    One attempt's.

    Args:
        attempt: that was sent.
        connector: of its gateway.
        pauses_s: before each lookup; there are as many lookups.
        age_s: for how long the request has been under way.
        now: monotonic seconds.
    """

    def __init__(
        self,
        attempt: Attempt,
        connector: Connector,
        pauses_s: tuple[float, ...],
        *,
        age_s: float,
        now: float,
    ) -> None:
        self._attempt = attempt
        self._connector = connector
        self._pauses_s = list(pauses_s)
        self._final_at = now - max(0.0, age_s) + connector.final_after_s
        self._is_asking = False
        self._ask_at: float | None = None
        self._outputs: list[Output] = []
        self._wait(now)

    # What comes back.

    def receive_answer(self, status: int, body: bytes, *, now: float) -> None:
        """
        The gateway answered a lookup.

        Raises:
            LocalProtocolError: none is under way.
        """
        self._landed()
        try:
            found = self._connector.decode_lookup(status, body, self._attempt)
        except Exception:  # noqa: BLE001 - an answer may be anything at all
            found = Unknown(message=NOT_TOLD)
        match found:
            case NotFound() if now >= self._final_at:
                self._outputs.append(Settled(NotSent(message=NO_RECORD)))
            case NotFound():
                self._wait_until_final(now)
            case Unknown():
                self._wait(now)
            case _:
                self._outputs.append(Settled(found))

    def receive_failure(self, failure: Failure, *, now: float) -> None:
        """
        No answer came to a lookup; it does not matter how it failed.

        Raises:
            LocalProtocolError: none is under way.
        """
        del failure
        self._landed()
        self._wait(now)

    # Time.

    def deadline(self) -> float | None:
        """
        Tell when the next lookup is due.
        """
        return self._ask_at

    def handle_deadline(self, *, now: float) -> None:
        """
        Ask, if it is time.
        """
        if self._ask_at is not None and now >= self._ask_at:
            self._ask_at = None
            self._ask()

    def poll(self) -> list[Output]:
        """
        Take the outputs that have gathered.
        """
        outputs, self._outputs = self._outputs, []
        return outputs

    # Private.

    def _landed(self) -> None:
        if not self._is_asking:
            raise LocalProtocolError("an answer came to a lookup that was not made")
        self._is_asking = False

    def _wait(self, now: float) -> None:
        if not self._pauses_s:
            self._outputs.append(Settled(Unknown(message=NOT_TOLD)))
            return
        self._ask_at = now + self._pauses_s.pop(0)

    def _wait_until_final(self, now: float) -> None:
        # The moment from which the same answer settles it; patience that ends
        # before would throw away an answer that is all but there.
        pause_s = self._pauses_s.pop(0) if self._pauses_s else 0.0
        self._ask_at = max(now + pause_s, self._final_at)

    def _ask(self) -> None:
        try:
            call = self._connector.encode_lookup(self._attempt)
        except Exception:  # noqa: BLE001 - a connector's bug must not stop a restart
            call = None
        if call is None:
            self._outputs.append(Settled(Unknown(message=NO_LOOKUP)))
            return
        self._is_asking = True
        self._outputs.append(LookUp(call))
