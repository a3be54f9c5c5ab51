"""
Pay session, driven at random: what holds whatever agent, caller and clock do.
"""

import re
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bridge.pay.fields import CARD_FIELDS, MATCHED, Field
from bridge.pay.outcomes import (
    Approved,
    Declined,
    Invalid,
    NotSent,
    Outcome,
    Unknown,
)
from bridge.pay.outputs import (
    CaptureClosed,
    CaptureOpened,
    ChargeWanted,
    Output,
    Prompt,
    PromptWanted,
    Report,
    SessionEnded,
    Step,
)
from bridge.pay.request import PaymentMethod, PaymentRequest
from bridge.pay.settings import PaySettings, Reading, StarPolicy
from bridge.pay.states import State
from tests.support.pay import (
    AMEX,
    CHARGE,
    KEYS,
    SETTINGS,
    VISA,
    PayScene,
)
from tests.support.strategies import stable


IN_CLEAR = {Field.EXPIRATION_DATE, Field.POSTAL_CODE, Field.ROUTING_NUMBER}
NUMBERS = {Field.CARD_NUMBER, Field.CARD_NUMBER_MATCHER, Field.ACCOUNT_NUMBER}
MAY_BE_SHOWN = {
    Field.CARD_NUMBER: "x*|x{8,15}[0-9]{4}",
    Field.EXPIRATION_DATE: "x*|[0-9]{4}",
    Field.SECURITY_CODE: "x*",
    Field.POSTAL_CODE: "x*|[0-9]{1,10}",
    Field.ROUTING_NUMBER: "x*|[0-9]{9}",
    Field.ACCOUNT_NUMBER: r"\**|\*{2,15}[0-9]{2}",
}
MOST_SHOWN = 4
"""Digits of a card number that may stand together."""

OUTCOMES: list[Outcome] = [
    Approved(confirmation_code="ch_1"),
    Approved(token="tok_1", profile_id="p_1"),
    Declined(code="card_declined", message="The card was declined."),
    Invalid(code="401", message="Refused.", pay_error_code=64001),
    NotSent(message="No connection."),
    Unknown(message="No answer."),
]


def _text(output: Output) -> str:
    """
    Print an output, without the fields that are shown in clear.
    """
    if not isinstance(output, Report):
        return f"{output!r} {output}"
    hidden = [(field, text) for field, text in output.entries if field not in IN_CLEAR]
    answer = repr(output.answer).replace("pay_error_code=64", "")
    return f"{hidden} {output.status_callback} {answer} {output.error_type}"


