"""
The retry schedule of callbacks, and how a URL's fragment changes it.

Twilio's connection overrides: `#rc=3&rp=5xx,ct` after a URL asks for three
retries on 5xx answers and connection failures. Without them, ours is patient:
an agent's screen that misses a callback shows a payment that never ends.
"""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, urldefrag


class Fault(StrEnum):
    """
    Why a delivery failed, in the spelling of `rp`.
    """

    STATUS_4XX = "4xx"
    STATUS_5XX = "5xx"
    STATUS_LATER = "later"
    """408 or 429: the receiver asks for another try. No value of `rp`: `4xx` means
    these, too."""
    CONNECT = "ct"
    READ = "rt"


_DEFAULT_FAULTS = frozenset(
    {Fault.STATUS_5XX, Fault.STATUS_LATER, Fault.CONNECT, Fault.READ}
)

_DEFAULT_DELAYS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0, 60.0)
"""Ten retries over four minutes: a restart of the receiver is survived."""

_OVERRIDE_MAX_RETRIES = 5
_OVERRIDE_DELAY_S = 1.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """
    Which failures are tried again, and when.
    """

    delays_s: tuple[float, ...] = _DEFAULT_DELAYS_S
    """Pause before each retry; as many retries as there are pauses."""
    retried: frozenset[Fault] = _DEFAULT_FAULTS

    def delay_s(self, n_attempts: int, fault: Fault) -> float | None:
        """
        Tell how long to wait for the next attempt; `None` to give up.

        Args:
            n_attempts: how many were made.
            fault: what became of the last.
        """
        if fault not in self.retried or n_attempts > len(self.delays_s):
            return None
        return self.delays_s[n_attempts - 1]


def fault_of_status(status: int) -> Fault | None:
    """
    Judge an HTTP status; `None` if the callback is delivered.

    A redirect is not followed and counts as a fault of the receiver's
    configuration, as 4xx.
    """
    if 200 <= status < 300:
        return None
    if status in {408, 429}:
        return Fault.STATUS_LATER
    return Fault.STATUS_5XX if status >= 500 else Fault.STATUS_4XX


def split_target(url: str) -> tuple[str, Schedule]:
    """
    Take a URL apart into what is requested (and signed) and its schedule.

    Unknown or unusable overrides are ignored, as the original does for all
    but `rp`.
    """
    bare, fragment = urldefrag(url)
    overrides = dict(parse_qsl(fragment))
    if not overrides.keys() & {"rc", "rp"}:
        return bare, Schedule()
    count = overrides.get("rc", "1")
    n_retries = int(count) if count.isdecimal() else 1
    n_retries = min(n_retries, _OVERRIDE_MAX_RETRIES)
    wanted = overrides.get("rp", "ct").split(",")
    faults = set(Fault) if "all" in wanted else {f for f in Fault if f in wanted}
    if Fault.STATUS_4XX in faults:
        faults.add(Fault.STATUS_LATER)
    return bare, Schedule(
        (_OVERRIDE_DELAY_S,) * n_retries, frozenset(faults or {Fault.CONNECT})
    )
