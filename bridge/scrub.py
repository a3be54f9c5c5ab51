"""
Scrubbing: card data out of text that somebody else wrote.

Gateways echo what they were sent, in error texts and codes. Nothing of that may
reach a callback, a log or the ledger.
"""

import re
from collections.abc import Iterable, Iterator

from bridge.secret import Secret


HIDDEN = "[digits]"

_SHORTEST, _LONGEST = 12, 19
_RUN = re.compile(r"[0-9](?:[ -]?[0-9]){11,}")
_SEPARATORS = " -"
_SID = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}")


def hide_card_numbers(text: str) -> str:
    """
    Replace every run of 12 to 19 digits that passes the Luhn check.

    Runs inside longer runs count as well: a number may stand beside another one
    with nothing but a blank between them.
    """
    return _RUN.sub(lambda match: _without_numbers(match.group()), text)


def hide_in_value(value: str) -> str:
    """
    Do the same, unless all of a value is a sid.

    A sid in some hundreds has digits that pass for a card number; hidden, it would
    name nothing any more.
    """
    return value if _SID.fullmatch(value) else hide_card_numbers(value)


def _without_numbers(run: str) -> str:
    places = [place for place, character in enumerate(run) if character.isdecimal()]
    digits = [int(run[place]) for place in places]
    for first in range(len(places) - _SHORTEST + 1):
        for n in range(min(_LONGEST, len(places) - first), _SHORTEST - 1, -1):
            if _is_luhn(digits[first : first + n]):
                stop = places[first + n - 1] + 1
                return run[: places[first]] + HIDDEN + hide_card_numbers(run[stop:])
    return run


def hide(text: str, secrets: Iterable[Secret]) -> str:
    """
    Replace every appearance of these secrets, and all that could be card numbers.
    """
    return hide_card_numbers(hide_secrets(text, secrets))


def hide_secrets(text: str, secrets: Iterable[Secret]) -> str:
    """
    Replace every appearance of these secrets.

    Blanks and dashes between digits do not hide a secret; a secret that is part
    of a longer run of digits is another number.
    """
    for secret in secrets:
        # No pattern is made of the secret: compiled patterns are kept.
        for start, stop in reversed(list(_places(text, secret))):
            text = text[:start] + HIDDEN + text[stop:]
    return text


def _places(text: str, secret: Secret) -> Iterator[tuple[int, int]]:
    if not len(secret):
        return
    place = 0
    while place < len(text):
        stop = _match(text, place, secret)
        if stop is None:
            place += 1
            continue
        yield place, stop
        place = stop


def _match(text: str, place: int, secret: Secret) -> int | None:
    if place and text[place - 1].isdecimal():
        return None
    n_matched = 0
    while n_matched < len(secret):
        if place >= len(text):
            return None
        character = text[place]
        if character in _SEPARATORS and n_matched:
            place += 1
            continue
        if not character.isascii() or not character.isdecimal():
            return None
        if int(character) != secret[n_matched]:
            return None
        n_matched += 1
        place += 1
    if place < len(text) and text[place].isdecimal():
        return None
    return place


def _is_luhn(digits: list[int]) -> bool:
    doubled = [2 * d - 9 if d > 4 else 2 * d for d in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
