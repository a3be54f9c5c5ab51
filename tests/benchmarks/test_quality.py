"""
The runner: what the command line takes, and a condition through an engine.
"""

import sys

import pytest

from benchmarks import quality
from benchmarks.quality import ConditionJob


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--only", "cards,nonsense"], "got nonsense"),
        (["--tune", "--json", "out.json"], "leave out --tune"),
        (["--full", "--quick"], "not allowed with"),
        (["--profile", "loud"], "invalid choice"),
    ],
)
def test_a_wrong_command_line_is_one_clear_line(
    arguments: list[str],
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """
    Nothing runs for an hour to fail at the end.
    """
    monkeypatch.setattr(sys, "argv", ["quality", *arguments])
    with pytest.raises(SystemExit):
        quality.main()
    assert complaint in capsys.readouterr().err


def test_reported_seeds_are_even_and_tuned_ones_odd() -> None:
    """
    What is tuned on is never what is reported.
    """
    assert quality.REPORT_SEED % 2 == 0
    assert quality.TUNE_SEED % 2 == 1


def test_a_condition_gives_a_row_for_each_engine_that_can_hear_it() -> None:
    """
    A row counts the digits keyed; where nothing is keyed, those heard.
    """
    job = ConditionJob("tone ms 60", 1, 1, ("default", "sensitive"))
    rows = quality.measure_condition(job)
    assert [row.engine for row in rows] == ["default", "sensitive"]
    assert all(row.score.right == row.score.keyed == 40 for row in rows)
    job = ConditionJob("frames lost % 1 fill_in", 1, 1, ("libspandsp",))
    assert quality.measure_condition(job) == []
