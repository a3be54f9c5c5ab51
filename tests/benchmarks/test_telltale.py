"""
Telltale: a mask that depends on the key is found out, one that does not is not.
"""

from dataclasses import replace

import numpy as np
from scipy.stats import f_oneway

from benchmarks import telltale
from benchmarks.attack import Outcome
from benchmarks.channels import KEYS
from benchmarks.leak_tables import is_chance


def _outcomes(lateness: float, n: int = 960) -> list[Outcome]:
    """
    Masks that begin anywhere in 20 samples, later by so much for each key.
    """
    random = np.random.default_rng(4)
    made = []
    for _ in range(n):
        key = int(random.integers(16))
        start = -60 + int(random.integers(20)) + round(lateness * key)
        made.append(
            Outcome(
                key=KEYS[key],
                is_right=False,
                is_sure=False,
                masked_samples=700 - start,
                mask_samples=700 - start,
                leaked_samples=0,
                mask_start=start,
                mask_end=220,
                mask_level_db=float(random.normal(20, 0.3)),
            )
        )
    return made


def test_masks_that_begin_later_for_some_keys_tell_the_key() -> None:
    """
    One sample later from key to key is seen by both tests.
    """
    row = telltale.measure("x", _outcomes(1.0))
    assert not is_chance(row.right, row.presses)
    assert row.p_values["start"] < telltale.SIGNIFICANCE
    assert row.p_values["length"] < telltale.SIGNIFICANCE


def test_a_few_masks_far_too_long_hide_no_difference() -> None:
    """
    As where noise raised an alarm just before the press.
    """
    outcomes = [
        replace(outcome, mask_start=outcome.mask_start - 700 * (i % 40 == 0))
        for i, outcome in enumerate(_outcomes(0.5))
    ]
    row = telltale.measure("x", outcomes)
    assert row.p_values["start"] < telltale.SIGNIFICANCE
    starts = telltale.features(outcomes)[:, 0]
    keys = [outcome.key for outcome in outcomes]
    groups = [starts[np.array(keys) == key] for key in KEYS]
    assert f_oneway(*groups).pvalue > telltale.SIGNIFICANCE


def test_masks_that_do_not_depend_on_the_key_tell_nothing() -> None:
    """
    Neither test finds anything; what never varies says nothing at all.
    """
    row = telltale.measure("x", _outcomes(0.0))
    assert is_chance(row.right, row.presses)
    assert min(row.p_values.values()) >= telltale.SIGNIFICANCE
    assert row.p_values["end"] == 1.0
