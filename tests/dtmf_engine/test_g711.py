"""
G.711: every code and every sample.
"""

import numpy as np
import pytest

from dtmf_engine.g711 import (
    ALAW_SILENCE,
    MULAW_SILENCE,
    decode_alaw,
    decode_mulaw,
    encode_alaw,
    encode_mulaw,
)


EVERY_CODE = bytes(range(256))
EVERY_SAMPLE = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)


def _mulaw_value(code: int) -> int:
    """
    Decode by the formula of ITU-T G.711, clause 2, scaled from 14 to 16 bits.
    """
    segment, step = (~code >> 4) & 7, ~code & 15
    magnitude = ((2 * step + 33) << segment) - 33
    return (magnitude if code & 0x80 else -magnitude) * 4


def _alaw_value(code: int) -> int:
    """
    Decode by the formula of ITU-T G.711, clause 2, scaled from 13 to 16 bits.
    """
    code ^= 0x55
    segment, step = (code >> 4) & 7, code & 15
    # The lowest segment has no leading one and the steps of the second.
    leading = 33 if segment else 1
    magnitude = (2 * step + leading) << max(0, segment - 1)
    return (magnitude if code & 0x80 else -magnitude) * 8


def test_mulaw_codes_decode_to_the_recommendation_s_values() -> None:
    """
    All 256 µ-law codes have the value the formula gives.
    """
    expected = [_mulaw_value(code) for code in range(256)]
    assert decode_mulaw(EVERY_CODE).tolist() == expected


def test_alaw_codes_decode_to_the_recommendation_s_values() -> None:
    """
    All 256 A-law codes have the value the formula gives.
    """
    expected = [_alaw_value(code) for code in range(256)]
    assert decode_alaw(EVERY_CODE).tolist() == expected


def test_mulaw_codes_survive_but_for_the_second_zero() -> None:
    """
    Decoding and encoding again changes one code only: 0x7F, minus zero, has the
    value of 0xFF and cannot be told from it.
    """
    expected = bytes(0xFF if code == 0x7F else code for code in EVERY_CODE)
    assert encode_mulaw(decode_mulaw(EVERY_CODE)) == expected


def test_alaw_codes_survive() -> None:
    """
    A-law has no double zero; all 256 codes come back.
    """
    assert encode_alaw(decode_alaw(EVERY_CODE)) == EVERY_CODE


def test_silence_codes_are_the_quietest() -> None:
    """
    µ-law silence is zero; A-law silence is its smallest positive value.
    """
    assert decode_mulaw(bytes([MULAW_SILENCE])).tolist() == [0]
    assert decode_alaw(bytes([ALAW_SILENCE])).tolist() == [8]
    assert encode_mulaw(np.zeros(2, dtype=np.int16)) == bytes([MULAW_SILENCE] * 2)
    assert encode_alaw(np.zeros(2, dtype=np.int16)) == bytes([ALAW_SILENCE] * 2)


@pytest.mark.parametrize("law", ["mulaw", "alaw"])
def test_companding_never_turns_a_louder_sample_into_a_quieter_one(law: str) -> None:
    """
    Over all 65536 samples, companding there and back never falls.
    """
    if law == "mulaw":
        back = decode_mulaw(encode_mulaw(EVERY_SAMPLE))
    else:
        back = decode_alaw(encode_alaw(EVERY_SAMPLE))
    assert (np.diff(back.astype(np.int32)) >= 0).all()


def test_mulaw_error_is_within_the_segment_s_step() -> None:
    """
    No sample inside the range moves further than one step of its segment.

    The steps of 16-bit samples are 8 in the lowest segment and double in each
    segment above. The largest value is 32124; what is louder is clipped to it.
    """
    before = EVERY_SAMPLE.astype(np.int32)
    after = decode_mulaw(encode_mulaw(EVERY_SAMPLE)).astype(np.int32)
    inside = np.abs(before) <= 32124
    segment = np.floor(np.log2((np.abs(after) + 132) / 132)).astype(np.int32)
    step = 8 << segment
    assert (np.abs(after - before)[inside] <= step[inside]).all()
    assert (after[before > 32124] == 32124).all()
    assert (after[before < -32124] == -32124).all()


def test_alaw_error_is_within_the_segment_s_step() -> None:
    """
    No sample moves further than one step of its segment.

    The steps of 16-bit samples are 16 in the two lowest segments and double in
    each segment above. The largest value is 32256, half a step below the end.
    """
    before = EVERY_SAMPLE.astype(np.int32)
    after = decode_alaw(encode_alaw(EVERY_SAMPLE)).astype(np.int32)
    segment = np.maximum(np.floor(np.log2(np.abs(after) / 256)), 0).astype(np.int32)
    assert (np.abs(after - before) <= 16 << segment).all()


@pytest.mark.parametrize("n_samples", [0, 1, 160])
def test_one_octet_is_one_sample(n_samples: int) -> None:
    """
    A frame has as many octets as samples, both ways.
    """
    audio = np.zeros(n_samples, dtype=np.int16)
    assert len(encode_mulaw(audio)) == n_samples
    assert len(encode_alaw(audio)) == n_samples
    assert decode_mulaw(bytes(n_samples)).shape == (n_samples,)
    assert decode_alaw(bytes(n_samples)).shape == (n_samples,)


def test_encoding_takes_every_other_sample_of_a_view() -> None:
    """
    Samples that do not lie side by side in memory are encoded in their own order.
    """
    audio = EVERY_SAMPLE[::257]
    assert not audio.flags.c_contiguous
    assert encode_mulaw(audio) == encode_mulaw(audio.copy())
    assert encode_alaw(audio) == encode_alaw(audio.copy())
