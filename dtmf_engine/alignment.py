"""
Alignment: where in the agent's recording each moment of the caller's is.

Two recordings of one call begin at different moments, run on clocks that differ by
up to a hundred parts in a million, and one of them may slip: where a jitter buffer
ran dry, everything after it is a frame later. So the delay is a line with steps.

It is found in blocks of a quarter of a second. One long stretch of the caller is
looked for in all of the agent's recording; from there, blocks are followed in both
directions, each looked for around where its neighbour was. Blocks that agree make a
piece.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.signal import correlate

from dtmf_engine.arrays import Bool, Float64, Int16
from dtmf_engine.errors import NothingInCommonError
from dtmf_engine.units import samples_from_ms


Span = tuple[int, int]
"""First sample, and one past the last."""

_BLOCK = samples_from_ms(250)
_HOP = _BLOCK // 2
_REACH = samples_from_ms(250)
"""How far a recording may slip from one block to the next."""

_LONG = samples_from_ms(2000)
_N_LONG = 8
_ALIKE_LONG, _ALIKE = 0.3, 0.5
"""
Correlation from which two stretches are the same sound, long ones and blocks.

Two seconds of unrelated speech, differenced, reach 0.15; noise 0.05.
"""

_STAYS = 0.9
"""A block is where its neighbour was if it is this much as likely there."""

_SAME_PIECE = 3
"""Samples; a hundred parts in a million are 0.1 from one block to the next."""

_MAX_DRIFT = 300e-6
_BLOCKS_FOR_DRIFT = 16
_LEAST_DRIFT = 0.5
"""Samples over a piece below which its delay is taken to be constant."""


@dataclass(frozen=True, slots=True)
class Piece:
    """
    A stretch of the call in which the agent's recording does not slip.
    """

    start_sample: int
    """Where it may begin at the earliest, in the caller's recording."""
    settled_sample: int
    """Where it has begun for certain: between the two nothing tells."""
    delay: float
    """Samples by which the agent's recording is later, at `start_sample`."""
    drift: float = 0.0
    """By how much that grows per sample."""

    def delay_at(self, sample: int) -> float:
        """
        Give the delay at a sample of the caller's recording.
        """
        return self.delay + self.drift * (sample - self.start_sample)


@dataclass(frozen=True, slots=True)
class Alignment:
    """
    How two recordings of a call lie to each other.
    """

    pieces: tuple[Piece, ...]
    """In their order; the first reaches back to the beginning."""
    gain: float = 1.0
    """Amplitude of the agent's over the caller's; negative if turned over."""

    def delay_at(self, sample: int) -> float:
        """
        Give the delay at a sample of the caller's recording.
        """
        found = self.pieces[0]
        for piece in self.pieces[1:]:
            if piece.start_sample <= sample:
                found = piece
        return found.delay_at(sample)

    def span(self, start_sample: int, end_sample: int) -> Span:
        """
        Give where a stretch of the caller's recording may be in the agent's.

        It is longer than the stretch if the recording slips inside, or if it is not
        known on which side of the stretch it does.
        """
        starts, ends = [], []
        for piece, following in zip(self.pieces, [*self.pieces[1:], None], strict=True):
            is_first = piece is self.pieces[0]
            begun = is_first or piece.start_sample < end_sample
            over = following is not None and following.settled_sample <= start_sample
            if begun and not over:
                starts.append(start_sample + piece.delay_at(start_sample))
                ends.append(end_sample + piece.delay_at(end_sample))
        return round(min(starts)), round(max(ends))

    def unfold(self, agent: Float64 | Int16, n_samples: int) -> Float64 | Int16:
        """
        Give the agent's recording at the caller's times, to the nearest sample.

        Args:
            agent: [shape=(m,)]
            n_samples: how much; silence stands for what the recording lacks.
        """
        heard = np.zeros(n_samples, dtype=agent.dtype)
        edges = [piece.start_sample for piece in self.pieces[1:]]
        for piece, first, last in zip(
            self.pieces, [0, *edges], [*edges, n_samples], strict=True
        ):
            places = np.arange(first, min(last, n_samples))
            at = np.rint(places + piece.delay_at(0) + piece.drift * places)
            inside = (at >= 0) & (at < len(agent))
            heard[places[inside]] = agent[at[inside].astype(np.intp)]
        return heard

    @property
    def steps(self) -> tuple[tuple[int, float], ...]:
        """
        Give where the recording slips, in the caller's samples, and by how much.
        """
        return tuple(
            (after.start_sample, after.delay - before.delay_at(after.start_sample))
            for before, after in pairwise(self.pieces)
        )


def constant(delay: float) -> Alignment:
    """
    Give the alignment of recordings whose delay is known.
    """
    return Alignment((Piece(0, 0, float(delay)),))


