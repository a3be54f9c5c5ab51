"""
Payment gateways: requests encoded, answers decoded. Does no I/O.
"""
