"""
`dtmf-engine audit`.
"""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from bridge.cli.files import load_mono
from bridge.cli.press_list import read_presses
from bridge.cli.spandsp import spandsp_reads
from dtmf_engine.arrays import Int16, to_float64, to_int16
from dtmf_engine.audit import AuditReport, PressAudit, describe
from dtmf_engine.audit import audit as attack
from dtmf_engine.errors import DtmfEngineError
from dtmf_engine.filters import resample_to_8k
from dtmf_engine.recording import Recording
from dtmf_engine.units import ms_from_samples, samples_from_ms


class BadInputError(click.ClickException):
    """
    Two recordings that cannot be audited: neither clean nor a leak.
    """

    exit_code = 2


@click.command(
    epilog="Example: dtmf-engine audit caller.wav agent.wav --html audit.html",
    short_help="What of the caller's keys can be recovered from the agent's recording.",
)
@click.argument("caller", type=click.Path(path_type=Path))
@click.argument("agent", type=click.Path(path_type=Path))
@click.option(
    "--caller-channel",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="0 is left.",
)
@click.option(
    "--agent-channel",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="0 is left.",
)
@click.option(
    "--presses",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Presses of CALLER, as `decode --json` writes them; found if left out.",
)
@click.option(
    "--delay-ms",
    type=float,
    help="How much later AGENT runs; found, with slips and drift, if left out.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page with spectrograms of every press.",
)
@click.option(
    "--show-digits", is_flag=True, help="Print what was keyed and what was guessed."
)
def audit(
    caller: Path,
    agent: Path,
    caller_channel: int,
    agent_channel: int,
    presses: Path | None,
    delay_ms: float | None,
    html: Path | None,
    *,
    as_json: bool,
    show_digits: bool,
) -> None:
    """
    Attack AGENT, what the agent heard, knowing CALLER, what the caller sent.

    The attacker knows when every key was down and for how long, and how loud the
    telephone is. The recordings may be of any system: delay, drift, slips, gain
    and rate are found.

    Exit code 0 means that it does no better than guessing, 1 that digits can be
    recovered or that nothing was keyed, 2 that the recordings could not be used.
    No digit is printed unless asked for.
    """
    if html is not None and find_spec("matplotlib") is None:
        raise BadInputError(
            "--html: matplotlib is missing: pip install dtmf-engine[plot]"
        )
    try:
        sent = load_mono(caller, caller_channel)
        heard = load_mono(agent, agent_channel)
        report = attack(
            sent.channels[0],
            heard.channels[0],
            sent.sample_rate_hz,
            agent_sample_rate_hz=heard.sample_rate_hz,
            presses=None if presses is None else read_presses(presses, caller_channel),
            delay_samples=None if delay_ms is None else samples_from_ms(delay_ms),
        )
    except DtmfEngineError as error:
        raise BadInputError(str(error)) from None
    except OSError as error:
        reason = (error.strerror or "failed").lower()
        raise BadInputError(f"{error.filename or 'input'}: {reason}") from None
    audio = at_8k(heard)
    peer = spandsp_reads(audio)
    if html is not None:
        # matplotlib is an extra, and slow to import.
        from bridge.cli.audit_page import write_page  # noqa: PLC0415

        page = write_page(report, at_8k(sent), audio, peer, show_digits=show_digits)
        html.write_text(page, encoding="utf-8")
    if as_json:
        click.echo(json.dumps(as_object(report, peer, show_digits=show_digits)))
    else:
        click.echo("\n".join(in_words(report, peer, show_digits=show_digits)))
    if not report.is_clean or not report.presses:
        sys.exit(1)


def at_8k(recording: Recording) -> Int16:
    """
    Give the first channel as 16-bit samples at 8 kHz.
    """
    audio = to_float64(recording.channels[0])
    return to_int16(resample_to_8k(audio, recording.sample_rate_hz))


def in_words(report: AuditReport, peer: str | None, *, show_digits: bool) -> list[str]:
    """
    Say the result, a line each.

    Args:
        report: of the attacker.
        peer: what libspandsp read, if it is installed.
        show_digits: add a line a press, with what was keyed and guessed.
    """
    lines = describe(report)
    if peer is not None and report.presses:
        lines.insert(len(lines) - 1, f"libspandsp reads       {len(peer)}")
    if show_digits:
        lines += [
            f"  {at_ms(press):10.1f} ms  keyed {press.press.digit}  "
            f"guessed {press.guess or '-'}  margin {press.margin:.1f} nats"
            for press in report.presses
        ]
    return lines


def at_ms(press: PressAudit) -> float:
    """
    Give when a key went down.
    """
    return ms_from_samples(press.press.start_sample)


def as_object(
    report: AuditReport, peer: str | None, *, show_digits: bool
) -> dict[str, object]:
    """
    Give a report as JSON values; digits are in it only if asked for.

    Args:
        report: of the attacker.
        peer: what libspandsp read, if it is installed.
        show_digits: whether digits are wanted.
    """
    alignment = report.alignment
    low, high = report.share_bounds
    values: dict[str, object] = {
        "presses": len(report.presses),
        "guessed_right": report.n_right,
        "read_for_certain": report.n_read,
        "chance": round(report.chance, 4),
        "up_to_by_luck": report.chance_bound,
        "luck": round(report.luck, 6),
        "share_at_least": round(low, 4),
        "share_at_most": round(high, 4),
        "detected": len(report.detected),
        "spandsp_detected": None if peer is None else len(peer),
        "delay_ms": ms_from_samples(report.delay_samples),
        "gain": round(alignment.gain, 4),
        "drift_ppm": [round(piece.drift * 1e6, 1) for piece in alignment.pieces],
        "slips": [
            {"at_ms": ms_from_samples(at), "by_ms": round(ms_from_samples(by), 3)}
            for at, by in alignment.steps
        ],
        "is_clean": report.is_clean,
        "margins_nats": [round(press.margin, 2) for press in report.presses],
        "certain_nats": [round(press.certain_nats, 2) for press in report.presses],
    }
    if show_digits:
        values["keyed"] = [press.press.digit for press in report.presses]
        values["guessed"] = [press.guess for press in report.presses]
    return values
