"""
Voices and music: what is on the line when no key is pressed, or underneath.

Real prompts come from Debian's packages asterisk-core-sounds-en-wav,
-es-wav, -fr-wav and asterisk-moh-opsound-wav, where installed; spoken text
from espeak-ng, where installed.
"""

import io
import shutil
import subprocess
import wave
from functools import cache
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from benchmarks.channels import RATE, Int16, to_int16


SOUNDS = Path("/usr/share/asterisk")
LANGUAGES = ("en_US_f_Allison", "es_MX_f_Allison", "fr_CA_f_June")

ESPEAK_VOICES = (
    *("en-us", "en-gb", "en-us+f3", "en-gb+f2", "en-us+m5"),
    *("de", "de+f4", "fr", "es", "it+f2"),
)

TEXTS = {
    "en": (
        "Thank you for calling. To speak to an adviser, stay on the line. I would "
        "like to change the delivery address of my order, please, and pay the open "
        "amount by card. The number is on the front, sixteen digits long. One, two, "
        "three, four, five, six, seven, eight, nine, zero. Could you repeat that? "
        "Sure, no problem at all. Yesterday evening we were waiting for the train."
    ),
    "de": (
        "Guten Tag, ich möchte gern meine Rechnung bezahlen. Die Nummer steht oben "
        "rechts. Eins, zwei, drei, vier, fünf, sechs, sieben, acht, neun, null. "
        "Können Sie das bitte wiederholen? Gestern Abend haben wir auf den Zug "
        "gewartet, und es hat die ganze Zeit geregnet."
    ),
    "fr": (
        "Bonjour, je voudrais payer ma facture, s'il vous plaît. Le numéro est en "
        "haut à droite. Un, deux, trois, quatre, cinq, six, sept, huit, neuf, zéro. "
        "Pouvez-vous répéter? Hier soir nous avons attendu le train sous la pluie."
    ),
    "es": (
        "Buenos días, quisiera pagar mi factura, por favor. El número está arriba a "
        "la derecha. Uno, dos, tres, cuatro, cinco, seis, siete, ocho, nueve, cero. "
        "¿Puede repetirlo? Ayer por la noche estuvimos esperando el tren."
    ),
    "it": (
        "Buongiorno, vorrei pagare la mia fattura, per favore. Il numero è in alto a "
        "destra. Uno, due, tre, quattro, cinque, sei, sette, otto, nove, zero. Può "
        "ripetere? Ieri sera abbiamo aspettato il treno sotto la pioggia."
    ),
}


@cache
def prompts() -> Int16:
    """
    Give all installed human prompts, one after the other; empty if there are none.
    """
    parts = [
        _read(path)
        for language in LANGUAGES
        for path in sorted((SOUNDS / "sounds" / language).rglob("*.wav"))
        if "silence" not in path.parts
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)


@cache
def music() -> Int16:
    """
    Give all installed music on hold; empty if there is none.
    """
    parts = [_read(path) for path in sorted((SOUNDS / "moh").glob("*.wav"))]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)


@cache
def spoken() -> Int16:
    """
    Give espeak-ng's reading of the texts at several speeds; empty without it.
    """
    if shutil.which("espeak-ng") is None:
        return np.zeros(0, dtype=np.int16)
    parts = []
    for voice in ESPEAK_VOICES:
        for pitch in (20, 45, 70, 95):
            for speed in (130, 175, 230):
                command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p"]
                command += [str(pitch), "--stdout", TEXTS[voice[:2]]]
                done = subprocess.run(command, capture_output=True, check=True)
                parts.append(_to_8k(done.stdout))
    return np.concatenate(parts)


def _read(path: Path) -> Int16:
    with wave.open(str(path)) as file:
        frames = file.readframes(file.getnframes())
        return np.frombuffer(frames, dtype=np.int16)


def _to_8k(data: bytes) -> Int16:
    # espeak-ng writes to a pipe: its header's lengths are too large.
    with wave.open(io.BytesIO(data)) as file:
        rate = file.getframerate()
    audio = np.frombuffer(data[44 : len(data) - len(data) % 2], dtype=np.int16)
    return to_int16(np.asarray(resample_poly(audio.astype(np.float64), RATE, rate)))


def at_speed(audio: Int16, factor: float) -> Int16:
    """
    Play faster or slower, pitch and all: another speaker.
    """
    up, down = 100, round(100 * factor)
    return to_int16(np.asarray(resample_poly(audio.astype(np.float64), up, down)))
