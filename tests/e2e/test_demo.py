"""
The demo, four times as fast, and what others find in what it leaves.
"""

import json
import re
from pathlib import Path

import pytest

from benchmarks import peers
from bridge.cli.files import load_mono
from dtmf_engine import audit
from dtmf_engine.arrays import to_int16
from dtmf_engine.audit import Press
from tests.support.processes import run_cli


pytestmark = pytest.mark.e2e

CARD = "5200828282828210"
KEYED = CARD + "1239" + "737" + "94109#"
CHANCE = re.compile(
    rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{3,6}"  # moments
    rb"|\b[A-Z]{2}[0-9a-f]{32}\b|\ba[0-9a-f]{18}\b|\bch_[0-9a-f]+\b"  # random ids
)
"""What holds five digits of any number sooner or later, and was never keyed."""

CALL = Path(__file__).resolve().parents[2] / "samples" / "demo" / "call.json"


@pytest.fixture(name="left", scope="module")
def _left(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo")
    done = run_cli("demo", "--out", str(folder), "--speed", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def test_demo_leaves_the_files_it_promises(left: tuple[Path, str]) -> None:
    """
    Both legs, the callbacks and a report with its pictures inside.
    """
    folder, _ = left
    forms = [
        json.loads(line)
        for line in (folder / "callbacks.jsonl").read_text().splitlines()
    ]
    assert forms[-1]["Result"] == "success"
    assert [int(f["SequenceNumber"]) for f in forms] == list(range(1, len(forms) + 1))
    report = (folder / "report.html").read_text()
    assert report.count("src='data:image/png;base64,") == 2
    assert "http" not in report.replace("https://", "http")[:200]
    assert load_mono(folder / "agent.wav").n_samples > 8 * 8000


def test_demo_shows_the_masked_number_growing(left: tuple[Path, str]) -> None:
    """
    What the agent sees is x's, one more each key, then the last four digits.
    """
    _, shown = left
    words = [line.split() for line in shown.splitlines()]
    seen = [w[2] for w in words if "payment-card-number" in w[1:2] and len(w) > 2]
    assert seen == ["x" * n for n in range(1, 16)] + ["x" * 12 + CARD[-4:]]
    assert "xxxxxxxxxxxx8210  mastercard done" in shown
    assert "success ch_" in shown


def test_demo_leaves_the_card_nowhere(left: tuple[Path, str]) -> None:
    """
    No output, log, database or callback holds more of the number than its mask.
    """
    assert _digits_left(f'{{"at": "x", "call": "{CARD}"}}'.encode())
    assert _digits_left(f"AC{CARD[:6]}".encode())
    folder, shown = left
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".wav":
            assert _digits_left(path.read_bytes()) == [], path
    assert CARD[:5] not in shown


def _digits_left(data: bytes) -> list[str]:
    """
    Give all runs of five of the card's digits that stand in some data.
    """
    rest = CHANCE.sub(b" ", data)
    runs = [CARD[n : n + 5] for n in range(len(CARD) - 4)]
    return [run for run in runs if run.encode() in rest]


def test_attacker_reads_nothing_of_the_agent_s_recording(
    left: tuple[Path, str],
) -> None:
    """
    Knowing every press and its length, the attacker does no better than guessing.
    """
    folder, _ = left
    keys = json.loads(CALL.read_text())["keys"]
    presses = [
        Press(k["digit"], round(k["start_ms"] * 8), round(k["end_ms"] * 8))
        for k in keys
    ]
    assert "".join(press.digit for press in presses) == KEYED
    caller = load_mono(folder / "caller.wav").channels[0]
    agent = load_mono(folder / "agent.wav").channels[0]
    report = audit(caller, agent, presses=presses)
    assert report.is_clean, report
    assert report.n_read == 0


@pytest.mark.peer
@pytest.mark.parametrize("name", ["spandsp", "multimon", "dtmf2num"])
def test_peer_finds_all_on_one_leg_and_nothing_on_the_other(
    left: tuple[Path, str], name: str
) -> None:
    """
    Other people's detectors read the caller's leg, and find no digit on the agent's.
    """
    if not getattr(peers, f"has_{name}")():
        pytest.skip(f"{name} is not installed")
    folder, _ = left
    find = getattr(peers, name)
    caller = to_int16(load_mono(folder / "caller.wav").channels[0])
    agent = to_int16(load_mono(folder / "agent.wav").channels[0])
    assert find(caller) == KEYED
    # dtmf2num hears three digits a minute in voices, and the caller talks: by which
    # sample a leg begins decides whether one of them is here.
    assert len(find(agent)) <= (1 if name == "dtmf2num" else 0)
