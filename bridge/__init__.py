"""
The bridge: call audio in, payments out.
"""
