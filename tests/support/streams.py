"""
Playing a stream into the engine, cut in any way.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from dtmf_engine import Detector, DigitDetected, Event, Suppressor
from tests.support.strategies import Script
from tests.support.tones import Audio, Wave, cut


def digits_of(events: Iterable[Event]) -> str:
    """
    Give the digits that were reported, in order.
    """
    return "".join(event.digit for event in events if isinstance(event, DigitDetected))


def listen(
    detector: Detector,
    audio: Audio | Wave,
    sizes: Sequence[int],
    script: Script | None = None,
) -> list[Event]:
    """
    Play a whole stream into a detector, in chunks of the given sizes.

    Args:
        detector: who listens.
        audio: the stream; where the script says `lost`, its samples are not heard.
        sizes: of the chunks, in turn.
        script: what happens; all of the audio is heard if left out.
    """
    events: list[Event] = []
    start = 0
    for what, n_samples in _steps(audio, script):
        stop = start + n_samples
        if what == "heard":
            for part in cut(audio[start:stop], sizes):
                events += detector.process(audio[start:stop][part])
        elif what == "lost":
            events += detector.fill_in(n_samples)
        start = stop
    return events + detector.flush()


def suppress(
    suppressor: Suppressor,
    audio: Audio | Wave,
    sizes: Sequence[int],
    script: Script | None = None,
) -> Audio | Wave:
    """
    Play a whole stream through a suppressor, in chunks of the given sizes.

    Returns:
        All that came out, with the end of the look-ahead: as long as the audio
        and the suppressor's delay together.
    """
    # What comes before any audio: whether the stream is of floats.
    pieces = [suppressor.process(audio[:0])]
    start = 0
    for what, n_samples in _steps(audio, script):
        stop = start + n_samples
        if what == "heard":
            parts = cut(audio[start:stop], sizes)
            pieces += [suppressor.process(audio[start:stop][part]) for part in parts]
        elif what == "lost":
            pieces.append(suppressor.fill_in(n_samples))
        elif what == "arm":
            suppressor.arm()
        else:
            suppressor.disarm()
        start = stop
    pieces.append(suppressor.flush())
    assert {piece.dtype for piece in pieces} == {audio.dtype}
    whole = np.concatenate(pieces)
    if audio.dtype == np.int16:
        return whole.astype(np.int16, copy=False)
    return whole.astype(np.float64, copy=False)


def _steps(audio: Audio | Wave, script: Script | None) -> list[tuple[str, int]]:
    if script is None:
        return [("heard", len(audio))]
    return [(step.what, step.n_samples) for step in script]
