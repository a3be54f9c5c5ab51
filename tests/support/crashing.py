"""
`dtmf-engine` with bugs in it: a module that is run.

A payment whose description says so meets an exception whose text, or whose
arguments, are card data: in the handler of a digit, or in the connector.
"""

from bridge.cli.main import main
from bridge.connectors.base import GatewayCall
from bridge.connectors.sandbox import SandboxConnector
from bridge.pay.request import ChargeRequest
from bridge.pay.session import PaySession


BUG_IN_DIGIT, BUG_IN_CONNECTOR = "bug in digit", "bug in connector"

_receive_digit = PaySession.receive_digit
_encode = SandboxConnector.encode


def _bad_digit(session: PaySession, digit: str, *, now: float) -> None:
    _receive_digit(session, digit, now=now)
    if session.request.description == BUG_IN_DIGIT:
        raise ValueError(digit, session._entries)


def _bad_encode(
    connector: SandboxConnector, request: ChargeRequest, attempt: str
) -> GatewayCall:
    if request.payment.description == BUG_IN_CONNECTOR:
        raise ValueError(request.card_number, request)
    return _encode(connector, request, attempt)


if __name__ == "__main__":
    setattr(PaySession, "receive_digit", _bad_digit)  # noqa: B010 - typed otherwise
    setattr(SandboxConnector, "encode", _bad_encode)  # noqa: B010
    main()
