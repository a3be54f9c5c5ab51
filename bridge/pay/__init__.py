"""
The pay session: state table, capture rules, cards, masks. Does no I/O.
"""
