"""
The one type that holds card data.
"""

import hmac
from typing import NoReturn


class Secret:
    """
    Digits that must not be seen.

    They live in a bytearray that `wipe` overwrites. No way of printing a
    secret shows more than its length, and it cannot be pickled or copied.

    Args:
        digits: ASCII digits to begin with; the caller's own copy stays his.
    """

    __slots__ = ("_digits",)

    def __init__(self, digits: bytes | bytearray = b"") -> None:
        # Room for the longest field at once: growing would leave copies behind.
        self._digits = bytearray(32)
        self._digits.clear()
        for digit in digits:
            self.append(digit)

    def append(self, digit: int) -> None:
        """
        Add one digit.

        Args:
            digit: its ASCII code.

        Raises:
            ValueError: it is no digit; the message does not show it.
        """
        if not ord("0") <= digit <= ord("9"):
            raise ValueError("secret: expected the ASCII code of a digit")
        self._digits.append(digit)

    def wipe(self) -> None:
        """
        Overwrite and forget all digits.
        """
        for place in range(len(self._digits)):
            self._digits[place] = 0
        self._digits.clear()

    def __len__(self) -> int:
        return len(self._digits)

    def __getitem__(self, place: int) -> int:
        """
        Give the value, 0 to 9, of one digit.
        """
        return self._digits[place] - ord("0")

    def reveal(self) -> bytearray:
        """
        Give a copy of the digits, which the caller must wipe.

        For connectors, and for fields that callbacks show in clear.
        """
        return bytearray(self._digits)

    def last_digits(self, n_digits: int) -> str:
        """
        Give the last digits as text, for a mask.
        """
        return self._digits[-n_digits:].decode("ascii") if n_digits else ""

    def number(self, start: int, stop: int) -> int:
        """
        Give the value of a run of digits; 0 for an empty run.
        """
        value = 0
        for digit in self._digits[start:stop]:
            value = 10 * value + digit - ord("0")
        return value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._digits, other._digits)

    __hash__ = None  # type: ignore[assignment]  # a hash of a card number is one too many

    def __repr__(self) -> str:
        return f"Secret(<{len(self._digits)} digits>)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("secret: cannot be pickled or copied")
