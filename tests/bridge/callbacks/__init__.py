"""
Tests of status callbacks.
"""
