"""
Secret: digits that are seen by nobody, and gone when they are wiped.
"""

import copy
import json
import pickle
from collections.abc import Callable
from contextlib import suppress

import pytest

from bridge.secret import Secret
from tests.support.pay import VISA, secret


@pytest.mark.parametrize(
    "show", [repr, str, "{}".format, "{0!s:}".format, lambda secret: f"{secret!r}"]
)
def test_secret_shows_its_length_however_it_is_printed(
    show: Callable[[object], str],
) -> None:
    """
    No way of making text of it shows a digit.
    """
    assert show(secret(VISA)) == "Secret(<16 digits>)"
    assert show(Secret()) == "Secret(<0 digits>)"


def test_secret_keeps_to_the_width_it_is_printed_in() -> None:
    """
    A format says how wide, and nothing else.
    """
    assert f"{secret('123'):>20}" == "  Secret(<3 digits>)"


@pytest.mark.parametrize(
    "take", [pickle.dumps, copy.copy, copy.deepcopy], ids=lambda f: str(f.__name__)
)
def test_secret_cannot_be_pickled_or_copied(take: Callable[[object], object]) -> None:
    """
    A copy that nobody knows of would be wiped by nobody.
    """
    with pytest.raises(TypeError, match=r"^secret: cannot be pickled or copied$"):
        take(secret(VISA))


def test_secret_is_no_key_and_no_json() -> None:
    """
    Neither a hash nor a JSON text can be made of it.
    """
    with pytest.raises(TypeError, match=r"^unhashable type: 'Secret'$"):
        hash(secret(VISA))
    message = "^Object of type Secret is not JSON serializable"
    with pytest.raises(TypeError, match=message):
        json.dumps({"card": secret(VISA)})


def test_secret_equals_the_same_digits_only() -> None:
    """
    It is compared by its digits, and with no other kind of value.
    """
    assert secret(VISA) == secret(VISA)
    assert secret(VISA) != secret(VISA[:-1])
    assert secret("") == Secret()
    assert secret(VISA) != VISA


def test_secret_refuses_what_is_no_digit_without_showing_it() -> None:
    """
    The message tells what was expected and not what came.
    """
    held = secret("12")
    message = "^secret: expected the ASCII code of a digit$"
    for digit in (0, ord("0") - 1, ord("9") + 1, ord("#"), 0x663, -1):
        with pytest.raises(ValueError, match=message):
            held.append(digit)
    assert held == secret("12")
    with pytest.raises(ValueError, match=message):
        Secret(b"12x")


def test_secret_gives_its_digits_to_those_who_ask() -> None:
    """
    One by one, as a number, as text of the last ones, or as a copy.
    """
    held = secret("04270")
    assert [held[place] for place in range(len(held))] == [0, 4, 2, 7, 0]
    assert held[-2] == 7
    assert [held.number(*run) for run in ((0, 2), (2, 4), (0, 5), (3, 3))] == [
        4,
        27,
        4270,
        0,
    ]
    assert [held.last_digits(n) for n in (0, 2, 5, 9)] == ["", "70", "04270", "04270"]
    assert held.reveal() == bytearray(b"04270")


def test_secret_gives_copies_and_keeps_its_own() -> None:
    """
    Wiping what was given or taken in leaves the secret whole, and the other way.
    """
    given = bytearray(b"1234")
    held = Secret(given)
    given[:] = b"0000"
    shown = held.reveal()
    shown[:] = b"0000"
    assert held == secret("1234")
    shown = held.reveal()
    held.wipe()
    assert shown == bytearray(b"1234")


def test_secret_overwrites_its_digits_before_it_forgets_them() -> None:
    """
    What is given back to the memory's owner is nothing but zeros.
    """
    held = secret(VISA)
    with memoryview(held._digits) as view:
        # As long as it is looked at, memory cannot be given back.
        with suppress(BufferError):
            held.wipe()
        assert bytes(view[:16]) == bytes(16)


def test_secret_is_as_new_when_it_is_wiped() -> None:
    """
    It can hold other digits then.
    """
    held = secret(VISA)
    held.wipe()
    assert len(held) == 0
    assert held == Secret()
    held.append(ord("7"))
    assert held == secret("7")


@pytest.mark.parametrize("is_used", [False, True])
def test_secret_has_room_for_the_longest_field_from_the_start(*, is_used: bool) -> None:
    """
    It never grows: growing would leave copies behind that nobody can wipe.
    """
    held = Secret()
    if is_used:
        held.append(ord("1"))
        held.wipe()
    room = held._digits.__alloc__()
    for _ in range(19):
        held.append(ord("1"))
        assert held._digits.__alloc__() == room
