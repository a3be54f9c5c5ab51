"""
Needs: what must be installed for a part of a benchmark, and how to get it.
"""

from benchmarks import codecs, voices


def missing(needs: str) -> str:
    """
    Say why something cannot be made here; nothing if it can.

    Args:
        needs: `ffmpeg`, `voices`, `music`, or nothing.
    """
    match needs:
        case "ffmpeg" if not codecs.has_ffmpeg():
            return "ffmpeg: not installed (apt-get install ffmpeg)"
        case "voices" if not len(voices.prompts()) and not len(voices.spoken()):
            return "speech: none installed (apt-get install espeak-ng)"
        case "music" if not len(voices.music()):
            return "music: none installed (apt-get install asterisk-moh-opsound-wav)"
        case _:
            return ""
