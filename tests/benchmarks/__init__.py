"""
Tests of the benchmarks: what counts, what is asked, what is written.
"""
