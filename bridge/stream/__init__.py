"""
Provider dialects: wire messages to events, commands to wire messages. No I/O.
"""
