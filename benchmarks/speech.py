"""
Speech: what masking costs where nobody keys.

    python -m benchmarks.speech                             about a minute
    python -m benchmarks.speech --quick                     to try it
    python -m benchmarks.speech --tune                      to tune on
    python -m benchmarks.speech --json benchmarks/results.json

Counted in milliseconds an hour, and scored by PESQ (narrowband, P.862) and STOI
where they are installed: masked against unmasked, eight seconds at a time. Speech
without a mask in it leaves as it came, octet for octet, and scores as such; every
stretch with a mask is scored. The material is that of `talkoff.py`, as µ-law.
"""

import argparse
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from time import perf_counter

import numpy as np
from scipy.signal import correlate

from benchmarks import leak_tables, options, results, rivals, talkoff, voices, workers
from benchmarks.attack import POLICIES
from benchmarks.channels import RATE, Int16
from benchmarks.codecs import mulaw
from benchmarks.leaks import REPORT_SEED, TUNE_SEED
from benchmarks.results import DelayRow, SpeechRow
from benchmarks.rivals import RIVALS, runs
from benchmarks.talkoff import TalkoffJob
from dtmf_engine.arrays import Bool, Float64
from dtmf_engine.bank import LegBank
from dtmf_engine.g711 import decode_mulaw, encode_mulaw


ENGINES = ("tones", "armed")
"""The policies that are heard while somebody talks."""

PASSES = {
    "quick": {"human speech": 2, "music": 1, "synthetic speech": 1},
    "usual": {"human speech": 8, "music": 4, "synthetic speech": 2},
    "full": {"human speech": 280, "music": 120, "synthetic speech": 120},
}
"""How often each material is played; the first time as it is."""

FEW_PASSES = {"quick": 1, "usual": 1, "full": 12}
"""How often to what is only reported: a capture armed all the time, and rivals."""

STRETCH_SAMPLES = 60 * RATE
SEGMENT_SAMPLES = 8 * RATE
"""What PESQ likes: between 8 and 12 seconds."""

_CHUNK_SAMPLES = RATE // 5
"""Into how large pieces audio is cut changes no sample of the output."""

_SWITCH_SAMPLES = RATE // 2
_PIECE_SAMPLES = 2 * RATE


@dataclass(frozen=True)
class Masked:
    """
    A stretch before and after masking, in line with each other.
    """

    sent: Int16
    heard: Int16
    masked: Bool


@dataclass(frozen=True)
class Counted:
    """
    What was found in one piece of a material.
    """

    material: str
    engine: str
    samples: int
    masks: int
    masked: int
    differing: int
    segments: int
    scores: tuple[tuple[float, float], ...]
    """PESQ and STOI of the segments with a mask in them."""


def missing() -> list[str]:
    """
    Say what is absent and leaves something out, a line each.
    """
    lines = [
        f"{name}: not installed (pip install 'dtmf-engine[bench]')"
        for name in ("pesq", "pystoi")
        if find_spec(name) is None
    ]
    return lines + talkoff.missing()


# --- masking --------------------------------------------------------------------


