"""
The report: writes tables and plot of `results.json` into `README.md` here.

    python -m benchmarks.report
"""

from pathlib import Path

from benchmarks import (
    leak_tables,
    leak_targets,
    results,
    tables,
    targets,
    workers,
)
from benchmarks.engines import PROFILES
from benchmarks.results import HERE, RESULTS, Results


README = HERE / "README.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def _about(found: Results) -> str:
    about = found.about
    took = ", ".join(f"{name} {s:.0f} s" for name, s in found.seconds.items())
    lines = [
        f"Size `{about.size}`, seed {about.seed}.",
        f"Python {about.python}, NumPy {about.numpy}, {about.cores} cores.",
        f"Peers: {', '.join(about.peers) or 'none'}.",
        f"Took: {took}.",
    ]
    if about.missing:
        lines += ["", "Missing in this run:", ""]
        lines += [f"- {line}" for line in about.missing]
    return "\n".join(lines) + "\n"


def _behind(found: Results) -> str:
    lines = [
        [condition, profile, f"{ours:.1f}", f"{peer} {share:.1f}"]
        for profile in targets.JUDGED
        for condition, ours, peer, share in targets.behind(found, profile)
    ]
    if not lines:
        return ""
    head = ["condition", "profile", "right %", "best peer there, right %"]
    title = "Conditions in which a peer is more than 0.5 % better:\n\n"
    return title + tables.table(head, lines)


def sections(found: Results) -> str:
    """
    Give everything between the markers.
    """
    text = [_about(found)]
    text += ["### Targets\n", targets.table(found), _behind(found)]
    text += [f"### The {len(PROFILES)} profiles and the peers\n"]
    text += [tables.profiles(found)]
    titles = {
        "cards": "Card entries",
        "quality": "Conditions",
        "limits": "Limits",
        "labelled": "Labelled recordings",
        "talk-off": "Talk-off",
        "latency": "Latency",
        "speed": "Speed",
    }
    for name, title in titles.items():
        text += [f"### {title}\n", tables.part(name, found)]
        if name == "latency":
            text.append(f"![{_PLOT_TEXT}](frontier.png)\n")
    if found.leaks or found.speech:
        text += ["### The agent leg: targets\n", leak_targets.table(found)]
        text += ["### The agent leg: lines\n", leak_tables.page(found)]
    return "\n".join(part for part in text if part)


_PLOT_TEXT = "False digits an hour against latency, a point for each detector"


def with_results(text: str, found: Results) -> str:
    """
    Give a page with the results between its markers.

    Raises:
        ValueError: the page has no markers.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"page: expected the markers {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{sections(found)}\n{END}{after}"


def main(source: Path = RESULTS, page: Path = README) -> None:
    """
    Rewrite the page, and draw the plot where matplotlib is installed.
    """
    found = results.read(source)
    page.write_text(with_results(page.read_text(), found))
    try:
        from benchmarks import frontier  # noqa: PLC0415
    except ImportError:
        workers.note("note: matplotlib: not installed, frontier.png not drawn")
        return
    frontier.draw(found, page.parent / "frontier.png")


if __name__ == "__main__":
    main()
