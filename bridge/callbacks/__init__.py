"""
Status callbacks: what they say, how they are signed, when they are sent again.
"""
