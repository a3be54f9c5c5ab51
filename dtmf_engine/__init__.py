"""
DTMF detection and suppression for telephone audio.

Pure signal processing: samples in, events and samples out. No clock, no
socket, no log.
"""

from dtmf_engine.audit import AuditReport, audit
from dtmf_engine.bank import BankOutput, LegBank
from dtmf_engine.detector import Detector, decode
from dtmf_engine.errors import AudioFormatError, DtmfEngineError, ParameterError
from dtmf_engine.events import (
    DigitDetected,
    Event,
    MissReason,
    NearMiss,
    ToneEnded,
    ToneStarted,
)
from dtmf_engine.generator import generate
from dtmf_engine.masker import Policy
from dtmf_engine.profiles import DEFAULT, SENSITIVE, STRICT, Profile
from dtmf_engine.redaction import Redacted, RedactionReport, redact
from dtmf_engine.suppressor import Suppressor


__all__ = [
    "DEFAULT",
    "SENSITIVE",
    "STRICT",
    "AudioFormatError",
    "AuditReport",
    "BankOutput",
    "Detector",
    "DigitDetected",
    "DtmfEngineError",
    "Event",
    "LegBank",
    "MissReason",
    "NearMiss",
    "ParameterError",
    "Policy",
    "Profile",
    "Redacted",
    "RedactionReport",
    "Suppressor",
    "ToneEnded",
    "ToneStarted",
    "audit",
    "decode",
    "generate",
    "redact",
]
