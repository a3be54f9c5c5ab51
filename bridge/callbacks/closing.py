"""
The last callback of a payment whose process is gone.

What it had captured is known from the last callback it wrote, masked; that is
all there is left of it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from bridge.callbacks.body import ENTRY_NAMES, Identity, callback_form
from bridge.pay.fields import Field
from bridge.pay.outputs import GatewayAnswer, Report, Result, Step
from bridge.pay.request import PaymentMethod, PaymentRequest
from bridge.pay.settings import Reading


_CARD_TYPE = "PaymentCardType"

_BY_CAPTURE = {str(field): name for field, name in ENTRY_NAMES.items()}

_COMMON = (
    *("DateCreated", "PaymentConnector", "BankAccountType"),
    *("ChargeAmount", "TokenType"),
)
"""What every callback of a payment says, but its last."""


def closing_form(
    identity: Identity,
    last: Mapping[str, str],
    *,
    sequence: int,
    result: Result,
    answer: GatewayAnswer,
    updated_at: datetime,
    readings: Collection[Reading] = (),
) -> dict[str, str]:
    """
    Write the form that ends a payment.

    Args:
        identity: whose payment it is.
        last: the form of its last callback.
        sequence: of the new one.
        result: how it ended.
        answer: what there is to tell.
        updated_at: aware UTC, now.
        readings: where the wire is to be read otherwise.
    """
    report = Report(
        step=Step.FINISH,
        sequence=sequence,
        status_callback="",
        result=result,
        answer=answer,
    )
    method = last.get("PaymentMethod", PaymentMethod.CREDIT_CARD)
    request = PaymentRequest(status_callback="", payment_method=PaymentMethod(method))
    # What the payment was started with is known from its last callback only.
    known = [which for which in readings if which is not Reading.COMMON_FIELDS_AT_END]
    form = callback_form(identity, request, report, updated_at, known)
    if len(known) < len(readings):
        form |= {name: last[name] for name in _COMMON if name in last}
    return form | _captured(last)


def _captured(last: Mapping[str, str]) -> dict[str, str]:
    """
    Give the entries of whole fields.

    One that was being keyed is forgotten, as whenever a session ends during a
    capture.
    """
    unfinished = ""
    if last.get("PartialResult") == "true":
        # A second entry that is being keyed is shown in the place of the first.
        capture = last.get("Capture", "").removesuffix("-matcher")
        unfinished = _BY_CAPTURE.get(capture, "")
    names = [*_BY_CAPTURE.values(), _CARD_TYPE]
    if unfinished == ENTRY_NAMES[Field.CARD_NUMBER]:
        names.remove(_CARD_TYPE)
    return {name: last[name] for name in names if name in last and name != unfinished}
