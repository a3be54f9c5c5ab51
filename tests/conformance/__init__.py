"""
Conformance: the industry's procedures, with the measured value beside its bound.
"""
