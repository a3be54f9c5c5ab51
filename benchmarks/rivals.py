"""
Rivals: how other systems mute keys, as models of their rules.

All are driven by libspandsp's detector, which FreeSWITCH and rtpengine use
themselves, in its own blocks of 102 samples. What is muted becomes silence.

* `detect, then mute`: a listener mutes from the sample at which the detector reports
  a digit to the sample at which it reports its end; nothing is held back.
* `rtpengine N ms`: `block DTMF` with a delay buffer. The detector hears frames of
  20 ms and reports at the end of one. Whole frames are silenced, from one delay
  buffer before the reported start to one after the reported end. The rule is read
  from its source and its own tests; leak and length of mask agree with what was
  measured of version 10.5 on a loopback (1, 20, 40, 60, 100 ms of buffer: means of
  38, 19, 2, 0, 0 ms of leak and 55, 93, 133, 173, 253 ms of silence for a tone of
  60 ms). It mutes nothing at all once telephone-event is negotiated.
* `Asterisk squelch`: `dsp.c` silences every block in which it hears a pair, and one
  more on either side, but only as far as the frame reaches that it has in hand.
  Its block test has nearly libspandsp's limits, which stand for it here.
* `libspandsp, 37 ms`: held back for as long as libspandsp ever takes, muted to the
  sample. Nobody ships this; it is the best that can be made of that detector.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks import peers
from benchmarks.channels import LOSS_FRAME, RATE, Int16
from dtmf_engine.arrays import Bool


BLOCK_SAMPLES = 102
"""Of libspandsp's and of Asterisk's detector."""


@dataclass(frozen=True)
class Verdicts:
    """
    What libspandsp said at the end of each of its blocks.
    """

    n_samples: int
    hit: Bool
    """[shape=(n_blocks,)] whether the block sounded like a pair, or a digit was on."""
    digit: Bool
    """[shape=(n_blocks,)] whether a digit was on."""


def listen(audio: Int16) -> Verdicts:
    """
    Play audio to libspandsp.

    Raises:
        RuntimeError: it is not installed.
    """
    stream = peers.SpandspStream()
    said = []
    # Blocks begin with the stream: fed block by block, it says when it knows.
    for start in range(0, len(audio) - BLOCK_SAMPLES + 1, BLOCK_SAMPLES):
        part = np.ascontiguousarray(audio[start : start + BLOCK_SAMPLES])
        stream.process(part)
        said.append(stream.status())
    stream.close()
    hit = np.array([word != "" for word in said], dtype=np.bool_)
    digit = np.array([word not in {"", "x"} for word in said], dtype=np.bool_)
    return Verdicts(len(audio), hit, digit)


def runs(flags: Bool) -> list[tuple[int, int]]:
    """
    Give the stretches of true values, each as first and one past the last.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.view(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _known_at(block: int) -> int:
    return (block + 1) * BLOCK_SAMPLES


def mute_at_once(said: Verdicts, look_ahead_samples: int = 0) -> Bool:
    """
    Mute to the sample while a digit is on, and what is still held back.

    Returns:
        [shape=(n,)] which samples are muted.
    """
    masked = np.zeros(said.n_samples, dtype=np.bool_)
    for first, last in runs(said.digit):
        masked[max(0, _known_at(first) - look_ahead_samples) : _known_at(last)] = True
    return masked


def rtpengine(said: Verdicts, buffer_ms: int) -> Bool:
    """
    Silence whole frames around what was reported.

    Returns:
        [shape=(n,)] which samples are muted.
    """
    masked = np.zeros(said.n_samples, dtype=np.bool_)
    reach = buffer_ms * RATE // 1000 // LOSS_FRAME * LOSS_FRAME
    for first, last in runs(said.digit):
        # A report is made at the end of the frame in which it became known.
        start, end = (
            -(-_known_at(block) // LOSS_FRAME) * LOSS_FRAME for block in (first, last)
        )
        masked[max(0, start - reach) : end + reach] = True
    return masked


def squelch(said: Verdicts) -> Bool:
    """
    Silence blocks that sound like a pair, and one on either side, inside the frame.

    Returns:
        [shape=(n,)] which samples are muted.
    """
    masked = np.zeros(said.n_samples, dtype=np.bool_)
    for block in np.flatnonzero(said.hit).tolist():
        # A block is judged in the frame that holds its last sample.
        frame = (_known_at(block) - 1) // LOSS_FRAME * LOSS_FRAME
        start = max(frame, (block - 1) * BLOCK_SAMPLES)
        stop = min(frame + LOSS_FRAME, (block + 2) * BLOCK_SAMPLES)
        masked[start:stop] = True
    return masked


@dataclass(frozen=True)
class Rival:
    """
    One rule, and how long it holds audio back.
    """

    mute: Callable[[Verdicts], Bool]
    delay_ms: float


def _buffered(ms: int) -> Rival:
    return Rival(lambda said: rtpengine(said, ms), ms)


RIVALS = {
    "detect, then mute": Rival(mute_at_once, 0),
    "Asterisk squelch": Rival(squelch, 0),
    **{f"rtpengine {ms} ms": _buffered(ms) for ms in (20, 40, 60, 100)},
    "libspandsp, 37 ms": Rival(lambda said: mute_at_once(said, 37 * RATE // 1000), 37),
}
"""By name, as tables show them."""


def installed() -> tuple[str, ...]:
    """
    Name the rivals that can run here: all or none.
    """
    return tuple(RIVALS) if peers.has_spandsp() else ()
