"""
Whole systems over real sockets.
"""
