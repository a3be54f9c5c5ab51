"""
Targets of the agent leg: what the project set itself, beside what was measured.

Chance is one of sixteen. A share is at chance if blind guessing may have done as
well: 6.25 % is not below the 99.9 % interval of Clopper and Pearson, the rule of
`dtmf_engine.audit`. There are dozens of verdicts; at 95 % one of them or two would be
wrong in every run. The interval that is shown is the 95 % one.
"""

from collections.abc import Sequence

from benchmarks import leak_tables, tables, telltale
from benchmarks.attack import POLICIES, UNMASKED
from benchmarks.leak_tables import SHOWN, interval, is_chance
from benchmarks.results import LeakRow, Results, SpeechRow
from benchmarks.rivals import RIVALS
from benchmarks.tables import NONE
from benchmarks.targets import Figure, Measure, Target


OURS = tuple(POLICIES)
ARMED = tuple(name for name in OURS if name != "tones")

TONES_SHARE = 0.1
"""What `tones` may let through on hard lines, where nothing is armed."""

_ABSENT = Figure(NONE)


def _rows(found: Results, engine: str, group: str) -> list[LeakRow]:
    return [row for row in found.leaks if (row.engine, row.group) == (engine, group)]


def together(rows: Sequence[LeakRow]) -> tuple[int, int]:
    """
    Give what is right and how many presses there were, over several lines.
    """
    return sum(row.right for row in rows), sum(row.presses for row in rows)


def _share(rows: Sequence[LeakRow], limit: float | None = None) -> Figure:
    """
    Give the share right of some lines; judged against chance, or against a limit.
    """
    right, presses = together(rows)
    if not presses:
        return _ABSENT
    low, high = interval(right, presses, SHOWN)
    text = f"{100 * right / presses:.1f} % ({100 * low:.1f}–{100 * high:.1f})"
    if limit is not None:
        return Figure(text, right / presses < limit)
    return Figure(text, is_chance(right, presses))


def _nominal(found: Results, engine: str) -> Figure:
    return _share(_rows(found, engine, "nominal"))


def _hard(found: Results, engine: str) -> Figure:
    limit = TONES_SHARE if engine == "tones" else None
    return _share(_rows(found, engine, "hard"), limit)


def _worst(found: Results, engine: str) -> Figure:
    rows = _rows(found, engine, "hard")
    if not rows:
        return _ABSENT
    worst = max(rows, key=lambda row: row.right / row.presses)
    share = worst.right / worst.presses
    met = is_chance(worst.right, worst.presses)
    if engine == "tones":
        met = share < TONES_SHARE
    return Figure(f"{100 * share:.1f} %: {worst.line}", met)


def _fragment(ms: int) -> Measure:
    def measure(found: Results, engine: str) -> Figure:
        start = f"fragment of {ms} ms,"
        rows = _rows(found, engine, "fragments")
        return _share([row for row in rows if row.line.startswith(start)])

    return measure


def _delay(found: Results, engine: str) -> Figure:
    for row in found.delays:
        if row.engine == engine:
            constant = row.min_ms == row.max_ms
            text = f"{row.max_ms:g} ms" if constant else f"to {row.max_ms:g} ms"
            return Figure(text, constant and row.max_ms <= 20)
    if engine in RIVALS:
        return Figure(f"{RIVALS[engine].delay_ms:g} ms")
    return _ABSENT


def _masked(found: Results, engine: str) -> Figure:
    for row in found.leaks:
        if (row.engine, row.line) == (engine, "tones of 60 ms"):
            values = row.masked_mean_ms, row.masked_p95_ms, row.masked_max_ms
            text = " / ".join(f"{value:.0f}" for value in values)
            return Figure(f"{text} ms", row.masked_p95_ms <= 90)
    return _ABSENT


def _mask(found: Results, engine: str) -> Figure:
    for row in found.leaks:
        if (row.engine, row.line) == (engine, "tones of 60 ms"):
            values = row.mask_median_ms, row.mask_p95_ms, row.mask_max_ms
            return Figure(" / ".join(f"{value:.0f}" for value in values) + " ms")
    return _ABSENT


def _speech_rows(found: Results, engine: str) -> list[SpeechRow]:
    return [
        row
        for row in found.speech
        if row.engine == engine and row.material.startswith("human speech")
    ]


def _overmasked(found: Results, engine: str) -> Figure:
    rows = _speech_rows(found, engine)
    hours = sum(row.hours for row in rows)
    if not hours:
        return _ABSENT
    rate = sum(row.masked_ms for row in rows) / hours
    return Figure(f"{rate:.0f} ms in each of {hours:.1f} h", rate <= 30)


def _pesq(found: Results, engine: str) -> Figure:
    scored = [
        (row.pesq_mean, row.segments)
        for row in _speech_rows(found, engine)
        if row.pesq_mean is not None
    ]
    n = sum(segments for _, segments in scored)
    if not n:
        return _ABSENT
    mean = sum(pesq * segments for pesq, segments in scored) / n
    return Figure(f"{mean:.3f}", mean >= 4.4)


def _exact(found: Results, engine: str) -> Figure:
    rows = [row for row in found.speech if row.engine == engine]
    if not rows:
        return _ABSENT
    n = sum(row.differing for row in rows)
    return Figure(str(n), n == 0)


def _telltale(found: Results, engine: str) -> Figure:
    for row in found.telltale:
        if row.engine == engine:
            least = min(row.p_values.values())
            share = 100 * row.right / row.presses
            met = is_chance(row.right, row.presses) and least >= telltale.SIGNIFICANCE
            return Figure(f"{share:.1f} %, p ≥ {least:.2g}", met)
    return _ABSENT


_HARD_WANTED = "`tones` < 10 %, armed: chance"

TARGETS = (
    Target("attacker right, nominal lines", "chance, 6.25 %", _nominal, OURS),
    Target("attacker right, hard lines together", _HARD_WANTED, _hard, OURS),
    Target("attacker right, worst hard line", _HARD_WANTED, _worst, OURS),
    *(
        Target(f"attacker right, fragments of {ms} ms", "chance", _fragment(ms), ARMED)
        for ms in (3, 5, 8, 12)
    ),
    Target("added delay, arming and disarming", "≤ 20 ms, constant", _delay, OURS),
    Target(
        "masked for a tone of 60 ms, mean / p95 / longest",
        "p95 ≤ 90 ms",
        _masked,
        ("tones", "armed"),
    ),
    Target("of that, the mask over the tone, median / p95 / longest", NONE, _mask, ()),
    Target(
        "human speech masked by mistake", "≤ 30 ms an hour", _overmasked, ("tones",)
    ),
    Target("PESQ of human speech", "≥ 4.4", _pesq, ("tones",)),
    Target("samples changed outside masks", "none", _exact, ("tones", "armed")),
    Target("keys guessed from masks alone", "chance, p ≥ 0.001", _telltale, OURS),
)


def _shown(found: Results) -> list[str]:
    there = {row.engine for row in found.leaks}
    names = (*OURS, UNMASKED, *RIVALS)
    return [name for name in names if name in there or name in OURS]


def table(found: Results) -> str:
    """
    Lay out every target with the figures of our policies and of the rivals.
    """
    names = _shown(found)
    lines = []
    for target in TARGETS:
        cells = [target.name, target.wanted]
        for name in names:
            figure = target.measure(found, name)
            cells.append(str(figure) if name in target.judged else figure.text)
        lines.append(cells)
    return tables.table(["target", "wanted", *leak_tables.named(names)], lines)
