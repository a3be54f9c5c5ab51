"""
Callback schedule: what is tried again, when, and what a URL's fragment changes.
"""

import pytest

from bridge.callbacks.schedule import Fault, Schedule, fault_of_status, split_target


DEFAULT = Schedule()
ALL = frozenset(Fault)


@pytest.mark.parametrize(
    ("statuses", "fault"),
    [
        ([200, 201, 204, 299], None),
        (
            [100, 199, 300, 301, 302, 307, 308, 400, 401, 404, 410, 499],
            Fault.STATUS_4XX,
        ),
        ([500, 502, 503, 599], Fault.STATUS_5XX),
    ],
)
def test_status_is_delivered_or_a_fault(
    statuses: list[int], fault: Fault | None
) -> None:
    """
    Only 2xx is delivered; a redirect is the receiver's fault, and is not followed.
    """
    assert {status: fault_of_status(status) for status in statuses} == dict.fromkeys(
        statuses, fault
    )


def test_schedule_waits_longer_each_time_and_gives_up_after_ten_retries() -> None:
    """
    By default a receiver may be away for four minutes.
    """
    delays = [DEFAULT.delay_s(n, Fault.CONNECT) for n in range(1, 12)]
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0, 60.0, None]
    assert sum(delay for delay in delays if delay) > 240


def _delays_s(schedule: Schedule, n_attempts: int = 1) -> dict[str, float | None]:
    """
    Tell what follows after so many attempts, by how the last one failed.
    """
    faults = {
        "404": fault_of_status(404),
        "408": fault_of_status(408),
        "429": fault_of_status(429),
        "503": fault_of_status(503),
        "ct": Fault.CONNECT,
        "rt": Fault.READ,
    }
    return {
        name: schedule.delay_s(n_attempts, fault) if fault else None
        for name, fault in faults.items()
    }


def test_schedule_does_not_repeat_what_the_receiver_refused() -> None:
    """
    By default 4xx is final, but for the two that ask for another try.
    """
    again = dict.fromkeys(("408", "429", "503", "ct", "rt"), 0.5)
    assert _delays_s(DEFAULT) == {"404": None, **again}


@pytest.mark.parametrize(
    ("fragment", "n_retries", "retried"),
    [
        ("rc=3&rp=5xx,ct", 3, "503 ct"),
        ("rc=5&rp=all", 5, "404 503 ct rt"),
        ("rc=0&rp=all", 0, ""),
        ("rc=9&rp=4xx", 5, "404"),
        ("rc=2", 2, "ct"),
        ("rp=rt", 1, "rt"),
        ("rc=-1&rp=rt", 1, "rt"),
        ("rc=many&rp=rt", 1, "rt"),
        ("rc=2&rp=often", 2, "ct"),
        ("ct=200&rc=2&rt=300&tt=400&sni=n&e=dublin", 2, "ct"),
    ],
)
def test_target_has_the_schedule_of_its_fragment(
    fragment: str, n_retries: int, retried: str
) -> None:
    """
    `rc` and `rp` are the original's connection overrides, with its limits.
    """
    url = "https://agent.example/cb?x=1&y=a%20b"
    bare, schedule = split_target(f"{url}#{fragment}")
    assert bare == url
    for n_attempts in range(1, 8):
        delays = _delays_s(schedule, n_attempts)
        # What a busy receiver gets is another test's.
        del delays["408"], delays["429"]
        again = retried.split() if n_attempts <= n_retries else []
        assert {name for name, delay in delays.items() if delay == 1.0} == set(again)
        assert set(delays.values()) <= {1.0, None}


def test_target_has_our_schedule_when_it_asks_for_none() -> None:
    """
    A fragment is never part of what is requested, whatever is in it.
    """
    url = "https://agent.example/cb?x=1"
    for fragment in ("", "#", "#top", "#ct=500", "#rc=", "#rc=&rp=", "#RC=3"):
        assert split_target(url + fragment) == (url, DEFAULT)


def test_policy_4xx_repeats_every_status_of_the_four_hundreds() -> None:
    """
    Who asks for retries on 4xx means 408 and 429 as well.
    """
    _, schedule = split_target("https://agent.example/cb#rc=1&rp=4xx")
    delays = _delays_s(schedule)
    assert [delays[status] for status in ("404", "408", "429")] == [1.0] * 3
