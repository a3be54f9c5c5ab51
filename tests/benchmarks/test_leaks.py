"""
The leak benchmark's runner: every press goes to whom it should, and is counted once.
"""

import pytest

from benchmarks import leaks, telltale
from benchmarks.attack import UNMASKED, Outcome
from benchmarks.leak_lines import LINES, PRESSES_PER_CALL


def _outcome(*, right: bool, masked: int, leaked: int) -> Outcome:
    return Outcome(
        key="1",
        is_right=right,
        is_sure=right and leaked > 0,
        masked_samples=masked,
        leaked_samples=leaked,
        mask_start=0,
        mask_end=0,
        mask_samples=masked // 2,
        mask_level_db=0.0,
    )


@pytest.mark.parametrize("size", ["quick", "usual", "full"])
def test_jobs_cover_every_call_of_a_line_once(size: str) -> None:
    """
    And the first calls of a line, as many as are meant, go to the rivals.
    """
    for line in LINES.values():
        jobs = leaks.jobs(size, 2, [line.id], ("tones",), (UNMASKED,))
        numbers = [n for job in jobs for n in range(job.first, job.first + job.n_calls)]
        n_calls = leaks.PRESSES[line.group][size] // PRESSES_PER_CALL
        assert numbers == list(range(n_calls))
        to_rivals = sum(min(job.n_calls, job.n_rival_calls) for job in jobs)
        wanted = leaks.RIVAL_PRESSES[line.group][size] // PRESSES_PER_CALL
        assert to_rivals == wanted


def test_every_group_has_its_sizes() -> None:
    """
    No line without a number of presses; at full size there are thousands.
    """
    groups = {line.group for line in LINES.values()}
    assert set(leaks.PRESSES) == set(leaks.RIVAL_PRESSES) == groups
    assert all(sizes["full"] >= 3200 for sizes in leaks.PRESSES.values())


def test_a_job_gives_an_outcome_for_each_press_and_engine() -> None:
    """
    Two calls of ten presses; one of them to the rivals.
    """
    job = leaks.LeakJob("tones of 25 ms", 4, 0, 2, ("tones", "strict"), (UNMASKED,), 1)
    found = leaks.work(job)
    assert {engine: len(outcomes) for engine, outcomes in found.items()} == {
        "tones": 20,
        "strict": 20,
        UNMASKED: 10,
    }


def test_equal_presses_are_not_attacked() -> None:
    """
    Only their masks are looked at: no guess is sure, whatever leaks.
    """
    job = leaks.LeakJob(telltale.LINE, 4, 0, 1, ("tones",), (), 0)
    (outcomes,) = leaks.work(job).values()
    assert len(outcomes) == 10
    assert all(outcome.masked_samples > 480 for outcome in outcomes)


def test_a_row_sums_up_its_presses() -> None:
    """
    Counts, means, and how many presses leak at all.
    """
    outcomes = [
        _outcome(right=True, masked=0, leaked=480),
        _outcome(right=True, masked=800, leaked=0),
        _outcome(right=False, masked=800, leaked=0),
        _outcome(right=False, masked=800, leaked=0),
    ]
    row = leaks.row("nominal", "rtpengine 60 ms", outcomes)
    assert (row.presses, row.right, row.sure, row.leaking) == (4, 2, 1, 1)
    assert (row.masked_mean_ms, row.masked_max_ms) == (75.0, 100.0)
    assert (row.mask_median_ms, row.mask_max_ms) == (50.0, 50.0)
    assert row.leaked_mean_samples == 120.0
    assert row.delay_ms == 60.0
    assert leaks.row("nominal", "tones", outcomes).delay_ms == 20.0
    assert leaks.row("nominal", UNMASKED, outcomes).delay_ms == 0.0


def test_jobs_of_one_line_are_put_together() -> None:
    """
    By line and engine, in the order of the jobs.
    """
    jobs = leaks.jobs("quick", 2, ["nominal"], ("tones",), ())
    first = _outcome(right=True, masked=1, leaked=0)
    second = _outcome(right=False, masked=2, leaked=0)
    parts = [{"tones": [first]}, {"tones": [second], "armed": [first]}]
    gathered = leaks.gather(jobs[:2], parts)
    assert gathered == {
        ("nominal", "tones"): [first, second],
        ("nominal", "armed"): [first],
    }
