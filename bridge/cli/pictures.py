"""
Pictures: waveforms and spectrograms, as PNG. Needs the extra `plot`.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dtmf_engine.arrays import Int16, to_float64, to_int16
from dtmf_engine.events import ToneEnded
from dtmf_engine.filters import resample_to_8k
from dtmf_engine.recording import Recording
from dtmf_engine.units import FULL_SCALE, SAMPLE_RATE_HZ


mpl.use("Agg")

_MASK_COLOUR = "#d1495b"
_WAVE_COLOUR = "#30638e"
_WINDOW = 256
_FLOOR_DB = -95.0
_TOP_DB = -25.0


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """
    One row of a picture.
    """

    title: str
    audio: Int16
    """[shape=(n,)] at 8 kHz."""
    spans_s: Sequence[tuple[float, float]] = ()
    """Stretches to be shaded, in seconds."""
    labels: Sequence[tuple[float, str]] = ()
    """Words and where they stand, in seconds."""


def draw_tracks(tracks: Sequence[Track], start_s: float, end_s: float) -> bytes:
    """
    Draw waveform and spectrogram of tracks, one under the other.

    Args:
        tracks: to be drawn.
        start_s: left edge.
        end_s: right edge.

    Returns:
        A PNG.
    """
    figure = Figure(figsize=(12, 3.1 * len(tracks)), dpi=100, layout="constrained")
    axes = figure.subplots(
        2 * len(tracks), 1, sharex=True, height_ratios=[1, 1.8] * len(tracks)
    )
    for n, track in enumerate(tracks):
        _draw_wave(axes[2 * n], track, start_s, end_s)
        _draw_spectrogram(axes[2 * n + 1], track, start_s, end_s)
    axes[-1].set_xlabel("seconds")
    axes[0].set_xlim(start_s, end_s)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def draw_digits(recording: Recording, found: Sequence[Sequence[ToneEnded]]) -> bytes:
    """
    Draw a recording and the digits in it.

    Returns:
        A PNG.
    """
    rate = recording.sample_rate_hz
    tracks = []
    for number, tones in enumerate(found):
        channel = to_float64(recording.channels[number])
        audio = to_int16(resample_to_8k(channel, rate))
        spans = [(t.start_sample / rate, t.end_sample / rate) for t in tones]
        labels = [(start, t.digit) for (start, _), t in zip(spans, tones, strict=True)]
        tracks.append(Track(f"channel {number}", audio, spans, labels))
    return draw_tracks(tracks, 0.0, max(recording.duration_s, 0.01))


def _cut(track: Track, start_s: float, end_s: float) -> Int16:
    first, last = round(start_s * SAMPLE_RATE_HZ), round(end_s * SAMPLE_RATE_HZ)
    return track.audio[max(0, first) : last]


def _draw_wave(axes: Axes, track: Track, start_s: float, end_s: float) -> None:
    audio = _cut(track, start_s, end_s) / FULL_SCALE
    time = start_s + np.arange(len(audio)) / SAMPLE_RATE_HZ
    axes.plot(time, audio, color=_WAVE_COLOUR, linewidth=0.4)
    axes.set_ylim(-0.7, 0.7)
    axes.set_title(track.title, loc="left", fontsize=10, fontweight="bold")
    axes.set_yticks([])
    for left, right in track.spans_s:
        axes.axvspan(left, right, color=_MASK_COLOUR, alpha=0.25, linewidth=0)
    for at_s, text in track.labels:
        if start_s <= at_s <= end_s:
            axes.text(at_s, 0.5, text, fontsize=9, fontfamily="monospace")


def _draw_spectrogram(axes: Axes, track: Track, start_s: float, end_s: float) -> None:
    audio = _cut(track, start_s, end_s) / FULL_SCALE
    # A day has no use for every column of its spectrogram.
    hop = max(_WINDOW // 8, len(audio) // 4000)
    padded = np.pad(audio, _WINDOW // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::hop]
    spectrum = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW), axis=1)) * 4 / _WINDOW
    level = 20 * np.log10(np.maximum(spectrum, 1e-6))
    axes.imshow(
        level.T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=_FLOOR_DB,
        vmax=_TOP_DB,
        extent=(start_s, start_s + len(audio) / SAMPLE_RATE_HZ, 0.0, 4000.0),
        interpolation="nearest",
    )
    axes.set_ylim(0, 2500)
    axes.set_ylabel("Hz", fontsize=8)
    for left, right in track.spans_s:
        for edge in (left, right):
            axes.axvline(edge, color=_MASK_COLOUR, alpha=0.6, linewidth=0.5)
