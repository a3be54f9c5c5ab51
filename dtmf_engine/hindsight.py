"""
Hindsight: keys in a recording, found by looking both ways.

Whoever has the whole recording need not decide early. The bank, armed, hears it
forwards and backwards: what it misses at a beginning it sees at an end. What a
detector reports in either direction is a press, and so is what looks like one by
itself, whatever the bank says: a steady pair with sharp ends. Where digits are being
keyed, doubtful stretches count as well if a trace of a pair bears them out, and
fragments of tones are looked for; anywhere else they are speech.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dtmf_engine.arrays import Bool, Float64, Int16
from dtmf_engine.bank import LegBank
from dtmf_engine.detector import Detector
from dtmf_engine.events import Event, ToneEnded
from dtmf_engine.fits import extend, find_body, find_bursts, find_steady
from dtmf_engine.units import SAMPLE_RATE_HZ, samples_from_ms


NEAR_SAMPLES = 5 * SAMPLE_RATE_HZ
"""The keys of one number follow each other within five seconds, or nearly so."""

_CHUNK_SAMPLES = 60 * SAMPLE_RATE_HZ
_TAIL_SAMPLES = samples_from_ms(100)
"""Silence after a recording, so that its last samples are watched as well."""

_CLEAN_SHARE = 0.9
_CLEAN_CONTRAST = 8.0
"""
A press nobody reported: this much of 20 ms is a pair, and the sound before and
after it is weaker by this factor (9 dB). Speech reaches one or the other.
"""


@dataclass(frozen=True, slots=True)
class Stretch:
    """
    Part of a recording, in samples.
    """

    start_sample: int
    end_sample: int
    """One past the last."""

    def touches(self, other: "Stretch") -> bool:
        """
        Whether the two have a sample in common.
        """
        return (
            self.start_sample < other.end_sample
            and other.start_sample < self.end_sample
        )

    def widened(self, before: int, after: int) -> "Stretch":
        """
        Give the stretch with more at both ends.
        """
        return Stretch(max(0, self.start_sample - before), self.end_sample + after)


@dataclass(frozen=True, slots=True)
class Keyed:
    """
    A tone that was found; its digit is for the attacker only, and never shown.
    """

    digit: str
    place: Stretch
    is_press: bool
    """Or else a fragment of a tone, near a press."""
    is_sure: bool = False
    """Whether it alone shows that digits are being keyed around it."""

    def __repr__(self) -> str:
        kind = "press" if self.is_press else "fragment"
        return f"Keyed({kind}, {self.place.start_sample}, {self.place.end_sample})"


@dataclass(frozen=True, slots=True)
class Found:
    """
    What is in one channel.
    """

    keyed: tuple[Keyed, ...]
    """In order of their starts."""
    doubtful: tuple[Stretch, ...]
    """What the armed bank masked, in either direction."""


def joined(stretches: Sequence[Stretch], gap_samples: int = 0) -> list[Stretch]:
    """
    Give stretches in order, those joined that overlap or nearly touch.

    Args:
        stretches: in any order.
        gap_samples: the longest gap that is closed.
    """
    result: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda s: s.start_sample):
        last = result[-1] if result else None
        if last is not None and stretch.start_sample <= last.end_sample + gap_samples:
            end = max(last.end_sample, stretch.end_sample)
            result[-1] = Stretch(last.start_sample, end)
        else:
            result.append(stretch)
    return result


def any_touches(stretch: Stretch, others: Sequence[Stretch]) -> bool:
    """
    Whether a stretch has a sample in common with any of others.
    """
    return any(stretch.touches(other) for other in others)


def find_keyed(audio: Int16) -> Found:
    """
    Find the presses in one channel, and what may be more of them.

    Args:
        audio: [shape=(n,)] at 8 kHz.
    """
    doubtful: list[Stretch] = []
    keyed: list[Keyed] = []
    for backwards in (False, True):
        turned = audio[::-1] if backwards else audio
        masked, tones = _listen(turned)
        doubtful += [
            _turned(place, len(audio), backwards=backwards) for place in masked
        ]
        keyed += [_keyed(audio, tone, backwards=backwards) for tone in tones]
        for tone in _detect(turned, "default"):
            key = _keyed(audio, tone, backwards=backwards)
            keyed.append(replace(key, is_sure=True))
    places = joined(doubtful)
    reported = joined([key.place for key in keyed])
    # One by one, and never from what was masked: a mask over many presses would
    # have room for one.
    for place in _steady(audio):
        if not any_touches(place, reported):
            keyed += _unreported(audio, place)
    return Found(_distinct(keyed), tuple(places))


def keying(keyed: Sequence[Keyed]) -> list[Stretch]:
    """
    Tell where digits are being keyed: around sure presses, and around any three.

    Args:
        keyed: of all channels.
    """
    places = joined([key.place for key in keyed])
    near: list[Stretch] = []
    for key in keyed:
        around = key.place.widened(NEAR_SAMPLES, NEAR_SAMPLES)
        if key.is_sure or sum(around.touches(place) for place in places) >= _A_FEW:
            near.append(around)
    return joined(near)


_A_FEW = 3
"""
A sensitive detector hears one digit in a voice now and then, but not three.
"""


def find_fragments(
    audio: Int16, keyed: Sequence[Keyed], near: Sequence[Stretch]
) -> list[Keyed]:
    """
    Find pieces of 3 to 12 ms of tones, where digits are being keyed.

    Args:
        audio: [shape=(n,)] one channel at 8 kHz.
        keyed: what was found in it already.
        near: the stretches to look at.
    """
    fragments: list[Keyed] = []
    for part in near:
        line = audio[part.start_sample : part.end_sample].astype(np.float64)
        for key in keyed:
            start = max(0, key.place.start_sample - part.start_sample)
            line[start : max(0, key.place.end_sample - part.start_sample)] = 0.0
        fragments += [
            Keyed(
                burst.digit,
                Stretch(
                    burst.start_sample + part.start_sample,
                    burst.end_sample + part.start_sample,
                ),
                is_press=False,
            )
            for burst in find_bursts(line)
        ]
    return fragments


_TRACE_WINDOWS = 3
"""10 ms with a pair in all of them: what a live mask begins with."""

_TRACE_MARGIN = samples_from_ms(25)
"""How much of a doubtful stretch a trace of a tone bears out, on either side."""


def borne_out(
    audio: Int16,
    doubtful: Sequence[Stretch],
    known: Sequence[Stretch],
    near: Sequence[Stretch],
) -> list[Stretch]:
    """
    Give the parts of doubtful stretches that have a trace of a tone near them.

    A live masker that cannot wait masks on suspicion, for as long as it likes. Here
    each part must be explained by a tone that is known or, where digits are being
    keyed, by a pair in its audio.

    Args:
        audio: [shape=(n,)] one channel at 8 kHz.
        doubtful: what was masked on suspicion.
        known: tones that were found.
        near: where digits are being keyed.
    """
    traces = list(known)
    for place in common(doubtful, near):
        for first in range(place.start_sample, place.end_sample, _CHUNK_SAMPLES):
            stop = min(place.end_sample, first + _CHUNK_SAMPLES)
            line = audio[first:stop].astype(np.float64)
            found = find_steady(line, _TRACE_WINDOWS)
            traces += [Stretch(first + a, first + b) for a, b in found]
    margin = _TRACE_MARGIN
    return common(doubtful, joined([t.widened(margin, margin) for t in traces]))


def common(some: Sequence[Stretch], others: Sequence[Stretch]) -> list[Stretch]:
    """
    Give what two lists of stretches have in common.
    """
    return [
        Stretch(
            max(one.start_sample, other.start_sample),
            min(one.end_sample, other.end_sample),
        )
        for one in some
        for other in others
        if one.touches(other)
    ]


def find_digits(audio: Int16, near: Sequence[Stretch]) -> list[Stretch]:
    """
    Find what a detector still reports: a sensitive one near presses.

    Args:
        audio: [shape=(n,)] one channel at 8 kHz.
        near: where digits were being keyed.
    """
    places = [_place(tone) for tone in _detect(audio, "default")]
    for part in near:
        first = part.start_sample
        places += [
            Stretch(first + tone.start_sample, first + tone.end_sample)
            for tone in _detect(audio[first : part.end_sample], "sensitive")
        ]
    return joined(places)


def _chunks(audio: Int16, tail_samples: int) -> Iterator[Int16]:
    """
    Cut a channel into a minute at a time, and silence after its end.
    """
    for start in range(0, len(audio), _CHUNK_SAMPLES):
        yield np.ascontiguousarray(audio[start : start + _CHUNK_SAMPLES])
    yield np.zeros(tail_samples, np.int16)


def _tones(events: Iterable[Event]) -> list[ToneEnded]:
    return [event for event in events if isinstance(event, ToneEnded)]


def _listen(audio: Int16) -> tuple[list[Stretch], list[ToneEnded]]:
    """
    Hear a channel with an armed bank.

    Returns:
        What it masked, and the tones it reports.
    """
    bank = LegBank(1)
    bank.arm(0)
    masked: list[Stretch] = []
    tones: list[ToneEnded] = []
    first = -bank.delay_samples
    for chunk in _chunks(audio, _TAIL_SAMPLES + bank.delay_samples):
        output = bank.process(chunk[None, :])
        masked += _stretches(output.masked[0], first, len(audio))
        tones += _tones(output.events[0])
        first += len(chunk)
    return joined(masked), tones + _tones(bank.flush(0).events[0])


def _detect(audio: Int16, profile: str) -> list[ToneEnded]:
    detector = Detector(profile=profile)
    tones: list[ToneEnded] = []
    for chunk in _chunks(audio, _TAIL_SAMPLES):
        tones += _tones(detector.process(chunk))
    return tones + _tones(detector.flush())


def _place(tone: ToneEnded) -> Stretch:
    return Stretch(tone.start_sample, max(tone.end_sample, tone.start_sample + 1))


def _turned(place: Stretch, n_samples: int, *, backwards: bool) -> Stretch:
    if not backwards:
        return place
    return Stretch(n_samples - place.end_sample, n_samples - place.start_sample)


def _stretches(masked: Bool, first_sample: int, n_samples: int) -> list[Stretch]:
    """
    Give the runs of a mask that lie inside a channel of `n_samples`.
    """
    edges = np.diff(np.concatenate([[0], masked.astype(np.int8), [0]]))
    starts = np.clip(first_sample + np.flatnonzero(edges > 0), 0, n_samples)
    ends = np.clip(first_sample + np.flatnonzero(edges < 0), 0, n_samples)
    runs = zip(starts.tolist(), ends.tolist(), strict=True)
    return [Stretch(a, b) for a, b in runs if a < b]


_CANDIDATE_WINDOWS = 4
"""12.5 ms, so that noise may spoil a window at either end of a press of 20 ms."""


def _steady(audio: Int16) -> list[Stretch]:
    """
    Find what no bank looks for: pairs that are further off than any limit.
    """
    places: list[Stretch] = []
    overlap = 2 * _TAIL_SAMPLES
    for first in range(0, len(audio), _CHUNK_SAMPLES):
        part = audio[first : first + _CHUNK_SAMPLES + overlap].astype(np.float64)
        places += [
            Stretch(first + a, first + b)
            for a, b in find_steady(part, _CANDIDATE_WINDOWS)
        ]
    return joined(places)


_AROUND_SAMPLES = samples_from_ms(400)
"""More than any fit looks beyond a tone."""


def _surroundings(audio: Int16, place: Stretch) -> tuple[Float64, int]:
    first = max(0, place.start_sample - _AROUND_SAMPLES)
    return audio[first : place.end_sample + _AROUND_SAMPLES].astype(np.float64), first


def _keyed(audio: Int16, tone: ToneEnded, *, backwards: bool) -> Keyed:
    """
    Give a reported tone its true ends.
    """
    n = len(audio)
    place = _turned(_place(tone), n, backwards=backwards)
    place = Stretch(max(0, place.start_sample), min(n, place.end_sample))
    line, first = _surroundings(audio, place)
    start, end = extend(
        line, tone.digit, place.start_sample - first, place.end_sample - first
    )
    return Keyed(tone.digit, Stretch(first + start, first + end), is_press=True)


_BODY_MARGIN = samples_from_ms(10)
"""A trace may begin late and end early; the 20 ms that are most like a key are near."""


def _unreported(audio: Int16, place: Stretch) -> list[Keyed]:
    """
    Look at a steady pair by itself: is it a press that no detector reported?
    """
    line, first = _surroundings(audio, place)
    wider = place.widened(_BODY_MARGIN, _BODY_MARGIN)
    body = find_body(line, wider.start_sample - first, wider.end_sample - first)
    if body is None or body.share < _CLEAN_SHARE or body.contrast < _CLEAN_CONTRAST:
        return []
    stretch = Stretch(first + body.start_sample, first + body.end_sample)
    return [Keyed(body.digit, stretch, is_press=True, is_sure=True)]


def _distinct(keyed: Sequence[Keyed]) -> tuple[Keyed, ...]:
    """
    Give each press once, however often it was heard.
    """
    result: list[Keyed] = []
    for key in sorted(keyed, key=lambda k: k.place.start_sample):
        for index in range(len(result) - 1, max(-1, len(result) - 4), -1):
            other = result[index]
            if other.digit == key.digit and other.place.touches(key.place):
                whole = joined([other.place, key.place])[0]
                sure = other.is_sure or key.is_sure
                result[index] = replace(other, place=whole, is_sure=sure)
                break
        else:
            result.append(key)
    return tuple(result)