TOGETHER = constant(0)
"""Recordings that begin at the same moment and stay together."""


class _Match(NamedTuple):
    """
    Where one block of the caller's recording was found.
    """

    start: int
    delay: float
    likeness: float
    """Correlation, from −1 to 1."""


def align(caller: Float64, agent: Float64, without: Sequence[Span] = ()) -> Alignment:
    """
    Find how the agent's recording lies to the caller's.

    Args:
        caller: [shape=(n,)] at 8 kHz.
        agent: [shape=(m,)] at 8 kHz.
        without: stretches of the caller's recording that a masked recording does
            not have.

    Raises:
        NothingInCommonError: no part of one is found in the other.
    """
    is_masked = np.zeros(len(caller), dtype=bool)
    for start, end in without:
        is_masked[max(0, start) : end] = True
    kept = np.where(is_masked, 0.0, caller)
    sides = _Sides(
        sent=np.where(is_masked, 0.0, np.diff(caller, prepend=0.0)),
        kept=np.where(is_masked, 0.0, 1.0),
        heard=np.diff(agent, prepend=0.0),
    )
    anchor = _anchor(sides)
    if anchor is None:
        raise NothingInCommonError(
            "caller, agent: expected two recordings of one call, "
            "found nothing in common"
        )
    matches = _follow(sides, anchor)
    groups = _grouped(matches)
    pieces = [_piece(group) for group in groups]
    gain = _gain(kept, agent, matches)
    errors = _Errors(kept, agent, gain, is_masked)
    for index in range(1, len(pieces)):
        reach = (groups[index - 1][-1].start, groups[index][0].start + _BLOCK)
        pieces[index] = errors.placed(pieces[index - 1], pieces[index], reach)
    return Alignment(tuple(pieces), gain)


# --- blocks -----------------------------------------------------------------------


class _Sides(NamedTuple):
    """
    What is compared: differences from sample to sample.

    Low frequencies, where speech is loudest, tell the least.
    """

    sent: Float64
    """[shape=(n,)] by the caller; 0 where masked."""
    kept: Float64
    """[shape=(n,)] 0 where masked, 1 elsewhere."""
    heard: Float64
    """[shape=(m,)] by the agent."""


