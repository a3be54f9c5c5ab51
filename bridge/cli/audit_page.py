"""
The page of an audit: one HTML file, spectrograms and all. Needs the extra `plot`.
"""

import base64
import io
from html import escape

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dtmf_engine.arrays import Float64, Int16, to_int16
from dtmf_engine.audit import AuditReport, PressAudit, figures
from dtmf_engine.keypad import frequencies_hz
from dtmf_engine.units import (
    FULL_SCALE,
    SAMPLE_RATE_HZ,
    ms_from_samples,
    samples_from_ms,
)


mpl.use("Agg")

MOST_PICTURES = 64
"""Beyond that the page would be too large to open; presses that leak come first."""

_AROUND = samples_from_ms(80)
_WINDOW = 192
_FFT = 1024
_BIN_HZ = SAMPLE_RATE_HZ / _FFT
_BAND_BINS = 20
"""On either side: 156 Hz, up to the band of the other tone of 941 and 1209 Hz."""
_HOP = 8
_FLOOR_DB = -100.0
_TOP_DB = -12.0

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1120px; margin: 0 auto;
       padding: 2rem 1.2rem 4rem; color: #1c2430; background: #fcfcfb; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
h2 { font-size: 1.1rem; margin: 2.4rem 0 .6rem; }
.verdict { padding: 1rem 1.3rem; border-radius: 8px; font-size: 1.25rem;
           font-weight: 600; border-left: 6px solid; }
