"""
The sandbox gateway: every behaviour, chosen by card, amount or parameter.
"""

import itertools
from collections.abc import Callable

import msgspec
import pytest

from bridge.connectors.sandbox_gateway import (
    APPROVED_CARDS,
    DECLINED_CARDS,
    ERROR_CARD,
    Behaviour,
    GatewayAnswer,
    SandboxGateway,
)
from tests.support.pay import VISA


LOGIN = "Basic dXNlcjpwYXNz"
NOT_PUBLISHED = "4000000000000000"
FAILED = GatewayAnswer(500, b"<html>Internal Server Error</html>")
NEVER = GatewayAnswer(0)


def _gateway() -> SandboxGateway:
    numbers = itertools.count(1)
    new_id: Callable[[], str] = lambda: f"id{next(numbers)}"  # noqa: E731
    return SandboxGateway("user", "pass", new_id)


def _body(**changes: object) -> bytes:
    request: dict[str, object] = {
        "method": "charge",
        "transaction_id": "a1",
        "cardnumber": VISA,
        "amount": "9.99",
        "parameters": {},
    }
    return msgspec.json.encode(request | changes)


def _said(answer: GatewayAnswer) -> dict[str, object]:
    assert answer.status == 200
    return msgspec.json.decode(answer.body, type=dict[str, object])


def _approved(name: str, value: str) -> dict[str, object]:
    return {name: value, "error_code": None, "error_message": None}


def _declined(code: str, message: str) -> dict[str, object]:
    return {"charge_id": None, "error_code": code, "error_message": message}


def test_gateway_approves_published_cards() -> None:
    """
    Each of them is charged, and given a token.
    """
    for card in sorted(APPROVED_CARDS):
        gateway = _gateway()
        charge = gateway.receive_request(LOGIN, _body(cardnumber=card))
        assert _said(charge) == _approved("charge_id", "ch_id1")
        token = gateway.receive_request(
            LOGIN, _body(cardnumber=card, method="tokenize", transaction_id="a2")
        )
        assert _said(token) == _approved("token_id", "tok_id2")


def test_gateway_declines_the_cards_that_are_published_for_it() -> None:
    """
    Each gives its own reason.
    """
    assert len(DECLINED_CARDS) == 4
    for card, reason in DECLINED_CARDS.items():
        answer = _gateway().receive_request(LOGIN, _body(cardnumber=card))
        assert _said(answer) == _declined(*reason)


def test_gateway_takes_no_card_that_is_not_published() -> None:
    """
    A caller's own card is never taken by the sandbox, and never repeated.
    """
    answer = _gateway().receive_request(LOGIN, _body(cardnumber=NOT_PUBLISHED))
    assert _said(answer) == _declined(
        "invalid_test_card", "The sandbox takes published test cards only."
    )


def test_gateway_fails_for_the_card_that_is_published_for_it() -> None:
    """
    A gateway that stumbles answers with a page of HTML.
    """
    assert _gateway().receive_request(LOGIN, _body(cardnumber=ERROR_CARD)) == FAILED


@pytest.mark.parametrize(
    ("amount", "behaviour"),
    [
        ("9.51", Behaviour.ERROR),
        ("1000.52", Behaviour.TIMEOUT),
        ("0.53", Behaviour.DECLINE),
        ("1000.54", Behaviour.LOST),
        ("9.50", Behaviour.APPROVE),
        ("9.5", Behaviour.APPROVE),
        ("51", Behaviour.APPROVE),
        ("9.510", Behaviour.APPROVE),
        (None, Behaviour.APPROVE),
    ],
)
def test_gateway_behaves_as_the_amount_or_the_parameter_says(
    amount: str | None, behaviour: Behaviour
) -> None:
    """
    Cents choose an outcome, and a parameter chooses it whatever the cents.
    """
    wish = {"sandbox": str(behaviour)}
    for body in (_body(amount=amount), _body(amount="9.53", parameters=wish)):
        answer = _gateway().receive_request(LOGIN, body)
        match behaviour:
            case Behaviour.ERROR:
                assert answer == FAILED
            case Behaviour.TIMEOUT | Behaviour.LOST:
                assert answer == NEVER
            case Behaviour.DECLINE:
                expected = _declined("card_declined", "The card was declined.")
                assert _said(answer) == expected
            case Behaviour.APPROVE:
                assert _said(answer) == _approved("charge_id", "ch_id1")


def test_gateway_approves_any_published_card_when_the_parameter_says_so() -> None:
    """
    The parameter chooses the outcome for any card; these are published, too.
    """
    for card in (*DECLINED_CARDS, ERROR_CARD):
        body = _body(cardnumber=card, parameters={"sandbox": "approve"})
        answer = _gateway().receive_request(LOGIN, body)
        assert _said(answer) == _approved("charge_id", "ch_id1")


