"""
SIGKILL at every step of a payment: nothing is lost, nothing is paid twice.

A scripted payment is killed at one point after another: before and after each
commit, each callback, each answer of the API, the request to the gateway. Then
the bridge is started again on what is left. The sandbox gateway is a process of
its own, with its own memory, and counts.

By default a spread of the points is tried, with DTMF_TEST_KILL_POINTS=all every
one of them.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count, groupby
from queue import SimpleQueue

import pytest

from tests.support.kill_rig import (
    KEYS,
    PATIENCE_S,
    Aftermath,
    Rig,
    gateway,
    nursery,
)
from tests.support.postgresql import cluster, empty, missing


pytestmark = pytest.mark.e2e

N_AT_A_TIME = 4
"""Runs in parallel: they wait more than they work."""

N_CALLBACKS = 1 + sum(1 + len(keys) for keys in KEYS.values()) + 1
"""Start, one a capture and one a key, and the end."""

N_ANSWERS = 1 + len(KEYS) + 1
"""Start, captures, complete."""


def _both(what: str) -> list[str]:
    return [f"before {what}", f"after {what}"]


def _every_point() -> list[str]:
    points = [*_both("commit of opening")]
    for number in range(1, N_CALLBACKS):
        points += _callback(number)
    for number in range(1, N_ANSWERS):
        points += _both(f"answer {number}")
    points += [*_both("commit of attempt"), *_both("request")]
    points += [*_both(f"answer {N_ANSWERS}"), *_both("commit of outcome")]
    return points + _callback(N_CALLBACKS)


def _callback(number: int) -> list[str]:
    queued, sent, recorded = (
        _both(f"commit of callback {number}"),
        _both(f"callback {number}"),
        _both(f"commit of delivery {number}"),
    )
    return [*queued, *sent, *recorded]


POINTS = _every_point()


def _spread(step: int, first: int) -> list[str]:
    """
    Give every nth point of the captures, and all from the completion on.
    """
    if os.environ.get("DTMF_TEST_KILL_POINTS") == "all":
        return POINTS
    end = POINTS.index("before commit of attempt")
    return [*POINTS[:2], *POINTS[first:end:step], *POINTS[end:]]


SQLITE_POINTS = _spread(5, 3)
POSTGRESQL_POINTS = _spread(6, 2)

SECOND_KILLS = [
    # The restart is killed while it ends a capture …
    ("after commit of callback 9", f"before commit of callback {10}"),
    ("after commit of callback 9", f"after commit of callback {10}"),
    ("after commit of callback 9", f"before callback {10}"),
    # … and while it finds out what the gateway did.
    ("after request", "before lookup"),
    ("after request", "after lookup"),
    ("after request", "before commit of outcome"),
    ("after request", "after commit of outcome"),
    ("before request", f"before callback {N_CALLBACKS}"),
    ("before commit of outcome", f"after callback {N_CALLBACKS}"),
]

CANCELLED = [
    *_both(f"commit of callback {N_CALLBACKS}"),
    *_both(f"callback {N_CALLBACKS}"),
    *_both(f"answer {N_ANSWERS}"),
]

HUNG_UP = [
    *_both(f"commit of callback {N_CALLBACKS}"),
    *_both(f"callback {N_CALLBACKS}"),
]


@dataclass(frozen=True, slots=True)
class Case:
    """
    One run.
    """

    database: str
    points: tuple[str, ...]
    ending: str = "complete"

    def __str__(self) -> str:
        what = "" if self.ending == "complete" else f"{self.ending}, "
        return f"{self.database}: {what}{', then '.join(self.points)}"


CASES = [
    *(Case("sqlite", (point,)) for point in SQLITE_POINTS),
    *(Case("postgresql", (point,)) for point in POSTGRESQL_POINTS),
    *(Case("sqlite", points) for points in SECOND_KILLS),
    *(Case("postgresql", points) for points in SECOND_KILLS[::2]),
    *(Case("sqlite", (point,), "cancel") for point in CANCELLED),
    *(Case("sqlite", (point,), "hang up") for point in HUNG_UP),
]


@dataclass(slots=True)
class Campaign:
    """
    Runs that are made side by side.
    """

    rig: Rig
    pool: ThreadPoolExecutor
    databases: SimpleQueue[str] = field(default_factory=SimpleQueue)
    """Of PostgreSQL, one for each run that can be under way."""
    runs: dict[Case, Future[Aftermath]] = field(default_factory=dict)
    amounts: Iterator[int] = field(default_factory=lambda: count(100))

    def begin(self, case: Case) -> None:
        """
        Have a run made when its turn comes.
        """
        # The amount tells runs apart at the gateway.
        amount = f"{next(self.amounts)}.00"
        self.runs[case] = self.pool.submit(self._run, case, amount)

    def _run(self, case: Case, amount: str) -> Aftermath:
        if case.database == "sqlite":
            return self.rig.run(amount, case.points, ending=case.ending)
        url = self.databases.get(timeout=PATIENCE_S)
        try:
            empty(url)
            return self.rig.run(
                amount, case.points, database_url=url, ending=case.ending
            )
        finally:
            self.databases.put(url)


@pytest.fixture(name="campaign", scope="module")
def _campaign(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Campaign]:
    folder = tmp_path_factory.mktemp("kill")
    cases = [
        item.callspec.params["case"]
        for item in request.session.items
        if item.path == request.path and hasattr(item, "callspec")
    ]
    if missing():
        cases = [case for case in cases if case.database == "sqlite"]
    with ExitStack() as stack:
        rig = Rig(
            stack.enter_context(nursery(folder)),
            stack.enter_context(gateway()),
            folder,
        )
        pool = stack.enter_context(ThreadPoolExecutor(N_AT_A_TIME))
        campaign = Campaign(rig, pool)
        if any(case.database == "postgresql" for case in cases):
            server = stack.enter_context(cluster())
            for _ in range(N_AT_A_TIME):
                campaign.databases.put(server.new_database())
        stack.callback(pool.shutdown, cancel_futures=True)
        for case in cases:
            campaign.begin(case)
        yield campaign


def test_at_least_forty_points_are_tried_on_each_database() -> None:
    """
    A spread is no excuse.
    """
    assert len(set(SQLITE_POINTS)) >= 40
    assert len(set(POSTGRESQL_POINTS)) >= 40


def test_every_step_of_an_undisturbed_payment_is_a_point(campaign: Campaign) -> None:
    """
    The list of points is what the bridge comes by, and leaves nothing out.
    """
    run = campaign.rig.run("99.00", [])
    passed = {point for point in run.bridges[0].points if " move to " not in point}
    assert passed == set(POINTS)
    # A state is committed with what is reported of it.
    assert run.bridges[0].has_stopped
    _check(run)
    assert (run.session and run.session.result) == "success"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_kill_loses_nothing_and_pays_nothing_twice(
    campaign: Campaign, case: Case
) -> None:
    """
    After a kill and a restart ledger, callbacks, API and gateway say the same.
    """
    if case not in campaign.runs:
        pytest.skip(missing())
    run = campaign.runs[case].result()
    killed = [bridge.killed_at for bridge in run.bridges]
    assert killed == [*case.points, ""]
    _check(run)
    if run.session is not None:
        assert run.session.result == _expected_result(run, case)


def _check(run: Aftermath) -> None:
    """
    Check what holds wherever the kill was.
    """
    forms = _without_repetitions(run.forms)
    sequences = [int(form["SequenceNumber"]) for form in forms]
    assert sequences == list(range(1, len(forms) + 1))
    assert run.undelivered == []
    assert len(run.transactions) <= 1
    assert all(t["n_requests"] == 1 for t in run.transactions)
    if run.session is None:
        # Nobody was told of it.
        assert (run.told.statuses, forms, run.transactions) == ([], [], [])
        return
    assert run.session.is_ended
    assert [form["Result"] for form in forms if "Result" in form] == [
        run.session.result
    ]
    assert forms[-1]["Result"] == run.session.result
    assert run.session.last_callback.form == forms[-1]
    assert run.late_status == (409 if run.told.sid else 0)
    _check_money(run, forms[-1])


def _check_money(run: Aftermath, last: Mapping[str, str]) -> None:
    assert run.session is not None  # by _check
    assert len(run.attempts) <= 1
    if run.told.is_finishing and last["Result"] != "transaction-cancelled":
        assert run.attempts, "accepted, and forgotten"
    assert all(attempt.state == "settled" for attempt in run.attempts)
    outcomes = [attempt.outcome for attempt in run.attempts]
    if not run.transactions:
        assert run.session.result != "success"
        assert outcomes in ([], ["notsent"])
        return
    (charge,) = run.transactions
    assert run.session.result == "success"
    assert outcomes == ["approved"]
    assert charge["transaction_id"] == run.attempts[0].attempt
    code = last["PaymentConfirmationCode"]
    assert code == run.attempts[0].reference
    assert f'"charge_id":"{code}"' in charge["answer"]


def _without_repetitions(forms: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """
    Take out what came twice in a row, and see that it was the same to the letter.
    """
    kept = []
    for _, same in groupby(forms, key=lambda form: form["SequenceNumber"]):
        first, *others = same
        assert all(other == first for other in others)
        kept.append(first)
    return kept


def _expected_result(run: Aftermath, case: Case) -> str:
    """
    Tell how the payment ends that was killed there.
    """
    passed = {point for bridge in run.bridges[:1] for point in bridge.points}
    endings = {"cancel": "transaction-cancelled", "hang up": "caller-hung-up"}
    if case.ending in endings:
        is_committed = f"after commit of callback {N_CALLBACKS}" in passed
        return endings[case.ending] if is_committed else "internal-error"
    if "after commit of attempt" not in passed:
        return "internal-error"
    if "after request" in passed:
        return "success"
    if case.points[0] == "before request":
        return "payment-connector-error"
    # Killed while the request was on its way: it arrived, or it did not.
    return "success" if run.transactions else "payment-connector-error"


def test_a_charge_whose_answer_is_lost_is_found_after_a_restart(
    campaign: Campaign,
) -> None:
    """
    Killed while the gateway is silent, which has charged all the same.
    """
    # The sandbox charges amounts with these cents and does not answer.
    run = campaign.rig.run("7777.54", ["before lookup"])
    _check(run)
    assert run.session is not None
    assert run.session.result == "success"
