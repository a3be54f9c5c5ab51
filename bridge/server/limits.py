"""
Limits: how many requests of one kind somebody may make.

The generic cell rate algorithm (ITU-T I.371, appendix): a bucket that runs
empty at a constant rate, kept as the one moment when it will be empty.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from bridge.server.addresses import limit_key


MAX_KEYS = 20_000
"""Names remembered; beyond it the one not seen for longest is forgotten."""


class RateLimiter:
    """
    Counts by name. A whole minute's worth may come at once.

    Args:
        per_minute: what may come, in the long run.
    """

    def __init__(self, per_minute: int) -> None:
        self._interval_s = 60.0 / per_minute
        self._empty_at: OrderedDict[str, float] = OrderedDict()

    def take(self, name: str, *, now: float) -> float:
        """
        Count one more.

        Returns:
            0, or how many seconds are to be waited; then it was not counted.
        """
        wait_s = self.wait(name, now=now)
        if not wait_s:
            empty_at = max(self._empty_at.pop(name, now), now) + self._interval_s
            self._empty_at[name] = empty_at
            if len(self._empty_at) > MAX_KEYS:
                self._empty_at.popitem(last=False)
        return wait_s

    def wait(self, name: str, *, now: float) -> float:
        """
        Tell how many seconds are to be waited until one more will be counted.
        """
        full_by = self._empty_at.get(name, now) + self._interval_s - 60.0
        # A thousandth of a place: sums of intervals are not exact.
        return full_by - now if full_by - now > self._interval_s / 1000 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiLimits:
    """
    The limits of the API; see `bridge.api.guard.Limits`.

    Args:
        requests: by address, whoever it is.
        account_requests: by account, once it is known.
        failed_sign_ins: by address.
        now: gives the time in seconds.
        failed: is told of every failed sign-in's address.
    """

    requests: RateLimiter
    account_requests: RateLimiter
    failed_sign_ins: RateLimiter
    now: Callable[[], float]
    failed: Callable[[str], None] = lambda _address: None

    def take_request(self, address: str) -> float:
        """
        Count a request of an address.
        """
        return self.requests.take(limit_key(address), now=self.now())

    def take_account_request(self, account_sid: str) -> float:
        """
        Count a request of an account.
        """
        return self.account_requests.take(account_sid, now=self.now())

    def wait_for_sign_in(self, address: str) -> float:
        """
        Tell how long an address must wait before it may try credentials.
        """
        return self.failed_sign_ins.wait(limit_key(address), now=self.now())

    def count_failed_sign_in(self, address: str) -> None:
        """
        Count credentials that were wrong.
        """
        self.failed_sign_ins.take(limit_key(address), now=self.now())
        self.failed(address)
