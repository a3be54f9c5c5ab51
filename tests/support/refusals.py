"""
Commands that must be refused, for both SDKs, in the Python SDK's spelling.
"""

Form = dict[str, object]


def _sandbox(code: int, **more: object) -> Form:
    return {"parameter": {"sandbox": str(code)}, **more}


STARTS: list[tuple[Form, int]] = [
    ({"status_callback": "/relative"}, 21609),
    ({"charge_amount": "1.234"}, 64003),
    ({"charge_amount": "10000000"}, 64003),
    ({"payment_connector": "Nobody"}, 64004),
    (_sandbox(64005), 64005),
    ({"token_type": "payment-method"}, 64006),
    (_sandbox(64007, charge_amount="1"), 64007),
    (_sandbox(64011, charge_amount="1"), 64011),
    ({"payment_method": "cash"}, 64013),
    (_sandbox(64014, payment_method="ach-debit"), 64014),
    (_sandbox(64015), 64015),
    ({"bank_account_type": "consumer-savings"}, 64017),
    ({"charge_amount": "1", "token_type": "reusable"}, 64020),
    ({"timeout": 601}, 64020),
    ({"valid_card_types": "unionpay"}, 64020),
    ({"require_matching_inputs": "bank-account-number"}, 64020),
    ({"confirmation": "maybe"}, 64020),
    ({"currency": "XYZ1"}, 64020),
    (_sandbox(64024), 64024),
]
"""What a start is refused with, status 400."""

UPDATES: list[tuple[Form, int]] = [
    ({"status_callback": "ftp://agent.example/", "status": "cancel"}, 21609),
    ({}, 64018),
    ({"capture": "postal-code", "status": "cancel"}, 64018),
    ({"status": "complete"}, 64019),
    ({"status": "done"}, 64020),
    ({"capture": "nonsense"}, 64020),
    ({"capture": "bank-account-number"}, 64020),
]
"""What an update of a payment with a card is refused with, status 400."""


def for_node(form: Form) -> Form:
    """
    Give a form in the Node SDK's spelling.
    """

    def name(snake: str) -> str:
        first, *rest = snake.split("_")
        return first + "".join(word.capitalize() for word in rest)

    return {name(key): value for key, value in form.items()}
