"""
The samples: made byte for byte, and true to their manifest.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.stream.events import Audio
from bridge.stream.twilio import TwilioStream
from dtmf_engine import decode
from dtmf_engine.g711 import decode_mulaw
from dtmf_engine.recording import read_recording


SAMPLES = Path(__file__).resolve().parents[2] / "samples"
MANIFEST = json.loads((SAMPLES / "manifest.json").read_text())
WITH_KEYS = [path for path in MANIFEST if MANIFEST[path].get("keys") is not None]


def test_samples_are_what_the_script_makes() -> None:
    """
    The script makes every file again without a difference.
    """
    done = subprocess.run(
        [sys.executable, str(SAMPLES / "make_samples.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_manifest_lists_every_file() -> None:
    """
    No sample is without its origin, and each is what its hash says.
    """
    own = {"README.md", "make_samples.py", "manifest.json"}
    found = {
        str(path.relative_to(SAMPLES))
        for path in SAMPLES.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert found - own == set(MANIFEST)
    for path, about in MANIFEST.items():
        digest = hashlib.sha256((SAMPLES / path).read_bytes()).hexdigest()
        assert digest == about["sha256"]
        assert about["how"]


@pytest.mark.parametrize("path", [p for p in WITH_KEYS if p.endswith(".wav")])
def test_sample_holds_the_keys_of_its_manifest(path: str) -> None:
    """
    Decoding gives every key, within 5 ms of its true times, and no other.
    """
    recording = read_recording((SAMPLES / path).read_bytes())
    tones = decode(recording.channels[0], recording.sample_rate_hz)
    keys = MANIFEST[path]["keys"]
    assert [tone.digit for tone in tones] == [key["digit"] for key in keys]
    for tone, key in zip(tones, keys, strict=True):
        assert tone.start_sample / 8 == pytest.approx(key["start_ms"], abs=5)
        assert tone.end_sample / 8 == pytest.approx(key["end_ms"], abs=5)


def _wire(leg: str, sender: str) -> list[str]:
    lines = (SAMPLES / f"wire/twilio_{leg}.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    return [json.dumps(e["message"]) for e in entries if e["from"] == sender]


def test_recorded_caller_is_heard_with_every_key() -> None:
    """
    The provider's recorded messages carry the keys of the manifest.
    """
    stream = TwilioStream(now=0.0)
    for text in _wire("caller", "provider"):
        stream.receive_message(text, now=0.0)
    octets = b"".join(e.octets for e in stream.poll() if isinstance(e, Audio))
    digits = [tone.digit for tone in decode(decode_mulaw(octets))]
    keys = MANIFEST["wire/twilio_caller.jsonl"]["keys"]
    assert digits == [key["digit"] for key in keys]


def test_recorded_agent_is_sent_no_key() -> None:
    """
    What the bridge sent to the recorded agent leg has no digit in it.
    """
    payloads = [
        json.loads(text)["media"]["payload"] for text in _wire("agent", "bridge")
    ]
    assert len(payloads) > 40
    stream = TwilioStream(now=0.0)
    for text in _wire("agent", "provider")[:2]:
        stream.receive_message(text, now=0.0)
    stream.poll()
    for text in _wire("agent", "bridge"):
        stream.receive_message(text, now=0.0)
    octets = b"".join(e.octets for e in stream.poll() if isinstance(e, Audio))
    assert len(octets) == 160 * len(payloads)
    assert decode(decode_mulaw(octets)) == []
