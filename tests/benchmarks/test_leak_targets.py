"""
Targets of the agent leg: each figure stands beside its verdict.
"""

from itertools import pairwise

import pytest

from benchmarks import leak_tables, leak_targets
from benchmarks.leak_lines import LINES
from benchmarks.results import (
    About,
    DelayRow,
    LeakRow,
    Results,
    SpeechRow,
    TelltaleRow,
)


def _leak(line: str, engine: str, right: int, presses: int = 1600) -> LeakRow:
    return LeakRow(
        line=line,
        group=LINES[line].group,
        engine=engine,
        presses=presses,
        right=right,
        sure=0,
        masked_mean_ms=85.0,
        masked_p95_ms=90.0 if engine == "tones" else 100.0,
        masked_max_ms=101.0,
        mask_median_ms=80.0,
        mask_p95_ms=82.0,
        mask_max_ms=84.0,
        leaked_mean_samples=0.0,
        leaking=0,
        delay_ms=20.0,
    )


def _speech(material: str, masked_ms: float, pesq: float) -> SpeechRow:
    return SpeechRow(
        material=material,
        engine="tones",
        hours=2.0,
        masks=3,
        masked_ms=masked_ms,
        differing=0,
        segments=100,
        pesq_mean=pesq,
        pesq_min=3.0,
        stoi_mean=0.999,
        stoi_min=0.9,
    )


def _results() -> Results:
    about = About(
        size="quick", seed=2, python="3", numpy="2", cores=2, peers=[], missing=[]
    )
    found = Results(about=about)
    found.leaks = [
        # Of 1600 presses 100 are chance; 130 may still be luck, 140 may not.
        _leak("nominal", "tones", 130),
        _leak("nominal", "armed", 140),
        _leak("S/N 6 to 20 dB", "tones", 150),
        _leak("S/N 6 to 20 dB", "armed", 100),
        _leak("tones of 25 ms", "tones", 161),
        _leak("tones of 25 ms", "armed", 100),
        _leak("fragment of 3 ms, alone", "tones", 1600),
        _leak("fragment of 3 ms, alone", "armed", 90),
        _leak("fragment of 3 ms, between presses", "armed", 110),
        _leak("tones of 60 ms", "tones", 100),
        _leak("tones of 60 ms", "armed", 100),
        _leak("nominal", "rtpengine 60 ms", 100),
    ]
    found.telltale = [
        TelltaleRow(engine="tones", presses=640, right=40, p_values={"start": 0.4}),
        TelltaleRow(engine="armed", presses=640, right=40, p_values={"start": 1e-5}),
    ]
    found.speech = [
        _speech("human speech", 20.0, 4.5),
        _speech("human speech, changed", 80.0, 4.3),
        _speech("music", 9e9, 1.0),
    ]
    found.delays = [
        DelayRow(engine="tones", pieces=28, min_ms=20.0, max_ms=20.0),
        DelayRow(engine="armed", pieces=28, min_ms=19.0, max_ms=20.0),
    ]
    return found


@pytest.mark.parametrize(
    ("target", "engine", "cell"),
    [
        ("attacker right, nominal lines", 0, "8.1 % (6.8–9.6), met"),
        ("attacker right, nominal lines", 1, "8.8 % (7.4–10.2), **not met**"),
        ("attacker right, hard lines together", 0, "9.7 % (8.7–10.8), met"),
        ("attacker right, hard lines together", 1, "6.2 % (5.4–7.1), met"),
        ("attacker right, worst hard line", 0, "10.1 %: tones of 25 ms, **not met**"),
        ("attacker right, worst hard line", 1, "6.2 %: S/N 6 to 20 dB, met"),
        ("attacker right, fragments of 3 ms", 0, "100.0 % (99.8–100.0)"),
        ("attacker right, fragments of 3 ms", 1, "6.2 % (5.4–7.1), met"),
        ("attacker right, fragments of 5 ms", 1, "–"),
        ("added delay, arming and disarming", 0, "20 ms, met"),
        ("added delay, arming and disarming", 1, "to 20 ms, **not met**"),
        (
            "masked for a tone of 60 ms, mean / p95 / longest",
            0,
            "85 / 90 / 101 ms, met",
        ),
        (
            "masked for a tone of 60 ms, mean / p95 / longest",
            1,
            "85 / 100 / 101 ms, **not met**",
        ),
        (
            "of that, the mask over the tone, median / p95 / longest",
            0,
            "80 / 82 / 84 ms",
        ),
        ("human speech masked by mistake", 0, "25 ms in each of 4.0 h, met"),
        ("PESQ of human speech", 0, "4.400, met"),
        ("samples changed outside masks", 0, "0, met"),
        ("keys guessed from masks alone", 0, "6.2 %, p ≥ 0.4, met"),
        ("keys guessed from masks alone", 1, "6.2 %, p ≥ 1e-05, **not met**"),
    ],
)
def test_each_target_has_its_figure_and_verdict(
    target: str, engine: int, cell: str
) -> None:
    """
    `tones` and `armed` are the first columns of figures.
    """
    lines = leak_targets.table(_results()).splitlines()
    row = next(line for line in lines if line.startswith(f"| {target} |"))
    assert row.strip("| ").split(" | ")[2 + engine] == cell


def test_nothing_measured_gives_no_verdict() -> None:
    """
    Without results a table has dashes, neither met nor missed.
    """
    found = Results(about=_results().about)
    assert "met" not in leak_targets.table(found)


def test_chance_is_what_the_interval_allows() -> None:
    """
    Less than chance is chance; 12 of 80 may be luck, 16 may not.
    """
    assert leak_tables.is_chance(0, 80)
    assert leak_tables.is_chance(12, 80)
    assert not leak_tables.is_chance(16, 80)


def test_lines_that_beat_chance_are_marked() -> None:
    """
    An exclamation mark in the table of shares, nowhere else.
    """
    found = _results()
    marked = [
        line for line in leak_tables.shares(found.leaks).splitlines() if "!" in line
    ]
    assert [line.split(" | ")[0] for line in marked] == [
        *("| nominal", "| S/N 6 to 20 dB", "| tones of 25 ms"),
        "| fragment of 3 ms, alone",
    ]


def test_every_row_has_a_cell_for_every_column() -> None:
    """
    What was measured for some only leaves no hole.
    """
    found = _results()
    text = leak_tables.page(found) + "\n" + leak_targets.table(found)
    lines = [line.count("|") for line in text.splitlines()]
    assert all(a == b for a, b in pairwise(lines) if a and b)
