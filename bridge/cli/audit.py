"""
`dtmf-engine audit`.
"""

import json
import sys
from pathlib import Path

import click

from bridge.cli.files import load_mono
from dtmf_engine.audit import AuditReport, describe
from dtmf_engine.audit import audit as attack


@click.command(
    epilog="Example: dtmf-engine audit caller.wav agent.wav",
    short_help="What of the caller's keys can be recovered from the agent's recording.",
)
@click.argument("caller", type=click.Path(path_type=Path))
@click.argument("agent", type=click.Path(path_type=Path))
@click.option("--caller-channel", default=0, show_default=True, help="0 is left.")
@click.option("--agent-channel", default=0, show_default=True, help="0 is left.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def audit(
    caller: Path, agent: Path, caller_channel: int, agent_channel: int, *, as_json: bool
) -> None:
    """
    Attack AGENT, what the agent heard, knowing CALLER, what the caller sent.

    The attacker knows when every key was down and for how long. Exit code 0
    means that it does no better than guessing; no digit is printed.
    """
    heard_caller = load_mono(caller, caller_channel)
    heard_agent = load_mono(agent, agent_channel)
    report = attack(
        heard_caller.channels[0],
        heard_agent.channels[0],
        heard_caller.sample_rate_hz,
        agent_sample_rate_hz=heard_agent.sample_rate_hz,
    )
    if as_json:
        click.echo(json.dumps(as_object(report)))
    else:
        click.echo("\n".join(describe(report)))
    if not report.is_clean or not report.presses:
        sys.exit(1)


def as_object(report: AuditReport) -> dict[str, object]:
    """
    Give a report as JSON values, without any digit.
    """
    return {
        "presses": len(report.presses),
        "guessed_right": report.n_right,
        "read_for_certain": report.n_read,
        "up_to_by_luck": report.chance_bound,
        "luck": round(report.luck, 6),
        "detected": len(report.detected),
        "delay_ms": report.delay_samples / 8,
        "is_clean": report.is_clean,
        "margins_nats": [round(press.margin, 2) for press in report.presses],
    }
