"""
All that awaits: sockets, the tick, workers, and the wiring between the rooms.
"""
