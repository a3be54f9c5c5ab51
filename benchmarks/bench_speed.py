"""
Speed under pytest-benchmark: the same works as `benchmarks.speed`, one by one.

    pytest benchmarks/bench_speed.py

Each group is one work, libspandsp being a row of it where it is installed.
"""

from itertools import count

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import speed
from benchmarks.engines import SPANDSP, installed_peers
from benchmarks.peers import SpandspStream
from dtmf_engine import decode


WHO = (speed.DETECTION, speed.MASKING, SPANDSP)


@pytest.mark.parametrize("audio", [speed.MIXED, speed.KEYING])
@pytest.mark.parametrize("n_legs", [1, 10, 100])
@pytest.mark.parametrize("who", WHO)
def test_tick(benchmark: BenchmarkFixture, who: str, n_legs: int, audio: str) -> None:
    """
    One 20 ms tick of some legs.
    """
    benchmark.group = f"tick of {n_legs}, {audio}"
    n_ticks = speed.TICKS[n_legs]
    ticks = speed.contenders(speed.frames(n_legs, n_ticks, audio))
    if who not in ticks:
        pytest.skip(f"{who}: not here")
    number = count()
    benchmark(lambda: ticks[who](next(number) % n_ticks))


@pytest.mark.parametrize("who", [speed.DETECTION, SPANDSP])
def test_ten_minutes(benchmark: BenchmarkFixture, who: str) -> None:
    """
    Ten minutes of audio in one call.
    """
    benchmark.group = "ten minutes in one call"
    audio = speed.hour()[: 600 * 8000]
    if who == speed.DETECTION:
        benchmark(decode, audio)
        return
    if SPANDSP not in installed_peers():
        pytest.skip(f"{who}: not here")
    stream = SpandspStream()
    benchmark(stream.receive, stream.state, audio.ctypes.data, len(audio))
