"""
Tests of calls.
"""
