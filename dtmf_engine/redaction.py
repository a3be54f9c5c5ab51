"""
Redaction: every keyed digit taken out of a recording, and the proof of it.

    recording ─▶ hear ─▶ find ─▶ fill ─▶ recording without digits
                          ▲                        │
                          └──── widen ◀── check ◀──┘

A recording is read in blocks, so that hours of it need no memory but for its
8 kHz form. `Redaction` keeps what was found between the readings; `redact` is all
of it for audio that is in memory.

What is covered: each press from end to end and `GUARD_SAMPLES` more, and what the
armed bank masks there in either direction; where digits are being keyed, whatever
it masks with a trace of a pair in it, and every fragment of a tone; in other
channels, the place of a press wherever an attacker reads that press there. `check`
is done by the attacker, who knows each press, and by detectors. What they still
read is covered more widely in the next attempt.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from dtmf_engine.arrays import Int16, as_samples
from dtmf_engine.attacker import read_press
from dtmf_engine.audit import lucky_guesses
from dtmf_engine.background import quiet_power
from dtmf_engine.decoys import CERTAIN_NATS
from dtmf_engine.ears import Ears, Frames
from dtmf_engine.errors import AudioFormatError, ParameterError
from dtmf_engine.hindsight import (
    Found,
    Keyed,
    Stretch,
    any_touches,
    borne_out,
    find_digits,
    find_fragments,
    find_keyed,
    joined,
    keying,
)
from dtmf_engine.infill import Infill
from dtmf_engine.units import (
    SAMPLE_RATE_HZ,
    require_sample_rate,
    samples_from_ms,
)


ATTEMPTS = 4
"""How often a recording is covered more widely before it is given up."""

GUARD_SAMPLES = samples_from_ms(4)
"""What a cover adds at either end of a tone: an attacker reads 2 ms of it."""

_CLOSE_SAMPLES = samples_from_ms(10)
"""A shorter gap between two covers is covered as well."""

_CARRIES_NATS = 3.0
"""
Another channel carries a press if the attacker reads it there by this margin:
twenty to one. Where he errs, a tenth of a second of speech is lost.
"""

_ECHO_BEFORE, _ECHO_AFTER = samples_from_ms(10), samples_from_ms(40)

_BEFORE_SAMPLES, _AFTER_SAMPLES = samples_from_ms(22), samples_from_ms(62)
"""More than the attacker looks at before and after a press."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What can be read from the redacted recording.
    """

    n_attacked: int
    """Places the attacker tried: each tone found, in each redacted channel."""
    n_right: int
    n_read: int
    """Those of them that he is sure of."""
    n_detected: int
    """Digits that a detector reports."""

    @property
    def chance_bound(self) -> int:
        """
        The most right guesses that pass as luck.
        """
        return lucky_guesses(self.n_attacked)

    @property
    def is_clean(self) -> bool:
        """
        Whether nothing can be recovered.
        """
        return (
            self.n_read == 0
            and self.n_detected == 0
            and self.n_right <= self.chance_bound
        )


@dataclass(frozen=True, slots=True)
class RedactionReport:
    """
    What was done to a recording. No digit is in it.
    """

    n_presses: int
    """Keys pressed; one that is in several channels counts once."""
    n_fragments: int
    """Pieces of tones besides, in any channel."""
    replaced_ms: tuple[float, ...]
    """For each channel, cross-fades included."""
    n_attempts: int
    verdict: Verdict | None
    """`None` if nothing was checked."""

    @property
    def is_verified(self) -> bool:
        """
        Whether the redacted recording was checked and nothing can be recovered.
        """
        return self.verdict is not None and self.verdict.is_clean


@dataclass(frozen=True, slots=True, eq=False)
class Redacted:
    """
    A recording without its digits.
    """

    audio: Frames
    """As it was given: same shape and type, bit-exact where nothing was replaced."""
    report: RedactionReport


class Redaction:
    """
    The redaction of one recording, in several readings.

    `hear` every block; `find`; then `fill` the recording and `check` the result,
    and again until the check is clean.

    Args:
        sample_rate_hz: rate of the recording, 4000 to 384000 Hz.
        n_channels: how many channels its blocks have.
        channels: which of them to redact; all if left out.
        seed: of the comfort noise.

    Raises:
        ParameterError: the rate or a channel is out of range.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        n_channels: int,
        *,
        channels: Sequence[int] | None = None,
        seed: int = 0,
    ) -> None:
        self.sample_rate_hz = require_sample_rate(sample_rate_hz)
        self.n_channels = n_channels
        self.channels = sorted(set(range(n_channels) if channels is None else channels))
        for channel in self.channels:
            if not 0 <= channel < n_channels:
                raise ParameterError(
                    f"channels: expected 0 to {n_channels - 1}, got {channel!r}"
                )
        self._seed = seed
        self._ears = Ears(self.sample_rate_hz, self.channels)
        self._n_attempts = 0
        self._verdict: Verdict | None = None
        self._presses: list[Keyed] = []
        self._tones: list[Keyed] = []
        self._near: list[Stretch] = []
        self._watched: list[Stretch] = []
        self._covers: dict[int, list[Stretch]] = {}
        self._plain: dict[int, list[Stretch]] = {c: [] for c in self.channels}
        self._n_fragments = 0
        self._infill: Infill | None = None

    # Public methods, in the order in which they are called.

    def hear(self, frames: Frames) -> None:
        """
        Take the next block of the recording, [shape=(n, n_channels)].
        """
        self._ears.hear(frames)

    def find(self) -> None:
        """
        Find what to cover, once all blocks were heard.
        """
        lines = self._ears.finish()
        found = {channel: find_keyed(line) for channel, line in lines.items()}
        everything = [key for one in found.values() for key in one.keyed]
        self._presses = _presses(everything)
        self._near = keying(everything)
        lone = [k.place.widened(SAMPLE_RATE_HZ, SAMPLE_RATE_HZ) for k in everything]
        self._watched = joined([*self._near, *lone])
        self._tones = list(self._presses)
        for channel, line in lines.items():
            extra = self._fragments(line, found[channel])
            extra += self._echoes(line, found, channel)
            self._covers[channel] = self._cover(line, found[channel], extra)

    def fill(self, blocks: Iterable[Frames]) -> Iterator[Frames]:
        """
        Give the recording without what was found.

        Args:
            blocks: the recording again, from its start.
        """
        self._n_attempts += 1
        self._infill = self.infill()
        return self._infill.run(blocks)

    def check(self, blocks: Iterable[Frames]) -> Verdict:
        """
        Attack the redacted recording; what can be read is covered better next time.

        Args:
            blocks: the redacted recording, from its start.
        """
        ears = Ears(self.sample_rate_hz, self.channels)
        for block in blocks:
            ears.hear(block)
        n_attacked = n_right = n_read = n_detected = 0
        guessed: list[tuple[int, Stretch, bool]] = []
        for channel, line in ears.finish().items():
            noise_power = quiet_power(line)
            for tone in self._tones:
                right, margin = _attack(line, tone, noise_power)
                n_attacked += 1
                n_right += right
                n_read += right and margin >= CERTAIN_NATS
                if right:
                    guessed.append((channel, tone.place, margin >= CERTAIN_NATS))
            digits = find_digits(line, self._watched)
            n_detected += len(digits)
            self._widen(channel, digits)
        self._verdict = Verdict(n_attacked, n_right, n_read, n_detected)
        unlucky = n_right > self._verdict.chance_bound
        for channel, place, certain in guessed:
            if certain or unlucky:
                self._widen(channel, [place])
        return self._verdict

    def infill(self) -> Infill:
        """
        Give what covers the recording, as it is now.
        """
        # Noise that happens to look like a digit is other noise next time.
        return Infill(
            self.sample_rate_hz,
            self._at_own_rate(self._covers),
            self._seed + 7 * self._n_attempts,
            self._at_own_rate(self._plain),
        )

    @property
    def report(self) -> RedactionReport:
        """
        What was done so far.
        """
        infill = self._infill or self.infill()
        per_ms = self.sample_rate_hz / 1000
        return RedactionReport(
            len(self._presses),
            self._n_fragments,
            tuple(
                infill.n_touched(channel, self._ears.n_frames) / per_ms
                for channel in range(self.n_channels)
            ),
            self._n_attempts,
            self._verdict,
        )

    # Private methods.

    def _at_own_rate(self, places: dict[int, list[Stretch]]) -> list[list[Stretch]]:
        """
        Give each channel's stretches in samples of the recording.
        """
        ratio = self.sample_rate_hz / SAMPLE_RATE_HZ
        return [
            [
                Stretch(
                    max(0, math.floor(place.start_sample * ratio) - 1),
                    math.ceil(place.end_sample * ratio) + 1,
                )
                for place in places.get(channel, [])
            ]
            for channel in range(self.n_channels)
        ]

    def _fragments(self, line: Int16, found: Found) -> list[Stretch]:
        fragments = find_fragments(line, found.keyed, self._near)
        fragments = [
            fragment
            for fragment in fragments
            if not any_touches(fragment.place, [k.place for k in found.keyed])
        ]
        self._n_fragments += len(fragments)
        self._tones += fragments
        return [f.place.widened(GUARD_SAMPLES, GUARD_SAMPLES) for f in fragments]

    def _echoes(
        self, line: Int16, found: dict[int, Found], channel: int
    ) -> list[Stretch]:
        """
        Find where a channel carries presses of the others.
        """
        noise_power = quiet_power(line)
        return [
            key.place.widened(_ECHO_BEFORE, _ECHO_AFTER)
            for other, one in found.items()
            for key in one.keyed
            if other != channel and _carries(line, key, noise_power)
        ]

    def _cover(self, line: Int16, found: Found, extra: list[Stretch]) -> list[Stretch]:
        covers = [k.place.widened(GUARD_SAMPLES, GUARD_SAMPLES) for k in found.keyed]
        known = [key.place for key in found.keyed]
        near = borne_out(line, found.doubtful, known, self._near)
        return joined([*covers, *near, *extra], _CLOSE_SAMPLES)

    def _widen(self, channel: int, places: Sequence[Stretch]) -> None:
        more = self._n_attempts
        wider = [
            place.widened(more * _BEFORE_SAMPLES, more * _AFTER_SAMPLES)
            for place in places
        ]
        self._covers[channel] = joined([*self._covers[channel], *wider], _CLOSE_SAMPLES)
        # A background with a tilt makes some digits likelier than others to an
        # attacker who takes it for white; white noise does not.
        self._plain[channel] += wider


