"""
Tables of the leak benchmark, as Markdown.
"""

from collections.abc import Sequence

from scipy.stats import binomtest

from benchmarks.results import LeakRow
from benchmarks.tables import NONE, table


CHANCE = 1 / 16
"""What guessing blindly gets right: sixteen keys, equally likely."""

CONFIDENCE, STRICT_CONFIDENCE = 0.95, 0.999


def interval(right: int, presses: int, confidence: float) -> tuple[float, float]:
    """
    Give the limits of a share (Clopper and Pearson).
    """
    found = binomtest(right, presses).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


def is_chance(row: LeakRow, confidence: float = CONFIDENCE) -> bool:
    """
    Whether blind guessing may have done as well: its share is not below the interval.
    """
    return interval(row.right, row.presses, confidence)[0] <= CHANCE


def _share(row: LeakRow | None) -> str:
    if row is None:
        return NONE
    low, high = interval(row.right, row.presses, CONFIDENCE)
    text = f"{100 * row.right / row.presses:.1f} ({100 * low:.1f}–{100 * high:.1f})"
    return text if is_chance(row, STRICT_CONFIDENCE) else f"**{text}**"


def _order(rows: Sequence[LeakRow]) -> tuple[list[str], list[str]]:
    lines = list(dict.fromkeys(row.line for row in rows))
    engines = list(dict.fromkeys(row.engine for row in rows))
    return lines, engines


def shares(rows: Sequence[LeakRow]) -> str:
    """
    The attacker's share right, by line and engine.
    """
    by = {(row.line, row.engine): row for row in rows}
    lines, engines = _order(rows)
    return table(
        ["right %", *engines],
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
                *(row.line, row.engine, str(row.presses)),
                "{:.1f} ({:.1f}–{:.1f})".format(
                    100 * row.right / row.presses,
                    *(
                        100 * limit
                        for limit in interval(row.right, row.presses, STRICT_CONFIDENCE)
                    ),
                ),
                *(str(row.sure), str(row.leaking), f"{row.leaked_mean_samples:.1f}"),
                f"{row.masked_mean_ms:.0f} / {row.masked_p95_ms:.0f} "
                f"/ {row.masked_max_ms:.0f}",
                f"{row.delay_ms:g}",
            ]
            for row in rows
        ),
    )
