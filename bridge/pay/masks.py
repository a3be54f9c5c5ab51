"""
Masks: what may be shown of a field.

A field that is being keyed shows how many digits there are and nothing else,
so that no partial result can show more than the finished field does.
"""

from bridge.pay.fields import Entry, Field


def mask(field: Field, entry: Entry) -> str:
    """
    Give a field as callbacks show it.

    Complete: the card number's last four digits (`xxxxxxxxxxxx1111`), no digit
    of the security code, expiry date and postal code in clear.
    Incomplete: an x for every digit.
    """
    hidden = "x" * len(entry.digits)
    if not entry.is_complete:
        return hidden
    match field:
        case Field.CARD_NUMBER:
            return hidden[:-4] + entry.digits.last_digits(4)
        case Field.SECURITY_CODE:
            return hidden
        case Field.EXPIRATION_DATE | Field.POSTAL_CODE:
            return entry.digits.last_digits(len(entry.digits))
