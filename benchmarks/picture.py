"""
The picture: one press, not masked, muted once it is detected, and through this engine.

    python -m benchmarks.picture

Under each stands what the attacker makes of it. Writes `masking.png`.
"""

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.signal import spectrogram

from benchmarks import attack, rivals, workers
from benchmarks.attack import Heard
from benchmarks.channels import RATE, Entry, Tone, dial, to_int16, white_noise
from benchmarks.codecs import mulaw
from benchmarks.leak_lines import LeakCall
from benchmarks.results import HERE
from dtmf_engine.arrays import Float64
from dtmf_engine.decoys import CERTAIN_NATS


PICTURE = HERE / "masking.png"

KEY, ON_MS = "5", 100.0
LEVEL_DBM0, NOISE_DBM0 = -14.0, -48.0
_SEED = 2
_BEFORE_MS, _AFTER_MS = 70.0, 110.0

INK, PALE, EDGE, SHADE = "#23272e", "#6a717c", "#c9ced6", "#dfe6ee"
LEAK, SAFE = "#b3261e", "#1f6f43"


@dataclass(frozen=True)
class Column:
    """
    One way of treating the press.
    """

    title: str
    about: str
    heard: Heard
    delay_ms: float


def press() -> LeakCall:
    """
    Make the press: one key, in the noise of a quiet room.
    """
    random = np.random.default_rng(_SEED)
    tone = Tone(KEY, on_ms=ON_MS, off_ms=300, low_dbm0=LEVEL_DBM0)
    entry: Entry = dial([tone], random, lead_ms=500)
    wave = entry.audio + white_noise(len(entry.audio), NOISE_DBM0, random)
    n = len(wave)
    return LeakCall(
        audio=mulaw(to_int16(wave)),
        keys=entry.keys,
        starts=entry.starts,
        ends=entry.ends,
        low_dbm0=LEVEL_DBM0,
        high_dbm0=LEVEL_DBM0,
        counted=(True,),
        lost=np.zeros(-(-n // 160), dtype=np.bool_),
        gone=np.zeros(n, dtype=np.bool_),
    )


def columns(call: LeakCall) -> list[Column]:
    """
    Treat the press in every way that can be had here.
    """
    whole = Heard(call.audio.astype(np.float64), np.zeros(len(call.audio), np.bool_))
    found = [Column("No masking", f"the caller keys {KEY}", whole, 0)]
    name = "detect, then mute"
    if rivals.installed():
        muted = attack.through_rivals([name], call)[name]
        found.append(Column("Detect, then mute", "by libspandsp, no delay", muted, 0))
    ours = attack.through_bank("tones", [call])[0]
    found.append(Column("dtmf-engine", "20 ms of delay", ours, 20))
    return found


def verdict(call: LeakCall, heard: Heard) -> tuple[str, str, str]:
    """
    Say what the attacker makes of it, how sure it is, and in which colour.
    """
    reading = attack.read(call, heard, 0)
    if reading.guess == KEY and reading.margin >= CERTAIN_NATS:
        return f"Attacker reads “{KEY}”", "certain", LEAK
    if not reading.guess:
        return "Attacker reads nothing", "all keys alike", SAFE
    likely = np.exp(reading.scores - reading.scores.max())
    share = 100 / float(likely.sum())
    return (
        "Attacker reads nothing",
        f"best guess “{reading.guess}”, {share:.0f} %",
        SAFE,
    )


def draw(path: Path = PICTURE) -> None:
    """
    Draw it.
    """
    mpl.rcParams["font.family"] = "DejaVu Sans"
    call = press()
    shown = columns(call)
    figure = Figure(figsize=(8, 4.1), dpi=150)
    grid = figure.subplots(2, len(shown), sharex=True, height_ratios=(2, 3))
    figure.subplots_adjust(
        left=0.065, right=0.985, top=0.85, bottom=0.24, wspace=0.07, hspace=0.05
    )
    for i, column in enumerate(shown):
        _wave(grid[0, i], call, column)
        _spectrum(grid[1, i], call, column, first=i == 0)
    # No version in the file: it changes only when the picture does.
    figure.savefig(path, metadata={"Software": None})


def _cut(call: LeakCall, audio: Float64) -> tuple[Float64, Float64]:
    """
    Give times in ms from the press on, and the samples there.
    """
    first = call.starts[0] - round(_BEFORE_MS * RATE / 1000)
    last = call.ends[0] + round(_AFTER_MS * RATE / 1000)
    place = np.arange(first, last)
    return (place - call.starts[0]) * 1000 / RATE, audio[first:last]


def _wave(axes: Axes, call: LeakCall, column: Column) -> None:
    times, wave = _cut(call, column.heard.audio)
    _, masked = _cut(call, column.heard.masked.astype(np.float64))
    replaced = masked > 0
    axes.fill_between(times, -1, 1, where=list(replaced), color=SHADE, linewidth=0)
    axes.plot(times, wave / 32768 * 2, color=INK, linewidth=0.5)
    axes.set_ylim(-1, 1)
    axes.set_yticks([])
    axes.tick_params(labelbottom=False, bottom=False)
    if replaced.any():
        middle = float(times[replaced].mean())
        axes.text(middle, -0.88, "replaced", ha="center", fontsize=9, color=PALE)
    _say(axes, 1.24, column.title, INK, size=13, bold=True)
    _say(axes, 1.06, column.about, PALE, size=10)
    for side in axes.spines.values():
        side.set_color(EDGE)


def _spectrum(axes: Axes, call: LeakCall, column: Column, *, first: bool) -> None:
    hz, seconds, power = spectrogram(
        *(column.heard.audio, RATE, "hann"), nperseg=128, noverlap=120, nfft=512
    )
    axes.pcolormesh(
        seconds * 1000 - call.starts[0] * 1000 / RATE,
        hz / 1000,
        10 * np.log10(power + 1e-3),
        cmap="magma",
        vmin=-10,
        vmax=48,
        shading="gouraud",
        rasterized=True,
    )
    axes.set_ylim(0.3, 2.2)
    axes.set_xlim(-_BEFORE_MS, ON_MS + _AFTER_MS)
    axes.set_xticks([0, 100, 200], ["0", "100 ms", "200"])
    axes.set_yticks([0.5, 1, 1.5, 2], ["", "1 kHz", "", "2"])
    axes.tick_params(labelsize=9.5, labelcolor=PALE, color=EDGE)
    axes.tick_params(axis="y", labelleft=first)
    said, how, colour = verdict(call, column.heard)
    _say(axes, -0.33, said, colour, size=12, bold=True)
    _say(axes, -0.48, how, colour, size=10.5)
    for side in axes.spines.values():
        side.set_color(EDGE)


def _say(
    axes: Axes,
    height: float,
    text: str,
    colour: str,
    *,
    size: float,
    bold: bool = False,
) -> None:
    axes.text(
        0.5,
        height,
        text,
        transform=axes.transAxes,
        ha="center",
        fontsize=size,
        color=colour,
        weight="bold" if bold else "normal",
    )


def main() -> None:
    """
    Draw the picture, or say why not all of it.
    """
    if not rivals.installed():
        workers.note("note: libspandsp2: not installed, its column is left out")
    draw()


if __name__ == "__main__":
    main()
