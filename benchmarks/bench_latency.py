"""
Latency under pytest-benchmark: the time of four seconds of keying fed in frames.

    pytest benchmarks/bench_latency.py

The delay from onset to report, in ms of audio, is in each benchmark's `extra_info`.
"""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import latency
from benchmarks.channels import RATE
from benchmarks.engines import PROFILES, SPANDSP, installed_peers


@pytest.mark.parametrize("feed_ms", latency.FEEDS_MS)
@pytest.mark.parametrize("engine", [*PROFILES, SPANDSP])
def test_onset_to_report(
    benchmark: BenchmarkFixture, engine: str, feed_ms: int
) -> None:
    """
    Twenty presses, fed as a network would.
    """
    if engine not in (*PROFILES, *installed_peers()):
        pytest.skip(f"{engine}: not here")
    benchmark.group = f"twenty presses, fed by {feed_ms} ms"
    audio, entry = next(latency.entries(20, seed=2))
    chunk = feed_ms * RATE // 1000
    told = benchmark(latency.reports, engine, audio, chunk)
    benchmark.extra_info["delays_ms"] = latency.delays(entry, told)
