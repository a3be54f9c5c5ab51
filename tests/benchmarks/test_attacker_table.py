"""
A slice of the attacker's table: what it must read, and what it must not claim.
"""

import pytest

from benchmarks import attacker_table as table


PRESSES = 96


@pytest.mark.parametrize(
    ("leak_ms", "noise_dbm0", "least"),
    [
        (0.75, None, 0.80),  # 60 % is what was published for one without levels
        (1.0, None, 0.97),
        (1.5, -40.0, 1.0),
        (3.0, -30.0, 1.0),
        (5.0, -20.0, 1.0),
    ],
)
def test_attacker_reads(leak_ms: float, noise_dbm0: float | None, least: float) -> None:
    """
    Leaks at the start, in the middle and at the end, frequencies off by ±1.5 %.
    """
    cell = table.measure((leak_ms, noise_dbm0, PRESSES, 3))
    assert cell.share >= least
    assert cell.certain_and_wrong == 0


@pytest.mark.parametrize("noise_dbm0", [-40.0, None])
@pytest.mark.parametrize("leak_ms", [0.0, 0.25])
def test_attacker_is_at_chance(leak_ms: float, noise_dbm0: float | None) -> None:
    """
    A quarter of a millisecond is no better than nothing, and nothing is certain.
    """
    cell = table.measure((leak_ms, noise_dbm0, PRESSES, 3))
    assert cell.at_least <= 1 / 16
    assert cell.certain_and_right == cell.certain_and_wrong == 0


def test_attacker_is_never_certain_of_nothing() -> None:
    """
    White and coloured noise, hum, vowels, and speech and music where installed.
    """
    rows = table.measure_quiet(12, 3)
    assert len(rows) >= 5
    assert {row.background: row.certain for row in rows if row.certain} == {}


def test_tables_have_a_cell_for_every_condition() -> None:
    """
    Rows are noises, columns leaks; what was certain and wrong is counted below.
    """
    cells = [
        table.Cell(leak, noise, 100, 50, 25, 1)
        for noise in table.NOISES_DBM0
        for leak in table.LEAKS_MS
    ]
    text = table.tables(cells, [table.Quiet("hum", 100, 6, 0)])
    lines = text.splitlines()
    assert lines[2] == "| -20 dBm0 |" + " 50 (25) |" * len(table.LEAKS_MS)
    assert lines[6].startswith("| µ-law silence | 50 (25) |")
    assert "Certain and wrong: 50 of 5000." in text
    assert lines[-1] == "| hum | 100 | 6.0 | 0 |"


def test_at_least_is_the_exact_bound() -> None:
    """
    Of 16 presses all right, the share is at least 0.001 to the sixteenth.
    """
    cell = table.Cell(1.0, None, 16, 16, 0, 0)
    assert cell.at_least == pytest.approx(0.001 ** (1 / 16))
    assert table.Cell(1.0, None, 16, 0, 0, 0).at_least == 0.0
