"""
Masks: what may be shown of a field.

A field that is being keyed shows how many digits there are and nothing else,
so that no partial result can show more than the finished field does.
"""

from bridge.pay.fields import Entry, Field


def mask(field: Field, entry: Entry) -> str:
    """
    Give a field as callbacks show it.

    Complete: the card number's last four digits (`xxxxxxxxxxxx1111`), the account
    number's last two (`*******92`), no digit of the security code or of a matcher;
    expiry date, postal code and routing number in clear.
    Incomplete: an x for every digit, of an account number a `*`.
    """
    cover = "*" if field is Field.ACCOUNT_NUMBER else "x"
    hidden = cover * len(entry.digits)
    if not entry.is_complete:
        return hidden
    match field:
        case Field.CARD_NUMBER:
            return _end_shown(hidden, entry, 4)
        case Field.ACCOUNT_NUMBER:
            return _end_shown(hidden, entry, 2)
        case Field.EXPIRATION_DATE | Field.POSTAL_CODE | Field.ROUTING_NUMBER:
            return _end_shown(hidden, entry, len(hidden))
        case _:
            return hidden


def _end_shown(hidden: str, entry: Entry, n_digits: int) -> str:
    end = entry.digits.last_digits(n_digits)
    return hidden[: len(hidden) - len(end)] + end