def test_gateway_ignores_parameters_that_choose_nothing() -> None:
    """
    Parameters are the merchant's own, and may be anything.
    """
    for parameters in (None, {}, {"sandbox": "perhaps"}, {"a": "b"}):
        answer = _gateway().receive_request(LOGIN, _body(parameters=parameters))
        assert _said(answer) == _approved("charge_id", "ch_id1")


@pytest.mark.parametrize(
    "body",
    [
        _body(),
        _body(method="tokenize"),
        _body(amount="9.51"),
        _body(amount="9.53"),
        _body(cardnumber=NOT_PUBLISHED),
    ],
)
def test_gateway_repeats_its_answer_when_it_is_asked_twice(body: bytes) -> None:
    """
    One transaction id is one charge, whatever is sent with it the second time.
    """
    gateway = _gateway()
    first = gateway.receive_request(LOGIN, body)
    assert gateway.receive_request(LOGIN, body) == first
    assert gateway.receive_request(LOGIN, _body(amount="1.00")) == first
    assert [t.n_requests for t in gateway.transactions.values()] == [3]
    other = gateway.receive_request(LOGIN, _body(transaction_id="a2"))
    assert _said(other)["charge_id"] in {"ch_id1", "ch_id2"}
    assert len(gateway.transactions) == 2


def test_gateway_charges_before_it_falls_silent() -> None:
    """
    Asked again, it tells that the money moved: the outcome was unknown, not bad.
    """
    gateway = _gateway()
    assert gateway.receive_request(LOGIN, _body(amount="9.52")) == NEVER
    again = gateway.receive_request(LOGIN, _body(amount="9.52"))
    assert _said(again) == _approved("charge_id", "ch_id1")


def _lookup(name: str = "a1") -> bytes:
    return msgspec.json.encode({"method": "lookup", "transaction_id": name})


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (_body(), _approved("charge_id", "ch_id1")),
        (_body(method="tokenize"), _approved("token_id", "tok_id1")),
        (_body(amount="9.54"), _approved("charge_id", "ch_id1")),
        (_body(amount="9.53"), _declined("card_declined", "The card was declined.")),
    ],
)
def test_gateway_tells_what_became_of_a_request(
    body: bytes, told: dict[str, object]
) -> None:
    """
    To ask changes nothing, and counts for nothing.
    """
    gateway = _gateway()
    gateway.receive_request(LOGIN, body)
    for _ in range(2):
        assert _said(gateway.receive_request(LOGIN, _lookup())) == told
    assert [t.n_requests for t in gateway.transactions.values()] == [1]


@pytest.mark.parametrize("amount", ["9.51", "9.52"])
def test_gateway_in_trouble_tells_nothing(amount: str) -> None:
    """
    What broke or fell silent stays so, and says that it is in trouble.
    """
    gateway = _gateway()
    gateway.receive_request(LOGIN, _body(amount=amount))
    assert gateway.receive_request(LOGIN, _lookup()).status == 503


def test_gateway_says_that_it_has_no_record() -> None:
    """
    Of what it was never asked, and it remembers nothing of the question.
    """
    gateway = _gateway()
    gateway.receive_request(LOGIN, _body())
    answer = gateway.receive_request(LOGIN, _lookup("a2"))
    assert answer == GatewayAnswer(404, b'{"error_code":"transaction_not_found"}')
    assert list(gateway.transactions) == ["a1"]


def test_gateway_keeps_no_card_number() -> None:
    """
    Its memory holds answers only.
    """
    gateway = _gateway()
    gateway.receive_request(LOGIN, _body(cvv="123"))
    gateway.receive_request(LOGIN, _body(transaction_id="a2", cardnumber=NOT_PUBLISHED))
    assert VISA not in repr(gateway)
    assert NOT_PUBLISHED not in repr(gateway)


def test_gateway_answers_nobody_without_its_credentials() -> None:
    """
    A stranger charges nothing.
    """
    gateway = _gateway()
    wrong = ("Basic dXNlcjpwYXNzMQ==", "Bearer dXNlcjpwYXNz", "Basic é")
    for authorization in ("", "Basic", *wrong):
        answer = gateway.receive_request(authorization, _body())
        assert answer == GatewayAnswer(401, b'{"error_code":"unauthorized"}')
    assert gateway.transactions == {}


@pytest.mark.parametrize(
    "bodies",
    [
        [b"", b"cardnumber=4242", b"[]", b"{}", b'{"method": "charge"}'],
        # JSON of the right keys, and of the wrong kinds.
        [
            _body(transaction_id=["a1"]),
            _body(cardnumber={"number": 1}),
            _body(cardnumber=""),
            _body(parameters=["sandbox"]),
            _body(parameters={"sandbox": {}}),
        ],
    ],
)
def test_gateway_refuses_what_is_no_request(bodies: list[bytes]) -> None:
    """
    Nothing a client may send makes it raise.
    """
    gateway = _gateway()
    for body in bodies:
        answer = gateway.receive_request(LOGIN, body)
        assert answer == GatewayAnswer(400, b'{"error_code":"bad_request"}')
    assert gateway.transactions == {}
