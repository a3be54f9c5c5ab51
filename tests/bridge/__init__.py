"""
Tests of the bridge, a file for each module.
"""