def through_bank(engine: str, audio: Int16) -> list[Masked]:
    """
    Send µ-law audio through a policy, a minute a leg.
    """
    policy, armed = POLICIES[engine]
    n_legs = -(-len(audio) // STRETCH_SAMPLES)
    line = np.zeros((n_legs, STRETCH_SAMPLES), dtype=np.int16)
    line.reshape(-1)[: len(audio)] = audio
    bank = LegBank(n_legs, policy=policy, seed=1)
    for leg in range(n_legs if armed else 0):
        bank.arm(leg)
    out, masked = run(bank, line)
    n = len(audio)
    replaced = decode_mulaw(encode_mulaw(out.reshape(-1)[:n]))
    gone = masked.reshape(-1)[:n]
    # Outside masks the bank's own samples are kept here, to be compared.
    heard = np.where(gone, replaced, out.reshape(-1)[:n])
    return cut(Masked(audio, heard, gone), STRETCH_SAMPLES)


def cut(stretch: Masked, n_samples: int) -> list[Masked]:
    """
    Cut a stretch into pieces, the last of which may be shorter.
    """
    places = [slice(i, i + n_samples) for i in range(0, len(stretch.sent), n_samples)]
    return [
        Masked(stretch.sent[at], stretch.heard[at], stretch.masked[at]) for at in places
    ]


def run(bank: LegBank, line: Int16) -> tuple[Int16, Bool]:
    """
    Run a bank over whole streams, and take its delay away.
    """
    ahead = np.zeros((len(line), bank.delay_samples), dtype=np.int16)
    fed = np.concatenate([line, ahead], axis=1)
    parts = [
        bank.process(fed[:, start : start + _CHUNK_SAMPLES])
        for start in range(0, fed.shape[1], _CHUNK_SAMPLES)
    ]
    audio = np.concatenate([part.audio for part in parts], axis=1)
    masked = np.concatenate([part.masked for part in parts], axis=1)
    return audio[:, bank.delay_samples :], masked[:, bank.delay_samples :]


def through_rival(name: str, audio: Int16) -> list[Masked]:
    """
    Mute audio by the rule of another system.
    """
    masked = RIVALS[name].mute(rivals.listen(audio))
    return [Masked(audio, np.where(masked, np.int16(0), audio), masked)]


# --- scores ---------------------------------------------------------------------


def _can_score() -> bool:
    return find_spec("pesq") is not None and find_spec("pystoi") is not None


def score(segment: Masked) -> tuple[float, float] | None:
    """
    Give PESQ and STOI of a segment; nothing where they are absent or nobody talks.
    """
    if not _can_score() or not segment.sent.any():
        return None
    from pesq import NoUtterancesError, pesq  # noqa: PLC0415
    from pystoi import stoi  # noqa: PLC0415

    before, after = (a.astype(np.float64) for a in (segment.sent, segment.heard))
    try:
        quality = float(pesq(RATE, before, after, "nb"))
    except NoUtterancesError:
        return None
    with warnings.catch_warnings():
        # It warns where fewer than 30 frames are not silence, and gives 1e-5.
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return quality, float(stoi(before, after, RATE))
        except RuntimeWarning:
            return None


def count(material: str, engine: str, stretches: Sequence[Masked]) -> Counted:
    """
    Count masks, and score what has one.
    """
    segments = [part for whole in stretches for part in cut(whole, SEGMENT_SAMPLES)]
    # A short rest at the end counts, but cannot be scored.
    segments = [part for part in segments if len(part.sent) == SEGMENT_SAMPLES]
    scored = [score(segment) for segment in segments if segment.masked.any()]
    return Counted(
        material,
        engine,
        samples=sum(len(s.sent) for s in stretches),
        masks=sum(len(runs(s.masked)) for s in stretches),
        masked=sum(int(np.count_nonzero(s.masked)) for s in stretches),
        differing=sum(
            int(np.count_nonzero((s.sent != s.heard) & ~s.masked)) for s in stretches
        ),
        segments=len(segments),
        scores=tuple(pair for pair in scored if pair is not None),
    )


# --- jobs -----------------------------------------------------------------------


def jobs(size: str, seed: int, others: Sequence[str]) -> list[TalkoffJob]:
    """
    Cut the work into jobs of ten minutes.
    """
    found = []
    for material, passes in PASSES[size].items():
        n_samples = len(talkoff.half(material, seed))
        for number in range(passes):
            few = number < FEW_PASSES[size]
            engines = (*ENGINES, *others) if few else ENGINES[:1]
            found += [
                TalkoffJob(material, seed, number, start, engines)
                for start in range(0, n_samples, talkoff.PIECE_SAMPLES)
            ]
    return found


def work(job: TalkoffJob) -> list[Counted]:
    """
    Play one piece through each engine.
    """
    audio = mulaw(talkoff.piece(job))
    name = job.material if job.number == 0 else f"{job.material}, changed"
    return [
        count(
            name,
            engine,
            through_bank(engine, audio)
            if engine in POLICIES
            else through_rival(engine, audio),
        )
        for engine in job.engines
    ]


def merge(parts: Sequence[Sequence[Counted]]) -> list[SpeechRow]:
    """
    Add up the pieces, a row for each material and engine.
    """
    gathered: dict[tuple[str, str], list[Counted]] = {}
    for counted in (counted for part in parts for counted in part):
        gathered.setdefault((counted.material, counted.engine), []).append(counted)
    return [_row(*key, pieces) for key, pieces in gathered.items()]


UNCHANGED_PESQ = 4.549
"""What narrowband PESQ gives to any speech compared with itself (P.862.1)."""


def _row(material: str, engine: str, pieces: Sequence[Counted]) -> SpeechRow:
    scores = [pair for piece in pieces for pair in piece.scores]
    n_segments = sum(piece.segments for piece in pieces)
    silent = not _can_score()
    unchanged = n_segments - len(scores)

    def mean(values: Sequence[float], perfect: float) -> float | None:
        if silent or not n_segments:
            return None
        return round((sum(values) + unchanged * perfect) / n_segments, 4)

    pesqs, stois = [pair[0] for pair in scores], [pair[1] for pair in scores]
    return SpeechRow(
        material=material,
        engine=engine,
        hours=round(sum(piece.samples for piece in pieces) / RATE / 3600, 3),
        masks=sum(piece.masks for piece in pieces),
        masked_ms=round(sum(piece.masked for piece in pieces) * 1000 / RATE, 1),
        differing=sum(piece.differing for piece in pieces),
        segments=n_segments,
        pesq_mean=mean(pesqs, UNCHANGED_PESQ),
        pesq_min=None if silent else round(min(pesqs, default=UNCHANGED_PESQ), 3),
        stoi_mean=mean(stois, 1.0),
        stoi_min=None if silent else round(min(stois, default=1.0), 4),
    )


# --- delay ----------------------------------------------------------------------


def delay(engine: str) -> DelayRow | None:
    """
    Measure the delay of speech while captures are armed and disarmed.

    Twice a second, under a minute of speech; nothing without speech.
    """
    speech = voices.prompts() if len(voices.prompts()) else voices.spoken()
    if not len(speech):
        return None
    sent = mulaw(speech[:STRETCH_SAMPLES])
    bank = LegBank(1, policy=POLICIES[engine][0], seed=1)
    heard = []
    for i, start in enumerate(range(0, len(sent), _SWITCH_SAMPLES)):
        # Of `strict` only one in eight is armed: what is masked has no delay.
        armed = i % 8 == 1 if engine != "armed" else i % 2 == 1
        (bank.arm if armed else bank.disarm)(0)
        heard.append(bank.process(sent[None, start : start + _SWITCH_SAMPLES]).audio[0])
    lags = lag_of_pieces(sent.astype(np.float64), np.concatenate(heard).astype(float))
    if not lags:
        return None
    return DelayRow(
        engine=engine,
        pieces=len(lags),
        min_ms=min(lags) * 1000 / RATE,
        max_ms=max(lags) * 1000 / RATE,
    )


def lag_of_pieces(sent: Float64, heard: Float64) -> list[int]:
    """
    Find by correlation how many samples later each two seconds were heard.
    """
    lags = []
    for start in range(0, len(sent) - 2 * _PIECE_SAMPLES, _PIECE_SAMPLES):
        before = sent[start : start + _PIECE_SAMPLES]
        after = heard[start : start + _PIECE_SAMPLES + RATE // 10]
        if np.mean(before**2) < 100:
            continue  # nobody talks
        lags.append(int(np.argmax(correlate(after, before, mode="valid"))))
    return lags


# --- the program ----------------------------------------------------------------


def main() -> None:
    """
    Run what the command line asks for.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speech",
        description="Measure what masking costs where nobody keys.",
    )
    options.add_common(
        parser,
        full="hundreds of hours",
        quick="small sizes, to try it",
        json="add to these results",
        tune="the first halves: never reported",
    )
    arguments = options.parse(parser)
    for line in missing():
        workers.note(f"note: {line}")
    voices.prompts(), voices.music(), voices.spoken()  # shared with forked workers
    before = perf_counter()
    chosen = options.size_of(arguments)
    seed = TUNE_SEED if arguments.tune else REPORT_SEED
    parts = workers.run("speech", work, jobs(chosen, seed, rivals.installed()))
    rows = merge(parts)
    delays = [row for engine in POLICIES if (row := delay(engine)) is not None]
    print(leak_tables.speech(rows))
    print(leak_tables.delays(delays))
    seconds = perf_counter() - before
    workers.note(f"speech: {seconds:.0f} s")
    if arguments.json:
        found = results.read(arguments.json)
        found.speech, found.delays = rows, delays
        found.seconds["speech"] = round(seconds, 1)
        results.write(found, arguments.json)


if __name__ == "__main__":
    main()
