"""
Tests of provider dialects.
"""
