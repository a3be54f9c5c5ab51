"""
Tests of payment gateways' adapters.
"""
