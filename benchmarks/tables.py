"""
Tables: results as Markdown.
"""

from collections.abc import Callable, Iterable, Sequence

from benchmarks.cards import CEILING
from benchmarks.corpus import MIXES
from benchmarks.engines import PEERS, PROFILES, SPANDSP
from benchmarks.results import ConditionRow, Results
from benchmarks.scoring import Score, total


NONE = "–"

NAMES = {name: f"**{name}**" for name in PROFILES} | {
    CEILING: "known-timing ceiling",
}
"""How engines are called in a table's head; ours, the profiles, in bold."""

Cells = Sequence[str]


def table(head: Cells, rows: Iterable[Cells]) -> str:
    """
    Lay out a Markdown table.
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def named(engines: Iterable[str]) -> list[str]:
    """
    Give the names of engines for a table's head.
    """
    return [NAMES.get(engine, engine) for engine in engines]


def percent(part: float, whole: float) -> str:
    """
    Give a share.
    """
    return f"{100 * part / whole:.2f}" if whole else NONE


def per_thousand(part: float, whole: float) -> str:
    """
    Give a rate.
    """
    return f"{1000 * part / whole:.1f}" if whole else NONE


# --- one part each --------------------------------------------------------------


def cards(found: Results) -> str:
    """
    Exact entries, and digits right and inserted, by mix and engine.
    """
    rows = {(row.mix, row.engine): row for row in found.cards}
    measured = {row.engine for row in found.cards}
    wanted = ("default", "sensitive", *PEERS, CEILING)
    names = [engine for engine in wanted if engine in measured]
    lines = []
    for mix in MIXES:
        there = [rows.get((mix, name)) for name in names]
        exact = [percent(r.exact, r.calls) if r else NONE for r in there]
        right = [
            f"{percent(r.score.right, r.score.keyed)} / "
            f"{per_thousand(r.score.inserted, r.score.keyed)}"
            if r
            else NONE
            for r in there
        ]
        lines.append([f"{mix}: exact cards %", *exact])
        lines.append(["digits right % / inserted per 1000", *right])
    calls = max((row.calls for row in found.cards), default=0)
    return table([f"{calls} entries a mix", *named(names)], lines)


def condition_total(found: Results, must: str, engine: str) -> tuple[Score, int]:
    """
    Give the score over all conditions of a kind, and how many digits were heard.
    """
    rows = [r for r in found.conditions if (r.must, r.engine) == (must, engine)]
    return total(row.score for row in rows), sum(row.heard for row in rows)


def summary(found: Results) -> str:
    """
    What must be accepted and rejected, all conditions together.
    """
    lines = []
    for engine in _engines(found):
        accept, _ = condition_total(found, "accept", engine)
        between, _ = condition_total(found, "between", engine)
        _, rejected = condition_total(found, "reject", engine)
        lines.append(
            [
                NAMES.get(engine, engine),
                percent(accept.right, accept.keyed),
                per_thousand(accept.inserted, accept.keyed),
                percent(between.right, between.keyed),
                str(rejected),
            ]
        )
    head = [
        *("", "must accept: right %", "inserted per 1000"),
        *("between: right %", "must reject: digits heard"),
    ]
    return table(head, lines)


def _engines(found: Results) -> list[str]:
    there = {row.engine for row in found.conditions}
    return [engine for engine in (*PROFILES, *PEERS) if engine in there]


def _cell(row: ConditionRow | None) -> str:
    if row is None:
        return NONE
    if row.must == "reject" or not row.score.keyed:
        return str(row.heard)
    share = f"{100 * row.score.right / row.score.keyed:.1f}"
    if not row.score.inserted:
        return share
    return f"{share} +{row.score.inserted}"


def conditions(found: Results) -> str:
    """
    Every condition, grouped by what is asked.
    """
    names = _engines(found)
    rows = {(row.condition, row.engine): row for row in found.conditions}
    text = [summary(found)]
    titles = {
        "accept": "Must accept: digits right %, and how many were inserted",
        "reject": "Must reject: digits heard",
        "between": "Between, not judged: digits right %, and how many were inserted",
    }
    keyed = max((row.score.keyed for row in found.conditions), default=0)
    for must, title in titles.items():
        ids = dict.fromkeys(r.condition for r in found.conditions if r.must == must)
        lines = [[i, *(_cell(rows.get((i, name))) for name in names)] for i in ids]
        text.append(f"<details><summary>{title} ({len(ids)} conditions)</summary>\n")
        text.append(table([f"of {keyed} digits", *named(names)], lines))
        text.append("</details>\n")
    return "\n".join(text)


def limits(found: Results) -> str:
    """
    Limits found by steps.
    """
    rows = {(row.measure, row.engine): row for row in found.masks}
    measures = dict.fromkeys(row.measure for row in found.masks)
    there = {row.engine for row in found.masks}
    names = [engine for engine in (*PROFILES, *PEERS) if engine in there]
    lines = []
    for measure in measures:
        values = [rows[measure, name].value for name in names]
        cells = ["none" if value is None else f"{value:g}" for value in values]
        lines.append([measure, *cells])
    return table(["", *named(names)], lines)


def profiles(found: Results) -> str:
    """
    Each profile, and each peer, in one line.
    """
    exact = {(r.mix, r.engine): percent(r.exact, r.calls) for r in found.cards}
    frames = {row.engine: row for row in found.latency if row.feed_ms == 20}
    lines = []
    for engine in (*PROFILES, *PEERS):
        accept, _ = condition_total(found, "accept", engine)
        _, rejected = condition_total(found, "reject", engine)
        hits, hours = talkoff_total(found, engine)
        row = frames.get(engine)
        lines.append(
            [
                NAMES.get(engine, engine),
                *(exact.get((mix, engine), NONE) for mix in MIXES),
                percent(accept.right, accept.keyed),
                str(rejected) if accept.keyed else NONE,
                f"{hits} in {hours:.1f} h" if hours else NONE,
                f"{row.median_ms:.1f} / {row.p99_ms:.1f}" if row else NONE,
            ]
        )
    cards_head = [f"cards {mix} %" for mix in MIXES]
    head = ["", *cards_head, "must accept, right %", "must reject, digits"]
    return table([*head, "talk-off", "latency median / p99, ms"], lines)


def labelled(found: Results) -> str:
    """
    The labelled recordings of odd number.
    """
    if not found.labelled:
        return "Not run: the recordings were not there.\n"
    lines = [
        [
            NAMES.get(row.engine, row.engine),
            percent(row.exact, row.files),
            percent(row.score.right, row.score.keyed),
            per_thousand(row.score.inserted, row.score.keyed),
        ]
        for row in found.labelled
    ]
    files = found.labelled[0].files
    head = [f"{files} files", "whole sequence right %"]
    return table([*head, "digits right %", "inserted per 1000"], lines)


def talkoff_total(found: Results, engine: str) -> tuple[int, float]:
    """
    Give an engine's hits and hours over all materials.
    """
    rows = [row for row in found.talkoff if row.engine == engine]
    return sum(row.hits for row in rows), sum(row.hours for row in rows)


def talkoff(found: Results) -> str:
    """
    False digits, by material.
    """
    materials = list(dict.fromkeys(row.material for row in found.talkoff))
    rows = {(row.material, row.engine): row for row in found.talkoff}
    lines = []
    for engine in dict.fromkeys(row.engine for row in found.talkoff):
        cells = [NAMES.get(engine, engine)]
        for material in materials:
            row = rows[material, engine]
            cells.append(f"{row.hits} in {row.hours:.1f} h")
        hits, hours = talkoff_total(found, engine)
        rate = hits / hours if hours else 0.0
        lines.append([*cells, f"{hits} in {hours:.1f} h", f"{rate:.3f}"])
    return table(["", *materials, "all", "per hour"], lines)


def latency(found: Results) -> str:
    """
    Onset to report.
    """
    lines = [
        [
            NAMES.get(row.engine, row.engine),
            "20 ms frames" if row.feed_ms == 20 else "1 ms chunks",
            *(
                f"{ms:.1f}"
                for ms in (
                    row.min_ms,
                    row.median_ms,
                    row.p95_ms,
                    row.p99_ms,
                    row.max_ms,
                )
            ),
            f"{row.missed} of {row.presses}",
        ]
        for row in sorted(found.latency, key=lambda row: -row.feed_ms)
    ]
    return table(
        ["ms", "fed in", "min", "median", "p95", "p99", "max", "missed"], lines
    )


def speed(found: Results) -> str:
    """
    Times, and their ratio to libspandsp.
    """
    lines = []
    for row in found.speed:
        tick = row.work == "tick"
        time = f"{row.us:.2f} µs a leg" if tick else f"{row.us / 1e6:.3f} s"
        what = f"tick of {row.legs}" if tick else "one hour in one call"
        slowest = NONE if row.p99_us is None else f"{row.p99_us:.0f}"
        ratio = NONE if row.ratio is None else f"{row.ratio:.2f}"
        name = row.engine if row.engine == SPANDSP else f"**{row.engine}**"
        lines.append([what, row.audio, name, time, slowest, ratio])
    head = ["work", "audio", "who", "time", "p99 of a whole tick, µs", "to libspandsp"]
    return table(head, lines)


_PARTS: dict[str, Callable[[Results], str]] = {
    "cards": cards,
    "quality": conditions,
    "limits": limits,
    "labelled": labelled,
    "talk-off": talkoff,
    "latency": latency,
    "speed": speed,
}


def part(name: str, found: Results) -> str:
    """
    Give the table of a part by its name on the command line.
    """
    return _PARTS[name](found)
