"""
Something like speech: a glottal source through moving formants.

It stands in for talk-off tapes that cannot be had. Voices reach from deep men to
children, whose few strong harmonics come closest to being a pair of tones. Vowels
are held and glide, consonants hiss, and breath is everywhere; all from a seed.

It is no easier than human prompts and not unlike them: libspandsp hears no digit
in 36 minutes of it, where a receiver with all limits loosened hears thousands.
"""

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter, sosfilt

from tests.support.tones import Wave, amplitude, root_mean_square


RATE_HZ = 8000
STEP = 160
"""Formants stand still for 20 ms, pitch moves with every sample."""

# First three formants of vowels, an adult man's (Peterson and Barney, 1952).
VOWELS_HZ = np.array(
    [
        (270.0, 2290.0, 3010.0),
        (390.0, 1990.0, 2550.0),
        (530.0, 1840.0, 2480.0),
        (660.0, 1720.0, 2410.0),
        (730.0, 1090.0, 2440.0),
        (570.0, 840.0, 2410.0),
        (440.0, 1020.0, 2240.0),
        (300.0, 870.0, 2240.0),
        (640.0, 1190.0, 2390.0),
        (490.0, 1350.0, 1690.0),
    ]
)
# An adult man's, wide as they are while the glottis is open.
BANDWIDTHS_HZ = np.array([80.0, 120.0, 160.0])

Array = npt.NDArray[np.float64]
Random = np.random.Generator


def speak(duration_s: float, pitch_hz: float, level_dbm0: float, seed: int) -> Wave:
    """
    Let one voice speak.

    Args:
        duration_s: for how long.
        pitch_hz: of the voice, on average.
        level_dbm0: mean level, pauses and all.
        seed: of all that is drawn.
    """
    random = np.random.default_rng([seed, round(pitch_hz)])
    n_steps = round(duration_s * RATE_HZ / STEP)
    # Shorter throats have higher formants: a child's are some 30 % above a man's.
    size = 1.0 + 0.3 * min(1.0, max(0.0, (pitch_hz - 100) / 220))
    formants_hz, voicing = _syllables(n_steps, random)
    voiced = _glottis(n_steps * STEP, pitch_hz, random)
    loud = np.repeat(voicing, STEP)
    loud = lfilter([0.01], [1.0, -0.99], loud)
    hiss = random.standard_normal(n_steps * STEP)
    mouth = _throat(voiced * loud + 0.02 * hiss, formants_hz * size, size)
    mouth += 0.03 * np.std(mouth) * hiss * (1.2 - loud)
    return mouth * (amplitude(level_dbm0) / 2**0.5 / root_mean_square(mouth))


def _syllables(n_steps: int, random: Random) -> tuple[Array, Array]:
    """
    Draw formants [shape=(n_steps, 3)] and loudness of the voice [shape=(n_steps,)].
    """
    formants = np.empty((n_steps, 3))
    voicing = np.zeros(n_steps)
    place, vowel = 0, VOWELS_HZ[0]
    while place < n_steps:
        following = VOWELS_HZ[random.integers(len(VOWELS_HZ))]
        length = int(random.integers(3, 26))
        stop = min(n_steps, place + length)
        glide = np.clip(np.arange(stop - place) / max(1, length // 3), 0, 1)[:, None]
        formants[place:stop] = vowel + glide * (following - vowel)
        if random.random() < 0.85:
            voicing[place:stop] = random.uniform(0.3, 1.0)
        place, vowel = stop + int(random.integers(0, 6)), following
        formants[stop:place] = vowel
    return formants, voicing


def _glottis(n: int, pitch_hz: float, random: Random) -> Array:
    """
    Make pulses at a wandering pitch, falling by 12 dB an octave.
    """
    slow = lfilter([2e-4], [1.0, -0.9998], random.standard_normal(n))
    slow /= np.std(slow)
    pitch = pitch_hz * np.exp(0.15 * np.clip(slow, -2.0, 2.0))
    cycles = np.floor(np.cumsum(pitch) / RATE_HZ).astype(np.int64)
    # No two cycles are alike: 1 % of jitter, 5 % of shimmer, as in healthy voices.
    starts = np.flatnonzero(np.diff(cycles, prepend=0))
    moved = starts + RATE_HZ / pitch_hz * 0.01 * random.standard_normal(len(starts))
    whole = np.clip(np.floor(moved).astype(np.int64), 0, n - 2)
    part = np.clip(moved - whole, 0.0, 1.0)
    height = 1.0 + 0.05 * random.standard_normal(len(starts))
    pulses = np.zeros(n)
    np.add.at(pulses, whole, height * (1.0 - part))
    np.add.at(pulses, whole + 1, height * part)
    return np.asarray(lfilter([1.0], [1.0, -1.8, 0.81], pulses))


def _throat(source: Array, formants_hz: Array, size: float) -> Array:
    """
    Send a source through three resonances, and through the lips, +6 dB an octave.
    """
    radius = np.exp(-np.pi * BANDWIDTHS_HZ * size / RATE_HZ)
    turn = np.cos(2 * np.pi * np.minimum(formants_hz, 3700.0) / RATE_HZ)
    out = np.empty_like(source)
    state = np.zeros((3, 2))
    sections = np.zeros((3, 6))
    sections[:, 3] = 1.0
    for index in range(len(formants_hz)):
        sections[:, 4] = -2 * radius * turn[index]
        sections[:, 5] = radius**2
        # Unity gain at 0 Hz, so that a moving formant does not swell the voice.
        sections[:, 0] = 1.0 + sections[:, 4] + sections[:, 5]
        part = slice(index * STEP, (index + 1) * STEP)
        out[part], state = sosfilt(sections, source[part], zi=state)
    return np.asarray(lfilter([1.0, -0.95], [1.0], out))
