"""
Tests of the pay session.
"""
