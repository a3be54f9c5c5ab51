"""
Calls: what their tests share.
"""

from collections.abc import Sequence

import numpy as np

from bridge.call.line import Analysed
from bridge.call.session import (
    CallSession,
)
from bridge.stream.events import Role
from dtmf_engine.events import (
    Event,
)
from tests.support.tones import to_int16, white_noise


DELAY = 160
CALLER, AGENT = Role.CALLER, Role.AGENT


def session_with(
    *roles: Role, delay_samples: int = DELAY, playout_limit_s: float = 3600.0
) -> CallSession:
    """
    Give a call with some of its legs.
    """
    session = CallSession(delay_samples=delay_samples, playout_limit_s=playout_limit_s)
    for role in roles:
        assert session.join(role, now=0.0)
    return session


def analysed(
    n_samples: int,
    position: int,
    events: Sequence[Event] = (),
    masked: slice = slice(0),
) -> Analysed:
    """
    Make what analysis gives back: noise all over, of which only the masked part
    may be used.
    """
    is_masked = np.zeros(n_samples, dtype=np.bool_)
    is_masked[masked] = True
    audio = to_int16(white_noise(n_samples, -20.0, seed=position))
    return Analysed(audio, is_masked, events, position)
