"""
The demo's report: one HTML file, pictures and all.
"""

import base64
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from bridge.cli.pictures import Track, draw_tracks
from dtmf_engine.arrays import Int16, to_int16
from dtmf_engine.audit import describe
from dtmf_engine.g711 import decode_mulaw
from dtmf_engine.units import SAMPLE_RATE_HZ


if TYPE_CHECKING:
    from bridge.cli.demo import Outcome


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1180px; margin: 2rem auto;
       padding: 0 1rem; color: #1c2430; background: #fcfcfb; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
img { width: 100%; height: auto; border: 1px solid #dde1e6; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0;
        text-align: left; vertical-align: top; border-bottom: 1px solid #e7eaee; }
.good { color: #1b7f4b; } .bad { color: #b3261e; }
pre { background: #f1f3f5; padding: .8rem; overflow-x: auto; }
.mono { font-family: ui-monospace, monospace; font-size: .85rem; }
.time { white-space: nowrap; }
"""


def write_report(outcome: "Outcome") -> str:
    """
    Write the report.
    """
    caller = decode_mulaw(outcome.caller)
    # A recording that slipped by a frame is put right piece by piece.
    alignment = outcome.report.alignment
    agent = to_int16(alignment.unfold(decode_mulaw(outcome.agent), len(caller)))
    spans = masked_spans_s(caller, agent)
    pieces = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        "<title>dtmf-engine demo</title>",
        f"<style>{_STYLE}</style>",
        "<h1>One payment call</h1>",
        _verdict(outcome),
        "<h2>The whole call</h2>",
        "<p>The same seconds of both legs. Red: what was replaced for the agent.</p>",
        _picture(caller, agent, spans, 0.0, len(caller) / SAMPLE_RATE_HZ),
        "<h2>The first keys of the card number</h2>",
        _picture(caller, agent, spans, *_first_keys(outcome)),
        "<h2>Measured</h2>",
        _table(outcome.figures),
        "<h2>The attacker on the agent's recording</h2>",
        f"<pre>{escape(chr(10).join(describe(outcome.report)))}</pre>",
        "<h2>What the agent's software was told</h2>",
        _callbacks(outcome),
        "</html>",
    ]
    return "\n".join(pieces)


def masked_spans_s(caller: Int16, agent: Int16) -> list[tuple[float, float]]:
    """
    Find the stretches in which two aligned recordings differ.

    Returns:
        Start and end of each, in seconds; gaps under 5 ms are bridged.
    """
    n = min(len(caller), len(agent))
    places = np.flatnonzero(caller[:n] != agent[:n])
    if not places.size:
        return []
    breaks = np.flatnonzero(np.diff(places) > SAMPLE_RATE_HZ // 200)
    starts = places[np.concatenate([[0], breaks + 1])]
    ends = places[np.concatenate([breaks, [places.size - 1]])] + 1
    return [
        (float(a) / SAMPLE_RATE_HZ, float(b) / SAMPLE_RATE_HZ)
        for a, b in zip(starts, ends, strict=True)
    ]


def _first_keys(outcome: "Outcome") -> tuple[float, float]:
    presses = [p.press for p in outcome.report.presses[:4]]
    start = presses[0].start_sample / SAMPLE_RATE_HZ - 0.3
    return start, presses[-1].end_sample / SAMPLE_RATE_HZ + 0.3


def _picture(
    caller: Int16,
    agent: Int16,
    spans: list[tuple[float, float]],
    start_s: float,
    end_s: float,
) -> str:
    png = draw_tracks(
        [
            Track("caller: what was sent", caller, spans),
            Track("agent: what was heard", agent, spans),
        ],
        start_s,
        end_s,
    )
    data = base64.b64encode(png).decode("ascii")
    return f"<img alt='both legs' src='data:image/png;base64,{data}'>"


def _verdict(outcome: "Outcome") -> str:
    screen = outcome.screen
    good = "good" if outcome.is_good else "bad"
    number = escape(screen.values.get("payment-card-number", "no card number"))
    text = (
        f"{escape(screen.result or 'no result')}: {number} {escape(screen.card_type)} "
        f"{escape(screen.confirmation)}. The agent heard "
        + ("nothing recoverable." if outcome.report.is_clean else "recoverable digits.")
    )
    return f"<p class='{good}'><strong>{text}</strong></p>"


def _table(rows: list[tuple[str, str]]) -> str:
    cells = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>"
        for name, value in rows
    )
    return f"<table>{cells}</table>"


def _callbacks(outcome: "Outcome") -> str:
    shown = ("AccountSid", "CallSid", "Sid", "DateCreated", "DateUpdated")
    rows = "".join(
        f"<tr><td class='mono time'>{at_s:7.3f} s</td><td class='mono'>"
        + escape("  ".join(f"{k}={v}" for k, v in form.items() if k not in shown))
        + "</td></tr>"
        for at_s, form in outcome.callbacks
    )
    return f"<table>{rows}</table>"
