"""
Limits: how many requests of one kind somebody may make.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.server import limits
from bridge.server.limits import ApiLimits, RateLimiter


def test_a_minute_s_worth_may_come_at_once() -> None:
    """
    Then one comes for each of its share of the minute, and a wait is told exactly.
    """
    limiter = RateLimiter(6)
    assert [limiter.take("a", now=5.0) for _ in range(6)] == [0.0] * 6
    assert limiter.take("a", now=5.0) == pytest.approx(10.0)
    assert limiter.take("a", now=14.0) == pytest.approx(1.0)
    assert limiter.take("a", now=15.0) == 0.0
    assert limiter.take("a", now=15.0) == pytest.approx(10.0)
    # Who waits long has the whole of it again, and no more.
    assert [limiter.take("a", now=1000.0) for _ in range(6)] == [0.0] * 6
    assert limiter.take("a", now=1000.0) > 0


def test_names_are_counted_apart() -> None:
    """
    One that is over its limit takes nothing from another.
    """
    limiter = RateLimiter(1)
    assert limiter.take("a", now=0.0) == 0.0
    assert limiter.take("a", now=0.0) == pytest.approx(60.0)
    assert limiter.take("b", now=0.0) == 0.0


def test_asking_how_long_counts_nothing() -> None:
    """
    Only what is taken is counted.
    """
    limiter = RateLimiter(1)
    assert [limiter.wait("a", now=0.0) for _ in range(3)] == [0.0] * 3
    assert limiter.take("a", now=0.0) == 0.0
    assert limiter.wait("a", now=0.0) == pytest.approx(60.0)


@given(
    st.integers(1, 600),
    st.lists(st.floats(0, 20), min_size=1, max_size=200),
)
def test_no_minute_has_more_than_twice_its_share(
    per_minute: int, pauses: list[float]
) -> None:
    """
    However requests are spread, a minute lets a full bucket and one refill through.
    """
    limiter, now, taken = RateLimiter(per_minute), 0.0, []
    for pause in pauses:
        now += pause
        if not limiter.take("a", now=now):
            taken.append(now)
    for start in taken:
        in_minute = [at for at in taken if start <= at < start + 60.0]
        assert len(in_minute) <= 2 * per_minute


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Who comes under ever new names fills no memory; the one longest not seen goes.
    """
    monkeypatch.setattr(limits, "MAX_KEYS", 3)
    limiter = RateLimiter(1)
    for name in "abcd":
        limiter.take(name, now=0.0)
    assert limiter.wait("a", now=0.0) == 0.0
    assert all(limiter.wait(name, now=0.0) for name in "bcd")


def test_api_counts_addresses_accounts_and_failures_apart() -> None:
    """
    Each of the three has its own limit, and IPv6 is counted by customer.
    """
    failed: list[str] = []
    now = 0.0
    api = ApiLimits(
        requests=RateLimiter(1),
        account_requests=RateLimiter(1),
        failed_sign_ins=RateLimiter(1),
        now=lambda: now,
        failed=failed.append,
    )
    assert api.take_request("2001:db8::1") == 0.0
    assert api.take_request("2001:db8::2") == pytest.approx(60.0)
    assert api.wait_for_sign_in("2001:db8::2") == 0.0
    api.count_failed_sign_in("2001:db8::1")
    assert failed == ["2001:db8::1"]
    assert api.wait_for_sign_in("2001:db8::2") == pytest.approx(60.0)
    assert api.take_account_request("AC1") == 0.0
    assert api.take_account_request("AC1") == pytest.approx(60.0)
    assert api.take_account_request("AC2") == 0.0
