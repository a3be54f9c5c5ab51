"""
Tests of the ledger.
"""
