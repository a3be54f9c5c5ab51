"""
Who is measured: this engine's three profiles and the peers that are installed.
"""

from collections.abc import Callable

from benchmarks import peers
from benchmarks.channels import LOSS_FRAME, Int16
from benchmarks.trials import Trial
from dtmf_engine import Detector, DigitDetected, decode


PROFILES = ("default", "strict", "sensitive")
"""Our own names; each names a profile."""

SPANDSP = "libspandsp"
MULTIMON = "multimon-ng"
DTMF2NUM = "dtmf2num"
PEERS = (SPANDSP, MULTIMON, DTMF2NUM)
SLOW_PEERS = (MULTIMON, DTMF2NUM)
"""Peers that are programs: each look costs a process."""

_PEERS: dict[str, tuple[Callable[[], bool], Callable[[Int16], str]]] = {
    SPANDSP: (peers.has_spandsp, peers.spandsp),
    MULTIMON: (peers.has_multimon, peers.multimon),
    DTMF2NUM: (peers.has_dtmf2num, peers.dtmf2num),
}


def installed_peers() -> tuple[str, ...]:
    """
    Name the peers that can run here.
    """
    return tuple(name for name in PEERS if _PEERS[name][0]())


def hear(engine: str, audio: Int16) -> str:
    """
    Give the digits that an engine finds.
    """
    if engine in PROFILES:
        return "".join(tone.digit for tone in decode(audio, 8000, profile=engine))
    return _PEERS[engine][1](audio)


def hear_trial(engine: str, trial: Trial) -> str | None:
    """
    Give the digits of a trial; nothing if the engine cannot be told of losses.
    """
    if trial.lost is None:
        return hear(engine, trial.audio)
    if engine not in PROFILES:
        return None
    detector = Detector(8000, profile=engine)
    events = []
    for index, lost in enumerate(trial.lost):
        frame = trial.audio[index * LOSS_FRAME : (index + 1) * LOSS_FRAME]
        events += detector.fill_in(len(frame)) if lost else detector.process(frame)
    events += detector.flush()
    return "".join(event.digit for event in events if isinstance(event, DigitDetected))
