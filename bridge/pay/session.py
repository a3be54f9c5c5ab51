"""
The pay session: one payment, from the first command to the last report.

A machine: commands and events go in with `now`, outputs come out of `poll`,
`deadline` says when `handle_deadline` is due. It knows no socket, no clock and
no other call. See `states` for what may happen when.
"""

from collections import Counter
from collections.abc import Collection
from datetime import date

from bridge.errors import LocalProtocolError
from bridge.pay.answers import answer_of, result_of
from bridge.pay.codes import CONFLICT, PayErrorCode, message_of
from bridge.pay.entries import Entries
from bridge.pay.fields import ErrorType, Field
from bridge.pay.outcomes import Outcome
from bridge.pay.outputs import (
    CaptureClosed,
    CaptureOpened,
    ChargeWanted,
    GatewayAnswer,
    Output,
    Prompt,
    PromptWanted,
    Refusal,
    Report,
    Result,
    SessionEnded,
    Step,
)
from bridge.pay.request import BankAccountType, PaymentRequest
from bridge.pay.settings import PaySettings, Reading, StarPolicy
from bridge.pay.states import State, Trigger, next_state
from bridge.pay.timers import Timer, Timers
from bridge.secret import Secret


FINISH_KEY = "#"
STAR_KEY = "*"
YES_KEY, NO_KEY = "1", "2"