def redact(
    samples: npt.ArrayLike,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
    *,
    channels: Sequence[int] | None = None,
    seed: int = 0,
) -> Redacted:
    """
    Take every keyed digit out of a recording.

    Args:
        samples: [shape=(n,)] or [shape=(n, channels)] int16, or float in [−1, 1].
        sample_rate_hz: their rate.
        channels: which to redact; all if left out.
        seed: of the comfort noise.

    Returns:
        The audio, and a report that says whether an attacker can still read
        anything; ask `report.is_verified` before you let go of the audio.

    Raises:
        AudioFormatError: the samples are not audio.
        ParameterError: the rate or a channel is out of range.
    """
    frames = _frames(samples)
    redaction = Redaction(sample_rate_hz, frames.shape[1], channels=channels, seed=seed)
    redaction.hear(frames)
    redaction.find()
    for _ in range(ATTEMPTS):
        audio = np.concatenate([*redaction.fill([frames]), frames[:0]])
        if redaction.check([audio]).is_clean:
            break
    shaped = audio[:, 0] if np.ndim(samples) == 1 else audio
    return Redacted(shaped, redaction.report)


def _frames(samples: npt.ArrayLike) -> Frames:
    array = np.asarray(samples)
    if array.ndim == 1:
        return as_samples(array)[:, None]
    if array.ndim != 2 or not array.shape[1]:
        raise AudioFormatError(
            f"samples: expected shape (n,) or (n, channels), got {array.shape}"
        )
    columns = [as_samples(column) for column in array.T]
    return cast("Frames", np.stack(columns, axis=1))


def _presses(keyed: Sequence[Keyed]) -> list[Keyed]:
    """
    Give each press once: one key heard in several channels is one press.
    """
    result: list[Keyed] = []
    for key in sorted(keyed, key=lambda k: k.place.start_sample):
        recent = result[-8:]
        if key.is_press and not any(
            key.digit == other.digit and key.place.touches(other.place)
            for other in recent
        ):
            result.append(key)
    return result


_ATTACK_MARGIN = samples_from_ms(500)


def _attack(line: Int16, tone: Keyed, noise_power: float) -> tuple[bool, float]:
    """
    Let the attacker guess a tone: is he right, and by what margin?
    """
    first = max(0, tone.place.start_sample - _ATTACK_MARGIN)
    reading = read_press(
        line[first : tone.place.end_sample + _ATTACK_MARGIN].astype(np.float64),
        tone.place.start_sample - first,
        tone.place.end_sample - first,
        noise_power,
    )
    return reading.guess == tone.digit, reading.margin


def _carries(line: Int16, tone: Keyed, noise_power: float) -> bool:
    right, margin = _attack(line, tone, noise_power)
    return right and margin >= _CARRIES_NATS
