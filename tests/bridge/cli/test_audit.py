"""
`audit`, run as a user runs it, and the parts of it.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from bridge.cli.audit import as_object, in_words
from bridge.cli.audit_page import MOST_PICTURES, write_page
from bridge.cli.press_list import read_presses
from bridge.cli.report import masked_spans_s
from bridge.cli.spandsp import spandsp_reads
from dtmf_engine import audit
from dtmf_engine.alignment import Alignment, Piece
from dtmf_engine.audit import Press
from dtmf_engine.errors import ParameterError
from dtmf_engine.recording import write_recording
from tests.support.processes import run_cli
from tests.support.tones import (
    Audio,
    dial,
    line,
    through_mulaw,
    to_int16,
    voiced,
    white_noise,
)


KEYS = "4111111111111111"


def _caller() -> tuple[Audio, list[Press]]:
    presses = dial(KEYS, lead=9600, seed=2)
    wave = line(presses, noise_dbm0=-55.0)
    wave[:8000] += voiced(8000)
    truth = [Press(p.digit, p.start_sample, p.end_sample) for p in presses]
    return through_mulaw(to_int16(wave)), truth


def _agent(caller: Audio, presses: list[Press]) -> Audio:
    agent = caller.copy()
    noise = through_mulaw(to_int16(white_noise(len(agent), -55.0, seed=9)))
    for press in presses:
        part = slice(press.start_sample - 80, press.end_sample + 80)
        agent[part] = noise[part]
    return agent


def _save(path: Path, *channels: Audio) -> Path:
    n = max(map(len, channels))
    padded = [np.pad(channel, (0, n - len(channel))) for channel in channels]
    path.write_bytes(write_recording(np.stack(padded, axis=1), 8000))
    return path


def _shows(text: str) -> bool:
    """
    Tell whether a run of the digits keyed can be read off a text.
    """
    return "1111" in re.sub(r"data:image/png;base64,[^']+", "", text)


def test_audit_of_one_stereo_file(tmp_path: Path) -> None:
    """
    Caller left, agent right: code 0 where the agent's channel is masked.
    """
    caller, truth = _caller()
    both = str(_save(tmp_path / "call.wav", caller, _agent(caller, truth)))
    done = run_cli("audit", both, both, "--agent-channel", "1", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert (report["presses"], report["is_clean"]) == (16, True)
    assert (report["delay_ms"], report["gain"], report["slips"]) == (0.0, 1.0, [])
    assert "keyed" not in report

    same = run_cli("audit", both, both)
    assert same.returncode == 1
    assert not _shows(same.stdout)

    told = run_cli("audit", both, both, "--show-digits", "--json")
    assert "".join(json.loads(told.stdout)["keyed"]) == KEYS

    other = run_cli("audit", both, both, "--agent-channel", "2")
    assert other.returncode == 2
    assert other.stderr == f"error: {both}: expected a channel 2, it has 2\n"


def test_audit_of_two_calls_is_bad_input(tmp_path: Path) -> None:
    """
    Recordings with nothing in common give one line and code 2, no verdict.
    """
    caller, _ = _caller()
    unrelated = to_int16(voiced(30_000, pitch_hz=93.0, seed=5))
    paths = [
        str(_save(tmp_path / name, audio))
        for name, audio in (("a.wav", caller), ("b.wav", unrelated))
    ]
    done = run_cli("audit", *paths)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: caller, agent: expected two recordings of one call, "
        "found nothing in common\n"
    )
    missing = run_cli("audit", paths[0], str(tmp_path / "c.wav"))
    assert missing.returncode == 2
    assert missing.stderr == f"error: {tmp_path}/c.wav: no such file or directory\n"


def test_audit_takes_presses_from_a_file(tmp_path: Path) -> None:
    """
    What `decode --json` writes of one recording can be used for another.
    """
    caller, truth = _caller()
    path = _save(tmp_path / "caller.wav", caller)
    listed = tmp_path / "presses.jsonl"
    listed.write_text(run_cli("decode", "--json", str(path)).stdout)
    assert [press.digit for press in read_presses(listed, 0)] == list(KEYS)
    agent = _save(tmp_path / "agent.wav", _agent(caller, truth))
    page = tmp_path / "page.html"
    done = run_cli(
        *("audit", str(path), str(agent), "--presses", str(listed)),
        *("--html", str(page), "--delay-ms", "0"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nothing recoverable" in page.read_text()
    assert not _shows(page.read_text())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[7]", "line 1: expected one JSON object"),
        ("7 4", "line 1: expected one JSON object"),
        (
            '\n{"digit": "7", "end_ms": 2}',
            "line 2: start_ms: expected a number of milliseconds",
        ),
        (
            '{"digit": "7", "start_ms": -1, "end_ms": 2}',
            "line 1: start_ms: expected 0 to 1e9, got -1",
        ),
        (
            '{"digit": "77", "start_ms": 1, "end_ms": 2}',
            "line 1: digit: expected one of 123A456B789C*0#D",
        ),
        (
            '{"digit": "7", "start_ms": 2, "end_ms": 2}',
            "line 1: end_ms: expected more than start_ms, 2, got 2",
        ),
    ],
)
def test_press_list_says_what_is_wrong_with_a_line(
    tmp_path: Path, text: str, message: str
) -> None:
    """
    Line and field are named, the digit is not.
    """
    path = tmp_path / "presses.jsonl"
    path.write_text(text)
    with pytest.raises(ParameterError, match=f"^{re.escape(f'{path}: {message}')}$"):
        read_presses(path, 0)


def test_press_list_leaves_out_other_channels(tmp_path: Path) -> None:
    """
    A press of the right channel is none of the left; one without a channel is.
    """
    path = tmp_path / "presses.jsonl"
    path.write_text(
        '{"digit": "1", "start_ms": 10, "end_ms": 60, "channel": 1}\n'
        '{"digit": "2", "start_ms": 110, "end_ms": 160}\n'
    )
    assert read_presses(path, 0) == [Press("2", 880, 1280)]


@pytest.mark.parametrize("leaks", [False, True])
def test_page_says_it_all_in_one_file(*, leaks: bool) -> None:
    """
    The verdict, a row and a picture a press; nothing is loaded, no key is told.
    """
    caller, truth = _caller()
    agent = caller if leaks else _agent(caller, truth)
    report = audit(caller, agent, presses=truth)
    page = write_page(report, caller, agent, "12")
    assert ("Leak: digits can be recovered" in page) is leaks
    assert page.count("<figure") == page.count("data:image/png;base64,") == 16
    assert page.count("class='leak'") == (32 if leaks else 0)
    assert "libspandsp reads" in page
    assert "http" not in page
    assert not _shows(page)
    keyed = re.findall(r"<td>(\S)</td><td>\S</td></tr>", page)
    assert keyed == []
    told = write_page(report, caller, agent, None, show_digits=True)
    assert "".join(re.findall(r"<td>(\S)</td><td>\S</td></tr>", told)) == KEYS


def test_page_s_pictures_do_not_tell_keys() -> None:
    """
    Of one telephone, all keys give nearly the same picture: bands about their tones.
    """
    pictures = []
    for digit in "1D":
        presses = dial(digit, lead=2000)
        audio = to_int16(line(presses))
        truth = [Press(p.digit, p.start_sample, p.end_sample) for p in presses]
        report = audit(audio, audio, presses=truth)
        page = write_page(report, audio, audio, None)
        pictures.append(re.findall("<figcaption>(.*?)</figcaption>", page))
        assert "697" not in page
    assert pictures[0] == pictures[1]


def test_page_of_many_presses_shows_some() -> None:
    """
    A long recording gives a page that can still be opened.
    """
    presses = [Press("1", 8000 + 800 * n, 8400 + 800 * n) for n in range(70)]
    audio = to_int16(white_noise(70_000, -50.0))
    report = audit(audio, audio, presses=presses)
    page = write_page(report, audio, audio, None)
    assert page.count("<figure") == MOST_PICTURES
    assert "6 more presses are not shown." in page


def test_words_and_values_count_what_peers_read() -> None:
    """
    How many libspandsp read, never which; nothing where it is not installed.
    """
    caller, truth = _caller()
    report = audit(caller, caller, presses=truth)
    assert "libspandsp reads       16" in in_words(report, KEYS, show_digits=False)
    assert not _shows("".join(in_words(report, KEYS, show_digits=False)))
    assert as_object(report, KEYS, show_digits=False)["spandsp_detected"] == 16
    assert as_object(report, None, show_digits=False)["spandsp_detected"] is None
    lines = in_words(report, None, show_digits=True)[-16:]
    assert "".join(re.findall("keyed (.)", "".join(lines))) == KEYS


@pytest.mark.peer
def test_spandsp_reads_what_was_keyed() -> None:
    """
    The library is asked as its own programs ask it.
    """
    caller, _ = _caller()
    found = spandsp_reads(caller)
    if found is None:
        pytest.skip("libspandsp2 is not installed")
    assert found == KEYS
    assert spandsp_reads(to_int16(white_noise(20_000, -40.0))) == ""


def test_report_of_a_call_that_slips_shows_only_what_was_masked() -> None:
    """
    An underrun early in the call is put right before both legs are compared.
    """
    caller, truth = _caller()
    agent = np.insert(_agent(caller, truth), 3000, np.zeros(160, dtype=np.int16))
    found = audit(caller, agent, presses=truth).alignment
    assert [by for _, by in found.steps] == [160.0]
    heard = np.asarray(found.unfold(agent, len(caller)), dtype=np.int16)
    spans = masked_spans_s(caller, heard)
    masked = sum(end - start for start, end in spans)
    assert masked == pytest.approx(16 * 0.12, abs=0.1)
    whole = Alignment((Piece(0, 0, 160.0),)).unfold(agent, len(caller))
    unrepaired = masked_spans_s(caller, np.asarray(whole, dtype=np.int16))
    assert sum(end - start for start, end in unrepaired) > masked + 0.3
