"""
The one type that holds card data.
"""

import hmac
from typing import NoReturn


MAX_DIGITS = 32
"""More than any field of a payment has."""


def wipe(buffer: bytearray) -> None:
    """
    Overwrite a buffer that held card data, in place; its length stays.
    """
    # Through a view the buffer cannot be exchanged for another one.
    memoryview(buffer)[:] = bytes(len(buffer))


class Secret:
    """
    Digits that must not be seen.

    They live in a bytearray that `wipe` overwrites. No way of printing a
    secret shows more than its length, and it cannot be pickled or copied.

    Args:
        digits: ASCII digits to begin with; the caller's own copy stays his.
    """

    __slots__ = ("_digits", "_length")

    def __init__(self, digits: bytes | bytearray = b"") -> None:
        # All the room a field can need, from the start: a buffer that grows
        # leaves copies behind in memory.
        self._digits = bytearray(MAX_DIGITS)
        self._length = 0
        for digit in digits:
            self.append(digit)

    def append(self, digit: int) -> None:
        """
        Add one digit.

        Args:
            digit: its ASCII code.

        Raises:
            ValueError: it is no digit, or one too many; the message does not
                show it.
        """
        if not ord("0") <= digit <= ord("9"):
            raise ValueError("secret: expected the ASCII code of a digit")
        if self._length == MAX_DIGITS:
            raise ValueError(f"secret: expected at most {MAX_DIGITS} digits")
        self._digits[self._length] = digit
        self._length += 1

    def wipe(self) -> None:
        """
        Overwrite and forget all digits.
        """
        wipe(self._digits)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: int) -> int:
        """
        Give the value, 0 to 9, of one digit.

        Raises:
            IndexError: there are not so many.
        """
        return self._digits[range(self._length)[place]] - ord("0")

    def reveal(self) -> bytearray:
        """
        Give a copy of the digits, which the caller must wipe.

        For connectors, and for fields that callbacks show in clear.
        """
        return self._digits[: self._length]

    def last_digits(self, n_digits: int) -> str:
        """
        Give the last digits as text, for a mask.
        """
        start = max(0, self._length - n_digits)
        return self._digits[start : self._length].decode("ascii")

    def number(self, start: int, stop: int) -> int:
        """
        Give the value of a run of digits; 0 for an empty run.
        """
        value = 0
        for place in range(start, min(stop, self._length)):
            value = 10 * value + self[place]
        return value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # What is not used of either buffer is nought in both.
        return hmac.compare_digest(self._digits, other._digits)

    __hash__ = None  # type: ignore[assignment]  # a hash of a card number is one too many

    def __repr__(self) -> str:
        return f"Secret(<{self._length} digits>)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("secret: cannot be pickled or copied")
