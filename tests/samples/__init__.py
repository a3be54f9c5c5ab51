"""
The folder samples/.
"""