class PaySessionMachine(RuleBasedStateMachine):
    """
    One session, and everybody who has to do with it.
    """

    @initialize()
    def begin_plainly(self) -> None:
        """
        The first session is the commonest.
        """
        self._begin(CHARGE, SETTINGS)

    @precondition(lambda self: self.scene.session.state is State.ENDED)
    @rule(
        star=st.sampled_from(StarPolicy),
        first_digit_timeout_s=st.sampled_from([None, 7.0]),
        session_timeout_s=st.sampled_from([100.0, 3600.0]),
        timeout_s=st.sampled_from([2.0, 5.0]),
        security_code=st.booleans(),
        postal_code=st.booleans(),
        method=st.sampled_from(PaymentMethod),
        matching=st.sets(st.sampled_from(CARD_FIELDS)),
        confirmation=st.booleans(),
        field_timeout_s=st.sampled_from([None, 12.0]),
        max_failed_captures=st.sampled_from([None, 1, 3]),
        readings=st.sets(st.sampled_from(Reading)),
    )
    def begin_again(
        self,
        *,
        star: StarPolicy,
        first_digit_timeout_s: float | None,
        session_timeout_s: float,
        timeout_s: float,
        security_code: bool,
        postal_code: bool,
        method: PaymentMethod,
        matching: set[Field],
        confirmation: bool,
        field_timeout_s: float | None,
        max_failed_captures: int | None,
        readings: set[Reading],
    ) -> None:
        """
        After one session another starts, of any kind.
        """
        request = replace(
            CHARGE,
            timeout_s=timeout_s,
            security_code=security_code,
            postal_code=postal_code,
            payment_method=method,
            require_matching_inputs=frozenset(matching),
            confirmation=confirmation,
        )
        chosen = PaySettings(
            star=star,
            first_digit_timeout_s=first_digit_timeout_s,
            session_timeout_s=session_timeout_s,
            agent_timeout_s=20.0,
            field_timeout_s=field_timeout_s,
            max_failed_captures=max_failed_captures,
            readings=frozenset(readings),
        )
        self._begin(request, chosen)

    def _begin(self, request: PaymentRequest, settings: PaySettings) -> None:
        self.scene = PayScene(request, settings)
        self.n_seen = 0
        self.text = ""
        """All outputs, printed."""
        self.sequence = 0
        self.open: Field | Prompt | None = None
        self.n_charges = 0
        self.n_finishes = 0
        self.n_ends = 0
        self.numbers: set[str] = set()
        """Every run of digits that was keyed as a card number."""
        self.keyed = ""

    # What may happen.

    @rule(field=st.sampled_from(Field))
    def capture(self, field: Field) -> None:
        """
        The agent asks for a field.
        """
        self.scene.capture(field)

    @rule(keys=st.text("0123456789", min_size=1, max_size=6))
    def press_digits(self, keys: str) -> None:
        """
        The caller keys something.
        """
        self._press(keys)

    @rule(key=st.sampled_from("##AD*"))
    def press_other(self, key: str) -> None:
        """
        The caller presses another key.
        """
        self._press(key)

    @precondition(lambda self: self.scene.session.capturing is not None)
    @rule(card=st.sampled_from([VISA, VISA, AMEX, VISA[:-1] + "1#"]))
    def press_all(self, card: str) -> None:
        """
        The caller keys what is asked for.
        """
        wanted = self.scene.session.capturing
        assert wanted is not None
        self._press(card if wanted is Field.CARD_NUMBER else KEYS[wanted])

    @precondition(lambda self: self.scene.session.state is State.CONFIRMING)
    @rule(key=st.sampled_from("1123#*"))
    def press_answer(self, key: str) -> None:
        """
        The caller says yes or no, or anything.
        """
        self._press(key)

    @rule(seconds=st.sampled_from([0.0, 7.0, 40.0]))
    def prompt(self, seconds: float) -> None:
        """
        A prompt is said, or somebody believes so.
        """
        self.scene.session.receive_prompt_started(seconds, now=self.scene.now)
        self.scene.take()

    @rule(is_there=st.booleans())
    def agent(self, *, is_there: bool) -> None:
        """
        The agent leg goes, or comes back.
        """
        self.scene.agent(is_there=is_there)

    @rule()
    def fault(self) -> None:
        """
        Something of ours fails.
        """
        self.scene.session.receive_fault(now=self.scene.now)
        self.scene.take()

    @rule()
    def start_another(self) -> None:
        """
        Somebody tries to start another payment on the call.
        """
        self.scene.session.refuse_second_start(
            "https://other.example/", now=self.scene.now
        )
        self.scene.take()

    @rule()
    def complete(self) -> None:
        """
        The agent completes.
        """
        self.scene.complete()

    @precondition(lambda self: self.scene.session.state is State.READY)
    @rule(field=st.sampled_from(Field), is_sure=st.booleans())
    def capture_all(self, field: Field, *, is_sure: bool) -> None:
        """
        All is captured in order, and one field again.
        """
        for wanted in (*self.scene.session.required, field):
            if self.scene.capture(wanted) is None:
                self._press(KEYS[wanted])
        if is_sure:
            self.scene.complete()

    @rule(is_sure=st.integers(0, 3))
    def cancel(self, is_sure: int) -> None:
        """
        The agent gives up, seldom.
        """
        if not is_sure:
            self.scene.cancel()

    @rule(is_sure=st.integers(0, 3))
    def hang_up(self, is_sure: int) -> None:
        """
        The caller hangs up, seldom.
        """
        if not is_sure:
            self.scene.hang_up()

    @precondition(lambda self: self.scene.session.state is State.PROCESSING)
    @rule(outcome=st.sampled_from(OUTCOMES))
    def answer(self, outcome: Outcome) -> None:
        """
        The gateway answers what it was asked.
        """
        self.scene.answer(outcome)

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.9, 2.0, 5.0, 6.0, 30.0]))
    def wait(self, seconds: float) -> None:
        """
        Time passes; every deadline is handled when it is due.
        """
        self.scene.wait(seconds)

    @rule()
    def wake_too_early(self) -> None:
        """
        A timer fires before its time, and nothing comes of it.
        """
        due = self.scene.session.deadline()
        self.scene.session.handle_deadline(now=self.scene.now)
        if due is None or self.scene.now < due:
            assert self.scene.session.poll() == []
            assert self.scene.session.deadline() == due

    # What holds.

    @invariant()
    def outputs_keep_their_order(self) -> None:
        """
        Sequence, captures, charge and end come as they must.
        """
        self._check()
        session = self.scene.session
        assert session.poll() == []
        is_field = session.state is State.CAPTURING
        assert session.capturing is (self.open if is_field else None)
        assert isinstance(self.open, Prompt) is (session.state is State.CONFIRMING)
        assert (self.open is not None) is (is_field or isinstance(self.open, Prompt))
        assert (session.state is State.ENDED) is (self.n_ends == 1)
        assert self.n_finishes == self.n_ends
        due = session.deadline()
        if session.state in {State.PROCESSING, State.ENDED}:
            assert due is None
        else:
            assert due is not None
            assert due >= self.scene.now
        if session.state is State.ENDED:
            assert not any(len(secret) for secret in self.scene.secrets())

    @invariant()
    def card_number_is_nowhere(self) -> None:
        """
        No output shows more than four digits in a row of any number keyed.
        """
        for number in {*self.numbers, self.keyed}:
            for start in range(len(number) - MOST_SHOWN):
                assert number[start : start + MOST_SHOWN + 1] not in self.text

    # Private.

    def _press(self, keys: str) -> None:
        self._check()
        for key in keys:
            is_number = self.scene.session.capturing in NUMBERS
            self.scene.press(key)
            if is_number and key.isdecimal():
                self.keyed += key
            self._check()

    def _check_masks(self, report: Report) -> None:
        for field, shown in report.entries:
            assert re.fullmatch(MAY_BE_SHOWN[field], shown)
            is_keyed = MATCHED.get(report.capture or field, report.capture) == field
            if report.is_partial and is_keyed:
                assert not re.search("[0-9]", shown)

    def _check(self) -> None:
        new = self.scene.outputs[self.n_seen :]
        self.n_seen += len(new)
        for output in new:
            self.text += _text(output)
            # The end is the last that is heard of a session.
            assert self.n_ends == 0
            match output:
                case Report():
                    self._check_masks(output)
                    self.sequence += 1
                    assert output.sequence == self.sequence
                    assert self.n_finishes == 0
                    self.n_finishes += output.step is Step.FINISH
                    assert (output.step is Step.START) is (self.sequence == 1)
                    assert (output.result is None) is (output.step is not Step.FINISH)
                case CaptureOpened(wanted=wanted):
                    assert self.open is None
                    assert self.n_charges == 0
                    self.open = wanted
                    self.numbers.add(self.keyed)
                    self.keyed = ""
                case CaptureClosed():
                    assert self.open is not None
                    self.open = None
                case PromptWanted(prompt=prompt):
                    assert self.open is prompt
                    assert self.scene.session.request.confirmation
                case ChargeWanted():
                    assert self.open is None
                    self.n_charges += 1
                    assert self.n_charges == 1
                case SessionEnded(result=result):
                    assert self.open is None
                    assert self.n_finishes == 1
                    assert self.scene.last().result is result
                    self.n_ends += 1


def test_session_keeps_its_promises_whatever_happens() -> None:
    """
    Every random play of agent, caller, gateway and clock ends at most once, in order.
    """
    run_state_machine_as_test(
        PaySessionMachine, settings=settings(stable, max_examples=100)
    )
