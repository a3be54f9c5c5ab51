"""
The report: results to a page, and back from the file they are kept in.
"""

from pathlib import Path

import msgspec
import pytest

from benchmarks import report, results, tables, targets
from benchmarks.results import (
    About,
    CardRow,
    ConditionRow,
    LatencyRow,
    MaskRow,
    Results,
    SpeedRow,
    TalkoffRow,
)
from benchmarks.scoring import Score


PAGE = f"# Page\n\nBefore.\n\n{report.BEGIN}\nold\n{report.END}\n\nAfter.\n"


def _condition(engine: str, must: str, right: int, heard: int) -> ConditionRow:
    return ConditionRow(
        condition=f"a {must}",
        group="a",
        must=must,
        engine=engine,
        score=Score(100, right, heard - right, 100 - right),
        heard=heard,
    )


def _results() -> Results:
    def limit(value: float | None) -> MaskRow:
        return MaskRow(
            measure="lowest S/N with 1000 of 1000, dB per tone",
            engine="default",
            value=value,
        )

    about = About(
        size="quick",
        seed=2,
        python="3.11.0",
        numpy="2.0.0",
        cores=2,
        peers=["libspandsp"],
        missing=["multimon-ng: not installed"],
    )
    found = Results(about=about, masks=[limit(-2.0)], seconds={"cards": 1.5})
    for engine, exact in (("default", 199), ("libspandsp", 180)):
        score = Score(3200, 3190, 2, 10)
        found.cards.append(
            CardRow(mix="in spec", engine=engine, calls=200, exact=exact, score=score)
        )
        hits = 0 if engine == "default" else 3
        found.talkoff.append(
            TalkoffRow(material="music", engine=engine, hours=10.0, hits=hits)
        )
        found.latency.append(
            LatencyRow(
                engine=engine,
                feed_ms=20,
                presses=10,
                missed=0,
                min_ms=20.0,
                median_ms=29.0,
                p95_ms=40.0,
                p99_ms=43.0,
                max_ms=44.0,
            )
        )
    found.conditions = [
        _condition("default", "accept", 98, 98),
        _condition("libspandsp", "accept", 99, 101),
        _condition("default", "reject", 0, 4),
        _condition("libspandsp", "reject", 0, 5),
    ]
    found.speed = [
        SpeedRow(
            work="hour",
            engine="detection",
            legs=1,
            audio="speech",
            us=1e5,
            p99_us=None,
            ratio=0.4,
        )
    ]
    return found


def test_results_survive_their_file(tmp_path: Path) -> None:
    """
    What is written is what is read, and each row has a line of its own.
    """
    path = tmp_path / "results.json"
    results.write(_results(), path)
    assert results.read(path) == _results()
    rows = [line for line in path.read_text().splitlines() if line.startswith("  {")]
    assert len(rows) == 12


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """
    A results file without its fields is an error, not an empty table.
    """
    path = tmp_path / "results.json"
    path.write_text("{}")
    with pytest.raises(msgspec.ValidationError):
        results.read(path)


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    """
    The page's own text stays, and writing twice changes nothing.
    """
    once = report.with_results(PAGE, _results())
    assert once.startswith("# Page\n\nBefore.\n\n")
    assert once.endswith("\n\nAfter.\n")
    assert "\nold\n" not in once
    assert report.with_results(once, _results()) == once


def test_a_page_without_markers_is_refused() -> None:
    """
    Tables are never written to a place nobody chose.
    """
    with pytest.raises(ValueError, match="markers"):
        report.with_results("# Page\n", _results())


def test_every_row_of_a_table_has_a_cell_for_every_column() -> None:
    """
    Engines and parts that were not measured leave no hole in a table.
    """
    width = 0
    for line in report.sections(_results()).splitlines():
        cells = line.count("|")
        assert not (cells and width) or cells == width, line
        width = cells


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("exact cards, in spec", "99.50 %, met"),
        ("must-accept conditions, digits right", "98.00 %, **not met**"),
        ("conditions over 0.5 % below the best peer there", "behind in 1, **not met**"),
        ("must-reject conditions, digits heard", "4, met"),
        ("talk-off, false digits", "0 in 10.0 h, met"),
        ("lowest S/N, per tone", "-2 dB, met"),
        ("latency, 20 ms frames, median / p99", "29.0 / 43.0 ms, **not met**"),
        ("one hour in one call, to libspandsp", "2.50x, met"),
        ("exact cards, hard", tables.NONE),
    ],
)
def test_each_target_stands_beside_its_figure(name: str, cell: str) -> None:
    """
    A figure says whether it meets its target; what was not measured says nothing.
    """
    lines = targets.table(_results()).splitlines()
    row = next(line for line in lines if line.startswith(f"| {name} |"))
    assert row.split(" | ")[2] == cell


def test_a_limit_that_no_step_passed_is_not_met() -> None:
    """
    No value at all is the worst value.
    """
    found = _results()
    found.masks = [msgspec.structs.replace(found.masks[0], value=None)]
    row = next(r for r in targets.table(found).splitlines() if "lowest S/N" in r)
    assert row.split(" | ")[2] == "none, **not met**"


def test_being_behind_names_the_condition_and_the_peer() -> None:
    """
    The page lists where a peer is better by more than half a percent.
    """
    worse = targets.behind(_results(), "default")
    assert worse == [("a accept", 98.0, "libspandsp", 99.0)]


def test_this_page_has_its_markers() -> None:
    """
    `make bench` finds the place in benchmarks/README.md.
    """
    text = report.README.read_text()
    assert text.count(report.BEGIN) == text.count(report.END) == 1