.verdict small { display: block; font-size: .95rem; font-weight: 400; color: #3b4552; }
.good { background: #e7f4ec; border-color: #1b7f4b; color: #135c36; }
.bad { background: #fbeae8; border-color: #b3261e; color: #8c1d17; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .25rem 1.4rem .25rem 0; text-align: left;
         border-bottom: 1px solid #e7eaee; font-weight: 400; }
th { color: #5a6572; } td.n { text-align: right; }
tr.leak td { color: #8c1d17; font-weight: 600; }
.shots { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr));
         gap: 1rem; }
figure { margin: 0; border: 1px solid #dde1e6; border-radius: 6px; overflow: hidden;
         background: white; }
figure.leak { border-color: #b3261e; box-shadow: 0 0 0 1px #b3261e; }
figcaption { padding: .35rem .7rem; font-size: .85rem; color: #3b4552; }
img { width: 100%; height: auto; display: block; }
"""


def write_page(
    report: AuditReport,
    caller: Int16,
    agent: Int16,
    peer: str | None,
    *,
    show_digits: bool = False,
) -> str:
    """
    Write the page.

    Args:
        report: of the attacker.
        caller: [shape=(n,)] at 8 kHz.
        agent: [shape=(m,)] at 8 kHz.
        peer: what libspandsp read, if it is installed.
        show_digits: name keys and guesses, and draw whole spectrograms, in which
            every key can be read.
    """
    heard = report.alignment.unfold(agent, len(caller))
    pieces = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        "<title>Audit of a call</title>",
        f"<style>{_STYLE}</style>",
        "<h1>What of the caller's keys can be recovered</h1>",
        _verdict(report),
        "<h2>Measured</h2>",
        _figures(report, peer),
    ]
    if report.presses:
        pieces += [
            "<h2>Presses</h2>",
            _table(report, show_digits=show_digits),
            "<h2>The same moments, sent and heard</h2>",
            _shots(report, caller, to_int16(heard), show_digits=show_digits),
        ]
    return "\n".join([*pieces, "</html>"])


def _verdict(report: AuditReport) -> str:
    n = len(report.presses)
    if report.is_clean and n:
        head, kind = "Nothing recoverable", "good"
    elif report.is_clean:
        head, kind = "No press in the caller's recording", "bad"
    else:
        head, kind = "Leak: digits can be recovered", "bad"
    tail = (
        f"An attacker who knows when each of {n} keys was down guessed "
        f"{report.n_right} right and was sure of {report.n_read}; "
        f"up to {report.chance_bound} are luck."
    )
    return f"<div class='verdict {kind}'>{head}<small>{escape(tail)}</small></div>"


def _figures(report: AuditReport, peer: str | None) -> str:
    rows = figures(report)
    if not report.presses:
        rows.insert(0, ("no press in the caller's recording", ""))
    if peer is not None:
        rows.append(("libspandsp reads", str(len(peer))))
    cells = "".join(
        f"<tr><th>{escape(name.strip())}</th><td>{escape(value)}</td></tr>"
        for name, value in rows
    )
    return f"<table>{cells}</table>"


def _table(report: AuditReport, *, show_digits: bool) -> str:
    head = ["", "at", "length", "margin", "certain from", "guess"]
    head += ["keyed", "guessed"] if show_digits else []
    rows = []
    for number, press in enumerate(report.presses, start=1):
        cells = [
            str(number),
            f"{press.press.start_sample / SAMPLE_RATE_HZ:.3f} s",
            f"{_length_ms(press):.0f} ms",
            f"{press.margin:.1f}",
            f"{press.certain_nats:.1f}",
            _outcome(press),
        ]
        cells += [press.press.digit, press.guess or "–"] if show_digits else []
        row = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        rows.append(f"<tr{_mark(press)}>{row}</tr>")
    titles = "".join(f"<th>{title}</th>" for title in head)
    note = (
        "<p>Margins in nats: how much likelier the best guess is than the next. "
        "From where on a guess is certain is measured on the same recording, where "
        "no key was down.</p>"
    )
    return f"{note}<table><tr>{titles}</tr>{''.join(rows)}</table>"


def _outcome(press: PressAudit) -> str:
    if press.is_read:
        return "read"
    if press.is_right:
        return "right, not sure"
    return "wrong"


def _mark(press: PressAudit) -> str:
    return " class='leak'" if press.is_read else ""


def _length_ms(press: PressAudit) -> float:
    n_samples = press.press.end_sample - press.press.start_sample
    return ms_from_samples(n_samples)


def _shots(
    report: AuditReport, caller: Int16, heard: Int16, *, show_digits: bool
) -> str:
    numbered = list(enumerate(report.presses, start=1))
    shown = sorted(numbered, key=lambda item: not item[1].is_read)[:MOST_PICTURES]
    figures = []
    for number, press in sorted(shown, key=lambda item: item[0]):
        png = _shot(press, caller, heard, show_digits=show_digits)
        data = base64.b64encode(png).decode("ascii")
        at = press.press.start_sample / SAMPLE_RATE_HZ
        figures.append(
            f"<figure{_mark(press)}><img alt='press {number}: spectrograms of caller "
            f"and agent' src='data:image/png;base64,{data}'>"
            f"<figcaption>press {number} at {at:.3f} s, {_outcome(press)}</figcaption>"
            "</figure>"
        )
    left = len(numbered) - len(shown)
    more = f"<p>{left} more presses are not shown.</p>" if left else ""
    note = "" if show_digits else _NEUTRAL
    return f"{note}<div class='shots'>{''.join(figures)}</div>{more}"


_NEUTRAL = (
    "<p>Each picture shows the bands around the two tones of its own key, so that "
    "every key looks the same and none can be told from the page.</p>"
)


def _shot(
    press: PressAudit, caller: Int16, heard: Int16, *, show_digits: bool
) -> bytes:
    """
    Draw one press, caller left and agent right; a PNG.
    """
    figure = Figure(figsize=(4.6, 2.1), dpi=110, layout="constrained")
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    for at, title, audio in zip(
        axes, ("caller", "agent"), (caller, heard), strict=True
    ):
        _spectrogram(at, audio, press, show_digits=show_digits)
        at.set_title(title, fontsize=8, loc="left", pad=3)
        at.tick_params(labelsize=6, length=2, pad=2)
        at.set_xlabel("ms", fontsize=6, labelpad=1)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _spectrogram(
    axes: Axes, audio: Int16, press: PressAudit, *, show_digits: bool
) -> None:
    length = press.press.end_sample - press.press.start_sample
    length_ms, around_ms = ms_from_samples(length), ms_from_samples(_AROUND)
    level = _levels(audio, press.press.start_sample - _AROUND, length + 2 * _AROUND)
    if show_digits:
        bottom, top = (round(hz / _BIN_HZ) for hz in (400, 2000))
        level, marks = level[bottom:top], [697, 941, 1209, 1633]
        places = [(hz - 400) / 1600 for hz in marks]
        names = [f"{hz} Hz" for hz in marks]
    else:
        level, places, names = _neutral(level, press.press.digit)
    axes.imshow(
        level,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=_FLOOR_DB,
        vmax=_TOP_DB,
        extent=(-around_ms, length_ms + around_ms, 0.0, 1.0),
        interpolation="nearest",
    )
    axes.set_yticks(places, names)
    for edge in (0.0, length_ms):
        axes.axvline(edge, color="white", alpha=0.55, linewidth=0.6, linestyle=":")


def _levels(audio: Int16, first: int, n_samples: int) -> Float64:
    """
    Give levels in dB of full scale, [shape=(bins, columns)].
    """
    padded = np.zeros(n_samples + _WINDOW)
    start = first - _WINDOW // 2
    inside = audio[max(0, start) : max(0, start + len(padded))] / FULL_SCALE
    offset = max(0, -start)
    padded[offset : offset + len(inside)] = inside
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    spectrum = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW), _FFT, axis=1))
    return np.asarray(20 * np.log10(np.maximum(spectrum.T * 4 / _WINDOW, 1e-6)))


def _neutral(level: Float64, digit: str) -> tuple[Float64, list[float], list[str]]:
    """
    Keep the bands around a key's own tones: a picture that is the same for all.

    Returns:
        The bands, one on the other; where their middles are, from 0 to 1; names.
    """
    bands = []
    for hz in frequencies_hz(digit):
        middle = round(hz / _BIN_HZ)
        bands.append(level[middle - _BAND_BINS : middle + _BAND_BINS + 1])
    gap = np.full((3, level.shape[1]), _FLOOR_DB)
    return (
        np.concatenate([bands[0], gap, bands[1]]),
        [0.25, 0.75],
        ["low tone", "high tone"],
    )
