"""
The frontier: who is quick to decide, and who is fooled by speech.
"""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import tables
from benchmarks.engines import PEERS, PROFILES
from benchmarks.results import HERE, Results


PLOT = HERE / "frontier.png"

LINEAR_BELOW = 0.1
"""False digits an hour below which the axis is linear, so that none has a place."""

OURS, THEIRS = "#1f5fa8", "#8a5a00"


def points(found: Results) -> dict[str, tuple[float, float]]:
    """
    Give each engine's median latency in 20 ms frames and its false digits an hour.
    """
    medians = {r.engine: r.median_ms for r in found.latency if r.feed_ms == 20}
    placed = {}
    for engine in (*PROFILES, *PEERS):
        hits, hours = tables.talkoff_total(found, engine)
        if hours and engine in medians:
            placed[engine] = (medians[engine], hits / hours)
    return placed


def draw(found: Results, path: Path = PLOT) -> None:
    """
    Draw the plot.
    """
    mpl.rcParams["font.family"] = "DejaVu Sans"
    figure = Figure(figsize=(7, 4.4), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    placed = points(found)
    for engine, (ms, rate) in placed.items():
        _place(axes, engine, ms, rate)
    axes.set_yscale("symlog", linthresh=LINEAR_BELOW)
    if placed:
        # Names stand right of their points and above them: leave room.
        times, rates = zip(*placed.values(), strict=True)
        axes.set_xlim(min(times) - 2, max(times) + 6)
        axes.set_ylim(-0.02, max(1.0, 3 * max(rates)))
    axes.set_xlabel("onset to report, median in 20 ms frames (ms)")
    axes.set_ylabel("false digits an hour of speech and music")
    axes.set_title("Lower and further left is better", fontsize=10)
    axes.grid(visible=True, alpha=0.25)
    # No version in the file: it changes only when the picture does.
    figure.savefig(path, metadata={"Software": None})


def _place(axes: Axes, engine: str, ms: float, rate: float) -> None:
    ours = engine in PROFILES
    colour = OURS if ours else THEIRS
    axes.plot([ms], [rate], "o" if ours else "s", color=colour, markersize=8)
    name = f"dtmf-engine, {engine}" if ours else engine
    axes.annotate(
        name,
        (ms, rate),
        xytext=(8, 5),
        textcoords="offset points",
        color=colour,
        fontsize=9,
    )
