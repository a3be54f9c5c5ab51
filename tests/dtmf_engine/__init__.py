"""
Tests of the engine, a file for each module.
"""
