"""
One call: caller leg, agent leg, and the digits that come twice. Does no I/O.
"""
