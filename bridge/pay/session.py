"""
The pay session: one payment, from the first command to the last report.

A machine: commands and events go in with `now`, outputs come out of `poll`,
`deadline` says when `handle_deadline` is due. It knows no socket, no clock and
no other call. See `states` for what may happen when.
"""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from bridge.errors import LocalProtocolError
from bridge.pay.answers import answer_of, result_of
from bridge.pay.cards import Brand, brand_of
from bridge.pay.fields import (
    Entry,
    ErrorType,
    Field,
    FieldRules,
    security_code_length,
)
from bridge.pay.masks import mask
from bridge.pay.outcomes import Outcome
from bridge.pay.outputs import (
    CaptureClosed,
    CaptureOpened,
    ChargeWanted,
    GatewayAnswer,
    Output,
    Refusal,
    Report,
    Result,
    SessionEnded,
    Step,
)
from bridge.pay.request import ChargeRequest, PaymentRequest
from bridge.pay.states import State, Trigger, next_state
from bridge.scrub import hide


FINISH_KEY = "#"
STAR_KEY = "*"

INCOMPLETE = 64019
CONFLICT = 20409


class StarPolicy(StrEnum):
    """
    What the caller's `*` does during a capture.
    """

    END = "end"
    """End the session, as Twilio documents it."""
    CLEAR = "clear"
    """Forget the field's digits and let the caller begin again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaySettings:
    """
    What an operator chooses for all sessions.
    """

    star: StarPolicy = StarPolicy.END
    first_digit_timeout_s: float | None = None
    """Longest wait for the first digit of a capture; `None` for no limit, since
    callers look for their cards."""
    session_timeout_s: float = 3600.0
    """Longest life of a session that no gateway is busy with."""


class PaySession:
    """
    One payment.

    Args:
        request: what it was started with.
        settings: the operator's choices.
        today: the date on which it was started, for expiry dates.
        now: the time of its start.
    """

    def __init__(
        self,
        request: PaymentRequest,
        settings: PaySettings,
        *,
        today: date,
        now: float,
    ) -> None:
        self.request = request
        self.settings = settings
        self.state = State.READY
        self._rules = FieldRules(
            valid_card_types=request.valid_card_types,
            min_postal_code_length=request.min_postal_code_length,
            today=today,
        )
        self._entries = {field: Entry() for field in Field}
        self._wanted = [
            field
            for field in Field
            if (field is not Field.SECURITY_CODE or request.security_code)
            and (field is not Field.POSTAL_CODE or request.postal_code)
        ]
        self._field: Field | None = None
        self._status_callback = request.status_callback
        self._digit_deadline: float | None = None
        self._session_deadline: float | None = now + settings.session_timeout_s
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
        return tuple(f for f in self._wanted if not self._entries[f].is_complete)

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
        self._status_callback = status_callback
        if self._field is not None:
            self._abandon()
        if field is Field.SECURITY_CODE and not self._is_card_known():
            if self.state is State.CAPTURING:
                self._move(Trigger.FIELD_ENDED)
            self._report(
                Step.UPDATE, capture=field, error_type=ErrorType.CODE_BEFORE_CARD
            )
            return None
        self._move(Trigger.CAPTURE)
        self._entries[field].clear()
        self._field = field
        first = self.settings.first_digit_timeout_s
        self._digit_deadline = None if first is None else now + first
        self._outputs.append(CaptureOpened(field))
        self._report(Step.UPDATE, capture=field)
        return None

    def complete(self, status_callback: str, *, now: float) -> Refusal | None:
        """
        Have the payment made.

        Args:
            status_callback: where reports go from now on.
            now: monotonic seconds.

        Returns:
            Why not, or `None`.
        """
        del now  # no deadline of ours runs while the gateway thinks
        if self.state in {State.PROCESSING, State.ENDED}:
            return self._refuse_late()
        if self.required or self._field is not None:
            return Refusal(
                INCOMPLETE,
                "Required payment information incomplete: "
                + ", ".join(self.required or (self._field or "",)),
            )
        self._status_callback = status_callback
        self._move(Trigger.COMPLETE)
        self._session_deadline = None
        self._outputs.append(ChargeWanted(self._charge_request()))
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

    # What comes from the caller and from the gateway.

    def receive_digit(self, digit: str, *, now: float) -> None:
        """
        Take a key press that began after the capture was opened.

        Args:
            digit: one of the sixteen; letters are ignored.
            now: monotonic seconds.
        """
        swallow, self._swallow_finish_key = self._swallow_finish_key, False
        if self.state is not State.CAPTURING:
            # The key after a field that ended by its length belongs to it,
            # however long it takes the agent to ask for the next one.
            self._swallow_finish_key = swallow and digit != FINISH_KEY
            return
        entry = self._entry()
        if digit == STAR_KEY:
            self._star(now)
        elif digit == FINISH_KEY:
            if not (swallow and not len(entry.digits)):
                self._finish_field()
        elif digit.isdecimal():
            entry.digits.append(ord(digit))
            self._digit_deadline = now + self.request.timeout_s
            if self._rules.is_full(self._current(), entry.digits, self._brand()):
                self._swallow_finish_key = True
                self._finish_field()
            else:
                self._report(Step.UPDATE, capture=self._field, is_partial=True)

    def receive_hang_up(self, *, now: float) -> None:
        """
        The caller is gone.
        """
        del now  # ends every deadline
        if next_state(self.state, Trigger.HANG_UP) is State.ENDED:
            self._end(Trigger.HANG_UP, Result.HUNG_UP)

    def receive_outcome(self, outcome: Outcome, *, now: float) -> None:
        """
        The gateway answered.

        Raises:
            LocalProtocolError: nothing was asked of it.
        """
        del now  # ends every deadline
        if self.state is not State.PROCESSING:
            raise LocalProtocolError(f"an outcome came in state {self.state}")
        is_charge = self.request.charge_amount is not None
        self._end(
            Trigger.ANSWER,
            result_of(outcome),
            self._scrubbed(answer_of(outcome, is_charge=is_charge)),
        )

    # Time.

    def deadline(self) -> float | None:
        """
        Tell when `handle_deadline` is due.
        """
        deadlines = (self._digit_deadline, self._session_deadline)
        return min((d for d in deadlines if d is not None), default=None)

    def handle_deadline(self, *, now: float) -> None:
        """
        Act on the deadlines that have passed; harmless if none has.
        """
        if self._session_deadline is not None and now >= self._session_deadline:
            self._end(Trigger.EXPIRE, Result.VALIDATION_ERROR)
        elif self._digit_deadline is not None and now >= self._digit_deadline:
            self._digit_deadline = None
            field, entry, brand = self._current(), self._entry(), self._brand()
            if self._rules.has_enough(field, entry.digits, brand):
                self._finish_field()
            else:
                self._fail_field(ErrorType.INPUT_TIMEOUT)

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

    def _entry(self) -> Entry:
        return self._entries[self._current()]

    def _is_card_known(self) -> bool:
        return self._entries[Field.CARD_NUMBER].is_complete

    def _brand(self) -> Brand | None:
        return brand_of(self._entries[Field.CARD_NUMBER].digits)

    def _star(self, now: float) -> None:
        if self.settings.star is StarPolicy.END:
            self._end(Trigger.STAR, Result.INTERRUPTED_WITH_STAR)
            return
        self._entry().clear()
        self._digit_deadline = now + self.request.timeout_s
        self._report(Step.UPDATE, capture=self._field, is_partial=True)

    def _finish_field(self) -> None:
        field, entry = self._current(), self._entry()
        error = self._rules.error(field, entry.digits, self._brand())
        if error is not None:
            self._fail_field(error)
            return
        entry.is_complete = True
        if field is Field.CARD_NUMBER:
            self._drop_unfit_code()
        self._close(Trigger.FIELD_ENDED)
        self._report(Step.UPDATE, capture=field)

    def _fail_field(self, error: ErrorType) -> None:
        field = self._current()
        self._entry().clear()
        self._close(Trigger.FIELD_ENDED)
        self._report(Step.UPDATE, capture=field, error_type=error)

    def _drop_unfit_code(self) -> None:
        # A security code was judged by the card it was keyed for.
        code = self._entries[Field.SECURITY_CODE]
        if code.is_complete and len(code.digits) != security_code_length(self._brand()):
            code.clear()

    def _abandon(self) -> None:
        self._entry().clear()
        self._close(None)

    def _close(self, trigger: Trigger | None) -> None:
        self._field = None
        self._digit_deadline = None
        self._outputs.append(CaptureClosed())
        if trigger is not None:
            self._move(trigger)

    # Private: the session.

    def _move(self, trigger: Trigger) -> None:
        target = next_state(self.state, trigger)
        # Callers ask the table first; a gap here would be a bug in them.
        assert target is not None, f"{trigger} in {self.state}"
        self.state = target

    def _refuse_late(self) -> Refusal:
        if self.state is State.PROCESSING:
            return Refusal(CONFLICT, "The payment is being processed")
        return Refusal(CONFLICT, "The payment session has ended")

    def _charge_request(self) -> ChargeRequest:
        def secret(field: Field) -> Entry:
            return self._entries[field]

        code, postal = secret(Field.SECURITY_CODE), secret(Field.POSTAL_CODE)
        return ChargeRequest(
            payment=self.request,
            card_number=secret(Field.CARD_NUMBER).digits,
            expiration_date=secret(Field.EXPIRATION_DATE).digits,
            security_code=code.digits if code.is_complete else None,
            postal_code=postal.digits if postal.is_complete else None,
        )

    def _scrubbed(self, answer: GatewayAnswer) -> GatewayAnswer:
        """
        Take out of a gateway's own words what it was told.
        """
        secrets = [
            self._entries[Field.CARD_NUMBER].digits,
            self._entries[Field.SECURITY_CODE].digits,
        ]
        return replace(
            answer,
            payment_error=hide(answer.payment_error, secrets),
            connector_error=hide(answer.connector_error, secrets),
        )

    def _end(
        self, trigger: Trigger, result: Result, answer: GatewayAnswer | None = None
    ) -> None:
        if self._field is not None:
            self._abandon()
        self._move(trigger)
        self._session_deadline = None
        self._report(Step.FINISH, result=result, answer=answer)
        for entry in self._entries.values():
            entry.clear()
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
        brand = self._brand()
        self._outputs.append(
            Report(
                step=step,
                sequence=self._sequence,
                status_callback=self._status_callback,
                required=self.required,
                entries=tuple(
                    (field, mask(field, entry))
                    for field, entry in self._entries.items()
                    if len(entry.digits)
                ),
                card_type=brand.card_type if brand else None,
                capture=capture,
                is_partial=is_partial,
                error_type=error_type,
                result=result,
                answer=answer,
            )
        )
