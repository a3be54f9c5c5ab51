"""
Tests of all that awaits.
"""
