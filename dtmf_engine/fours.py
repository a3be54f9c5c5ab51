"""
Fours: one number for each wave of a pair, a cosine and a sine for each of its tones.

Compiled code keeps them as tuples, which cost nothing to make.
"""

from typing import TypeAlias

from dtmf_engine.arrays import Float64
from dtmf_engine.compiled import compiled


Four: TypeAlias = tuple[float, float, float, float]


@compiled
def four(row: Float64) -> Four:
    """
    Give the four numbers of a row.
    """
    return row[0], row[1], row[2], row[3]


@compiled
def product(row: Float64, values: Four) -> float:
    """
    Give the inner product of a row, [shape=(4,)], and four numbers.
    """
    return float(
        row[0] * values[0]
        + row[1] * values[1]
        + row[2] * values[2]
        + row[3] * values[3]
    )


@compiled
def products(table: Float64, values: Four) -> Four:
    """
    Give the products of four rows, [shape=(4, 4)], and four numbers.
    """
    return (
        product(table[0], values),
        product(table[1], values),
        product(table[2], values),
        product(table[3], values),
    )
