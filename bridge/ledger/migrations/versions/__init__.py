"""
One module a revision.
"""
