"""
A voice: pieces put together into what a caller is asked.
"""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.call.voice import CHOICE, CHOICE_PAUSE, PAUSE, PIECES, Voice
from bridge.pay.outputs import Prompt
from bridge.secret import Secret
from tests.support.media import QUIET
from tests.support.pay import secret
from tests.support.strategies import stable


PIECE_OCTETS: Mapping[str, bytes] = {
    name: bytes([place]) * (100 + 7 * place) for place, name in enumerate(PIECES)
}
"""Each piece is one code, repeated, that stands for it."""


def _said(prompt: Prompt, digits: str) -> bytes:
    return bytes(Voice(PIECE_OCTETS).say(prompt, secret(digits)))


@pytest.mark.parametrize(
    ("prompt", "opening"),
    [
        (Prompt.CONFIRM_CARD, "card_ending_in"),
        (Prompt.CONFIRM_ACCOUNT, "account_ending_in"),
    ],
)
def test_prompt_is_what_it_asks_about_the_digits_and_the_choice(
    prompt: Prompt, opening: str
) -> None:
    """
    In this order, with pauses that are silence.
    """
    assert _said(prompt, "4207") == (
        PIECE_OCTETS[opening]
        + PAUSE
        + PIECE_OCTETS["digit_4"]
        + PAUSE
        + PIECE_OCTETS["digit_2"]
        + PAUSE
        + PIECE_OCTETS["digit_0"]
        + PAUSE
        + PIECE_OCTETS["digit_7"]
        + CHOICE_PAUSE
        + PIECE_OCTETS[CHOICE]
    )
    assert PAUSE.strip(QUIET) == CHOICE_PAUSE.strip(QUIET) == b""
    assert len(CHOICE_PAUSE) > len(PAUSE) > 0


@stable
@given(st.text("0123456789", max_size=6))
def test_each_digit_is_said_once_where_it_stands(digits: str) -> None:
    """
    Whoever hears the prompt can write the digits down, however many there are.
    """
    codes = {PIECE_OCTETS[f"digit_{value}"][0]: str(value) for value in range(10)}
    said = _said(Prompt.CONFIRM_CARD, digits)
    starts = [place for place in range(1, len(said)) if said[place] != said[place - 1]]
    assert "".join(codes.get(said[place], "") for place in starts) == digits


def test_every_prompt_has_an_opening() -> None:
    """
    None is left without words.
    """
    for prompt in Prompt:
        assert _said(prompt, "")


def test_prompt_is_the_askers_to_wipe() -> None:
    """
    Each is a buffer of its own, and the digits stay the asker's.
    """
    voice, digits = Voice(PIECE_OCTETS), secret("4242")
    first = voice.say(Prompt.CONFIRM_CARD, digits)
    again = voice.say(Prompt.CONFIRM_CARD, digits)
    assert first == again
    first[:] = bytes(len(first))
    assert any(again)
    assert digits == secret("4242")


@pytest.mark.parametrize("pieces", [{}, {**PIECE_OCTETS, "digit_7": b""}])
def test_voice_has_every_piece(pieces: Mapping[str, bytes]) -> None:
    """
    A digit that could not be said would be left out without a word.
    """
    with pytest.raises(ValueError, match=r"^pieces: expected .*digit_7"):
        Voice(pieces)


def test_voice_shows_no_digit() -> None:
    """
    Nothing of what was said is in its printed form.
    """
    voice = Voice(PIECE_OCTETS)
    voice.say(Prompt.CONFIRM_CARD, Secret(b"4242"))
    assert "4242" not in repr(voice)