class PaySession:
    """
    One payment.

    Args:
        request: what it was started with.
        settings: the operator's choices.
        today: the date on which it was started, for expiry dates.
        now: the time of its start.
        bank_account_types: those that the connector takes.
    """

    def __init__(
        self,
        request: PaymentRequest,
        settings: PaySettings,
        *,
        today: date,
        now: float,
        bank_account_types: Collection[BankAccountType] = tuple(BankAccountType),
    ) -> None:
        self.request = request
        self.settings = settings
        self.state = State.READY
        self._entries = Entries(
            request, settings, today=today, bank_account_types=bank_account_types
        )
        self._field: Field | None = None
        self._spoken = Secret()
        """The end of the number, as the caller is asked about it."""
        self._n_failures: Counter[Field] = Counter()
        self._status_callback = request.status_callback
        self._timers = Timers()
        self._timers.start(Timer.SESSION, now, settings.session_timeout_s)
        # A field that ended by its length may be followed by the `#` that the
        # caller was told to press; it must not end the next field.
        self._swallow_finish_key = False
        self._sequence = 0
        self._outputs: list[Output] = []
        self._report(Step.START)

    # What can be asked.

    @property
    def required(self) -> tuple[Field, ...]:
        """
        The fields still to be captured, in the order of `Field`.
        """
        return self._entries.required

    @property
    def capturing(self) -> Field | None:
        """
        The field that digits go to now.
        """
        return self._field

    @property
    def status_callback(self) -> str:
        """
        Where reports go now.
        """
        return self._status_callback

    # Commands of the agent.

    def capture(
        self, field: Field, status_callback: str, *, now: float
    ) -> Refusal | None:
        """
        Ask the caller for a field, again or for the first time.

        Args:
            field: which; what was keyed for it before is forgotten.
            status_callback: where reports go from now on.
            now: monotonic seconds.

        Returns:
            Why not, or `None`.
        """
        if next_state(self.state, Trigger.CAPTURE) is None:
            return self._refuse_late()
        if field not in self._entries.fields:
            expected = ", ".join(self._entries.fields)
            return _refusal(
                PayErrorCode.INVALID_PARAMETER, f"Capture: expected one of {expected}"
            )
        self._status_callback = status_callback
        self._abandon()
        error = self._entries.order_error(field)
        if error is not None:
            if self.state is State.CAPTURING:
                self._move(Trigger.FIELD_ENDED)
            elif self.state is State.CONFIRMING:
                self._move(Trigger.SILENCE)
            self._report(Step.UPDATE, capture=field, error_type=error)
            return None
        self._move(Trigger.CAPTURE)
        self._entries.begin(field)
        self._field = field
        self._timers.start(Timer.DIGIT, now, self.settings.first_digit_timeout_s)
        self._timers.start(Timer.FIELD, now, self.settings.field_timeout_s)
        self._outputs.append(CaptureOpened(field))
        self._report(Step.UPDATE, capture=field)
        return None

    def complete(self, status_callback: str, *, now: float) -> Refusal | None:
        """
        Have the payment made, once the caller has confirmed it where he must.

        Args:
            status_callback: where reports go from now on.
            now: monotonic seconds.

        Returns:
            Why not, or `None`.
        """
        if self.state not in {State.READY, State.CAPTURING}:
            return self._refuse_late()
        if self.required or self._field is not None:
            return self._refuse_early(status_callback)
        self._status_callback = status_callback
        if self.request.confirmation:
            self._ask(now)
        else:
            self._process(Trigger.COMPLETE)
        return None

    def cancel(self, status_callback: str, *, now: float) -> Refusal | None:
        """
        Give the payment up.

        Args:
            status_callback: where the last report goes.
            now: monotonic seconds.

        Returns:
            Why not, or `None`.
        """
        del now  # ends every deadline
        if next_state(self.state, Trigger.CANCEL) is None:
            return self._refuse_late()
        self._status_callback = status_callback
        self._end(Trigger.CANCEL, Result.CANCELLED)
        return None

    def refuse_second_start(self, status_callback: str, *, now: float) -> None:
        """
        Tell whoever tried to start another payment on the call that this one runs.

        Args:
            status_callback: of the other one.
            now: monotonic seconds.
        """
        del now
        if self.state is State.ENDED:
            return
        own, self._status_callback = self._status_callback, status_callback
        self._report(Step.UPDATE, error_type=ErrorType.SESSION_IN_PROGRESS)
        self._status_callback = own

    # What comes from the caller, the agent's line and the gateway.

    def receive_digit(self, digit: str, *, now: float) -> None:
        """
        Take a key press that began after the capture was opened.

        Args:
            digit: one of the sixteen; letters are ignored.
            now: monotonic seconds.
        """
        swallow, self._swallow_finish_key = self._swallow_finish_key, False
        if self._field is None:
            # The key after a field that ended by its length belongs to it,
            # however long it takes the agent to ask for the next one.
            self._swallow_finish_key = swallow and digit != FINISH_KEY
            if self.state is State.CONFIRMING:
                self._receive_answer(digit, now)
        elif digit == STAR_KEY:
            self._star(now)
        elif digit == FINISH_KEY:
            if not (swallow and not self._entries.n_digits(self._field)):
                self._finish_field()
        elif digit.isdecimal():
            self._receive_decimal(self._field, ord(digit), now)

    def receive_hang_up(self, *, now: float) -> None:
        """
        The caller is gone.
        """
        del now  # ends every deadline
        if next_state(self.state, Trigger.HANG_UP) is State.ENDED:
            self._end(Trigger.HANG_UP, Result.HUNG_UP)

    def receive_agent_gone(self, *, now: float) -> None:
        """
        The agent leg is gone; it may come back.
        """
        if next_state(self.state, Trigger.DESERT) is not None:
            self._timers.start(Timer.AGENT, now, self.settings.agent_timeout_s)

    def receive_agent_back(self, *, now: float) -> None:
        """
        The agent leg is there again.
        """
        del now
        self._timers.stop(Timer.AGENT)

    def receive_prompt_started(self, duration_s: float, *, now: float) -> None:
        """
        A prompt is being said: the time to answer it is counted from its end.

        Args:
            duration_s: how long it takes, from now on.
            now: monotonic seconds.
        """
        if self.state is State.CONFIRMING:
            self._await_answer(now + duration_s)

    def receive_fault(self, *, now: float) -> None:
        """
        Something of ours failed while keys were taken: what came in is not whole.
        """
        del now
        if self._field is not None:
            self._fail_field(ErrorType.INTERNAL_ERROR)

    def receive_outcome(self, outcome: Outcome, *, now: float) -> None:
        """
        The gateway answered.

        Raises:
            LocalProtocolError: nothing was asked of it.
        """
        del now  # ends every deadline
        if self.state is not State.PROCESSING:
            raise LocalProtocolError(f"an outcome came in state {self.state}")
        self._end(
            Trigger.ANSWER,
            result_of(outcome),
            answer_of(
                outcome,
                is_charge=self.request.charge_amount is not None,
                secrets=self._entries.unspeakable(),
            ),
        )

    # Time.

    def deadline(self) -> float | None:
        """
        Tell when `handle_deadline` is due.
        """
        return self._timers.deadline()

    def handle_deadline(self, *, now: float) -> None:
        """
        Act on the deadlines that have passed; harmless if none has.
        """
        match self._timers.due(now):
            case Timer.SESSION:
                self._end(Trigger.EXPIRE, Result.VALIDATION_ERROR)
            case Timer.AGENT:
                self._end(Trigger.DESERT, Result.CANCELLED)
            case Timer.FIELD | Timer.DIGIT:
                self._end_waiting()

    def poll(self) -> list[Output]:
        """
        Take the outputs that have gathered.
        """
        outputs, self._outputs = self._outputs, []
        return outputs

    # Private: one field.

    def _current(self) -> Field:
        # Only reached in CAPTURING, where a field is always set.
        assert self._field is not None
        return self._field

    def _receive_decimal(self, field: Field, digit: int, now: float) -> None:
        self._entries.append(field, digit)
        self._timers.start(Timer.DIGIT, now, self.request.timeout_s)
        if self._entries.is_full(field):
            self._swallow_finish_key = True
            self._finish_field()
        else:
            self._report(Step.UPDATE, capture=field, is_partial=True)

    def _star(self, now: float) -> None:
        if self.settings.star is StarPolicy.END:
            self._end(Trigger.STAR, Result.INTERRUPTED_WITH_STAR)
        elif self.state is State.CONFIRMING:
            self._prompt(now)
        else:
            self._entries.clear(self._current())
            self._timers.start(Timer.DIGIT, now, self.request.timeout_s)
            self._report(Step.UPDATE, capture=self._field, is_partial=True)

    def _end_waiting(self) -> None:
        if self.state is State.CONFIRMING:
            self._abandon()
            self._move(Trigger.SILENCE)
            self._report(Step.UPDATE, error_type=ErrorType.INPUT_TIMEOUT)
        elif self._entries.has_enough(self._current()):
            self._finish_field()
        else:
            self._fail_field(ErrorType.INPUT_TIMEOUT)

    def _finish_field(self) -> None:
        field = self._current()
        error = self._entries.finish(field)
        if error is not None:
            self._fail_field(error)
            return
        self._close()
        self._move(Trigger.FIELD_ENDED)
        self._report(Step.UPDATE, capture=field)

    def _fail_field(self, error: ErrorType) -> None:
        field = self._current()
        self._entries.clear(field)
        self._close()
        self._move(Trigger.FIELD_ENDED)
        self._report(Step.UPDATE, capture=field, error_type=error)
        self._n_failures[field] += 1
        if self._n_failures[field] == self.settings.max_failed_captures:
            self._end(Trigger.EXHAUST, Result.TOO_MANY_FAILURES)

    def _abandon(self) -> None:
        """
        Want no more digits, and forget those of a capture under way.
        """
        if self._field is not None:
            self._entries.clear(self._field)
            self._close()
        elif self.state is State.CONFIRMING:
            self._close()

    def _close(self) -> None:
        self._field = None
        self._spoken.wipe()
        self._timers.stop(Timer.DIGIT, Timer.FIELD)
        self._outputs.append(CaptureClosed())

    # Private: the caller's own word.

    def _ask(self, now: float) -> None:
        self._move(Trigger.ASK)
        self._outputs.append(CaptureOpened(self._confirmation))
        self._prompt(now)

    def _prompt(self, now: float) -> None:
        self._spoken.wipe()
        self._spoken = self._entries.end_of_number()
        # In case that nobody says it.
        self._await_answer(now)
        self._outputs.append(PromptWanted(self._confirmation, self._spoken))

    def _await_answer(self, now: float) -> None:
        self._timers.start(Timer.DIGIT, now, self.settings.confirmation_timeout_s)

    @property
    def _confirmation(self) -> Prompt:
        return Prompt.CONFIRM_CARD if self.request.is_card else Prompt.CONFIRM_ACCOUNT

    def _receive_answer(self, digit: str, now: float) -> None:
        if digit == YES_KEY:
            self._abandon()
            self._process(Trigger.CONFIRM)
        elif digit == NO_KEY:
            self._end(Trigger.DECLINE, Result.CANCELLED)
        elif digit == STAR_KEY:
            self._star(now)

    # Private: the session.

    def _move(self, trigger: Trigger) -> None:
        target = next_state(self.state, trigger)
        # Callers ask the table first; a gap here would be a bug in them.
        assert target is not None, f"{trigger} in {self.state}"
        self.state = target

    def _process(self, trigger: Trigger) -> None:
        self._move(trigger)
        # No deadline of ours runs while the gateway thinks.
        self._timers.stop()
        self._outputs.append(ChargeWanted(self._entries.charge_request()))

    def _refuse_late(self) -> Refusal:
        match self.state:
            case State.CONFIRMING:
                why = "The caller is being asked to confirm the payment"
            case State.PROCESSING:
                why = "The payment is being processed"
            case _:
                why = "The payment session has ended"
        return Refusal(CONFLICT, why)

    def _refuse_early(self, status_callback: str) -> Refusal | None:
        missing = ", ".join(self.required or (self._current(),))
        refusal = _refusal(PayErrorCode.INCOMPLETE, missing)
        if Reading.INCOMPLETE_ENDS not in self.settings.readings:
            return refusal
        self._status_callback = status_callback
        self._end(
            Trigger.REJECT,
            Result.VALIDATION_ERROR,
            GatewayAnswer(pay_error_code=refusal.code, payment_error=refusal.message),
        )
        return None

    def _end(
        self, trigger: Trigger, result: Result, answer: GatewayAnswer | None = None
    ) -> None:
        self._abandon()
        self._move(trigger)
        self._timers.stop()
        self._report(Step.FINISH, result=result, answer=answer)
        self._entries.wipe()
        self._outputs.append(SessionEnded(result))

    def _report(
        self,
        step: Step,
        *,
        capture: Field | None = None,
        is_partial: bool = False,
        error_type: ErrorType | None = None,
        result: Result | None = None,
        answer: GatewayAnswer | None = None,
    ) -> None:
        self._sequence += 1
        brand = self._entries.brand
        self._outputs.append(
            Report(
                step=step,
                sequence=self._sequence,
                status_callback=self._status_callback,
                required=self.required,
                entries=self._entries.masked(),
                card_type=brand.card_type if brand else None,
                capture=capture,
                is_partial=is_partial,
                error_type=error_type,
                result=result,
                answer=answer,
            )
        )


def _refusal(code: PayErrorCode, what: str) -> Refusal:
    return Refusal(int(code), message_of(code, what))
