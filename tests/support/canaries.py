"""
Canaries: card numbers that are nobody's, and where they are looked for.

They have the form of published test numbers, 16 digits under the issuer number
400000 with a check digit that fits; the rest is drawn from a seed.
"""

import random
import re
import struct
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tests.support.memory import parts_of


ISSUER = "400000"

LONGEST_RUN = 4
"""Digits of a card number that masks may show: its last four."""

_OVERLAP = 4 * 16 - 1
"""A whole number in its widest form, but one octet."""

_HARMLESS = re.compile(
    r"[A-Z]{2}[0-9a-f]{32}"  # sids
    r"|a[0-9a-f]{18}"  # of attempts
    r"|ch_[0-9a-f]{16}"  # of charges
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?"  # times
    r"|127\.0\.0\.1:\d+|_port\": \d+"  # ports
    r"|\d+\.\d+(e[+-]?\d+)?"  # seconds and sums
)
"""What has digits and is none of a card, in texts that we know the form of."""

_RUN = re.compile(r"\d(?:[ \-]?\d)+")


@dataclass(frozen=True, slots=True)
class Canary:
    """
    A card.
    """

    number: str
    security_code: str

    def runs(self, n: int) -> Iterator[str]:
        """
        Give every run of so many digits; those that are half issuer are no sign of
        this card.
        """
        for start in range(len(ISSUER) - 2, len(self.number) - n + 1):
            yield self.number[start : start + n]


def canaries(n: int, seed: int = 20) -> list[Canary]:
    """
    Draw cards.
    """
    draw = random.Random(seed)  # noqa: S311 - no secrets
    numbers: dict[str, Canary] = {}
    while len(numbers) < n:
        digits = ISSUER + "".join(draw.choices("0123456789", k=9))
        number = digits + str(-_luhn(digits + "0") % 10)
        if "0000" not in number[len(ISSUER) - 2 :]:
            numbers[number] = Canary(number, "".join(draw.choices("0123456789", k=3)))
    return list(numbers.values())


def _luhn(digits: str) -> int:
    odd = sum(int(digit) for digit in digits[-1::-2])
    return odd + sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])


def runs_in(
    text: str, cards: Collection[Canary], longest: int = LONGEST_RUN
) -> list[str]:
    """
    Give what of cards stands in a text beyond what masks allow.

    Whole halves are looked for in the text as it is, longer runs, with or
    without blanks and dashes, in what is left of it without sids, times and the like.

    Args:
        text: to be searched.
        cards: whose digits are looked for.
        longest: run of digits that is let pass: more than masks allow where a text
            has ids and times in pieces, as the pages of a database have.
    """
    found = _windows(text, {half for card in cards for half in _halves(card)}, 12)
    wanted = {run for card in cards for run in card.runs(longest + 1)}
    n = longest + 1
    for match in _RUN.finditer(_HARMLESS.sub("·", text)):
        digits = re.sub(r"\D", "", match[0])
        found += [
            digits[at : at + n]
            for at in range(len(digits) - n + 1)
            if digits[at : at + n] in wanted
        ]
    return found


def _halves(card: Canary) -> tuple[str, str]:
    return card.number[:12], card.number[4:]


def _windows(text: str, wanted: Collection[str], n: int) -> list[str]:
    return [
        run[at : at + n]
        for run in re.findall(rf"[0-9]{{{n},}}", text)
        for at in range(len(run) - n + 1)
        if run[at : at + n] in wanted
    ]


@dataclass(frozen=True, slots=True)
class Remains:
    """
    Copies in the memory of a process.
    """

    octets: int
    """How much was searched."""
    copies: Counter[tuple[str, str]]
    """How many by form and digits. Forms: `text`, one octet a digit; `wide`, with
    characters of 16 or 32 bits; `values` 0 to 9; `integer`, in 64 bits or as Python
    has them; `body`, a security code as a gateway's request writes it."""


_N = 10
"""Digits that are looked for in memory; fewer would be there by chance."""


def remains_in(process_id: int, cards: Collection[Canary]) -> Remains:
    """
    Search a process's writable memory, from outside.
    """
    places = range(len(ISSUER) - 2, 16 - _N + 1)
    wanted = {card.number[at : at + _N] for card in cards for at in places}
    integers = {form: c.number for c in cards for form in _integers(int(c.number))}
    ends = {form[4:] for form in integers}
    octets, copies = 0, Counter[tuple[str, str]]()
    for part in parts_of(process_id, _OVERLAP):
        octets += len(part)
        if not part.strip(b"\0"):
            continue
        for form, runs in (
            ("text", _windows(part.decode("latin-1"), wanted, _N)),
            ("wide", [w for t in _narrow(part) for w in _windows(t, wanted, _N)]),
            ("values", [run for run in _values(part) if run in wanted]),
            ("integer", _whole(part, integers, ends)),
            ("body", [match.decode() for match in _BODY.findall(part)]),
        ):
            copies.update((form, run) for run in runs)
    return Remains(octets, copies)


def _whole(
    part: bytes, integers: Mapping[bytes, str], ends: Collection[bytes]
) -> Iterator[str]:
    for end in ends:
        for match in re.finditer(re.escape(end), part):
            number = integers.get(part[max(0, match.start() - 4) : match.end()])
            if number is not None:
                yield number


def _narrow(part: bytes) -> Iterator[str]:
    """
    Give every second octet, and every fourth.
    """
    for step in (2, 4):
        for start in range(step):
            yield part[start::step].decode("latin-1")


_BODY = re.compile(rb'"cvv":"[0-9]{3}"')


def _values(part: bytes) -> Iterator[str]:
    """
    Give every run of ten values 0 to 9 that does not begin with 0, as most memory
    does.
    """
    octets = np.frombuffer(part, dtype=np.uint8)
    if len(octets) < _N:
        return
    all_low = octets < 10
    for step in (1, 2, 4, 2):  # runs of 2, 4, 8 and 10
        all_low = all_low[:-step] & all_low[step:]
    for at in np.flatnonzero(all_low & (octets[: len(all_low)] > 0)):
        yield "".join(map(str, octets[at : at + _N]))


def _integers(number: int) -> tuple[bytes, bytes]:
    low, high = number & (2**30 - 1), number >> 30
    return struct.pack("<Q", number), struct.pack("<II", low, high)
