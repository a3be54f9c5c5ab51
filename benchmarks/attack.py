"""
The attack: what the agent hears of a call, and what an attacker makes of it.

Calls go through a `LegBank` in frames of 20 ms and as octets, as in the bridge, or
through the rule of another system (`rivals.py`). The attacker of `dtmf-engine audit`
is told when each key was down and how loud the telephone is, and guesses; where it has
no idea it guesses blindly.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import rivals
from benchmarks.channels import LOSS_FRAME, Int16
from benchmarks.leak_lines import LeakCall
from dtmf_engine.arrays import Bool, Float64
from dtmf_engine.attacker import Knowledge, Reading, read_press
from dtmf_engine.background import measure_background
from dtmf_engine.bank import LegBank
from dtmf_engine.decoys import CERTAIN_NATS
from dtmf_engine.g711 import decode_mulaw, encode_mulaw
from dtmf_engine.keypad import DIGITS
from dtmf_engine.masker import Policy


POLICIES = {
    "tones": ("tones", False),
    "armed": ("tones", True),
    **{name: (name, True) for name in ("strict", "marker") if name in list(Policy)},
}
"""Our own names; each names a policy, and whether a capture is armed."""

UNMASKED = "no masking"
"""What the attacker reads where nothing is done: how good it is on a line."""


@dataclass(frozen=True)
class Heard:
    """
    What the agent heard of a call, in line with what the caller sent.
    """

    audio: Float64
    """[shape=(n,)] in samples of 16 bits."""
    masked: Bool
    """[shape=(n,)] where it may differ from what came in, sample for sample."""


@dataclass(frozen=True)
class Outcome:
    """
    One press: what the attacker made of it, and what became of the audio around it.
    """

    key: str
    is_right: bool
    is_sure: bool
    """Right, and with odds of 10,000 to 1."""
    masked_samples: int
    """All that is masked nearer to this press than to another."""
    leaked_samples: int
    """Of the press itself, as they came in."""
    mask_start: int
    """First sample of the mask over it, from where the press begins."""
    mask_end: int
    """One past its last, from where it ends; both 0 where there is no mask."""
    mask_samples: int
    """Length of that mask."""
    mask_level_db: float
    """Of what is heard in its place, over the press; to one quantum squared."""


# --- what the agent hears -------------------------------------------------------


def through_bank(engine: str, calls: Sequence[LeakCall]) -> list[Heard]:
    """
    Send calls through one of our policies, as the bridge does.
    """
    policy, armed = POLICIES[engine]
    bank = LegBank(len(calls), policy=policy, seed=1)
    n_frames = max(len(call.audio) for call in calls) // LOSS_FRAME + 2
    n = n_frames * LOSS_FRAME
    line = np.zeros((len(calls), n), dtype=np.int16)
    lost = np.zeros((len(calls), n_frames), dtype=np.bool_)
    for leg, call in enumerate(calls):
        line[leg, : len(call.audio)] = call.audio
        lost[leg, : len(call.lost)] = call.lost
        if armed:
            bank.arm(leg)
    out = np.empty((len(calls), n), dtype=np.int16)
    masked = np.empty((len(calls), n), dtype=np.bool_)
    for frame in range(n_frames):
        now = slice(frame * LOSS_FRAME, (frame + 1) * LOSS_FRAME)
        there = np.flatnonzero(~lost[:, frame]).tolist()
        if there:
            done = bank.process(line[there, now], there)
            out[there, now], masked[there, now] = done.audio, done.masked
        for leg in np.flatnonzero(lost[:, frame]).tolist():
            done = bank.fill_in(leg, LOSS_FRAME)
            out[leg, now], masked[leg, now] = done.audio[0], done.masked[0]
    delay = bank.delay_samples
    return [
        _put_together(call.audio, out[leg, delay:], masked[leg, delay:])
        for leg, call in enumerate(calls)
    ]


def _put_together(sent: Int16, out: Int16, masked: Bool) -> Heard:
    """
    Take the octets that came in, except where they were masked.
    """
    n = len(sent)
    replaced = decode_mulaw(encode_mulaw(out[:n]))
    audio = np.where(masked[:n], replaced, sent).astype(np.float64)
    return Heard(audio, masked[:n])


def through_rivals(names: Iterable[str], call: LeakCall) -> dict[str, Heard]:
    """
    Mute a call by the rules of other systems.
    """
    said = rivals.listen(call.audio) if rivals.installed() else None
    heard = {}
    for name in names:
        if said is None or name == UNMASKED:
            masked = np.zeros(len(call.audio), dtype=np.bool_)
        else:
            masked = rivals.RIVALS[name].mute(said)
        audio = np.where(masked, 0, call.audio).astype(np.float64)
        heard[name] = Heard(audio, masked)
    return heard


# --- what the attacker makes of it ----------------------------------------------

_NO_IDEA = Reading("", 0.0, np.zeros(len(DIGITS)))


def what_is_known(call: LeakCall, heard: Heard) -> tuple[float, Knowledge]:
    """
    Give what the attacker knows beside the times: power and colour of the background,
    which it hears, and how loud this telephone's tones are.
    """
    background = measure_background(heard.audio)
    return background.power, Knowledge(
        low_dbm0=call.low_dbm0,
        high_dbm0=call.high_dbm0,
        colour=background.colour,
        levels_are_known=True,
    )


def read(call: LeakCall, heard: Heard, press: int) -> Reading:
    """
    Give what the attacker makes of one press.
    """
    power, knowledge = what_is_known(call, heard)
    start, end = call.starts[press], call.ends[press]
    return read_press(heard.audio, start, end, power, knowledge=knowledge)


def judge(
    call: LeakCall, heard: Heard, seed: int, *, guessing: bool = True
) -> list[Outcome]:
    """
    Let the attacker guess the presses of a call that count.

    Args:
        call: what was sent.
        heard: what the agent heard.
        seed: of its blind guesses.
        guessing: whether it does, or only masks are to be counted.
    """
    blind = np.random.default_rng([seed, len(call.audio)])
    power, knowledge = what_is_known(call, heard)
    n = len(call.audio)
    # What is masked between two presses belongs to the nearer one.
    ends = [
        0,
        *((a + b) // 2 for a, b in zip(call.ends, call.starts[1:], strict=False)),
    ]
    outcomes = []
    for i, key in enumerate(call.keys):
        if not call.counted[i]:
            continue
        start, end = call.starts[i], call.ends[i]
        reading = _NO_IDEA
        if guessing:
            reading = read_press(heard.audio, start, end, power, knowledge=knowledge)
        # An attacker with no idea guesses all the same.
        guess = reading.guess or DIGITS[int(blind.integers(len(DIGITS)))]
        around = slice(ends[i], ends[i + 1] if i + 1 < len(ends) else n)
        masked = heard.masked[around]
        over = _mask_over(heard.masked, around, start, end)
        level = float(np.mean(heard.audio[start:end] ** 2))
        open_ = ~(heard.masked[start:end] | call.gone[start:end])
        outcomes.append(
            Outcome(
                key=key,
                is_right=guess == key,
                is_sure=guess == key and reading.margin >= CERTAIN_NATS,
                masked_samples=int(np.count_nonzero(masked)),
                leaked_samples=int(np.count_nonzero(open_)),
                mask_start=over[0] - start if over else 0,
                mask_end=over[1] - end if over else 0,
                mask_samples=over[1] - over[0] if over else 0,
                mask_level_db=10 * float(np.log10(level + 1)),
            )
        )
    return outcomes


def _mask_over(
    masked: Bool, around: slice, start: int, end: int
) -> tuple[int, int] | None:
    """
    Give the stretch from the first mask that touches a press to the end of the last.
    """
    touching = [
        (around.start + first, around.start + last)
        for first, last in rivals.runs(masked[around])
        if around.start + first < end and around.start + last > start
    ]
    return (touching[0][0], touching[-1][1]) if touching else None
