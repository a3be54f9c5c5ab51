"""
Reconciliation: asked until the gateway tells, or patience ends; never paid again.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.connectors.base import Attempt, Failure, GatewayCall, NotFound
from bridge.connectors.capabilities import Capabilities
from bridge.connectors.reconciliation import (
    AFTER_RESTART_S,
    NO_LOOKUP,
    NO_RECORD,
    NOT_TOLD,
    WHILE_CALLER_WAITS_S,
    LookUp,
    Reconciliation,
    Settled,
)
from bridge.errors import LocalProtocolError
from bridge.pay.outcomes import Approved, Declined, Invalid, NotSent, Outcome, Unknown
from bridge.pay.request import ChargeRequest, PaymentRequest
from tests.support.strategies import stable


ATTEMPT = Attempt(
    key="a1",
    charge_amount=Decimal("9.99"),
    currency="USD",
    sent_at=datetime(2026, 6, 15, 12, tzinfo=UTC),
)
APPROVED = Approved(confirmation_code="ch_1")
SILENT = Unknown(message="?")
FINAL_AFTER_S = 10.0


@dataclass(slots=True)
class FakeConnector:
    """
    A gateway that says what it is told to.
    """

    says: Outcome | NotFound | Exception = SILENT
    has_lookup: bool = True
    name: str = "Fake"
    final_after_s: float = FINAL_AFTER_S
    asked: list[Attempt] = field(default_factory=list)

    def capabilities(self, request: PaymentRequest) -> Capabilities:
        """
        Refuse: nothing is started.
        """
        raise AssertionError(f"{request}")

    def encode(self, request: ChargeRequest, attempt: str) -> GatewayCall:
        """
        Refuse: nothing is ever sent again.
        """
        raise AssertionError(f"{attempt} was sent again: {request}")

    def decode(self, status: int, body: bytes, request: ChargeRequest) -> Outcome:
        """
        Refuse.
        """
        raise AssertionError(f"{status} {body!r} {request}")

    def encode_lookup(self, attempt: Attempt) -> GatewayCall | None:
        """
        Write a question.
        """
        self.asked.append(attempt)
        if not self.has_lookup:
            return None
        return GatewayCall(
            url="https://gateway.example",
            headers={},
            body=bytearray(b"?"),
            read_timeout_s=1.0,
        )

    def decode_lookup(
        self, status: int, body: bytes, attempt: Attempt
    ) -> Outcome | NotFound:
        """
        Read the answer.
        """
        assert (status, body, attempt) == (200, b"!", ATTEMPT)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def _machine(
    connector: FakeConnector,
    *,
    pauses_s: tuple[float, ...] = AFTER_RESTART_S,
    age_s: float = 0.0,
    now: float = 1000.0,
) -> Reconciliation:
    return Reconciliation(ATTEMPT, connector, pauses_s, age_s=age_s, now=now)


def _look(machine: Reconciliation, now: float) -> None:
    """
    See that a lookup is due now, and not a moment earlier.
    """
    assert machine.deadline() == now
    machine.handle_deadline(now=now - 0.001)
    assert machine.poll() == []
    machine.handle_deadline(now=now)
    (output,) = machine.poll()
    assert isinstance(output, LookUp)
    assert machine.deadline() is None


@pytest.mark.parametrize(
    "outcome",
    [
        APPROVED,
        Declined(code="c", message="m"),
        Invalid(code="c", message="m", pay_error_code=64022),
    ],
)
def test_what_the_gateway_tells_is_the_outcome(outcome: Outcome) -> None:
    """
    The first answer that tells ends it, however young the attempt.
    """
    connector = FakeConnector(outcome)
    machine = _machine(connector)
    _look(machine, 1000.0)
    machine.receive_answer(200, b"!", now=1000.5)
    assert machine.poll() == [Settled(outcome)]
    assert machine.deadline() is None
    assert connector.asked == [ATTEMPT]


def test_no_record_means_nothing_while_the_request_may_be_on_its_way() -> None:
    """
    A gateway that has not heard of it yet may hear of it in a moment.
    """
    machine = _machine(FakeConnector(NotFound()), age_s=4.0)
    _look(machine, 1000.0)
    machine.receive_answer(200, b"!", now=1000.2)
    # Ten seconds after it was sent, which was four seconds before the start.
    _look(machine, 1006.0)
    machine.receive_answer(200, b"!", now=1006.0)
    assert machine.poll() == [Settled(NotSent(message=NO_RECORD))]


def test_no_record_is_an_answer_once_the_request_is_old() -> None:
    """
    After a long night nothing is under way any more.
    """
    machine = _machine(FakeConnector(NotFound()), age_s=3600.0)
    _look(machine, 1000.0)
    machine.receive_answer(200, b"!", now=1000.0)
    assert machine.poll() == [Settled(NotSent(message=NO_RECORD))]


def test_a_clock_that_was_set_back_does_not_make_a_request_old() -> None:
    """
    Sent in the future is sent now.
    """
    machine = _machine(FakeConnector(NotFound()), age_s=-3600.0)
    _look(machine, 1000.0)
    machine.receive_answer(200, b"!", now=1000.0)
    _look(machine, 1010.0)


def test_no_record_is_waited_for_beyond_the_last_pause() -> None:
    """
    Patience that ends before the answer is final would throw it away.
    """
    machine = _machine(FakeConnector(NotFound()), pauses_s=(0.0,))
    _look(machine, 1000.0)
    machine.receive_answer(200, b"!", now=1000.0)
    _look(machine, 1010.0)
    machine.receive_answer(200, b"!", now=1010.0)
    assert machine.poll() == [Settled(NotSent(message=NO_RECORD))]


@pytest.mark.parametrize(
    ("pauses_s", "lasts_s"), [(WHILE_CALLER_WAITS_S, 3.0), (AFTER_RESTART_S, 300.0)]
)
@pytest.mark.parametrize("how", ["unknown", "raises", "not connected", "no answer"])
def test_a_gateway_that_does_not_tell_is_asked_until_patience_ends(
    pauses_s: tuple[float, ...], lasts_s: float, how: str
) -> None:
    """
    Each lookup follows so long after the last; in the end nobody knows.
    """
    says = ValueError("a bug") if how == "raises" else SILENT
    connector = FakeConnector(says)
    machine = _machine(connector, pauses_s=pauses_s)
    now = 1000.0
    for pause_s in pauses_s:
        now += pause_s
        _look(machine, now)
        if how in set(Failure):
            machine.receive_failure(Failure(how), now=now)
        else:
            machine.receive_answer(200, b"!", now=now)
    assert machine.poll() == [Settled(Unknown(message=NOT_TOLD))]
    assert machine.deadline() is None
    assert len(connector.asked) == len(pauses_s)
    assert now - 1000.0 == pytest.approx(lasts_s, abs=1.0)


def test_a_gateway_that_cannot_be_asked_leaves_the_outcome_unknown() -> None:
    """
    Nothing is sent in its place.
    """
    machine = _machine(FakeConnector(has_lookup=False))
    machine.handle_deadline(now=1000.0)
    assert machine.poll() == [Settled(Unknown(message=NO_LOOKUP))]
    assert machine.deadline() is None


def test_an_answer_to_no_lookup_is_a_bug() -> None:
    """
    Of ours, and said.
    """
    machine = _machine(FakeConnector())
    message = "^an answer came to a lookup that was not made$"
    with pytest.raises(LocalProtocolError, match=message):
        machine.receive_answer(200, b"!", now=1000.0)
    with pytest.raises(LocalProtocolError, match=message):
        machine.receive_failure(Failure.NO_ANSWER, now=1000.0)


answers = st.one_of(
    st.sampled_from([SILENT, NotFound(), APPROVED, ValueError("x")]),
    st.sampled_from(list(Failure)),
)


@stable
@given(
    script=st.lists(answers, max_size=15),
    age_s=st.floats(-100, 100),
    delay_s=st.floats(0, 20),
)
def test_whatever_a_gateway_says_there_is_one_end(
    script: list[Outcome | NotFound | Failure | Exception], age_s: float, delay_s: float
) -> None:
    """
    One outcome, no deadline after it, and no more lookups than patience allows.
    """
    connector = FakeConnector()
    machine = _machine(connector, age_s=age_s)
    now, settled, n_lookups = 1000.0, [], 0
    while (due := machine.deadline()) is not None:
        now = max(now, due)
        machine.handle_deadline(now=now)
        for output in machine.poll():
            assert isinstance(output, LookUp)
            n_lookups += 1
            now += delay_s
            said = script.pop(0) if script else SILENT
            if isinstance(said, Failure):
                machine.receive_failure(said, now=now)
            else:
                connector.says = said
                machine.receive_answer(200, b"!", now=now)
        settled += machine.poll()
    (end,) = settled
    assert isinstance(end, Settled)
    assert n_lookups <= len(AFTER_RESTART_S) + 1
    if isinstance(end.outcome, NotSent):
        assert now >= 1000.0 - max(0.0, age_s) + FINAL_AFTER_S
    if isinstance(end.outcome, Approved):
        assert connector.says is APPROVED
