"""
The picture: what it says under each column is what the attacker makes of it.
"""

from pathlib import Path

import pytest

from benchmarks import peers


picture = pytest.importorskip(
    "benchmarks.picture", reason="matplotlib is not installed", exc_type=ImportError
)


def test_the_press_is_read_unmasked_and_not_through_the_engine() -> None:
    """
    First column and last.
    """
    call = picture.press()
    shown = picture.columns(call)
    said, how, colour = picture.verdict(call, shown[0].heard)
    assert (said, how, colour) == ("Attacker reads “5”", "certain", picture.LEAK)
    said, _, colour = picture.verdict(call, shown[-1].heard)
    assert (said, colour) == ("Attacker reads nothing", picture.SAFE)


@pytest.mark.peer
@pytest.mark.skipif(not peers.has_spandsp(), reason="libspandsp2 is not installed")
def test_detect_then_mute_is_read() -> None:
    """
    The middle column leaks what came before the detector was sure.
    """
    call = picture.press()
    middle = picture.columns(call)[1]
    assert middle.title == "Detect, then mute"
    assert picture.verdict(call, middle.heard)[2] == picture.LEAK


def test_the_same_picture_is_drawn_each_time(tmp_path: Path) -> None:
    """
    Byte for byte, so that the file changes only when the picture does.
    """
    once, again = tmp_path / "once.png", tmp_path / "again.png"
    picture.draw(once)
    picture.draw(again)
    assert once.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert once.read_bytes() == again.read_bytes()