def _anchor(sides: _Sides) -> _Match | None:
    """
    Look for long stretches of the caller in all of the agent's recording.
    """
    sent, heard = sides.sent, sides.heard
    starts = range(0, max(1, len(sent) - _LONG // 2), _LONG // 2)
    energies = [float(np.square(sent[at : at + _LONG]).sum()) for at in starts]
    loudest = np.argsort(energies)[::-1][:_N_LONG]
    best: _Match | None = None
    for index in loudest:
        if not energies[index]:
            break
        every = (-len(sent), len(heard))
        found = _find(sides, starts[index], _LONG, every)
        if best is None or (found and abs(found.likeness) > abs(best.likeness)):
            best = found
    return best if best and abs(best.likeness) >= _ALIKE_LONG else None


def _find(
    sides: _Sides,
    start: int,
    length: int,
    delays: tuple[int, int],
    expected: float | None = None,
) -> _Match | None:
    """
    Look for one block at delays from one to another.

    Likeness is measured over what is not masked: while a caller keys, that may be a
    fifth of a block.
    """
    block = sides.sent[start : start + length]
    kept = sides.kept[start : start + length]
    size = float(np.sqrt(block @ block))
    first = max(start + delays[0], -len(block) + 1)
    last = start + delays[1] + len(block)
    last = min(last, len(sides.heard) + len(block) - 1)
    if size == 0.0 or kept.sum() < _LEAST_KEPT or last - first < len(block):
        return None
    part = np.zeros(last - first)
    inside = slice(max(0, first), min(len(sides.heard), last))
    part[inside.start - first : inside.stop - first] = sides.heard[inside]
    product = correlate(part, block, mode="valid", method="fft")
    power = correlate(part * part, kept, mode="valid", method="fft")
    local = np.sqrt(np.maximum(power, 0.0))
    # A stretch that is nearly silent is like nothing.
    likeness = product / (size * np.maximum(local, 0.05 * local.max() + 1e-9))
    best = int(np.argmax(np.abs(likeness)))
    if expected is not None:
        near = round(start + expected) - first
        around = np.abs(likeness[max(0, near - _SAME_PIECE) : near + _SAME_PIECE + 1])
        if len(around) and around.max() >= _STAYS * abs(likeness[best]):
            best = max(0, near - _SAME_PIECE) + int(np.argmax(around))
    shift = _between(product * np.sign(likeness[best]), best)
    return _Match(start, best + first - start + shift, float(likeness[best]))


def _between(values: Float64, best: int) -> float:
    """
    Give how far beside the largest of values sampled at 8 kHz their peak is.
    """
    near = np.arange(max(0, best - _SINC), min(len(values), best + _SINC + 1)) - best
    shifts = np.arange(-16, 17) / 32
    away = shifts[:, None] - near
    window = np.cos(np.pi * away / (2 * _SINC + 2)) ** 2
    return float(shifts[np.argmax((np.sinc(away) * window) @ values[near + best])])


_SINC = 8
"""Samples on either side from which values in between are made."""

_LEAST_KEPT = samples_from_ms(40)


def _follow(sides: _Sides, anchor: _Match) -> list[_Match]:
    """
    Find all blocks, from the anchor forwards and backwards.
    """
    before = range(anchor.start - _HOP, -_HOP, -_HOP)
    after = range(anchor.start, len(sides.sent) - _HOP, _HOP)
    found: list[_Match] = []
    for starts in (before, after):
        delay = anchor.delay
        for start in starts:
            place = max(0, start)
            near = (round(delay) - _REACH, round(delay) + _REACH)
            match = _find(sides, place, _BLOCK, near, delay)
            if match is not None and abs(match.likeness) >= _ALIKE:
                found.append(match)
                delay = match.delay
        found.sort()
    return found or [anchor]


_EDGE = 5
"""Blocks at an end of a group that say where it ends."""


# --- pieces -----------------------------------------------------------------------


def _grouped(matches: list[_Match]) -> list[list[_Match]]:
    """
    Put blocks together that have the same delay; a single other one is an error.
    """
    groups: list[list[_Match]] = []
    for match in matches:
        if groups and abs(match.delay - groups[-1][-1].delay) <= _SAME_PIECE:
            groups[-1].append(match)
        else:
            groups.append([match])
    strong = [group for group in groups if len(group) > 1] or [max(groups, key=len)]
    joined = strong[:1]
    for group in strong[1:]:
        ends = (joined[-1][-_EDGE:], group[:_EDGE])
        last, first = (np.median([match.delay for match in end]) for end in ends)
        if abs(first - last) <= _SAME_PIECE:
            joined[-1].extend(group)
        else:
            joined.append(group)
    return joined


def _piece(group: list[_Match]) -> Piece:
    starts = np.array([match.start for match in group])
    delays = np.array([match.delay for match in group])
    delay, drift = float(np.median(delays)), 0.0
    if len(group) >= _BLOCKS_FOR_DRIFT:
        slope = float(np.polyfit(starts, delays, 1)[0])
        grown = abs(slope) * (starts[-1] - starts[0])
        if grown > _LEAST_DRIFT and abs(slope) <= _MAX_DRIFT:
            drift = slope
    middle = float(np.median(starts)) + _BLOCK / 2
    first = int(starts[0])
    if drift:
        delay -= drift * (middle - first)
    elif abs(delay - round(delay)) < 0.1:
        delay = float(round(delay))
    return Piece(first, first, delay, drift)


def _gain(kept: Float64, agent: Float64, matches: list[_Match]) -> float:
    gains = []
    for match in matches:
        first = match.start + round(match.delay)
        block = kept[match.start : match.start + _BLOCK]
        part = agent[max(0, first) : max(0, first + len(block))]
        if first < 0 or len(part) < len(block):
            continue
        gains.append(float(block @ part) / max(float(block @ block), 1e-9))
    return float(np.median(gains)) if gains else 1.0


class _Errors:
    """
    How badly two delays explain what the agent heard around a step.
    """

    def __init__(
        self, kept: Float64, agent: Float64, gain: float, is_masked: Bool
    ) -> None:
        self._kept, self._agent, self._gain = kept, agent, gain
        self._is_masked = is_masked

    def placed(self, before: Piece, after: Piece, reach: Span) -> Piece:
        """
        Give the later piece where the recording slips.
        """
        first, last = reach = max(reach[0], before.settled_sample), reach[1]
        cost = np.cumsum(self._of(before, reach) - self._of(after, reach))
        cost = np.concatenate([[0.0], cost])
        # Where nothing sounds, or all is masked, the cost stays what it is.
        slack = 1e-5 * (cost.max() - cost.min()) + 1.0
        near = np.flatnonzero(cost <= cost.min() + slack)
        start, settled = first + int(near[0]), min(last, first + int(near[-1]))
        return Piece(start, settled, after.delay_at(start), after.drift)

    def _of(self, piece: Piece, reach: Span) -> Float64:
        places = np.arange(reach[0], min(reach[1], len(self._kept)))
        if not places.size:
            return np.zeros(0)
        heard = places + round(piece.delay_at(places[0]))
        inside = (heard >= 0) & (heard < len(self._agent))
        audio = np.where(inside, self._agent[np.where(inside, heard, 0)], 0.0)
        error = np.square(audio - self._gain * self._kept[places])
        return np.where(self._is_masked[places], 0.0, error)
