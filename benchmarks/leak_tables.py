"""
Tables of the leak benchmark, as Markdown.
"""

from collections.abc import Iterable, Sequence

from scipy.stats import binomtest

from benchmarks.attack import POLICIES
from benchmarks.results import DelayRow, LeakRow, Results, SpeechRow, TelltaleRow
from benchmarks.tables import NONE, table


CHANCE = 1 / 16
"""What guessing blindly gets right: sixteen keys, equally likely."""

SHOWN, JUDGED = 0.95, 0.999
"""Confidence of the intervals that are shown, and of those that verdicts go by."""


def interval(right: int, presses: int, confidence: float) -> tuple[float, float]:
    """
    Give the limits of a share (Clopper and Pearson).
    """
    found = binomtest(right, presses).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


def is_chance(right: int, presses: int) -> bool:
    """
    Whether blind guessing may have done as well: its share is not below the interval.
    """
    return interval(right, presses, JUDGED)[0] <= CHANCE


def named(engines: Iterable[str]) -> list[str]:
    """
    Give the names of engines for a table's head; ours in bold.
    """
    return [f"**{name}**" if name in POLICIES else name for name in engines]


def _share(row: LeakRow | None) -> str:
    if row is None:
        return NONE
    low, high = interval(row.right, row.presses, SHOWN)
    text = f"{100 * row.right / row.presses:.1f} ({100 * low:.1f}–{100 * high:.1f})"
    return text if is_chance(row.right, row.presses) else f"{text} !"


def _order(rows: Sequence[LeakRow]) -> tuple[list[str], list[str]]:
    lines = list(dict.fromkeys(row.line for row in rows))
    engines = list(dict.fromkeys(row.engine for row in rows))
    return lines, engines


def shares(rows: Sequence[LeakRow]) -> str:
    """
    The attacker's share right, by line and engine; an exclamation mark where it
    beats blind guessing (99.9 %).
    """
    by = {(row.line, row.engine): row for row in rows}
    lines, engines = _order(rows)
    return table(
        ["right % (95 %)", *named(engines)],
        ([line, *(_share(by.get((line, e))) for e in engines)] for line in lines),
    )


def costs(rows: Sequence[LeakRow]) -> str:
    """
    Everything else that was counted, a row a line and engine.
    """
    return table(
        [
            *("line", "", "presses", "right % (99.9 %)", "sure"),
            *("presses with leak", "leaked samples", "masked ms, mean / p95 / max"),
            "added delay ms",
        ],
        (
            [
                *(row.line, *named([row.engine]), str(row.presses)),
                "{:.1f} ({:.1f}–{:.1f})".format(
                    100 * row.right / row.presses,
                    *(
                        100 * limit
                        for limit in interval(row.right, row.presses, JUDGED)
                    ),
                ),
                *(str(row.sure), str(row.leaking), f"{row.leaked_mean_samples:.1f}"),
                _three(row.masked_mean_ms, row.masked_p95_ms, row.masked_max_ms),
                f"{row.delay_ms:g}",
            ]
            for row in rows
        ),
    )


def _three(*values: float) -> str:
    return " / ".join(f"{value:.0f}" for value in values)


def telltale(rows: Sequence[TelltaleRow]) -> str:
    """
    What masks say about the key they hide.
    """
    lines = []
    for row in rows:
        low, high = interval(row.right, row.presses, SHOWN)
        share = f"{100 * row.right / row.presses:.1f}"
        lines.append(
            [
                *(*named([row.engine]), str(row.presses)),
                f"{share} ({100 * low:.1f}–{100 * high:.1f})",
                *(f"{value:.2g}" for value in row.p_values.values()),
            ]
        )
    names = rows[0].p_values if rows else ()
    return table(
        [
            "",
            "presses",
            "keys guessed from masks, right %",
            *(f"p, {n}" for n in names),
        ],
        lines,
    )


def speech(rows: Sequence[SpeechRow]) -> str:
    """
    What masking costs where nobody keys.
    """

    def scored(mean: float | None, least: float | None, digits: int) -> str:
        if mean is None or least is None:
            return NONE
        return f"{mean:.{digits}f} / {least:.{digits}f}"

    return table(
        [
            *("material", "", "hours", "masks", "masked ms an hour"),
            *("samples changed outside masks", "PESQ mean / least"),
            "STOI mean / least",
        ],
        (
            [
                *(row.material, *named([row.engine])),
                *(f"{row.hours:.2f}", str(row.masks)),
                *(f"{row.masked_ms / row.hours:.1f}", str(row.differing)),
                scored(row.pesq_mean, row.pesq_min, 3),
                scored(row.stoi_mean, row.stoi_min, 4),
            ]
            for row in rows
        ),
    )


def delays(rows: Sequence[DelayRow]) -> str:
    """
    Delay by correlation.
    """
    return table(
        ["", "pieces of 2 s", "shortest delay ms", "longest delay ms"],
        (
            [
                *named([row.engine]),
                str(row.pieces),
                f"{row.min_ms:.3f}",
                f"{row.max_ms:.3f}",
            ]
            for row in rows
        ),
    )


def page(found: Results) -> str:
    """
    All tables of the agent leg.
    """
    parts = []
    if found.leaks:
        parts += [shares(found.leaks), _folded("Counts", costs(found.leaks))]
    if found.telltale:
        parts.append(telltale(found.telltale))
    if found.speech:
        parts.append(speech(found.speech))
    if found.delays:
        parts.append(delays(found.delays))
    return "\n".join(parts)


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n</details>\n"
