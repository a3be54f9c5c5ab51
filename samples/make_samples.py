"""
Make every file in this folder, byte for byte the same each time.

    python samples/make_samples.py            write them
    python samples/make_samples.py --check    compare with what is here
    python samples/make_samples.py --voices   speak the clips again (espeak-ng)

The spoken clips in `voices/` and `prompts/` are inputs: espeak-ng made them once
and they are committed, because another version of it would speak differently. All
else follows from them, from the cue sheet in this file and from seeds.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

from bridge.call.line import Analysed
from bridge.call.session import CallSession, SendAudio
from bridge.stream.events import Audio as AudioEvent
from bridge.stream.events import Role
from bridge.stream.twilio import TwilioStream
from bridge.stream.twilio_provider import FRAME_SAMPLES, TwilioProvider
from dtmf_engine.bank import DELAY_SAMPLES, LegBank
from dtmf_engine.g711 import decode_mulaw, encode_mulaw
from dtmf_engine.generator import Signal, generate, tone
from dtmf_engine.recording import read_recording, write_recording
from dtmf_engine.units import SAMPLE_RATE_HZ, power_from_dbm0


HERE = Path(__file__).resolve().parent
RATE = SAMPLE_RATE_HZ
Audio = npt.NDArray[np.float64]

CALLER_VOICE = ("en-gb", 165, 45)
AGENT_VOICE = ("en-us+f3", 170, 50)

CLIPS = {
    "caller_hello": (CALLER_VOICE, "Hello, I would like to pay my invoice."),
    "caller_card": (CALLER_VOICE, "Sure. Let me find my card."),
    "caller_moment": (CALLER_VOICE, "One moment."),
    "caller_expiry": (CALLER_VOICE, "The expiry date."),
    "caller_code": (CALLER_VOICE, "Three digits, yes."),
    "caller_post": (CALLER_VOICE, "And my zip code."),
    "caller_bye": (CALLER_VOICE, "Wonderful. Goodbye."),
    "agent_hello": (AGENT_VOICE, "Of course."),
    "agent_card": (AGENT_VOICE, "Please key in your card number."),
    "agent_expiry": (AGENT_VOICE, "Now the expiry date."),
    "agent_code": (AGENT_VOICE, "And the security code."),
    "agent_post": (AGENT_VOICE, "Your postal code, and then pound."),
    "agent_done": (AGENT_VOICE, "That went through. Thank you."),
}

PROMPT_VOICE = ("en-us+f3", 145, 50)

PROMPTS = {
    "card_ending_in": (PROMPT_VOICE, "Please confirm the card ending in,"),
    "account_ending_in": (PROMPT_VOICE, "Please confirm the bank account ending in,"),
    # A comma: the voice stays up, as in the middle of a number.
    **{f"digit_{digit}": (PROMPT_VOICE, f"{digit},") for digit in range(10)},
    "press_1_or_2": (PROMPT_VOICE, "Press 1 to confirm, or 2 to cancel."),
}
"""The pieces that prompts to callers are put together from; see
`bridge.call.voice`."""

SPOKEN = {
    **{f"voices/{name}.wav": clip for name, clip in CLIPS.items()},
    **{f"prompts/{name}.wav": piece for name, piece in PROMPTS.items()},
}
"""Everything that espeak-ng said, by its path."""

SPEECH_DBM0 = -20.0
"""Mean level of the voices, pauses included."""

LINE_NOISE_DBM0 = -58.0


@dataclass(frozen=True)
class Key:
    """
    One key press of a sample, with its true times.
    """

    digit: str
    start_ms: float
    end_ms: float


# --- voices ---------------------------------------------------------------------


def speak(voice: tuple[str, int, int], text: str) -> bytes:
    """
    Have espeak-ng say a text, at 8 kHz in µ-law.
    """
    name, words_per_minute, pitch = voice
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"
        command = ["espeak-ng", "-v", name, "-s", str(words_per_minute)]
        command += ["-p", str(pitch), "-w", str(path), text]
        subprocess.run(command, check=True)
        spoken = read_recording(path.read_bytes())
    audio = spoken.channels[0].astype(np.float64)
    audio = np.asarray(resample_poly(audio, RATE, spoken.sample_rate_hz))
    # espeak-ng ends each clip with most of a second of nothing.
    loud = np.flatnonzero(np.abs(audio) > np.abs(audio).max() / 100)
    audio = audio[loud[0] : loud[-1] + 1]
    audio *= np.sqrt(power_from_dbm0(SPEECH_DBM0) / np.mean(audio**2))
    return wav(audio)


def make_voices() -> None:
    """
    Speak all clips again.
    """
    for path, (voice, text) in SPOKEN.items():
        (HERE / path).parent.mkdir(exist_ok=True)
        (HERE / path).write_bytes(speak(voice, text))


def clip(name: str) -> Audio:
    """
    Load a spoken clip.
    """
    path = HERE / "voices" / f"{name}.wav"
    return read_recording(path.read_bytes()).channels[0].astype(np.float64)


def wav(audio: Audio) -> bytes:
    """
    Encode as the telephone network would: µ-law, 8 kHz.
    """
    linear = np.clip(np.rint(audio), -32768, 32767).astype(np.int16)
    return write_recording(linear, RATE, encoding="mulaw")


# --- the demo call --------------------------------------------------------------


class Tape:
    """
    Two tracks of one call, written along one cursor.
    """

    def __init__(self, seed: int) -> None:
        self.random = np.random.RandomState(seed)
        self.at_s = 0.0
        self.sounds: dict[str, list[tuple[float, Audio]]] = {"caller": [], "agent": []}
        self.keys: list[Key] = []
        self.cues: list[dict[str, object]] = []

    def wait(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.at_s = round(self.at_s + seconds, 4)

    def say(self, track: str, name: str) -> None:
        """
        Play a clip to its end.
        """
        audio = clip(name)
        self.sounds[track].append((self.at_s, audio))
        self.wait(len(audio) / RATE)

    def cue(self, action: str, value: str | None = None) -> None:
        """
        Have the agent's software do something at this moment.
        """
        at_ms = round(self.at_s * 1000, 1)
        self.cues.append({"at_ms": at_ms, "action": action, "value": value})

    def key(self, digits: str) -> None:
        """
        Press keys at the speed of a hand.
        """
        for digit in digits:
            hold_ms = float(self.random.randint(70, 170))
            signal = Signal(
                tone_ms=hold_ms,
                level_dbm0=-9.0,
                twist_db=-2.0,
                frequency_error=float(self.random.uniform(-0.006, 0.006)),
            )
            phases = self.random.uniform(0, 2 * np.pi, 2)
            audio = tone(digit, signal, RATE, (phases[0], phases[1]))
            self.sounds["caller"].append((self.at_s, audio))
            start_ms = round(self.at_s * 1000, 1)
            self.keys.append(Key(digit, start_ms, round(start_ms + hold_ms, 1)))
            self.wait((hold_ms + float(self.random.randint(110, 270))) / 1000)

    def track(self, name: str) -> Audio:
        """
        Mix one track, with the noise of its line.
        """
        total = np.zeros(round((self.at_s + 0.5) * RATE))
        for at_s, audio in self.sounds[name]:
            start = round(at_s * RATE)
            total[start : start + len(audio)] += audio
        noise = self.random.standard_normal(len(total))
        return np.asarray(total + noise * np.sqrt(power_from_dbm0(LINE_NOISE_DBM0)))


def demo_call() -> tuple[dict[str, bytes], dict[str, object]]:
    """
    Play the whole payment call of the demo.

    The card is a published test number (Mastercard debit, docs.stripe.com).
    """
    tape = Tape(seed=2)
    tape.wait(0.4)
    tape.say("caller", "caller_hello")
    tape.wait(0.2)
    tape.cue("start")
    tape.say("agent", "agent_hello")
    tape.wait(0.2)
    tape.cue("capture", "payment-card-number")
    tape.say("agent", "agent_card")
    tape.wait(0.2)
    tape.say("caller", "caller_card")
    tape.wait(0.4)
    tape.key("52008282")
    tape.wait(0.2)
    tape.say("caller", "caller_moment")
    tape.wait(0.3)
    tape.key("82828210")
    tape.wait(0.5)
    tape.cue("capture", "expiration-date")
    tape.say("agent", "agent_expiry")
    tape.say("caller", "caller_expiry")
    tape.wait(0.3)
    tape.key("1239")
    tape.wait(0.5)
    tape.cue("capture", "security-code")
    tape.say("agent", "agent_code")
    tape.say("caller", "caller_code")
    tape.wait(0.3)
    tape.key("737")
    tape.wait(0.5)
    tape.cue("capture", "postal-code")
    tape.say("agent", "agent_post")
    tape.say("caller", "caller_post")
    tape.wait(0.3)
    tape.key("94109#")
    tape.wait(0.6)
    tape.cue("complete")
    tape.wait(1.2)
    tape.say("agent", "agent_done")
    tape.say("caller", "caller_bye")
    tape.wait(0.3)
    files = {f"demo/{name}.wav": wav(tape.track(name)) for name in ("caller", "agent")}
    sheet: dict[str, object] = {
        "cues": tape.cues,
        "keys": [asdict(key) for key in tape.keys],
    }
    files["demo/call.json"] = to_json(sheet)
    return files, sheet


# --- tones for tests ------------------------------------------------------------

TONES: dict[str, dict[str, object]] = {
    "all_sixteen": {"digits": "123A456B789C*0#D"},
    "shortest": {"digits": "0123456789", "tone_ms": 40.0, "pause_ms": 40.0},
    "twisted": {"digits": "159D", "twist_db": -8.0, "level_dbm0": -14.0},
    "noisy": {"digits": "2580", "level_dbm0": -20.0, "noise_dbm0": -35.0},
    "off_frequency": {"digits": "147*", "frequency_error": 0.015},
}


def tone_files() -> tuple[dict[str, bytes], dict[str, object]]:
    """
    Make short files of digits, one line condition each.
    """
    files: dict[str, bytes] = {}
    about: dict[str, object] = {}
    for name, options in TONES.items():
        audio = generate(**options)  # type: ignore[arg-type]
        files[f"tones/{name}.wav"] = wav(audio.astype(np.float64))
        tone_ms = float(str(options.get("tone_ms", 100.0)))
        pause_ms = float(str(options.get("pause_ms", 100.0)))
        starts = [
            pause_ms + i * (tone_ms + pause_ms)
            for i in range(len(str(options["digits"])))
        ]
        about[f"tones/{name}.wav"] = {
            "how": f"dtmf_engine.generate(**{json.dumps(options)})",
            "keys": [
                asdict(Key(digit, start, start + tone_ms))
                for digit, start in zip(str(options["digits"]), starts, strict=True)
            ],
        }
    return files, about


# --- wire conversations ---------------------------------------------------------

WIRE_SOURCE = "tones/shortest.wav"


def wire_files(tones: dict[str, bytes]) -> dict[str, bytes]:
    """
    Record what both legs' sockets carry while a short file is played.

    The machines of the bridge are driven by hand: the provider sends 20 ms, the
    bridge answers at once. Each line is one message, with who sent it and when.
    """
    recording = read_recording(tones[WIRE_SOURCE])
    octets = encode_mulaw(recording.channels[0].astype(np.int16))
    legs = {role: _WireLeg(role) for role in Role}
    bank, call = LegBank(1), CallSession(delay_samples=DELAY_SAMPLES)
    for role, leg in legs.items():
        call.join(role, now=0.0)
        for text in leg.provider.open():
            leg.receive(0.0, text)
    for place in range(0, len(octets), FRAME_SAMPLES):
        at_s = (place + FRAME_SAMPLES) / RATE
        frame = octets[place : place + FRAME_SAMPLES].ljust(FRAME_SAMPLES, b"\xff")
        legs[Role.CALLER].receive(at_s, legs[Role.CALLER].provider.media(frame))
        for event in legs[Role.CALLER].stream.poll():
            if isinstance(event, AudioEvent):
                call.receive_audio(Role.CALLER, event.octets, now=at_s)
        heard = bank.process(decode_mulaw(frame)[None, :])
        call.receive_analysis(
            Analysed(
                heard.audio[0], heard.masked[0], heard.events[0], bank.position(0)
            ),
            now=at_s,
        )
        for output in call.poll():
            if isinstance(output, SendAudio):
                leg = legs[output.role]
                leg.send(at_s, leg.stream.audio(output.octets))
    for leg in legs.values():
        leg.receive(at_s, leg.provider.stop())
    return {
        f"wire/twilio_{role}.jsonl": leg.text().encode() for role, leg in legs.items()
    }


class _WireLeg:
    def __init__(self, role: Role) -> None:
        number = list(Role).index(role) + 1
        self.provider = TwilioProvider(
            call_sid=f"CA{number:032x}",
            stream_sid=f"MZ{number:032x}",
            account_sid="AC" + "0" * 32,
            parameters={"call": "sample", "leg": str(role)},
        )
        self.stream = TwilioStream(now=0.0)
        self._lines: list[str] = []

    def receive(self, at_s: float, text: str) -> None:
        self.stream.receive_message(text, now=at_s)
        self._note(at_s, "provider", text)

    def send(self, at_s: float, text: str) -> None:
        self._note(at_s, "bridge", text)

    def text(self) -> str:
        return "".join(self._lines)

    def _note(self, at_s: float, sender: str, text: str) -> None:
        at_ms = round(at_s * 1000, 1)
        self._lines.append(f'{{"at_ms":{at_ms},"from":"{sender}","message":{text}}}\n')


# --- all together ---------------------------------------------------------------


def to_json(value: object) -> bytes:
    """
    Write JSON the one way this folder does.
    """
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def make_all() -> dict[str, bytes]:
    """
    Make every file but what was spoken, by its path in this folder.
    """
    files, sheet = demo_call()
    tones, about = tone_files()
    files |= tones
    wire = wire_files(tones)
    files |= wire
    for path in wire:
        about[path] = {
            "how": f"make_samples.wire_files(): {WIRE_SOURCE} played as the caller",
            "keys": dict_of(about[WIRE_SOURCE])["keys"],
        }
    about["demo/caller.wav"] = {
        "how": "make_samples.demo_call(): voices, keys and line noise, µ-law",
        "keys": sheet["keys"],
    }
    about["demo/agent.wav"] = {
        "how": "make_samples.demo_call(): voices and line noise, µ-law",
        "keys": [],
    }
    about["demo/call.json"] = {"how": "make_samples.demo_call(): the cue sheet"}
    for path, (voice, text) in SPOKEN.items():
        about[path] = {
            "how": f"espeak-ng -v {voice[0]} -s {voice[1]} -p {voice[2]}, "
            f"to 8 kHz µ-law at {SPEECH_DBM0:g} dBm0",
            "text": text,
        }
        files[path] = (HERE / path).read_bytes()
    manifest = {
        path: {"sha256": hashlib.sha256(data).hexdigest(), **dict_of(about[path])}
        for path, data in sorted(files.items())
    }
    files["manifest.json"] = to_json(manifest)
    return files


def dict_of(value: object) -> dict[str, object]:
    """
    Narrow a type.
    """
    assert isinstance(value, dict)  # all entries above are
    return value


def main() -> int:
    """
    Run the command line.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--voices", action="store_true", help="run espeak-ng again")
    arguments = parser.parse_args()
    if arguments.voices:
        make_voices()
    different = []
    for path, data in make_all().items():
        target = HERE / path
        if arguments.check:
            if not target.exists() or target.read_bytes() != data:
                different.append(path)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    for path in different:
        print(f"differs: {path}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
